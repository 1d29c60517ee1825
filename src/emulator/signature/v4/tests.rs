//! The examples of the S3 API reference, and what is near them: sig-v4-header-based-auth.html,
//! sigv4-query-string-auth.html.

use http::HeaderName;

use super::*;

const NOW: u64 = 1_369_353_600;
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const WELCOME: &str = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072";

/// The account of all examples.
pub(in crate::emulator::signature) fn account() -> Account {
    Account {
        id: "AKIAIOSFODNN7EXAMPLE".to_owned(),
        key: Secret::new("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"),
        token: None,
        expires: None,
    }
}

/// A request that can be changed.
#[derive(Clone)]
struct Wire {
    method: &'static str,
    path: String,
    query: Vec<(String, String)>,
    headers: HeaderMap,
}

impl Wire {
    fn new(method: &'static str, target: &str, headers: &[(&str, &str)]) -> Self {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::try_from(*name).unwrap(), HeaderValue::try_from(*value).unwrap());
        }
        Self {
            method,
            path: percent::decode(path).unwrap(),
            query: percent::decode_query(query).unwrap(),
            headers: map,
        }
    }

    fn check(&self, now: u64) -> Result<Payload, Refusal> {
        let request = Signable { method: self.method, path: &self.path, query: &self.query, headers: &self.headers };
        check(request, &[account()], "us-east-1", now)
    }

    #[track_caller]
    fn refused(&self, now: u64, code: &str) {
        assert_eq!(self.check(now).unwrap_err().code, code);
    }

    fn with(&self, name: &'static str, value: &str) -> Self {
        let mut changed = self.clone();
        changed.headers.insert(name, HeaderValue::try_from(value).unwrap());
        changed
    }
}

fn authorization(signed: &str, signature: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,\
         SignedHeaders={signed},Signature={signature}"
    )
}

const HOST: (&str, &str) = ("host", "examplebucket.s3.amazonaws.com");
const DAY: (&str, &str) = ("x-amz-date", "20130524T000000Z");

/// Method, target, headers, the names of those signed, and the signature.
type Example<'a> = (&'static str, &'a str, &'a [(&'a str, &'a str)], &'a str, &'a str);

const EXAMPLES: [Example<'_>; 4] = [
    (
        "GET",
        "/test.txt",
        &[HOST, DAY, ("range", "bytes=0-9"), ("x-amz-content-sha256", EMPTY)],
        "host;range;x-amz-content-sha256;x-amz-date",
        "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    ),
    (
        "PUT",
        "/test%24file.text",
        &[
            HOST,
            DAY,
            ("date", "Fri, 24 May 2013 00:00:00 GMT"),
            ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
            ("x-amz-content-sha256", WELCOME),
        ],
        "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
        "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd",
    ),
    (
        "GET",
        "/?lifecycle",
        &[HOST, DAY, ("x-amz-content-sha256", EMPTY)],
        "host;x-amz-content-sha256;x-amz-date",
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    ),
    (
        "GET",
        "/?prefix=J&max-keys=2",
        &[HOST, DAY, ("x-amz-content-sha256", EMPTY)],
        "host;x-amz-content-sha256;x-amz-date",
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    ),
];

fn example((method, target, headers, signed, signature): Example<'_>) -> Wire {
    Wire::new(method, target, headers).with("authorization", &authorization(signed, signature))
}

#[test]
fn the_published_examples_pass_and_tell_the_digest_of_the_body() {
    for published in EXAMPLES {
        let Payload::Sha256(digest) = example(published).check(NOW).unwrap() else { panic!("{published:?}") };
        let expected = if published.0 == "PUT" { WELCOME } else { EMPTY };
        assert_eq!(hex::encode(&digest), expected);
    }
}

#[test]
fn no_example_passes_with_anything_altered() {
    for published in EXAMPLES {
        let wire = example(published);
        Wire { method: "DELETE", ..wire.clone() }.refused(NOW, "SignatureDoesNotMatch");
        Wire { path: format!("{}x", wire.path), ..wire.clone() }.refused(NOW, "SignatureDoesNotMatch");
        let more = [wire.query.clone(), vec![("x".to_owned(), String::new())]].concat();
        Wire { query: more, ..wire.clone() }.refused(NOW, "SignatureDoesNotMatch");
        for name in published.3.split(';').filter(|name| !name.ends_with("date") && !name.ends_with("sha256")) {
            let mut altered = wire.clone();
            let value = format!("{}1", altered.headers[name].to_str().unwrap());
            altered.headers.insert(HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap());
            altered.refused(NOW, "SignatureDoesNotMatch");
        }
        wire.with("x-amz-content-sha256", &"0".repeat(64)).refused(NOW, "SignatureDoesNotMatch");
        wire.with("x-amz-date", "20130524T000001Z").refused(NOW, "SignatureDoesNotMatch");
        wire.with("authorization", &authorization(published.3, &"0".repeat(64))).refused(NOW, "SignatureDoesNotMatch");
    }
}

#[test]
fn headers_of_the_store_and_the_host_must_be_signed() {
    let wire = example(EXAMPLES[0]);
    wire.with("x-amz-meta-added", "later").refused(NOW, "AccessDenied");
    assert!(wire.with("user-agent", "any").check(NOW).is_ok());
    let message = wire.with("x-amz-acl", "private").check(NOW).unwrap_err().message;
    assert_eq!(message, "There were headers present in the request which were not signed: x-amz-acl");
    let unsigned = authorization("range;x-amz-content-sha256;x-amz-date", &"0".repeat(64));
    wire.with("authorization", &unsigned).refused(NOW, "AccessDenied");
}

#[test]
fn a_signature_counts_for_a_quarter_of_an_hour_around_its_time() {
    let wire = example(EXAMPLES[0]);
    assert!(wire.check(NOW + SKEW).is_ok() && wire.check(NOW - SKEW).is_ok());
    wire.refused(NOW + SKEW + 1, "RequestTimeTooSkewed");
    wire.refused(NOW - SKEW - 1, "RequestTimeTooSkewed");
}

#[test]
fn what_is_not_an_authorization_is_told_apart() {
    let wire = example(EXAMPLES[0]);
    let with = |text: &str| wire.with("authorization", text);
    with("AWS4-HMAC-SHA256").refused(NOW, "AuthorizationHeaderMalformed");
    with("AWS AKIAIOSFODNN7EXAMPLE:signature").refused(NOW, "InvalidRequest");
    let whole = authorization("host", "0");
    with(&whole.replace(",Signature=0", "")).refused(NOW, "AuthorizationHeaderMalformed");
    with(&whole.replace("us-east-1", "eu-west-1")).refused(NOW, "AuthorizationHeaderMalformed");
    with(&whole.replace("/s3/", "/iam/")).refused(NOW, "AuthorizationHeaderMalformed");
    with(&whole.replace("20130524", "20130523")).refused(NOW, "AuthorizationHeaderMalformed");
    with(&whole.replace("aws4_request", "aws5")).refused(NOW, "AuthorizationHeaderMalformed");
    with(&whole.replace("AKIAIOSFODNN7EXAMPLE", "AKIAOTHER")).refused(NOW, "InvalidAccessKeyId");
    let mut bare = wire.clone();
    bare.headers.remove("x-amz-content-sha256");
    bare.refused(NOW, "InvalidRequest");
    bare.headers.remove("authorization");
    bare.refused(NOW, "AccessDenied");
}

/// sigv4-query-string-auth.html
const PRESIGNED: &str = "/test.txt?X-Amz-Algorithm=AWS4-HMAC-SHA256\
    &X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F20130524%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20130524T000000Z\
    &X-Amz-Expires=86400&X-Amz-SignedHeaders=host\
    &X-Amz-Signature=aeeed9bbccd4d02ee5c0109b86d86835f995330da4c265957d157751f604d404";

#[test]
fn the_published_presigned_address_passes_in_its_time_and_as_it_is() {
    let wire = Wire::new("GET", PRESIGNED, &[HOST]);
    assert!(matches!(wire.check(NOW + 86_400), Ok(Payload::Unsigned)));
    wire.refused(NOW + 86_401, "AccessDenied");
    wire.refused(NOW - SKEW - 1, "AccessDenied");
    let altered = |from: &str, to: &str| Wire::new("GET", &PRESIGNED.replacen(from, to, 1), &[HOST]);
    altered("/test.txt", "/test2.txt").refused(NOW, "SignatureDoesNotMatch");
    altered("Expires=86400", "Expires=86401").refused(NOW, "SignatureDoesNotMatch");
    altered("Expires=86400", "Expires=604801").refused(NOW, "AuthorizationQueryParametersError");
    altered("&X-Amz-Date=20130524T000000Z", "").refused(NOW, "AuthorizationQueryParametersError");
    altered("us-east-1", "us-east-2").refused(NOW, "AuthorizationQueryParametersError");
    wire.with("x-amz-meta-a", "b").refused(NOW, "AccessDenied");
    wire.with("authorization", &authorization("host", "0")).refused(NOW, "InvalidArgument");
}

#[test]
fn spaces_within_a_signed_value_count_once() {
    assert_eq!(collapsed(b"  a   b \t c "), "a b c");
}
