//! The journal itself: torn, locked, unwritable, lost; and free of secrets.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use sealift::{
    emulator::FaultPlan,
    error::{Error, ErrorKind, Result},
    transfer::journal::{Journal, JournalChoice, MemoryJournal, Record, StateDir},
};

use super::Desk;
use crate::upload::rig::{customer, modes};

#[tokio::test(flavor = "multi_thread")]
async fn a_torn_tail_costs_the_parts_in_it_and_nothing_else() {
    let desk = Desk::new(&customer()).await;
    desk.stopped_after(4).await;
    let path = desk.state().list().unwrap()[0].path.clone();
    let bytes = desk.journal();
    fs::write(&path, &bytes[..bytes.len() - 20]).unwrap();
    let receipt = desk.done(desk.run().await).await;
    assert_eq!(receipt.resumed_parts, 3);
    assert_eq!(desk.sent(), [1, 2, 3, 4, 4, 5, 6]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_without_a_whole_record_begins_anew_and_says_that_parts_may_be_left() {
    let desk = Desk::new(&customer()).await;
    desk.stopped_after(2).await;
    let (path, bytes) = (desk.state().list().unwrap()[0].path.clone(), desk.journal());
    let line = bytes.iter().position(|byte| *byte == b'\n').unwrap();
    for cut in [0, 1, 10, line / 2, line] {
        super::put_back(&bytes[..cut], &path);
        let receipt = desk.run().await.unwrap();
        assert_eq!(receipt.resumed_parts, 0);
        let told = receipt.warnings.iter().filter(|it| it.contains("no record that can be read"));
        assert_eq!(told.filter(|it| it.contains("uploads list")).count(), 1, "{cut} {:?}", receipt.warnings);
    }
    assert_eq!(desk.rig.unfinished().await, 1, "the old one is left to the user");
    assert_eq!(desk.run().await.unwrap().warnings, Vec::<String>::new(), "a new journal has lost nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_uploads_at_once_never_share_a_journal() {
    let desk = Desk::new(&customer()).await;
    desk.faults(FaultPlan::new().on("UploadPart").part(2).delay(60_000));
    let first = desk.rig.uploader.upload(desk.request());
    first.progress().wait_for(|now| now.parts_done == 1).await.unwrap();
    let error = desk.run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Journal);
    assert!(error.message().contains(&std::process::id().to_string()), "{error}");
    first.pause();
    assert!(first.await.unwrap_err().is_resumable());
    desk.faults(FaultPlan::new());
    assert_eq!(desk.done(desk.run().await).await.resumed_parts, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_cannot_be_written_to_fails_before_anything_is_in_the_store() {
    let desk = Desk::new(&customer()).await;
    fs::write(desk.place(), "a file is in the way").unwrap();
    let error = desk.run().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Journal);
    assert!(error.hint().unwrap().contains("--state-dir"), "{error:?}");
    assert!(desk.rig.store.operations().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_journal_holds_a_secret_and_nobody_else_may_read_it() {
    for sse in modes() {
        let desk = Desk::new(&sse).await;
        desk.stopped_after(2).await;
        let listed = desk.state().list().unwrap();
        assert_eq!(fs::metadata(&listed[0].path).unwrap().permissions().mode() & 0o777, 0o600);
        let text = String::from_utf8(desk.journal()).unwrap();
        let (id, secret) = desk.rig.store.emulator.secret();
        // The customer key of the tests is 32 times the byte 7.
        for canary in [id, secret, "BwcHBwcH", "0707070707", "\u{7}\u{7}\u{7}"] {
            assert!(!text.contains(canary), "{canary:?} is in {text}");
        }
        assert!(text.contains(sse.mode().name()));
    }
}

/// A journal in memory whose disk is full from the n-th record on.
#[derive(Debug)]
struct Full {
    inner: MemoryJournal,
    room: Arc<AtomicUsize>,
}

impl Journal for Full {
    fn records(&mut self) -> Result<Vec<Record>> {
        self.inner.records()
    }
    fn append(&mut self, record: &Record) -> Result<()> {
        if self.room.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |room| room.checked_sub(1)).is_err() {
            return Err(Error::new(ErrorKind::Journal, "cannot write /state/it: no space left on device"));
        }
        self.inner.append(record)
    }
    fn sync(&mut self) -> Result<()> {
        Ok(())
    }
    fn clear(&mut self) -> Result<()> {
        self.inner.clear()
    }
    fn remove(&mut self) -> Result<()> {
        self.inner.remove()
    }
}

/// The choice, and what is kept.
fn full_after(records: usize) -> (JournalChoice, MemoryJournal) {
    let (inner, room) = (MemoryJournal::new(), Arc::new(AtomicUsize::new(records)));
    let kept = inner.clone();
    let open = move |_: &_, _: &_| -> Result<Box<dyn Journal>> {
        Ok(Box::new(Full { inner: inner.clone(), room: Arc::clone(&room) }))
    };
    (JournalChoice::opened_by(open), kept)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_is_full_from_the_start_stops_the_upload_before_initiate() {
    let desk = Desk::new(&customer()).await;
    let error = desk.send(desk.request().journal(full_after(0).0)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Journal);
    assert!(error.message().contains("no space left"), "{error}");
    assert!(desk.rig.store.operations().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_that_gets_full_under_way_does_not_stop_the_upload_but_is_told() {
    for records in [2, 4, 8] {
        let desk = Desk::new(&customer()).await;
        let (choice, kept) = full_after(records);
        let receipt = desk.done(desk.send(desk.request().journal(choice)).await).await;
        let told = receipt.warnings.iter().filter(|it| it.contains("no space left")).count();
        assert_eq!(told, 1, "{records} {:?}", receipt.warnings);
        assert_eq!(kept.known().unwrap(), None, "what was written is taken away");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_whose_name_cannot_be_written_down_is_removed_before_the_first_part() {
    let desk = Desk::new(&customer()).await;
    let (choice, kept) = full_after(1);
    let error = desk.send(desk.request().journal(choice)).await.unwrap_err();
    assert_eq!((error.kind(), error.is_resumable()), (ErrorKind::Journal, false), "{error:?}");
    assert!(error.message().contains("no space left") && error.cleanup().is_none(), "{error:?}");
    assert!(!desk.rig.store.operations().contains(&"UploadPart".to_owned()));
    assert_eq!((desk.rig.unfinished().await, kept.known().unwrap()), (0, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_has_lost_its_journal_and_then_fails_is_removed() {
    let desk = Desk::new(&customer()).await;
    desk.faults(FaultPlan::new().on("UploadPart").part(4).answer(403, "AccessDenied"));
    let error = desk.send(desk.request().journal(full_after(3).0)).await.unwrap_err();
    assert!(!error.is_resumable(), "{error:?}");
    assert_eq!(desk.rig.unfinished().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_in_memory_serves_one_upload_at_a_time() {
    let desk = Desk::new(&customer()).await;
    desk.faults(FaultPlan::new().on("UploadPart").part(2).delay(60_000));
    let journal = MemoryJournal::new();
    let first = desk.rig.uploader.upload(desk.request().journal(journal.clone()));
    first.progress().wait_for(|now| now.parts_done == 1).await.unwrap();
    let error = desk.send(desk.request().journal(journal.clone())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Journal);
    first.pause();
    assert!(first.await.unwrap_err().is_resumable());
    desk.faults(FaultPlan::new());
    desk.done(desk.send(desk.request().journal(journal)).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_directory_knows_nothing_of_it() {
    let desk = Desk::new(&customer()).await;
    desk.stopped_after(3).await;
    let elsewhere = StateDir::at(desk.rig.store.dir.path().join("elsewhere"));
    assert_eq!(desk.send(desk.request().journal(elsewhere)).await.unwrap().resumed_parts, 0);
    assert_eq!(desk.rig.unfinished().await, 1, "somebody else's upload is not touched");
}
