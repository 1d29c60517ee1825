//! The policy of the S3 signer: which headers a head gets and which of them are signed, as a header and as a
//! presigned URL. What they are computed from is in `v4`.
//!
//! Facts: docs.aws.amazon.com/AmazonS3/latest/API/sigv4-auth-using-authorization-header.html and
//! sigv4-query-string-auth.html.

use std::time::SystemTime;

use http::{
    HeaderMap, HeaderName, HeaderValue,
    header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH},
    request::Parts,
    uri::Scheme,
};
use zeroize::Zeroizing;

use super::{
    Content, Credentials,
    canonical::decode_query,
    framing::{Framing, Shape},
    head::{append_query, sensitive, set_host, unusable_token},
    v4::{ALGORITHM, Headers, Scope, SigningKey, canonical_request, sha256, stamp},
};
use crate::error::{Error, ErrorKind, Result};

/// The service's name in the scope; stores that are not AWS use the same.
const SERVICE: &str = "s3";

/// The prefix of the store's own headers.
const PREFIX: &str = "x-amz-";
const TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");

const DATE: HeaderName = HeaderName::from_static("x-amz-date");
const CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");
const DECODED_LENGTH: HeaderName = HeaderName::from_static("x-amz-decoded-content-length");
const TRAILER: HeaderName = HeaderName::from_static("x-amz-trailer");

/// What stands for a body's digest where it is not signed.
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// The coding of a framed body.
const CHUNKED: &str = "aws-chunked";

/// The longest that a presigned address can be valid: seven days.
const LONGEST: u64 = 604_800;

/// Parameters that a presigned address has, and no other.
const SEAL: [&str; 7] = [
    "x-amz-algorithm",
    "x-amz-credential",
    "x-amz-date",
    "x-amz-expires",
    "x-amz-signedheaders",
    "x-amz-signature",
    "x-amz-security-token",
];

/// Adds `Host` (if it is missing), date, token, digest, framing and `Authorization`.
///
/// Whatever an earlier seal added is taken away before.
pub(super) fn seal(
    region: &str,
    head: &mut Parts,
    content: Content<'_>,
    credentials: &Credentials,
    now: SystemTime,
) -> Result<Option<Framing>> {
    unseal(&mut head.headers);
    set_host(head)?;
    let (payload, shape) = prepare(head, content)?;
    let scope = Scope::new(stamp(now), region, SERVICE);
    if let Some(token) = &credentials.token {
        head.headers.insert(TOKEN, sensitive(token.expose())?);
    }
    head.headers.insert(DATE, ascii(scope.stamp())?);
    head.headers.insert(CONTENT_SHA256, ascii(&payload)?);

    let key = SigningKey::derive(&credentials.key, &scope);
    let Signed { headers, signature } = sign(head, &payload, &key, &scope);
    let authorization = Zeroizing::new(format!(
        "{ALGORITHM} Credential={id}/{scope}, SignedHeaders={headers}, Signature={signature}",
        id = credentials.id,
    ));
    head.headers.insert(AUTHORIZATION, sensitive(authorization.as_bytes())?);
    Ok(shape.map(|shape| Framing::new(shape, key, scope, signature)))
}

/// Replaces the head's URI by its presigned form.
pub(super) fn presign(
    region: &str,
    head: &mut Parts,
    credentials: &Credentials,
    now: SystemTime,
    seconds: u64,
) -> Result<()> {
    if seconds == 0 {
        return Err(Error::new(ErrorKind::Config, "a presigned address must be valid for a second at least"));
    }
    if seconds > LONGEST {
        return Err(Error::new(ErrorKind::Config, "a presigned address can be valid for seven days at most"));
    }
    for (name, _) in decode_query(head.uri.query().unwrap_or_default()) {
        let name = String::from_utf8_lossy(&name).to_ascii_lowercase();
        if name.contains("server-side-encryption") {
            return Err(Error::new(ErrorKind::Config, format!("{name} must not be a query parameter"))
                .with_hint("whoever uses the presigned address sends the encryption headers"));
        }
        if SEAL.contains(&name.as_str()) {
            return Err(Error::new(ErrorKind::Config, format!("the address is signed already: it has {name}")));
        }
    }
    unseal(&mut head.headers);
    set_host(head)?;
    let scope = Scope::new(stamp(now), region, SERVICE);
    append_query(
        head,
        &[
            ("X-Amz-Algorithm", ALGORITHM),
            ("X-Amz-Credential", &format!("{}/{scope}", credentials.id)),
            ("X-Amz-Date", scope.stamp()),
            ("X-Amz-Expires", &seconds.to_string()),
            ("X-Amz-SignedHeaders", &signed_headers(&head.headers).list()),
        ],
    )?;
    if let Some(token) = &credentials.token {
        let token = std::str::from_utf8(token.expose()).map_err(|_| unusable_token())?;
        append_query(head, &[("X-Amz-Security-Token", token)])?;
    }
    let signed = sign(head, UNSIGNED, &SigningKey::derive(&credentials.key, &scope), &scope);
    append_query(head, &[("X-Amz-Signature", &signed.signature)])
}

/// Whether a header is signed: all that says what is asked of the store, and what it stores with an object.
///
/// The manual demands the host, `content-type`, `content-md5` and every `x-amz-` header. `content-length` is signed
/// as in the manual's own example of a chunked upload, and as the official SDKs do that have it when they sign: it
/// fixes how much may be sent where the body itself is not signed. Left out is what the official SDKs leave out
/// because proxies and HTTP libraries add or change it on the way: `user-agent`, `connection`, `transfer-encoding`,
/// `expect`, `te`, `trailer`, `accept`, `accept-encoding` and their like.
fn is_signed(name: &str) -> bool {
    name.starts_with(PREFIX)
        || name.starts_with("if-")
        || matches!(
            name,
            "cache-control"
                | "content-disposition"
                | "content-encoding"
                | "content-language"
                | "content-length"
                | "content-md5"
                | "content-type"
                | "expires"
                | "host"
                | "origin"
                | "range"
        )
}

fn signed_headers(headers: &HeaderMap) -> Headers<'_> {
    let fields = headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes()));
    Headers::new(fields.filter(|(name, _)| is_signed(name)))
}

/// What goes into `Authorization` or the query.
struct Signed {
    headers: String,
    signature: String,
}

fn sign(head: &Parts, payload: &str, key: &SigningKey, scope: &Scope) -> Signed {
    let headers = signed_headers(&head.headers);
    let query = head.uri.query().unwrap_or_default();
    let text = canonical_request(head.method.as_str(), head.uri.path(), query, &headers, payload);
    let signature = key.sign(&scope.string_to_sign(ALGORITHM, &[&sha256(&text)]));
    Signed { headers: headers.list(), signature }
}

/// The value of `x-amz-content-sha256`, and the shape of the framing, whose headers it sets.
///
/// A body that is streamed cannot be digested before its head leaves. TLS protects it on the way; where there is no
/// TLS, its chunks are signed as they go.
fn prepare(head: &mut Parts, content: Content<'_>) -> Result<(String, Option<Shape>)> {
    let (len, trailer) = match content {
        Content::Bytes(body) => return Ok((sha256(body), None)),
        Content::Stream { len, trailer } => (len, trailer),
    };
    let signed = head.uri.scheme() != Some(&Scheme::HTTPS);
    let payload = match (signed, trailer) {
        (false, None) => return Ok((UNSIGNED.to_owned(), None)),
        (false, Some(_)) => "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        (true, None) => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        (true, Some(_)) => "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
    };
    let shape = Shape::new(signed, trailer)
        .map_err(|name| Error::new(ErrorKind::Internal, format!("{name} cannot follow a body")))?;
    // The framing comes first, then what the user said of the content: so the manual has it (`aws-chunked,gzip`), and
    // the store keeps the rest. Its place in the list is not the one that HTTP would give it.
    let coding = match head.headers.get(CONTENT_ENCODING) {
        Some(given) => HeaderValue::from_bytes(&[CHUNKED.as_bytes(), b",", given.as_bytes()].concat())
            .map_err(|err| Error::new(ErrorKind::Internal, "the content encoding cannot be sent").caused_by(err))?,
        None => HeaderValue::from_static(CHUNKED),
    };
    head.headers.insert(CONTENT_ENCODING, coding);
    head.headers.insert(CONTENT_LENGTH, HeaderValue::from(shape.encoded_len(len)));
    head.headers.insert(DECODED_LENGTH, HeaderValue::from(len));
    if let Some(name) = trailer {
        head.headers.insert(TRAILER, HeaderValue::from_static(name));
    }
    Ok((payload.to_owned(), Some(shape)))
}

/// Takes away what a seal adds, the host apart: the head of another attempt, or of other credentials, is made anew.
fn unseal(headers: &mut HeaderMap) {
    for name in [AUTHORIZATION, TOKEN, DATE, CONTENT_SHA256, TRAILER] {
        headers.remove(name);
    }
    let Some(len) = headers.remove(DECODED_LENGTH) else { return };
    headers.insert(CONTENT_LENGTH, len);
    if let Some(coding) = headers.remove(CONTENT_ENCODING)
        && let Some(given) = coding.as_bytes().strip_prefix(CHUNKED.as_bytes()).and_then(|it| it.strip_prefix(b","))
        && let Ok(given) = HeaderValue::from_bytes(given)
    {
        headers.insert(CONTENT_ENCODING, given);
    }
}

fn ascii(text: &str) -> Result<HeaderValue> {
    HeaderValue::from_str(text)
        .map_err(|err| Error::new(ErrorKind::Internal, "the seal cannot be sent in a header").caused_by(err))
}
