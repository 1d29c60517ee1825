//! `key new` and `key check`.

use std::{
    fs,
    io::Write as _,
    os::{
        fd::OwnedFd,
        unix::{fs::MetadataExt as _, net::UnixStream},
    },
    process::Stdio,
    time::Duration,
};

use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::Command,
};

use super::shell::{KEY, KEY_MD5, PROGRAM, Ran, bare, run};

/// Runs a line of a shell, in which `$0` is the program.
async fn line(line: &str, stdin: impl Into<Stdio>) -> Ran {
    let mut shell = Command::new("sh");
    shell.args(["-c", line, PROGRAM]).stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    tokio::time::timeout(Duration::from_mins(1), run(shell)).await.expect("nobody waits for ever")
}

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

#[tokio::test(flavor = "multi_thread")]
async fn an_inherited_descriptor_is_read_itself_from_where_it_stands() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key");
    fs::write(&path, format!("#{KEY}")).unwrap();
    let skip = format!("exec 3<'{}'; dd bs=1 count=1 of=/dev/null <&3 2>&1; \"$0\" key check fd:3", path.display());
    let ran = line(&skip, Stdio::null()).await;
    assert!(ran.out.contains(KEY_MD5), "{}", ran.err);
    // A socket has no name under which it could be opened again.
    let (mut ours, theirs) = UnixStream::pair().unwrap();
    theirs.set_nonblocking(true).unwrap();
    let ran = line("exec 3<&0 </dev/null; \"$0\" key check fd:3", OwnedFd::from(theirs));
    let writing = async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        ours.write_all(KEY.as_bytes()).unwrap();
        drop(ours);
    };
    let (ran, ()) = tokio::join!(ran, writing);
    assert!(ran.out.contains(KEY_MD5), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_descriptor_that_can_give_no_key_is_refused_and_not_waited_for() {
    for (script, says) in [
        ("\"$0\" key check fd:1 | cat", "the program itself writes to it"),
        ("\"$0\" key check fd:2", "the program itself writes to it"),
        ("\"$0\" key check fd:3", "Bad file descriptor"),
        ("\"$0\" key check fd:5", "Bad file descriptor"),
        ("\"$0\" key check fd:3 3>/dev/null", "Bad file descriptor"),
    ] {
        let ran = line(script, Stdio::null()).await;
        assert!(ran.err.contains(says), "{script}: {}{}", ran.out, ran.err);
    }
    let mut terminal = Command::new("script");
    let typed =
        format!("'{PROGRAM}' key check fd:0; '{PROGRAM}' key check fd:3 3<&0; '{PROGRAM}' key check file:/dev/tty");
    terminal.args(["-qec", &typed, "/dev/null"]).stdin(Stdio::null()).stdout(Stdio::piped()).kill_on_drop(true);
    let ran = tokio::time::timeout(Duration::from_mins(1), run(terminal)).await.expect("nobody waits for a terminal");
    assert_eq!(ran.out.matches("it is a terminal").count(), 3, "{}", ran.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_said_that_a_key_is_waited_for_and_a_signal_for_the_progress_ends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("fifo");
    assert!(Command::new("mkfifo").arg("-m600").arg(&path).status().await.unwrap().success());
    let mut child = bare(&["key", "check", &format!("file:{}", path.display())]).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let said = tokio::time::timeout(Duration::from_mins(1), lines.next_line()).await.expect("it says so");
    assert_eq!(said.unwrap().unwrap(), "warning: waiting for the key: nobody has written it to its source yet");
    super::shell::signal(&child, rustix::process::Signal::USR1);
    tokio::task::spawn_blocking(move || fs::write(path, KEY).unwrap()).await.unwrap();
    let output = child.wait_with_output().await.unwrap();
    assert!(String::from_utf8_lossy(&output.stdout).contains(KEY_MD5), "{:?}", output.status);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_key_command_leaves_behind_does_not_hold_up_the_key() {
    // Whoever waited for the end of the pipe would read more than a key.
    let ran = run(bare(&["key", "check", &format!("command:(sleep 30; echo late) & printf {KEY}")])).await;
    assert!(ran.out.contains(KEY_MD5), "{}", ran.err);
}
