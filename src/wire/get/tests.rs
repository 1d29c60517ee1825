use bytes::Bytes;
use http::{HeaderMap, HeaderValue};

use super::*;
use crate::{
    checksum::{Algorithm, Checksum},
    dialect::{COS, S3},
    error::ErrorKind,
};

fn answer(status: u16, headers: &[(&'static str, &'static str)]) -> RawAnswer {
    let mut map = HeaderMap::new();
    map.insert("etag", HeaderValue::from_static("\"0\""));
    for (name, value) in headers {
        map.insert(*name, HeaderValue::from_static(value));
    }
    RawAnswer { status: StatusCode::from_u16(status).unwrap(), headers: map, body: Bytes::new() }
}

fn get(range: Option<(u64, u64)>) -> Get {
    Get { key: ObjectKey::new(COS, "k").unwrap(), version_id: None, range, if_match: None }
}

#[track_caller]
fn check(range: Option<(u64, u64)>, status: u16, headers: &[(&'static str, &'static str)], size: Option<u64>) {
    match (get(range).decode(COS, &answer(status, headers)), size) {
        (Ok(info), Some(size)) => assert_eq!(info.size, size),
        (Err(error), None) => assert_eq!(error.kind(), ErrorKind::Protocol),
        (other, _) => panic!("{other:?}"),
    }
}

#[test]
fn the_size_is_that_of_the_whole_object() {
    check(None, 200, &[("content-length", "90")], Some(90));
    check(Some((10, 19)), 206, &[("content-length", "10"), ("content-range", "bytes 10-19/90")], Some(90));
    check(Some((0, 99)), 206, &[("content-length", "90"), ("content-range", "bytes 0-89/90")], Some(90));
    check(Some((80, u64::MAX)), 206, &[("content-range", "bytes 80-89/90")], Some(90));
}

#[test]
fn other_bytes_than_asked_are_refused() {
    check(Some((10, 19)), 206, &[("content-range", "bytes 11-19/90")], None);
    check(Some((10, 19)), 206, &[("content-range", "bytes 10-18/90")], None);
    check(Some((10, 19)), 206, &[("content-range", "bytes 10-20/90")], None);
    check(Some((10, 19)), 200, &[("content-length", "90")], None);
    check(None, 206, &[("content-range", "bytes 10-19/90")], None);
}

#[test]
fn a_whole_object_answers_a_range_that_covers_it() {
    check(Some((0, 99)), 200, &[("content-length", "90")], Some(90));
}

#[test]
fn an_answer_without_a_sound_range_or_size_is_refused() {
    check(None, 200, &[], None);
    check(None, 200, &[("content-length", "-1")], None);
    for range in [
        "",
        "bytes",
        "bytes 10-19",
        "bytes 10-19/*",
        "bytes 19-10/90",
        "bytes 10-19/15",
        "items 10-19/90",
        "bytes 10-18446744073709551615/90",
    ] {
        let mut map = answer(206, &[]);
        map.headers.insert("content-range", HeaderValue::from_static(range));
        assert_eq!(get(Some((10, 19))).decode(COS, &map).unwrap_err().kind(), ErrorKind::Protocol, "{range}");
    }
}

#[test]
fn metadata_checksum_and_tag_are_read() {
    let headers = [
        ("content-length", "3"),
        ("etag", "\"abc-2\""),
        ("x-cos-hash-crc64ecma", "18446744073709551615"),
        ("x-cos-version-id", "v1"),
        ("x-cos-storage-class", "ARCHIVE"),
        ("x-cos-meta-sealift-upload", "n1"),
        ("x-cos-meta-colour", "red"),
        ("last-modified", "Thu, 16 May 2019 06:45:51 GMT"),
    ];
    let info = get(None).decode(COS, &answer(200, &headers)).unwrap();
    assert_eq!(info.etag.as_ref().map(ETag::as_str), Some("abc-2"));
    assert_eq!(info.checksum.map(Checksum::get), Some(u64::MAX));
    assert_eq!(info.version_id.as_ref().map(VersionId::as_str), Some("v1"));
    assert_eq!(info.storage_class.as_deref(), Some("ARCHIVE"));
    assert_eq!(info.nonce(), Some("n1"));
    assert!(info.meta.contains(&("colour".to_owned(), "red".to_owned())));
    assert_eq!(info.last_modified.as_deref(), Some("Thu, 16 May 2019 06:45:51 GMT"));
}

#[test]
fn a_malformed_checksum_is_a_fault_of_the_protocol() {
    for crc in ["18446744073709551616", "-1", "0x10", "abc", ""] {
        let mut raw = answer(200, &[("content-length", "3")]);
        raw.headers.insert("x-cos-hash-crc64ecma", HeaderValue::from_static(crc));
        assert_eq!(get(None).decode(COS, &raw).unwrap_err().kind(), ErrorKind::Protocol, "{crc:?}");
    }
}

#[test]
fn two_different_checksums_contradict_each_other() {
    let mut raw = answer(200, &[("content-length", "3"), ("x-cos-hash-crc64ecma", "5")]);
    raw.headers.append("x-cos-hash-crc64ecma", HeaderValue::from_static("5"));
    assert!(get(None).decode(COS, &raw).is_ok());
    raw.headers.append("x-cos-hash-crc64ecma", HeaderValue::from_static("6"));
    assert_eq!(get(None).decode(COS, &raw).unwrap_err().kind(), ErrorKind::Protocol);
}

#[test]
fn endless_tags_and_versions_are_refused_without_being_repeated() {
    for name in ["etag", "x-cos-version-id"] {
        let mut raw = answer(200, &[("content-length", "1")]);
        raw.headers.insert(name, HeaderValue::from_str(&"x".repeat(2000)).unwrap());
        let error = get(None).decode(COS, &raw).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol);
        assert!(error.message().len() < 100, "{error}");
    }
}

#[test]
fn a_checksum_of_parts_tells_of_the_bytes_only_where_there_is_one_part() {
    let of = |text: &'static str| {
        let headers = [("content-length", "9"), ("x-amz-checksum-crc32c", text)];
        let info = get(None).decode(S3, &answer(200, &headers)).unwrap();
        (info.checksum, info.of_one_part)
    };
    let one = Algorithm::Crc32c.parse("MPR56A==");
    assert_eq!(of("MPR56A=="), (one, None));
    assert_eq!(of("MPR56A==-1"), (None, one));
    assert_eq!(of("MPR56A==-11"), (None, None));
    assert_eq!(of("x-1"), (None, None));
}
