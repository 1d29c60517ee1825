//! Ends of an upload that are in doubt, and how they are settled.

use std::time::Duration;

use sealift::{
    emulator::{FaultPlan, Guesses},
    error::{ErrorKind, Result},
    sse::SseContext,
    transfer::Receipt,
};

use super::rig::{KEY, MIB, Rig, customer, modes, none};
use crate::support;

/// Uploads two parts while this goes wrong.
async fn with(faults: FaultPlan, sse: &SseContext) -> (Rig, Result<Receipt>) {
    let rig = Rig::with_faults(2 * MIB, faults).await;
    let outcome = rig.upload(sse).await;
    (rig, outcome)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_or_cut_answer_to_complete_is_settled_by_looking_at_the_object() {
    for sse in modes() {
        for faults in [FaultPlan::new().on("Complete").lose_answer(), FaultPlan::new().on("Complete").cut_stream()] {
            let (rig, outcome) = with(faults, &sse).await;
            let receipt = outcome.unwrap();
            assert_eq!(rig.seen("Complete").len(), 1, "Complete happens once");
            assert!(!receipt.verified.contains(&"echo:complete".to_owned()));
            assert!(receipt.verified.contains(&"object-checksum".to_owned()));
            assert!(rig.seen("Abort").is_empty());
            rig.same(&rig.read(&sse).await.unwrap());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_in_a_200_or_a_503_that_did_nothing_is_completed_again() {
    for faults in [
        FaultPlan::new().on("Complete").times(2).error_in_200("InternalError"),
        FaultPlan::new().on("Complete").times(1).answer(503, "SlowDown"),
        FaultPlan::new().on("Complete").times(1).answer(409, "PathConflict"),
        FaultPlan::new().on("Complete").times(1).reset(),
    ] {
        let (rig, outcome) = with(faults, &customer()).await;
        outcome.unwrap();
        assert!(!rig.seen("ListParts").is_empty(), "it was looked whether the upload is alive");
        rig.same(&rig.read(&customer()).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_was_there_before_is_not_taken_for_ours() {
    for faults in [
        FaultPlan::new().on("Complete").times(1).lose_answer(),
        FaultPlan::new().on("Complete").times(1).error_in_200("InternalError"),
    ] {
        let rig = Rig::new(2 * MIB).await;
        rig.upload(&none()).await.unwrap();
        rig.store.emulator.set_faults(faults);
        rig.upload(&customer()).await.unwrap();
        rig.same(&rig.read(&customer()).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_merge_that_runs_on_after_its_connection_is_waited_for() {
    for sse in [none(), customer()] {
        let (rig, outcome) = with(FaultPlan::new().on("Complete").linger(1_200), &sse).await;
        outcome.unwrap();
        assert!(rig.seen("Abort").is_empty());
        assert!(!rig.seen("ListParts").is_empty(), "it was looked whether the upload is alive");
        rig.same(&rig.read(&sse).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancel_under_a_merge_that_runs_on_ends_unknown_and_removes_nothing() {
    let rig = Rig::with_faults(2 * MIB, FaultPlan::new().on("Complete").linger(60_000)).await;
    let upload = rig.uploader.upload(rig.request().sse(customer()));
    while rig.seen("Complete").is_empty() {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    upload.cancel();
    let error = upload.await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Cancelled, "{error:?}");
    assert!(error.is_doubtful() && error.hint().is_some(), "{error:?}");
    assert!(rig.seen("Abort").is_empty());
    let alive = rig.uploads().await;
    assert_eq!(alive.len(), 1);
    assert!(error.message().contains(alive[0].upload_id.as_str()) && error.message().contains(KEY), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_look_after_a_lost_answer_hears_that_the_outcome_is_unknown() {
    for (sse, kind) in [(none(), ErrorKind::Credentials), (customer(), ErrorKind::Encryption)] {
        let faults = FaultPlan::new().on("Complete").lose_answer().on("Head").answer(403, "");
        let (rig, outcome) = with(faults, &sse).await;
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(error.is_doubtful(), "{error:?}");
        assert!(error.message().contains("is not known") && error.message().contains(KEY), "{error}");
        assert!(rig.seen("Abort").is_empty() && rig.seen("Delete").is_empty());
        rig.same(&rig.read(&sse).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_outcome_that_a_hidden_list_keeps_unknown_is_of_the_lists_kind() {
    let faults = FaultPlan::new().on("Complete").times(1).reset().on("ListParts").answer(403, "AccessDenied");
    let (rig, outcome) = with(faults, &none()).await;
    let error = outcome.unwrap_err();
    // That there is no object yet, which HEAD says, is no refusal.
    assert_eq!((error.kind(), error.is_doubtful()), (ErrorKind::Credentials, true), "{error:?}");
    assert!(rig.seen("Abort").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_complete_refused_for_the_credentials_after_a_lost_one_aborts_nothing() {
    let faults =
        FaultPlan::new().on("Complete").times(1).linger(2_500).on("Complete").attempt(2).answer(403, "AccessDenied");
    let (rig, outcome) = with(faults, &customer()).await;
    outcome.unwrap();
    assert!(rig.seen("Abort").is_empty());
    rig.same(&rig.read(&customer()).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_definite_refusal_of_complete_ends_the_upload() {
    let (rig, outcome) = with(FaultPlan::new().on("Complete").answer(400, "InvalidPart"), &customer()).await;
    let error = rig.failed_clean(outcome, ErrorKind::Rejected).await;
    assert_eq!(error.code(), Some("InvalidPart"));
    assert_eq!(rig.seen("Complete").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_vanished_is_said_to_be_gone() {
    let faults =
        FaultPlan::new().on("Complete").answer(404, "NoSuchUpload").on("ListParts").answer(404, "NoSuchUpload");
    let (rig, outcome) = with(faults, &customer()).await;
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert!(error.message().contains("is gone"), "{error}");
    assert_eq!(rig.seen("Complete").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gone_upload_and_somebody_elses_object_are_told_apart_from_ours() {
    for theirs in [none(), customer()] {
        let rig = Rig::new(2 * MIB).await;
        rig.upload(&theirs).await.unwrap();
        rig.store.emulator.set_faults(
            FaultPlan::new().on("Complete").answer(404, "NoSuchUpload").on("ListParts").answer(404, "NoSuchUpload"),
        );
        let error = rig.upload(&customer()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected);
        assert!(error.message().contains(KEY), "{error}");
        rig.store.emulator.set_faults(FaultPlan::new());
        rig.same(&rig.read(&theirs).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn forbidden_head_after_a_complete_that_proved_itself_is_a_warning() {
    let faults = || FaultPlan::new().on("Head").answer(403, "");
    let (rig, outcome) = with(faults(), &customer()).await;
    let receipt = outcome.unwrap();
    assert!(!receipt.verified.iter().any(|proof| proof == "head" || proof == "size" || proof == "echo:head"));
    assert!(receipt.verified.contains(&"echo:complete".to_owned()));
    assert_eq!(receipt.warnings.len(), 1, "{:?}", receipt.warnings);
    rig.same(&rig.read(&customer()).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn forbidden_head_after_a_complete_that_proved_nothing_says_that_the_object_exists() {
    let mut no_crc = Guesses::default();
    no_crc.crc_on_complete = false;
    let mut no_echo = Guesses::default();
    no_echo.echo_on_complete = false;
    for guesses in [no_crc, no_echo] {
        let faults = FaultPlan::new().on("Head").answer(403, "");
        let store = support::store_with(|options| options.faults(faults).guesses(guesses)).await;
        let rig = Rig::over(store, 2 * MIB);
        let error = rig.upload(&customer()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Credentials, "{error:?}");
        assert!(error.message().contains("exists"), "{error}");
        assert!(rig.seen("Abort").is_empty() && rig.seen("Delete").is_empty());
        rig.same(&rig.read(&customer()).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_complete_without_checksum_and_echo_is_proved_by_head() {
    let mut guesses = Guesses::default();
    guesses.crc_on_complete = false;
    guesses.echo_on_complete = false;
    let rig = Rig::over(support::store_with(|options| options.guesses(guesses)).await, 2 * MIB);
    let receipt = rig.upload(&customer()).await.unwrap();
    for proof in ["object-checksum", "head", "size", "echo:parts", "echo:head"] {
        assert!(receipt.verified.contains(&proof.to_owned()), "{proof} is not in {:?}", receipt.verified);
    }
    assert!(!receipt.verified.contains(&"echo:complete".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_answer_to_a_small_put_is_simply_asked_for_again() {
    let rig = Rig::with_faults(100, FaultPlan::new().on("Put").times(1).lose_answer()).await;
    let receipt = rig.upload(&customer()).await.unwrap();
    assert_eq!((rig.seen("Put").len(), rig.seen("Head").len(), receipt.retries), (2, 0, 1));
    rig.same(&rig.read(&customer()).await.unwrap());
}
