//! Two stores that have a bucket of the same name: what is unfinished in one is nothing of the other's.

use std::path::Path;

use sealift::{
    dialect::S3,
    emulator::FaultPlan,
    error::ErrorKind,
    sse::SseContext,
    transfer::{
        UploadRequest,
        journal::{MemoryJournal, StateDir},
    },
};
use serde_json::{Value, json};

use crate::{
    cli::shell::{Ran, bare, run},
    support::{Store, key, pattern, s3_store_with},
    upload::rig::{KEY, MIB, Rig},
};

/// A file of two whole parts and a bit.
const LEN: usize = 11 * MIB;

/// The program with the settings of one store and the home of both.
async fn at(store: &Store, endpoint: &str, home: &Path, args: &[&str]) -> Ran {
    let (id, secret) = store.emulator.secret();
    let mut command = bare(args);
    command
        .current_dir(home)
        .env("HOME", home)
        .env("SEALIFT_ENDPOINT", endpoint)
        .env("SEALIFT_CA_CERT", store.emulator.ca_cert().unwrap())
        .env("AWS_REGION", store.emulator.region())
        .env("AWS_ACCESS_KEY_ID", id)
        .env("AWS_SECRET_ACCESS_KEY", secret);
    run(command).await
}

async fn done(store: &Store, home: &Path, args: &[&str]) -> Value {
    let ran = at(store, &store.emulator.endpoint(), home, args).await;
    assert_eq!(ran.code(), Some(0), "{args:?}\n{}", ran.err);
    ran.json()
}

/// Leaves an upload without its last part, and its journal.
async fn interrupted(store: &Store, home: &Path, put: &[&str]) {
    store.emulator.set_faults(FaultPlan::new().on("UploadPart").part(3).answer(403, "AccessDenied"));
    let ran = at(store, &store.emulator.endpoint(), home, put).await;
    store.emulator.set_faults(FaultPlan::new());
    assert_ne!(ran.code(), Some(0));
    let endpoint = store.emulator.endpoint();
    assert_eq!(state(store, &endpoint, home, put[3]).await, ["resumable"], "{}", ran.err);
}

/// What the journals say of each upload that a store lists.
async fn state(store: &Store, endpoint: &str, home: &Path, url: &str) -> Vec<String> {
    let ran = at(store, endpoint, home, &["--json", "uploads", "list", url]).await;
    assert_eq!(ran.code(), Some(0), "{}", ran.err);
    let uploads = ran.json()["uploads"].clone();
    let states = uploads.as_array().unwrap().iter().map(|it| it["journal"]["state"].as_str().unwrap().to_owned());
    states.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_to_one_store_outlives_all_that_is_done_at_another_with_the_same_bucket() {
    let (first, second) = (s3_store_with(|it| it).await, s3_store_with(|it| it).await);
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("f"), pattern(LEN, 7)).unwrap();
    let (all, url) = (format!("s3://{}/", first.emulator.bucket()), format!("s3://{}/f", first.emulator.bucket()));
    let put = ["--json", "put", "f", &url, "--part-size", "5MiB", "--concurrency", "1"];
    interrupted(&first, home.path(), &put).await;

    let list = done(&second, home.path(), &["--json", "uploads", "list", &all]).await;
    assert_eq!((&list["uploads"], &list["journals"]), (&json!([]), &json!([])));
    let ends = done(&second, home.path(), &["--json", "uploads", "abort", &all, "--all"]).await;
    assert_eq!(ends["uploads"], json!([]));
    let receipt = done(&second, home.path(), &put).await;
    assert_eq!((&receipt["resumed_parts"], &receipt["warnings"]), (&json!(0), &json!([])));
    interrupted(&second, home.path(), &put).await;
    let ends = done(&second, home.path(), &["--json", "uploads", "abort", &all, "--all"]).await;
    assert_eq!((&ends["uploads"][0]["state"], &ends["uploads"][1]), (&json!("aborted"), &Value::Null));

    let receipt = done(&first, home.path(), &put).await;
    assert_eq!((&receipt["resumed_parts"], &receipt["sent_bytes"]), (&json!(2), &json!(MIB)));
    assert_eq!(std::fs::read_dir(home.path().join(".local/state/sealift")).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_name_of_the_host_shows_whose_an_upload_is_and_removes_both() {
    let store = s3_store_with(|it| it).await;
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("f"), pattern(LEN, 7)).unwrap();
    let url = format!("s3://{}/f", store.emulator.bucket());
    interrupted(&store, home.path(), &["--json", "put", "f", &url, "--part-size", "5MiB", "--concurrency", "1"]).await;

    let other = store.emulator.endpoint().replace("127.0.0.1", "localhost");
    assert_ne!(other, store.emulator.endpoint());
    assert_eq!(state(&store, &other, home.path(), &url).await, ["resumable"]);
    let ends = at(&store, &other, home.path(), &["--json", "uploads", "abort", &url, "--all"]).await.json();
    assert_eq!(
        (&ends["uploads"][0]["state"], &ends["uploads"][0]["journal_removed"]),
        (&json!("aborted"), &json!(true))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_file_goes_to_the_same_object_of_two_stores_at_once() {
    let rig = Rig::over(s3_store_with(|it| it).await, LEN);
    let other = Rig::over(s3_store_with(|it| it).await, LEN);
    let state = StateDir::at(rig.store.dir.path().join("state"));
    let to = |to: &Rig| {
        let request = UploadRequest::new(to.client.clone(), key(KEY), rig.file()).part_size(5 * MIB as u64);
        request.journal(state.clone())
    };
    rig.store.emulator.set_faults(FaultPlan::new().on("UploadPart").part(3).delay(60_000));
    let first = rig.uploader.upload(to(&rig));
    first.progress().wait_for(|now| now.parts_done == 2).await.unwrap();
    rig.uploader.upload(to(&other)).await.unwrap();
    other.same(&other.read(&SseContext::none(S3)).await.unwrap());

    first.pause();
    assert!(first.await.unwrap_err().is_resumable());
    rig.store.emulator.set_faults(FaultPlan::new());
    assert_eq!(rig.uploader.upload(to(&rig)).await.unwrap().resumed_parts, 2);
    rig.same(&rig.read(&SseContext::none(S3)).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_one_store_is_refused_at_another_by_its_name() {
    let rig = Rig::over(s3_store_with(|it| it).await, LEN);
    let other = Rig::over(s3_store_with(|it| it).await, LEN);
    let to = |to: &Rig| UploadRequest::new(to.client.clone(), key(KEY), rig.file()).part_size(5 * MIB as u64);
    rig.store.emulator.set_faults(FaultPlan::new().on("UploadPart").part(3).answer(403, "AccessDenied"));
    let mut upload = rig.uploader.upload(to(&rig).journal(MemoryJournal::new()));
    assert!((&mut upload).await.unwrap_err().is_resumable());
    let token = upload.token().unwrap();
    let error = rig.uploader.resume(to(&other), &token).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Journal, "{error:?}");
    assert!(error.message().ends_with(&format!(" at {}", rig.client.address().store())), "{error}");
    assert!(error.hint().unwrap().contains("the endpoint"), "{error:?}");
    assert!(other.store.operations().is_empty(), "{:?}", other.store.operations());
    assert_eq!(rig.unfinished().await, 1);
}
