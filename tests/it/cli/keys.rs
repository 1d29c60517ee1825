//! `key new` and `key check`.

use std::{fs, os::unix::fs::MetadataExt as _, process::Stdio};

use super::shell::{KEY, KEY_MD5, bare, run};

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_goes_into_a_new_file_for_its_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("my.key");
    let new = || bare(&["--json", "key", "new", "--out", path.to_str().unwrap()]);
    let made = run(new()).await;
    assert_eq!(made.code(), Some(0), "{}", made.err);
    let metadata = fs::metadata(&path).unwrap();
    assert_eq!(metadata.mode() & 0o777, 0o600);
    let key = fs::read_to_string(&path).unwrap();
    assert_eq!(key.len(), 45, "one line of base64");
    assert!(!format!("{}{}", made.out, made.err).contains(key.trim()), "the key itself is not shown");

    let again = run(new()).await;
    assert_eq!(again.code(), Some(2));
    assert!(again.error()["message"].as_str().unwrap().contains("never overwritten"));
    assert_eq!(fs::read_to_string(&path).unwrap(), key);

    let check = run(bare(&["--json", "key", "check", &format!("file:{}", path.display())])).await;
    assert_eq!(check.code(), Some(0), "{}", check.err);
    for name in ["md5", "fingerprint"] {
        assert_eq!(check.json()[name], made.json()[name]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_key_may_go_into_a_pipe_and_differs_each_time() {
    let one = run(bare(&["key", "new"])).await;
    let two = run(bare(&["key", "new"])).await;
    assert_eq!((one.code(), one.out.len(), one.err.as_str()), (Some(0), 45, ""));
    assert_ne!(one.out, two.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_source_gives_the_same_key() {
    let folder = tempfile::tempdir().unwrap();
    let (text, raw) = (folder.path().join("text"), folder.path().join("raw"));
    fs::write(&text, format!("{KEY}=\n")).unwrap();
    fs::write(&raw, "0123456789ABCDEF0123456789ABCDEF").unwrap();
    let hex = "30313233343536373839414243444546".repeat(2);
    for source in [
        format!("file:{}", text.display()),
        format!("file:{}", raw.display()),
        "env:THE_KEY".to_owned(),
        "fd:0".to_owned(),
        format!("command:cat '{}'", text.display()),
    ] {
        let mut command = bare(&["key", "check", &source]);
        command.env("THE_KEY", &hex).stdin(Stdio::from(fs::File::open(&text).unwrap()));
        let ran = run(command).await;
        assert_eq!(ran.code(), Some(0), "{source}: {}", ran.err);
        assert!(ran.out.contains(KEY_MD5), "{source}: {}", ran.out);
    }
    // A shell passes descriptors on as a user would.
    let program = env!("CARGO_BIN_EXE_sealift");
    let script =
        format!("'{program}' key check fd:3 3<'{}'; printf %s {KEY} | '{program}' key check fd:0", text.display());
    let mut shell = tokio::process::Command::new("sh");
    shell.args(["-c", &script]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let ran = run(shell).await;
    assert_eq!(ran.out.matches(KEY_MD5).count(), 2, "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_command_sees_no_credentials_and_its_failure_is_told_without_its_output() {
    let mut command = bare(&["key", "check", "command:printf %s \"${COS_SECRET_KEY-unset}\" >&2; echo leaked; exit 9"]);
    command.env("COS_SECRET_KEY", "topsecret");
    let ran = run(command).await;
    assert_eq!(ran.code(), Some(2));
    assert!(ran.err.starts_with("unset") && ran.err.contains("exit status: 9"), "{}", ran.err);
    assert!(!ran.err.contains("leaked"), "{}", ran.err);
}
