//! The same for a store that speaks S3; and what the system tells of a running upload.

use std::{fs, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use rustix::process::Signal;
use sealift::emulator::{Emulator, EmulatorOptions, FaultPlan};
use tempfile::TempDir;
use tokio::process::{Child, Command};

use super::{KEY, MIB, Needles, files};
use crate::{
    cli::shell::{Ran, bare, run, signal},
    support::pattern,
};

/// An S3 store, and a home with two files and the key.
struct Scene {
    emulator: Emulator,
    home: TempDir,
    data: TempDir,
    secret: String,
}

impl Scene {
    async fn new() -> Self {
        let (home, data) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let options = EmulatorOptions::s3(data.path()).strict(true).durable(false);
        let emulator = Emulator::start(options).await.unwrap();
        let secret = emulator.secret().1.to_owned();
        fs::write(home.path().join("large"), pattern(5 * MIB + 1, 7)).unwrap();
        fs::write(home.path().join("small"), pattern(100, 7)).unwrap();
        super::key_in(home.path(), "canary.key", STANDARD.encode(KEY).as_bytes());
        Self { emulator, home, data, secret }
    }

    fn url(&self, name: &str) -> String {
        format!("s3://{}/{name}", self.emulator.bucket())
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = bare(args);
        command
            .current_dir(self.home.path())
            .env("HOME", self.home.path())
            .env("SEALIFT_ENDPOINT", self.emulator.endpoint())
            .env("SEALIFT_CA_CERT", self.emulator.ca_cert().unwrap())
            .env("SEALIFT_REGION", self.emulator.region())
            .env("AWS_ACCESS_KEY_ID", self.emulator.secret().0)
            .env("AWS_SECRET_ACCESS_KEY", &self.secret)
            .env("AWS_SESSION_TOKEN", "");
        command
    }

    fn put(&self, source: &str, name: &str, key: &str) -> Command {
        self.command(&[
            "-vvvv",
            "--json",
            "put",
            source,
            &self.url(name),
            "--explain",
            "--part-size",
            "5MiB",
            "--sse-key",
            key,
        ])
    }

    /// An upload that waits for its last part.
    async fn stuck(&self, name: &str, key: &str) -> Child {
        self.emulator.set_faults(FaultPlan::new().on("UploadPart").key(name).part(2).delay(600_000));
        let child = self.put("large", name, key).env("CANARY", "nothing").spawn().unwrap();
        let state = self.home.path().join(".local/state/sealift");
        let recorded = || {
            state.is_dir()
                && files(&state)
                    .iter()
                    .any(|path| fs::read_to_string(path).is_ok_and(|it| it.contains("\"part\"") && it.contains(name)))
        };
        for _ in 0..6000 {
            if recorded() {
                return child;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the first part was never recorded: {:?}", self.emulator.transcript());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn with_s3_neither_key_nor_secret_is_found_anywhere() {
    let scene = Scene::new().await;
    let key_needles = Needles::of("customer key", &KEY);
    let needles = Needles::of("customer key", &KEY).and(Needles::of("secret key", scene.secret.as_bytes()));
    let key = "file:canary.key";
    let mut runs: Vec<(String, Ran)> = Vec::new();
    for source in ["large", "small"] {
        let ran = run(scene.put(source, source, key)).await;
        assert_eq!(ran.code(), Some(0), "{}", ran.err);
        runs.push((format!("put {source}"), ran));
        for line in [
            vec!["stat", &scene.url(source), "--explain", "--sse-key", key],
            vec!["get", &scene.url(source), "copy", "--explain", "--sse-key", key],
            // Without its key, and under another.
            vec!["get", &scene.url(source), "-", "--explain"],
        ] {
            runs.push((line.join(" "), run(scene.command(&[&["-vvvv", "--json"], &line[..]].concat())).await));
        }
    }
    for (what, faults) in [
        ("a refusal", FaultPlan::new().on("*").answer(403, "AccessDenied")),
        ("a wrong checksum", FaultPlan::new().on("UploadPart").part(2).wrong_crc()),
        ("an altered echo", FaultPlan::new().on("UploadPart").alter_echo()),
        ("a lost answer", FaultPlan::new().on("Complete").attempt(1).lose_answer()),
        ("an error in a 200", FaultPlan::new().on("Complete").times(1).error_in_200("InternalError")),
    ] {
        scene.emulator.set_faults(faults);
        runs.push((what.to_owned(), run(scene.put("large", "faulty", key)).await));
    }
    let stuck = scene.stuck("stopped", key).await;
    signal(&stuck, Signal::TERM);
    runs.push(("stopped".to_owned(), stuck.wait_with_output().await.unwrap().into()));
    scene.emulator.set_faults(FaultPlan::new());

    for (what, ran) in &runs {
        for (stream, text) in [("stdout", &ran.bytes[..]), ("stderr", ran.err.as_bytes())] {
            needles.absent_from(&format!("{stream} of {what}"), text);
            let text = String::from_utf8_lossy(text);
            let shown = text.match_indices("Signature=").filter(|(at, _)| !text[at + 10..].starts_with("***"));
            assert_eq!(shown.count(), 0, "{stream} of {what} shows a signature: {text}");
        }
    }
    assert!(runs.iter().any(|(_, ran)| ran.err.contains("Signature=***")), "something was masked");
    for request in scene.emulator.transcript() {
        needles.absent_from("the transcript", format!("{request:?}").as_bytes());
    }
    for path in files(scene.data.path()) {
        key_needles.absent_from(&path.display().to_string(), &fs::read(&path).unwrap());
    }
    let mut journals = 0;
    for path in files(scene.home.path()) {
        journals += usize::from(path.extension().is_some_and(|it| it == "journal"));
        if path.extension().is_none_or(|extension| extension != "key") {
            needles.absent_from(&path.display().to_string(), &fs::read(&path).unwrap());
        }
    }
    assert!(journals > 0, "a journal was searched");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_system_tells_no_key_of_a_running_upload() {
    let scene = Scene::new().await;
    let needles = Needles::of("customer key", &KEY);
    let hex_of = "command:cat canary.key";
    for (name, key) in [("from-a-file", "file:canary.key"), ("from-a-command", hex_of)] {
        let mut child = scene.stuck(name, key).await;
        let process = format!("/proc/{}", child.id().unwrap());
        for what in ["cmdline", "environ", "comm", "status", "stat", "mountinfo"] {
            // Only root may read some of them of a process that nobody is to look into.
            let Ok(told) = fs::read(format!("{process}/{what}")) else { continue };
            needles.absent_from(&format!("{what} of an upload with a key {name}"), &told);
        }
        assert!(!fs::read(format!("{process}/cmdline")).unwrap().is_empty(), "it was there");
        child.kill().await.unwrap();
    }
}
