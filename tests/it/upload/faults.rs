//! What goes wrong on the way and is mended, and what cannot be.

use std::time::Duration;

use sealift::{
    emulator::FaultPlan,
    error::ErrorKind,
    operation::Operation,
    transfer::{UploadRequest, Uploader, UploaderOptions},
    transport::StoreClient,
};

use super::rig::{KEY, MIB, Rig, customer, none};
use crate::support::key;

#[tokio::test(flavor = "multi_thread")]
async fn parts_that_are_refused_for_a_while_or_reset_or_lost_arrive_in_the_end() {
    let faults = FaultPlan::new()
        .on("UploadPart")
        .part(1)
        .times(2)
        .answer(503, "SlowDown")
        .on("UploadPart")
        .part(2)
        .times(1)
        .reset()
        .on("UploadPart")
        .part(3)
        .times(1)
        .lose_answer()
        .on("Initiate")
        .times(1)
        .answer(500, "InternalError")
        .on("Head")
        .times(1)
        .answer(503, "");
    let rig = Rig::with_faults(4 * MIB, faults).await;
    let receipt = rig.upload(&customer()).await.unwrap();
    rig.same(&rig.read(&customer()).await.unwrap());
    assert!(receipt.retries >= 6, "{} retries", receipt.retries);
    assert!(receipt.sent_bytes > 4 * MIB as u64, "what was sent again counts as sent");
    assert!(receipt.warnings.iter().any(|warning| warning.contains("answer to Initiate was lost")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_checksum_of_a_part_is_sent_again_and_then_fails() {
    let once = FaultPlan::new().on("UploadPart").part(2).times(2).wrong_crc();
    let rig = Rig::with_faults(3 * MIB, once).await;
    rig.upload(&none()).await.unwrap();
    rig.same(&rig.read(&none()).await.unwrap());

    let always = FaultPlan::new().on("UploadPart").part(2).wrong_crc();
    let rig = Rig::with_faults(3 * MIB, always).await;
    let error = rig.failed_clean(rig.upload(&none()).await, ErrorKind::Integrity).await;
    assert_eq!(error.part().map(sealift::ident::PartNumber::get), Some(2));
    assert_eq!((error.operation(), error.attempts()), (Some(Operation::UploadPart), Some(3)));
    assert!(rig.seen("Complete").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_checksum_of_the_object_fails_and_names_it() {
    for operation in ["Complete", "Head"] {
        let rig = Rig::with_faults(2 * MIB, FaultPlan::new().on(operation).wrong_crc()).await;
        let error = rig.upload(&customer()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Integrity, "{operation}");
        assert!(error.message().contains(KEY), "{error}");
        rig.store.emulator.set_faults(FaultPlan::new());
        rig.same(&rig.read(&customer()).await.unwrap());
        assert!(rig.seen("Delete").is_empty() && rig.seen("Abort").is_empty(), "{operation}: it is never removed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_checksum_of_a_small_object_is_sent_again_and_then_removed() {
    let rig = Rig::with_faults(100, FaultPlan::new().on("Put").times(1).wrong_crc()).await;
    rig.upload(&customer()).await.unwrap();
    rig.same(&rig.read(&customer()).await.unwrap());

    let rig = Rig::with_faults(100, FaultPlan::new().on("Put").wrong_crc()).await;
    rig.failed_clean(rig.upload(&customer()).await, ErrorKind::Integrity).await;
    assert_eq!(rig.seen("Put").len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_is_refused_for_good_stops_the_upload_and_removes_it() {
    let rig = Rig::with_faults(6 * MIB, FaultPlan::new().on("UploadPart").part(3).answer(403, "AccessDenied")).await;
    let error = rig.failed_clean(rig.upload(&none()).await, ErrorKind::Credentials).await;
    assert_eq!((error.status(), error.code()), (Some(403), Some("AccessDenied")));
    assert_eq!(error.part().map(sealift::ident::PartNumber::get), Some(3));
    assert!(rig.seen("Complete").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_refuses_everything_is_asked_a_limited_number_of_times() {
    let rig = Rig::with_faults(2 * MIB, FaultPlan::new().on("*").answer(503, "ServiceUnavailable")).await;
    let mut options = rig.store.client_options();
    options.attempts = 2;
    let client = StoreClient::new(rig.store.address(), rig.store.credentials(), options).unwrap();
    let request = UploadRequest::new(client, key(KEY), rig.file()).part_size(MIB as u64);
    let error = rig.uploader.upload(request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!((error.operation(), error.attempts()), (Some(Operation::Initiate), Some(2)));
    // An answer of 5xx can hide a success.
    assert!(error.is_doubtful() && error.cleanup().is_some_and(|left| left.message().contains(KEY)), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_whose_id_was_lost_is_told_of_whatever_comes_later() {
    let faults = FaultPlan::new().on("Initiate").times(1).lose_answer();
    let rig = Rig::with_faults(3 * MIB, faults.on("UploadPart").part(2).answer(400, "InvalidArgument")).await;
    let error = rig.upload(&customer()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert!(error.cleanup().is_some_and(|left| left.message().contains("answer to Initiate was lost")), "{error:?}");
    assert_eq!(rig.unfinished().await, 1, "what the error says is true");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limited_rate_is_held_and_a_small_budget_is_enough() {
    let rig = Rig::new(2 * MIB).await;
    let options = UploaderOptions::default().memory(1).limit_rate(4 * MIB as u64);
    let uploader = Uploader::new(options).unwrap();
    let receipt = uploader.upload(rig.request().sse(customer())).await.unwrap();
    // 2 MiB at 4 MiB/s, less one burst of a tenth of a second.
    assert!(receipt.seconds >= Duration::from_millis(400).as_secs_f64(), "{} s", receipt.seconds);
    rig.same(&rig.read(&customer()).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn content_md5_goes_with_every_part_when_asked_for() {
    let rig = Rig::new(3 * MIB).await;
    rig.uploader.upload(rig.request().content_md5(true)).await.unwrap();
    let parts = rig.seen("UploadPart");
    assert_eq!(parts.len(), 3);
    for part in parts {
        assert!(part.headers.iter().any(|(name, _)| name == "content-md5"), "{part:?}");
    }
    rig.same(&rig.read(&none()).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_without_a_checksum_is_a_warning_if_the_whole_object_has_one() {
    let rig = Rig::with_faults(3 * MIB, FaultPlan::new().on("UploadPart").part(2).drop_crc()).await;
    let receipt = rig.upload(&customer()).await.unwrap();
    assert!(!receipt.verified.contains(&"part-checksums".to_owned()));
    assert!(receipt.verified.contains(&"object-checksum".to_owned()));
    assert!(receipt.warnings.iter().any(|warning| warning.contains("no checksum for some parts")));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_without_any_checksum_is_not_proved() {
    let faults = FaultPlan::new().on("Complete").drop_crc().on("Head").drop_crc();
    let rig = Rig::with_faults(2 * MIB, faults).await;
    let error = rig.upload(&customer()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity);
    assert!(error.message().contains(KEY), "{error}");
    assert!(rig.seen("Delete").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_put_without_a_checksum_is_looked_at_and_else_removed() {
    let rig = Rig::with_faults(100, FaultPlan::new().on("Put").drop_crc()).await;
    let receipt = rig.upload(&customer()).await.unwrap();
    assert!(receipt.verified.contains(&"head".to_owned()) && receipt.verified.contains(&"object-checksum".to_owned()));
    rig.same(&rig.read(&customer()).await.unwrap());

    let rig = Rig::with_faults(100, FaultPlan::new().on("Put").drop_crc().on("Head").drop_crc()).await;
    rig.failed_clean(rig.upload(&customer()).await, ErrorKind::Integrity).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_at_the_same_time_count_their_own_retries() {
    let rig = Rig::with_faults(100, FaultPlan::new().on("Put").key("rough").times(3).answer(503, "SlowDown")).await;
    let upload = |to: &str| rig.uploader.upload(UploadRequest::new(rig.client.clone(), key(to), rig.file()));
    let rough = upload("rough");
    while rig.seen("Put").is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let smooth = upload("smooth");
    let (rough, smooth) = tokio::join!(rough, smooth);
    assert_eq!((rough.unwrap().retries, smooth.unwrap().retries), (3, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_object_that_the_first_attempt_made_is_not_lost_when_the_last_one_breaks_off() {
    let faults = FaultPlan::new().on("Put").attempt(1).lose_answer().on("Put").attempt(2).cut_request(1000);
    let rig = Rig::with_faults(MIB, faults).await;
    let mut options = rig.store.client_options();
    options.attempts = 2;
    let client = StoreClient::new(rig.store.address(), rig.store.credentials(), options).unwrap();
    let request = UploadRequest::new(client, key(KEY), rig.file()).part_size(MIB as u64);
    rig.uploader.upload(request).await.unwrap();
    assert!(rig.seen("Delete").is_empty());
    rig.same(&rig.read(&none()).await.unwrap());
}
