//! A Complete whose answer nobody heard, and a process that is gone.

use sealift::{emulator::FaultPlan, error::ErrorKind, transfer::journal::Standing, wire::Delete};

use super::{Desk, PARTS, put_back};
use crate::{
    support::key,
    upload::rig::{KEY, customer, modes, none},
};

/// The object is made, and neither its answer nor a look at it comes through: the process ends not knowing.
async fn nobody_knows(desk: &Desk) {
    desk.faults(
        FaultPlan::new()
            .on("Complete")
            .lose_answer()
            .on("Head")
            .answer(403, "")
            .on("ListParts")
            .answer(403, "AccessDenied"),
    );
    let error = desk.run().await.unwrap_err();
    assert!(error.message().contains("is not known") && error.is_resumable() && error.is_doubtful(), "{error:?}");
    assert_eq!(desk.known().stage, Standing::Completing);
    assert!(desk.rig.seen("Abort").is_empty());
    desk.faults(FaultPlan::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_knows_is_kept_and_found_by_the_next_run_without_sending_a_byte() {
    let desk = Desk::new(&customer()).await;
    nobody_knows(&desk).await;
    let receipt = desk.done(desk.run().await).await;
    assert_eq!((receipt.sent_bytes, receipt.resumed_parts), (0, u32::from(PARTS)));
    assert_eq!(desk.rig.seen("Complete").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_a_killed_process_has_made_is_found_and_proved_in_every_mode() {
    for sse in modes() {
        let desk = Desk::new(&sse).await;
        desk.killed_at_complete().await;
        let before = desk.sent().len();
        let receipt = desk.done(desk.run().await).await;
        assert_eq!((receipt.sent_bytes, receipt.resumed_parts), (0, u32::from(PARTS)));
        assert_eq!(desk.sent().len(), before);
        for proof in ["object-checksum", "part-checksums", "size", "head", "source-unchanged"] {
            assert!(receipt.verified.contains(&proof.to_owned()), "{proof} {:?}", receipt.verified);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_made_object_of_a_file_that_has_changed_since_is_replaced() {
    let mut desk = Desk::new(&customer()).await;
    desk.killed_at_complete().await;
    desk.rig.content[5] ^= 1;
    std::fs::write(desk.rig.file(), &desk.rig.content).unwrap();
    let receipt = desk.done(desk.run().await).await;
    assert_eq!(receipt.resumed_parts, 0);
    assert!(receipt.warnings.iter().any(|it| it.contains("has changed since")), "{:?}", receipt.warnings);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_made_object_that_was_replaced_or_deleted_since_is_made_again() {
    for replaced in [false, true] {
        let desk = Desk::new(&customer()).await;
        desk.killed_at_complete().await;
        if replaced {
            desk.rig.upload(&none()).await.unwrap();
        } else {
            desk.rig.client.send(&Delete { key: key(KEY), version_id: None, if_match: None }, &none()).await.unwrap();
        }
        let receipt = desk.done(desk.run().await).await;
        assert_eq!(receipt.resumed_parts, 0);
        assert!(receipt.warnings.iter().any(|it| it.contains("is gone")), "{:?}", receipt.warnings);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_made_object_is_found_although_the_journal_does_not_know_of_its_completion() {
    let desk = Desk::new(&customer()).await;
    desk.stopped_after(4).await;
    let before = desk.journal();
    let path = desk.state().list().unwrap()[0].path.clone();
    desk.run().await.unwrap();
    put_back(&before, &path);
    let receipt = desk.done(desk.run().await).await;
    assert_eq!((receipt.sent_bytes, receipt.resumed_parts), (0, u32::from(PARTS)));
    assert!(!receipt.verified.contains(&"part-checksums".to_owned()), "two of them are not known any more");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_upload_that_only_could_not_be_proved_is_proved_by_the_next_run() {
    let desk = Desk::new(&customer()).await;
    desk.faults(FaultPlan::new().on("Complete").drop_crc().on("Head").answer(403, ""));
    let error = desk.run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Credentials);
    assert!(error.is_resumable(), "{error:?}");
    desk.faults(FaultPlan::new());
    assert_eq!(desk.done(desk.run().await).await.sent_bytes, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_object_ends_the_journal_so_that_the_next_run_sends_it_anew() {
    let desk = Desk::new(&customer()).await;
    desk.faults(FaultPlan::new().on("Complete").wrong_crc());
    let error = desk.run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity);
    assert!(!error.is_resumable());
    desk.nothing_kept();
    desk.faults(FaultPlan::new());
    assert_eq!(desk.done(desk.run().await).await.resumed_parts, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_to_initiate_that_was_lost_is_remembered_and_its_upload_never_adopted() {
    let desk = Desk::new(&customer()).await;
    desk.faults(FaultPlan::new().on("Initiate").lose_answer());
    let error = desk.run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert!(!error.is_resumable(), "there is nothing to go on with");
    assert_eq!(desk.known().stage, Standing::Initiating);
    let left = desk.rig.uploads().await;
    assert!(!left.is_empty());
    desk.faults(FaultPlan::new());
    let receipt = desk.run().await.unwrap();
    assert_eq!(desk.rig.uploads().await, left, "what is not surely ours is left alone");
    assert!(left.iter().all(|it| receipt.upload_id.as_deref() != Some(it.upload_id.as_str())));
    let note = receipt.warnings.iter().find(|it| it.contains("uploads list"));
    assert!(note.is_some_and(|note| note.contains(KEY)), "{:?}", receipt.warnings);
    desk.nothing_kept();
}
