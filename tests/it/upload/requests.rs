//! Requests that are refused before the first call, and those that must not replace an object.

use std::fs;

use sealift::{
    dialect::COS,
    emulator::FaultPlan,
    error::{Error, ErrorKind},
    sse::{CustomerKey, SseContext},
    transfer::{Clobber, Concurrency, Plan, UploadRequest, Uploader, UploaderOptions},
    wire::ObjectProperties,
};

use super::rig::{KEY, MIB, Rig, customer, modes, none};
use crate::support::key;

#[track_caller]
fn refused(rig: &Rig, request: UploadRequest, kind: ErrorKind, message: &str) {
    let error: Error = request.build().unwrap_err();
    assert_eq!(error.kind(), kind, "{error:?}");
    assert!(error.message().contains(message), "{error}");
    assert!(rig.store.emulator.transcript().is_empty(), "nothing is sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_work_is_refused_before_the_first_call() {
    let rig = Rig::new(3 * MIB).await;
    let other = |path: &str| UploadRequest::new(rig.client.clone(), key(KEY), rig.store.dir.path().join(path));
    refused(&rig, other("missing"), ErrorKind::Source, "cannot open");
    refused(&rig, other("."), ErrorKind::Source, "is a directory");
    refused(&rig, rig.request().part_size(1000), ErrorKind::Config, "part size");
    refused(&rig, rig.request().concurrency(Concurrency::Fixed(0)), ErrorKind::Config, "concurrency");
    let mut properties = ObjectProperties::default();
    properties.meta.push(("Sealift-Upload".to_owned(), "mine".to_owned()));
    refused(&rig, rig.request().properties(properties), ErrorKind::Config, "marks its own uploads");
    let mut properties = ObjectProperties::default();
    properties.headers.push(("x-cos-server-side-encryption".to_owned(), "AES256".to_owned()));
    refused(&rig, rig.request().properties(properties), ErrorKind::Config, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_errors_come_from_an_upload() {
    let rig = Rig::new(1).await;
    let request = UploadRequest::new(rig.client.clone(), key(KEY), rig.store.dir.path().join("missing"));
    let error = rig.uploader.upload(request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Source);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_concurrency_that_the_memory_cannot_hold_is_refused_before_the_first_call() {
    let rig = Rig::new(3 * MIB).await;
    let options = UploaderOptions::default().memory(1);
    let uploader = Uploader::new(options).unwrap();
    let error = uploader.upload(rig.request().concurrency(Concurrency::Fixed(3))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(rig.store.emulator.transcript().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_prepared_upload_shows_its_plan_and_keeps_its_file() {
    let rig = Rig::new(3 * MIB).await;
    let prepared = rig.request().sse(customer()).build().unwrap();
    let plan: &Plan = prepared.plan().unwrap();
    assert_eq!((plan.size, plan.part_size, plan.parts, plan.single), (3 * MIB as u64, MIB as u64, 3, false));
    // The file changes between the check and the upload.
    fs::write(rig.file(), b"something else").unwrap();
    let error = rig.uploader.upload(prepared.into()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Source);
}

#[tokio::test(flavor = "multi_thread")]
async fn properties_arrive_and_the_mark_of_the_upload_is_among_them() {
    for len in [10, 2 * MIB] {
        let rig = Rig::new(len).await;
        let mut properties = ObjectProperties::default();
        properties.content_type = Some("text/plain".to_owned());
        properties.meta.push(("colour".to_owned(), "blue".to_owned()));
        rig.uploader.upload(rig.request().properties(properties)).await.unwrap();
        let info = rig.head(&none()).await.unwrap();
        assert_eq!(info.content_type.as_deref(), Some("text/plain"));
        assert!(info.meta.contains(&("colour".to_owned(), "blue".to_owned())), "{:?}", info.meta);
        assert!(info.meta.iter().any(|(name, value)| name == "sealift-upload" && value.len() == 32));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_exists_is_not_replaced_when_that_is_forbidden() {
    for len in [10, 2 * MIB] {
        for (theirs, ours) in modes().into_iter().zip([customer(), none(), customer(), none()]) {
            let rig = Rig::new(len).await;
            rig.upload(&theirs).await.unwrap();
            for clobber in [Clobber::Never, Clobber::NeverBestEffort] {
                let error = rig.uploader.upload(rig.request().sse(ours.clone()).clobber(clobber)).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Rejected, "{error:?}");
                // What nobody can open without its key may be there or not.
                let told = if theirs.is_customer() { "cannot be told" } else { "exists already" };
                assert!(error.message().contains(told), "{error}");
            }
            rig.same(&rig.read(&theirs).await.unwrap());
            assert_eq!(rig.unfinished().await, 0);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_under_the_same_customer_key_is_known_to_exist() {
    let rig = Rig::new(2 * MIB).await;
    rig.upload(&customer()).await.unwrap();
    let request = || rig.request().clobber(Clobber::Never);
    let error = rig.uploader.upload(request().sse(customer())).await.unwrap_err();
    assert!(
        error.message().contains("exists already") && error.hint().unwrap().contains("another object key"),
        "{error:?}"
    );
    let other = SseContext::customer(COS, CustomerKey::from_bytes([8; 32]));
    let error = rig.uploader.upload(request().sse(other)).await.unwrap_err();
    assert!(
        error.message().contains("cannot be told") && error.hint().unwrap().contains("another object key"),
        "{error:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_may_not_be_looked_at_is_neither_taken_nor_said_to_exist() {
    for (status, kind) in [(400, ErrorKind::Rejected), (403, ErrorKind::Credentials)] {
        let rig = Rig::with_faults(10, FaultPlan::new().on("Head").answer(status, "")).await;
        let error = rig.uploader.upload(rig.request().clobber(Clobber::Never)).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(error.message().contains("cannot be told"), "{error}");
        assert!(rig.seen("Put").is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_free_key_is_taken_under_the_condition() {
    for (len, operations) in [(10, vec!["Put"]), (2 * MIB, vec!["Initiate", "Complete"])] {
        let rig = Rig::new(len).await;
        rig.uploader.upload(rig.request().clobber(Clobber::Never)).await.unwrap();
        for operation in operations {
            for request in rig.seen(operation) {
                let condition = ("x-cos-forbid-overwrite".to_owned(), "true".to_owned());
                assert!(request.headers.contains(&condition), "{operation}");
            }
        }
        rig.same(&rig.read(&none()).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_appears_meanwhile_stays() {
    for len in [10, 2 * MIB] {
        // HEAD does not see it, so the condition has to hold.
        let rig = Rig::new(len).await;
        rig.upload(&none()).await.unwrap();
        rig.store.emulator.set_faults(FaultPlan::new().on("Head").attempt(1).answer(404, ""));
        let error = rig.uploader.upload(rig.request().sse(customer()).clobber(Clobber::Never)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected, "{error:?}");
        rig.same(&rig.read(&none()).await.unwrap());
        assert_eq!(rig.unfinished().await, 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_to_a_conditional_put_is_settled_by_the_mark() {
    for sse in modes() {
        let rig = Rig::with_faults(100, FaultPlan::new().on("Put").times(1).lose_answer()).await;
        rig.uploader.upload(rig.request().sse(sse.clone()).clobber(Clobber::Never)).await.unwrap();
        rig.same(&rig.read(&sse).await.unwrap());
        // Without encryption HEAD proves it; with it, only the answer to a PUT does, so ours was made again.
        let again = sse.mode() != sealift::sse::SseMode::None;
        assert_eq!(rig.seen("Put").len(), 1 + usize::from(again), "{:?}", sse.mode());
        assert_eq!(rig.seen("Delete").len(), usize::from(again));
    }
}
