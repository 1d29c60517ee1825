//! What may be shown of a request: names of headers always, values only where they are known to be harmless.

use http::{HeaderName, HeaderValue, header::AUTHORIZATION, request::Parts};

use crate::{dialect::Dialect, operation::Operation};

/// Stands for a value that is not shown.
const MASK: &str = "***";

/// Standard headers whose values are harmless. What is missing here is masked: forgetting one must not leak it.
const HARMLESS: [&str; 19] = [
    "accept",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "expect",
    "expires",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-unmodified-since",
    "range",
    "transfer-encoding",
    "user-agent",
];

/// Parameters of an `Authorization` header that say how was signed, but neither by whom nor the signature.
const HARMLESS_PARAMETERS: [&str; 5] =
    ["q-sign-algorithm", "q-sign-time", "q-key-time", "q-header-list", "q-url-param-list"];

/// A request head whose secrets are masked.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MaskedHead {
    /// The kind of call.
    pub operation: Operation,
    /// The attempt, counted from 1.
    pub attempt: u32,
    /// The method.
    pub method: String,
    /// The address of the endpoint with path and query.
    pub url: String,
    /// Names and values; a value that must not be shown is `***`.
    pub headers: Vec<(String, String)>,
    /// Bytes in the body.
    pub body_len: u64,
}

impl MaskedHead {
    pub(super) fn new(dialect: Dialect, operation: Operation, attempt: u32, head: &Parts, body_len: u64) -> Self {
        let headers = head.headers.iter().map(|(name, value)| (name.as_str().to_owned(), shown(dialect, name, value)));
        Self {
            operation,
            attempt,
            method: head.method.to_string(),
            url: head.uri.to_string(),
            headers: headers.collect(),
            body_len,
        }
    }
}

fn shown(dialect: Dialect, name: &HeaderName, value: &HeaderValue) -> String {
    if name == AUTHORIZATION {
        return value.to_str().map_or_else(|_| MASK.to_owned(), authorization);
    }
    match value.to_str() {
        Ok(text) if !value.is_sensitive() && is_harmless(dialect, name.as_str()) => text.to_owned(),
        _ => MASK.to_owned(),
    }
}

/// COS joins the parameters of its signature with `&`, S3 with `, ` behind the name of its algorithm.
fn authorization(text: &str) -> String {
    if let Some(parameters) = text.strip_prefix("AWS4-HMAC-SHA256 ") {
        let parameter = |parameter: &str| match parameter.split_once('=') {
            Some(("SignedHeaders", _)) => parameter.to_owned(),
            Some((name @ ("Credential" | "Signature"), _)) => format!("{name}={MASK}"),
            _ => MASK.to_owned(),
        };
        let shown: Vec<String> = parameters.split(", ").map(parameter).collect();
        return format!("AWS4-HMAC-SHA256 {}", shown.join(", "));
    }
    let parameter = |parameter: &str| match parameter.split_once('=') {
        Some((name, _)) if HARMLESS_PARAMETERS.contains(&name) => parameter.to_owned(),
        Some((name @ ("q-ak" | "q-signature"), _)) => format!("{name}={MASK}"),
        _ => MASK.to_owned(),
    };
    text.split('&').map(parameter).collect::<Vec<_>>().join("&")
}

/// Whether a header's value may be shown. The table of names decides, so that a new secret has to be let in by hand.
fn is_harmless(dialect: Dialect, name: &str) -> bool {
    let names = dialect.names();
    let harmless = [
        names.sse,
        names.sse_kms_key_id,
        names.customer_algorithm,
        names.customer_key_md5,
        names.source_customer_algorithm,
        names.source_customer_key_md5,
        names.storage_class,
        names.acl,
        names.tagging,
        names.forbid_overwrite.header.0,
    ];
    let of_store = |rest: &str| name.strip_prefix(names.prefix).is_some_and(|suffix| suffix.starts_with(rest));
    let harmless_of_store =
        ["grant-", "checksum-", "content-sha256", "date", "decoded-content-length", "trailer", "traffic-limit"];
    HARMLESS.contains(&name)
        || harmless.contains(&name)
        || name.starts_with(names.meta)
        || harmless_of_store.into_iter().any(of_store)
        || (of_store("copy-source") && !name.contains("server-side-encryption"))
        || (of_store("metadata-directive") || of_store("tagging-directive"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::COS;

    const KEY: &str = "MDEyMzQ1Njc4OUFCQ0RFRjAxMjM0NTY3ODlBQkNERUY=";

    fn head(headers: &[(&'static str, &'static str)]) -> Parts {
        let mut request = http::Request::put("https://store.example/key?partNumber=1").body(()).unwrap();
        for (name, value) in headers {
            request.headers_mut().append(*name, HeaderValue::from_static(value));
        }
        request.into_parts().0
    }

    #[track_caller]
    fn check(name: &'static str, value: &'static str, shown: &str) {
        let masked = MaskedHead::new(COS, Operation::UploadPart, 1, &head(&[(name, value)]), 7);
        assert_eq!(masked.headers, [(name.to_owned(), shown.to_owned())]);
    }

    #[test]
    fn secrets_are_masked_even_where_nobody_marked_them() {
        check("x-cos-server-side-encryption-customer-key", KEY, MASK);
        check("x-cos-copy-source-server-side-encryption-customer-key", KEY, MASK);
        check("x-cos-security-token", "a token", MASK);
        check("x-cos-server-side-encryption-context", "e30=", MASK);
        check("cookie", "a=b", MASK);
        check("proxy-authorization", "Basic eA==", MASK);
        check("x-something-new", "who knows", MASK);
    }

    #[test]
    fn what_explains_the_encryption_is_shown() {
        check("x-cos-server-side-encryption-customer-algorithm", "AES256", "AES256");
        check("x-cos-server-side-encryption-customer-key-md5", "U5L61r7jcwdNvT7frmUG8g==", "U5L61r7jcwdNvT7frmUG8g==");
        check("x-cos-server-side-encryption", "cos/kms", "cos/kms");
        check("x-cos-meta-colour", "red", "red");
        check("x-cos-copy-source", "b-1.cos.r.myqcloud.com/k", "b-1.cos.r.myqcloud.com/k");
        check("content-length", "7", "7");
    }

    #[test]
    fn a_marked_value_is_masked_whatever_its_name() {
        let mut head = head(&[]);
        let mut value = HeaderValue::from_static("7");
        value.set_sensitive(true);
        head.headers.insert("content-length", value);
        let masked = MaskedHead::new(COS, Operation::Put, 2, &head, 7);
        assert_eq!(masked.headers, [("content-length".to_owned(), MASK.to_owned())]);
    }

    #[test]
    fn an_authorization_says_how_but_not_by_whom_and_never_the_signature() {
        check(
            "authorization",
            "q-sign-algorithm=sha1&q-ak=AKID&q-sign-time=1;2&q-key-time=1;2&q-header-list=host&q-url-param-list=&q-signature=ab",
            "q-sign-algorithm=sha1&q-ak=***&q-sign-time=1;2&q-key-time=1;2&q-header-list=host&q-url-param-list=&q-signature=***",
        );
        check("authorization", "Bearer abcdef", MASK);
        check("authorization", "q-new=secret&rest", "***&***");
    }
}
