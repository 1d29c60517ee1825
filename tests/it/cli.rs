//! The command line as a contract: exit codes, streams, JSON, and what reaches the store.

mod guarded;
mod keys;
mod resume;
mod server;
mod serving;
pub(crate) mod shell;
mod stream;

use std::{collections::BTreeSet, fs, time::Duration};

use sealift::emulator::FaultPlan;
use serde_json::{Value, json};

use self::shell::{KEY_MD5, Shell, bare, run, signal};
use crate::support::pattern;

const MIB: usize = 1 << 20;

/// Options and what the store then reports, for each mode.
fn modes(shell: &Shell) -> Vec<(&'static str, Vec<String>)> {
    let words = |text: &str| text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect();
    vec![
        ("none", Vec::new()),
        ("managed", words("--sse managed")),
        ("kms", words(r#"--sse kms --sse-kms-key-id 5e71f2d0 --sse-kms-context {"a":"b"}"#)),
        ("customer", vec!["--sse-key".to_owned(), shell.key_source()]),
    ]
}

/// The names of an object's fields.
fn fields(value: &Value) -> BTreeSet<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_goes_up_and_comes_back_in_every_mode_and_size() {
    let shell = Shell::new().await;
    for (mode, options) in modes(&shell) {
        for (name, len, parts) in [("empty", 0, 1), ("small", 1000, 1), ("large", 3 * MIB + 5, 4)] {
            let source = shell.data(name, len);
            let url = shell.url(&format!("{mode}/{name}"));
            let mut put = vec!["--json", "put", source.to_str().unwrap(), &url, "--part-size", "1MiB"];
            put.extend(options.iter().map(String::as_str));
            let receipt = shell.done(&put).await.json();
            assert_eq!(receipt["size"], len, "{mode} {name}");
            assert_eq!(receipt["sse"]["mode"], mode);
            if len > 0 {
                assert_eq!(receipt["parts"], parts, "{mode} {name}");
            }
            if mode == "customer" {
                assert_eq!(receipt["sse"]["key_md5"], KEY_MD5);
            }

            let mut stat = vec!["--json", "stat", &url];
            let on_read = |options: &[String]| if mode == "customer" { options.to_vec() } else { Vec::new() };
            let read = on_read(&options);
            stat.extend(read.iter().map(String::as_str));
            let stat = shell.done(&stat).await.json();
            assert_eq!(stat["sse"]["mode"], mode, "{stat}");
            assert_eq!((&stat["size"], &stat["crc64"]), (&receipt["size"], &receipt["crc64"]));

            let target = shell.home.path().join(format!("{mode}-{name}"));
            let mut get = vec!["get", &url, target.to_str().unwrap()];
            get.extend(read.iter().map(String::as_str));
            shell.done(&get).await;
            assert_eq!(fs::read(&target).unwrap(), fs::read(&source).unwrap(), "{mode} {name}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_receipt_is_one_json_object_of_the_agreed_form() {
    let shell = Shell::new().await;
    let source = shell.data("big.bin", 2 * MIB + 1);
    let key = shell.key_source();
    let put = ["--json", "put", source.to_str().unwrap(), &shell.url("to/"), "--sse-key", &key, "--part-size", "1MiB"];
    let ran = shell.done(&put).await;
    assert_eq!(ran.err, "", "nothing but data is printed");
    let receipt = ran.json();
    let names = [
        "url",
        "size",
        "crc64",
        "checksum",
        "etag",
        "version_id",
        "parts",
        "part_size",
        "upload_id",
        "sse",
        "resumed_parts",
        "sent_bytes",
        "retries",
        "seconds",
        "verified",
        "warnings",
    ];
    assert_eq!(fields(&receipt), BTreeSet::from(names));
    assert_eq!(fields(&receipt["sse"]), BTreeSet::from(["mode", "kms_key_id", "key_md5"]));
    assert_eq!(fields(&receipt["checksum"]), BTreeSet::from(["algorithm", "value", "type"]));
    assert_eq!(receipt["url"], shell.url("to/big.bin"), "the file's name ends an open address");
    assert!(receipt["crc64"].as_str().unwrap().parse::<u64>().is_ok());
    let verified: Vec<&str> = receipt["verified"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    for check in ["part-checksums", "object-checksum", "size", "source-unchanged", "head"] {
        assert!(verified.contains(&check), "{check} is missing in {verified:?}");
    }
    assert!(verified.iter().any(|check| check.starts_with("echo:")), "{verified:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn people_get_the_receipt_on_stdout_and_quiet_says_nothing() {
    let shell = Shell::new().await;
    let source = shell.data("a.txt", 1000);
    let put = ["put", source.to_str().unwrap(), &shell.url("k"), "--sse", "managed", "--meta", "colour=red"];
    let ran = shell.done(&put).await;
    assert!(ran.out.starts_with(&format!("{}\n  size", shell.url("k"))), "{}", ran.out);
    assert!(ran.out.contains("keys managed by the store") && ran.out.contains("verified"), "{}", ran.out);
    assert_eq!(ran.err, "", "no progress bar where there is no terminal");
    let stat = shell.done(&["stat", &shell.url("k")]).await;
    for line in ["managed (AES256)", "text/plain", "colour=red", "1000 bytes"] {
        assert!(stat.out.contains(line), "{line} is missing in {}", stat.out);
    }
    let quiet = shell.done(&[&["--quiet"], &put[..]].concat()).await;
    assert_eq!((quiet.out.as_str(), quiet.err.as_str()), ("", ""));
}

#[tokio::test(flavor = "multi_thread")]
async fn stat_tells_programs_everything_that_the_store_says() {
    let shell = Shell::new().await;
    let source = shell.data("a.json", 10);
    let put = [
        "put",
        source.to_str().unwrap(),
        &shell.url("k"),
        "--storage-class",
        "STANDARD_IA",
        "--meta",
        "a=b",
        "--tag",
        "t=u",
        "--header",
        "Cache-Control: no-store",
        "--acl",
        "private",
    ];
    shell.done(&put).await;
    let stat = shell.done(&["--json", "stat", &shell.url("k")]).await.json();
    let names = [
        "url",
        "size",
        "crc64",
        "checksum",
        "etag",
        "version_id",
        "content_type",
        "storage_class",
        "last_modified",
        "sse",
        "meta",
        "request_id",
    ];
    assert_eq!(fields(&stat), BTreeSet::from(names));
    assert_eq!(fields(&stat["sse"]), BTreeSet::from(["mode", "algorithm", "kms_key_id", "key_md5"]));
    assert_eq!(stat["content_type"], "application/json");
    assert_eq!(stat["storage_class"], "STANDARD_IA");
    assert_eq!(stat["meta"]["a"], "b");
    assert_eq!(stat["sse"]["mode"], "none");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_shows_every_request_masked_and_sends_none() {
    let shell = Shell::new().await;
    let source = shell.data("f", 2 * MIB);
    let key = shell.key_source();
    let url = shell.url("k");
    let put = ["put", source.to_str().unwrap(), &url, "--sse-key", &key, "--part-size", "1MiB", "--dry-run"];
    let ran = shell.done(&put).await;
    for text in [
        "2 parts of 1 MiB",
        "Initiate: POST",
        "UploadPart: PUT",
        "Complete: POST",
        "Head: HEAD",
        "***",
        KEY_MD5,
        "Nothing was sent",
    ] {
        assert!(ran.out.contains(text), "{text} is missing in {}", ran.out);
    }
    let value = shell.done(&[&["--json"], &put[..]].concat()).await.json();
    assert_eq!(value["dry_run"], true);
    assert_eq!(value["plan"], json!({ "size": 2 * MIB, "part_size": MIB, "parts": 2, "single": false }));
    let carries = |operation: &str| {
        let requests = value["requests"].as_array().unwrap();
        let request = requests.iter().find(|request| request["operation"] == operation).unwrap();
        let names = request["headers"].as_array().unwrap().iter().map(|header| header[0].as_str().unwrap());
        names.filter(|name| name.contains("encryption")).count()
    };
    assert_eq!((carries("Initiate"), carries("UploadPart"), carries("Complete"), carries("Head")), (3, 3, 0, 3));
    assert!(shell.store.operations().is_empty(), "{:?}", shell.store.operations());
}

/// A request as it was shown, without what differs from run to run: the time, the mark of the upload, and the digest
/// of Complete's list, whose ETags nobody knows before.
fn lasting(request: &Value) -> (Value, Vec<Value>, Value) {
    let listed = request["operation"] == "Complete";
    let passing = |name: &Value| {
        name == "authorization" || name == "x-cos-meta-sealift-upload" || (listed && name == "content-md5")
    };
    let headers = request["headers"].as_array().unwrap().iter().filter(|header| !passing(&header[0]));
    (request["operation"].clone(), headers.cloned().collect(), request["body_bytes"].clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_shows_the_requests_that_an_upload_then_sends() {
    let shell = Shell::new().await;
    let key = shell.key_source();
    for (name, len) in [("small", 1000), ("large", 2 * MIB)] {
        let source = shell.data(name, len);
        for (option, head_first) in [("--no-clobber", true), ("--content-type=text/x-own", false)] {
            let url = shell.url(&format!("{name}-{head_first}"));
            let put = ["--json", "put", source.to_str().unwrap(), &url, "--sse-key", &key, "--part-size", "1MiB"];
            let put = [&put[..], &["--concurrency", "1", "--content-md5", option]].concat();
            let dry = shell.done(&[&put[..], &["--dry-run"]].concat()).await.json();
            let mut shown: Vec<_> = dry["requests"].as_array().unwrap().iter().map(lasting).collect();
            shown.retain(|(operation, ..)| operation != "Abort");
            let explained = shell.done(&[&put[..], &["--explain"]].concat()).await.err;
            let explained = explained.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
            let sent: Vec<_> = explained.filter_map(|line| line.get("request").map(lasting)).collect();
            // `--explain` shows each kind once, and the HEAD of `--no-clobber` comes first.
            if head_first && name == "large" {
                assert_eq!(shown.pop().unwrap().0, "Head");
            }
            assert_eq!(shown, sent, "{name} {option}");
            assert_eq!(shown[0].0 == "Head", head_first, "{name} {option}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn explain_shows_the_first_request_of_each_kind_and_counts_them() {
    let shell = Shell::new().await;
    let source = shell.data("f", 3 * MIB);
    let put =
        ["put", source.to_str().unwrap(), &shell.url("k"), "--sse", "managed", "--part-size", "1MiB", "--explain"];
    let ran = shell.done(&put).await;
    for operation in ["Initiate: POST", "UploadPart: PUT", "Complete: POST", "Head: HEAD"] {
        assert_eq!(ran.err.matches(operation).count(), 1, "{}", ran.err);
    }
    assert!(ran.err.contains("3 UploadPart"), "{}", ran.err);
    assert!(ran.err.contains("q-signature=***"), "{}", ran.err);
    let lines = shell.done(&[&["--json"], &put[..]].concat()).await.err;
    for line in lines.lines() {
        let value: Value = serde_json::from_str(line).unwrap();
        assert!(value.get("request").or(value.get("requests")).is_some(), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_of_the_store_have_their_own_exit_codes() {
    let shell = Shell::new().await;
    let source = shell.data("f", 10);
    let key = shell.key_source();
    let url = shell.url("k");
    shell.done(&["put", source.to_str().unwrap(), &url, "--sse-key", &key]).await;

    let missing = shell.run(&["--json", "stat", &shell.url("nothing")]).await;
    assert_eq!((missing.code(), missing.error()["status"].as_u64()), (Some(6), Some(404)));
    assert_eq!(missing.error()["operation"], "Head");
    let keyless = shell.run(&["--json", "stat", &url]).await;
    assert_ne!(keyless.code(), Some(0));
    assert!(keyless.error()["hint"].as_str().unwrap().contains("key"), "{}", keyless.err);
    let other = shell.file("other.key", &[b'x'; 32]);
    let wrong = shell.run(&["get", &url, "-", "--sse-key", &format!("file:{}", other.display())]).await;
    assert_ne!(wrong.code(), Some(0));
    assert_eq!(wrong.out, "");
    let mut command = shell.command(&["--json", "stat", &shell.url("k")]);
    command.env("COS_SECRET_KEY", "wrong");
    // HEAD has no body, so that the status alone must do.
    assert_eq!(run(command).await.error()["status"], 403);
    let mut command = shell.command(&["--json", "put", source.to_str().unwrap(), &shell.url("k2")]);
    command.env("COS_SECRET_KEY", "wrong");
    let unsigned = run(command).await;
    assert_eq!((unsigned.code(), unsigned.error()["code"].as_str()), (Some(4), Some("SignatureDoesNotMatch")));
    let expected = shell.run(&["stat", &url, "--sse-key", &key, "--json"]).await;
    assert_eq!(expected.code(), Some(0), "{}", expected.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unencrypted_object_does_not_pass_for_an_encrypted_one() {
    let shell = Shell::new().await;
    let source = shell.data("f", 10);
    shell.done(&["put", source.to_str().unwrap(), &shell.url("k"), "--sse", "managed"]).await;
    shell.done(&["put", source.to_str().unwrap(), &shell.url("open")]).await;
    for key in ["k", "open"] {
        let ran = shell.run(&["--json", "stat", &shell.url(key), "--sse", "kms"]).await;
        assert_eq!((ran.code(), ran.error()["kind"].as_str()), (Some(5), Some("encryption")), "{}", ran.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_does_not_confirm_the_encryption_fails_the_upload() {
    let shell = Shell::new().await;
    shell.store.emulator.set_faults(FaultPlan::new().on("*").downgrade_echo());
    let source = shell.data("f", 3 * MIB);
    let key = shell.key_source();
    let put = ["--json", "put", source.to_str().unwrap(), &shell.url("k"), "--sse-key", &key, "--part-size", "1MiB"];
    let ran = shell.run(&put).await;
    assert_eq!((ran.code(), ran.error()["kind"].as_str()), (Some(5), Some("encryption")), "{}", ran.err);
    assert_eq!(ran.out, "");
    let seen = shell.store.operations();
    assert!(!seen.contains(&"Complete".to_owned()) && seen.contains(&"Abort".to_owned()), "{seen:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_existing_object_is_not_replaced_if_that_is_forbidden() {
    let shell = Shell::new().await;
    let (one, two) = (shell.data("one", 100), shell.data("two", 2 * MIB));
    let url = shell.url("k");
    shell.done(&["put", one.to_str().unwrap(), &url, "--no-clobber"]).await;
    for source in [&one, &two] {
        let put = ["--json", "put", source.to_str().unwrap(), &url, "--no-clobber", "--part-size", "1MiB"];
        let ran = shell.run(&put).await;
        assert_eq!(ran.code(), Some(6), "{}", ran.err);
    }
    assert_eq!(shell.done(&["--json", "stat", &url]).await.json()["size"], 100);
    shell.done(&["put", two.to_str().unwrap(), &url]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_download_onto_stdout_is_the_object_and_nothing_else() {
    let shell = Shell::new().await;
    let source = shell.data("f", 100_000);
    let url = shell.url("k");
    shell.done(&["put", source.to_str().unwrap(), &url]).await;
    let ran = shell.done(&["get", &url, "-"]).await;
    assert!(ran.bytes == pattern(100_000, 7));
    assert!(ran.err.contains("crc64"), "the receipt goes to stderr: {}", ran.err);
    let ran = shell.done(&["--json", "get", &url, "-"]).await;
    assert!(ran.bytes == pattern(100_000, 7));
    let receipt: Value = serde_json::from_str(&ran.err).unwrap();
    assert_eq!(receipt["receipt"]["size"], 100_000);
    let folder = shell.home.path().join("into");
    fs::create_dir(&folder).unwrap();
    let receipt = shell.done(&["--json", "get", &url, folder.to_str().unwrap()]).await.json();
    assert_eq!(receipt["url"], url);
    assert!(fs::read(folder.join("k")).unwrap() == pattern(100_000, 7));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_removes_an_upload_that_keeps_no_journal() {
    for end in [rustix::process::Signal::INT, rustix::process::Signal::TERM] {
        let shell = Shell::new().await;
        // The last part would never come to an end by itself.
        shell.store.emulator.set_faults(FaultPlan::new().on("UploadPart").part(4).delay(600_000));
        let source = shell.data("f", 4 * MIB);
        let url = shell.url("k");
        let mut put = vec!["--json", "put", source.to_str().unwrap(), &url, "--part-size", "1MiB"];
        put.extend(["--concurrency", "4", "--no-resume"]);
        let child = shell.command(&put).spawn().unwrap();
        shell.until_seen("UploadPart").await;
        signal(&child, end);
        let output = child.wait_with_output().await.unwrap();
        assert_eq!(output.status.code(), Some(130), "{}", String::from_utf8_lossy(&output.stderr));
        let error: Value = serde_json::from_slice(&output.stderr).unwrap();
        assert_eq!((&error["error"]["kind"], &error["error"]["resumable"]), (&json!("cancelled"), &json!(false)));
        assert!(shell.store.operations().contains(&"Abort".to_owned()), "{:?}", shell.store.operations());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_does_not_wait_for_the_store() {
    let shell = Shell::new().await;
    let forever = 600_000;
    shell
        .store
        .emulator
        .set_faults(FaultPlan::new().on("UploadPart").part(2).delay(forever).on("Abort").delay(forever));
    let source = shell.data("f", 2 * MIB);
    let put = ["put", source.to_str().unwrap(), &shell.url("k"), "--part-size", "1MiB", "--no-resume"];
    let mut child = shell.command(&put).spawn().unwrap();
    shell.until_seen("UploadPart").await;
    // Signals that come at the same time count as one, so that the second is sent until it is heard.
    for _ in 0..100 {
        if let Some(status) = child.try_wait().unwrap() {
            assert_eq!(status.code(), Some(130));
            return;
        }
        signal(&child, rustix::process::Signal::INT);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    panic!("the program waits for the store although it was told twice to stop");
}

#[tokio::test(flavor = "multi_thread")]
async fn completions_are_written_for_every_shell() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let ran = run(bare(&["completions", shell])).await;
        assert_eq!((ran.code(), ran.err.as_str()), (Some(0), ""), "{shell}");
        assert!(ran.out.contains("sse-key"), "{shell}: {}", ran.out.len());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn help_and_version_are_data_and_a_wrong_line_is_exit_2() {
    let help = run(bare(&["put", "--help"])).await;
    assert_eq!((help.code(), help.err.as_str()), (Some(0), ""));
    assert!(help.out.contains("Examples:") && help.out.contains("--no-clobber"), "{}", help.out);
    assert_eq!(run(bare(&["--version"])).await.out, format!("sealift {}\n", env!("CARGO_PKG_VERSION")));
    let wrong = run(bare(&["put", "--bogus"])).await;
    assert_eq!((wrong.code(), wrong.out.as_str()), (Some(2), ""));
    let wrong = run(bare(&["put", "--bogus", "--json"])).await;
    assert_eq!((wrong.code(), wrong.error()["kind"].as_str()), (Some(2), Some("config")));
    assert_eq!(run(bare(&[])).await.code(), Some(2));
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_that_cannot_be_written_says_that_the_object_is_there() {
    let shell = Shell::new().await;
    let source = shell.data("f", 10);
    let mut command = shell.command(&["put", source.to_str().unwrap(), &shell.url("k"), "--sse", "managed"]);
    command.stdout(std::fs::File::options().write(true).open("/dev/full").unwrap());
    let ran = command.spawn().unwrap().wait_with_output().await.unwrap();
    assert_eq!(ran.status.code(), Some(10));
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(said.contains("is uploaded, but its receipt cannot be written"), "{said}");
    shell.done(&["stat", &shell.url("k")]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_proxy_is_named_without_its_credentials() {
    let shell = Shell::new().await;
    let mut command = shell.command(&["stat", &shell.url("k")]);
    command.env("HTTPS_PROXY", "http://someone:hush-hush@127.0.0.1:1");
    let ran = run(command).await;
    assert_eq!(ran.code(), Some(7));
    assert!(ran.err.contains("the proxy http://127.0.0.1:1 refused the connection"), "{}", ran.err);
    assert!(ran.err.contains("NO_PROXY") && !ran.err.contains("hush-hush"), "{}", ran.err);
}
