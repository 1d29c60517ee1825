//! Signature Version 4 against the published test suite and the S3 manual's examples, to the last intermediate.

use std::borrow::Cow;

use bytes::{BufMut as _, BytesMut};
use serde_json::Value;

use super::vectors::{load, pairs};
use crate::{
    secret::Secret,
    signing::{
        framing::{Framing, Shape},
        v4::{ALGORITHM, Headers, Scope, SigningKey, canonical_request, sha256},
    },
};

/// The account, time and place that all cases of a file share.
struct Place {
    id: String,
    secret: Secret,
    scope: Scope,
}

impl Place {
    fn of(file: &Value) -> Self {
        let text = |what: &str| file["format"][what].as_str().unwrap();
        let service = if text("service") == "s3" { "s3" } else { "service" };
        assert_eq!(service, text("service"));
        Self {
            id: text("access_key").to_owned(),
            secret: Secret::new(text("secret_key")),
            scope: Scope::new(text("stamp").to_owned(), text("region"), service),
        }
    }

    fn key(&self) -> SigningKey {
        SigningKey::derive(&self.secret, &self.scope)
    }

    fn sign(&self, canonical: &[u8]) -> (String, String) {
        let text = self.scope.string_to_sign(ALGORITHM, &[&sha256(canonical)]);
        let signature = self.key().sign(&text);
        (text, signature)
    }
}

/// `SignedHeaders` of a canonical request: the last line but one.
fn signed_names(canonical: &str) -> Vec<&str> {
    canonical.rsplit('\n').nth(1).unwrap().split(';').collect()
}

/// Those of the headers that are signed, with their names in lower case.
fn fields<'a>(headers: &'a [(Cow<'a, str>, &'a str)], names: &[&str]) -> Headers<'a> {
    let signed = headers.iter().filter(|(name, _)| names.contains(&&**name));
    Headers::new(signed.map(|(name, value)| (&**name, value.as_bytes())))
}

fn lower(headers: &Value) -> Vec<(Cow<'_, str>, &str)> {
    pairs(headers).into_iter().map(|(name, value)| (Cow::Owned(name.to_ascii_lowercase()), value)).collect()
}

/// Cases of the suite whose published form normalises the path, which S3 forbids.
const NORMALISED: [&str; 6] = [
    "normalize-path/get-relative",
    "normalize-path/get-relative-relative",
    "normalize-path/get-slash",
    "normalize-path/get-slash-dot-slash",
    "normalize-path/get-slash-pointless-dot",
    "normalize-path/get-slashes",
];

#[test]
fn the_test_suite_comes_out_to_the_last_intermediate() {
    let file = load("aws-sigv4.json");
    let place = Place::of(&file);
    let (mut checked, mut normalised) = (0, Vec::new());
    for case in file["cases"].as_array().unwrap() {
        let text = |what: &str| case[what].as_str().unwrap();
        let (name, expected) = (text("name"), text("canonical_request"));
        let (path, query) = text("target").split_once('?').unwrap_or((text("target"), ""));
        let mut headers = lower(&case["headers"]);
        headers.extend(case["token"].as_str().map(|token| (Cow::Borrowed("x-amz-security-token"), token)));
        let headers = fields(&headers, &signed_names(expected));
        let canonical = canonical_request(text("method"), path, query, &headers, &sha256(text("body").as_bytes()));
        if NORMALISED.contains(&name) {
            let as_it_is = expected.replacen(expected.lines().nth(1).unwrap(), path, 1);
            assert_eq!(str::from_utf8(&canonical).unwrap(), as_it_is, "{name}");
            normalised.push(name);
            continue;
        }
        assert_eq!(str::from_utf8(&canonical).unwrap(), expected, "{name}");
        let (to_sign, signature) = place.sign(&canonical);
        assert_eq!(to_sign, text("string_to_sign"), "{name}");
        let authorization = format!(
            "{ALGORITHM} Credential={}/{}, SignedHeaders={}, Signature={signature}",
            place.id,
            place.scope,
            headers.list()
        );
        assert_eq!(authorization, text("authorization"), "{name}");
        checked += 1;
    }
    assert_eq!(normalised, NORMALISED);
    assert_eq!(checked, 28);
}

#[test]
fn paths_as_they_are_get_their_published_signatures() {
    let file = load("aws-sigv4.json");
    let place = Place::of(&file);
    let group = &file["paths_as_they_are"];
    let query = group["query"].as_str().unwrap();
    let cases = group["cases"].as_array().unwrap();
    for case in cases {
        let path = case["path"].as_str().unwrap();
        let host = ("host", b"example.amazonaws.com".as_slice());
        let dated = Headers::new([host, ("x-amz-date", place.scope.stamp().as_bytes())]);
        let canonical = canonical_request("GET", path, "", &dated, &sha256(b""));
        assert_eq!(place.sign(&canonical).1, case["signature"], "{path}");
        let canonical = canonical_request("GET", path, query, &Headers::new([host]), &sha256(b""));
        assert_eq!(place.sign(&canonical).1, case["query_signature"], "{path}");
    }
    assert_eq!(cases.len(), 6);
    let case = &file["query_with_token"];
    let host = Headers::new([("host", b"example.amazonaws.com".as_slice())]);
    let canonical = canonical_request("GET", "/", case["query"].as_str().unwrap(), &host, &sha256(b""));
    assert_eq!(place.sign(&canonical).1, case["signature"]);
}

#[test]
fn the_manuals_examples_come_out_to_the_last_intermediate() {
    let file = load("s3-examples.json");
    let place = Place::of(&file);
    let cases = file["cases"].as_array().unwrap();
    let mut framed = 0;
    for case in cases {
        let text = |what: &str| case[what].as_str().unwrap();
        let (name, expected) = (text("name"), text("canonical_request"));
        let (path, query) = text("target").split_once('?').unwrap_or((text("target"), ""));
        let headers = lower(&case["headers"]);
        let headers = fields(&headers, &signed_names(expected));
        let payload = match case["body"].as_str() {
            Some(body) => sha256(body.as_bytes()),
            None => expected.lines().last().unwrap().to_owned(),
        };
        let canonical = canonical_request(text("method"), path, query, &headers, &payload);
        assert_eq!(str::from_utf8(&canonical).unwrap(), expected, "{name}");
        let (to_sign, signature) = place.sign(&canonical);
        assert_eq!(to_sign, text("string_to_sign"), "{name}");
        assert_eq!(signature, text("signature"), "{name}");
        if case["chunks"].is_array() {
            framed += 1;
            check_chunks(&place, case, signature);
        }
    }
    assert_eq!((cases.len(), framed), (7, 2));
}

/// The body of an example, by our own framing: each signature in its place, and the length that was published.
#[track_caller]
fn check_chunks(place: &Place, case: &Value, seed: String) {
    let trailer = &case["trailer"];
    let name = trailer["name"].as_str().map(|name| {
        assert_eq!(name, "x-amz-checksum-crc32c");
        "x-amz-checksum-crc32c"
    });
    let shape = Shape::new(true, name).unwrap();
    let mut framing = Framing::new(shape, place.key(), place.scope.clone(), seed);
    assert_eq!(framing.trailer(), name);
    let byte = case["byte"].as_str().unwrap().as_bytes()[0];
    let (mut ours, mut published) = (BytesMut::new(), BytesMut::new());
    for chunk in case["chunks"].as_array().unwrap() {
        let len = usize::try_from(chunk["len"].as_u64().unwrap()).unwrap();
        let data = vec![byte; len];
        let signature = chunk["signature"].as_str().unwrap();
        assert_eq!(place.key().sign(chunk["string_to_sign"].as_str().unwrap()), signature);
        published.put(format!("{len:x};chunk-signature={signature}\r\n").as_bytes());
        if len > 0 {
            ours.put(framing.chunk_head(&data));
            ours.put(&*data);
            published.put(&*data);
            published.put(&b"\r\n"[..]);
        }
    }
    ours.put(framing.end(trailer["value"].as_str()));
    if let Some(name) = name {
        let signature = trailer["signature"].as_str().unwrap();
        assert_eq!(place.key().sign(trailer["string_to_sign"].as_str().unwrap()), signature);
        let value = trailer["value"].as_str().unwrap();
        published.put(format!("{name}:{value}\r\nx-amz-trailer-signature:{signature}\r\n").as_bytes());
    }
    published.put(&b"\r\n"[..]);
    assert!(ours == published, "{}", case["name"]);
    assert_eq!(ours.len() as u64, case["encoded_len"].as_u64().unwrap());
}
