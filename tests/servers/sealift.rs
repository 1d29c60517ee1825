//! The program under test, as a user runs it: with a home of its own, and nothing else of the caller's.

use std::{
    env,
    fs::{self, File},
    io::{self, Read as _},
    path::{Path, PathBuf},
    process::{Child, Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use serde_json::Value;
use tempfile::TempDir;

use crate::{proxy::Proxy, world::Case};

const PROGRAM: &str = env!("CARGO_BIN_EXE_sealift");

/// How long anything may take that is waited for.
const PATIENCE: Duration = Duration::from_mins(1);

/// The program, set up for one server.
pub(crate) struct Sealift<'a> {
    case: &'a Case,
    home: TempDir,
    proxy: Option<u16>,
}

/// How a command has ended.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl<'a> Sealift<'a> {
    pub(crate) fn new(case: &'a Case) -> Self {
        Self { case, home: tempfile::tempdir().unwrap(), proxy: None }
    }

    /// The same, with every connection going through a proxy.
    pub(crate) fn through(case: &'a Case, proxy: &Proxy) -> Self {
        Self { proxy: Some(proxy.port()), ..Self::new(case) }
    }

    /// A place for a download.
    pub(crate) fn target(&self) -> PathBuf {
        self.home.path().join("fetched")
    }

    fn command(&self, words: &[&str], options: &[String]) -> Command {
        let server = &self.case.server;
        let mut command = Command::new(PROGRAM);
        command.env_clear().env("PATH", env::var_os("PATH").unwrap_or_default()).stdin(Stdio::null());
        command.env("HOME", self.home.path()).env("SEALIFT_ENDPOINT", server.setting("S3_ENDPOINT_HTTPS"));
        command.env("SEALIFT_CA_CERT", server.setting("S3_CA_FILE")).env("SEALIFT_REGION", server.setting("S3_REGION"));
        command.env("AWS_ACCESS_KEY_ID", server.setting("S3_ACCESS_KEY"));
        command.env("AWS_SECRET_ACCESS_KEY", server.setting("S3_SECRET_KEY"));
        command.arg("--json").args(words).args(options);
        if let Some(port) = self.proxy {
            command.arg("--connect-to").arg(format!("127.0.0.1:{port}"));
        }
        command
    }

    /// Runs it to its end.
    pub(crate) fn run(&self, words: &[&str], options: &[String]) -> Done {
        Done::from(self.command(words, options).output().unwrap())
    }

    /// Starts it; what it prints is kept until it ends.
    pub(crate) fn start(&self, words: &[&str], options: &[String]) -> Child {
        let mut command = self.command(words, options);
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// `put` with the options of the mode.
    pub(crate) fn put(&self, source: &Path, key: &str, more: &[&str]) -> Done {
        let (words, options) = self.put_words(source, key, more);
        self.run(&words.iter().map(String::as_str).collect::<Vec<_>>(), &options)
    }

    /// The same, started.
    pub(crate) fn start_put(&self, source: &Path, key: &str, more: &[&str]) -> Child {
        let (words, options) = self.put_words(source, key, more);
        self.start(&words.iter().map(String::as_str).collect::<Vec<_>>(), &options)
    }

    /// `put -` with the options of the mode: the bytes of a file come by a pipe.
    pub(crate) fn put_stream(&self, source: &Path, key: &str, more: &[&str]) -> Done {
        let mut child = self.start_stream(key, more);
        let (mut pipe, mut file) = (child.stdin.take().unwrap(), File::open(source).unwrap());
        // One that ends before the stream does says why.
        let fed = io::copy(&mut file, &mut pipe);
        drop(pipe);
        let done = Done::from(child.wait_with_output().unwrap());
        assert!(fed.is_ok() || done.code != Some(0), "it has not read all: {done:?}");
        done
    }

    /// The same, started; its standard input is open.
    pub(crate) fn start_stream(&self, key: &str, more: &[&str]) -> Child {
        let (words, options) = self.put_words(Path::new("-"), key, more);
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let mut command = self.command(&words, &options);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    }

    /// What was found out about the server, in the words of the file that keeps it: one for each kind of checksum.
    pub(crate) fn found_out(&self) -> Vec<String> {
        let file = self.home.path().join(".cache/sealift/endpoints.json");
        let found: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
        found.as_object().unwrap().values().map(|it| it["proof"].as_str().unwrap().to_owned()).collect()
    }

    /// The same, and slow enough to be met under way: six seconds for ten parts, one after the other.
    pub(crate) fn slow_put(&self, source: &Path, key: &str) -> Child {
        self.start_put(source, key, &["--limit-rate", "8MiB", "--concurrency", "1"])
    }

    fn put_words(&self, source: &Path, key: &str, more: &[&str]) -> (Vec<String>, Vec<String>) {
        let url = self.case.url(key);
        let words = ["put", source.to_str().unwrap(), &url, "--part-size", "5MiB"];
        let words = words.iter().chain(more).map(|&word| word.to_owned()).collect();
        (words, self.case.writing())
    }

    /// The object is what the source is, under the encryption of the mode.
    #[track_caller]
    pub(crate) fn holds(&self, key: &str, source: &Path) -> Value {
        let url = self.case.url(key);
        let stat = self.run(&["stat", &url], &self.case.reading()).value();
        assert_eq!(stat["size"], source.metadata().unwrap().len(), "{stat}");
        assert_eq!(stat["sse"]["mode"], self.case.mode.to_string(), "{stat}");
        let target = self.target();
        self.run(&["get", &url, target.to_str().unwrap()], &self.case.reading()).value();
        crate::world::same_bytes(&target, source);
        fs::remove_file(target).unwrap();
        stat
    }

    /// There is no such object.
    #[track_caller]
    pub(crate) fn lacks(&self, key: &str) {
        let done = self.run(&["stat", &self.case.url(key)], &[]);
        assert_eq!((done.code, &done.error()["status"]), (Some(6), &Value::from(404)), "{done:?}");
    }

    /// The unfinished uploads of this case, as the store and the journals tell.
    #[track_caller]
    pub(crate) fn unfinished(&self) -> Vec<Value> {
        let list = self.run(&["uploads", "list", &self.case.url("")], &[]).value();
        [&list["uploads"], &list["journals"]].into_iter().flat_map(|it| it.as_array().unwrap().clone()).collect()
    }

    #[track_caller]
    pub(crate) fn leaves_nothing(&self) {
        assert_eq!(self.unfinished(), Vec::<Value>::new());
    }

    /// Waits until the store and the journal have so many parts of the one upload of this case; its id.
    #[track_caller]
    pub(crate) fn wait_for_parts(&self, least: u64, child: &mut Child) -> String {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if let [upload] = &self.unfinished()[..]
                && upload["parts"].as_u64() >= Some(least)
                && upload["journal"]["parts"].as_u64() >= Some(least)
            {
                return upload["upload_id"].as_str().unwrap().to_owned();
            }
            if child.try_wait().unwrap().is_some() {
                let mut said = String::new();
                child.stderr.take().unwrap().read_to_string(&mut said).unwrap();
                panic!("it has ended before {least} parts were there: {said}");
            }
            thread::sleep(Duration::from_millis(50));
        }
        panic!("there are never {least} parts");
    }
}

impl Done {
    /// What it printed; it must have succeeded.
    #[track_caller]
    pub(crate) fn value(&self) -> Value {
        assert_eq!(self.code, Some(0), "{}", self.stderr);
        serde_json::from_slice(&self.stdout).unwrap()
    }

    /// The error that it printed.
    #[track_caller]
    pub(crate) fn error(&self) -> Value {
        let line = self.stderr.lines().rev().find(|line| line.starts_with('{'));
        let line = line.unwrap_or_else(|| panic!("no error is shown: {self:?}"));
        serde_json::from_str::<Value>(line).unwrap()["error"].clone()
    }

    /// Exit code and message, as a reader would quote them.
    pub(crate) fn refusal(&self) -> String {
        let error = self.error();
        let code = self.code.map_or_else(|| "a signal".to_owned(), |code| code.to_string());
        format!("exit {code}: {}", error["message"].as_str().unwrap().lines().next().unwrap_or_default())
    }
}

impl From<Output> for Done {
    fn from(output: Output) -> Self {
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        Self { code: output.status.code(), stdout: output.stdout, stderr }
    }
}
