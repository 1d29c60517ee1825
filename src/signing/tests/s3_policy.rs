//! What S3 heads get and sign, checked by a second, plain computation that shares nothing with the signer.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use http::{HeaderValue, Request, request::Parts};
use sha2::{Digest as _, Sha256};

use crate::{
    error::ErrorKind,
    signing::{Content, Credentials, s3},
};

const KEY: &str = "TESTSECRETKEY0123456789";
const REGION: &str = "eu-central-1";
const TRAILER: &str = "x-amz-checksum-crc64nvme";
const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

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

/// An UploadPart with all that may be in a head, and what must not be signed.
fn full_head(scheme: &str) -> Parts {
    head(
        "PUT",
        &format!(
            "{scheme}://bucket.s3.store.example/dir/a%20b%2Bc%25~%28%2A%E4%B8%96?partNumber=3&uploadId=a%2F%2B%20x&b"
        ),
        &[
            ("Content-Length", "1048576"),
            ("Content-Type", "application/octet-stream"),
            ("Content-MD5", "mQ/fVh815F3k6TAUm8m0eg=="),
            ("Content-Encoding", "gzip"),
            ("Content-Disposition", "attachment; filename=\"a  b.txt\""),
            ("Content-Language", "en"),
            ("Cache-Control", "max-age=600"),
            ("Expires", "Thu, 16 May 2029 06:45:51 GMT"),
            ("If-Match", "\"abc\""),
            ("If-None-Match", "*"),
            ("Range", "bytes=0-99"),
            ("x-amz-server-side-encryption-customer-key", "MDEyMzQ1Njc4OUFCQ0RFRjAxMjM0NTY3ODlBQkNERUY="),
            ("x-amz-meta-empty", ""),
            ("User-Agent", "sealift"),
            ("Accept", "*/*"),
            ("Accept-Encoding", "identity"),
            ("Connection", "keep-alive"),
            ("Expect", "100-continue"),
            ("TE", "trailers"),
            ("Transfer-Encoding", "identity"),
        ],
    )
}

/// `Credential`, `SignedHeaders` and `Signature`.
fn authorization(head: &Parts) -> BTreeMap<String, String> {
    let text = head.headers["authorization"].to_str().unwrap();
    let fields = text.strip_prefix("AWS4-HMAC-SHA256 ").unwrap();
    let fields = fields.split(", ").map(|field| field.split_once('=').unwrap());
    fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"))
}

/// HMAC-SHA256 written out (RFC 2104), for keys of at most a block.
fn plain_hmac(key: &[u8], message: &str) -> Vec<u8> {
    assert!(key.len() <= 64);
    let pad = |with: u8| -> Vec<u8> { (0..64).map(|index| key.get(index).copied().unwrap_or(0) ^ with).collect() };
    let inner = Sha256::digest([pad(0x36), message.as_bytes().to_vec()].concat());
    Sha256::digest([pad(0x5c), inner.to_vec()].concat()).to_vec()
}

/// What a store would compute from the head and the lists in its `Authorization`.
///
/// The path and the query of the heads here are written on the wire as they are signed, but for the order.
fn recompute(head: &Parts, secret: &str) -> String {
    let auth = authorization(head);
    let value = |name: &str| head.headers[name].to_str().unwrap();
    let mut query: Vec<String> = head.uri.query().unwrap_or_default().split('&').map(str::to_owned).collect();
    for pair in query.iter_mut().filter(|pair| !pair.is_empty() && !pair.contains('=')) {
        pair.push('=');
    }
    query.sort();
    let folded = |name: &str| value(name).split(' ').filter(|it| !it.is_empty()).collect::<Vec<_>>().join(" ");
    let headers =
        auth["SignedHeaders"].split(';').fold(String::new(), |lines, name| format!("{lines}{name}:{}\n", folded(name)));
    let canonical = [
        head.method.as_str(),
        head.uri.path(),
        &query.join("&"),
        &headers,
        &auth["SignedHeaders"],
        value("x-amz-content-sha256"),
    ]
    .join("\n");
    let scope = auth["Credential"].split_once('/').unwrap().1;
    let to_sign =
        format!("AWS4-HMAC-SHA256\n{}\n{scope}\n{}", value("x-amz-date"), hex(&Sha256::digest(canonical.as_bytes())));
    let mut key = format!("AWS4{secret}").into_bytes();
    for part in scope.split('/') {
        key = plain_hmac(&key, part);
    }
    hex(&plain_hmac(&key, &to_sign))
}

#[test]
fn a_sealed_head_verifies_by_a_second_computation() {
    for scheme in ["http", "https"] {
        for content in [
            Content::Bytes(b""),
            Content::Bytes(b"<xml/>"),
            Content::Stream { len: 1_048_576, trailer: None },
            Content::Stream { len: 1_048_576, trailer: Some(TRAILER) },
        ] {
            let mut head = full_head(scheme);
            s3::seal(REGION, &mut head, content, &credentials(), now()).unwrap();
            let auth = authorization(&head);
            assert_eq!(auth["Signature"], recompute(&head, KEY), "{scheme} {content:?}");
            assert_ne!(auth["Signature"], recompute(&head, "another"));
            assert_eq!(auth["Credential"], "TESTSECRETID/20231114/eu-central-1/s3/aws4_request");
            assert_eq!(head.headers["x-amz-date"], "20231114T221320Z");
        }
    }
}

#[test]
fn the_body_is_signed_as_its_way_allows() {
    let sealed = |scheme: &str, content| {
        let mut head = head("PUT", &format!("{scheme}://store.example/bucket/key"), &[("content-length", "100000")]);
        let framing = s3::seal(REGION, &mut head, content, &credentials(), now()).unwrap();
        let text = |name: &str| head.headers.get(name).map(|value| value.to_str().unwrap().to_owned());
        let told = framing.as_ref().map_or(100_000, |framing| framing.encoded_len(100_000));
        assert_eq!(text("content-length"), Some(told.to_string()));
        assert_eq!(text("content-encoding").as_deref(), framing.is_some().then_some("aws-chunked"));
        assert_eq!(text("x-amz-decoded-content-length").as_deref(), framing.is_some().then_some("100000"));
        assert_eq!(text("x-amz-trailer").as_deref(), framing.and_then(|framing| framing.trailer()));
        text("x-amz-content-sha256").unwrap()
    };
    let plain = Content::Stream { len: 100_000, trailer: None };
    let checked = Content::Stream { len: 100_000, trailer: Some(TRAILER) };
    for scheme in ["http", "https"] {
        assert_eq!(sealed(scheme, Content::Bytes(b"")), EMPTY);
    }
    assert_eq!(sealed("https", plain), "UNSIGNED-PAYLOAD");
    assert_eq!(sealed("https", checked), "STREAMING-UNSIGNED-PAYLOAD-TRAILER");
    assert_eq!(sealed("http", plain), "STREAMING-AWS4-HMAC-SHA256-PAYLOAD");
    assert_eq!(sealed("http", checked), "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER");
}

#[test]
fn all_that_is_asked_of_the_store_is_signed_and_nothing_that_changes_on_the_way() {
    let mut head = full_head("http");
    let mut expected: BTreeSet<String> = head.headers.keys().map(ToString::to_string).collect();
    for name in ["user-agent", "accept", "accept-encoding", "connection", "expect", "te", "transfer-encoding"] {
        assert!(expected.remove(name));
    }
    expected.extend(
        [
            "host",
            "x-amz-content-sha256",
            "x-amz-date",
            "x-amz-decoded-content-length",
            "x-amz-security-token",
            "x-amz-trailer",
        ]
        .map(str::to_owned),
    );
    let credentials = credentials().with_token("TOKEN+/=").unwrap();
    s3::seal(REGION, &mut head, Content::Stream { len: 1_048_576, trailer: Some(TRAILER) }, &credentials, now())
        .unwrap();
    let signed: BTreeSet<String> = authorization(&head)["SignedHeaders"].split(';').map(str::to_owned).collect();
    assert_eq!(signed, expected);
    assert_eq!(head.headers["x-amz-security-token"], "TOKEN+/=");
    assert_eq!(head.headers["content-encoding"], "aws-chunked,gzip");
    assert_eq!(recompute(&head, KEY), authorization(&head)["Signature"]);
}

#[test]
fn secrets_in_the_head_are_marked_sensitive() {
    let mut head = full_head("https");
    s3::seal(REGION, &mut head, Content::Bytes(b""), &credentials().with_token("SECRET").unwrap(), now()).unwrap();
    assert!(head.headers["authorization"].is_sensitive());
    assert!(head.headers["x-amz-security-token"].is_sensitive());
}

#[test]
fn sealing_again_replaces_all_that_the_seal_added() {
    let stream = |trailer| Content::Stream { len: 1_048_576, trailer };
    for first in [Content::Bytes(b"a"), stream(None), stream(Some(TRAILER))] {
        for second in [Content::Bytes(b"b"), stream(None), stream(Some(TRAILER))] {
            for scheme in ["http", "https"] {
                let mut head = full_head(scheme);
                let earlier = credentials().with_token("first").unwrap();
                s3::seal("first", &mut head, first, &earlier, now() - Duration::from_hours(24)).unwrap();
                s3::seal(REGION, &mut head, second, &credentials(), now()).unwrap();
                let mut fresh = full_head(scheme);
                s3::seal(REGION, &mut fresh, second, &credentials(), now()).unwrap();
                assert_eq!(head.headers, fresh.headers, "{scheme} {first:?} {second:?}");
            }
        }
    }
}

#[test]
fn a_header_given_twice_is_signed_as_one_list() {
    let signature = |values: &[&'static str]| {
        let mut head = head("PUT", "https://store.example/key", &[]);
        for value in values {
            head.headers.append("x-amz-meta-a", HeaderValue::from_static(value));
        }
        s3::seal(REGION, &mut head, Content::Bytes(b""), &credentials(), now()).unwrap();
        authorization(&head)["Signature"].clone()
    };
    assert_eq!(signature(&["2", " 1 "]), signature(&["2,1"]));
    assert_ne!(signature(&["1", "2"]), signature(&["2,1"]));
}

#[test]
fn any_change_of_a_signed_part_changes_the_signature() {
    let signature = |change: &dyn Fn(&mut Parts)| {
        let mut head = full_head("https");
        change(&mut head);
        s3::seal(REGION, &mut head, Content::Bytes(b""), &credentials(), now()).unwrap();
        authorization(&head)["Signature"].clone()
    };
    let changes: [&dyn Fn(&mut Parts); 6] = [
        &|_| {},
        &|head| head.method = http::Method::POST,
        &|head| head.uri = "https://bucket.s3.store.example/other".parse().unwrap(),
        &|head| head.uri = "https://other.s3.store.example/dir".parse().unwrap(),
        &|head| drop(head.headers.insert("x-amz-meta-empty", HeaderValue::from_static("1"))),
        &|head| drop(head.headers.remove("if-none-match")),
    ];
    let different: BTreeSet<String> = changes.iter().map(|change| signature(*change)).collect();
    assert_eq!(different.len(), changes.len());
}

#[test]
fn a_trailer_that_is_no_checksum_is_our_own_mistake() {
    let mut head = full_head("http");
    let content = Content::Stream { len: 1, trailer: Some("x-amz-meta-a") };
    let error = s3::seal(REGION, &mut head, content, &credentials(), now()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
}
