//! Objects: properties, ranges and early refusals.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::raw::{Raw, crc64, customer, headers};
use crate::support::{pattern, store, store_with};

#[tokio::test(flavor = "multi_thread")]
async fn properties_come_back() {
    let store = store().await;
    let raw = Raw::new(&store);
    let kept = headers(&[
        ("content-type", "text/plain; charset=utf-8"),
        ("cache-control", "max-age=600"),
        ("content-disposition", "attachment; filename=\"a b.txt\""),
        ("content-encoding", "x-none"),
        ("expires", "Thu, 16 May 2019 06:45:51 GMT"),
        ("x-cos-meta-nonce", "a%20b"),
        ("x-cos-storage-class", "STANDARD_IA"),
    ]);
    let quiet = headers(&[("x-cos-acl", "private"), ("x-cos-tagging", "a=b&c%20d=e")]);
    raw.put("put", &[kept.clone(), quiet.clone()].concat(), b"bytes").await.ok();
    let id = raw.initiate("multipart", &[kept.clone(), quiet].concat()).await;
    let part = raw.part("multipart", &id, 1, &[], b"bytes").await.ok();
    raw.complete("multipart", &id, &[(1, part.etag().to_owned())], &[]).await.ok();
    for key in ["put", "multipart"] {
        for said in [raw.head(key, &[]).await.ok(), raw.get(key, &[]).await.ok()] {
            for (name, value) in &kept {
                assert_eq!(said.header(name), value, "{key}");
            }
            assert_eq!(said.header("content-length"), "5");
        }
    }
    let said = raw.send("GET", "put", &[("response-content-type", "text/html")], &[], &[]).await.ok();
    assert_eq!(said.header("content-type"), "text/html");
}

#[tokio::test(flavor = "multi_thread")]
async fn properties_that_no_object_can_have_are_refused() {
    let store = store().await;
    let raw = Raw::new(&store);
    let (long, tags) = ("x".repeat(2049), (0..11).map(|n| format!("k{n}=v")).collect::<Vec<_>>().join("&"));
    for (name, value, code) in [
        ("x-cos-storage-class", "COSY", "NotSupportedStorageClass"),
        ("x-cos-acl", "everyone", "InvalidArgument"),
        ("x-cos-meta-long", &long, "InvalidArgument"),
        ("x-cos-tagging", &tags, "InvalidTag"),
        ("x-cos-tagging", "a%21=b", "InvalidTag"),
        ("x-cos-forbid-overwrite", "maybe", "InvalidArgument"),
    ] {
        raw.put("k", &headers(&[(name, value)]), b"bytes").await.refused(400, code);
        raw.send("POST", "k", &[("uploads", "")], &headers(&[(name, value)]), &[]).await.refused(400, code);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn ranges_are_cut_from_plain_and_encrypted_objects() {
    let store = store().await;
    let raw = Raw::new(&store);
    let bytes = pattern(200_000, 5);
    for sse in [Vec::new(), customer(&[7; 32])] {
        raw.put("k", &sse, &bytes).await.ok();
        for (range, start, end) in [
            ("bytes=0-0", 0, 1),
            ("bytes=65535-65536", 65_535, 65_537),
            ("bytes=131072-", 131_072, 200_000),
            ("bytes=-1", 199_999, 200_000),
            ("bytes=-300000", 0, 200_000),
            ("bytes=199999-999999", 199_999, 200_000),
            ("bytes=1-199998", 1, 199_999),
        ] {
            let got = raw.get("k", &[sse.clone(), headers(&[("Range", range)])].concat()).await.ok();
            assert_eq!(got.status.as_u16(), 206);
            assert_eq!(got.header("content-range"), format!("bytes {start}-{}/200000", end - 1));
            assert_eq!(got.crc64(), crc64(&bytes));
            assert!(got.body == bytes[start..end], "{range}");
        }
        for range in ["bytes=200000-", "bytes=200000-200001", "bytes=-0", "bytes=99999999999999999999999-"] {
            let range = [sse.clone(), headers(&[("Range", range)])].concat();
            raw.get("k", &range).await.refused(416, "InvalidRange");
        }
        for range in ["bytes=5-4", "bytes=a-b", "lines=1-2", "bytes=+1-2", "bytes=1-+2", "bytes=-+2"] {
            let got = raw.get("k", &[sse.clone(), headers(&[("Range", range)])].concat()).await.ok();
            assert_eq!((got.status.as_u16(), got.body.len()), (200, 200_000));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_objects_and_deletion_work() {
    let store = store().await;
    let raw = Raw::new(&store);
    for sse in [Vec::new(), customer(&[7; 32])] {
        let put = raw.put("k", &sse, b"").await.ok();
        assert_eq!(put.crc64(), 0);
        let got = raw.get("k", &sse).await.ok();
        assert_eq!((got.body.len(), got.header("content-length")), (0, "0"));
    }
    assert_eq!(raw.send("DELETE", "k", &[], &[], &[]).await.ok().status.as_u16(), 204);
    raw.get("k", &[]).await.refused(404, "NoSuchKey");
    assert_eq!(raw.head("k", &[]).await.status.as_u16(), 404);
    assert_eq!(raw.send("DELETE", "k", &[], &[], &[]).await.ok().status.as_u16(), 204);
    assert_eq!(raw.send("HEAD", "", &[], &[], &[]).await.ok().status.as_u16(), 200);
    raw.send("GET", "", &[("versioning", "")], &[], &[]).await.refused(501, "NotImplemented");
}

/// Reads one answer's head.
async fn head_of(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_comes_before_the_body_and_the_connection_lives_on() {
    let store = store_with(|options| options.tls(false)).await;
    let raw = Raw::new(&store);
    let mut stream = TcpStream::connect(store.emulator.addr()).await.unwrap();
    let len = 8 << 20;
    let request = format!("PUT /{}/k HTTP/1.1\r\nHost: {}\r\nContent-Length: {len}\r\n\r\n", raw.bucket, raw.host);
    stream.write_all(request.as_bytes()).await.unwrap();
    let head = head_of(&mut stream).await;
    assert!(head.starts_with("HTTP/1.1 403"), "{head}");
    let length = head.lines().find_map(|line| line.strip_prefix("Content-Length: ")).unwrap().parse().unwrap();
    stream.read_exact(&mut vec![0; length]).await.unwrap();
    // A client that sends on regardless is read to its end, and may ask again.
    stream.write_all(&vec![0; len]).await.unwrap();
    let signed = raw.authorize("HEAD", &format!("/{}/", raw.bucket), &[], &[("host".to_owned(), raw.host.clone())]);
    let request = format!("HEAD /{}/ HTTP/1.1\r\nHost: {}\r\nAuthorization: {signed}\r\n\r\n", raw.bucket, raw.host);
    stream.write_all(request.as_bytes()).await.unwrap();
    let head = head_of(&mut stream).await;
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
}

/// An official SDK hands the headers on in a plain dictionary, and looks for them as the manuals spell them.
#[tokio::test(flavor = "multi_thread")]
async fn headers_are_spelled_as_in_the_manuals() {
    let store = store_with(|options| options.tls(false).allow_insecure(true)).await;
    let raw = Raw::new(&store);
    let sse = customer(&[7; 32]);
    raw.put("k", &sse, b"bytes").await.ok();
    let path = format!("/{}/k", raw.bucket);
    let signed = raw.authorize("HEAD", &path, &[], &[("host".to_owned(), raw.host.clone())]);
    let sse = sse.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect::<Vec<_>>().concat();
    let mut stream = TcpStream::connect(store.emulator.addr()).await.unwrap();
    let head = format!("HEAD {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: {signed}\r\n{sse}\r\n", raw.host);
    stream.write_all(head.as_bytes()).await.unwrap();
    let head = head_of(&mut stream).await;
    for name in [
        "Accept-Ranges",
        "Content-Length",
        "Content-Type",
        "Date",
        "ETag",
        "Last-Modified",
        "Server",
        "x-cos-hash-crc64ecma",
        "x-cos-request-id",
        "x-cos-server-side-encryption-customer-algorithm",
        "x-cos-server-side-encryption-customer-key-MD5",
    ] {
        assert_eq!(head.matches(&format!("\r\n{name}: ")).count(), 1, "{name} in {head}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_without_length_or_with_too_much_of_it_is_refused() {
    let store = store_with(|options| options.tls(false)).await;
    let raw = Raw::new(&store);
    let path = format!("/{}/k", raw.bucket);
    let signed = raw.authorize("PUT", &path, &[], &[("host".to_owned(), raw.host.clone())]);
    for (length, status, code) in [
        ("Transfer-Encoding: chunked", 411, "MissingContentLength"),
        ("Content-Length: 5368709121", 400, "EntityTooLarge"),
    ] {
        let mut stream = TcpStream::connect(store.emulator.addr()).await.unwrap();
        let head = format!("PUT {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: {signed}\r\n{length}\r\n\r\n", raw.host);
        stream.write_all(head.as_bytes()).await.unwrap();
        assert!(head_of(&mut stream).await.starts_with(&format!("HTTP/1.1 {status}")));
        assert_eq!(store.emulator.transcript().last().unwrap().code.as_deref(), Some(code));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_breaks_off_leaves_nothing() {
    let store = store_with(|options| options.tls(false)).await;
    let raw = Raw::new(&store);
    let path = format!("/{}/k", raw.bucket);
    let signed = raw.authorize("PUT", &path, &[], &[("host".to_owned(), raw.host.clone())]);
    let mut stream = TcpStream::connect(store.emulator.addr()).await.unwrap();
    let head = format!(
        "PUT {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: {signed}\r\nContent-Length: 4000000\r\n\r\n",
        raw.host
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.write_all(&vec![1; 3_000_000]).await.unwrap();
    drop(stream);
    let blobs = store.dir.path().join("examplebucket-1250000000/blobs");
    tokio::time::timeout(std::time::Duration::from_secs(20), async {
        while store.emulator.transcript().is_empty() || std::fs::read_dir(&blobs).unwrap().count() > 0 {
            tokio::task::yield_now().await;
        }
    })
    .await
    .unwrap();
    assert_eq!(store.emulator.transcript()[0].operation, "Put");
    raw.get("k", &[]).await.refused(404, "NoSuchKey");
}
