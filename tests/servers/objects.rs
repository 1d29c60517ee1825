//! A file goes up, is proved, is looked at, comes back, and does not come back without its key; or it is refused for a
//! reason, and nothing is left.

use std::path::Path;

use serde_json::Value;

use crate::{
    modes::Mode,
    sealift::{Done, Sealift},
    world::Case,
};

const IN_PARTS: &str = "in parts";

pub(crate) fn small(case: &Case) {
    let put = whole_life(case, &case.stock().small(), "small", &[]);
    case.note("put small", &put);
}

pub(crate) fn ten_parts(case: &Case) {
    let put = whole_life(case, &case.stock().ten_parts(), IN_PARTS, &["--concurrency", "4"]);
    case.note("put 10 parts", &put);
}

/// What the table says of the `put`.
fn whole_life(case: &Case, source: &Path, key: &str, more: &[&str]) -> String {
    let sealift = Sealift::new(case);
    let put = sealift.put(source, key, more);
    if !case.server.takes(case.mode) {
        return refused(case, &sealift, &put, key);
    }
    let receipt = put.value();
    proved(case, &receipt);
    assert_eq!(receipt["size"], source.metadata().unwrap().len(), "{receipt}");
    let stat = sealift.holds(key, source);
    let shown = if stat["checksum"].is_null() {
        assert!(case.server.forgets_checksum(&receipt), "{stat}");
        "size and mode"
    } else {
        assert_eq!(stat["checksum"], receipt["checksum"], "what the receipt says is what the store says later");
        "size, mode and checksum"
    };
    if case.mode == Mode::Customer {
        closed(case, &sealift, key);
    } else {
        case.note("wrong key", "–");
        case.note("no key", "–");
    }
    sealift.leaves_nothing();
    case.note("get", "same bytes");
    if key == IN_PARTS {
        assert_eq!(receipt["parts"], 10, "{receipt}");
        case.note("stat", shown);
        case.note("verified", &not_echoes(&receipt));
        case.note("confirmed by", &checks(&receipt, |check| check.starts_with("echo:")).replace("echo:", ""));
        case.note("refusal", "–");
    }
    "proved".to_owned()
}

/// A receipt says by what the bytes and the encryption were proved.
#[track_caller]
pub(crate) fn proved(case: &Case, receipt: &Value) {
    proved_stream(case, receipt);
    assert!(verified(receipt, &["source-unchanged"]), "{receipt}");
}

/// The same for what has come by a pipe, and is not there to be looked at again.
#[track_caller]
pub(crate) fn proved_stream(case: &Case, receipt: &Value) {
    assert!(verified(receipt, &["part-checksums", "part-md5", "object-checksum", "object-md5"]), "{receipt}");
    assert_eq!(receipt["sse"]["mode"], case.mode.to_string(), "{receipt}");
    // An answer that came with the data, not a later look at the object.
    assert!(verified(receipt, &["echo:parts", "echo:put"]) || case.mode == Mode::None, "{receipt}");
}

/// Whether a receipt names one of these checks.
pub(crate) fn verified(receipt: &Value, names: &[&str]) -> bool {
    let verified = receipt["verified"].as_array().unwrap();
    verified.iter().any(|check| names.contains(&check.as_str().unwrap()))
}

/// A mode that the server does not do ends with exit code 5 or 6 and the reason, and leaves nothing.
fn refused(case: &Case, sealift: &Sealift<'_>, put: &Done, key: &str) -> String {
    let error = put.error();
    if case.server.ignores(case.mode) {
        assert_eq!((put.code, &error["kind"]), (Some(5), &Value::from("encryption")), "{error}");
        let message = error["message"].as_str().unwrap();
        assert!(message.contains("did not confirm the encryption"), "the behaviour is named: {error}");
    } else {
        assert_eq!((put.code, &error["kind"]), (Some(6), &Value::from("rejected")), "{error}");
        assert!(error["status"].is_u64() && error["code"].is_string(), "the store's own words are shown: {error}");
    }
    sealift.lacks(key);
    sealift.leaves_nothing();
    for column in ["stat", "get", "wrong key", "no key", "verified", "confirmed by"] {
        case.note(column, "–");
    }
    case.note("refusal", &put.refusal());
    format!("refused, exit {}", put.code.unwrap())
}

/// Nobody reads it without the key, and not one byte comes out.
fn closed(case: &Case, sealift: &Sealift<'_>, key: &str) {
    let url = case.url(key);
    let other = ["--sse-key".to_owned(), case.stock().other_key()];
    for (column, options, code) in [("wrong key", &other[..], 5), ("no key", &[], 6)] {
        for words in [&["stat", &url][..], &["get", &url, "-"]] {
            let done = sealift.run(words, options);
            assert_eq!(done.code, Some(code), "{column}: {words:?}: {done:?}");
            assert!(done.stdout.is_empty(), "{column}: {words:?}: something came out");
        }
        case.note(column, &format!("exit {code}"));
    }
}

/// The checks of a receipt that are of bytes.
pub(crate) fn not_echoes(receipt: &Value) -> String {
    checks(receipt, |check| !check.starts_with("echo:"))
}

/// The checks of a receipt that are wanted, in one order.
fn checks(receipt: &Value, wanted: impl Fn(&str) -> bool) -> String {
    let all = receipt["verified"].as_array().unwrap().iter().map(|check| check.as_str().unwrap());
    let mut names: Vec<_> = all.filter(|check| wanted(check)).collect();
    names.sort_unstable();
    if names.is_empty() { "–".to_owned() } else { names.join(", ") }
}
