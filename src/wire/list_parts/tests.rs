use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::*;
use crate::dialect::COS;
use crate::error::ErrorKind;

fn number(number: u16) -> PartNumber {
    PartNumber::new(number).unwrap()
}

fn decode(after: Option<u16>, inner: &str) -> Result<PartPage> {
    let call = ListParts {
        key: ObjectKey::new(COS, "k").unwrap(),
        upload_id: UploadId::new("id").unwrap(),
        after: after.map(number),
    };
    let body = format!("<?xml version=\"1.0\"?><ListPartsResult><Bucket>b-1</Bucket>{inner}</ListPartsResult>");
    let answer = RawAnswer { status: StatusCode::OK, headers: HeaderMap::new(), body: Bytes::from(body) };
    call.decode(COS, &answer)
}

fn part(number: u16, etag: &str, size: u64) -> String {
    format!(
        "<Part><PartNumber>{number}</PartNumber><LastModified>Tue Jan 17 16:43:37 2017</LastModified>\
         <ETag>&quot;{etag}&quot;</ETag><Size>{size}</Size></Part>"
    )
}

#[track_caller]
fn protocol(after: Option<u16>, inner: &str) {
    assert_eq!(decode(after, inner).unwrap_err().kind(), ErrorKind::Protocol, "{inner}");
}

#[test]
fn parts_come_sorted_and_once() {
    let inner = [part(10, "c", 3), part(2, "b", 2), part(1, "a", 1), part(2, "b", 2)].concat();
    let page = decode(None, &format!("{inner}<IsTruncated>FALSE</IsTruncated>")).unwrap();
    let expected = [(1, "a", 1), (2, "b", 2), (10, "c", 3)].map(|(at, etag, size)| ListedPart {
        number: number(at),
        etag: ETag::new(etag).unwrap(),
        size,
    });
    assert_eq!(page, PartPage { parts: expected.to_vec(), next: None });
}

#[test]
fn an_upload_without_parts_has_an_empty_page() {
    assert_eq!(decode(None, "").unwrap(), PartPage { parts: Vec::new(), next: None });
}

#[test]
fn the_next_page_begins_at_the_marker() {
    let truncated = "<IsTruncated>TRUE</IsTruncated>";
    let marked = format!("{}{truncated}<NextPartNumberMarker>7</NextPartNumberMarker>", part(6, "a", 1));
    assert_eq!(decode(Some(5), &marked).unwrap().next, Some(number(7)));
    // Without a marker the last part stands for it.
    let unmarked = format!("{}{truncated}", part(6, "a", 1));
    assert_eq!(decode(Some(5), &unmarked).unwrap().next, Some(number(6)));
}

#[test]
fn a_marker_that_does_not_advance_is_refused() {
    for marker in ["5", "4", "0", "10001", "x", ""] {
        protocol(
            Some(5),
            &format!("<IsTruncated>true</IsTruncated><NextPartNumberMarker>{marker}</NextPartNumberMarker>"),
        );
    }
    protocol(None, "<IsTruncated>true</IsTruncated>");
    protocol(None, "<IsTruncated>perhaps</IsTruncated>");
}

#[test]
fn parts_of_earlier_pages_are_left_out() {
    let page = decode(Some(5), &[part(5, "a", 1), part(6, "b", 1)].concat()).unwrap();
    assert_eq!(page.parts.iter().map(|part| part.number.get()).collect::<Vec<_>>(), [6]);
}

#[test]
fn a_malformed_part_is_refused() {
    protocol(None, &part(0, "a", 1));
    protocol(None, &part(10_001, "a", 1));
    protocol(None, &part(1, "", 1));
    protocol(None, &part(1, "&#27;[2J", 1));
    protocol(None, &part(1, "a", 1).replace("<Size>1</Size>", ""));
    protocol(None, &part(1, "a", 1).replace("<Size>1</Size>", "<Size>-1</Size>"));
}

#[test]
fn all_that_a_store_holds_of_one_part_is_told() {
    let page = decode(None, &[part(2, "c", 3), part(1, "b", 2), part(1, "a", 1)].concat()).unwrap();
    let told: Vec<_> = page.parts.iter().map(|part| (part.number.get(), part.size)).collect();
    assert_eq!(told, [(1, 2), (1, 1), (2, 3)]);
}
