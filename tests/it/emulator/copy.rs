//! Copies within the store, from one encryption to another.

use tokio::task::JoinSet;

use super::raw::{Headers, Raw, customer, headers, kms, managed, md5_hex};
use crate::support::{pattern, store};

const OLD: [u8; 32] = [1; 32];
const NEW: [u8; 32] = [2; 32];

fn source(key: &str) -> Headers {
    headers(&[("x-cos-copy-source", &format!("examplebucket-1250000000.cos.ap-guangzhou.myqcloud.com/{key}"))])
}

/// The key of the source, in the headers for it.
fn source_key(key: &[u8; 32]) -> Headers {
    let renamed = |name: String| name.replace("x-cos-server", "x-cos-copy-source-server");
    customer(key).into_iter().map(|(name, value)| (renamed(name), value)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn any_encryption_becomes_any_other() {
    let store = store().await;
    let raw = Raw::new(&store);
    let bytes = pattern(1_100_000, 1);
    let modes = [Vec::new(), managed(), kms("key-1"), customer(&OLD)];
    for (from, sse) in modes.iter().enumerate() {
        raw.put("a b", sse, &bytes).await.ok();
        let from_key = if from == 3 { source_key(&OLD) } else { Vec::new() };
        for (to, sse) in [Vec::new(), managed(), kms("key-2"), customer(&NEW)].into_iter().enumerate() {
            let later = if to == 3 { customer(&NEW) } else { Vec::new() };
            let said = raw.put("copy", &[source("a%20b"), from_key.clone(), sse.clone()].concat(), b"").await.ok();
            let tag = said.element("ETag").unwrap().replace("&quot;", "");
            assert_eq!(tag == md5_hex(&bytes), to < 2);
            let got = raw.get("copy", &later).await.ok();
            assert!(got.body == bytes && got.etag() == tag && got.crc64() == said.crc64());

            let id = raw.initiate("parts", &sse).await;
            let mut parts = Vec::new();
            for (number, range) in [("1", "bytes=0-1048575"), ("2", "bytes=1048576-1099999")] {
                let range = headers(&[("x-cos-copy-source-range", range)]);
                let all = [source("a%20b"), from_key.clone(), later.clone(), range].concat();
                let params = [("partNumber", number), ("uploadId", &*id)];
                let said = raw.send("PUT", "parts", &params, &all, b"").await.ok();
                parts.push((number.parse().unwrap(), said.element("ETag").unwrap().replace("&quot;", "")));
            }
            raw.complete("parts", &id, &parts, &[]).await.ok();
            assert!(raw.get("parts", &later).await.ok().body == bytes);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_needs_a_right_source() {
    let store = store().await;
    let raw = Raw::new(&store);
    raw.put("a", &customer(&OLD), b"bytes").await.ok();
    let tag = raw.put("plain", &[], b"bytes").await.ok().etag().to_owned();
    for (more, status, code) in [
        (source("a"), 400, "SsecDecryptHeaderInvalid"),
        ([source("a"), source_key(&NEW)].concat(), 400, "SsecDecryptHeaderInvalid"),
        (source("absent"), 404, "NoSuchCopySource"),
        (source("plain?versionId=1"), 404, "NoSuchVersion"),
        (headers(&[("x-cos-copy-source", "nothing")]), 400, "InvalidCopySource"),
        (headers(&[("x-cos-copy-source", "other-1.cos.ap-x.myqcloud.com/a")]), 404, "NoSuchCopySource"),
        ([source("plain"), headers(&[("x-cos-copy-source-if-match", "\"x\"")])].concat(), 412, "PreconditionFailed"),
        ([source("plain"), source_key(&OLD)].concat(), 400, "SSEHeaderNotAllowed"),
    ] {
        raw.put("b", &more, b"").await.refused(status, code);
    }
    raw.put("plain", &source("plain"), b"").await.refused(400, "InvalidRequest");
    let same = headers(&[("x-cos-metadata-directive", "Replaced"), ("x-cos-meta-new", "1")]);
    let pinned = headers(&[("x-cos-copy-source-if-match", &tag)]);
    raw.put("plain", &[source("plain"), same, pinned].concat(), b"").await.ok();
    assert_eq!(raw.head("plain", &[]).await.ok().header("x-cos-meta-new"), "1");
    let id = raw.initiate("m", &[]).await;
    let beyond = [source("plain"), headers(&[("x-cos-copy-source-range", "bytes=0-5")])].concat();
    raw.send("PUT", "m", &[("partNumber", "1"), ("uploadId", &id)], &beyond, b"").await.refused(416, "InvalidRange");
    let wrong = [source("plain"), customer(&OLD)].concat();
    raw.send("PUT", "m", &[("partNumber", "1"), ("uploadId", &id)], &wrong, b"")
        .await
        .refused(400, "SSEHeaderNotAllowed");
    // No range at all is the whole source, and so is an empty one, which an official SDK sends.
    let whole = [source("plain"), headers(&[("x-cos-copy-source-range", "")])].concat();
    let part = raw.send("PUT", "m", &[("partNumber", "1"), ("uploadId", &id)], &whole, b"").await.ok();
    assert_eq!(part.element("ETag").unwrap().replace("&quot;", ""), md5_hex(b"bytes"));
    // Headers of a source where nothing is copied.
    raw.put("c", &source_key(&OLD), b"bytes").await.refused(400, "SSEHeaderNotAllowed");
}

#[tokio::test(flavor = "multi_thread")]
async fn properties_are_copied_or_replaced() {
    let store = store().await;
    let raw = Raw::new(&store);
    let first = headers(&[("content-type", "text/plain"), ("x-cos-meta-a", "1"), ("x-cos-storage-class", "COLD")]);
    raw.put("a", &first, b"bytes").await.ok();
    raw.put("b", &source("a"), b"").await.ok();
    let head = raw.head("b", &[]).await.ok();
    assert_eq!((head.header("content-type"), head.header("x-cos-meta-a")), ("text/plain", "1"));
    assert!(!head.headers.contains_key("x-cos-storage-class"), "it is not inherited");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_is_replaced_all_the_time_is_copied_all_the_same() {
    let store = store().await;
    let raw = Raw::new(&store);
    raw.put("a", &[], b"bytes").await.ok();
    let replace = |raw: Raw| async move {
        for _ in 0..300 {
            raw.put("a", &[], b"bytes").await.ok();
        }
    };
    let mut replacing = JoinSet::from_iter([replace(raw.clone()), replace(raw.clone())]);
    while replacing.try_join_next().map(Result::unwrap).is_some() || !replacing.is_empty() {
        raw.put("copy", &source("a"), b"").await.ok();
        assert_eq!(raw.get("copy", &[]).await.ok().body, b"bytes");
    }
}
