//! Every kind of bad input ends with a message and an exit code of its own, and never with half an object.

use std::{
    fs::{self, File, OpenOptions, Permissions},
    io::{Seek as _, SeekFrom, Write as _},
    os::unix::fs::PermissionsExt as _,
    path::Path,
    time::{Duration, SystemTime},
};

use sealift::{clock::Clock, emulator::FaultPlan};
use serde_json::Value;

use crate::cli::shell::{KEY, PROGRAM, Ran, Shell, run};

const MIB: usize = 1 << 20;

/// The run failed with this exit code and kind, and its message, causes or hint say this.
#[track_caller]
fn failed(ran: &Ran, code: i32, kind: &str, says: &str) {
    assert_eq!(ran.code(), Some(code), "{}", ran.err);
    let error = ran.error();
    assert_eq!(error["kind"], kind, "{}", ran.err);
    let texts = [&error["message"], &error["hint"]].into_iter().chain(error["causes"].as_array().unwrap());
    let texts: Vec<&str> = texts.filter_map(Value::as_str).collect();
    assert!(texts.iter().any(|text| text.contains(says)), "{says:?} is not in {texts:#?}");
    assert!(ran.error()["hint"].is_string(), "no remedy: {}", ran.err);
    assert_eq!(ran.out, "");
}

/// Tries to upload `source`, and expects this failure without one call to the store.
async fn refused(shell: &Shell, source: &Path, options: &[&str], code: i32, kind: &str, says: &str) {
    let url = shell.url("k");
    let put = [&["--json", "put", source.to_str().unwrap(), &url], options].concat();
    failed(&shell.run(&put).await, code, kind, says);
    assert!(shell.store.operations().is_empty(), "{says}: {:?}", shell.store.operations());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_readable_file_is_told_apart() {
    let shell = Shell::new().await;
    refused(&shell, Path::new("/nonexistent/file"), &[], 3, "source", "No such file").await;
    refused(&shell, shell.home.path(), &[], 3, "source", "is a directory").await;
    refused(&shell, Path::new("/dev/null"), &[], 3, "source", "/dev/null").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_may_not_be_read_is_a_source_error() {
    let shell = Shell::new().await;
    let source = shell.data("f", 10);
    let key = shell.file("key", KEY.as_bytes());
    for path in [&source, &key] {
        fs::set_permissions(path, Permissions::from_mode(0o000)).unwrap();
    }
    fs::set_permissions(shell.home.path(), Permissions::from_mode(0o755)).unwrap();
    // Root may read everything, so that root tries it as nobody, with a program that nobody can reach.
    let program = if rustix::process::geteuid().is_root() {
        let copy = shell.home.path().join("sealift");
        fs::copy(PROGRAM, &copy).unwrap();
        copy
    } else {
        PROGRAM.into()
    };
    let try_as_nobody = |args: Vec<String>| {
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let mut command = shell.command_of(&program, &args);
        command.env_remove("SEALIFT_CA_CERT");
        if rustix::process::geteuid().is_root() {
            command.uid(65534);
        }
        run(command)
    };
    let line = |rest: &[&str]| rest.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let put = ["--json", "put", source.to_str().unwrap(), &shell.url("k")];
    failed(&try_as_nobody(line(&put)).await, 3, "source", "Permission denied");
    let check = ["--json", "key", "check", &format!("file:{}", key.display())];
    failed(&try_as_nobody(line(&check)).await, 2, "config", "Permission denied");
}

/// Changes a file after its first part has arrived and before its last one has left.
async fn changed_under_way(change: impl FnOnce(&Path)) {
    let shell = Shell::new().await;
    // The first part is held back until the file has been changed, and with one connection all others too.
    shell.store.emulator.set_faults(FaultPlan::new().on("UploadPart").part(1).delay(3_000));
    let source = shell.data("f", 4 * MIB);
    let url = shell.url("k");
    let put = ["--json", "put", source.to_str().unwrap(), &url, "--part-size", "1MiB", "--concurrency", "1"];
    let mut command = shell.command(&put);
    let child = command.spawn().unwrap();
    shell.until_seen("Initiate").await;
    change(&source);
    let output = child.wait_with_output().await.unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{error}");
    let value: Value = serde_json::from_str(&error).unwrap();
    assert_eq!(value["error"]["kind"], "source", "{error}");
    let seen = shell.store.operations();
    assert!(!seen.contains(&"Complete".to_owned()), "{seen:?}");
    assert!(seen.contains(&"Abort".to_owned()), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_grows_under_way_fails_the_upload() {
    changed_under_way(|path| OpenOptions::new().append(true).open(path).unwrap().write_all(b"more").unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_shrinks_under_way_fails_the_upload() {
    changed_under_way(|path| OpenOptions::new().write(true).open(path).unwrap().set_len(3 * MIB as u64).unwrap()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changes_under_way_fails_the_upload() {
    changed_under_way(|path| {
        let mut file = OpenOptions::new().write(true).open(path).unwrap();
        file.seek(SeekFrom::Start(10)).unwrap();
        file.write_all(b"other").unwrap();
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_file_is_an_object_like_any_other() {
    let shell = Shell::new().await;
    let source = shell.file("empty", b"");
    let receipt =
        shell.done(&["--json", "put", source.to_str().unwrap(), &shell.url("k"), "--sse", "managed"]).await.json();
    assert_eq!((receipt["size"].as_u64(), receipt["crc64"].as_str()), (Some(0), Some("0")));
    assert_eq!(shell.done(&["--json", "stat", &shell.url("k")]).await.json()["size"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_key_is_refused_and_never_quoted() {
    let shell = Shell::new().await;
    let source = shell.data("f", 10);
    for content in [
        "",
        "short",
        "0123456789ABCDEF0123456789ABCDE",
        "0123456789ABCDEF0123456789ABCDEF0",
        &KEY[..42],
        &"k".repeat(300),
    ] {
        let key = shell.file("bad.key", content.as_bytes());
        fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
        let option = format!("file:{}", key.display());
        let put = ["--json", "put", source.to_str().unwrap(), &shell.url("k"), "--sse-key", &option];
        let ran = shell.run(&put).await;
        failed(&ran, 2, "config", "key");
        assert!(content.len() < 20 || !ran.err.contains(content), "{}", ran.err);
    }
    let folder = format!("file:{}", shell.home.path().display());
    for (option, says) in [
        ("file:/nonexistent/key", "No such file"),
        (folder.as_str(), "is a directory"),
        ("env:NOT_SET_AT_ALL", "NOT_SET_AT_ALL"),
        ("fd:77", "descriptor 77"),
        ("command:false", "exit status: 1"),
        (KEY, "none of file:PATH"),
    ] {
        refused(&shell, &source, &["--sse-key", option], 2, "config", says).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_file_that_others_can_read_is_warned_of() {
    let shell = Shell::new().await;
    let source = shell.data("f", 10);
    let key = shell.file("open.key", KEY.as_bytes());
    fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
    let option = format!("file:{}", key.display());
    let put = ["--quiet", "put", source.to_str().unwrap(), &shell.url("k"), "--sse-key", &option];
    let ran = shell.done(&put).await;
    assert!(ran.err.starts_with("warning: ") && ran.err.contains("can be read by other users"), "{}", ran.err);
    fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
    assert_eq!(shell.done(&put).await.err, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn encryption_options_that_contradict_each_other_are_refused() {
    let shell = Shell::new().await;
    let source = shell.data("f", 10);
    let key = shell.key_source();
    for (options, says) in [
        (&["--sse", "kms", "--sse-key", &key][..], "another mode"),
        (&["--sse", "none", "--sse-key", &key], "another mode"),
        (&["--sse", "customer"], "no key is given"),
        (&["--sse-kms-key-id", "id"], "not kms"),
        (&["--sse", "managed", "--sse-kms-context", "{}"], "not kms"),
        (&["--sse", "kms", "--sse-kms-context", "no json"], "context"),
        (&["--sse", "aes"], "aes"),
    ] {
        refused(&shell, &source, options, 2, "config", says).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_cannot_be_is_refused() {
    let shell = Shell::new().await;
    let source = shell.data("f", 10);
    let long = format!("cos://b-1250000000/{}", "k".repeat(851));
    for (url, says) in [
        ("b-1250000000/k", "no scheme"),
        ("ftp://b-1250000000/k", "no store is known"),
        ("cos://bucket/k", "-appid"),
        ("cos://Bucket-1250000000/k", "lower-case"),
        ("cos://b-1250000000//k", "must not begin"),
        ("cos://b-1250000000/a/../k", "rewritten"),
        (long.as_str(), "850"),
    ] {
        failed(&shell.run(&["--json", "put", source.to_str().unwrap(), url]).await, 2, "config", says);
        assert_eq!(shell.run(&["--json", "get", url, "-"]).await.code(), Some(2), "{url}");
    }
    failed(&shell.run(&["--json", "stat", "cos://b-1250000000"]).await, 2, "config", "no object");
    refused(&shell, &source, &["--region", "ap.evil.example"], 2, "config", "not a region name").await;
    refused(&shell, &source, &["--endpoint", "ftp://somewhere"], 2, "config", "ftp").await;
    let mut command = shell.command(&["--json", "put", source.to_str().unwrap(), "cos://b-1250000000/k"]);
    command.env_remove("SEALIFT_ENDPOINT");
    failed(&run(command).await, 2, "config", "--region");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_cannot_be_reached_is_unavailable() {
    let shell = Shell::new().await;
    let source = shell.data("f", 10);
    let put = |endpoint: &str| {
        let line = ["--json", "put", source.to_str().unwrap(), &shell.url("k"), "--endpoint", endpoint];
        shell.command(&line)
    };
    // A port that was free a moment ago, and that nobody is told of.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let (unknown, closed) =
        tokio::join!(run(put("https://no-such-host.invalid")), run(put(&format!("https://{free}"))),);
    failed(&unknown, 7, "unavailable", "no-such-host.invalid");
    failed(&closed, 7, "unavailable", "refused the connection");
    assert!(closed.error()["attempts"].as_u64().unwrap() > 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn missing_wrong_and_expired_credentials_are_told_apart() {
    let shell = Shell::new().await;
    let source = shell.data("f", 10);
    let url = shell.url("k");
    let put = ["--json", "put", source.to_str().unwrap(), &url];
    let mut command = shell.command(&put);
    command.env_remove("COS_SECRET_ID").env_remove("COS_SECRET_KEY");
    let ran = run(command).await;
    failed(&ran, 4, "credentials", "no credentials were found");
    let mut command = shell.command(&put);
    command.env_remove("COS_SECRET_ID");
    failed(&run(command).await, 4, "credentials", "COS_SECRET_ID is not");
    let mut command = shell.command(&put);
    command.env("COS_SECRET_ID", "AKIDunknown");
    assert_eq!(run(command).await.code(), Some(4));
    shell.store.emulator.set_faults(FaultPlan::new().on("Put").answer(400, "ExpiredToken"));
    let ran = shell.run(&put).await;
    assert_eq!((ran.code(), ran.error()["code"].as_str()), (Some(4), Some("ExpiredToken")), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credentials_file_that_others_can_read_is_warned_of() {
    let shell = Shell::new().await;
    let source = shell.data("f", 10);
    let (id, secret) = shell.store.emulator.secret();
    let file = shell.file(".cos.conf", format!("[common]\nsecret_id = {id}\nsecret_key = {secret}\n").as_bytes());
    let url = shell.url("k");
    let put = |json: &[&'static str]| {
        let mut command = shell.command(&[json, &["--quiet", "put", source.to_str().unwrap(), &url]].concat());
        command.env_remove("COS_SECRET_ID").env_remove("COS_SECRET_KEY");
        run(command)
    };
    fs::set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    let ran = put(&[]).await;
    assert_eq!(ran.code(), Some(0), "{}", ran.err);
    assert!(ran.err.starts_with("warning: others can read"), "{}", ran.err);
    let ran = put(&["--json"]).await;
    let value: Value = serde_json::from_str(&ran.err).unwrap();
    assert!(value["warning"].as_str().unwrap().contains(".cos.conf"), "{}", ran.err);
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    assert_eq!(put(&[]).await.err, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_is_off_by_an_hour_does_not_matter() {
    let ahead = || Clock::system().now() + Duration::from_hours(1);
    let behind = || -> SystemTime { Clock::system().now() - Duration::from_hours(1) };
    let mut corrected = 0;
    for clock in [Clock::from_fn(ahead), Clock::from_fn(behind)] {
        let shell = Shell::with(|options| options.clock(clock)).await;
        let source = shell.data("f", 3 * MIB);
        let ran = shell.done(&["put", source.to_str().unwrap(), &shell.url("k"), "--part-size", "1MiB"]).await;
        // A store may take a signature that is an hour old, for as long as it is valid.
        let refused = shell.store.emulator.transcript().iter().any(|request| request.status == 403);
        assert_eq!(ran.err.starts_with("warning: the clock differs"), refused, "{}", ran.err);
        corrected += u32::from(refused);
        assert_eq!(shell.done(&["--json", "stat", &shell.url("k")]).await.json()["size"], 3 * MIB);
    }
    assert!(corrected > 0, "at least a signature from the future is refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn plans_that_no_store_takes_are_refused_before_the_first_byte() {
    let shell = Shell::new().await;
    let source = shell.data("f", 10);
    refused(&shell, &source, &["--part-size", "1000KiB"], 2, "config", "too small").await;
    refused(&shell, &source, &["--part-size", "5121MiB"], 2, "config", "too large").await;
    refused(&shell, &source, &["--memory", "1MiB"], 2, "config", "the least is").await;
    refused(&shell, &source, &["--header", "Authorization: x"], 2, "config", "authorization").await;
    refused(&shell, &source, &["--header", "x-cos-server-side-encryption: AES256"], 2, "config", "encryption").await;
    refused(&shell, &source, &["--meta", "under_score=x"], 2, "config", "under_score").await;
    // All holes: nothing is read before it is known that the plan cannot be.
    let huge = shell.home.path().join("huge");
    File::create(&huge).unwrap().set_len(10_000 * MIB as u64 + 1).unwrap();
    refused(&shell, &huge, &["--part-size", "1MiB"], 2, "config", "10001").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_limit_of_the_system_is_no_defect() {
    let shell = Shell::new().await;
    let source = shell.data("f", 10);
    let mut met = 0;
    let limited = async |limit: &str| {
        let mut command = shell.command_of(Path::new("bash"), &["-c"]);
        command.arg(format!("ulimit {limit}; exec \"$0\" --json put \"$1\" \"$2\""));
        command.arg(PROGRAM).arg(&source).arg(shell.url("k"));
        run(command).await
    };
    for files in 6..=20 {
        let ran = limited(&format!("-n {files}")).await;
        if ran.code() != Some(0) && ran.err.contains("open files") {
            failed(&ran, 2, "config", "ulimit -n");
            met += 1;
        }
        // With fewer the program itself cannot be loaded.
        assert!(ran.code() == Some(0) || !ran.err.is_empty() && ran.code() != Some(70), "{files}: {}", ran.err);
    }
    assert!(met > 0);
    // A limit that its owner may raise is none.
    let ran = limited("-Sn 10").await;
    assert_eq!(ran.code(), Some(0), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_key_never_goes_over_plain_http_unless_to_this_very_machine() {
    let shell = Shell::with(|options| options.tls(false).allow_insecure(true)).await;
    let source = shell.data("f", 10);
    let key = shell.key_source();
    refused(&shell, &source, &["--sse-key", &key], 2, "config", "HTTP").await;
    let put = ["put", source.to_str().unwrap(), &shell.url("k"), "--sse-key", &key, "--allow-insecure-loopback"];
    shell.done(&put).await;
}
