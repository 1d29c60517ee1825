//! The real program, run as a user would, against a store in this process.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    process::{ExitStatus, Output, Stdio},
    time::Duration,
};

use sealift::emulator::{EmulatorOptions, FaultPlan, Spoken};
use serde_json::Value;
use tempfile::TempDir;
use tokio::process::{Child, Command};

use crate::support::{Store, pattern, s3_store_with, store_with};

/// The sample key of the service's documentation, unpadded as it is printed there.
pub(crate) const KEY: &str = "MDEyMzQ1Njc4OUFCQ0RFRjAxMjM0NTY3ODlBQkNERUY";
/// The MD5 of that key, from the same place.
pub(crate) const KEY_MD5: &str = "U5L61r7jcwdNvT7frmUG8g==";

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_sealift");

/// A store and a home folder, with nothing of this machine's user in it.
pub(crate) struct Shell {
    pub(crate) store: Store,
    pub(crate) home: TempDir,
}

/// How a run of the program ended.
pub(crate) struct Ran {
    pub(crate) status: ExitStatus,
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) bytes: Vec<u8>,
}

impl Shell {
    pub(crate) async fn new() -> Self {
        Self::with(|options| options).await
    }

    pub(crate) async fn with(change: impl FnOnce(EmulatorOptions) -> EmulatorOptions) -> Self {
        Self { store: store_with(change).await, home: tempfile::tempdir().unwrap() }
    }

    /// The same over a store that speaks S3.
    pub(crate) async fn s3(change: impl FnOnce(EmulatorOptions) -> EmulatorOptions) -> Self {
        Self { store: s3_store_with(change).await, home: tempfile::tempdir().unwrap() }
    }

    fn speaks_cos(&self) -> bool {
        self.store.emulator.dialect() == Spoken::Cos
    }

    /// The address of an object with this key.
    pub(crate) fn url(&self, key: &str) -> String {
        let scheme = if self.speaks_cos() { "cos" } else { "s3" };
        format!("{scheme}://{}/{key}", self.store.emulator.bucket())
    }

    /// A file in the home folder.
    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.home.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// A file of random-looking bytes in the home folder.
    pub(crate) fn data(&self, name: &str, len: usize) -> PathBuf {
        self.file(name, &pattern(len, 7))
    }

    /// The source of the sample key, in a file that only its owner can read.
    pub(crate) fn key_source(&self) -> String {
        let path = self.file("my.key", KEY.as_bytes());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        format!("file:{}", path.display())
    }

    /// The program with the store's settings in its environment, and nothing else.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        self.command_of(Path::new(PROGRAM), args)
    }

    /// The same for a copy of the program elsewhere.
    pub(crate) fn command_of(&self, program: &Path, args: &[&str]) -> Command {
        let (id, key) = self.store.emulator.secret();
        let names = if self.speaks_cos() {
            ["COS_SECRET_ID", "COS_SECRET_KEY"]
        } else {
            ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
        };
        let mut command = program_with(program, args);
        command
            .current_dir(self.home.path())
            .env("HOME", self.home.path())
            .env("SEALIFT_ENDPOINT", self.store.emulator.endpoint())
            .env("SEALIFT_CA_CERT", self.store.emulator.ca_cert().map_or(Path::new(""), |path| path))
            .env(names[0], id)
            .env(names[1], key)
            // For what speaks S3; COS has its region in the endpoint.
            .env("AWS_REGION", "eu-central-1");
        command
    }

    /// Runs the program to its end.
    pub(crate) async fn run(&self, args: &[&str]) -> Ran {
        run(self.command(args)).await
    }

    /// Runs the program, which must succeed.
    #[track_caller]
    pub(crate) fn done(&self, args: &[&str]) -> impl Future<Output = Ran> {
        let command = self.command(args);
        let line = args.join(" ");
        async move {
            let ran = run(command).await;
            assert_eq!(ran.status.code(), Some(0), "{line}\n{}", ran.err);
            ran
        }
    }

    /// Starts an upload of a new file of four parts whose last one never arrives, and waits for the other three.
    pub(crate) async fn stuck(&self, name: &str, options: &[&str]) -> Stuck {
        self.store.emulator.set_faults(FaultPlan::new().on("UploadPart").key(name).part(4).delay(600_000));
        let source = self.data(name, 4 << 20);
        let words = ["--json", "put", source.to_str().unwrap(), &self.url(name), "--part-size", "1MiB"];
        let words = [&words, &["--concurrency", "4"][..], options].concat();
        let line: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
        let child = self.command(&words).spawn().unwrap();
        let arrived = || {
            let seen = self.store.emulator.transcript();
            seen.iter().filter(|it| it.operation == "UploadPart" && it.key == name && it.status == 200).count()
        };
        for _ in 0..3000 {
            if arrived() >= 3 && self.records(name) >= 5 {
                return Stuck { child, line };
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("three parts never arrived: {:?}", self.store.operations());
    }

    /// How many records the journal of a key has.
    pub(crate) fn records(&self, name: &str) -> usize {
        let files = fs::read_dir(self.home.path().join(".local/state/sealift")).into_iter().flatten();
        let texts = files.filter_map(|entry| fs::read_to_string(entry.unwrap().path()).ok());
        let key = format!("\"key\":\"{name}\"");
        texts.filter(|text| text.contains(&key)).map(|text| text.lines().count()).max().unwrap_or(0)
    }

    /// Waits until the store has seen a call; the program decides nothing by the time that this takes.
    pub(crate) async fn until_seen(&self, operation: &str) {
        for _ in 0..3000 {
            if self.store.operations().iter().any(|seen| seen == operation) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{operation} was never seen: {:?}", self.store.operations());
    }
}

/// An upload that waits for its last part.
pub(crate) struct Stuck {
    pub(crate) child: Child,
    /// Its command line.
    pub(crate) line: Vec<String>,
}

impl Stuck {
    /// Sends a signal and waits for the end.
    pub(crate) async fn end(self, by: rustix::process::Signal) -> Ran {
        signal(&self.child, by);
        self.ended().await
    }

    /// Waits for the end.
    pub(crate) async fn ended(self) -> Ran {
        self.child.wait_with_output().await.unwrap().into()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id().unwrap()
    }
}

impl Ran {
    /// The exit code.
    pub(crate) fn code(&self) -> Option<i32> {
        self.status.code()
    }

    /// What was printed on stdout, which must be one JSON value.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {:?} {}", self.out, self.err))
    }

    /// The error on stderr, which must be one JSON object of the agreed form.
    #[track_caller]
    pub(crate) fn error(&self) -> Value {
        let value: Value = serde_json::from_str(&self.err).unwrap_or_else(|error| panic!("{error}: {:?}", self.err));
        value["error"].clone()
    }
}

/// The program with an empty environment.
pub(crate) fn bare(args: &[&str]) -> Command {
    program_with(Path::new(PROGRAM), args)
}

fn program_with(program: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command.args(args).env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    command
}

/// Runs a command to its end.
pub(crate) async fn run(mut command: Command) -> Ran {
    command.output().await.unwrap().into()
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Self {
            status: output.status,
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
            bytes: output.stdout,
        }
    }
}

/// Sends a signal to a running program.
pub(crate) fn signal(child: &Child, signal: rustix::process::Signal) {
    let id = i32::try_from(child.id().unwrap()).unwrap();
    rustix::process::kill_process(rustix::process::Pid::from_raw(id).unwrap(), signal).unwrap();
}
