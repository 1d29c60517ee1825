//! In which ways a server proves bytes, each by itself: what it checks and does not tell counts only where it refuses what
//! is wrong.

use std::path::Path;

use serde_json::Value;

use crate::{
    modes::Mode,
    objects::{not_echoes, proved, proved_stream, verified},
    proxy::{Call, Proxy, Seen, Trick},
    sealift::{Done, Sealift},
    world::Case,
};

/// How a server is asked, and what has to show.
struct Way {
    trick: Trick,
    checksum: &'static str,
    column: &'static str,
}

/// A CRC-32C in the head. The proxy hides what the server tells, and takes no checksum behind a body.
pub(crate) fn in_the_head(case: &Case) {
    let trick = Trick::HideChecksums { trailers: false };
    Way { trick, checksum: "crc32c", column: "CRC-32C in the head" }.check(case, case.server.checks_heads());
}

/// A CRC-32C behind the body. The proxy hides what the server tells.
pub(crate) fn behind_the_body(case: &Case) {
    let trick = Trick::HideChecksums { trailers: true };
    Way { trick, checksum: "crc32c", column: "CRC-32C behind the body" }.check(case, case.server.checks_trailers());
}

/// Content-MD5, because it is asked for.
pub(crate) fn content_md5(case: &Case) {
    Way { trick: Trick::None, checksum: "md5", column: "Content-MD5" }.check(case, Some("content-md5"));
}

impl Way {
    /// What goes in parts, what is small, and what comes by a pipe is proved in the way that is `found`, and nowhere in
    /// another; without one, nothing is left.
    fn check(&self, case: &Case, found: Option<&str>) {
        let proxy = Proxy::start(&case.server, self.trick);
        let sealift = Sealift::through(case, &proxy);
        let (ten, small) = (case.stock().ten_parts(), case.stock().small());
        let wish = ["--checksum", self.checksum];
        let Some(found) = found else {
            self.refused(case, &sealift, &sealift.put(&ten, "parts", &wish));
            return;
        };
        let receipt = sealift.put(&ten, "parts", &wish).value();
        proved(case, &receipt);
        assert_eq!(receipt["parts"], 10, "{receipt}");
        says(&receipt, found);
        assert_eq!(sealift.found_out(), [found]);
        same(case, "parts", &ten);
        let probes = proxy.seen().len();
        for key in ["small", "small again"] {
            let receipt = sealift.put(&small, key, &wish).value();
            proved(case, &receipt);
            says(&receipt, found);
            // What was found out with parts says nothing of a PUT.
            assert!(!receipt["upload_id"].is_null(), "{receipt}");
            same(case, key, &small);
        }
        let receipt = sealift.put_stream(&ten, "stream", &wish).value();
        proved_stream(case, &receipt);
        assert_eq!(receipt["parts"], 10, "{receipt}");
        same(case, "stream", &ten);
        for seen in proxy.seen().iter().skip(probes).filter(|seen| carries_data(seen)) {
            assert_eq!(way_of(&seen.head), Some(found), "{}", seen.head);
        }
        sealift.leaves_nothing();
        case.note(self.column, &format!("{found}: {}", not_echoes(&receipt)));
    }

    fn refused(&self, case: &Case, sealift: &Sealift<'_>, done: &Done) {
        let error = done.error();
        assert_eq!((done.code, &error["kind"]), (Some(8), &Value::from("integrity")), "{error}");
        sealift.lacks("parts");
        sealift.leaves_nothing();
        case.note(self.column, &done.refusal());
    }
}

/// The receipt says what was proved, whether the store keeps it, and that the file was read twice where it was.
#[track_caller]
fn says(receipt: &Value, found: &str) {
    let md5 = found == "content-md5";
    assert_eq!(verified(receipt, &["part-md5", "object-md5"]), md5, "{receipt}");
    assert_eq!(verified(receipt, &["part-checksums"]), !md5, "{receipt}");
    assert!(!md5 || !verified(receipt, &["object-checksum"]), "nobody keeps one: {receipt}");
    assert_eq!(receipt["checksum"]["type"] == "full-object", verified(receipt, &["object-checksum"]), "{receipt}");
    let warnings = receipt["warnings"].to_string();
    assert_eq!(warnings.contains("read twice"), found != "trailer", "{receipt}");
}

/// Without the proxy, which hides what the server tells.
#[track_caller]
fn same(case: &Case, key: &str, source: &Path) {
    Sealift::new(case).holds(key, source);
}

fn carries_data(seen: &Seen) -> bool {
    seen.call == Call::UploadPart || seen.head.starts_with("PUT ")
}

/// What goes along with data to be checked.
fn way_of(head: &str) -> Option<&'static str> {
    let ways = [("x-amz-trailer", "trailer"), ("x-amz-checksum-crc32c", "header"), ("content-md5", "content-md5")];
    let has = |name: &str| head.lines().any(|line| line.to_ascii_lowercase().starts_with(&format!("{name}:")));
    ways.into_iter().find(|(name, _)| has(name)).map(|(_, way)| way)
}

/// A KMS key that the server does not have. Where it says so, that is the error, at once; SeaweedFS answers as if it had
/// failed itself, which is tried again, and the key is named as the likeliest reason.
pub(crate) fn unknown_kms_key(case: &Case) {
    assert_eq!(case.mode, Mode::Kms);
    let sealift = Sealift::new(case);
    for source in [case.stock().small(), case.stock().two_parts()] {
        let url = case.url("unknown");
        let words = ["put", source.to_str().unwrap(), &url, "--sse", "kms", "--sse-kms-key-id", "no-such-key"];
        let done = sealift.run(&words, &["--no-resume".to_owned()]);
        let error = done.error();
        assert_eq!((done.code, &error["kind"]), (Some(5), &Value::from("encryption")), "{error}");
        let hint = error["hint"].as_str().unwrap();
        if case.server.names_unknown_kms_keys() {
            assert!(hint.contains("check the KMS key"), "{error}");
            assert!(error["attempts"].is_null() || error["attempts"] == 1, "at once: {error}");
        } else {
            assert!(hint.contains("check --sse-kms-key-id"), "{error}");
            assert_eq!(error["code"], "InternalError", "{error}");
        }
        sealift.lacks("unknown");
        sealift.leaves_nothing();
        case.note("unknown KMS key", &done.refusal());
    }
}
