//! `sealift serve` as a process of its own, which can be killed.

use std::{
    collections::HashMap,
    fs,
    io::{BufRead as _, BufReader},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use super::raw::{Raw, http_client};

/// A store in a process of its own, and how it is reached. It ends with this value, whatever happens.
pub(super) struct Served {
    process: Child,
    settings: HashMap<String, String>,
    /// From the start of the process to its word that it is ready.
    pub(super) started_in: Duration,
}

impl Served {
    pub(super) fn start(dir: &Path, more: &[&str]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_sealift"));
        command.env_clear();
        Self::launch(command, dir, more)
    }

    /// The same where a command runs the program, whose name and arguments are the last ones of that command.
    pub(super) fn start_under(wrapper: &[&str], dir: &Path, more: &[&str]) -> Self {
        let mut command = Command::new(wrapper[0]);
        command.args(&wrapper[1..]).arg(env!("CARGO_BIN_EXE_sealift"));
        Self::launch(command, dir, more)
    }

    fn launch(mut command: Command, dir: &Path, more: &[&str]) -> Self {
        let begun = Instant::now();
        command.args(["serve", "--listen", "127.0.0.1:0", "--bucket", "examplebucket-1250000000", "--data"]).arg(dir);
        command.args(more).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().unwrap();
        let mut settings = HashMap::new();
        for line in BufReader::new(process.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            let (name, value) = line.split_once('=').unwrap();
            settings.insert(name.to_owned(), value.to_owned());
            if name == "SEALIFT_REGION" {
                break;
            }
        }
        assert!(settings.contains_key("SEALIFT_REGION"), "the store does not start: {:?}", process.wait());
        Self { process, settings, started_in: begun.elapsed() }
    }

    pub(super) fn raw(&self) -> Raw {
        let base = self.settings["SEALIFT_ENDPOINT"].clone();
        Raw {
            http: http_client(self.settings.get("SEALIFT_CA_CERT").map(Path::new)),
            host: base.split_once("://").unwrap().1.to_owned(),
            base,
            bucket: self.settings["SEALIFT_BUCKET"].clone(),
            id: self.settings["COS_SECRET_ID"].clone(),
            key: self.settings["COS_SECRET_KEY"].clone(),
            token: None,
            ahead: 0,
        }
    }

    pub(super) fn id(&self) -> u32 {
        self.process.id()
    }

    /// The most bytes of memory that it has had so far.
    pub(super) fn peak_memory(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.trim().trim_end_matches(" kB").parse::<u64>().unwrap() << 10
    }

    /// CPU time that it has used so far, of all its threads.
    pub(super) fn cpu_seconds(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.id())).unwrap();
        // Behind the name, which is in brackets; in hundredths of a second.
        let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
        (fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap()) / 100.0
    }

    /// A connection to it on which nothing was said yet.
    pub(super) fn connect(&self) -> TcpStream {
        TcpStream::connect(self.settings["SEALIFT_ENDPOINT"].split_once("://").unwrap().1).unwrap()
    }

    /// How many sockets it has open.
    pub(super) fn sockets(&self) -> usize {
        self.files().filter(|target| target.to_string_lossy().starts_with("socket:")).count()
    }

    /// How many files of all kinds it has open.
    pub(super) fn open_files(&self) -> usize {
        self.files().count()
    }

    fn files(&self) -> impl Iterator<Item = PathBuf> {
        let open = fs::read_dir(format!("/proc/{}/fd", self.id())).unwrap();
        open.filter_map(|entry| fs::read_link(entry.ok()?.path()).ok())
    }

    /// SIGKILL, as the out-of-memory killer sends it.
    pub(super) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
