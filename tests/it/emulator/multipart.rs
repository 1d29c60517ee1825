//! Parts and Complete: what fits together, and what is refused.

use std::time::Duration;

use super::raw::{Raw, complete_body, crc64, headers, md5_base64};
use crate::support::{pattern, store, store_with};

#[tokio::test(flavor = "multi_thread")]
async fn a_part_sent_again_replaces_the_first() {
    let store = store().await;
    let raw = Raw::new(&store);
    let id = raw.initiate("k", &[]).await;
    assert_eq!(id.len(), 74);
    let first = raw.part("k", &id, 1, &[], b"first").await.ok();
    let second = raw.part("k", &id, 1, &[], b"second").await.ok();
    raw.complete("k", &id, &[(1, first.etag().to_owned())], &[]).await.refused(400, "InvalidPart");
    raw.complete("k", &id, &[(1, second.etag().to_owned())], &[]).await.ok();
    assert_eq!(raw.get("k", &[]).await.ok().body, b"second");
    assert_eq!(blobs(&store), 1);
}

fn blobs(store: &crate::support::Store) -> usize {
    std::fs::read_dir(store.dir.path().join("examplebucket-1250000000/blobs")).unwrap().count()
}

#[tokio::test(flavor = "multi_thread")]
async fn complete_takes_only_a_right_list() {
    let store = store().await;
    let raw = Raw::new(&store);
    let id = raw.initiate("k", &[]).await;
    let mut tags = vec![String::new()];
    for number in 1..=4 {
        let len = if number == 3 { 1000 } else { 1 << 20 };
        tags.push(raw.part("k", &id, number, &[], &pattern(len, number.into())).await.ok().etag().to_owned());
    }
    let list =
        |numbers: &[u32]| numbers.iter().map(|&number| (number, tags[number as usize].clone())).collect::<Vec<_>>();
    for (numbers, code) in [
        (&[1, 2, 3, 4][..], "EntityTooSmall"),
        (&[2, 1], "InvalidPartOrder"),
        (&[1, 1], "InvalidPartOrder"),
        (&[1, 3], "InvalidPart"),
        (&[2], "InvalidPart"),
        (&[], "MalformedXML"),
    ] {
        raw.complete("k", &id, &list(numbers), &[]).await.refused(400, code);
    }
    let mut wrong = list(&[1, 2]);
    wrong[1].1 = tags[1].clone();
    raw.complete("k", &id, &wrong, &[]).await.refused(400, "InvalidPart");
    wrong[1] = (5, tags[1].clone());
    raw.complete("k", &id, &wrong, &[]).await.refused(400, "InvalidPart");
    raw.get("k", &[]).await.refused(404, "NoSuchKey");

    let done = raw.complete("k", &id, &list(&[1, 2, 3]), &[]).await.ok();
    let whole = [pattern(1 << 20, 1), pattern(1 << 20, 2), pattern(1000, 3)].concat();
    assert_eq!(done.crc64(), crc64(&whole));
    assert!(raw.get("k", &[]).await.ok().body == whole);
    // The part that was left out is gone, and so is the upload.
    assert_eq!(blobs(&store), 3);
    raw.complete("k", &id, &list(&[1, 2, 3]), &[]).await.refused(404, "NoSuchUpload");
    raw.list_parts("k", &id, &[]).await.refused(404, "NoSuchUpload");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_aborted_or_foreign_upload_takes_nothing() {
    let store = store().await;
    let raw = Raw::new(&store);
    let id = raw.initiate("k", &[]).await;
    let part = raw.part("k", &id, 1, &[], b"bytes").await.ok();
    raw.part("other", &id, 1, &[], b"bytes").await.refused(404, "NoSuchUpload");
    raw.complete("other", &id, &[(1, part.etag().to_owned())], &[]).await.refused(404, "NoSuchUpload");
    assert_eq!(raw.abort("k", &id).await.ok().status.as_u16(), 204);
    raw.abort("k", &id).await.refused(404, "NoSuchUpload");
    raw.part("k", &id, 1, &[], b"bytes").await.refused(404, "NoSuchUpload");
    raw.part("k", "../../examplebucket-1250000000", 1, &[], b"bytes").await.refused(404, "NoSuchUpload");
    raw.send("GET", "k", &[("uploadId", "")], &[], &[]).await.refused(400, "ListPartUploadIdIsEmpty");
    assert_eq!(blobs(&store), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn part_numbers_lengths_and_digests_are_checked() {
    let store = store().await;
    let raw = Raw::new(&store);
    let id = raw.initiate("k", &[]).await;
    for number in [0, 10_001, 70_000] {
        raw.part("k", &id, number, &[], b"bytes").await.refused(400, "InvalidArgument");
    }
    raw.part("k", &id, 10_000, &[], b"bytes").await.ok();
    let md5 = |value: &str| headers(&[("Content-MD5", value)]);
    raw.part("k", &id, 1, &md5("nonsense"), b"bytes").await.refused(400, "InvalidDigest");
    raw.part("k", &id, 1, &md5(&md5_base64(b"other")), b"bytes").await.refused(400, "BadDigest");
    raw.part("k", &id, 1, &md5(&md5_base64(b"bytes")), b"bytes").await.ok();
    for limit in ["819199", "838860801", "fast"] {
        let limit = headers(&[("x-cos-traffic-limit", limit)]);
        raw.part("k", &id, 1, &limit, b"bytes").await.refused(400, "InvalidArgument");
    }
    raw.part("k", &id, 1, &headers(&[("x-cos-traffic-limit", "819200")]), b"bytes").await.ok();

    let list = [(1, "x".to_owned())];
    let body = complete_body(&list);
    raw.complete("k", &id, &list, &md5(&md5_base64(b"other"))).await.refused(400, "BadDigest");
    raw.complete("k", &id, &list, &md5(&md5_base64(body.as_bytes()))).await.refused(400, "InvalidPart");
    let long = vec![b' '; (1 << 20) + 1];
    raw.send("POST", "k", &[("uploadId", &id)], &[], &long).await.refused(400, "XMLSizeLimit");
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_parts_become_one_object() {
    let store = store_with(|options| options.min_part_size(1)).await;
    let raw = Raw::new(&store);
    let id = raw.initiate("k", &[]).await;
    let mut sending = tokio::task::JoinSet::new();
    for first in (1..=10_000_u32).step_by(1_000) {
        let (raw, id) = (raw.clone(), id.clone());
        sending.spawn(async move {
            let mut parts = Vec::new();
            for number in first..first + 1_000 {
                let part = raw.part("k", &id, number, &[], &number.to_le_bytes()).await.ok();
                parts.push((number, part.etag().to_owned()));
            }
            parts
        });
    }
    let mut parts = sending.join_all().await.concat();
    parts.sort_unstable();
    let done = raw.complete("k", &id, &parts, &[]).await.ok();
    let whole: Vec<u8> = (1..=10_000_u32).flat_map(u32::to_le_bytes).collect();
    assert_eq!(done.crc64(), crc64(&whole));
    assert!(raw.get("k", &[]).await.ok().body == whole);
    let middle = raw.get("k", &headers(&[("Range", "bytes=19998-20005")])).await.ok();
    assert_eq!(middle.body, whole[19_998..20_006]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_is_read_to_its_end_while_it_is_replaced() {
    let store = store().await;
    let raw = Raw::new(&store);
    let old = pattern(24 << 20, 1);
    let id = raw.initiate("k", &[]).await;
    let mut parts = Vec::new();
    for (number, piece) in (1..).zip(old.chunks(2 << 20)) {
        parts.push((number, raw.part("k", &id, number, &[], piece).await.ok().etag().to_owned()));
    }
    raw.complete("k", &id, &parts, &[]).await.ok();

    let path = format!("/{}/k", raw.bucket);
    let signed = raw.authorize("GET", &path, &[], &[("host".to_owned(), raw.host.clone())]);
    let mut reading = raw.http.get(format!("{}{path}", raw.base)).header("Authorization", signed).send().await.unwrap();
    let mut got = reading.chunk().await.unwrap().unwrap().to_vec();
    raw.put("k", &[], b"new").await.ok();
    assert_eq!(raw.get("k", &[]).await.ok().body, b"new");
    while let Some(chunk) = reading.chunk().await.unwrap() {
        got.extend_from_slice(&chunk);
    }
    assert!(got == old);
    // The next change sweeps what the reader held.
    tokio::time::timeout(Duration::from_secs(20), async {
        while blobs(&store) > 1 {
            raw.put("k", &[], b"newer").await.ok();
        }
    })
    .await
    .unwrap();
}
