//! Listings, page by page.

use super::raw::{Raw, Said, element};
use crate::support::store;

/// The texts of all elements of this name.
fn all(said: &Said, name: &str) -> Vec<String> {
    let text = said.text();
    let opening = format!("<{name}>");
    text.split(&opening).skip(1).map(|piece| piece.split_once(&format!("</{name}>")).unwrap().0.to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_come_page_by_page() {
    let store = store().await;
    let raw = Raw::new(&store);
    let id = raw.initiate("a & b", &[]).await;
    let mut tags = Vec::new();
    for number in [7, 2, 10_000, 30] {
        tags.push((number, raw.part("a & b", &id, number, &[], &[0; 5]).await.ok().etag().to_owned()));
    }
    tags.sort_unstable();
    let mut seen = Vec::new();
    let mut marker = "0".to_owned();
    loop {
        let page = raw.list_parts("a & b", &id, &[("max-parts", "3"), ("part-number-marker", &marker)]).await.ok();
        assert_eq!(page.element("Key").as_deref(), Some("a &amp; b"));
        for part in all(&page, "Part") {
            let tag = element(&part, "ETag").unwrap().replace("&quot;", "");
            seen.push((element(&part, "PartNumber").unwrap().parse().unwrap(), tag));
            assert_eq!(element(&part, "Size"), Some("5"));
        }
        if page.element("IsTruncated").as_deref() == Some("false") {
            assert_eq!(page.element("NextPartNumberMarker"), None);
            break;
        }
        marker = page.element("NextPartNumberMarker").unwrap();
        assert_eq!(marker, "30");
    }
    assert_eq!(seen, tags);
    for (name, value) in
        [("max-parts", "0"), ("max-parts", "1001"), ("part-number-marker", "x"), ("encoding-type", "b")]
    {
        raw.list_parts("a & b", &id, &[(name, value)]).await.refused(400, "InvalidArgument");
    }
}

/// XML cannot hold them, and a question mark would be another key.
#[tokio::test(flavor = "multi_thread")]
async fn control_characters_in_keys_are_not_replaced() {
    let store = store().await;
    let raw = Raw::new(&store);
    for (key, encoded) in [("a\u{0}b", "a%00b"), ("a\u{1}\u{1f}b", "a%01%1Fb"), ("a\u{7f}\u{85}", "a%7F%C2%85")] {
        let id = raw.initiate(key, &[]).await;
        let encoding = [("encoding-type", "url")];
        assert_eq!(raw.list_parts(key, &id, &[]).await.ok().element("Key").as_deref(), Some(key));
        assert_eq!(raw.list_parts(key, &id, &encoding).await.ok().element("Key").as_deref(), Some(encoded));
        let uploads = async |more: &[(&str, &str)]| {
            let params = [&[("uploads", ""), ("prefix", key)], more].concat();
            raw.send("GET", "", &params, &[], &[]).await.ok()
        };
        let (plain, url) = (uploads(&[]).await, uploads(&encoding).await);
        assert_eq!([all(&plain, "Key"), all(&url, "Key")], [[key], [encoded]]);
        assert_eq!([all(&plain, "Prefix"), all(&url, "Prefix")], [[key], [encoded]]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_come_page_by_page_and_by_prefix_and_folder() {
    let store = store().await;
    let raw = Raw::new(&store);
    let keys = ["a/1", "a/1", "a/2", "b", "b/x/1", "b/y", "c d+e"];
    let mut expected = Vec::new();
    for key in keys {
        expected.push((key.to_owned(), raw.initiate(key, &[]).await));
    }
    expected.sort_unstable();
    for most in ["1", "2", "3", "1000"] {
        let (mut seen, mut key_marker, mut id_marker) = (Vec::new(), String::new(), String::new());
        loop {
            let params =
                [("uploads", ""), ("max-uploads", most), ("key-marker", &key_marker), ("upload-id-marker", &id_marker)];
            let page = raw.send("GET", "", &params, &[], &[]).await.ok();
            for upload in all(&page, "Upload") {
                let (key, id) = (element(&upload, "Key").unwrap(), element(&upload, "UploadId").unwrap());
                seen.push((key.to_owned(), id.to_owned()));
            }
            if page.element("IsTruncated").as_deref() == Some("false") {
                break;
            }
            key_marker = page.element("NextKeyMarker").unwrap();
            id_marker = page.element("NextUploadIdMarker").unwrap();
        }
        assert_eq!(seen, expected, "{most} a page");
    }
    let page = raw.send("GET", "", &[("uploads", ""), ("prefix", "b/")], &[], &[]).await.ok();
    assert_eq!(all(&page, "Upload").len(), 2);
    let params = [("uploads", ""), ("delimiter", "/"), ("encoding-type", "url")];
    let page = raw.send("GET", "", &params, &[], &[]).await.ok();
    assert_eq!(all(&page, "CommonPrefixes"), ["<Prefix>a/</Prefix>", "<Prefix>b/</Prefix>"]);
    assert_eq!(all(&page, "Upload").len(), 2);
    assert!(page.text().contains("<Key>c%20d%2Be</Key>"));
    let params = [("uploads", ""), ("delimiter", "/"), ("max-uploads", "1"), ("key-marker", "a/")];
    let page = raw.send("GET", "", &params, &[], &[]).await.ok();
    assert_eq!((all(&page, "Upload").len(), page.element("NextKeyMarker").as_deref()), (1, Some("b")));
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_on_buckets_as_such_are_said_to_be_missing() {
    let store = store().await;
    let raw = Raw::new(&store);
    for (method, bucket) in [("GET", ""), ("PUT", "new-1250000000"), ("DELETE", "new-1250000000")] {
        let named = Raw { bucket: bucket.to_owned(), ..raw.clone() };
        named.send(method, "", &[], &[], &[]).await.refused(501, "NotImplemented");
    }
}
