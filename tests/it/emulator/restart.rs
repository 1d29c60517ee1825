//! What is stored stays.

use std::fs;

use sealift::emulator::{Emulator, EmulatorOptions};

use super::raw::{Raw, customer, kms, managed};
use crate::support::pattern;

#[tokio::test(flavor = "multi_thread")]
async fn everything_survives_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let options = || EmulatorOptions::new(dir.path()).transcript(dir.path().join("transcript.jsonl"));
    let bytes = pattern(1_500_000, 1);
    let modes = [Vec::new(), managed(), kms("key-1"), customer(&[9; 32])];
    let reading = |mode: usize| if mode == 3 { customer(&[9; 32]) } else { Vec::new() };

    let emulator = Emulator::start(options()).await.unwrap();
    let authority = fs::read(emulator.ca_cert().unwrap()).unwrap();
    let secret = (emulator.secret().0.to_owned(), emulator.secret().1.to_owned());
    let raw = Raw::of(&emulator);
    let mut uploads = Vec::new();
    for (mode, sse) in modes.iter().enumerate() {
        raw.put(&format!("object-{mode}"), sse, &bytes).await.ok();
        let key = format!("upload-{mode}");
        let id = raw.initiate(&key, sse).await;
        let part = raw.part(&key, &id, 1, &reading(mode), &bytes).await.ok().etag().to_owned();
        uploads.push((key, id, part));
    }
    emulator.stop().await;

    let emulator = Emulator::start(options()).await.unwrap();
    assert_eq!(fs::read(emulator.ca_cert().unwrap()).unwrap(), authority);
    assert_eq!(emulator.secret(), (&*secret.0, &*secret.1));
    let raw = Raw::of(&emulator);
    for (mode, (key, id, first)) in uploads.into_iter().enumerate() {
        assert!(raw.get(&format!("object-{mode}"), &reading(mode)).await.ok().body == bytes);
        let second = raw.part(&key, &id, 2, &reading(mode), b"the end").await.ok().etag().to_owned();
        raw.complete(&key, &id, &[(1, first), (2, second)], &[]).await.ok();
        let got = raw.get(&key, &reading(mode)).await.ok();
        assert!(got.body == [&bytes[..], b"the end"].concat(), "{key}");
    }
    let lines = fs::read_to_string(dir.path().join("transcript.jsonl")).unwrap();
    assert_eq!(lines.lines().count(), 1 + 12 + 1 + 16, "each run begins with a line of its own");
    assert!(lines.lines().all(|line| line.starts_with("{\"time\":\"")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_crash_in_the_middle_leaves_the_old_state_and_no_litter() {
    let dir = tempfile::tempdir().unwrap();
    let bucket = dir.path().join("examplebucket-1250000000");
    let emulator = Emulator::start(EmulatorOptions::new(dir.path())).await.unwrap();
    let raw = Raw::of(&emulator);
    raw.put("k", &managed(), b"bytes").await.ok();
    let id = raw.initiate("m", &[]).await;
    let part = raw.part("m", &id, 1, &[], b"part").await.ok().etag().to_owned();
    emulator.stop().await;
    // Cut off while writing: bytes without a record, records beside their place, an upload without its head.
    fs::write(bucket.join("blobs/0123456789abcdef0123456789abcdef"), b"half").unwrap();
    fs::write(bucket.join("objects/00.1234.tmp"), b"{").unwrap();
    fs::write(bucket.join(format!("uploads/{id}/00002.1234.tmp")), b"{").unwrap();
    fs::create_dir(bucket.join("uploads/1234")).unwrap();

    let emulator = Emulator::start(EmulatorOptions::new(dir.path())).await.unwrap();
    let raw = Raw::of(&emulator);
    let count = |folder: &str| fs::read_dir(bucket.join(folder)).unwrap().count();
    assert_eq!((count("blobs"), count("objects"), count("uploads")), (2, 1, 1));
    assert_eq!(raw.get("k", &[]).await.ok().body, b"bytes");
    raw.complete("m", &id, &[(1, part)], &[]).await.ok();
    assert_eq!(raw.get("m", &[]).await.ok().body, b"part");
    emulator.stop().await;

    // Cut off between the object's appearance and the upload's end: the upload is over.
    fs::create_dir(bucket.join(format!("uploads/{id}"))).unwrap();
    fs::write(bucket.join(format!("uploads/{id}/upload.json")), b"{}").unwrap();
    let emulator = Emulator::start(EmulatorOptions::new(dir.path())).await.unwrap();
    let raw = Raw::of(&emulator);
    raw.list_parts("m", &id, &[]).await.refused(404, "NoSuchUpload");
    assert_eq!(raw.get("m", &[]).await.ok().body, b"part");
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_changed_on_disk_are_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let emulator = Emulator::start(EmulatorOptions::new(dir.path())).await.unwrap();
    let raw = Raw::of(&emulator);
    raw.put("k", &managed(), &pattern(1_000_000, 1)).await.ok();
    let blob = fs::read_dir(dir.path().join("examplebucket-1250000000/blobs")).unwrap().next().unwrap().unwrap().path();
    let mut stored = fs::read(&blob).unwrap();
    stored[900_000] ^= 1;
    fs::write(&blob, &stored).unwrap();
    assert!(raw.try_send("GET", "k", &[], &[], &[]).await.is_none(), "the answer breaks off");
    stored[70_000] ^= 1;
    fs::write(&blob, &stored).unwrap();
    raw.get("k", &[]).await.refused(500, "InternalError");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_serves_one_store_at_a_time_and_names_are_checked() {
    let dir = tempfile::tempdir().unwrap();
    let first = Emulator::start(EmulatorOptions::new(dir.path())).await.unwrap();
    assert!(Emulator::start(EmulatorOptions::new(dir.path())).await.is_err());
    drop(first);
    // Its port and folder come free by themselves.
    Emulator::start(EmulatorOptions::new(dir.path())).await.unwrap().stop().await;
    assert!(Emulator::start(EmulatorOptions::new(dir.path()).bucket("../up")).await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_record_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let emulator = Emulator::start(EmulatorOptions::new(dir.path())).await.unwrap();
    Raw::of(&emulator).put("k", &[], b"bytes").await.ok();
    emulator.stop().await;
    let objects = dir.path().join("examplebucket-1250000000/objects");
    let record = fs::read_dir(objects).unwrap().next().unwrap().unwrap().path();
    fs::write(&record, b"{").unwrap();
    let error = Emulator::start(EmulatorOptions::new(dir.path())).await.unwrap_err();
    assert!(error.to_string().contains(&format!("{} is damaged", record.display())), "{error}");
}
