//! Every size under every mode, and what the calls carry.

use std::collections::BTreeSet;

use sealift::{
    checksum::{Algorithm::Crc64Xz, Checksum},
    emulator::FaultPlan,
    sse::{SseContext, SseMode},
    transfer::{Concurrency, Receipt, Stage},
};

use super::rig::{KEY, MIB, Rig, TRIPLE, customer, encryption_headers, kms, managed, modes, none};

/// Uploads `len` bytes under every mode and compares what comes back.
async fn round_trip(len: usize, parts: u32, concurrency: Concurrency) -> Vec<(SseContext, Receipt)> {
    let rig = Rig::new(len).await;
    let mut receipts = Vec::new();
    for sse in modes() {
        let request = rig.request().sse(sse.clone()).concurrency(concurrency);
        let receipt = rig.uploader.upload(request).await.unwrap();
        rig.same(&rig.read(&sse).await.unwrap());
        assert_eq!(receipt.size, len as u64);
        assert_eq!(receipt.parts, parts);
        assert_eq!(receipt.sse.mode, sse.mode().name());
        assert_eq!(receipt.crc64, Some(Checksum::of(Crc64Xz, &rig.content).to_string()));
        assert_eq!(receipt.upload_id.is_some(), parts > 1);
        assert_eq!(receipt.sent_bytes, len as u64);
        assert_eq!(receipt.url, format!("cos://examplebucket-1250000000/{KEY}"));
        assert!(receipt.warnings.is_empty(), "{:?}", receipt.warnings);
        assert_eq!(rig.unfinished().await, 0);
        receipts.push((sse, receipt));
    }
    receipts
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_file_becomes_an_empty_object_in_every_mode() {
    round_trip(0, 1, Concurrency::Auto).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_byte_goes_up_in_every_mode() {
    round_trip(1, 1, Concurrency::Auto).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_exactly_one_part_is_one_put() {
    for (sse, receipt) in round_trip(MIB, 1, Concurrency::Auto).await {
        let mut proofs = vec!["object-checksum", "source-unchanged"];
        if sse.mode() != SseMode::None {
            proofs.push("echo:put");
        }
        assert_eq!(receipt.verified, proofs);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_multiple_of_its_parts_goes_up_one_part_at_a_time() {
    round_trip(3 * MIB + 17, 4, Concurrency::Fixed(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn many_parts_go_up_sixteen_at_a_time_and_all_is_proved() {
    for (sse, receipt) in round_trip(20 * MIB + 1, 21, Concurrency::Fixed(16)).await {
        let verified: BTreeSet<&str> = receipt.verified.iter().map(String::as_str).collect();
        for proof in ["part-checksums", "object-checksum", "size", "source-unchanged", "head"] {
            assert!(verified.contains(proof), "{proof} is not in {verified:?}");
        }
        for proof in ["echo:initiate", "echo:parts", "echo:complete", "echo:head"] {
            assert_eq!(verified.contains(proof), sse.mode() != SseMode::None, "{proof} in {verified:?}");
        }
        let checksum = receipt.checksum.unwrap();
        assert_eq!((checksum.algorithm.as_str(), checksum.kind.as_str()), ("crc64-ecma", "full-object"));
        assert_eq!(Some(checksum.value), receipt.crc64);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_part_carries_the_customer_key_and_complete_does_not() {
    let rig = Rig::new(5 * MIB).await;
    rig.upload(&customer()).await.unwrap();
    for operation in ["Initiate", "UploadPart", "Head"] {
        for request in rig.seen(operation) {
            assert_eq!(encryption_headers(&request), TRIPLE, "{operation}");
        }
    }
    let parts: BTreeSet<Option<u16>> = rig.seen("UploadPart").iter().map(|request| request.part).collect();
    assert_eq!(parts, (1..=5).map(Some).collect());
    assert_eq!(rig.seen("Complete").len(), 1);
    // Only an upload that has trouble lists and aborts.
    let doubtful = FaultPlan::new().on("Complete").attempt(1).error_in_200("InternalError");
    rig.store.emulator.set_faults(doubtful);
    rig.upload(&customer()).await.unwrap();
    rig.store.emulator.set_faults(FaultPlan::new().on("UploadPart").part(2).answer(400, "InvalidArgument"));
    rig.upload(&customer()).await.unwrap_err();
    for operation in ["Complete", "ListParts", "Abort"] {
        let seen = rig.seen(operation);
        assert!(!seen.is_empty(), "{operation} did not come");
        for request in seen {
            assert!(encryption_headers(&request).is_empty(), "{operation}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mode_is_asked_for_at_initiate_and_nowhere_else() {
    for (sse, carried) in [
        (managed(), vec!["x-cos-server-side-encryption"]),
        (
            kms(),
            vec![
                "x-cos-server-side-encryption",
                "x-cos-server-side-encryption-context",
                "x-cos-server-side-encryption-cos-kms-key-id",
            ],
        ),
        (none(), vec![]),
    ] {
        let rig = Rig::new(2 * MIB + 1).await;
        rig.upload(&sse).await.unwrap();
        for request in rig.store.emulator.transcript() {
            let expected: &[&str] = if request.operation == "Initiate" { &carried } else { &[] };
            assert_eq!(encryption_headers(&request), expected, "{}", request.operation);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_of_a_kms_is_in_the_receipt_even_if_the_store_chose_it() {
    let rig = Rig::new(2 * MIB).await;
    let chosen = SseContext::kms(sealift::dialect::Dialect::Cos, None, None).unwrap();
    let receipt = rig.upload(&chosen).await.unwrap();
    assert_eq!(receipt.sse.mode, "kms");
    assert!(receipt.sse.kms_key_id.is_some_and(|id| !id.is_empty()));
    let receipt = rig.upload(&kms()).await.unwrap();
    assert_eq!(receipt.sse.kms_key_id.as_deref(), Some("key-of-the-test"));
    let receipt = rig.upload(&customer()).await.unwrap();
    assert_eq!(receipt.sse.key_md5, customer().key_md5());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fixed_concurrency_is_used_and_never_exceeded() {
    // Each part takes longer than the time between two snapshots, so these show every number that lasts.
    let rig = Rig::with_faults(12 * MIB, FaultPlan::new().on("UploadPart").delay(250)).await;
    let upload = rig.uploader.upload(rig.request().concurrency(Concurrency::Fixed(2)));
    let mut progress = upload.progress();
    let watching = async {
        let mut most = 0;
        while progress.changed().await.is_ok() {
            most = most.max(progress.borrow_and_update().in_flight);
        }
        most
    };
    let (receipt, most) = tokio::join!(upload, watching);
    receipt.unwrap();
    assert_eq!(most, 2, "that many parts were under way");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_snapshot_says_that_all_is_done() {
    let rig = Rig::new(3 * MIB).await;
    let upload = rig.uploader.upload(rig.request());
    let progress = upload.progress();
    upload.await.unwrap();
    let last = progress.borrow().clone();
    assert_eq!(last.stage, Stage::Done);
    assert_eq!((last.total, last.sent, last.confirmed), (3 * MIB as u64, 3 * MIB as u64, 3 * MIB as u64));
    assert_eq!((last.parts, last.parts_done, last.in_flight, last.retries), (3, 3, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_put_shows_its_progress_under_way() {
    let rig = Rig::with_faults(MIB, FaultPlan::new().on("Put").delay(60_000)).await;
    let upload = rig.uploader.upload(rig.request().sse(customer()));
    let mut progress = upload.progress();
    progress.wait_for(|now| now.stage == Stage::Sending && now.sent > 0).await.unwrap();
}
