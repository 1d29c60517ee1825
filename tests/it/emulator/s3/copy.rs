//! Copies within the store, from one encryption to another.

use super::{
    super::raw::{Headers, headers},
    raw::{Raw, customer, kms, managed, named, store},
};
use crate::support::pattern;

const OLD: [u8; 32] = [1; 32];
const NEW: [u8; 32] = [2; 32];

/// The headers that open the source of a copy.
fn source_key(key: &[u8; 32]) -> Headers {
    customer(key)
        .into_iter()
        .map(|(name, value)| (name.replace("x-amz-server", "x-amz-copy-source-server"), value))
        .collect()
}

fn from(source: &str) -> Headers {
    headers(&[("x-amz-copy-source", source)])
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_is_copied_from_every_encryption_to_every_other() {
    let store = store().await;
    let raw = Raw::new(&store);
    let bytes = pattern(300_000, 1);
    let sources = [(Headers::new(), Headers::new()), (kms("a"), Headers::new()), (customer(&OLD), source_key(&OLD))];
    for (opening, opens) in &sources {
        raw.put("from here", opening, &bytes).await.ok();
        for (to, later) in [
            (Headers::new(), Headers::new()),
            (managed(), Headers::new()),
            (kms("b"), Headers::new()),
            (customer(&NEW), customer(&NEW)),
        ] {
            for source in ["examplebucket/from%20here", "/examplebucket/from%20here"] {
                let all = [from(source), opens.clone(), to.clone()].concat();
                let copied = raw.put("to", &all, &[]).await.ok();
                assert!(copied.element("ChecksumCRC64NVME").is_some(), "{}", copied.text());
                let got = raw.get("to", &later).await.ok();
                assert!(got.body == bytes);
                let mode = "x-amz-server-side-encryption";
                assert_eq!(copied.headers.get(mode), got.headers.get(mode));
                assert_eq!(got.headers.contains_key(mode), later.is_empty());
            }
        }
    }
    raw.put("to", &from("examplebucket/from%20here"), &[]).await.refused(400, "InvalidRequest");
    let wrong = [from("examplebucket/from%20here"), source_key(&NEW)].concat();
    raw.put("to", &wrong, &[]).await.refused(403, "AccessDenied");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_names_a_source_that_is_there_and_changes_something() {
    let store = store().await;
    let raw = Raw::new(&store);
    raw.put("k", &headers(&[("x-amz-meta-a", "1")]), b"bytes").await.ok();
    raw.put("to", &from("examplebucket/none"), &[]).await.refused(404, "NoSuchKey");
    for malformed in ["examplebucket", "/examplebucket/", ""] {
        raw.put("to", &from(malformed), &[]).await.refused(400, "InvalidArgument");
    }
    raw.put("k", &from("examplebucket/k"), &[]).await.refused(400, "InvalidRequest");
    let replaced = headers(&[("x-amz-metadata-directive", "REPLACE"), ("x-amz-meta-a", "2")]);
    raw.put("k", &[from("examplebucket/k"), replaced].concat(), &[]).await.ok();
    assert_eq!(raw.head("k", &[]).await.ok().header("x-amz-meta-a"), "2");
    // Another encryption is a change as well: this is how a key is rotated.
    raw.put("k", &[from("examplebucket/k"), customer(&NEW)].concat(), &[]).await.ok();
    let rotated = [from("examplebucket/k"), source_key(&NEW), customer(&OLD)].concat();
    raw.put("k", &rotated, &[]).await.ok();
    assert_eq!(raw.get("k", &customer(&OLD)).await.ok().body, b"bytes");
    let unmatched = headers(&[("x-amz-copy-source-if-match", "\"0\"")]);
    let all = [from("examplebucket/k"), source_key(&OLD), unmatched].concat();
    raw.put("to", &all, &[]).await.refused(412, "PreconditionFailed");
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_are_copied_from_ranges() {
    let store = store().await;
    let raw = Raw::new(&store);
    let bytes = pattern(100_000, 1);
    raw.put("k", &customer(&OLD), &bytes).await.ok();
    let declared = headers(&[("x-amz-checksum-algorithm", "CRC32"), ("x-amz-checksum-type", "FULL_OBJECT")]);
    let id = raw.initiate("m", &[customer(&NEW), declared].concat()).await;
    let copy = |number: &'static str, range: &str, key: &[u8; 32]| {
        let range = headers(&[("x-amz-copy-source-range", range)]);
        let all = [from("examplebucket/k"), source_key(&OLD), customer(key), range].concat();
        let (raw, id) = (raw.clone(), id.clone());
        async move { raw.send("PUT", "m", &[("partNumber", number), ("uploadId", &id)], &all, &[]).await }
    };
    let mut parts = Vec::new();
    for (number, range) in [("1", "bytes=0-59999"), ("2", "bytes=60000-99999")] {
        let copied = copy(number, range, &NEW).await.ok();
        assert!(copied.text().contains("<CopyPartResult xmlns="), "{}", copied.text());
        let tag = copied.element("ETag").unwrap().replace("&quot;", "");
        parts.push((number.parse().unwrap(), tag, String::new()));
    }
    copy("3", "bytes=60000-100000", &NEW).await.refused(400, "InvalidArgument");
    copy("3", "60000-", &NEW).await.refused(400, "InvalidArgument");
    copy("3", "bytes=0-9", &OLD).await.refused(400, "InvalidRequest");
    raw.complete("m", &id, &parts, &customer(&NEW)).await.ok();
    assert!(raw.get("m", &customer(&NEW)).await.ok().body == bytes);
    let id = raw.initiate("n", &[]).await;
    let part = named(1, &raw.part("n", &id, 1, &[], b"bytes").await.ok());
    raw.complete("n", &id, &[part], &[]).await.ok();
}
