//! A file that does not stay as it was.

use std::{fs, io::Write as _, os::unix::fs::PermissionsExt as _, path::Path, time::SystemTime};

use sealift::{
    emulator::FaultPlan,
    error::{Error, ErrorKind},
    transfer::{Concurrency, Receipt},
};

use super::rig::{MIB, Rig, customer};

/// Uploads four parts one after the other, and does this to the file when the second has begun.
async fn disturbed(disturb: impl FnOnce(&Path)) -> (Rig, Result<Receipt, Error>) {
    // The answer to part 2 waits until the file has been touched.
    let rig = Rig::with_faults(4 * MIB, FaultPlan::new().on("UploadPart").part(2).attempt(1).delay(300)).await;
    let upload = rig.uploader.upload(rig.request().sse(customer()).concurrency(Concurrency::Fixed(1)));
    let mut progress = upload.progress();
    progress.wait_for(|now| now.parts_done == 1).await.unwrap();
    disturb(&rig.file());
    let outcome = upload.await;
    (rig, outcome)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_grows_fails_the_upload() {
    let (rig, outcome) = disturbed(|file| {
        fs::OpenOptions::new().append(true).open(file).unwrap().write_all(b"more").unwrap();
    })
    .await;
    let error = rig.failed_clean(outcome, ErrorKind::Source).await;
    assert!(error.message().contains("grew"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_shrinks_fails_the_upload() {
    let (rig, outcome) = disturbed(|file| {
        fs::OpenOptions::new().write(true).open(file).unwrap().set_len(MIB as u64 / 2).unwrap();
    })
    .await;
    let error = rig.failed_clean(outcome, ErrorKind::Source).await;
    assert!(error.message().contains("became shorter"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_written_to_fails_the_upload() {
    let (rig, outcome) = disturbed(|file| {
        let mut content = fs::read(file).unwrap();
        content[3 * MIB] ^= 1;
        fs::write(file, content).unwrap();
    })
    .await;
    rig.failed_clean(outcome, ErrorKind::Source).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_replaced_fails_the_upload() {
    let (rig, outcome) = disturbed(|file| {
        let other = file.with_extension("other");
        fs::copy(file, &other).unwrap();
        fs::rename(other, file).unwrap();
    })
    .await;
    let error = rig.failed_clean(outcome, ErrorKind::Source).await;
    assert!(error.message().contains("was replaced"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_only_touched_is_read_again_and_passes() {
    let (rig, outcome) = disturbed(|file| {
        fs::set_permissions(file, fs::Permissions::from_mode(0o640)).unwrap();
    })
    .await;
    let receipt = outcome.unwrap();
    assert!(receipt.warnings.iter().any(|warning| warning.contains("read again")), "{:?}", receipt.warnings);
    rig.same(&rig.read(&customer()).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_behind_a_time_that_was_set_back_is_found() {
    let (rig, outcome) = disturbed(|file| {
        let modified: SystemTime = fs::metadata(file).unwrap().modified().unwrap();
        let mut content = fs::read(file).unwrap();
        content[0] ^= 1;
        // The first part has been sent by now, so only its bytes tell.
        fs::write(file, content).unwrap();
        fs::File::options().write(true).open(file).unwrap().set_modified(modified).unwrap();
    })
    .await;
    let error = rig.failed_clean(outcome, ErrorKind::Source).await;
    assert!(error.message().contains("was written to"), "{error}");
}
