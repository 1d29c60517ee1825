//! Presigned addresses against the published ones.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{Request, request::Parts};

use super::vectors::{load, pairs};
use crate::{
    dialect::Dialect,
    error::ErrorKind,
    signing::{Credentials, presign},
};

/// The vectors' window is 1700000000 to 1700003600, and ours begins a minute early.
fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_060)
}
const SECONDS: u64 = 3540;

fn credentials() -> Credentials {
    Credentials::new("TESTSECRETID", "TESTSECRETKEY0123456789").unwrap()
}

fn head(method: &str, uri: &str) -> Parts {
    Request::builder().method(method).uri(uri).body(()).unwrap().into_parts().0
}

#[test]
fn published_addresses_come_out_to_the_last_byte() {
    let file = load("sign-vectors.json");
    let mut checked = 0;
    for case in file["sign"].as_array().unwrap().iter().filter(|case| case["kind"] == "presigned") {
        let name = case["name"].as_str().unwrap();
        let url = case["url"].as_str().unwrap();
        let (unsigned, signature) = url.split_once("q-sign-algorithm").unwrap();
        let mut credentials = credentials();
        // The token is a signed parameter with us; where it rides unsigned, the rest must be the same.
        let mut tail = String::new();
        let mut start = unsigned.trim_end_matches(['?', '&']).to_owned();
        for (name, value) in pairs(&case["query"]) {
            if name == "x-cos-security-token" {
                credentials = credentials.with_token(value).unwrap();
                start.truncate(start.find('?').unwrap());
            }
        }
        if !case["unsigned_query"].as_array().unwrap().is_empty() {
            tail = signature[signature.find("&x-cos-security-token=").unwrap()..].to_owned();
        }
        let mut head = head(case["method"].as_str().unwrap(), &start);
        presign(Dialect::Cos, "", &mut head, &credentials, now(), SECONDS).unwrap();
        assert_eq!(format!("{}{tail}", head.uri), url, "{name}");
        checked += 1;
    }
    assert_eq!(checked, 3);
}

#[test]
fn headers_of_the_head_are_bound_to_the_address_but_not_in_it() {
    let mut head = head("PUT", "https://store.example/key?partNumber=1&uploadId=u");
    head.headers.insert("x-cos-server-side-encryption-customer-key", "S0VZ".parse().unwrap());
    presign(Dialect::Cos, "", &mut head, &credentials(), now(), SECONDS).unwrap();
    let query = head.uri.query().unwrap();
    assert!(query.contains("q-header-list=host%3Bx-cos-server-side-encryption-customer-key&"), "{query}");
    assert!(!query.contains("S0VZ"));
    assert!(!head.headers.contains_key("authorization"));
}

#[test]
fn a_bare_address_gets_its_first_parameter_after_a_question_mark() {
    for uri in ["https://store.example", "https://store.example/", "https://store.example/?"] {
        let mut head = head("GET", uri);
        presign(Dialect::Cos, "", &mut head, &credentials(), now(), SECONDS).unwrap();
        assert!(head.uri.to_string().starts_with("https://store.example/?q-sign-algorithm=sha1&q-ak="), "{}", head.uri);
    }
}

#[test]
fn what_must_not_be_in_an_address_is_refused() {
    let refused = |uri: &str, seconds: u64| {
        let mut head = head("GET", uri);
        let error = presign(Dialect::Cos, "", &mut head, &credentials(), now(), seconds).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(!error.message().contains("S0VZ"));
        error.message().to_owned()
    };
    assert_eq!(refused("https://s.example/k", 0), "a presigned address must be valid for a second at least");
    assert_eq!(
        refused("https://s.example/k?X-Cos-Server-Side-Encryption-Customer-Key=S0VZ", 60),
        "x-cos-server-side-encryption-customer-key must not be a query parameter"
    );
    assert_eq!(
        refused("https://s.example/k?a=b&q-signature=1", 60),
        "the address is signed already: it has q-signature"
    );
    assert_eq!(
        refused("https://s.example/k?x-cos-security-token=t", 60),
        "the address is signed already: it has x-cos-security-token"
    );
}
