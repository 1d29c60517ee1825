use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::*;
use crate::dialect::COS;
use crate::{error::ErrorKind, wire::LARGEST_ANSWER};

fn decode(after: Option<(&str, &str)>, inner: &str) -> Result<UploadPage> {
    let call = ListUploads { prefix: String::new(), after: after.map(|(key, id)| (key.to_owned(), id.to_owned())) };
    let body = format!("<ListMultipartUploadsResult>{inner}</ListMultipartUploadsResult>");
    let answer = RawAnswer { status: StatusCode::OK, headers: HeaderMap::new(), body: Bytes::from(body) };
    call.decode(COS, &answer)
}

fn truncated(key: &str, id: &str) -> String {
    format!(
        "<IsTruncated>true</IsTruncated><NextKeyMarker>{key}</NextKeyMarker><NextUploadIdMarker>{id}</NextUploadIdMarker>"
    )
}

#[test]
fn uploads_are_read_with_all_or_only_the_needed_elements() {
    let page = decode(
        None,
        "<Upload><Key> a &amp; b</Key><UploadId>1</UploadId><StorageClass>Standard</StorageClass>\
         <Initiator><ID>x</ID></Initiator><Initiated>2019-05-16T06:45:51.000Z</Initiated></Upload>\
         <Upload><Key>c</Key><UploadID>2</UploadID></Upload>\
         <CommonPrefixes><Prefix>d/</Prefix></CommonPrefixes><IsTruncated>false</IsTruncated>",
    )
    .unwrap();
    let first = ListedUpload {
        key: " a & b".to_owned(),
        upload_id: UploadId::new("1").unwrap(),
        initiated: "2019-05-16T06:45:51.000Z".to_owned(),
        storage_class: Some("Standard".to_owned()),
    };
    let second = ListedUpload {
        key: "c".to_owned(),
        upload_id: UploadId::new("2").unwrap(),
        initiated: String::new(),
        storage_class: None,
    };
    assert_eq!(page, UploadPage { uploads: vec![first, second], next: None });
}

#[test]
fn pages_advance_by_key_or_by_upload() {
    let next = |after, key: &str, id: &str| decode(after, &truncated(key, id)).map(|page| page.next);
    let pair = |key: &str, id: &str| Some((key.to_owned(), id.to_owned()));
    assert_eq!(next(None, "a", "1").unwrap(), pair("a", "1"));
    assert_eq!(next(Some(("a", "9")), "b", "1").unwrap(), pair("b", "1"));
    assert_eq!(next(Some(("a", "9")), "a", "1").unwrap(), pair("a", "1"));
    for (after, key, id) in
        [(Some(("a", "9")), "a", "9"), (Some(("b", "9")), "a", "1"), (None, "", ""), (None, "", "1")]
    {
        assert_eq!(next(after, key, id).unwrap_err().kind(), ErrorKind::Protocol, "{key} {id}");
    }
}

#[test]
fn an_upload_without_key_or_id_is_refused() {
    for inner in [
        "<Upload><Key>a</Key></Upload>",
        "<Upload><UploadId>1</UploadId></Upload>",
        "<Upload/>",
        "<Upload><Key>a</Key><UploadId>&#27;[2J</UploadId></Upload>",
    ] {
        assert_eq!(decode(None, inner).unwrap_err().kind(), ErrorKind::Protocol, "{inner}");
    }
}

#[test]
fn a_full_page_with_the_longest_keys_all_escaped_is_read() {
    let key = "&quot;".repeat(850);
    let id = "1585130821cbb7df1d11846c073ad648e8f33b087cec2381df437acdc833cf654b9ecc6361";
    let upload = format!("<Upload><Key>{key}</Key><UploadId>{id}</UploadId></Upload>");
    let page = upload.repeat(1000);
    assert!((4 << 20..LARGEST_ANSWER).contains(&page.len()));
    assert_eq!(decode(None, &page).unwrap().uploads.len(), 1000);
}
