//! Contexts as JSON and as base64, and the names of keys.

use std::error::Error as _;

use serde_json::Value;

use super::*;

#[track_caller]
fn refused(text: &str, says: &str) {
    let error = KmsContext::parse(text).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.hint().is_some());
    let told = format!("{error}: {}", error.source().map(ToString::to_string).unwrap_or_default());
    assert!(told.contains(says), "{told}");
}

#[test]
fn the_published_context_gives_its_published_header() {
    let all: Value = serde_json::from_str(include_str!("../../../tests/vectors/sign-vectors.json")).unwrap();
    let cases = all["kms_context"].as_array().unwrap();
    assert_eq!(cases.len(), 1);
    for case in cases {
        let (json, header) = (case["json"].as_str().unwrap(), case["header"].as_str().unwrap());
        let context = KmsContext::parse(json).unwrap();
        assert_eq!(context.as_base64(), header);
        assert_eq!(KmsContext::parse(header).unwrap(), context, "base64 is taken as well");
        assert_eq!(KmsContext::parse(header.trim_end_matches('=')).unwrap(), context, "even without padding");
    }
}

#[test]
fn the_users_own_bytes_are_kept() {
    let json = "{ \"b\" : \"2\",\n  \"a\":\"\\u00e9\" }";
    let context = KmsContext::parse(&format!("\r\n {json}\t\n")).unwrap();
    assert_eq!(STANDARD.decode(context.as_base64()).unwrap(), json.as_bytes());
    assert_ne!(context.digest(), KmsContext::parse(r#"{"b":"2","a":"é"}"#).unwrap().digest());
    assert!(KmsContext::parse("{}").is_ok());
}

#[test]
fn the_digest_is_that_of_the_json_text() {
    // printf '{"a":"asdfa","b":"123321"}' | sha256sum
    let expected = "0de870e50d231e268032c88dfe334c41add669231cb232939cc4a399d312c1e5";
    assert_eq!(KmsContext::parse(r#"{"a":"asdfa","b":"123321"}"#).unwrap().digest(), expected);
    assert_eq!(KmsContext::parse("eyJhIjoiYXNkZmEiLCJiIjoiMTIzMzIxIn0=").unwrap().digest(), expected);
}

#[test]
fn only_an_object_of_strings_is_a_context() {
    refused("", "EOF");
    refused("{", "EOF");
    refused(r#"{"a":1}"#, "expected a string");
    refused(r#"{"a":null}"#, "expected a string");
    refused(r#"{"a":{"b":"c"}}"#, "expected a string");
    refused(r#"{"a":"b"} x"#, "trailing characters");
    refused(r#"{"a":"\ud800"}"#, "hex escape");
    refused(r#"["a"]"#, "neither JSON nor base64");
    refused("nonsense!", "neither JSON nor base64");
    refused("gICA", "neither JSON nor base64"); // not UTF-8
    refused(&STANDARD.encode(r#"["a"]"#), "expected an object of strings");
    refused(&STANDARD.encode(r#"{"a":2}"#), "expected a string");
}

#[test]
fn a_name_that_occurs_twice_is_refused_even_if_escaped() {
    refused(r#"{"a":"1","b":"2","a":"1"}"#, "\"a\" occurs twice");
    refused(r#"{"a":"1","\u0061":"2"}"#, "\"a\" occurs twice");
}

#[test]
fn key_ids_must_fit_into_a_header() {
    for sound in ["48ba38aa-26c5-11e8-855a-52540085308f", "alias/my-key", "arn:aws:kms:eu-west-1:1:key/x"] {
        check_key_id(sound).unwrap();
    }
    for broken in ["", " id", "id ", "a\r\nx-cos-acl: public-read", "schlüssel", "a\0", &"x".repeat(2049)] {
        assert_eq!(check_key_id(broken).unwrap_err().kind(), ErrorKind::Config, "{broken:?}");
    }
}

#[test]
fn a_resource_name_that_ends_in_the_id_is_the_id() {
    let arn = "arn:aws:kms:eu-west-1:111122223333:key/0a1b";
    for (one, other, same) in [
        ("0a1b", "0a1b", true),
        ("0a1b", arn, true),
        (arn, arn, true),
        ("0a1b", "qcs::kms:ap-guangzhou:uin/1:key/creatorUin/2/key/0a1b", true),
        ("a1b", arn, false),
        ("", arn, false),
        ("key/0a1b", arn, false),
        ("0a1b", "notkey/0a1b", false),
        ("0a1b", "0A1B", false),
        (arn, "arn:aws:kms:us-east-1:111122223333:key/0a1b", false),
    ] {
        assert_eq!(same_key(one, other), same, "{one} {other}");
        assert_eq!(same_key(other, one), same, "{other} {one}");
    }
}

#[test]
fn aliases_are_known_in_both_spellings() {
    let long = "arn:aws:kms:eu-west-1:1:alias/atlas";
    assert!(is_alias("alias/atlas") && is_alias(long));
    assert!(!is_alias("0a1b") && !is_alias("arn:aws:kms:eu-west-1:1:key/alias"));
    assert!(may_be_same_kms_key("0a1b", long) && may_be_same_kms_key("k", "x:key/k"));
    assert!(!may_be_same_kms_key("0a1b", "0a1c"));
    assert!(same_alias("alias/atlas", long) && same_alias(long, "alias/atlas") && same_alias(long, long));
    assert!(!same_alias("alias/las", long) && !same_alias("alias/atlas", "alias/other"));
}
