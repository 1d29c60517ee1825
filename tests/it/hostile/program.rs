//! The real program before stores that mean harm: its memory, its exit code, and where its key goes.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    sync::{Arc, Mutex},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sealift::{CustomerKey, emulator::Spoken};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    process::Command,
    task::JoinSet,
};

use super::server::{Answer, Hostile};
use crate::cli::shell::{Ran, Shell, bare, run};

const KEY: [u8; 32] = [0x5a; 32];

/// What an upload costs at rest is some ten MiB; with an answer of the largest size, and its tree, some more.
const MOST_KIB: u64 = 96 << 10;

/// A folder with a file to upload and a key.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        fs::write(desk.path("f"), vec![7; (2 << 20) + 1]).unwrap();
        fs::write(desk.path("small"), "seven").unwrap();
        fs::write(desk.path("my.key"), KEY).unwrap();
        fs::set_permissions(desk.path("my.key"), fs::Permissions::from_mode(0o600)).unwrap();
        desk
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    /// An upload under the key, to this endpoint.
    fn put(&self, dialect: Spoken, source: &str, endpoint: &str, more: &[&str]) -> Command {
        let url = if dialect == Spoken::Cos { "cos://examplebucket-1250000000/k" } else { "s3://examplebucket/k" };
        let (source, key) = (self.path(source), format!("file:{}", self.path("my.key")));
        let put =
            ["--json", "put", &source, url, "--endpoint", endpoint, "--region", "eu-central-1", "--sse-key", &key];
        let mut command = bare(&[&put[..], more].concat());
        command.env("HOME", self.0.path()).current_dir(self.0.path());
        let (id, secret) = if dialect == Spoken::Cos {
            ("COS_SECRET_ID", "COS_SECRET_KEY")
        } else {
            ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        };
        command.env(id, "AKIDEXAMPLE").env(secret, "a-secret-of-some-length");
        command
    }
}

/// Runs it, and gives the most memory that it had, in KiB.
async fn measured(mut command: Command) -> (Ran, u64) {
    let mut child = command.spawn().unwrap();
    let status = format!("/proc/{}/status", child.id().unwrap());
    let mut most = 0;
    // The system keeps the peak itself, so that only the last moment could be missed.
    while child.try_wait().unwrap().is_none() {
        let text = fs::read_to_string(&status).unwrap_or_default();
        let peak =
            text.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix("kB")?.trim().parse().ok());
        most = most.max(peak.unwrap_or(0));
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let output = child.wait_with_output().await.unwrap();
    (Ran::from(output), most)
}

#[tokio::test(flavor = "multi_thread")]
async fn gigabytes_of_an_answer_cost_neither_memory_nor_time() {
    let desk = Desk::new();
    for (name, answer) in [
        ("elements", Answer::endless("<InitiateMultipartUploadResult>", "<UploadId>u</UploadId>")),
        ("depth", Answer::endless("", "<A>")),
        ("text", Answer::endless("<Error><Message>", "0123456789abcdef")),
        ("white space", Answer::endless("", " ")),
        ("a header", Answer { endless: "x".repeat(1 << 16), ..Answer::of("HTTP/1.1 200 OK\r\nx: ") }),
    ] {
        let store = Hostile::start(answer).await;
        let insecure = ["--allow-insecure-loopback", "--part-size", "1MiB"];
        let (ran, peak) = measured(desk.put(Spoken::Cos, "f", &store.endpoint(), &insecure)).await;
        assert_eq!(ran.code(), Some(9), "{name}: {}", ran.err);
        assert_eq!(ran.error()["operation"], "Initiate", "{name}: {}", ran.err);
        println!("{name}: {} MiB sent, {} MiB at most", store.sent() >> 20, peak >> 10);
        assert!(0 < peak && peak < MOST_KIB, "{name}: {peak} KiB");
        assert!(store.sent() < 128 << 20, "{name}: it took {} bytes", store.sent());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_takes_neither_key_nor_signature_to_another_host() {
    let desk = Desk::new();
    for dialect in [Spoken::Cos, Spoken::S3] {
        let elsewhere = Hostile::start(Answer::of("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")).await;
        for status in
            ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Permanent Redirect"]
        {
            let head =
                format!("HTTP/1.1 {status}\r\nlocation: {}/k\r\ncontent-length: 0\r\n\r\n", elsewhere.endpoint());
            let store = Hostile::start(Answer::of(head)).await;
            for source in ["f", "small"] {
                let insecure = ["--allow-insecure-loopback", "--part-size", "5MiB", "--no-resume"];
                let ran = run(desk.put(dialect, source, &store.endpoint(), &insecure)).await;
                assert_eq!(ran.code(), Some(6), "{status}: {}", ran.err);
                assert!(ran.error()["message"].as_str().unwrap().contains("not followed"), "{}", ran.err);
            }
            assert!(store.requests().iter().any(|request| request.contains(&STANDARD.encode(KEY))), "the key was sent");
        }
        assert_eq!(elsewhere.requests(), Vec::<String>::new());
    }
}

/// A proxy that writes down all it gets, and refuses.
async fn proxy() -> (String, Arc<Mutex<Vec<u8>>>, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let all = Arc::clone(&seen);
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = vec![0; 64 << 10];
            let length = stream.read(&mut buffer).await.unwrap_or(0);
            all.lock().unwrap().extend_from_slice(&buffer[..length]);
            let _ = stream.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n").await;
        }
    });
    (address, seen, tasks)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_hears_the_name_of_the_store_and_nothing_secret() {
    let desk = Desk::new();
    for dialect in [Spoken::Cos, Spoken::S3] {
        let (address, seen, _tasks) = proxy().await;
        let mut command = desk.put(dialect, "small", "https://store.example", &[]);
        command.env("HTTPS_PROXY", &address).env("https_proxy", &address);
        let ran = run(command).await;
        assert_eq!(ran.code(), Some(7), "{}", ran.err);
        let heard = String::from_utf8_lossy(&seen.lock().unwrap()).into_owned();
        assert!(heard.starts_with("CONNECT "), "{heard}");
        assert!(heard.lines().all(|line| !line.to_ascii_lowercase().starts_with("authorization")), "{heard}");
        let key = CustomerKey::from_bytes(KEY);
        for secret in [&*key.reveal_base64(), &key.md5_base64(), "a-secret-of", "AKID", "ignature", "5a5a5a", "/k"] {
            assert!(!heard.contains(secret), "{secret} in {heard}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_whose_certificate_does_not_fit_gets_nothing() {
    let shell = Shell::new().await;
    let source = shell.data("f", 1000);
    let (source, url, key) = (source.to_str().unwrap(), shell.url("k"), shell.key_source());
    let store = shell.store.emulator.addr().to_string();
    let put = ["--json", "put", source, &url, "--sse-key", &key];
    let other_name = ["--endpoint", "https://another.example", "--connect-to", &store];
    let ran = shell.run(&[&put[..], &other_name].concat()).await;
    assert_eq!(ran.code(), Some(2), "{}", ran.err);
    assert!(ran.error()["message"].as_str().unwrap().contains("another name"), "{}", ran.err);

    let mut command = shell.command(&put);
    command.env_remove("SEALIFT_CA_CERT");
    let ran = run(command).await;
    assert_eq!(ran.code(), Some(2), "{}", ran.err);
    assert!(ran.error()["message"].as_str().unwrap().contains("not trusted"), "{}", ran.err);
    assert!(shell.store.operations().is_empty(), "nothing was said to a store that nobody knows");
}
