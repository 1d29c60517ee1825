//! A known key and a known secret go through whole runs at the highest verbosity; afterwards nothing that the program
//! printed or wrote, and nothing that the store recorded, holds either of them in any form.

mod s3;

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE},
};
use futures::future::join_all;
use memchr::memmem;
use rustix::process::Signal;
use sealift::{
    CustomerKey, SseContext, UploadRequest, Uploader,
    dialect::Dialect,
    emulator::FaultPlan,
    transfer::{UploaderOptions, journal::MemoryJournal},
};

use crate::{
    cli::shell::{Ran, Shell, run},
    support::key,
};

const MIB: usize = 1 << 20;

/// Bytes whose base64 has `+` and `/`, so that every way of writing it differs.
const KEY: [u8; 32] = [
    0xfb, 0xef, 0xbe, 0xff, 0x3f, 0xfe, 0x2b, 0x91, 0x17, 0x5a, 0xc3, 0x08, 0x6d, 0xd2, 0x77, 0x4e, 0xa9, 0x31, 0xe5,
    0x60, 0x9c, 0x12, 0x8f, 0xb4, 0x05, 0x7b, 0xd8, 0x2e, 0x63, 0xf1, 0x4a, 0xbf,
];

/// What must be found nowhere, with a name for each.
struct Needles(Vec<(String, Vec<u8>)>);

impl Needles {
    fn of(name: &str, secret: &[u8]) -> Self {
        let hex = secret.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
        let base64 = STANDARD.encode(secret);
        let url_encoded = base64.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
        let decimal = secret.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let forms = [
            ("raw", secret.to_vec()),
            ("hex", hex.clone().into_bytes()),
            ("HEX", hex.to_ascii_uppercase().into_bytes()),
            // Its unpadded form begins every padded one.
            ("base64", base64.trim_end_matches('=').as_bytes().to_vec()),
            ("base64url", URL_SAFE.encode(secret).trim_end_matches('=').as_bytes().to_vec()),
            ("url-encoded", url_encoded.trim_end_matches("%3D").as_bytes().to_vec()),
            (
                "url-encoded in lower case",
                url_encoded.replace("%2B", "%2b").replace("%2F", "%2f").replace("%3D", "").into_bytes(),
            ),
            ("as a list of numbers", decimal.into_bytes()),
        ];
        Self(forms.into_iter().map(|(form, bytes)| (format!("{name}, {form}"), bytes)).collect())
    }

    fn and(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    /// The first that is in there.
    fn first_in(&self, hay: &[u8]) -> Option<&str> {
        self.0.iter().find(|(_, needle)| memmem::find(hay, needle).is_some()).map(|(name, _)| name.as_str())
    }

    #[track_caller]
    fn absent_from(&self, place: &str, hay: &[u8]) {
        if let Some(name) = self.first_in(hay) {
            panic!("{place} holds the {name}: {}", String::from_utf8_lossy(hay));
        }
    }

    /// Looks into what a run printed. A signature is no secret, but an hour's licence, and is not to be seen either.
    #[track_caller]
    fn absent_from_run(&self, what: &str, ran: &Ran) {
        for (stream, text) in [("stdout", &ran.bytes[..]), ("stderr", ran.err.as_bytes())] {
            self.absent_from(&format!("{stream} of {what}"), text);
            let text = String::from_utf8_lossy(text);
            let unmasked = text.match_indices("q-signature=").filter(|(at, _)| !text[at + 12..].starts_with("***"));
            assert_eq!(unmasked.count(), 0, "{stream} of {what} shows a signature: {text}");
        }
    }
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

fn key_file(shell: &Shell, name: &str, content: &[u8]) -> String {
    format!("file:{}", key_in(shell.home.path(), name, content).display())
}

/// A file that only its owner can read.
fn key_in(folder: &Path, name: &str, content: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, content).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_key_nor_secret_is_found_anywhere() {
    let shell = Shell::new().await;
    let secret = shell.store.emulator.secret().1.to_owned();
    let key_needles = Needles::of("customer key", &KEY);
    let needles = Needles::of("customer key", &KEY).and(Needles::of("secret key", secret.as_bytes()));
    let key = key_file(&shell, "canary.key", STANDARD.encode(KEY).as_bytes());
    let source = shell.data("f", 3 * MIB + 1);
    let small = shell.data("small", 100);
    let (source, small) = (source.to_str().unwrap().to_owned(), small.to_str().unwrap().to_owned());
    let scene = Scene { shell: &shell, key: &key, source: &source, small: &small };
    let mut runs = scene.whole_uploads().await;
    runs.extend(scene.keys_of_all_kinds().await);
    runs.extend(scene.streams().await);
    runs.extend(scene.failures().await);
    runs.extend(scene.faults().await);
    let kept = scene.interruptions(&mut runs).await;
    let token = scene.token().await;

    for file in &kept {
        needles.absent_from("a journal or its lock", file);
        assert!(memmem::find(file, b"q-sign").is_none(), "a signature: {}", String::from_utf8_lossy(file));
    }
    needles.absent_from("a token", token.as_bytes());
    assert!(token.contains("initiating") && token.contains("fingerprint"), "it is a token: {token}");
    for (what, ran) in &runs {
        needles.absent_from_run(what, ran);
    }
    assert!(runs.iter().any(|(_, ran)| ran.err.contains("***")), "something was masked");
    for request in shell.store.emulator.transcript() {
        needles.absent_from("the transcript", format!("{request:?}").as_bytes());
    }
    // The store keeps its own secret, but never a customer's key.
    for path in files(shell.store.dir.path()) {
        key_needles.absent_from(&path.display().to_string(), &fs::read(&path).unwrap());
    }
    for path in files(shell.home.path()) {
        if path.extension().is_none_or(|extension| extension != "key") {
            needles.absent_from(&path.display().to_string(), &fs::read(&path).unwrap());
        }
    }
}

/// What the runs have in common.
struct Scene<'a> {
    shell: &'a Shell,
    key: &'a str,
    source: &'a str,
    small: &'a str,
}

impl Scene<'_> {
    /// Whole uploads in every mode, and everything that reads the object again.
    async fn whole_uploads(&self) -> Vec<(String, Ran)> {
        let Self { shell, key, source, small } = *self;
        let mut runs = Vec::new();
        for (mode, options) in [
            ("none", vec![]),
            ("managed", vec!["--sse", "managed"]),
            ("kms", vec!["--sse", "kms", "--sse-kms-key-id", "5e71f2d0"]),
            ("customer", vec!["--sse-key", key]),
        ] {
            for (file, name) in [(source, "large"), (small, "small")] {
                for json in [&[][..], &["--json"]] {
                    let url = shell.url(&format!("{mode}-{name}"));
                    let loud = &[json, &["-vvvv"]].concat()[..];
                    let put = [loud, &["put", file, &url, "--explain", "--part-size", "1MiB"], &options].concat();
                    let read = if mode == "customer" { &options[..] } else { &[] };
                    for (what, line) in [
                        ("dry run", [&put[..], &["--dry-run"]].concat()),
                        ("put", put),
                        ("stat", [loud, &["stat", &url, "--explain"], read].concat()),
                        ("get", [loud, &["get", &url, "copy", "--explain"], read].concat()),
                    ] {
                        let ran = shell.run(&line).await;
                        assert_eq!(ran.code(), Some(0), "{what} {mode}: {}", ran.err);
                        assert!(
                            what == "dry run" || !ran.err.is_empty(),
                            "{what} {mode} logs at the highest verbosity"
                        );
                        runs.push((format!("{what} {mode} {name}"), ran));
                    }
                }
            }
        }
        runs
    }

    /// Keys that are checked and used, from every source, and what is no key at all.
    async fn keys_of_all_kinds(&self) -> Vec<(String, Ran)> {
        let Self { shell, key, small, .. } = *self;
        let mut runs = Vec::new();
        let hex = KEY.map(|byte| format!("{byte:02x}")).concat();
        let cut = key_file(shell, "cut.key", &KEY[..31]);
        let command = format!("command:printf %s {hex}; exit 1");
        for source in [key, &cut, &hex, &command, &format!("command:printf %s {hex}")] {
            runs.push((
                format!("key check {}", source.len()),
                shell.run(&["-vvvv", "--json", "key", "check", source]).await,
            ));
            let line = ["-vvvv", "put", small, &shell.url("k"), "--explain", "--sse-key", source];
            runs.push((format!("put under a key of {}", source.len()), shell.run(&line).await));
        }
        let mut from_variable =
            shell.command(&["-vvvv", "--json", "put", small, &shell.url("k"), "--sse-key", "env:CANARY"]);
        from_variable.env("CANARY", &hex);
        runs.push(("put with the key in a variable".to_owned(), run(from_variable).await));
        runs
    }

    /// Standard input, held in memory and kept in a file, where it stays for the search below.
    async fn streams(&self) -> Vec<(String, Ran)> {
        let Self { shell, key, source, .. } = *self;
        let mut runs = Vec::new();
        shell.store.emulator.set_faults(FaultPlan::new().on("UploadPart").key("spooled").answer(403, "AccessDenied"));
        for (name, options, code) in [("stream", &[][..], 0), ("spooled", &["--spool", "."], 4)] {
            let url = shell.url(name);
            let put = ["-vvvv", "put", "-", &url, "--explain", "--sse-key", key, "--part-size", "1MiB"];
            let mut command = shell.command(&[&put[..], options].concat());
            command.stdin(fs::File::open(source).unwrap());
            let ran = run(command).await;
            assert_eq!(ran.code(), Some(code), "{name}: {}", ran.err);
            runs.push((name.to_owned(), ran));
        }
        shell.store.emulator.set_faults(FaultPlan::new());
        assert!(files(shell.home.path()).iter().any(|path| path.extension().is_some_and(|it| it == "spool")));
        runs
    }

    /// Failures of every layer of the program.
    async fn failures(&self) -> Vec<(String, Ran)> {
        let Self { shell, key, source, small } = *self;
        let mut runs = Vec::new();
        let customer = shell.url("customer-large");
        let other = key_file(shell, "other.key", &[7; 32]);
        let failing = [
            vec!["get", &customer, "-"],
            vec!["stat", &customer, "--sse-key", &other],
            vec!["put", source, "cos://absent-1250000000/k", "--sse-key", key, "--part-size", "1MiB"],
            vec!["put", "/nonexistent", &customer, "--sse-key", key],
            vec!["put", small, &customer, "--sse-key", key, "--endpoint", "http://127.0.0.1:9"],
            vec![
                "put",
                small,
                &customer,
                "--sse-key",
                key,
                "--connect-to",
                "127.0.0.1:9",
                "--endpoint",
                "https://store.invalid",
            ],
            vec!["put", small, &customer, "--sse-key", key, "--header", "authorization: x"],
        ];
        let failed = join_all(failing.iter().map(|line| {
            let line = [&["-vvvv", "--json"], &line[..], &["--explain"]].concat();
            let command = shell.command(&line);
            async move { (line.join(" "), run(command).await) }
        }));
        for (what, ran) in failed.await {
            assert_ne!(ran.code(), Some(0), "{what}");
            runs.push((what, ran));
        }
        runs
    }

    /// Uploads that are stopped, killed, and found held; and what was in their journals and locks meanwhile.
    async fn interruptions(&self, runs: &mut Vec<(String, Ran)>) -> Vec<Vec<u8>> {
        let Self { shell, key, .. } = *self;
        let state = shell.home.path().join(".local/state/sealift");
        let mut kept = Vec::new();
        for (name, end) in [("stopped", Signal::TERM), ("killed", Signal::KILL)] {
            let stuck = shell.stuck(name, &["-vvvv", "--explain", "--sse-key", key]).await;
            let line = stuck.line.clone();
            let names: Vec<_> = files(&state);
            for extension in ["journal", "lock"] {
                assert!(names.iter().any(|path| path.extension().is_some_and(|it| it == extension)), "{names:?}");
            }
            kept.extend(names.iter().map(|path| fs::read(path).unwrap()));
            let words: Vec<&str> = line.iter().map(String::as_str).collect();
            runs.push((format!("a second process beside the {name}"), shell.run(&words).await));
            for command in [&["uploads", "list"][..], &["uploads", "abort", "--all"]] {
                let ran = shell.run(&[&["-vvvv"], command, &[&shell.url(name)]].concat()).await;
                assert_eq!(ran.code(), Some(0), "{}", ran.err);
                runs.push((format!("{command:?} beside the {name}"), ran));
            }
            runs.push((name.to_owned(), stuck.end(end).await));
            kept.extend(files(&state).iter().map(|path| fs::read(path).unwrap()));
        }
        // Both stay unfinished, as the spooled stream did, so that the search through all files meets their journals.
        let journals = files(&state).iter().filter(|path| path.extension().is_some_and(|it| it == "journal")).count();
        assert_eq!(journals, 3);
        kept
    }

    /// What a program would keep of a paused upload, in every way in which it can be written.
    async fn token(&self) -> String {
        let client = self.shell.store.client();
        let journal = MemoryJournal::new();
        self.shell.store.emulator.set_faults(FaultPlan::new().on("UploadPart").part(2).delay(600_000));
        let request = UploadRequest::new(client, key("token"), self.source)
            .sse(SseContext::customer(Dialect::Cos, CustomerKey::from_bytes(KEY)))
            .part_size(MIB as u64)
            .journal(journal.clone());
        let uploader = Uploader::new(UploaderOptions::default()).unwrap();
        let upload = uploader.upload(request);
        let mut progress = upload.progress();
        progress.wait_for(|now| now.parts_done >= 1).await.unwrap();
        upload.pause();
        let error = upload.await.unwrap_err();
        assert!(error.is_resumable(), "{error:?}");
        let token = journal.token();
        format!("{token}\n{token:?}\n{}\n{journal:?}\n{error:?}", serde_json::to_string(&token).unwrap())
    }

    /// Failures of the store.
    async fn faults(&self) -> Vec<(String, Ran)> {
        let Self { shell, key, source, .. } = *self;
        let mut runs = Vec::new();
        for (what, faults) in [
            ("a refusal", FaultPlan::new().on("*").answer(403, "AccessDenied")),
            ("an error in a 200", FaultPlan::new().on("Complete").times(1).error_in_200("InternalError")),
            ("a wrong checksum", FaultPlan::new().on("UploadPart").part(2).wrong_crc()),
            ("a downgraded echo", FaultPlan::new().on("*").downgrade_echo()),
            ("an altered echo", FaultPlan::new().on("UploadPart").alter_echo()),
            ("a missing echo", FaultPlan::new().on("*").drop_echo()),
            ("a lost answer", FaultPlan::new().on("Complete").attempt(1).lose_answer()),
            ("a reset", FaultPlan::new().on("UploadPart").part(1).attempt(1).reset()),
        ] {
            shell.store.emulator.set_faults(faults);
            let line = [
                "-vvvv",
                "--json",
                "put",
                source,
                &shell.url("f"),
                "--sse-key",
                key,
                "--part-size",
                "1MiB",
                "--explain",
            ];
            runs.push((what.to_owned(), shell.run(&line).await));
        }
        runs
    }
}

#[test]
fn the_needles_are_found_where_they_are() {
    let needles = Needles::of("key", &KEY);
    for hay in [
        KEY.to_vec(),
        format!("a key: {}", STANDARD.encode(KEY)).into_bytes(),
        format!("{KEY:?}").into_bytes(),
        KEY.map(|byte| format!("{byte:02X}")).concat().into_bytes(),
    ] {
        assert!(needles.first_in(&hay).is_some(), "{}", String::from_utf8_lossy(&hay));
    }
    assert_eq!(needles.first_in(STANDARD.encode([7; 32]).as_bytes()), None);
}
