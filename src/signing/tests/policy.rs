//! What our own heads sign, checked by a second, plain computation that shares nothing with the signer.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use http::{HeaderName, HeaderValue, Request, request::Parts};
use sha1::{Digest as _, Sha1};

use super::vectors::{load, pairs};
use crate::{
    dialect::Dialect,
    error::ErrorKind,
    signing::{Content, Credentials, seal},
};

const KEY: &str = "TESTSECRETKEY0123456789";
const CUSTOMER_KEY: &str = "MDEyMzQ1Njc4OUFCQ0RFRjAxMjM0NTY3ODlBQkNERUY=";

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

fn credentials() -> Credentials {
    Credentials::new("TESTSECRETID", KEY).unwrap()
}

fn head(method: &str, uri: &str, headers: &[(&str, &str)]) -> Parts {
    let mut request = Request::builder().method(method).uri(uri);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(()).unwrap().into_parts().0
}

/// An UploadPart with all that may be in a head.
fn full_head() -> Parts {
    head(
        "PUT",
        "https://examplebucket-1250000000.cos.ap-beijing.myqcloud.com/dir/a%20b%2Bc%25~%28%2A%E4%B8%96\
         ?partNumber=3&uploadId=1585%2F%2B%20x&empty",
        &[
            ("Content-Length", "1048576"),
            ("Content-Type", "application/octet-stream"),
            ("Content-MD5", "mQ/fVh815F3k6TAUm8m0eg=="),
            ("Content-Encoding", "gzip"),
            ("Content-Disposition", "attachment; filename=\"a b.txt\""),
            ("Cache-Control", "max-age=600"),
            ("Expires", "Thu, 16 May 2029 06:45:51 GMT"),
            ("If-Match", "\"abc\""),
            ("If-None-Match", "*"),
            ("Origin", "https://example.com"),
            ("Range", "bytes=0-99"),
            ("x-cos-server-side-encryption-customer-key", CUSTOMER_KEY),
            ("x-cos-meta-empty", ""),
            ("x-cos-traffic-limit", "819200"),
            ("User-Agent", "sealift"),
            ("Accept", "*/*"),
        ],
    )
}

/// The parts of `Authorization`.
fn parts_of(authorization: &str) -> BTreeMap<String, String> {
    authorization
        .split('&')
        .map(|part| part.split_once('=').unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

fn authorization(head: &Parts) -> BTreeMap<String, String> {
    parts_of(head.headers["authorization"].to_str().unwrap())
}

fn plain_sha1(bytes: &[u8]) -> String {
    Sha1::digest(bytes).iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}

/// HMAC-SHA1 written out (RFC 2104), for keys of at most a block.
fn plain_hmac(key: &[u8], message: &[u8]) -> String {
    assert!(key.len() <= 64);
    let pad = |with: u8| -> Vec<u8> { (0..64).map(|index| key.get(index).copied().unwrap_or(0) ^ with).collect() };
    let inner = Sha1::digest([pad(0x36), message.to_vec()].concat());
    plain_sha1(&[pad(0x5c), inner.to_vec()].concat())
}

fn plain_encode(value: &[u8]) -> String {
    value
        .iter()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(*byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

fn plain_decode(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let (mut out, mut at) = (Vec::new(), 0);
    while at < bytes.len() {
        if bytes[at] == b'%' {
            out.push(u8::from_str_radix(&text[at + 1..at + 3], 16).unwrap());
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    out
}

/// What a store would compute from the head and the lists in its `Authorization`.
fn recompute(head: &Parts, secret: &str) -> String {
    let auth = authorization(head);
    let headers: Vec<String> = auth["q-header-list"]
        .split(';')
        .map(|name| format!("{name}={}", plain_encode(head.headers[name].as_bytes())))
        .collect();
    let query: BTreeMap<String, String> = head
        .uri
        .query()
        .unwrap_or_default()
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (plain_encode(&plain_decode(name)).to_lowercase(), plain_encode(&plain_decode(value))))
        .collect();
    let parameters: Vec<String> = auth["q-url-param-list"]
        .split(';')
        .filter(|name| !name.is_empty())
        .map(|name| format!("{name}={}", query[name]))
        .collect();
    assert_eq!(parameters.len(), query.len(), "a parameter is left unsigned");
    let text = [
        head.method.as_str().to_lowercase().into_bytes(),
        plain_decode(head.uri.path()),
        parameters.join("&").into_bytes(),
        headers.join("&").into_bytes(),
        Vec::new(),
    ]
    .join(&b'\n');
    let to_sign = format!("sha1\n{}\n{}\n", auth["q-sign-time"], plain_sha1(&text));
    plain_hmac(plain_hmac(secret.as_bytes(), auth["q-key-time"].as_bytes()).as_bytes(), to_sign.as_bytes())
}

#[test]
fn a_sealed_head_verifies_by_a_second_computation() {
    let mut head = full_head();
    seal(Dialect::Cos, "", &mut head, Content::Bytes(&[]), &credentials(), now()).unwrap();
    assert_eq!(authorization(&head)["q-signature"], recompute(&head, KEY));
    assert_ne!(authorization(&head)["q-signature"], recompute(&head, "another secret key"));
}

#[test]
fn all_that_is_asked_of_the_store_is_signed_and_nothing_that_changes_on_the_way() {
    let mut head = full_head();
    let given: BTreeSet<String> = head.headers.keys().map(ToString::to_string).collect();
    seal(Dialect::Cos, "", &mut head, Content::Bytes(&[]), &credentials().with_token("TOKEN+/=").unwrap(), now())
        .unwrap();
    let auth = authorization(&head);
    let signed: BTreeSet<String> = auth["q-header-list"].split(';').map(str::to_owned).collect();
    let mut expected = given;
    expected.retain(|name| name != "user-agent" && name != "accept");
    expected.extend(["host".to_owned(), "x-cos-security-token".to_owned()]);
    assert_eq!(signed, expected);
    assert_eq!(auth["q-url-param-list"], "empty;partnumber;uploadid");
    assert_eq!(auth["q-sign-algorithm"], "sha1");
    assert_eq!(auth["q-ak"], "TESTSECRETID");
    assert_eq!(recompute(&head, KEY), auth["q-signature"]);
}

#[test]
fn the_window_begins_a_minute_ago_and_ends_in_an_hour() {
    let mut head = full_head();
    seal(Dialect::Cos, "", &mut head, Content::Bytes(&[]), &credentials(), now()).unwrap();
    let auth = authorization(&head);
    assert_eq!(auth["q-sign-time"], "1699999940;1700003600");
    assert_eq!(auth["q-key-time"], auth["q-sign-time"]);
}

#[test]
fn a_clock_before_1970_does_not_underflow() {
    let mut head = full_head();
    seal(Dialect::Cos, "", &mut head, Content::Bytes(&[]), &credentials(), UNIX_EPOCH - Duration::from_secs(5))
        .unwrap();
    assert_eq!(authorization(&head)["q-sign-time"], "0;3600");
}

#[test]
fn the_host_is_made_explicit_as_it_will_be_sent() {
    for (uri, host) in [
        ("https://store.example/key", "store.example"),
        ("https://store.example:443/key", "store.example"),
        ("http://store.example:80/key", "store.example"),
        ("https://store.example:8443/key", "store.example:8443"),
        ("http://[::1]:9000/key", "[::1]:9000"),
    ] {
        let mut head = head("GET", uri, &[]);
        seal(Dialect::Cos, "", &mut head, Content::Bytes(&[]), &credentials(), now()).unwrap();
        assert_eq!(head.headers["host"], host, "{uri}");
        assert_eq!(authorization(&head)["q-header-list"], "host");
    }
    let mut given = head("GET", "https://127.0.0.1:9000/key", &[("host", "bucket.store.example")]);
    seal(Dialect::Cos, "", &mut given, Content::Bytes(&[]), &credentials(), now()).unwrap();
    assert_eq!(given.headers["host"], "bucket.store.example");
}

#[test]
fn blanks_around_a_value_are_not_signed_because_http_drops_them() {
    let sealed = |value: &str| {
        let mut head = head("PUT", "https://store.example/key", &[("x-cos-meta-a", value)]);
        seal(Dialect::Cos, "", &mut head, Content::Bytes(&[]), &credentials(), now()).unwrap();
        authorization(&head)["q-signature"].clone()
    };
    assert_eq!(sealed("  v \t"), sealed("v"));
    assert_ne!(sealed("v v"), sealed("vv"));
}

#[test]
fn sealing_again_replaces_the_seal_and_the_token() {
    let mut head = full_head();
    seal(Dialect::Cos, "", &mut head, Content::Bytes(&[]), &credentials().with_token("first").unwrap(), now()).unwrap();
    seal(Dialect::Cos, "", &mut head, Content::Bytes(&[]), &credentials(), now()).unwrap();
    let mut fresh = full_head();
    seal(Dialect::Cos, "", &mut fresh, Content::Bytes(&[]), &credentials(), now()).unwrap();
    assert_eq!(head.headers, fresh.headers);
}

#[test]
fn a_header_or_parameter_given_twice_is_refused() {
    let mut doubled = full_head();
    doubled.headers.append("x-cos-meta-empty", HeaderValue::from_static("2"));
    let error = seal(Dialect::Cos, "", &mut doubled, Content::Bytes(&[]), &credentials(), now()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert_eq!(error.message(), "the header x-cos-meta-empty is given more than once");
    let mut doubled = head("GET", "https://store.example/?prefix=a&Prefix=b", &[]);
    let error = seal(Dialect::Cos, "", &mut doubled, Content::Bytes(&[]), &credentials(), now()).unwrap_err();
    assert_eq!(error.message(), "the query parameter prefix is given more than once");
}

#[test]
fn any_change_of_a_signed_part_changes_the_signature() {
    let signature = |change: &dyn Fn(&mut Parts)| {
        let mut head = full_head();
        change(&mut head);
        seal(Dialect::Cos, "", &mut head, Content::Bytes(&[]), &credentials(), now()).unwrap();
        authorization(&head)["q-signature"].clone()
    };
    let uri = |from: &'static str, to: &'static str| {
        move |head: &mut Parts| {
            let changed = head.uri.to_string().replacen(from, to, 1);
            assert_ne!(changed, head.uri.to_string());
            head.uri = changed.parse().unwrap();
        }
    };
    let mut seen = BTreeSet::from([signature(&|_| ())]);
    let mut differs = |what: &str, change: &dyn Fn(&mut Parts)| {
        assert!(seen.insert(signature(change)), "{what} is not signed");
    };
    differs("the method", &|head| head.method = http::Method::POST);
    differs("the host", &uri("examplebucket-", "examplebucket2-"));
    differs("the path", &uri("/dir/", "/Dir/"));
    differs("an escape in the path", &uri("%2B", "+%2B"));
    differs("a parameter's value", &uri("partNumber=3", "partNumber=4"));
    differs("a parameter's name", &uri("empty", "void"));
    differs("a further parameter", &uri("&empty", "&empty&acl"));
    let names: Vec<HeaderName> = full_head().headers.keys().cloned().collect();
    for name in names.iter().filter(|name| !["user-agent", "accept"].contains(&name.as_str())) {
        differs(name.as_str(), &|head| {
            head.headers.insert(name.clone(), HeaderValue::from_static("changed"));
        });
        differs(name.as_str(), &|head| {
            head.headers.remove(name);
        });
    }
    assert_eq!(seen.len(), 1 + 7 + 2 * (names.len() - 2));
}

#[test]
fn equal_targets_in_other_spellings_have_one_signature() {
    let signature = |uri: &str| {
        let mut head = head("GET", uri, &[]);
        seal(Dialect::Cos, "", &mut head, Content::Bytes(&[]), &credentials(), now()).unwrap();
        authorization(&head)["q-signature"].clone()
    };
    assert_eq!(signature("https://s.example/a%7eb?uploads"), signature("https://s.example/a~b?uploads="));
    assert_ne!(signature("https://s.example/a%2Fb"), signature("https://s.example/a%252Fb"));
    assert_eq!(signature("https://s.example?uploads"), signature("https://s.example/?uploads"));
}

#[test]
fn every_recorded_request_sealed_by_us_verifies() {
    let mut requests = 0;
    for name in ["node-keys.json", "python-keys.json", "js-keys.json", "python-headers.json", "node-operations.json"] {
        let file = load(name);
        for case in file["cases"].as_array().unwrap() {
            for request in case["requests"].as_array().unwrap() {
                let text = |what: &str| request[what].as_str().unwrap();
                let mut ours = head(text("method"), &format!("https://store.example{}", text("target")), &[]);
                for (name, value) in pairs(&request["headers"]) {
                    let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
                    ours.headers.insert(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
                }
                // The plain computation knows no '+' for a space.
                ours.uri = ours.uri.to_string().replace('+', "%20").parse().unwrap();
                seal(Dialect::Cos, "", &mut ours, Content::Bytes(&[]), &credentials(), now()).unwrap();
                assert_eq!(authorization(&ours)["q-signature"], recompute(&ours, KEY), "{}", text("target"));
                requests += 1;
            }
        }
    }
    assert_eq!(requests, 105 + 105 + 21 + 22 + 56);
}

#[test]
fn no_dump_of_a_sealed_head_shows_the_seal_or_the_token() {
    let mut head = head("GET", "https://store.example/key", &[]);
    seal(Dialect::Cos, "", &mut head, Content::Bytes(&[]), &credentials().with_token("SECRETTOKEN").unwrap(), now())
        .unwrap();
    let signature = authorization(&head)["q-signature"].clone();
    let dump = format!("{head:?} {:?}", credentials().with_token("SECRETTOKEN").unwrap());
    for secret in [KEY, "SECRETTOKEN", &signature] {
        assert!(!dump.contains(secret), "{dump}");
    }
}

#[test]
fn credentials_with_slips_are_refused_without_being_shown() {
    let check = |error: crate::error::Error, message: &str| {
        assert_eq!(error.kind(), ErrorKind::Credentials);
        assert_eq!(error.message(), message);
        assert!(!format!("{error:?}").contains("topsecret"));
    };
    let new = |id: &str, key: &str| Credentials::new(id, key).unwrap_err();
    check(new("", "topsecret"), "the key id is empty");
    check(new("id", ""), "the secret key is empty");
    check(new(" id", "topsecret"), "the key id has blanks around it");
    check(new("id", "topsecret\n"), "the secret key has blanks around it");
    check(new("id&q-ak=x", "topsecret"), "the key id has a '&' in it");
    let inner = "has a blank, a control character or a non-ASCII character in it";
    check(new("id", "top\u{0}topsecret"), &format!("the secret key {inner}"));
    check(new("i\u{e9}d", "topsecret"), &format!("the key id {inner}"));
    let token = |token: &str| Credentials::new("id", "key").unwrap().with_token(token).unwrap_err();
    check(token(""), "the token is empty");
    check(token("topsecret\t"), "the token has blanks around it");
    check(token("topsecret\r\nx: y"), &format!("the token {inner}"));
}

#[tokio::test]
async fn fixed_credentials_are_a_provider() {
    use crate::signing::CredentialProvider as _;
    assert_eq!(credentials().credentials().await.unwrap().id(), "TESTSECRETID");
}
