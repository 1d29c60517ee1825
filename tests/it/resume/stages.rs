//! Stopped anywhere, in every mode: the same request sends what is missing and nothing else.

use sealift::{
    emulator::FaultPlan,
    error::ErrorKind,
    transfer::{Concurrency, Stage, journal::Standing},
};

use super::{Desk, PARTS};
use crate::upload::rig::{MIB, customer, modes};

#[tokio::test(flavor = "multi_thread")]
async fn in_every_mode_only_the_missing_parts_are_sent_and_the_object_is_the_same() {
    for sse in modes() {
        let desk = Desk::new(&sse).await;
        let error = desk.stopped_after(3).await;
        assert_eq!(error.kind(), ErrorKind::Credentials);
        assert!(
            error.hint().unwrap().contains("what has arrived (3 of 6 parts) is kept, and the same command"),
            "{error:?}"
        );
        assert_eq!(desk.rig.unfinished().await, 1);
        let receipt = desk.done(desk.run().await).await;
        assert_eq!(receipt.resumed_parts, 3);
        assert_eq!(receipt.warnings, Vec::<String>::new());
        assert_eq!(receipt.sent_bytes, 3 * MIB as u64 - 5);
        assert_eq!(desk.sent(), [1, 2, 3, 4, 5, 6]);
        assert_eq!(desk.rig.seen("Initiate").len(), 1);
        assert!(receipt.verified.contains(&"part-checksums".to_owned()));
        assert_eq!(receipt.verified.contains(&"echo:parts".to_owned()), receipt.sse.mode != "none");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn it_goes_on_from_any_number_of_parts_and_again_and_again() {
    let desk = Desk::new(&customer()).await;
    for parts in 1..PARTS {
        desk.stopped_after(parts).await;
    }
    let receipt = desk.done(desk.run().await).await;
    assert_eq!(receipt.resumed_parts, u32::from(PARTS) - 1);
    assert_eq!(desk.sent(), [1, 2, 3, 4, 5, 6]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_stopped_with_all_parts_there_is_only_completed() {
    let desk = Desk::new(&customer()).await;
    desk.faults(FaultPlan::new().on("Complete").answer(403, "AccessDenied"));
    let error = desk.run().await.unwrap_err();
    assert!(error.is_resumable(), "{error:?}");
    assert_eq!(desk.known().stage, Standing::Completing);
    desk.faults(FaultPlan::new());
    let receipt = desk.done(desk.run().await).await;
    assert_eq!((receipt.resumed_parts, receipt.sent_bytes), (u32::from(PARTS), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_keeps_what_has_arrived_and_the_progress_of_the_next_run_begins_there() {
    let desk = Desk::new(&customer()).await;
    desk.faults(FaultPlan::new().on("UploadPart").part(3).delay(60_000));
    let upload = desk.rig.uploader.upload(desk.request());
    upload.progress().wait_for(|now| now.parts_done == 2).await.unwrap();
    upload.pause();
    let error = upload.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled);
    assert!(error.is_resumable(), "{error:?}");
    assert!(desk.rig.seen("Abort").is_empty());
    desk.faults(FaultPlan::new().on("UploadPart").part(4).delay(60_000));
    let upload = desk.rig.uploader.upload(desk.request());
    let now = upload.progress().wait_for(|now| now.stage == Stage::Sending).await.unwrap().clone();
    assert_eq!((now.resumed_parts, now.resumed), (2, 2 * MIB as u64));
    assert!(now.parts_done >= 2 && now.confirmed >= 2 * MIB as u64);
    drop(upload);
    // The lock is free when the dropped one has ended.
    while desk.state().list().unwrap()[0].holder.is_some() {
        tokio::task::yield_now().await;
    }
    desk.faults(FaultPlan::new());
    desk.done(desk.run().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_parts_at_once_are_kept_too() {
    let desk = Desk::new(&customer()).await;
    desk.faults(FaultPlan::new().on("UploadPart").part(5).answer(403, "AccessDenied"));
    let error = desk.send(desk.request().concurrency(Concurrency::Fixed(4))).await.unwrap_err();
    assert!(error.is_resumable());
    let kept = desk.known().parts.len();
    desk.faults(FaultPlan::new());
    let receipt = desk.done(desk.run().await).await;
    assert_eq!(receipt.resumed_parts as usize, kept);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_silent_at_initiate_is_probed_again_only_if_no_part_was_confirmed() {
    let desk = Desk::new(&customer()).await;
    let silent = || FaultPlan::new().on("Initiate").drop_echo();
    desk.faults(silent().on("UploadPart").part(1).attempt(2).answer(403, "AccessDenied"));
    assert!(desk.run().await.unwrap_err().is_resumable());
    assert_eq!(desk.sent(), [1], "the probe alone");
    desk.faults(silent());
    desk.done(desk.run().await).await;
    assert_eq!(desk.sent(), [1, 1, 1, 2, 3, 4, 5, 6], "a probe, another, and the parts");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_size_that_is_not_asked_for_is_that_of_the_journal() {
    let desk = Desk::new(&customer()).await;
    desk.stopped_after(2).await;
    // Left alone, the file is small enough for one PUT.
    let plain = sealift::transfer::UploadRequest::new(
        desk.rig.client.clone(),
        crate::support::key(crate::upload::rig::KEY),
        desk.rig.file(),
    );
    let receipt = desk.done(desk.send(plain.sse(customer()).journal(desk.state())).await).await;
    assert_eq!((receipt.part_size, receipt.resumed_parts), (MIB as u64, 2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_file_needs_no_journal_and_no_place_for_one() {
    let rig = crate::upload::rig::Rig::new(100).await;
    let state = sealift::transfer::journal::StateDir::at("/proc/no/such/place");
    rig.uploader.upload(rig.request().journal(state)).await.unwrap();
}
