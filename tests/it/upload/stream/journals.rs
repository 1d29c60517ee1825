//! What the upload of a stream leaves in the store is in its journal, and the next stream to the key removes it.

use std::{fs, path::PathBuf};

use sealift::{
    emulator::FaultPlan,
    error::ErrorKind,
    transfer::{
        UploadRequest,
        journal::{MemoryJournal, Standing, StateDir},
    },
};
use tokio::io::AsyncWriteExt as _;

use super::{
    super::rig::{KEY, MIB, Rig, customer},
    request,
};
use crate::support::{key, pattern};

fn place(rig: &Rig) -> PathBuf {
    rig.store.dir.path().join("state")
}

fn left(rig: &Rig) -> usize {
    fs::read_dir(place(rig)).map_or(0, Iterator::count)
}

/// Leaves an upload of a stream in the store, as a process that is killed would.
async fn leave_one(rig: &Rig) {
    rig.store.emulator.set_faults(
        FaultPlan::new()
            .on("UploadPart")
            .part(2)
            .answer(400, "InvalidArgument")
            .on("Abort")
            .answer(403, "AccessDenied"),
    );
    let request = request(rig).sse(customer()).journal(StateDir::at(place(rig)));
    let error = rig.uploader.upload(request).await.unwrap_err();
    assert!(error.cleanup().is_some() && !error.is_resumable(), "{error:?}");
    rig.store.emulator.set_faults(FaultPlan::new());
    assert_eq!((rig.unfinished().await, left(rig)), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_left_is_known_by_its_journal_and_removed_by_the_next_stream() {
    for len in [3 * MIB, 100] {
        let mut rig = Rig::new(3 * MIB).await;
        leave_one(&rig).await;
        let listed = StateDir::at(place(&rig)).list().unwrap();
        let known = listed[0].known.as_ref().unwrap().as_ref().unwrap();
        assert!(known.identity.source.is_stream() && known.stage == Standing::Open && known.parts.is_empty());
        assert_eq!(known.upload.as_ref().unwrap().upload_id, rig.uploads().await[0].upload_id);

        rig.content = pattern(len, 9);
        let request = request(&rig).sse(customer()).journal(StateDir::at(place(&rig)));
        let receipt = rig.uploader.upload(request).await.unwrap();
        rig.same(&rig.read(&customer()).await.unwrap());
        assert!(receipt.warnings.iter().any(|it| it.contains("cut off") && it.contains("removed")), "{receipt:?}");
        assert_eq!((rig.unfinished().await, left(&rig), receipt.resumed_parts), (0, 0, 0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_fails_or_ends_well_leaves_no_journal() {
    let rig = Rig::new(3 * MIB).await;
    let with_journal = || request(&rig).journal(StateDir::at(place(&rig)));
    rig.uploader.upload(with_journal()).await.unwrap();
    assert_eq!(left(&rig), 0);
    let rig = Rig::with_faults(3 * MIB, FaultPlan::new().on("UploadPart").part(2).answer(400, "InvalidArgument")).await;
    let outcome = rig.uploader.upload(request(&rig).journal(StateDir::at(place(&rig)))).await;
    rig.failed_clean(outcome, ErrorKind::Rejected).await;
    assert_eq!(left(&rig), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_keeps_nothing_of_a_stream() {
    let rig = Rig::new(0).await;
    let (mut pipe, stream) = tokio::io::duplex(64 << 10);
    let request = UploadRequest::from_stream(rig.client.clone(), key(KEY), stream).part_size(MIB as u64);
    let upload = rig.uploader.upload(request.journal(StateDir::at(place(&rig))));
    pipe.write_all(&pattern(MIB + 1, 3)).await.unwrap();
    upload.progress().wait_for(|now| now.parts_done == 1).await.unwrap();
    assert_eq!(left(&rig), 2, "the journal and its lock");
    upload.pause();
    rig.failed_clean(upload.await, ErrorKind::Cancelled).await;
    assert_eq!(left(&rig), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_stream_to_the_same_key_is_refused_while_the_first_runs() {
    let rig = Rig::new(MIB).await;
    let (pipe, stream) = tokio::io::duplex(1);
    let first = UploadRequest::from_stream(rig.client.clone(), key(KEY), stream).journal(StateDir::at(place(&rig)));
    let first = rig.uploader.upload(first);
    first.progress().wait_for(|now| now.stage == sealift::transfer::Stage::Reading).await.unwrap();
    let second = request(&rig).journal(StateDir::at(place(&rig)));
    let error = rig.uploader.upload(second).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Journal);
    drop(pipe);
    assert_eq!(first.await.unwrap().size, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_whose_proof_was_lost_is_replaced_and_the_reader_told() {
    let rig = Rig::new(3 * MIB).await;
    let lost = FaultPlan::new().on("Complete").lose_answer().on("Head").answer(403, "AccessDenied");
    rig.store.emulator.set_faults(lost.on("ListParts").answer(403, "AccessDenied"));
    let upload = rig.uploader.upload(request(&rig).journal(StateDir::at(place(&rig))));
    let mut progress = upload.progress();
    progress.wait_for(|now| now.stage == sealift::transfer::Stage::Completing).await.unwrap();
    while rig.seen("Complete").is_empty() {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    upload.cancel();
    let error = upload.await.unwrap_err();
    assert!(error.message().contains("not known") && !error.is_resumable(), "{error:?}");
    assert_eq!(left(&rig), 1, "the journal tells of it");
    rig.store.emulator.set_faults(FaultPlan::new());
    let receipt = rig.uploader.upload(request(&rig).journal(StateDir::at(place(&rig)))).await.unwrap();
    assert!(receipt.warnings.iter().any(|it| it.contains("not the answer")), "{receipt:?}");
    assert_eq!((rig.unfinished().await, left(&rig)), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journal_of_a_file_is_not_taken_for_that_of_a_stream() {
    let rig = Rig::new(3 * MIB).await;
    rig.store.emulator.set_faults(FaultPlan::new().on("UploadPart").part(3).answer(403, "AccessDenied"));
    let journal = MemoryJournal::new();
    let error = rig.uploader.upload(rig.request().journal(journal.clone())).await.unwrap_err();
    assert!(error.is_resumable(), "{error:?}");
    rig.store.emulator.set_faults(FaultPlan::new());
    let error = rig.uploader.upload(request(&rig).journal(journal)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Journal);
    assert_eq!(rig.unfinished().await, 1, "it is left as it is");
}
