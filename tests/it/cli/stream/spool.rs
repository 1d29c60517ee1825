//! `--spool DIR`: the stream is kept in a file first, and its upload goes on like that of any file.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::process::Signal;
use sealift::emulator::FaultPlan;
use tokio::io::AsyncWriteExt as _;

use super::{
    super::shell::{PROGRAM, Shell, Stuck},
    MIB, content, fed, names, on_a_terminal, piped,
};
use crate::support::pattern;

/// The file with this extension, if there is one.
fn one_of(folder: &Path, extension: &str) -> Option<PathBuf> {
    let mut paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    paths.find(|path| path.extension().is_some_and(|it| it == extension))
}

/// A place to spool to.
fn place(shell: &Shell) -> PathBuf {
    let dir = shell.home.path().join("spool");
    fs::create_dir_all(&dir).unwrap();
    dir
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spooled_stream_goes_on_after_a_kill_without_its_producer() {
    let shell = Shell::new().await;
    let (dir, key) = (place(&shell), shell.key_source());
    let bytes = pattern(4 * MIB, 3);
    shell.store.emulator.set_faults(FaultPlan::new().on("UploadPart").part(4).delay(600_000));
    let url = shell.url("s");
    let put = ["--json", "put", "-", &url, "--part-size", "1MiB", "--spool", dir.to_str().unwrap()];
    let put = [&put[..], &["--sse-key", &key, "--concurrency", "4"]].concat();
    let mut child = piped(shell.command(&put));
    child.stdin.take().unwrap().write_all(&bytes).await.unwrap();
    while shell.records("s") < 5 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let second = fed(shell.command(&put), b"something else").await;
    assert_eq!((second.code(), second.error()["kind"].as_str()), (Some(10), Some("journal")), "{}", second.err);
    child.kill().await.unwrap();

    let spool = one_of(&dir, "spool").expect("the stream is kept");
    assert_eq!(fs::metadata(&spool).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(fs::read(&spool).unwrap() == bytes, "as it came");
    shell.store.emulator.set_faults(FaultPlan::new());
    let ran = fed(shell.command(&put[1..]), b"").await;
    assert_eq!(ran.code(), Some(0), "{}", ran.err);
    assert!(
        ran.err.contains("going on with the 4 MiB") && ran.err.contains("standard input is not read"),
        "{}",
        ran.err
    );
    assert!(ran.out.contains("3 parts were there already") && ran.out.contains("warning"), "{}", ran.out);
    assert!(content(&shell, "s", &["--sse-key", &key]).await == bytes);
    assert!(names(&dir).is_empty(), "{:?}", names(&dir));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_printed_command_goes_on_even_on_a_terminal_and_restart_reads_anew() {
    let shell = Shell::new().await;
    let dir = place(&shell);
    let url = shell.url("s");
    let put = ["put", "-", &url, "--part-size", "1MiB", "--spool", dir.to_str().unwrap()];
    for len in [3 * MIB, 100] {
        shell.store.emulator.set_faults(
            FaultPlan::new().on("UploadPart").answer(403, "AccessDenied").on("Put").answer(403, "AccessDenied"),
        );
        let bytes = pattern(len, 3);
        let ran = fed(shell.command(&put), &bytes).await;
        assert_eq!(ran.code(), Some(4), "{}", ran.err);
        assert!(ran.err.contains("unencrypted") && ran.err.contains("resume: "), "{}", ran.err);
        assert!(
            ran.err.lines().any(|line| line.starts_with("resume: ") && line.ends_with(&put.join(" "))),
            "{}",
            ran.err
        );
        shell.store.emulator.set_faults(FaultPlan::new());
        let ran = on_a_terminal(&shell, &put).await;
        assert_eq!(ran.code(), Some(0), "{}{}", ran.out, ran.err);
        assert!(content(&shell, "s", &[]).await == bytes);
        assert!(names(&dir).is_empty());
    }
    shell.store.emulator.set_faults(FaultPlan::new().on("UploadPart").part(2).answer(403, "AccessDenied"));
    assert_eq!(fed(shell.command(&put), &pattern(3 * MIB, 3)).await.code(), Some(4));
    shell.store.emulator.set_faults(FaultPlan::new());
    let anew = fed(shell.command(&[&["--json"], &put[..], &["--restart"]].concat()), &pattern(2 * MIB, 4)).await;
    assert_eq!(anew.code(), Some(0), "{}", anew.err);
    assert!(content(&shell, "s", &[]).await == pattern(2 * MIB, 4));
    let list = shell.done(&["--json", "uploads", "list", &shell.url("")]).await.json();
    assert_eq!((&list["uploads"], &list["journals"]), (&serde_json::json!([]), &serde_json::json!([])), "{list}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_was_cut_off_while_it_was_spooled_is_removed() {
    let shell = Shell::new().await;
    let dir = place(&shell);
    let url = shell.url("s");
    let put = ["put", "-", &url, "--spool", dir.to_str().unwrap()];
    for by in [Signal::INT, Signal::KILL] {
        let mut child = piped(shell.command(&put));
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(&pattern(MIB, 3)).await.unwrap();
        let spooled = || {
            let sizes = fs::read_dir(&dir).unwrap().map(|entry| entry.unwrap().metadata().map_or(0, |it| it.len()));
            sizes.max().unwrap_or(0) == MIB as u64
        };
        while !spooled() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        let ran =
            tokio::time::timeout(Duration::from_secs(30), Stuck { child, line: Vec::new() }.end(by)).await.unwrap();
        if by == Signal::INT {
            assert_eq!(ran.code(), Some(130), "{}", ran.err);
            assert!(ran.err.contains("is removed") && !ran.err.contains("resume:"), "{}", ran.err);
            assert!(names(&dir).is_empty(), "{:?}", names(&dir));
        } else {
            assert!(one_of(&dir, "partial").is_some());
        }
        drop(stdin);
    }
    assert!(shell.store.operations().is_empty(), "nothing leaves before the stream is whole");
    let ran = fed(shell.command(&put), b"whole").await;
    assert_eq!(ran.code(), Some(0), "{}", ran.err);
    assert!(ran.err.contains("was cut off, and is removed"), "{}", ran.err);
    assert!(content(&shell, "s", &[]).await == b"whole" && names(&dir).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_ends_the_spooling_and_leaves_nothing() {
    let shell = Shell::new().await;
    let dir = place(&shell);
    // Files of this shell may have 64 KiB; whoever writes on gets a signal, which ends a program that does not mind it.
    let mut command = shell.command_of(Path::new("bash"), &[]);
    let line = format!("ulimit -f 64; exec '{PROGRAM}' --json put - '{}' --spool spool", shell.url("s"));
    command.args(["-c", &line]);
    let ran = fed(command, &pattern(MIB, 3)).await;
    assert_eq!((ran.code(), ran.error()["kind"].as_str()), (Some(3), Some("source")), "{}", ran.err);
    assert!(ran.error()["hint"].as_str().unwrap().contains("make room"), "{}", ran.err);
    assert!(names(&dir).is_empty() && shell.store.operations().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_cannot_be_written_to_is_a_source_error() {
    let shell = Shell::new().await;
    // Not even root can make files there.
    let ran = fed(shell.command(&["--json", "put", "-", &shell.url("s"), "--spool", "/proc"]), b"data").await;
    assert_eq!((ran.code(), ran.error()["kind"].as_str()), (Some(3), Some("source")), "{}", ran.err);
    assert!(ran.error()["hint"].as_str().unwrap().contains("--spool DIR"), "{}", ran.err);
    assert!(shell.store.operations().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_may_have_laid_in_the_place_is_not_uploaded() {
    let shell = Shell::new().await;
    let dir = place(&shell);
    let url = shell.url("s");
    let put = ["--json", "put", "-", &url, "--spool", dir.to_str().unwrap()];
    shell.store.emulator.set_faults(FaultPlan::new().on("Put").answer(403, "AccessDenied"));
    assert_eq!(fed(shell.command(&put), b"mine").await.code(), Some(4));
    shell.store.emulator.set_faults(FaultPlan::new());
    let spool = one_of(&dir, "spool").unwrap();
    fs::set_permissions(&spool, fs::Permissions::from_mode(0o666)).unwrap();
    let ran = fed(shell.command(&put), b"").await;
    assert_eq!(ran.code(), Some(10), "{}", ran.err);
    assert!(ran.error()["message"].as_str().unwrap().contains("others may read or write it"), "{}", ran.err);
    fs::remove_file(&spool).unwrap();
    let secret = shell.file("secret", b"of another file");
    std::os::unix::fs::symlink(&secret, &spool).unwrap();
    let ran = fed(shell.command(&put), b"").await;
    assert_ne!(ran.code(), Some(0), "a link is not followed");
    assert!(fs::read(&secret).unwrap() == b"of another file");
}
