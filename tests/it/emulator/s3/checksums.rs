//! Checksums: computed, compared, told, and kept.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use crc_fast::CrcAlgorithm;
use ring::digest;

use super::{
    super::raw::{Headers, headers, md5_base64},
    raw::{Raw, named, store, store_with},
};
use crate::support::pattern;

const ALGORITHMS: [&str; 5] = ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"];
const ENABLED: (&str, &str) = ("x-amz-checksum-mode", "ENABLED");

/// A checksum as S3 writes it.
fn value(algorithm: &str, bytes: &[u8]) -> String {
    let crc = |variant, width: usize| crc_fast::checksum(variant, bytes).to_be_bytes()[8 - width..].to_vec();
    let sha = |variant| digest::digest(variant, bytes).as_ref().to_vec();
    STANDARD.encode(match algorithm {
        "CRC32" => crc(CrcAlgorithm::Crc32IsoHdlc, 4),
        "CRC32C" => crc(CrcAlgorithm::Crc32Iscsi, 4),
        "CRC64NVME" => crc(CrcAlgorithm::Crc64Nvme, 8),
        "SHA1" => sha(&digest::SHA1_FOR_LEGACY_USE_ONLY),
        _ => sha(&digest::SHA256),
    })
}

fn header(algorithm: &str) -> String {
    format!("x-amz-checksum-{}", algorithm.to_lowercase())
}

fn with(algorithm: &str, value: &str) -> Headers {
    headers(&[(&header(algorithm), value)])
}

fn declaring(algorithm: &str, kind: &str) -> Headers {
    headers(&[("x-amz-checksum-algorithm", algorithm), ("x-amz-checksum-type", kind)])
}

/// A part as Complete names it, with its checksum.
fn listed(number: u32, etag: &str, algorithm: &str, value: &str) -> (u32, String, String) {
    (number, etag.to_owned(), format!("<Checksum{algorithm}>{value}</Checksum{algorithm}>"))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_has_the_checksum_it_was_put_with_and_else_a_crc64nvme() {
    let store = store().await;
    let raw = Raw::new(&store);
    let bytes = pattern(100_000, 1);
    for (algorithm, given) in ALGORITHMS.map(|algorithm| (algorithm, true)).into_iter().chain([("CRC64NVME", false)]) {
        let expected = value(algorithm, &bytes);
        let given = if given { with(algorithm, &expected) } else { Headers::new() };
        let put = raw.put("k", &given, &bytes).await.ok();
        let head = raw.head("k", &headers(&[ENABLED])).await.ok();
        let got = raw.get("k", &headers(&[ENABLED])).await.ok();
        for said in [&put, &head, &got] {
            assert_eq!(said.header(&header(algorithm)), expected);
            assert_eq!(said.header("x-amz-checksum-type"), "FULL_OBJECT");
        }
        // Told to those who ask only, and not with a part of the bytes.
        let ranged = headers(&[ENABLED, ("Range", "bytes=0-9")]);
        for said in [raw.head("k", &[]).await.ok(), raw.get("k", &ranged).await.ok()] {
            assert!(!said.headers.keys().any(|name| name.as_str().starts_with("x-amz-checksum")));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_or_malformed_checksum_leaves_no_object() {
    let store = store().await;
    let raw = Raw::new(&store);
    for algorithm in ALGORITHMS {
        let wrong = with(algorithm, &value(algorithm, b"other bytes"));
        let said = raw.put("k", &wrong, b"bytes").await.refused(400, "BadDigest");
        let message = format!("The {algorithm} you specified did not match the calculated checksum.");
        assert_eq!(said.element("Message"), Some(message));
        for malformed in ["", "AA==", "no base64", &value("SHA256", b"")[..40]] {
            raw.put("k", &with(algorithm, malformed), b"bytes").await.refused(400, "InvalidRequest");
        }
        let id = raw.initiate("m", &headers(&[("x-amz-checksum-algorithm", algorithm)])).await;
        raw.part("m", &id, 1, &wrong, b"bytes").await.refused(400, "BadDigest");
    }
    let two = [with("CRC32", &value("CRC32", b"bytes")), with("SHA1", &value("SHA1", b"bytes"))].concat();
    raw.put("k", &two, b"bytes").await.refused(400, "InvalidRequest");
    let announced = headers(&[("x-amz-sdk-checksum-algorithm", "CRC32")]);
    raw.put("k", &announced, b"bytes").await.refused(400, "InvalidRequest");
    raw.put("k", &headers(&[("x-amz-checksum-sha512", "a")]), b"bytes").await.refused(501, "NotImplemented");
    raw.put("k", &headers(&[("Content-MD5", &md5_base64(b"other"))]), b"bytes").await.refused(400, "BadDigest");
    raw.put("k", &headers(&[("Content-MD5", "AA==")]), b"bytes").await.refused(400, "InvalidDigest");
    raw.get("k", &[]).await.refused(404, "NoSuchKey");
    raw.put("k", &headers(&[("Content-MD5", &md5_base64(b"bytes"))]), b"bytes").await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn initiate_takes_the_pairs_of_algorithm_and_type_that_there_are() {
    let store = store().await;
    let raw = Raw::new(&store);
    for (algorithm, kinds, default) in [
        ("CRC32", &["COMPOSITE", "FULL_OBJECT"][..], "COMPOSITE"),
        ("CRC32C", &["COMPOSITE", "FULL_OBJECT"], "COMPOSITE"),
        ("CRC64NVME", &["FULL_OBJECT"], "FULL_OBJECT"),
        ("SHA1", &["COMPOSITE"], "COMPOSITE"),
        ("SHA256", &["COMPOSITE"], "COMPOSITE"),
    ] {
        for kind in ["COMPOSITE", "FULL_OBJECT"] {
            let said = raw.send("POST", "k", &[("uploads", "")], &declaring(algorithm, kind), &[]).await;
            if kinds.contains(&kind) {
                let said = said.ok();
                assert_eq!(said.header("x-amz-checksum-algorithm"), algorithm);
                assert_eq!(said.header("x-amz-checksum-type"), kind);
            } else {
                said.refused(400, "InvalidRequest");
            }
        }
        let bare = headers(&[("x-amz-checksum-algorithm", algorithm)]);
        let said = raw.send("POST", "k", &[("uploads", "")], &bare, &[]).await.ok();
        assert_eq!(said.header("x-amz-checksum-type"), default);
    }
    for wrong in [declaring("MD4", "COMPOSITE"), declaring("CRC32", "HALF"), declaring("", "")] {
        raw.send("POST", "k", &[("uploads", "")], &wrong, &[]).await.refused(400, "InvalidRequest");
    }
    let newer = declaring("SHA512", "COMPOSITE");
    raw.send("POST", "k", &[("uploads", "")], &newer, &[]).await.refused(501, "NotImplemented");
    let kind = headers(&[("x-amz-checksum-type", "FULL_OBJECT")]);
    raw.send("POST", "k", &[("uploads", "")], &kind, &[]).await.refused(400, "InvalidRequest");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_checksum_of_a_full_object_is_that_of_its_bytes() {
    let store = store().await;
    let raw = Raw::new(&store);
    let pieces = [pattern(70_000, 1), pattern(1024, 2), pattern(9, 3)];
    let whole = pieces.concat();
    for algorithm in ["CRC32", "CRC32C", "CRC64NVME"] {
        let id = raw.initiate("m", &declaring(algorithm, "FULL_OBJECT")).await;
        let mut parts = Vec::new();
        for (number, piece) in (1..).zip(&pieces) {
            // A part may bring its own or leave it to the store.
            let brought = if number == 2 { Headers::new() } else { with(algorithm, &value(algorithm, piece)) };
            let part = raw.part("m", &id, number, &brought, piece).await.ok();
            assert_eq!(part.header(&header(algorithm)), value(algorithm, piece));
            assert!(!part.headers.contains_key("x-amz-checksum-type"));
            parts.push(named(number, &part));
        }
        let list = raw.list_parts("m", &id, &[]).await.ok().text();
        assert!(list.contains(&format!("<ChecksumAlgorithm>{algorithm}</ChecksumAlgorithm>")), "{list}");
        assert!(list.contains("<ChecksumType>FULL_OBJECT</ChecksumType>"), "{list}");
        for piece in &pieces {
            let element = format!("<Checksum{algorithm}>{}</Checksum{algorithm}>", value(algorithm, piece));
            assert!(list.contains(&element), "{list}");
        }
        let expected = value(algorithm, &whole);
        let kind = headers(&[("x-amz-checksum-type", "FULL_OBJECT")]);
        let right = [kind.clone(), with(algorithm, &expected)].concat();
        let wrong = [kind, with(algorithm, &value(algorithm, b"other"))].concat();
        raw.complete("m", &id, &parts, &wrong).await.refused(400, "BadDigest");
        // A value without its type is read as a composite one.
        raw.complete("m", &id, &parts, &with(algorithm, &expected)).await.refused(400, "InvalidRequest");
        let other = headers(&[("x-amz-checksum-type", "COMPOSITE")]);
        raw.complete("m", &id, &parts, &other).await.refused(400, "BadDigest");
        let done = raw.complete("m", &id, &parts, &right).await.ok();
        assert_eq!(done.element(&format!("Checksum{algorithm}")), Some(expected.clone()));
        assert_eq!(done.element("ChecksumType").as_deref(), Some("FULL_OBJECT"));
        let head = raw.head("m", &headers(&[ENABLED])).await.ok();
        assert_eq!((head.header(&header(algorithm)), head.header("x-amz-checksum-type")), (&*expected, "FULL_OBJECT"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_composite_checksum_is_that_of_the_parts_checksums() {
    let store = store().await;
    let raw = Raw::new(&store);
    let pieces = [pattern(70_000, 1), pattern(9, 3)];
    for algorithm in ["CRC32", "CRC32C", "SHA1", "SHA256"] {
        let values = pieces.each_ref().map(|piece| value(algorithm, piece));
        let binary = values.each_ref().map(|value| STANDARD.decode(value).unwrap()).concat();
        let composite = format!("{}-2", value(algorithm, &binary));
        let id = raw.initiate("m", &declaring(algorithm, "COMPOSITE")).await;
        let said = raw.part("m", &id, 1, &[], &pieces[0]).await.refused(400, "InvalidRequest");
        let lower = algorithm.to_lowercase();
        let mismatch = |expected: &str, actual: &str| {
            format!(
                "Checksum Type mismatch occurred, expected checksum Type: {expected}, actual checksum Type: {actual}"
            )
        };
        assert_eq!(said.element("Message"), Some(mismatch(&lower, "null")));
        let other = with("CRC64NVME", &value("CRC64NVME", &pieces[0]));
        let said = raw.part("m", &id, 1, &other, &pieces[0]).await.refused(400, "InvalidRequest");
        assert_eq!(said.element("Message"), Some(mismatch(&lower, "crc64nvme")));

        let mut parts = Vec::new();
        for ((number, piece), value) in (1..).zip(&pieces).zip(&values) {
            let part = raw.part("m", &id, number, &with(algorithm, value), piece).await.ok();
            parts.push(listed(number, part.etag(), algorithm, value));
        }
        let bare: Vec<_> = parts.iter().map(|part| (part.0, part.1.clone(), String::new())).collect();
        let said = raw.complete("m", &id, &bare, &[]).await.refused(400, "InvalidRequest");
        let message = format!(
            "The upload was created using a {lower} checksum. The complete request must include the checksum for each \
             part. It was missing for part 1 in the request."
        );
        assert_eq!(said.element("Message"), Some(message));
        let swapped = [listed(1, &parts[0].1, algorithm, &values[1]), parts[1].clone()];
        raw.complete("m", &id, &swapped, &[]).await.refused(400, "InvalidPart");
        raw.complete("m", &id, &parts, &with(algorithm, &values[0])).await.refused(400, "BadDigest");
        let done = raw.complete("m", &id, &parts, &with(algorithm, &composite)).await.ok();
        assert_eq!(done.element(&format!("Checksum{algorithm}")), Some(composite.clone()));
        let head = raw.head("m", &headers(&[ENABLED])).await.ok();
        assert_eq!((head.header(&header(algorithm)), head.header("x-amz-checksum-type")), (&*composite, "COMPOSITE"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_declares_nothing_gets_a_crc64nvme_and_parts_may_bring_any() {
    let store = store().await;
    let raw = Raw::new(&store);
    let pieces = [pattern(5000, 1), pattern(2000, 2), pattern(9, 3)];
    let opened = raw.send("POST", "m", &[("uploads", "")], &[], &[]).await.ok();
    assert!(!opened.headers.contains_key("x-amz-checksum-algorithm"));
    let id = opened.element("UploadId").unwrap();
    let brought =
        [Headers::new(), with("CRC32", &value("CRC32", &pieces[1])), with("SHA1", &value("SHA1", &pieces[2]))];
    let mut parts = Vec::new();
    for (number, (piece, brought)) in (1..).zip(pieces.iter().zip(&brought)) {
        let part = raw.part("m", &id, number, brought, piece).await.ok();
        let (name, value) = brought.first().cloned().unwrap_or((header("CRC64NVME"), value("CRC64NVME", piece)));
        assert_eq!(part.header(&name), value);
        parts.push(named(number, &part));
    }
    parts[1].2 = format!("<ChecksumCRC32>{}</ChecksumCRC32>", value("CRC32", &pieces[1]));
    let done = raw.complete("m", &id, &parts, &[]).await.ok();
    let expected = value("CRC64NVME", &pieces.concat());
    assert_eq!(done.element("ChecksumCRC64NVME"), Some(expected.clone()));
    assert_eq!(raw.head("m", &headers(&[ENABLED])).await.ok().header(&header("CRC64NVME")), expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_can_be_told_to_refuse_checksums_that_were_not_declared() {
    let mut guesses = sealift::emulator::Guesses::s3();
    guesses.undeclared_part_checksums = false;
    guesses.checksum_without_type = true;
    guesses.crc_on_complete = false;
    let store = store_with(|options| options.guesses(guesses)).await;
    let raw = Raw::new(&store);
    let id = raw.initiate("m", &[]).await;
    let said = raw.part("m", &id, 1, &with("CRC32", &value("CRC32", b"bytes")), b"bytes").await;
    assert!(said.refused(400, "InvalidRequest").text().contains("expected checksum Type: null"));
    let sum = with("CRC64NVME", &value("CRC64NVME", b"bytes"));
    let part = named(1, &raw.part("m", &id, 1, &sum, b"bytes").await.ok());
    let done = raw.complete("m", &id, &[part], &sum).await.ok();
    assert_eq!(done.element("ChecksumCRC64NVME"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn complete_compares_the_size_it_is_told() {
    let store = store().await;
    let raw = Raw::new(&store);
    let id = raw.initiate("m", &[]).await;
    let part = named(1, &raw.part("m", &id, 1, &[], b"bytes").await.ok());
    for wrong in ["4", "6", "many"] {
        let told = headers(&[("x-amz-mp-object-size", wrong)]);
        raw.complete("m", &id, std::slice::from_ref(&part), &told).await.refused(400, "InvalidRequest");
    }
    raw.complete("m", &id, &[part], &headers(&[("x-amz-mp-object-size", "5")])).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_declared_checksum_part_numbers_have_no_gaps() {
    let store = store().await;
    let raw = Raw::new(&store);
    for (declared, status) in [(Headers::new(), 200), (declaring("CRC32", "FULL_OBJECT"), 500)] {
        let id = raw.initiate("m", &declared).await;
        let parts = [
            named(2, &raw.part("m", &id, 2, &[], &pattern(2000, 1)).await.ok()),
            named(7, &raw.part("m", &id, 7, &[], b"bytes").await.ok()),
        ];
        assert_eq!(raw.complete("m", &id, &parts, &[]).await.status.as_u16(), status);
    }
}
