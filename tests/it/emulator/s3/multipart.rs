//! Multipart uploads by the rules of S3.

use md5::{Digest as _, Md5};

use super::{
    super::raw::{headers, hex, md5_hex},
    raw::{Raw, customer, kms, named, store, store_with},
};
use crate::support::pattern;

#[tokio::test(flavor = "multi_thread")]
async fn the_tag_of_many_parts_is_the_md5_of_their_md5s_where_there_are_some() {
    let store = store().await;
    let raw = Raw::new(&store);
    let pieces = [pattern(2000, 1), pattern(9, 2)];
    let digests = pieces.each_ref().map(|piece| Md5::digest(piece).to_vec()).concat();
    let expected = format!("{}-2", hex(&Md5::digest(digests)));
    for (opening, later, plain) in
        [(vec![], vec![], true), (kms("key"), vec![], false), (customer(&[7; 32]), customer(&[7; 32]), false)]
    {
        let id = raw.initiate("k", &opening).await;
        let mut parts = Vec::new();
        for (number, piece) in (1..).zip(&pieces) {
            let part = raw.part("k", &id, number, &later, piece).await.ok();
            assert_eq!(part.etag() == md5_hex(piece), plain);
            parts.push(named(number, &part));
        }
        let done = raw.complete("k", &id, &parts, &[]).await.ok();
        let tag = raw.head("k", &later).await.ok().etag().to_owned();
        assert_eq!(done.element("ETag"), Some(format!("&quot;{tag}&quot;")));
        assert!(tag.ends_with("-2"));
        assert_eq!(tag == expected, plain);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_of_parts_must_be_right() {
    let store = store().await;
    let raw = Raw::new(&store);
    let id = raw.initiate("k", &[]).await;
    let first = named(1, &raw.part("k", &id, 1, &[], &pattern(1023, 1)).await.ok());
    let second = named(2, &raw.part("k", &id, 2, &[], &pattern(2000, 2)).await.ok());
    let complete = |parts: &[(u32, String, String)]| {
        let (raw, id, parts) = (raw.clone(), id.clone(), parts.to_vec());
        async move { raw.complete("k", &id, &parts, &[]).await }
    };
    complete(&[]).await.refused(400, "MalformedXML");
    complete(&[second.clone(), first.clone()]).await.refused(400, "InvalidPartOrder");
    complete(&[(2, "0".repeat(32), String::new())]).await.refused(400, "InvalidPart");
    complete(&[second.clone(), (3, "0".repeat(32), String::new())]).await.refused(400, "InvalidPart");
    complete(&[first, second.clone()]).await.refused(400, "EntityTooSmall");
    complete(&[second]).await.ok();
    assert!(raw.get("k", &[]).await.ok().body == pattern(2000, 2));
    complete(&[]).await.refused(404, "NoSuchUpload");
    let id = raw.initiate("k", &[]).await;
    for number in [0, 10_001] {
        raw.part("k", &id, number, &[], b"bytes").await.refused(400, "InvalidArgument");
    }
    raw.part("k", &"0".repeat(74), 1, &[], b"bytes").await.refused(404, "NoSuchUpload");
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_in_between_have_five_mebibytes_unless_the_store_is_told_otherwise() {
    let store = store_with(|options| options.min_part_size(5 << 20)).await;
    let raw = Raw::new(&store);
    for (size, status) in [((5 << 20) - 1, 400), (5 << 20, 200)] {
        let id = raw.initiate("k", &[]).await;
        let parts = [
            named(1, &raw.part("k", &id, 1, &[], &pattern(size, 1)).await.ok()),
            named(2, &raw.part("k", &id, 2, &[], b"the end").await.ok()),
        ];
        assert_eq!(raw.complete("k", &id, &parts, &[]).await.status.as_u16(), status);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_and_parts_are_listed_page_by_page() {
    let store = store().await;
    let raw = Raw::new(&store);
    let mut ids = Vec::new();
    for key in ["a/1", "a/2 +", "b"] {
        ids.push(raw.initiate(key, &headers(&[("x-amz-checksum-algorithm", "CRC32C")])).await);
    }
    let list = |params: &'static [(&str, &str)]| {
        let raw = raw.clone();
        async move { raw.send("GET", "", &[&[("uploads", "")], params].concat(), &[], &[]).await.ok().text() }
    };
    let all = list(&[]).await;
    assert!(all.contains("<ListMultipartUploadsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"));
    assert_eq!(all.matches("<Upload>").count(), 3);
    assert_eq!(all.matches("<ChecksumAlgorithm>CRC32C</ChecksumAlgorithm>").count(), 3);
    let first = list(&[("max-uploads", "1"), ("prefix", "a/")]).await;
    assert!(first.contains("<IsTruncated>true</IsTruncated>") && first.contains("<NextKeyMarker>a/1</NextKeyMarker>"));
    let encoded = list(&[("encoding-type", "url"), ("key-marker", "a/1")]).await;
    assert!(encoded.contains("<EncodingType>url</EncodingType>") && encoded.contains("<Key>a/2%20%2B</Key>"));
    let folders = list(&[("delimiter", "/")]).await;
    assert!(folders.contains("<CommonPrefixes><Prefix>a/</Prefix></CommonPrefixes>"));

    let sum = |bytes| {
        use base64::{Engine as _, engine::general_purpose::STANDARD};
        let crc = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, bytes);
        headers(&[("x-amz-checksum-crc32c", &STANDARD.encode(&crc.to_be_bytes()[4..]))])
    };
    for number in [1, 3, 5] {
        raw.part("b", &ids[2], number, &sum(b"bytes"), b"bytes").await.ok();
    }
    let params = [("uploadId", ids[2].as_str()), ("max-parts", "2")];
    let page = raw.send("GET", "b", &params, &[], &[]).await.ok().text();
    assert!(page.contains("<IsTruncated>true</IsTruncated>"), "{page}");
    assert!(page.contains("<NextPartNumberMarker>3</NextPartNumberMarker>"), "{page}");
    let params = [("uploadId", ids[2].as_str()), ("part-number-marker", "3"), ("max-parts", "5000")];
    let page = raw.send("GET", "b", &params, &[], &[]).await.ok().text();
    assert!(page.contains("<MaxParts>1000</MaxParts>") && page.matches("<Part>").count() == 1, "{page}");

    assert_eq!(raw.send("DELETE", "b", &[("uploadId", &ids[2])], &[], &[]).await.status.as_u16(), 204);
    raw.list_parts("b", &ids[2], &[]).await.refused(404, "NoSuchUpload");
}
