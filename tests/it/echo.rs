//! A store that drops, downgrades or alters the encryption never gets a Complete, and a silent one not even the first
//! bytes of the file.

use sealift::{
    emulator::{FaultPlan, Guesses, Rule},
    error::{Error, ErrorKind},
    sse::{SseContext, SseMode},
};

use crate::{
    support,
    upload::rig::{KEY, MIB, Rig, customer, kms, managed, none},
};

/// The modes that ask for something.
fn asking() -> [SseContext; 3] {
    [managed(), kms(), customer()]
}

/// The ways in which a store can contradict.
const LIES: [fn(Rule) -> FaultPlan; 2] = [Rule::downgrade_echo, Rule::alter_echo];

/// Makes sure that an error says what was asked.
#[track_caller]
fn says_what_was_asked(error: &Error, sse: &SseContext) {
    let word = match sse.mode() {
        SseMode::Managed => "AES256",
        SseMode::Kms => "kms",
        _ => "customer",
    };
    assert!(error.message().contains(word), "{error}");
}

/// `downgrade_echo` of `AES256` leaves nothing, which is silence.
fn contradicts(sse: &SseContext, lie: fn(Rule) -> FaultPlan) -> bool {
    !(sse.mode() == SseMode::Managed && std::ptr::fn_addr_eq(lie, LIES[0]))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contradiction_at_initiate_ends_the_upload_before_any_byte_of_the_file() {
    for sse in asking() {
        for lie in LIES.into_iter().filter(|lie| contradicts(&sse, *lie)) {
            let rig = Rig::with_faults(3 * MIB, lie(FaultPlan::new().on("Initiate"))).await;
            let error = rig.failed_clean(rig.upload(&sse).await, ErrorKind::Encryption).await;
            says_what_was_asked(&error, &sse);
            assert!(rig.seen("UploadPart").is_empty() && rig.seen("Complete").is_empty());
            assert_eq!(rig.seen("Abort").len(), 1, "the upload that Initiate made is removed");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contradiction_at_a_part_never_gets_a_complete() {
    for sse in asking() {
        for lie in LIES {
            let rig = Rig::with_faults(4 * MIB, lie(FaultPlan::new().on("UploadPart").part(2))).await;
            let error = rig.failed_clean(rig.upload(&sse).await, ErrorKind::Encryption).await;
            says_what_was_asked(&error, &sse);
            assert_eq!(error.part().map(sealift::ident::PartNumber::get), Some(2));
            assert!(rig.seen("Complete").is_empty());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_is_not_confirmed_never_gets_a_complete() {
    for sse in asking() {
        let rig = Rig::with_faults(3 * MIB, FaultPlan::new().on("UploadPart").part(3).drop_echo()).await;
        let error = rig.failed_clean(rig.upload(&sse).await, ErrorKind::Encryption).await;
        says_what_was_asked(&error, &sse);
        assert!(rig.seen("Complete").is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_store_gets_one_random_byte_and_nothing_of_the_file() {
    for sse in asking() {
        let rig = Rig::with_faults(4 * MIB, FaultPlan::new().on("*").drop_echo()).await;
        rig.failed_clean(rig.upload(&sse).await, ErrorKind::Encryption).await;
        let parts = rig.seen("UploadPart");
        assert_eq!(parts.len(), 1, "nothing but the probe was sent");
        assert_eq!((parts[0].part, parts[0].received), (Some(1), 1));
        assert!(rig.seen("Complete").is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_silent_at_initiate_only_gets_a_probe_and_then_the_file() {
    for sse in asking() {
        let mut guesses = Guesses::default();
        guesses.echo_on_initiate = false;
        let rig = Rig::over(support::store_with(|options| options.guesses(guesses)).await, 3 * MIB);
        let receipt = rig.upload(&sse).await.unwrap();
        let parts = rig.seen("UploadPart");
        assert_eq!((parts[0].part, parts[0].received), (Some(1), 1), "the probe comes first");
        assert_eq!(parts.len(), 4);
        let real = parts[1..].iter().filter(|part| part.received == MIB as u64).count();
        assert_eq!(real, 3, "part 1 is overwritten by the real one");
        assert!(!receipt.verified.contains(&"echo:initiate".to_owned()));
        assert!(receipt.verified.contains(&"echo:parts".to_owned()));
        assert_eq!(receipt.sent_bytes, 3 * MIB as u64, "the probe is no byte of the file");
        rig.same(&rig.read(&sse).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_probed_when_nothing_was_asked() {
    let rig = Rig::with_faults(2 * MIB, FaultPlan::new().on("*").drop_echo()).await;
    let receipt = rig.upload(&none()).await.unwrap();
    assert_eq!(rig.seen("UploadPart").len(), 2);
    assert_eq!(receipt.sse.mode, "none");
    assert!(!receipt.verified.iter().any(|proof| proof.starts_with("echo")));
}

#[tokio::test(flavor = "multi_thread")]
async fn silence_at_complete_and_head_is_no_failure_and_no_proof() {
    for sse in asking() {
        let faults = FaultPlan::new().on("Complete").drop_echo().on("Head").drop_echo();
        let rig = Rig::with_faults(2 * MIB, faults).await;
        let receipt = rig.upload(&sse).await.unwrap();
        let echoes: Vec<&String> = receipt.verified.iter().filter(|proof| proof.starts_with("echo")).collect();
        assert_eq!(echoes, ["echo:initiate", "echo:parts"]);
        // That it does not open without its key shows as much as any word.
        let told = receipt.warnings.iter().any(|it| it.contains("does not say that"));
        assert_eq!(told, !sse.is_customer(), "{:?}", receipt.warnings);
        rig.same(&rig.read(&sse).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contradiction_after_complete_fails_and_names_the_object_that_stays() {
    for operation in ["Complete", "Head"] {
        for sse in asking() {
            for lie in LIES.into_iter().filter(|lie| contradicts(&sse, *lie)) {
                let rig = Rig::with_faults(2 * MIB, lie(FaultPlan::new().on(operation))).await;
                let error = rig.upload(&sse).await.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Encryption, "{error:?}");
                assert!(error.message().contains(KEY), "{error}");
                says_what_was_asked(&error, &sse);
                assert!(rig.seen("Delete").is_empty(), "a completed object is never deleted");
                assert!(rig.seen("Abort").is_empty());
                rig.store.emulator.set_faults(FaultPlan::new());
                rig.same(&rig.read(&sse).await.unwrap());
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_object_that_is_not_confirmed_is_removed_again() {
    for sse in asking() {
        for lie in [Rule::drop_echo, Rule::downgrade_echo, Rule::alter_echo] {
            let rig = Rig::with_faults(1000, lie(FaultPlan::new().on("Put"))).await;
            let error = rig.failed_clean(rig.upload(&sse).await, ErrorKind::Encryption).await;
            says_what_was_asked(&error, &sse);
            assert_eq!(rig.seen("Delete").len(), 1);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unconfirmed_small_object_that_cannot_be_removed_is_named() {
    let faults = FaultPlan::new().on("Put").drop_echo().on("Delete").answer(403, "AccessDenied");
    let rig = Rig::with_faults(1000, faults).await;
    let error = rig.upload(&customer()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Encryption);
    let cleanup = error.cleanup().expect("the removal failed");
    assert!(cleanup.message().contains(KEY), "{cleanup}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_cannot_be_recognised_as_ours_is_never_removed() {
    let faults = FaultPlan::new().on("Put").drop_echo().on("Head").answer(403, "AccessDenied");
    let rig = Rig::with_faults(1000, faults).await;
    let error = rig.upload(&customer()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Encryption);
    assert!(error.cleanup().is_some_and(|cleanup| cleanup.message().contains(KEY)));
    assert!(rig.seen("Delete").is_empty());
}
