//! Conditions: not over an existing object, and only of this version.

use super::raw::{Raw, headers};
use crate::support::{store, store_with};

#[tokio::test(flavor = "multi_thread")]
async fn an_object_is_not_overwritten_where_that_is_forbidden() {
    let store = store().await;
    let raw = Raw::new(&store);
    let forbid = headers(&[("x-cos-forbid-overwrite", "true")]);
    let id = raw.initiate("k", &forbid).await;
    let part = raw.part("k", &id, 1, &[], b"parts").await.ok();
    let parts = [(1, part.etag().to_owned())];
    raw.put("k", &forbid, b"first").await.ok();
    raw.put("k", &forbid, b"second").await.refused(409, "FileAlreadyExists");
    raw.send("POST", "k", &[("uploads", "")], &forbid, &[]).await.refused(409, "FileAlreadyExists");
    raw.complete("k", &id, &parts, &forbid).await.refused(409, "FileAlreadyExists");
    assert_eq!(raw.get("k", &[]).await.ok().body, b"first");
    // The upload is still there, and without the condition it goes through.
    raw.complete("k", &id, &parts, &headers(&[("x-cos-forbid-overwrite", "false")])).await.ok();
    assert_eq!(raw.get("k", &[]).await.ok().body, b"parts");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_conditional_puts_at_once_one_wins() {
    let store = store().await;
    let raw = Raw::new(&store);
    let mut racing = tokio::task::JoinSet::new();
    for racer in 0..16_u8 {
        let raw = raw.clone();
        racing.spawn(async move {
            raw.put("k", &headers(&[("x-cos-forbid-overwrite", "true")]), &[racer; 1000]).await.status.is_success()
        });
    }
    assert_eq!(racing.join_all().await.into_iter().filter(|won| *won).count(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guess_can_be_switched() {
    let mut guesses = sealift::emulator::Guesses::default();
    guesses.exists = (412, "PreconditionFailed".to_owned());
    guesses.gaps = true;
    guesses.crc_on_complete = false;
    guesses.declaration_after_space = true;
    let store = store_with(|options| options.guesses(guesses)).await;
    let raw = Raw::new(&store);
    raw.put("k", &[], b"first").await.ok();
    let forbid = headers(&[("x-cos-forbid-overwrite", "true")]);
    raw.put("k", &forbid, b"second").await.refused(412, "PreconditionFailed");
    let id = raw.initiate("k", &[]).await;
    let part = raw.part("k", &id, 5, &[], b"parts").await.ok();
    let done = raw.complete("k", &id, &[(5, part.etag().to_owned())], &[]).await.ok();
    assert!(!done.headers.contains_key("x-cos-hash-crc64ecma"));
    assert!(done.text().starts_with(' ') && done.text().trim_start().starts_with("<?xml"));
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_can_be_bound_to_one_version() {
    let store = store().await;
    let raw = Raw::new(&store);
    let tag = raw.put("k", &[], b"first").await.ok().header("etag").to_owned();
    raw.get("k", &headers(&[("If-Match", &tag)])).await.ok();
    assert_eq!(raw.get("k", &headers(&[("If-None-Match", &tag)])).await.status.as_u16(), 304);
    raw.put("k", &[], b"second").await.ok();
    raw.get("k", &headers(&[("If-Match", &tag), ("Range", "bytes=0-1")])).await.refused(412, "PreconditionFailed");
    assert_eq!(raw.head("k", &headers(&[("If-Match", &tag)])).await.status.as_u16(), 412);
    raw.get("k", &headers(&[("If-None-Match", &tag)])).await.ok();
    let past = "Thu, 16 May 2019 06:45:51 GMT";
    raw.get("k", &headers(&[("If-Unmodified-Since", past)])).await.refused(412, "PreconditionFailed");
    raw.get("k", &headers(&[("If-Modified-Since", past)])).await.ok();
}
