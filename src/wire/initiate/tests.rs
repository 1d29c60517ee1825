use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use super::*;
use crate::dialect::COS;
use crate::error::ErrorKind;

fn decode(body: &str) -> Result<String> {
    let initiate = Initiate {
        checksum: None,
        key: ObjectKey::new(COS, "k").unwrap(),
        properties: ObjectProperties::default(),
        forbid_overwrite: false,
    };
    let answer =
        RawAnswer { status: StatusCode::OK, headers: HeaderMap::new(), body: Bytes::copy_from_slice(body.as_bytes()) };
    initiate.decode(COS, &answer).map(|id| id.as_str().to_owned())
}

#[test]
fn the_upload_id_is_read_with_and_without_a_namespace() {
    let sample = "<InitiateMultipartUploadResult><Bucket>b-1</Bucket><Key>k</Key><UploadId>1585ab</UploadId></InitiateMultipartUploadResult>";
    assert_eq!(decode(sample).unwrap(), "1585ab");
    let other = sample.replacen("Result>", "Result xmlns=\"urn:x\">", 1).replace("<UploadId>", "\n  <UploadId> ");
    assert_eq!(decode(&format!("\n<?xml version='1.0'?>{other}")).unwrap(), "1585ab");
}

#[test]
fn a_key_that_breaks_the_document_does_not_matter() {
    for key in [
        "a & b",
        "a < b",
        "a</b>",
        "\u{1}&#x1;&\u{2}",
        "<UploadId>evil</UploadId><",
        "</Key><UploadId>evil</UploadId></Key> &",
    ] {
        let body = format!(
            "<InitiateMultipartUploadResult><Key>{key}</Key><UploadId>1585ab</UploadId></InitiateMultipartUploadResult>"
        );
        assert_eq!(decode(&body).unwrap(), "1585ab", "{key}");
    }
}

#[test]
fn an_answer_without_an_upload_id_is_refused() {
    for body in [
        "",
        "<InitiateMultipartUploadResult><Key>k</Key></InitiateMultipartUploadResult>",
        "<InitiateMultipartUploadResult><Key>k</Key><UploadId/></InitiateMultipartUploadResult>",
        "<InitiateMultipartUploadResult><Key>k</Key><UploadId>a&#10;b</UploadId></InitiateMultipartUploadResult>",
        "<InitiateMultipartUploadResult><Key>k & l</Key><UploadId>15",
        "<InitiateMultipartUploadResult><Key>k & l</Key><UploadId>1585ab</UploadId>",
        "<html><Key>&</Key><UploadId>1585ab</UploadId></html>",
        "<Other><UploadId>1585ab</UploadId></Other>",
    ] {
        assert_eq!(decode(body).unwrap_err().kind(), ErrorKind::Protocol, "{body}");
    }
}

#[test]
fn an_error_inside_a_200_is_the_stores_error() {
    let error = decode("<Error><Code>KmsKeyNotExist</Code><Message>no such key</Message></Error>").unwrap_err();
    assert_eq!(
        (error.kind(), error.code(), error.status()),
        (ErrorKind::Encryption, Some("KmsKeyNotExist"), Some(200))
    );
}

#[test]
fn an_encryption_for_stores_of_another_dialect_is_refused_before_it_is_sent() {
    let bucket = crate::ident::Bucket::new(COS, "examplebucket-1250000000").unwrap();
    let region = crate::ident::Region::new("ap-beijing").unwrap();
    let at = Address::new(COS, &bucket, Some(&region), None, crate::wire::Addressing::Auto).unwrap();
    let initiate = Initiate {
        checksum: None,
        key: ObjectKey::new(COS, "k").unwrap(),
        properties: ObjectProperties::default(),
        forbid_overwrite: false,
    };
    let customer = |dialect| SseContext::customer(dialect, crate::sse::CustomerKey::generate().unwrap());
    assert!(initiate.head(&at, &customer(COS)).is_ok());
    let error = initiate.head(&at, &customer(crate::dialect::S3)).unwrap_err();
    assert_eq!(
        (error.kind(), error.message()),
        (ErrorKind::Config, "the encryption is given for s3, and the store speaks cos")
    );
}
