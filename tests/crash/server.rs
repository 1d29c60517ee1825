//! `sealift serve` as a process of its own.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use serde_json::Value;

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_sealift");
pub(crate) const BUCKET: &str = "examplebucket-1250000000";

/// A strict store over HTTPS. It ends with this value, whatever happens.
pub(crate) struct Server {
    child: Child,
    folder: PathBuf,
    settings: Vec<(String, String)>,
}

/// The calls around the parts take a moment, so that kills meet them as well.
const FAULTS: &str = r#"[
    {"on": "Initiate", "do": "delay", "ms": 40},
    {"on": "Complete", "do": "delay", "ms": 120},
    {"on": "Head", "do": "delay", "ms": 40}
]"#;

impl Server {
    pub(crate) fn start(folder: &Path) -> Self {
        let at = |name: &str| folder.join(name).into_os_string();
        fs::write(at("faults"), FAULTS).unwrap();
        let mut command = bare();
        command.args(["serve", "--tls", "--strict", "--data"]).arg(at("data"));
        command.arg("--ready-file").arg(at("ready")).arg("--transcript").arg(at("transcript"));
        command.arg("--faults").arg(at("faults")).stdout(Stdio::null()).stderr(Stdio::null());
        let mut server = Self { child: command.spawn().unwrap(), folder: folder.to_owned(), settings: Vec::new() };
        for _ in 0..3000 {
            if let Ok(text) = fs::read_to_string(at("ready")) {
                let pairs = text.lines().filter_map(|line| line.split_once('='));
                server.settings = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
                return server;
            }
            assert!(server.child.try_wait().unwrap().is_none(), "the server has ended");
            thread::sleep(Duration::from_millis(10));
        }
        panic!("the server is never ready");
    }

    /// The program, set up for this store.
    pub(crate) fn client(&self) -> Command {
        let mut command = bare();
        command.envs(self.settings.iter().map(|(name, value)| (name, value)));
        command.env("HOME", &self.folder).env("XDG_STATE_HOME", self.folder.join("state"));
        command
    }

    /// Runs the program, which must succeed and print one JSON value.
    #[track_caller]
    pub(crate) fn json(&self, args: &[&str]) -> Value {
        let output = self.client().arg("--json").args(args).output().unwrap();
        let err = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {} {err}", output.status);
        serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{args:?}: {error}: {err}"))
    }

    /// Bytes of bodies that the store has received for a key, whether they were of use or not.
    ///
    /// The store notes a request when its end is known to it, which for a killed client may be a moment later.
    pub(crate) fn received(&self, key: &str) -> u64 {
        let text = fs::read_to_string(self.folder.join("transcript")).unwrap();
        let whole = text.split_inclusive('\n').filter(|line| line.ends_with('\n'));
        let requests = whole.map(|line| serde_json::from_str::<Value>(line).unwrap());
        let data =
            requests.filter(|it| it["key"] == key && matches!(it["operation"].as_str(), Some("UploadPart" | "Put")));
        data.map(|it| it["received"].as_u64().unwrap()).sum()
    }

    /// How many objects there are.
    pub(crate) fn objects(&self) -> usize {
        fs::read_dir(self.folder.join("data").join(BUCKET).join("objects")).unwrap().count()
    }

    /// Removes the empty uploads whose first answer a kill has kept from the journal, as a user would. How many there
    /// were.
    #[track_caller]
    pub(crate) fn remove_unopened(&self) -> u64 {
        let bucket = format!("cos://{BUCKET}/");
        let mut found = 0;
        for upload in self.json(&["uploads", "list", &bucket])["uploads"].as_array().unwrap() {
            assert_eq!(upload["parts"], 0, "what holds data is in a journal: {upload}");
            found += 1;
        }
        let removed = self.json(&["uploads", "abort", &bucket, "--all"]);
        assert!(removed["uploads"].as_array().unwrap().iter().all(|end| end["state"] == "aborted"), "{removed}");
        found
    }

    /// Neither the store nor the journals know of anything unfinished.
    #[track_caller]
    pub(crate) fn holds_nothing_unfinished(&self, state: &Path) {
        let list = self.json(&["uploads", "list", &format!("cos://{BUCKET}/")]);
        assert_eq!(list["uploads"], Value::Array(Vec::new()), "{list}");
        assert_eq!(list["journals"], Value::Array(Vec::new()), "{list}");
        let files = fs::read_dir(state.join("sealift")).into_iter().flatten();
        let names: Vec<_> = files.map(|entry| entry.unwrap().file_name()).collect();
        assert!(names.is_empty(), "{names:?}");
    }

    /// Ends the server, which must leave in good order.
    pub(crate) fn stop(mut self) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The program with an empty environment.
fn bare() -> Command {
    let mut command = Command::new(PROGRAM);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default()).stdin(Stdio::null());
    command
}
