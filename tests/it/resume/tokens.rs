//! Tokens: an upload that another process, or another machine, goes on with.

use std::{fs, path::PathBuf};

use sealift::{
    emulator::FaultPlan,
    error::{Error, ErrorKind, Result},
    transfer::{
        Concurrency, Receipt, UploadRequest,
        journal::{MemoryJournal, ResumeToken},
    },
};

use super::{Desk, PARTS};
use crate::{
    support::{key, pattern},
    upload::rig::{KEY, MIB, customer},
};

/// Goes on with a token until the first part after so many is refused, and takes the next one.
async fn token_after(desk: &Desk, request: UploadRequest, token: Option<&ResumeToken>, parts: u16) -> ResumeToken {
    desk.faults(FaultPlan::new().on("UploadPart").part(parts + 1).answer(403, "AccessDenied"));
    let request = request.journal(MemoryJournal::new());
    let uploader = &desk.rig.uploader;
    let mut upload = token.map_or_else(|| uploader.upload(request.clone()), |it| uploader.resume(request.clone(), it));
    assert!((&mut upload).await.unwrap_err().is_resumable());
    desk.faults(FaultPlan::new());
    // As the text that a service keeps.
    serde_json::from_str(&serde_json::to_string(&upload.token().unwrap()).unwrap()).unwrap()
}

/// The request of the desk with a file at another path.
fn with_file(desk: &Desk, path: PathBuf) -> UploadRequest {
    let request = UploadRequest::new(desk.rig.client.clone(), key(KEY), path).sse(customer()).part_size(MIB as u64);
    request.concurrency(Concurrency::Fixed(1))
}

async fn resume(desk: &Desk, request: UploadRequest, token: &ResumeToken) -> Result<Receipt> {
    desk.rig.uploader.resume(request, token).await
}

/// Makes sure that a token was refused before anything was sent or removed.
async fn refused(desk: &Desk, request: UploadRequest, token: &ResumeToken, kind: ErrorKind) -> Error {
    let asked = || {
        desk.rig.store.operations().iter().filter(|name| !["ListParts", "UploadPart"].contains(&name.as_str())).count()
    };
    let (before, sent) = (asked(), desk.sent());
    let error = resume(desk, request, token).await.unwrap_err();
    assert_eq!(error.kind(), kind, "{error:?}");
    assert!(!error.is_resumable());
    assert_eq!((asked(), desk.sent()), (before, sent), "nothing was sent, and nothing removed");
    error
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_goes_on_in_another_process_with_nothing_but_its_text() {
    let desk = Desk::new(&customer()).await;
    let token = token_after(&desk, desk.request(), None, 3).await;
    let receipt = desk.done(resume(&desk, desk.request(), &token).await).await;
    assert_eq!(receipt.resumed_parts, 3);
    assert_eq!(receipt.sent_bytes, 3 * MIB as u64 - 5);
    assert_eq!(receipt.warnings, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_goes_on_with_a_copy_at_another_path_and_back_each_time_comparing_what_was_sent() {
    let desk = Desk::new(&customer()).await;
    let first = token_after(&desk, desk.request(), None, 2).await;
    let copy = desk.rig.store.dir.path().join("copy.bin");
    fs::copy(desk.rig.file(), &copy).unwrap();
    let second = token_after(&desk, with_file(&desk, copy.clone()), Some(&first), 3).await;
    let third = token_after(&desk, with_file(&desk, copy), Some(&second), 4).await;
    let receipt = desk.done(resume(&desk, desk.request(), &third).await).await;
    assert_eq!(receipt.resumed_parts, 4);
    assert!(receipt.warnings[0].contains("at another path"), "{:?}", receipt.warnings);
    assert_eq!(desk.sent(), (1..=PARTS).collect::<Vec<_>>());
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_of_a_copy_that_differs_are_never_mixed_with_those_of_the_file() {
    let desk = Desk::new(&customer()).await;
    let token = token_after(&desk, desk.request(), None, 2).await;
    let copy = desk.rig.store.dir.path().join("copy.bin");
    let mut bytes = desk.rig.content.clone();
    bytes[2 * MIB + 7] ^= 1;
    fs::write(&copy, &bytes).unwrap();
    let token = token_after(&desk, with_file(&desk, copy), Some(&token), 3).await;
    let error = refused(&desk, desk.request(), &token, ErrorKind::Source).await;
    assert!(error.message().contains("its bytes are others"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_with_a_wrong_file_is_refused_and_the_right_one_still_goes_on() {
    let desk = Desk::new(&customer()).await;
    let token = token_after(&desk, desk.request(), None, 3).await;
    let other = desk.rig.store.dir.path().join("other.bin");
    for len in [100, desk.rig.content.len() - 1, desk.rig.content.len()] {
        fs::write(&other, pattern(len, 99)).unwrap();
        let error = refused(&desk, with_file(&desk, other.clone()), &token, ErrorKind::Source).await;
        let hint = error.hint().unwrap();
        assert!(hint.contains("without the token") && hint.contains("uploads abort"), "{hint}");
    }
    let receipt = desk.done(resume(&desk, desk.request(), &token).await).await;
    assert_eq!(receipt.resumed_parts, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_another_object_is_refused_with_what_to_do_about_a_token() {
    let desk = Desk::new(&customer()).await;
    let token = token_after(&desk, desk.request(), None, 3).await;
    let request = UploadRequest::new(desk.rig.client.clone(), key("the/other"), desk.rig.file()).sse(customer());
    let error = refused(&desk, request, &token, ErrorKind::Journal).await;
    assert!(error.message().contains(KEY), "{error}");
    let hint = error.hint().unwrap();
    assert!(hint.contains("the object") && !hint.contains("move"), "{hint}");
}
