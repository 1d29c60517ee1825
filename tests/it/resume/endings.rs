//! What is kept and what is removed.

use std::fs;

use sealift::{
    emulator::FaultPlan,
    error::{ErrorKind, Result},
    transfer::{OnChange, Receipt},
};

use super::Desk;
use crate::{
    support::pattern,
    upload::rig::{MIB, customer, none},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_removes_the_upload_and_its_journal() {
    let desk = Desk::new(&customer()).await;
    desk.faults(FaultPlan::new().on("UploadPart").part(3).delay(60_000));
    let upload = desk.rig.uploader.upload(desk.request());
    upload.progress().wait_for(|now| now.parts_done == 2).await.unwrap();
    upload.cancel();
    let error = desk.rig.failed_clean(upload.await, ErrorKind::Cancelled).await;
    assert!(!error.is_resumable(), "{error:?}");
    desk.nothing_kept();
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_journal_a_pause_removes_the_upload() {
    let desk = Desk::new(&none()).await;
    desk.faults(FaultPlan::new().on("UploadPart").part(3).delay(60_000));
    let upload = desk.rig.uploader.upload(desk.rig.request());
    upload.progress().wait_for(|now| now.in_flight > 0).await.unwrap();
    upload.pause();
    desk.rig.failed_clean(upload.await, ErrorKind::Cancelled).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_run_can_mend_is_removed_with_its_journal() {
    let on = |part: u16| FaultPlan::new().on("UploadPart").part(part);
    for (faults, kind) in [
        (on(3).alter_echo(), ErrorKind::Encryption),
        (on(3).drop_echo(), ErrorKind::Encryption),
        (on(3).wrong_crc(), ErrorKind::Integrity),
        (on(3).answer(400, "InvalidArgument"), ErrorKind::Rejected),
        (FaultPlan::new().on("Initiate").alter_echo(), ErrorKind::Encryption),
        (FaultPlan::new().on("Initiate").answer(403, "AccessDenied"), ErrorKind::Credentials),
    ] {
        let desk = Desk::new(&customer()).await;
        desk.faults(faults);
        let error = desk.rig.failed_clean(desk.run().await, kind).await;
        assert!(!error.is_resumable(), "{error:?}");
        desk.nothing_kept();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changes_under_way_takes_its_upload_along() {
    let desk = Desk::new(&customer()).await;
    desk.faults(FaultPlan::new().on("UploadPart").part(3).delay(1500));
    let upload = desk.rig.uploader.upload(desk.request());
    upload.progress().wait_for(|now| now.parts_done == 2).await.unwrap();
    fs::write(desk.rig.file(), "another").unwrap();
    let error = desk.rig.failed_clean(upload.await, ErrorKind::Source).await;
    assert!(!error.is_resumable());
    desk.nothing_kept();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_cannot_be_removed_keeps_its_journal_so_that_it_is_found_again() {
    let desk = Desk::new(&customer()).await;
    let on = FaultPlan::new().on("UploadPart").part(3).answer(400, "InvalidArgument");
    desk.faults(on.on("Abort").answer(403, "AccessDenied"));
    let error = desk.run().await.unwrap_err();
    assert!(error.cleanup().is_some(), "{error:?}");
    assert_eq!(desk.known().parts.len(), 2);
    desk.faults(FaultPlan::new());
    assert_eq!(desk.done(desk.run().await).await.resumed_parts, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_complete_that_finds_a_part_missing_is_mended_by_the_next_run() {
    let desk = Desk::new(&customer()).await;
    desk.faults(FaultPlan::new().on("Complete").answer(400, "InvalidPart"));
    let error = desk.run().await.unwrap_err();
    assert!(error.is_resumable());
    // Nobody has to begin another upload by hand.
    assert!(error.hint().is_some_and(|hint| hint.contains("upload again") && hint.contains("goes on")), "{error:?}");
    desk.faults(FaultPlan::new());
    desk.done(desk.run().await).await;
}

/// Changes the file when two parts have arrived, and lets the upload go on.
async fn changes(desk: &Desk, on_change: OnChange, change: impl FnOnce()) -> (Result<Receipt>, Vec<String>) {
    desk.faults(FaultPlan::new().on("UploadPart").part(3).times(1).delay(1500));
    let upload = desk.rig.uploader.upload(desk.request().on_change(on_change));
    let progress = upload.progress();
    upload.progress().wait_for(|now| now.parts_done == 2).await.unwrap();
    change();
    let outcome = upload.await;
    let notes = progress.borrow().notes.clone();
    (outcome, notes)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changes_under_way_can_begin_again_as_it_is_then() {
    for replaced in [false, true] {
        let mut desk = Desk::new(&customer()).await;
        let file = desk.rig.file();
        let content = pattern(5 * MIB + 7, 42);
        let (outcome, notes) = changes(&desk, OnChange::Restart, || {
            let to = if replaced { file.with_extension("new") } else { file.clone() };
            fs::write(&to, &content).unwrap();
            if replaced {
                fs::rename(&to, &file).unwrap();
            }
        })
        .await;
        desk.rig.content = content.clone();
        let receipt = desk.done(outcome).await;
        assert_eq!((receipt.size, receipt.resumed_parts), (content.len() as u64, 0));
        assert!(receipt.warnings.iter().any(|it| it.contains("began again")), "{:?}", receipt.warnings);
        assert_eq!(receipt.warnings, notes);
        assert_eq!(desk.rig.seen("Complete").len(), 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_gone_cannot_begin_again() {
    let desk = Desk::new(&customer()).await;
    let (outcome, _) = changes(&desk, OnChange::Restart, || fs::remove_file(desk.rig.file()).unwrap()).await;
    let error = desk.rig.failed_clean(outcome, ErrorKind::Source).await;
    assert!(error.message().contains("cannot open"), "{error}");
    desk.nothing_kept();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_does_not_begin_again() {
    let desk = Desk::new(&customer()).await;
    desk.faults(FaultPlan::new().on("UploadPart").part(2).answer(400, "InvalidArgument"));
    let outcome = desk.send(desk.request().on_change(OnChange::Restart)).await;
    desk.rig.failed_clean(outcome, ErrorKind::Rejected).await;
    assert_eq!(desk.rig.seen("Initiate").len(), 1);
}
