use http::{HeaderMap, HeaderValue, StatusCode};

use super::*;
use crate::dialect::COS;
use crate::error::ErrorKind;

fn complete(parts: Vec<(PartNumber, ETag)>) -> Complete {
    Complete {
        keeps_checksum: false,
        checksum: None,
        key: ObjectKey::new(COS, "k").unwrap(),
        upload_id: UploadId::new("id").unwrap(),
        parts,
        forbid_overwrite: false,
    }
}

fn decode(body: &str) -> Result<Completed> {
    let mut headers = HeaderMap::new();
    headers.insert("x-cos-hash-crc64ecma", HeaderValue::from_static("42"));
    headers.insert("x-cos-version-id", HeaderValue::from_static("v"));
    let answer = RawAnswer { status: StatusCode::OK, headers, body: Bytes::copy_from_slice(body.as_bytes()) };
    complete(Vec::new()).decode(COS, &answer)
}

const SAMPLE: &str = "<CompleteMultipartUploadResult xmlns=\"http://www.qcloud.com/document/product/436/7751\">\
    <Location>http://host/k</Location><Bucket>b-1</Bucket><Key>k</Key>\
    <ETag>&quot;915fca1c-1&quot;</ETag></CompleteMultipartUploadResult>";

#[test]
fn ten_thousand_parts_fit_into_a_megabyte() {
    let etag = ETag::new(&"f".repeat(32)).unwrap();
    let parts = (0..10_000).map(|index| (PartNumber::at_index(index).unwrap(), etag.clone())).collect();
    let document = complete(parts).document();
    assert!(document.len() < 1_000_000, "{}", document.len());
    assert_eq!(document.matches("<Part>").count(), 10_000);
    assert!(document.contains("<Part><PartNumber>10000</PartNumber><ETag>\"ffff"));
    assert!(!document.contains(char::is_whitespace));
}

#[test]
fn a_tag_keeps_its_quotes_and_cannot_break_the_document() {
    let document = complete(vec![(PartNumber::FIRST, ETag::new("a<b>&\"c").unwrap())]).document();
    assert_eq!(
        document,
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>\"a&lt;b>&amp;\"c\"</ETag></Part></CompleteMultipartUpload>"
    );
}

#[test]
fn the_answer_is_read_behind_the_blanks_that_precede_it() {
    let completed = decode(&format!("{}<?xml version=\"1.0\"?>{SAMPLE}", " \n".repeat(500))).unwrap();
    assert_eq!(completed.etag.as_str(), "915fca1c-1");
    assert_eq!(completed.checksum.map(Checksum::get), Some(42));
    assert_eq!(completed.version_id.as_ref().map(VersionId::as_str), Some("v"));
}

#[test]
fn an_answer_that_ends_early_or_has_no_tag_leaves_the_outcome_open() {
    let no_tag = SAMPLE.replace("<ETag>&quot;915fca1c-1&quot;</ETag>", "");
    let empty_tag = SAMPLE.replace("&quot;915fca1c-1&quot;", "&quot;&quot;");
    for body in ["", "     ", &no_tag, &empty_tag, "<html></html>", "not xml"] {
        let error = decode(body).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{body}");
        assert!(error.is_doubtful(), "{body}");
    }
    for cut in 0..SAMPLE.len() {
        let error = decode(&SAMPLE[..cut]).unwrap_err();
        assert!(error.is_doubtful() && error.kind() == ErrorKind::Protocol, "cut at byte {cut}");
    }
}

#[test]
fn an_error_inside_a_200_is_the_stores_error_and_doubtful() {
    let body = "   <?xml version='1.0'?><Error><Code>InternalError</Code><Message>We failed.</Message></Error>";
    let error = decode(body).unwrap_err();
    assert_eq!(
        (error.kind(), error.code(), error.status()),
        (ErrorKind::Unavailable, Some("InternalError"), Some(200))
    );
    assert!(error.is_doubtful());
    assert_eq!(error.message(), "Complete failed with InternalError inside an answer of status 200: We failed");
}

#[test]
fn a_malformed_checksum_does_not_undo_the_object() {
    let mut headers = HeaderMap::new();
    headers.insert("x-cos-hash-crc64ecma", HeaderValue::from_static("-1"));
    let answer = RawAnswer { status: StatusCode::OK, headers, body: Bytes::from_static(SAMPLE.as_bytes()) };
    let error = complete(Vec::new()).decode(COS, &answer).unwrap_err();
    assert!(error.is_doubtful() && error.kind() == ErrorKind::Protocol);
}
