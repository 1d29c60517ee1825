//! Presigned S3 addresses against the published one, and what they refuse.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{Request, request::Parts};

use super::vectors::load;
use crate::{
    error::ErrorKind,
    signing::{Content, Credentials, s3},
};

/// 2013-05-24, the day of the manual's examples.
fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_hours(24 * 15_849)
}

fn credentials() -> Credentials {
    Credentials::new("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY").unwrap()
}

fn head(method: &str, uri: &str) -> Parts {
    Request::builder().method(method).uri(uri).body(()).unwrap().into_parts().0
}

fn presigned(mut head: Parts, credentials: &Credentials) -> Parts {
    s3::presign("us-east-1", &mut head, credentials, now(), 86_400).unwrap();
    head
}

#[test]
fn the_published_address_comes_out_to_the_last_byte() {
    let file = load("s3-examples.json");
    let case = file["cases"].as_array().unwrap().iter().find(|case| case["name"] == "presigned-get").unwrap();
    let url = case["url"].as_str().unwrap();
    assert_eq!(case["seconds"], 86_400);
    assert_eq!(presigned(head("GET", url.split_once('?').unwrap().0), &credentials()).uri, url);
}

#[test]
fn a_token_is_a_signed_parameter() {
    let with_token = |token: &str| {
        let credentials = credentials().with_token(token).unwrap();
        presigned(head("GET", "https://b.store.example/k?versionId=1"), &credentials).uri.query().unwrap().to_owned()
    };
    let query = with_token("a+b/c=");
    assert!(query.starts_with("versionId=1&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential="), "{query}");
    assert!(
        query.contains("&X-Amz-Expires=86400&X-Amz-SignedHeaders=host&X-Amz-Security-Token=a%2Bb%2Fc%3D&X-Amz-Sig")
    );
    let signature = |query: &str| query.rsplit_once("X-Amz-Signature=").unwrap().1.to_owned();
    assert_ne!(signature(&query), signature(&with_token("a+b/c")));
}

#[test]
fn headers_of_the_head_are_bound_to_the_address_but_not_in_it() {
    let mut given = head("PUT", "https://b.store.example/k?partNumber=1&uploadId=u");
    given.headers.insert("x-amz-server-side-encryption-customer-key", "S0VZ".parse().unwrap());
    given.headers.insert("user-agent", "sealift".parse().unwrap());
    let head = presigned(given, &credentials());
    let query = head.uri.query().unwrap();
    assert!(query.contains("X-Amz-SignedHeaders=host%3Bx-amz-server-side-encryption-customer-key&"), "{query}");
    assert!(!query.contains("S0VZ"));
    assert!(!head.headers.contains_key("authorization"));
}

#[test]
fn a_seal_in_the_head_is_taken_away() {
    let mut sealed = head("GET", "https://b.store.example/k");
    let content = Content::Stream { len: 5, trailer: Some("x-amz-checksum-crc32") };
    let first = credentials().with_token("token").unwrap();
    s3::seal("us-east-1", &mut sealed, content, &first, now()).unwrap();
    sealed.headers.remove("content-length");
    let names: Vec<String> = {
        let head = presigned(sealed, &credentials());
        assert!(head.uri.query().unwrap().contains("X-Amz-SignedHeaders=content-length%3Bhost&"), "{}", head.uri);
        head.headers.keys().map(ToString::to_string).collect()
    };
    assert_eq!(names.len(), 2, "{names:?}");
}

#[test]
fn a_bare_address_gets_its_first_parameter_after_a_question_mark() {
    for uri in ["https://store.example", "https://store.example/", "https://store.example/?"] {
        let text = presigned(head("GET", uri), &credentials()).uri.to_string();
        assert!(text.starts_with("https://store.example/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Cred"), "{text}");
    }
}

#[test]
fn what_must_not_be_in_an_address_is_refused() {
    let refused = |uri: &str, seconds: u64| {
        let mut head = head("GET", uri);
        let error = s3::presign("us-east-1", &mut head, &credentials(), now(), seconds).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(!error.message().contains("S0VZ"));
        assert_eq!(head.uri, uri, "a refused head stays as it was");
        error.message().to_owned()
    };
    assert_eq!(refused("https://s.example/k", 0), "a presigned address must be valid for a second at least");
    assert_eq!(refused("https://s.example/k", 604_801), "a presigned address can be valid for seven days at most");
    assert_eq!(
        refused("https://s.example/k?X-Amz-Server-Side-Encryption-Customer-Key=S0VZ", 60),
        "x-amz-server-side-encryption-customer-key must not be a query parameter"
    );
    for name in ["X-Amz-Signature", "x-amz-security-token", "X-Amz-Credential", "x%2Damz-expires"] {
        let plain = name.replace("%2D", "-").to_ascii_lowercase();
        assert_eq!(
            refused(&format!("https://s.example/k?a=b&{name}=1"), 60),
            format!("the address is signed already: it has {plain}")
        );
    }
    for seconds in [1, 604_800] {
        s3::presign("r", &mut head("GET", "https://s.example/k?x-amz-meta-a=1"), &credentials(), now(), seconds)
            .unwrap();
    }
}
