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
    assert_eq!(lines.lines().count(), 12 + 16);
    assert!(lines.lines().all(|line| line.starts_with("{\"operation\":\"")));
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

/// A store in a process of its own, and how it is reached.
struct Served {
    process: std::process::Child,
    settings: std::collections::HashMap<String, String>,
}

impl Served {
    fn start(dir: &std::path::Path) -> Self {
        let mut process = std::process::Command::new(env!("CARGO_BIN_EXE_sealift"))
            .args(["serve", "--listen", "127.0.0.1:0", "--bucket", "examplebucket-1250000000", "--data"])
            .arg(dir)
            .env_clear()
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        let lines = std::io::BufRead::lines(std::io::BufReader::new(process.stdout.take().unwrap()));
        let mut settings = std::collections::HashMap::new();
        for line in lines {
            let line = line.unwrap();
            let (name, value) = line.split_once('=').unwrap();
            settings.insert(name.to_owned(), value.to_owned());
            if name == "SEALIFT_REGION" {
                break;
            }
        }
        Self { process, settings }
    }

    fn raw(&self) -> Raw {
        let base = self.settings["SEALIFT_ENDPOINT"].clone();
        Raw {
            http: super::raw::http_client(None),
            host: base.trim_start_matches("http://").to_owned(),
            base,
            bucket: self.settings["SEALIFT_BUCKET"].clone(),
            id: self.settings["COS_SECRET_ID"].clone(),
            key: self.settings["COS_SECRET_KEY"].clone(),
            token: None,
            ahead: 0,
        }
    }

    fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_confirmed_survives_kill_9_in_the_middle_of_uploads() {
    let dir = tempfile::tempdir().unwrap();
    let served = Served::start(dir.path());
    let raw = served.raw();
    let id = raw.initiate("m", &managed()).await;
    let (confirmed, mut seen) = tokio::sync::mpsc::channel(16);
    let mut sending = tokio::task::JoinSet::new();
    for lane in 0..4 {
        let (raw, id, confirmed) = (raw.clone(), id.clone(), confirmed.clone());
        sending.spawn(async move {
            for number in (lane + 1..=10_000).step_by(4) {
                let bytes = pattern(1 << 20, number.into());
                let (number_text, params) = (number.to_string(), id.clone());
                let params = [("partNumber", &*number_text), ("uploadId", &*params)];
                let Some(said) = raw.try_send("PUT", "m", &params, &[], &bytes).await else { return };
                if confirmed.send((number, said.ok().etag().to_owned())).await.is_err() {
                    return;
                }
            }
        });
    }
    drop(confirmed);
    let mut parts = Vec::new();
    while parts.len() < 20 {
        parts.push(seen.recv().await.unwrap());
    }
    served.kill();
    while let Some(part) = seen.recv().await {
        parts.push(part);
    }
    parts.sort_unstable();
    let whole: Vec<(u32, String)> = (1..)
        .zip(&parts)
        .take_while(|(expected, (number, _))| expected == number)
        .map(|(_, part)| part.clone())
        .collect();

    let served = Served::start(dir.path());
    let raw = served.raw();
    let listed = raw.list_parts("m", &id, &[]).await.ok().text();
    assert!(parts.iter().all(|(_, tag)| listed.contains(tag.as_str())), "a confirmed part is missing");
    raw.complete("m", &id, &whole, &[]).await.ok();
    let expected: Vec<u8> = whole.iter().flat_map(|(number, _)| pattern(1 << 20, (*number).into())).collect();
    assert!(raw.get("m", &[]).await.ok().body == expected);
    served.kill();

    let served = Served::start(dir.path());
    assert!(served.raw().get("m", &[]).await.ok().body == expected);
    served.kill();
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_changed_on_disk_are_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let emulator = Emulator::start(EmulatorOptions::new(dir.path())).await.unwrap();
    let raw = Raw::of(&emulator);
    raw.put("k", &managed(), &pattern(100_000, 1)).await.ok();
    let blob = fs::read_dir(dir.path().join("examplebucket-1250000000/blobs")).unwrap().next().unwrap().unwrap().path();
    let mut stored = fs::read(&blob).unwrap();
    stored[70_000] ^= 1;
    fs::write(&blob, stored).unwrap();
    assert!(raw.try_send("GET", "k", &[], &[], &[]).await.is_none());
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
