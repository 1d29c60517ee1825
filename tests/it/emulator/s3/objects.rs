//! Objects: written, read whole and in part, described, deleted.

use std::fmt::Write as _;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{
    super::raw::headers,
    raw::{Raw, UNSIGNED, named, store, store_with},
};
use crate::support::pattern;

#[tokio::test(flavor = "multi_thread")]
async fn ranges_and_parts_of_an_object_can_be_read() {
    let store = store().await;
    let raw = Raw::new(&store);
    let pieces = [pattern(2000, 1), pattern(70_000, 2), pattern(9, 3)];
    let id = raw.initiate("k", &[]).await;
    let mut parts = Vec::new();
    for (number, piece) in (1..).zip(&pieces) {
        parts.push(named(number, &raw.part("k", &id, number, &[], piece).await.ok()));
    }
    raw.complete("k", &id, &parts, &[]).await.ok();
    let whole = pieces.concat();
    for (range, from, to) in
        [("0-0", 0, 1), ("1999-2001", 1999, 2002), ("72000-", 72_000, 72_009), ("-5", 72_004, 72_009)]
    {
        let ranged = headers(&[("Range", &format!("bytes={range}"))]);
        let got = raw.get("k", &ranged).await.ok();
        assert_eq!(got.status.as_u16(), 206);
        assert_eq!(got.header("content-range"), format!("bytes {from}-{}/72009", to - 1));
        assert!(got.body == whole[from..to], "{range}");
        let head = raw.head("k", &ranged).await.ok();
        assert_eq!((head.status.as_u16(), head.header("content-length")), (206, &*(to - from).to_string()));
    }
    raw.get("k", &headers(&[("Range", "bytes=72009-")])).await.refused(416, "InvalidRange");
    for (number, piece) in (1..).zip(&pieces) {
        let got = raw.send("GET", "k", &[("partNumber", &i32::to_string(&number))], &[], &[]).await.ok();
        assert_eq!((got.status.as_u16(), got.header("x-amz-mp-parts-count")), (206, "3"));
        assert!(got.body == *piece);
    }
    raw.send("GET", "k", &[("partNumber", "4")], &[], &[]).await.refused(416, "InvalidPartNumber");
    let both = headers(&[("Range", "bytes=0-1")]);
    raw.send("GET", "k", &[("partNumber", "1")], &both, &[]).await.refused(400, "InvalidRequest");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_told_of_an_object_comes_back() {
    let store = store().await;
    let raw = Raw::new(&store);
    let told = [
        ("content-type", "text/plain"),
        ("content-encoding", "gzip"),
        ("content-language", "de"),
        ("cache-control", "no-cache"),
        ("x-amz-meta-note", "a b"),
        ("x-amz-storage-class", "STANDARD_IA"),
    ];
    let tagged = [headers(&told), headers(&[("x-amz-tagging", "a=b&c=d"), ("x-amz-acl", "private")])].concat();
    raw.put("k", &tagged, b"bytes").await.ok();
    let head = raw.head("k", &[]).await.ok();
    for (name, value) in told.into_iter().chain([("x-amz-tagging-count", "2"), ("accept-ranges", "bytes")]) {
        assert_eq!(head.header(name), value);
    }
    assert!(head.headers.keys().all(|name| !name.as_str().starts_with("x-cos")), "{:?}", head.headers);
    raw.put("k", &[], b"bytes").await.ok();
    assert_eq!(raw.head("k", &[]).await.ok().header("content-type"), "binary/octet-stream");
    for (name, value, code) in [
        ("x-amz-storage-class", "COLD", "InvalidStorageClass"),
        ("x-amz-acl", "mine", "InvalidArgument"),
        ("x-amz-tagging", "=", "InvalidTag"),
        ("x-amz-meta-long", &"x".repeat(2048), "MetadataTooLarge"),
    ] {
        raw.put("k", &headers(&[(name, value)]), b"bytes").await.refused(400, code);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_store_would_have_to_ignore_is_refused() {
    let store = store().await;
    let raw = Raw::new(&store);
    for (name, value) in [
        ("x-amz-server-side-encryption", "aws:kms:dsse"),
        ("x-amz-server-side-encryption-bucket-key-enabled", "true"),
        ("x-amz-grant-read", "id=\"1\""),
        ("x-amz-object-lock-mode", "COMPLIANCE"),
        ("x-amz-website-redirect-location", "/"),
    ] {
        raw.put("k", &headers(&[(name, value)]), b"bytes").await.refused(501, "NotImplemented");
    }
    raw.put("k", &[], b"bytes").await.ok();
    for parameter in ["attributes", "versionId", "tagging", "retention"] {
        raw.send("GET", "k", &[(parameter, "")], &[], &[]).await.refused(501, "NotImplemented");
    }
    raw.put("k", &headers(&[("x-amz-expected-bucket-owner", "444455556666")]), b"x").await.refused(403, "AccessDenied");
    raw.put("k", &headers(&[("x-amz-expected-bucket-owner", "111122223333")]), b"x").await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_is_not_overwritten_where_that_is_forbidden() {
    let store = store().await;
    let raw = Raw::new(&store);
    let absent = headers(&[("If-None-Match", "*")]);
    let id = raw.initiate("k", &[]).await;
    let part = named(1, &raw.part("k", &id, 1, &[], b"parts").await.ok());
    raw.put("k", &absent, b"first").await.ok();
    raw.put("k", &absent, b"second").await.refused(412, "PreconditionFailed");
    raw.complete("k", &id, std::slice::from_ref(&part), &absent).await.refused(412, "PreconditionFailed");
    assert_eq!(raw.get("k", &[]).await.ok().body, b"first");
    raw.complete("k", &id, &[part], &[]).await.ok();
    assert_eq!(raw.get("k", &[]).await.ok().body, b"parts");
    raw.put("k", &headers(&[("If-None-Match", "\"tag\"")]), b"x").await.refused(501, "NotImplemented");
    raw.put("k", &headers(&[("If-Match", "\"tag\"")]), b"x").await.refused(501, "NotImplemented");
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_and_deletes_can_be_bound_to_one_version_and_other_deletes_are_never_refused() {
    let store = store().await;
    let raw = Raw::new(&store);
    let tag = raw.put("k", &[], b"first").await.ok().header("etag").to_owned();
    raw.get("k", &headers(&[("If-Match", &tag)])).await.ok();
    assert_eq!(raw.get("k", &headers(&[("If-None-Match", &tag)])).await.status.as_u16(), 304);
    raw.put("k", &[], b"second").await.ok();
    raw.get("k", &headers(&[("If-Match", &tag)])).await.refused(412, "PreconditionFailed");
    raw.send("DELETE", "k", &[], &headers(&[("If-Match", &tag)]), &[]).await.refused(412, "PreconditionFailed");
    assert_eq!(raw.get("k", &[]).await.ok().body, b"second");
    for _ in 0..2 {
        assert_eq!(raw.send("DELETE", "k", &[], &[], &[]).await.status.as_u16(), 204);
    }
    raw.get("k", &[]).await.refused(404, "NoSuchKey");
    assert_eq!(raw.head("k", &[]).await.status.as_u16(), 404);
    raw.send("GET", "", &[("list-type", "2")], &[], &[]).await.refused(501, "NotImplemented");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_nobody_waits_for_ends_the_connection_and_the_answer_says_so() {
    let store = store_with(|options| options.tls(false)).await;
    let raw = Raw::new(&store);
    let ask = |id: &'static str, body: &'static str| {
        let raw = if id.is_empty() { raw.clone() } else { Raw { id: id.to_owned(), ..raw.clone() } };
        let addr = store.emulator.addr();
        async move {
            let mut request = format!("PUT {}/k HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 5\r\n", raw.root);
            for (name, value) in raw.seal("PUT", "k", &[], &[], UNSIGNED).0 {
                write!(request, "{name}: {value}\r\n").unwrap();
            }
            let mut stream = tokio::net::TcpStream::connect(addr).await.unwrap();
            stream.write_all(format!("{request}\r\n").as_bytes()).await.unwrap();
            let mut said = Vec::new();
            while !said.windows(4).any(|window| window == b"\r\n\r\n") {
                assert_ne!(stream.read_buf(&mut said).await.unwrap(), 0);
            }
            if said.starts_with(b"HTTP/1.1 100") {
                said.clear();
                stream.write_all(body.as_bytes()).await.unwrap();
                stream.read_buf(&mut said).await.unwrap();
            }
            String::from_utf8(said).unwrap().to_lowercase()
        }
    };
    let refused = ask("AKIAUNKNOWN", "").await;
    assert!(refused.starts_with("http/1.1 403") && refused.contains("\r\nconnection: close\r\n"), "{refused}");
    let taken = ask("", "bytes").await;
    assert!(taken.starts_with("http/1.1 200") && !taken.contains("connection: close"), "{taken}");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_on_buckets_as_such_are_said_to_be_missing() {
    let store = store().await;
    let raw = Raw::new(&store);
    for (method, root) in [("GET", ""), ("PUT", "/new-bucket"), ("DELETE", "/new-bucket")] {
        let named = Raw { root: root.to_owned(), ..raw.clone() };
        named.send(method, "", &[], &[], &[]).await.refused(501, "NotImplemented");
    }
}
