//! A sample of the cells by the real program: its exit codes, what it prints, how it goes on, and where its keys are not.

use std::{fmt::Write as _, fs, os::unix::fs::PermissionsExt as _, path::Path, process::Stdio};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sealift::{
    dialect::{COS, S3},
    emulator::FaultPlan,
    error::ErrorKind,
    operation::Operation,
    sse::SseMode,
};
use serde_json::Value;
use tokio::process::Command;

use crate::{
    cell::{Bench, CUSTOMER_KEY, Cell, KEY, KMS_CONTEXT, KMS_KEY},
    expect::{End, Left, expected, relevant},
    extent,
    fault::{self, Harm},
    place::Place,
    remedy::{self, Told},
    sources::Sources,
};

/// Up to three cells of each call: one that succeeds in spite of its fault, one that fails and one that is gone on with;
/// the latter two under a customer key. The faults take turns from call to call.
pub(crate) fn sample() -> Vec<Cell> {
    let mut sample = Vec::new();
    for (dialect, place) in [COS, S3].into_iter().flat_map(|dialect| Place::ALL.map(|place| (dialect, place))) {
        // The program waits longer than anybody here for what is silent, and makes more attempts.
        let of_this_call: Vec<Cell> = extent::run()
            .into_iter()
            .filter(|cell| cell.dialect == dialect && cell.place == place && cell.journal && !cell.is_silent())
            .filter(|cell| cell.once || !matches!(relevant(cell), Harm::Silence { .. } | Harm::Late(..)))
            .collect();
        let turn = sample.len();
        let mut take = |fits: &dyn Fn(&Cell, End) -> bool| {
            let fitting: Vec<&Cell> = of_this_call.iter().filter(|cell| fits(cell, expected(cell))).collect();
            sample.extend(fitting.get((7 * turn) % fitting.len().max(1)).map(|cell| **cell));
        };
        take(&|cell, end| end == End::Done && cell.once && relevant(cell) != Harm::None);
        take(&|cell, end| is_quick(cell, end) && !goes_on(end));
        take(&|cell, end| is_quick(cell, end) && goes_on(end));
    }
    sample
}

/// Whether it fails at once, under a customer key.
fn is_quick(cell: &Cell, end: End) -> bool {
    let End::Failed(kind, _) = end else { return false };
    cell.mode == SseMode::Customer && !matches!(kind, ErrorKind::Cancelled | ErrorKind::Unavailable)
}

fn goes_on(end: End) -> bool {
    matches!(end, End::Failed(_, Left::Kept | Left::Unproved))
}

/// How a run of the program has ended.
struct Ran {
    code: Option<i32>,
    out: String,
    err: String,
}

/// Runs a cell by the program, and gives what is not as it should be.
pub(crate) async fn run(cell: &Cell, sources: &Sources) -> Vec<String> {
    let bench = Bench::new(cell, sources).await;
    let mut desk = Desk { bench: &bench, complaints: Vec::new() };
    desk.lay_out_the_key();
    let download = cell.place == Place::Get;
    if let Some(rules) = cell.place.first_run() {
        bench.emulator.set_faults(fault::plan(&rules));
        let ran = desk.put().await;
        desk.insist(ran.code == Some(4), "the first run was to be refused", &ran);
    } else if download {
        let ran = desk.put().await;
        desk.insist(ran.code == Some(0), "the object is not there", &ran);
    }
    bench.emulator.set_faults(fault::plan(&cell.rules()));
    let ran = if download { desk.get().await } else { desk.put().await };
    bench.emulator.set_faults(FaultPlan::new());
    desk.ended_as_expected(&ran);
    if ran.code != Some(0) {
        let again = if download { desk.get().await } else { desk.put().await };
        desk.insist(again.code == Some(0), "the same command does not succeed without the fault", &again);
        if goes_on(expected(cell)) && again.code == Some(0) {
            let receipt: Value = serde_json::from_str(&again.out).unwrap_or_default();
            let resumed = receipt["resumed_parts"].as_u64();
            let first = matches!(cell.place, Place::Probe | Place::First);
            desk.insist(resumed > Some(0) || first, "nothing was gone on with", &again);
        }
    }
    if !download {
        let ran = desk.get().await;
        desk.insist(ran.code == Some(0), "the object cannot be fetched", &ran);
    }
    let fetched = fs::read(bench.folder().join("object")).unwrap_or_default();
    desk.complain_unless(fetched == bench.content, || format!("{} other bytes are in the store", fetched.len()));
    let complaints = desk.complaints;
    bench.emulator.stop().await;
    complaints
}

struct Desk<'a> {
    bench: &'a Bench<'a>,
    complaints: Vec<String>,
}

impl Desk<'_> {
    fn complain_unless(&mut self, fact: bool, complaint: impl FnOnce() -> String) {
        if !fact {
            self.complaints.push(complaint());
        }
    }

    fn insist(&mut self, fact: bool, what: &str, ran: &Ran) {
        self.complain_unless(fact, || format!("{what}: {:?} {}{}", ran.code, ran.out, ran.err));
    }

    fn home(&self) -> &Path {
        self.bench.home()
    }

    fn lay_out_the_key(&self) {
        let path = self.home().join("my.key");
        fs::write(&path, CUSTOMER_KEY).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }

    async fn put(&mut self) -> Ran {
        let smallest = self.bench.cell.dialect.limits().min_part.to_string();
        let state = self.bench.state().path().display().to_string();
        let source = self.bench.source.display().to_string();
        let transfer = ["--part-size", &smallest, "--concurrency", "1", "--state-dir", &state];
        self.ran(&["put", &source, &self.url()], &transfer).await
    }

    async fn get(&mut self) -> Ran {
        fs::create_dir_all(self.bench.folder()).unwrap();
        let to = self.bench.folder().join("object").display().to_string();
        self.ran(&["get", &self.url(), &to], &[]).await
    }

    fn url(&self) -> String {
        format!("{}://{}/{KEY}", self.bench.cell.dialect.scheme(), self.bench.emulator.bucket())
    }

    /// Runs the program in a clean environment, and looks for secrets in all that it leaves.
    async fn ran(&mut self, words: &[&str], more: &[&str]) -> Ran {
        let Bench { cell, emulator, .. } = self.bench;
        let mut command = Command::new(env!("CARGO_BIN_EXE_sealift"));
        command.arg("--json").args(words).args(more).args(self.encryption());
        let (id, key) = emulator.secret();
        let names = if cell.is_s3() {
            ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"]
        } else {
            ["COS_SECRET_ID", "COS_SECRET_KEY"]
        };
        command.env_clear().env("HOME", self.home()).env(names[0], id).env(names[1], key).current_dir(self.home());
        command.env("SEALIFT_CA_CERT", emulator.ca_cert().unwrap()).args(["--region", emulator.region()]);
        if cell.is_documented() {
            command.args(["--connect-to", &emulator.addr().to_string()]);
        } else {
            command.args(["--endpoint", &emulator.endpoint()]);
        }
        command.stdin(Stdio::null()).kill_on_drop(true);
        let output = command.output().await.unwrap();
        let [out, err] = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let ran = Ran { code: output.status.code(), out, err };
        let left = left_in(&[self.bench.state().path(), &self.home().join(".local"), &self.home().join(".cache")]);
        for secret in secrets(key) {
            let printed = format!("{}{}", ran.out, ran.err);
            let shown = contains(printed.as_bytes(), &secret) || left.iter().any(|bytes| contains(bytes, &secret));
            self.complain_unless(!shown, || format!("{:?} is printed or kept", String::from_utf8_lossy(&secret)));
        }
        ran
    }

    fn encryption(&self) -> Vec<String> {
        let words: &[&str] = match self.bench.cell.mode {
            SseMode::Managed => &["--sse", "managed"],
            SseMode::Kms => &["--sse", "kms", "--sse-kms-key-id", KMS_KEY, "--sse-kms-context", KMS_CONTEXT],
            SseMode::Customer => &["--sse-key", "file:my.key"],
            _ => &[],
        };
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    /// The exit code, and the error as it is printed.
    fn ended_as_expected(&mut self, ran: &Ran) {
        let cell = self.bench.cell;
        let End::Failed(kind, left) = expected(cell) else {
            return self.insist(ran.code == Some(0), "it was to succeed", ran);
        };
        self.insist(
            ran.code == Some(i32::from(kind.exit_code())),
            &format!("the exit code is not that of {kind}"),
            ran,
        );
        // Warnings come before it, each in a line of its own.
        let printed: Value =
            ran.err.lines().last().and_then(|line| serde_json::from_str(line).ok()).unwrap_or_default();
        let error = &printed["error"];
        self.insist(error["kind"] == kind.name(), "another kind is printed", ran);
        let kept = matches!(left, Left::Kept | Left::Unproved | Left::Unknown);
        self.insist(error["resumable"] == kept, "whether it goes on is not said", ran);
        let operation = error["operation"].as_str().and_then(named);
        let (code, hint) = (error["code"].as_str(), error["hint"].as_str().unwrap_or_default());
        self.complaints.extend(remedy::complaint(cell, &Told { kind, operation, code, hint }, left));
    }
}

/// The contents of all files in these folders.
fn left_in(folders: &[&Path]) -> Vec<Vec<u8>> {
    let mut contents = Vec::new();
    for entry in folders.iter().filter_map(|folder| fs::read_dir(folder).ok()).flatten().map(Result::unwrap) {
        if entry.path().is_dir() {
            contents.extend(left_in(&[&entry.path()]));
        } else {
            contents.push(fs::read(entry.path()).unwrap());
        }
    }
    contents
}

fn named(operation: &str) -> Option<Operation> {
    Operation::ALL.into_iter().find(|known| known.name() == operation)
}

/// What must be nowhere: the customer key in every form, and the key of the signatures.
fn secrets(signing: &str) -> Vec<Vec<u8>> {
    let mut hex = String::new();
    for byte in CUSTOMER_KEY {
        let _ = write!(hex, "{byte:02x}");
    }
    vec![
        CUSTOMER_KEY.to_vec(),
        hex.into_bytes(),
        STANDARD.encode(CUSTOMER_KEY).into_bytes(),
        signing.as_bytes().to_vec(),
    ]
}

fn contains(text: &[u8], piece: &[u8]) -> bool {
    text.windows(piece.len()).any(|window| window == piece)
}
