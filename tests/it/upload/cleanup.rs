//! Uploads that are stopped: nothing stays behind, and what does is named.

use std::time::Duration;

use sealift::{
    emulator::FaultPlan,
    error::{ErrorKind, Result},
    sse::SseContext,
    transfer::{DownloadRequest, Receipt, Stage, Upload, UploadRequest, Uploader, UploaderOptions},
    transport::StoreClient,
};

use super::rig::{KEY, MIB, Rig, customer, none};
use crate::support::key;

/// An upload whose parts hang, once they do.
async fn hanging(rig: &Rig) -> Upload {
    rig.store.emulator.set_faults(FaultPlan::new().on("UploadPart").delay(60_000));
    let upload = rig.uploader.upload(rig.request().sse(customer()));
    upload.progress().wait_for(|now| now.in_flight > 0).await.unwrap();
    upload
}

/// Waits until the store holds no unfinished upload any more.
async fn until_clean(rig: &Rig) {
    while rig.unfinished().await > 0 {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_upload_is_removed_and_says_so() {
    let rig = Rig::new(4 * MIB).await;
    let upload = hanging(&rig).await;
    assert_eq!(rig.unfinished().await, 1);
    let progress = upload.progress();
    upload.cancel();
    rig.failed_clean(upload.await, ErrorKind::Cancelled).await;
    assert_eq!(progress.borrow().stage, Stage::Done);
    assert!(rig.seen("Complete").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_small_upload_leaves_no_object() {
    let rig = Rig::with_faults(100, FaultPlan::new().on("Put").delay(60_000)).await;
    let upload = rig.uploader.upload(rig.request());
    upload.progress().wait_for(|now| now.stage == Stage::Sending).await.unwrap();
    upload.cancel();
    rig.failed_clean(upload.await, ErrorKind::Cancelled).await;
}

/// Cancels a small upload once the store has its object, while the answer is still awaited.
async fn cancelled_late(faults: FaultPlan, sse: &SseContext) -> (Rig, Result<Receipt>) {
    let rig = Rig::with_faults(100, faults).await;
    let upload = rig.uploader.upload(rig.request().sse(sse.clone()));
    while rig.head(sse).await.is_err() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    upload.cancel();
    let outcome = upload.await;
    (rig, outcome)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_object_whose_answer_comes_too_late_for_a_cancel_is_removed() {
    let late = FaultPlan::new().on("Put").answer_late(60_000);
    let lost = FaultPlan::new().on("Put").attempt(1).lose_answer().on("Put").attempt(2).delay(60_000);
    let all = [none(), customer()].into_iter().zip([late, lost]).map(|(sse, faults)| async move {
        let (rig, outcome) = cancelled_late(faults, &sse).await;
        rig.failed_clean(outcome, ErrorKind::Cancelled).await;
        assert_eq!(rig.seen("Delete").len(), 1);
    });
    futures::future::join_all(all).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_object_that_a_cancel_cannot_remove_is_named() {
    let faults = FaultPlan::new().on("Put").answer_late(60_000).on("Delete").answer(403, "AccessDenied");
    let (rig, outcome) = cancelled_late(faults, &customer()).await;
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    let cleanup = error.cleanup().expect("the object could not be removed");
    assert!(cleanup.message().contains(KEY), "{cleanup}");
    rig.same(&rig.read(&customer()).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_upload_is_removed_in_the_background_even_without_its_uploader() {
    let mut rig = Rig::new(4 * MIB).await;
    let upload = hanging(&rig).await;
    let mut progress = upload.progress();
    rig.uploader = Uploader::new(UploaderOptions::default()).unwrap();
    drop(upload);
    // The sender of the snapshots goes when the last task of the upload has ended.
    while progress.changed().await.is_ok() {}
    assert_eq!(progress.borrow().stage, Stage::Done);
    until_clean(&rig).await;
    assert_eq!(rig.seen("Abort").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_outlives_its_uploader() {
    let rig = Rig::new(2 * MIB).await;
    let uploader = Uploader::new(UploaderOptions::default()).unwrap();
    let upload = uploader.upload(rig.request().sse(customer()));
    drop(uploader);
    upload.await.unwrap();
    let uploader = Uploader::new(UploaderOptions::default()).unwrap();
    let to = rig.store.dir.path().join("back.bin");
    let request = DownloadRequest::new(rig.client.clone(), key(KEY), &to).sse(customer());
    let download = uploader.download(request);
    drop(uploader);
    download.await.unwrap();
    rig.same(&std::fs::read(to).unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_detached_upload_runs_on() {
    let rig = Rig::new(3 * MIB).await;
    let upload = rig.uploader.upload(rig.request().sse(customer()));
    let mut progress = upload.progress();
    upload.detach();
    while progress.changed().await.is_ok() {}
    rig.same(&rig.read(&customer()).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_cannot_be_removed_is_named_in_the_error() {
    let faults = FaultPlan::new()
        .on("UploadPart")
        .part(2)
        .answer(400, "InvalidArgument")
        .on("Abort")
        .answer(403, "AccessDenied");
    let rig = Rig::with_faults(3 * MIB, faults).await;
    let error = rig.upload(&customer()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    let cleanup = error.cleanup().expect("the abort failed");
    assert!(cleanup.message().contains("may still be in the store"), "{cleanup}");
    rig.store.emulator.set_faults(FaultPlan::new());
    let left = rig.uploads().await;
    assert_eq!(left.len(), 1, "what the error says is true");
    assert!(cleanup.message().contains(left[0].upload_id.as_str()), "{cleanup}");
}

#[tokio::test]
async fn an_uploader_can_be_dropped_inside_a_runtime_and_runs_other_work() {
    let uploader = Uploader::new(UploaderOptions::default()).unwrap();
    let name = uploader.run(async { std::thread::current().name().map(ToOwned::to_owned) }).await.unwrap();
    assert_eq!(name.as_deref(), Some("sealift-io"));
    let error = uploader.run(async { assert!(std::hint::black_box(false), "on purpose") }).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Internal);
    drop(uploader);
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_of_one_uploader_share_its_budget_and_all_end() {
    let rig = Rig::new(5 * MIB).await;
    let options = UploaderOptions::default().memory(512 << 10);
    let uploader = Uploader::new(options).unwrap();
    let uploads = (1..=3).map(|n| {
        let request = UploadRequest::new(rig.client.clone(), key(&format!("object-{n}")), rig.file());
        uploader.upload(request.part_size(MIB as u64).sse(customer()))
    });
    for receipt in futures::future::join_all(uploads).await {
        assert_eq!(receipt.unwrap().parts, 5);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_object_that_no_answer_has_proved_does_not_stay() {
    let rig = Rig::with_faults(100, FaultPlan::new().on("Put").lose_answer()).await;
    let mut options = rig.store.client_options();
    options.attempts = 2;
    let client = StoreClient::new(rig.store.address(), rig.store.credentials(), options).unwrap();
    let request = UploadRequest::new(client, key(KEY), rig.file()).sse(customer());
    rig.failed_clean(rig.uploader.upload(request).await, ErrorKind::Unavailable).await;
    assert_eq!(rig.seen("Delete").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_abort_that_finds_no_upload_is_not_believed_before_the_list_says_the_same() {
    let refused = || FaultPlan::new().on("UploadPart").part(2).answer(400, "InvalidArgument");
    let once = refused().on("Abort").times(1).answer(404, "NoSuchUpload");
    let rig = Rig::with_faults(3 * MIB, once).await;
    rig.failed_clean(rig.upload(&customer()).await, ErrorKind::Rejected).await;
    assert_eq!(rig.seen("Abort").len(), 2);

    let always = refused().on("Abort").answer(404, "NoSuchUpload");
    let rig = Rig::with_faults(3 * MIB, always).await;
    let error = rig.upload(&customer()).await.unwrap_err();
    assert!(error.cleanup().is_some_and(|left| left.message().contains("may still be in the store")), "{error:?}");
    assert_eq!(rig.unfinished().await, 1, "what the error says is true");
}
