//! Given the lists of what was signed, every intermediate and every signature comes out as published or recorded.

use std::{borrow::Cow, fs, path::PathBuf};

use serde_json::Value;

use crate::{
    secret::Secret,
    signing::{
        canonical::{Fields, decode_path, decode_query, http_string},
        cos::{sign_key, signature, string_to_sign},
    },
};

/// Reads a file of `tests/vectors`, whose README tells their format and origin.
pub(super) fn load(name: &str) -> Value {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name);
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

/// `[name, value]` pairs.
pub(super) fn pairs(value: &Value) -> Vec<(&str, &str)> {
    value.as_array().unwrap().iter().map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap())).collect()
}

fn fields(value: &Value) -> Fields<'_> {
    Fields::new(pairs(value).into_iter().map(|(name, value)| (name, Cow::Borrowed(value.as_bytes())))).unwrap()
}

/// One signed request: where a case keeps what differs between the files.
struct Case<'a> {
    name: &'a str,
    method: &'a str,
    path: &'a str,
    parameters: &'a Value,
    headers: &'a Value,
    secret_key: Option<&'a str>,
    key_time: &'a str,
    /// `header_list`, `url_param_list`, `http_string`, `sign_key` and so on.
    expected: &'a Value,
}

impl Case<'_> {
    fn check(&self) {
        let name = self.name;
        let expected = |what: &str| self.expected[what].as_str().unwrap_or_else(|| panic!("{name} lacks {what}"));
        let (headers, parameters) = (fields(self.headers), fields(self.parameters));
        assert_eq!(headers.list(), expected("header_list"), "{name}");
        assert_eq!(parameters.list(), expected("url_param_list"), "{name}");
        let text = http_string(self.method, self.path.as_bytes(), &parameters, &headers);
        assert_eq!(str::from_utf8(&text).unwrap(), expected("http_string"), "{name}");
        let to_sign = string_to_sign(self.key_time, &text);
        assert_eq!(to_sign, expected("string_to_sign"), "{name}");
        if let Some(sha1) = self.expected["http_string_sha1"].as_str() {
            assert_eq!(to_sign.lines().nth(2), Some(sha1), "{name}");
        }
        if let Some(secret_key) = self.secret_key {
            assert_eq!(*sign_key(&Secret::new(secret_key), self.key_time), expected("sign_key"), "{name}");
        }
        assert_eq!(signature(expected("sign_key"), &to_sign), expected("signature"), "{name}");
    }
}

#[test]
fn published_vectors_come_out_to_the_last_intermediate() {
    let file = load("sign-vectors.json");
    let cases = file["sign"].as_array().unwrap();
    for case in cases {
        let text = |what: &str| case[what].as_str().unwrap();
        Case {
            name: text("name"),
            method: text("method"),
            path: text("path_for_signing"),
            parameters: &case["query"],
            headers: &case["signed_headers"],
            secret_key: case["secret_key"].as_str(),
            key_time: text("key_time"),
            expected: case,
        }
        .check();
        assert_eq!(&*decode_path(text("wire_path")), text("path_for_signing").as_bytes(), "{}", text("name"));
    }
    assert_eq!(cases.len(), 19);
    assert_eq!(cases.iter().filter(|case| case["secret_key"].is_string()).count(), 17);
}

#[test]
fn the_manuals_own_examples_come_out() {
    let file = load("documentation-examples.json");
    let cases = file["examples"].as_array().unwrap();
    for case in cases {
        let text = |what: &str| case[what].as_str().unwrap();
        Case {
            name: text("id"),
            method: text("method"),
            path: text("path"),
            parameters: &case["params"],
            headers: &case["headers"],
            secret_key: Some(text("secret_key")),
            key_time: text("key_time"),
            expected: case,
        }
        .check();
    }
    assert_eq!(cases.len(), 2);
}

#[test]
fn requests_of_official_sdks_get_the_signatures_they_had() {
    let (mut cases, mut requests) = (0, 0);
    for sdk in ["node", "python", "js", "go"] {
        for family in ["operations", "keys", "headers", "flows"] {
            let file = load(&format!("{sdk}-{family}.json"));
            for case in file["cases"].as_array().unwrap() {
                cases += 1;
                for request in case["requests"].as_array().unwrap() {
                    requests += 1;
                    let text = |what: &str| request[what].as_str().unwrap();
                    let auth = &request["auth"];
                    Case {
                        name: case["id"].as_str().unwrap(),
                        method: text("method"),
                        path: text("path_decoded"),
                        parameters: &auth["signed_params"],
                        headers: &auth["signed_headers"],
                        secret_key: case["input"]["credential"]["secret_key"].as_str(),
                        key_time: auth["key_time"].as_str().unwrap(),
                        expected: auth,
                    }
                    .check();
                    wire_form_is_understood(request);
                }
            }
        }
    }
    assert_eq!((cases, requests), (680, 984));
}

/// The recorded target, decoded by us, is what the recording says was meant.
#[track_caller]
fn wire_form_is_understood(request: &Value) {
    let text = |what: &str| request[what].as_str().unwrap();
    assert_eq!(&*decode_path(text("path_raw")), text("path_decoded").as_bytes());
    let query: Vec<(String, String)> = decode_query(text("query_raw"))
        .map(|(name, value)| (String::from_utf8(name.into()).unwrap(), String::from_utf8(value.into()).unwrap()))
        .collect();
    let meant: Vec<(String, String)> =
        pairs(&request["query"]).into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    assert_eq!(query, meant, "{}", text("target"));
}
