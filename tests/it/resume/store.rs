//! What the store has of an upload need not be what the journal says.

use bytes::Bytes;
use sealift::{
    emulator::FaultPlan,
    error::ErrorKind,
    ident::{PartNumber, UploadId},
    wire::{Abort, Payload, UploadPart},
};

use super::Desk;
use crate::{
    support::key,
    upload::rig::{KEY, MIB, customer, none},
};

fn upload(desk: &Desk) -> UploadId {
    desk.known().upload.unwrap().upload_id
}

async fn put_part(desk: &Desk, number: u16, bytes: Vec<u8>) {
    let call = UploadPart {
        key: key(KEY),
        upload_id: upload(desk),
        part: PartNumber::new(number).unwrap(),
        payload: Payload::Bytes(Bytes::from(bytes)),
        content_md5: None,
        checksum: None,
        traffic_limit: None,
    };
    desk.rig.client.send(&call, &desk.sse).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_somebody_has_replaced_is_sent_again() {
    for garbage in [vec![9; MIB], vec![9; 10]] {
        let desk = Desk::new(&customer()).await;
        desk.stopped_after(4).await;
        put_part(&desk, 2, garbage).await;
        let receipt = desk.done(desk.run().await).await;
        assert_eq!(receipt.resumed_parts, 3);
        assert_eq!(desk.sent(), [1, 2, 3, 4, 2, 2, 5, 6]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_only_the_store_knows_is_sent_again() {
    let desk = Desk::new(&none()).await;
    desk.stopped_after(2).await;
    put_part(&desk, 5, desk.rig.content[4 * MIB..5 * MIB].to_vec()).await;
    let receipt = desk.done(desk.run().await).await;
    assert_eq!(receipt.resumed_parts, 2);
    assert_eq!(desk.sent(), [1, 2, 5, 3, 4, 5, 6]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_was_aborted_behind_its_back_starts_anew_and_says_so() {
    let desk = Desk::new(&customer()).await;
    desk.stopped_after(3).await;
    let old = upload(&desk);
    desk.rig.client.send(&Abort { key: key(KEY), upload_id: old.clone() }, &none()).await.unwrap();
    let receipt = desk.done(desk.run().await).await;
    assert_eq!(receipt.resumed_parts, 0);
    assert!(receipt.warnings.iter().any(|it| it.contains(old.as_str()) && it.contains("is gone")), "{receipt:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_from_before_is_not_taken_for_the_one_that_was_to_be_made() {
    let desk = Desk::new(&customer()).await;
    desk.rig.upload(&customer()).await.unwrap();
    desk.stopped_after(3).await;
    desk.rig.client.send(&Abort { key: key(KEY), upload_id: upload(&desk) }, &none()).await.unwrap();
    let receipt = desk.done(desk.run().await).await;
    assert_eq!(receipt.resumed_parts, 0);
    assert_eq!(desk.rig.seen("Complete").len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_cannot_be_had_keeps_the_upload_and_sends_nothing() {
    let desk = Desk::new(&customer()).await;
    desk.stopped_after(3).await;
    for (status, code, kind) in [
        (403, "AccessDenied", ErrorKind::Credentials),
        (404, "NoSuchBucket", ErrorKind::Rejected),
        (501, "NotImplemented", ErrorKind::Rejected),
    ] {
        desk.faults(FaultPlan::new().on("ListParts").answer(status, code));
        let error = desk.run().await.unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(error.is_resumable(), "{error:?}");
    }
    assert_eq!(desk.sent(), [1, 2, 3]);
    assert!(desk.rig.seen("Abort").is_empty());
    desk.faults(FaultPlan::new());
    assert_eq!(desk.done(desk.run().await).await.resumed_parts, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_upload_that_cannot_be_removed_stops_the_new_one_and_is_not_forgotten() {
    let desk = Desk::new(&customer()).await;
    desk.stopped_after(3).await;
    desk.faults(FaultPlan::new().on("Abort").answer(403, "AccessDenied"));
    let error = desk.send(desk.request().restart(true)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Credentials);
    assert_eq!(desk.known().parts.len(), 3);
    assert_eq!(desk.rig.seen("Initiate").len(), 1);
    desk.faults(FaultPlan::new());
    desk.done(desk.send(desk.request().restart(true)).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_kms_key_that_the_first_run_was_told_is_the_one_that_counts() {
    let sse = sealift::sse::SseContext::kms(sealift::dialect::Dialect::Cos, None, None).unwrap();
    let desk = Desk::new(&sse).await;
    desk.stopped_after(2).await;
    assert!(desk.known().upload.unwrap().kms_key.is_some());
    desk.faults(FaultPlan::new().on("UploadPart").alter_echo());
    let error = desk.run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Encryption, "{error:?}");
    assert_eq!(desk.rig.unfinished().await, 0);
}
