//! `serve` and `demo`: the embedded store as a program.

use std::{
    collections::HashMap,
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
    time::Duration,
};

use tokio::{
    io::AsyncBufReadExt as _,
    process::{Child, ChildStderr, Command},
};

use super::shell::{bare, run, signal};
use crate::support::pattern;

/// Starts a server and waits until it says that it is ready.
pub(super) async fn serve(folder: &Path, options: &[&str]) -> (Child, HashMap<String, String>) {
    let ready = folder.join("ready");
    let data = folder.join("data");
    let _ = fs::remove_file(&ready);
    let mut args = vec!["serve", "--data", data.to_str().unwrap(), "--ready-file", ready.to_str().unwrap()];
    args.extend(options);
    let mut child = bare(&args).spawn().unwrap();
    for _ in 0..3000 {
        if let Ok(text) = fs::read_to_string(&ready) {
            let settings = text.lines().map(|line| line.split_once('=').unwrap());
            return (child, settings.map(|(name, value)| (name.to_owned(), value.to_owned())).collect());
        }
        assert!(child.try_wait().unwrap().is_none(), "the server has ended");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the server is never ready");
}

pub(super) fn client(args: &[&str], settings: &HashMap<String, String>) -> Command {
    let mut command = bare(args);
    command.envs(settings);
    command
}

/// Ends a server, which must leave in good order, and gives what it printed.
async fn stop(child: Child) -> String {
    signal(&child, rustix::process::Signal::TERM);
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_tells_its_settings_keeps_its_objects_and_stops_on_a_signal() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("f");
    fs::write(&source, pattern(100_000, 3)).unwrap();
    let (server, settings) = serve(folder.path(), &["--tls", "--strict", "--bucket", "own-1250000001"]).await;
    let names =
        ["SEALIFT_ENDPOINT", "SEALIFT_CA_CERT", "COS_SECRET_ID", "COS_SECRET_KEY", "SEALIFT_BUCKET", "SEALIFT_REGION"];
    for name in names {
        assert!(settings.contains_key(name), "{name} is missing");
    }
    assert!(settings["SEALIFT_ENDPOINT"].starts_with("https://"));
    assert_eq!(fs::metadata(folder.path().join("ready")).unwrap().mode() & 0o777, 0o600);
    let put = ["--json", "put", source.to_str().unwrap(), "cos://own-1250000001/", "--sse", "managed"];
    let ran = run(client(&put, &settings)).await;
    assert_eq!(ran.code(), Some(0), "{}", ran.err);
    let printed = stop(server).await;
    for line in printed.lines() {
        let (name, value) = line.split_once('=').unwrap();
        assert_eq!(settings[name], value, "stdout and file say the same");
    }

    let (server, settings) = serve(folder.path(), &["--tls", "--strict", "--bucket", "own-1250000001"]).await;
    let ran = run(client(&["get", "cos://own-1250000001/f", "-"], &settings)).await;
    assert!(ran.bytes == pattern(100_000, 3), "what was stored outlives the server: {}", ran.err);
    stop(server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_takes_credentials_faults_and_writes_a_transcript() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("f");
    fs::write(&source, pattern(1000, 3)).unwrap();
    let faults = folder.path().join("faults.json");
    fs::write(&faults, r#"[{"on": "Put", "do": "answer", "status": 403, "code": "AccessDenied"}]"#).unwrap();
    let transcript = folder.path().join("log.jsonl");
    let options = ["--faults", faults.to_str().unwrap(), "--transcript", transcript.to_str().unwrap()];
    let (server, settings) = serve(folder.path(), &options).await;
    assert!(settings["SEALIFT_ENDPOINT"].starts_with("http://"));
    assert!(!settings.contains_key("SEALIFT_CA_CERT"));
    let put = ["--json", "put", source.to_str().unwrap(), "cos://examplebucket-1250000000/k"];
    let ran = run(client(&put, &settings)).await;
    assert_eq!(ran.error()["code"], "AccessDenied", "{}", ran.err);
    stop(server).await;
    let log = fs::read_to_string(&transcript).unwrap();
    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["operation"], "Start");
    assert_eq!((lines[1]["operation"].as_str(), lines[1]["status"].as_u64()), (Some("Put"), Some(403)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_server_reads_its_faults_anew_when_it_is_asked_to() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("f");
    fs::write(&source, pattern(1000, 3)).unwrap();
    let faults = folder.path().join("faults.json");
    let refusing = |code| format!(r#"[{{"on": "Put", "do": "answer", "status": 403, "code": "{code}"}}]"#);
    fs::write(&faults, refusing("AccessDenied")).unwrap();
    let log = folder.path().join("log.jsonl");
    let options = ["--faults", faults.to_str().unwrap(), "--transcript", log.to_str().unwrap()];
    let (mut server, settings) = serve(folder.path(), &options).await;
    let put = ["--json", "put", source.to_str().unwrap(), "cos://examplebucket-1250000000/k"];
    let mut told = tokio::io::BufReader::new(server.stderr.take().unwrap()).lines();

    fs::write(&faults, refusing("InvalidArgument")).unwrap();
    signal(&server, rustix::process::Signal::HUP);
    let never_struck = next_with(&mut told, "never struck").await;
    assert!(never_struck.contains("rule 1 (answer on Put)"), "{never_struck}");
    next_with(&mut told, "the faults are now those in").await;
    let ran = run(client(&put, &settings)).await;
    assert_eq!(ran.error()["code"], "InvalidArgument", "{}", ran.err);

    fs::write(&faults, r#"[{"on": "Putt", "do": "reset"}]"#).unwrap();
    signal(&server, rustix::process::Signal::HUP);
    let stays = next_with(&mut told, "the faults stay as they were").await;
    assert!(stays.contains("faults.json") && stays.contains("Putt"), "{stays}");
    let ran = run(client(&put, &settings)).await;
    assert_eq!(ran.error()["code"], "InvalidArgument", "{}", ran.err);

    fs::write(&faults, "[]").unwrap();
    signal(&server, rustix::process::Signal::HUP);
    next_with(&mut told, "the faults are now those in").await;
    assert_eq!(run(client(&put, &settings)).await.code(), Some(0));
    stop(server).await;
    let log = fs::read_to_string(&log).unwrap();
    let of =
        |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap()["operation"].as_str().unwrap().to_owned();
    let operations: Vec<String> = log.lines().map(of).collect();
    assert_eq!(operations, ["Start", "Faults", "Put", "Put", "Faults", "Put"]);
}

/// The next line with these words in it.
async fn next_with(lines: &mut tokio::io::Lines<tokio::io::BufReader<ChildStderr>>, words: &str) -> String {
    loop {
        let line = lines.next_line().await.unwrap().expect("the server goes on");
        if line.contains(words) {
            return line;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_https_takes_customer_keys_only_where_it_was_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("f");
    fs::write(&source, pattern(1000, 3)).unwrap();
    let key = folder.path().join("key");
    fs::write(&key, super::shell::KEY).unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
    let key = format!("file:{}", key.display());
    let put = ["--json", "put", source.to_str().unwrap(), "cos://examplebucket-1250000000/k", "--sse-key", &key];
    let insecure = [&put[..], &["--allow-insecure-loopback"]].concat();

    let (server, settings) = serve(folder.path(), &[]).await;
    let ran = run(client(&insecure, &settings)).await;
    assert_eq!(ran.code(), Some(6), "{}", ran.err);
    assert!(ran.error()["message"].as_str().unwrap().contains("needs HTTPS"), "{}", ran.err);
    stop(server).await;

    let (server, settings) = serve(folder.path(), &["--allow-insecure-loopback"]).await;
    let ran = run(client(&insecure, &settings)).await;
    assert_eq!(ran.code(), Some(0), "{}", ran.err);
    assert_eq!(ran.json()["sse"]["mode"], "customer");
    let ran = run(client(&put, &settings)).await;
    assert_eq!(ran.code(), Some(2), "the client's own consent is needed too: {}", ran.err);
    stop(server).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_speaks_s3_where_it_is_told_to() {
    let folder = tempfile::tempdir().unwrap();
    let (server, settings) = serve(folder.path(), &["--dialect", "s3", "--tls"]).await;
    let names = [
        "SEALIFT_ENDPOINT",
        "SEALIFT_CA_CERT",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "SEALIFT_BUCKET",
        "SEALIFT_REGION",
        "AWS_ENDPOINT_URL",
        "AWS_CA_BUNDLE",
        "AWS_REGION",
        "AWS_DEFAULT_REGION",
    ];
    assert_eq!(settings.len(), names.len());
    assert_eq!(settings["AWS_ENDPOINT_URL"], settings["SEALIFT_ENDPOINT"]);
    assert_eq!(settings["AWS_CA_BUNDLE"], settings["SEALIFT_CA_CERT"]);
    assert!(names.iter().all(|name| settings.contains_key(*name)), "{settings:?}");
    assert_eq!((&*settings["SEALIFT_BUCKET"], &*settings["SEALIFT_REGION"]), ("examplebucket", "eu-central-1"));
    assert!(settings["AWS_ACCESS_KEY_ID"].starts_with("AKIA"));
    stop(server).await;

    let data = folder.path().join("data");
    let start = |options: &[&str], variables: &[(&str, &str)]| {
        let args = [&["--json", "serve", "--dialect", "s3", "--data", data.to_str().unwrap()], options].concat();
        let mut command = bare(&args);
        command.envs(variables.iter().copied());
        run(command)
    };
    let ran = start(&["--bucket", "No.Bucket"], &[]).await;
    assert_eq!((ran.code(), ran.error()["kind"].as_str()), (Some(2), Some("config")), "{}", ran.err);
    let ran = start(&[], &[("AWS_ACCESS_KEY_ID", "AKIAHALF")]).await;
    assert_eq!((ran.code(), ran.error()["kind"].as_str()), (Some(4), Some("credentials")), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_start_says_why() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let start =
        |options: &[&str]| run(bare(&[&["--json", "serve", "--data", data.to_str().unwrap()], options].concat()));
    let ran = start(&["--bucket", "no_bucket"]).await;
    assert_eq!((ran.code(), ran.error()["kind"].as_str()), (Some(2), Some("config")));
    let ran = start(&["--listen", "0.0.0.0:0", "--allow-insecure-loopback"]).await;
    assert_eq!(ran.code(), Some(2), "{}", ran.err);
    assert!(ran.error()["message"].as_str().unwrap().contains("no loopback address"), "{}", ran.err);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let ran = start(&["--listen", &taken.local_addr().unwrap().to_string()]).await;
    assert_eq!(ran.code(), Some(2), "{}", ran.err);
    let faults = folder.path().join("faults");
    fs::write(&faults, "nonsense").unwrap();
    let ran = start(&["--faults", faults.to_str().unwrap()]).await;
    assert_eq!(ran.code(), Some(2), "{}", ran.err);
    assert!(ran.error()["hint"].as_str().unwrap().contains("UploadPart"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_demo_shows_every_mode_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    for mode in ["customer", "managed", "kms"] {
        let mut command = bare(&["--json", "demo", "--size", "3MiB", "--sse", mode]);
        command.env("TMPDIR", folder.path());
        let ran = run(command).await;
        assert_eq!((ran.code(), ran.err.as_str()), (Some(0), ""), "{mode}");
        assert_eq!(ran.json()["sse"]["mode"], mode);
    }
    let file = folder.path().join("own");
    fs::write(&file, pattern(500_000, 1)).unwrap();
    let mut command = bare(&["demo", file.to_str().unwrap()]);
    command.env("TMPDIR", folder.path());
    let ran = run(command).await;
    assert_eq!(ran.code(), Some(0), "{}", ran.err);
    for text in ["refused: 403", "refused: 400", "byte for byte the same", "none of 8 samples", "customer-key: ***"] {
        assert!(ran.err.contains(text), "{text} is missing in {}", ran.err);
    }
    let mut command = bare(&["demo", "/nonexistent"]);
    command.env("TMPDIR", folder.path());
    assert_eq!(run(command).await.code(), Some(3));
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["own"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_demo_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = bare(&["--json", "demo", "--size", "2GiB"]);
    command.env("TMPDIR", folder.path());
    let mut child = command.spawn().unwrap();
    let begun =
        |path: &Path| fs::read_dir(path).unwrap().any(|entry| entry.unwrap().path().join("sample.bin").exists());
    while !begun(folder.path()) {
        assert!(child.try_wait().unwrap().is_none(), "the demo has ended");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    signal(&child, rustix::process::Signal::INT);
    let output = child.wait_with_output().await.unwrap();
    assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_is_not_there_is_told_before_it_is_given_up() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("f");
    fs::write(&source, pattern(1000, 3)).unwrap();
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let endpoint = format!("http://{closed}");
    let put = |options: &[&str]| {
        let args = [options, &["put", source.to_str().unwrap(), "cos://b-1250000000/k", "--endpoint", &endpoint]];
        let mut command = bare(&args.concat());
        command.envs([("COS_SECRET_ID", "AKIDEXAMPLE"), ("COS_SECRET_KEY", "a-secret-key")]);
        run(command)
    };
    let again = format!("{closed} refused the connection; trying again (2 of 5)");
    let ran = put(&[]).await;
    assert_eq!(ran.code(), Some(7), "{}", ran.err);
    assert_eq!(ran.err.lines().next(), Some(again.as_str()));
    assert_eq!(ran.err.matches("trying again").count(), 1, "{}", ran.err);
    let ran = put(&["--quiet"]).await;
    assert!(!ran.err.contains("trying again"), "{}", ran.err);
    let ran = put(&["--json"]).await;
    assert_eq!(ran.error()["attempts"], 5, "nothing but the error is on stderr: {}", ran.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_needs_no_credentials_and_says_what_leaves_only_after_a_failure() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("f");
    fs::write(&source, pattern((5 << 20) / 2, 3)).unwrap();
    let args = ["put", source.to_str().unwrap(), "cos://b-1250000000/k", "--part-size", "1MiB", "--dry-run"];
    let mut command = bare(&[&args[..], &["--region", "ap-guangzhou"]].concat());
    command.env("HOME", folder.path());
    let ran = run(command).await;
    assert_eq!(ran.code(), Some(0), "{}", ran.err);
    assert!(ran.err.contains("warning: no credentials were found; made-up ones"), "{}", ran.err);
    assert!(ran.out.contains("3 parts of 1 MiB, the last of 512 KiB"), "{}", ran.out);
    let (before, after) = ran.out.split_once("And only if the upload fails:").unwrap();
    assert!(before.contains("UploadPart: PUT") && !before.contains("Abort:"), "{}", ran.out);
    assert!(after.trim_start().starts_with("Abort: DELETE"), "{}", ran.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_can_be_told_to_block_customer_keys_as_new_buckets_of_aws_do() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let refused = run(bare(&["serve", "--block-customer-keys", "--data", data])).await;
    assert_eq!(refused.code(), Some(2), "{}", refused.err);
    assert!(refused.err.contains("--dialect s3"), "{}", refused.err);

    let (source, key) = (folder.path().join("f"), folder.path().join("key"));
    fs::write(&source, b"bytes").unwrap();
    fs::write(&key, super::shell::KEY).unwrap();
    let key = format!("file:{}", key.display());
    let (server, settings) = serve(folder.path(), &["--dialect", "s3", "--tls", "--block-customer-keys"]).await;
    let url = format!("s3://{}/f", settings["SEALIFT_BUCKET"]);
    let ran = run(client(&["put", source.to_str().unwrap(), &url, "--sse-key", &key, "--no-resume"], &settings)).await;
    assert_eq!(ran.code(), Some(4), "{}", ran.err);
    assert!(ran.err.contains("BlockedEncryptionTypes"), "{}", ran.err);
    stop(server).await;
}
