//! Whether the request is the one that was begun: the same, another, or the same of another file.

use std::{
    fs::{self, File},
    time::{Duration, SystemTime},
};

use sealift::{
    emulator::FaultPlan,
    error::{Error, ErrorKind},
    sse::{CustomerKey, SseContext},
    transfer::UploadRequest,
    wire::ObjectProperties,
};

use super::Desk;
use crate::{
    support::{key, pattern},
    upload::rig::{KEY, MIB, customer, kms, managed, none},
};

/// Makes sure that a request is refused before anything is sent, and that the old upload is not the worse for it.
async fn refused(desk: &Desk, request: UploadRequest, what: &str) -> Error {
    let before = desk.rig.store.operations().len();
    let error = desk.send(request).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{error:?}");
    assert!(error.message().contains(what), "{error}");
    assert!(error.hint().unwrap().contains("--restart"), "{error:?}");
    assert!(!error.is_resumable());
    assert_eq!(desk.rig.store.operations().len(), before, "nothing was asked of the store");
    error
}

#[tokio::test(flavor = "multi_thread")]
async fn another_key_or_mode_is_refused_before_the_first_byte_and_the_right_one_goes_on() {
    let desk = Desk::new(&customer()).await;
    desk.stopped_after(3).await;
    let other = SseContext::customer(sealift::dialect::Dialect::Cos, CustomerKey::from_bytes([8; 32]));
    refused(&desk, desk.request().sse(other), "another customer key").await;
    for sse in [none(), managed(), kms()] {
        refused(&desk, desk.request().sse(sse), "'customer'").await;
    }
    let receipt = desk.done(desk.run().await).await;
    assert_eq!(receipt.resumed_parts, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn other_properties_or_parts_are_refused_by_name() {
    let desk = Desk::new(&none()).await;
    desk.stopped_after(1).await;
    let mut properties = ObjectProperties::default();
    properties.meta.push(("owner".to_owned(), "somebody".to_owned()));
    refused(&desk, desk.request().properties(properties), "metadata").await;
    refused(&desk, desk.request().part_size(2 * MIB as u64), "1048576").await;
    desk.done(desk.run().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_removes_the_old_upload_whatever_it_was() {
    let desk = Desk::new(&customer()).await;
    desk.stopped_after(3).await;
    let old = desk.known().upload.unwrap().upload_id;
    let receipt = desk.send(desk.request().sse(none()).restart(true)).await.unwrap();
    assert_eq!(receipt.resumed_parts, 0);
    assert!(receipt.warnings.iter().any(|it| it.contains("was removed")), "{:?}", receipt.warnings);
    assert_ne!(receipt.upload_id.as_deref(), Some(old.as_str()));
    assert_eq!(desk.rig.unfinished().await, 0);
    desk.rig.same(&desk.rig.read(&none()).await.unwrap());
    desk.nothing_kept();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journal_of_another_object_is_never_used_and_nothing_of_either_is_touched() {
    let desk = Desk::new(&customer()).await;
    desk.stopped_after(3).await;
    let first = desk.state().list().unwrap().remove(0).path;
    let strange = fs::read(&first).unwrap();
    let other = || {
        UploadRequest::new(desk.rig.client.clone(), key("the/other"), desk.rig.file())
            .sse(customer())
            .journal(desk.state())
    };
    desk.faults(FaultPlan::new().on("UploadPart").answer(403, "AccessDenied"));
    assert!(desk.send(other().part_size(MIB as u64)).await.unwrap_err().is_resumable());
    desk.faults(FaultPlan::new());
    let second = desk.state().list().unwrap().into_iter().find(|it| it.path != first).unwrap().path;
    fs::write(&second, &strange).unwrap();

    // Parts of the run before that were dropped may be written down late.
    let asked = || desk.rig.store.operations().iter().filter(|name| *name != "UploadPart").count();
    let before = asked();
    for request in [other(), other().restart(true), other().sse(none())] {
        let error = desk.send(request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Journal, "{error:?}");
        assert!(error.message().contains(second.to_str().unwrap()), "{error}");
        assert!(error.message().contains(KEY), "{error}");
        let hint = error.hint().unwrap();
        assert!(hint.contains("uploads list") && !hint.contains("--restart"), "{hint}");
    }
    assert_eq!(asked(), before, "nothing was asked of the store");
    assert_eq!(fs::read(&second).unwrap(), strange);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_file_starts_anew_and_the_old_upload_is_gone() {
    for len in [5 * MIB, 7 * MIB, 6 * MIB - 5, 100] {
        let mut desk = Desk::new(&customer()).await;
        desk.stopped_after(3).await;
        let old = desk.known().upload.unwrap().upload_id;
        desk.rig.content = pattern(len, 99);
        fs::write(desk.rig.file(), &desk.rig.content).unwrap();
        let receipt = desk.done(desk.run().await).await;
        assert_eq!(receipt.resumed_parts, 0);
        let note = receipt.warnings.iter().find(|it| it.contains("has changed since"));
        assert!(note.is_some_and(|note| !note.contains('\n')), "{:?}", receipt.warnings);
        assert_ne!(receipt.upload_id.as_deref(), Some(old.as_str()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_touched_file_is_read_again_and_goes_on() {
    let desk = Desk::new(&customer()).await;
    desk.stopped_after(3).await;
    let later = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    File::options().write(true).open(desk.rig.file()).unwrap().set_modified(later).unwrap();
    let receipt = desk.done(desk.run().await).await;
    assert_eq!(receipt.resumed_parts, 3);
    assert!(receipt.warnings[0].contains("compared with the file again"), "{:?}", receipt.warnings);
    assert_eq!(desk.sent(), [1, 2, 3, 4, 5, 6]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_under_the_same_name_goes_on_and_a_forgery_with_the_same_times_does_not() {
    let mut desk = Desk::new(&customer()).await;
    desk.stopped_after(3).await;
    let (file, copy) = (desk.rig.file(), desk.rig.store.dir.path().join("copy"));
    fs::copy(&file, &copy).unwrap();
    fs::rename(&copy, &file).unwrap();
    desk.stopped_after(4).await;
    let modified = fs::metadata(&file).unwrap().modified().unwrap();
    desk.rig.content[MIB + 7] ^= 1;
    fs::write(&file, &desk.rig.content).unwrap();
    File::options().write(true).open(&file).unwrap().set_modified(modified).unwrap();
    let receipt = desk.done(desk.run().await).await;
    assert_eq!(receipt.resumed_parts, 0);
    assert!(receipt.warnings.iter().any(|it| it.contains("has changed since")), "{:?}", receipt.warnings);
}
