//! `put -`: standard input of any length, in memory or kept in a file first.

mod spool;

use std::{fs, path::Path, process::Stdio, time::Duration};

use rustix::process::Signal;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader},
    process::{Child, Command},
};

use super::shell::{PROGRAM, Ran, Shell, Stuck, bare, run, signal};
use crate::support::pattern;

const MIB: usize = 1 << 20;

/// Starts a command and keeps the writing end of its standard input.
fn piped(mut command: Command) -> Child {
    command.stdin(Stdio::piped()).spawn().unwrap()
}

/// Runs a command with these bytes as its standard input. That it may end before it has read them is no failure.
async fn fed(command: Command, bytes: &[u8]) -> Ran {
    let mut child = piped(command);
    let mut stdin = child.stdin.take().unwrap();
    let feeding = async move {
        let _ = stdin.write_all(bytes).await;
        drop(stdin);
    };
    let both = futures::future::join(feeding, child.wait_with_output());
    let ((), output) = tokio::time::timeout(Duration::from_mins(2), both).await.unwrap();
    let output = output.unwrap();
    Ran {
        status: output.status,
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
        bytes: output.stdout,
    }
}

fn names(folder: &Path) -> Vec<String> {
    fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

async fn content(shell: &Shell, name: &str, options: &[&str]) -> Vec<u8> {
    shell.done(&[&["get", &shell.url(name), "-"], options].concat()).await.bytes
}

#[tokio::test(flavor = "multi_thread")]
async fn standard_input_of_any_length_becomes_the_object() {
    let shell = Shell::new().await;
    let key = shell.key_source();
    for (len, parts) in [(0, 1), (17, 1), (MIB, 1), (5 * MIB + 3, 6)] {
        let bytes = pattern(len, 5);
        let url = shell.url("s");
        let put = ["--json", "put", "-", &url, "--sse-key", &key, "--part-size", "1MiB"];
        let ran = fed(shell.command(&put), &bytes).await;
        assert_eq!(ran.code(), Some(0), "{}", ran.err);
        assert!(ran.err.is_empty(), "{}", ran.err);
        let receipt = ran.json();
        assert_eq!((&receipt["size"], &receipt["parts"]), (&len.into(), &parts.into()), "{receipt}");
        assert_eq!(receipt["sse"]["mode"], "customer");
        assert!(content(&shell, "s", &["--sse-key", &key]).await == bytes, "{len}");
    }
    assert!(!shell.home.path().join(".local/state/sealift").exists() || shell.records("s") == 0);
    // A file is a stream too, and its length no secret.
    let file = shell.data("f", 3 * MIB);
    let mut command = shell.command(&["put", "-", &shell.url("f")]);
    command.stdin(fs::File::open(&file).unwrap());
    let ran = run(command).await;
    assert_eq!((ran.code(), ran.err.as_str()), (Some(0), ""), "nothing is to be said of a file that fits");
    assert!(ran.out.contains("3 MiB (3145728 bytes), in one piece"), "{}", ran.out);
    let stat = shell.done(&["--json", "stat", &shell.url("f")]).await;
    assert!(stat.out.contains("application/octet-stream") || !stat.out.contains("content_type"), "{}", stat.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_longest_stream_is_said_at_the_start_and_follows_the_memory() {
    let shell = Shell::new().await;
    for (options, says) in [
        (&[][..], "up to 483.01 GiB fit, in parts that grow from 13.50 MiB to 54.25 MiB"),
        (&["--memory", "48MiB"], "in parts that grow from 3.88 MiB to 15.50 MiB"),
        (&["--part-size", "8MiB"], "up to 78.12 GiB fit, in parts of 8 MiB; for a longer stream use --part-size"),
    ] {
        let url = shell.url("s");
        let put = [&["put", "-", &url], options].concat();
        let ran = fed(shell.command(&put), b"short").await;
        assert_eq!(ran.code(), Some(0), "{}", ran.err);
        assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
        assert!(ran.err.contains(says) && ran.err.contains("--spool DIR"), "{}", ran.err);
        let quiet = fed(shell.command(&[&["--quiet"], &put[..]].concat()), b"short").await;
        assert_eq!((quiet.code(), quiet.err.as_str()), (Some(0), ""));
    }
    let ran = fed(shell.command(&["put", "-", &shell.url("s"), "--part-size", "113MiB"]), b"short").await;
    assert_eq!(ran.code(), Some(2));
    assert!(ran.err.contains("--memory") && ran.err.contains("--spool"), "{}", ran.err);
    // A file that is too long is refused before a byte of it is read: here one with a hole of 20 GiB.
    let hole = shell.file("hole", b"");
    fs::OpenOptions::new().write(true).open(&hole).unwrap().set_len(20 << 30).unwrap();
    let mut command = shell.command(&["put", "-", &shell.url("hole"), "--part-size", "1MiB"]);
    command.stdin(fs::File::open(&hole).unwrap());
    let before = shell.store.operations().len();
    let ran = run(command).await;
    assert_eq!(ran.code(), Some(2), "{}", ran.err);
    assert!(ran.err.contains("longer than 10000MiB"), "{}", ran.err);
    assert_eq!(shell.store.operations().len(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_makes_no_sense_with_standard_input_is_refused_with_a_hint() {
    let shell = Shell::new().await;
    let dir = shell.home.path().to_str().unwrap();
    for (args, says) in [
        (vec!["put", "-", "cos://b-1/x/"], "no name that could end the key"),
        (vec!["put", "-", "cos://b-1"], "no name that could end the key"),
        (vec!["put", "-", "cos://b-1/k", "--on-change", "restart"], "cannot begin again"),
        (vec!["put", "f", "cos://b-1/k", "--spool", dir], "--spool is for standard input"),
        (vec!["put", "-", "cos://b-1/k", "--spool", "nowhere"], "the directory nowhere is not there"),
        (vec!["put", "-", "cos://b-1/k", "--spool", dir, "--meta", "sealift-upload=x"], "marks its own uploads"),
    ] {
        let ran = fed(shell.command(&[&["--json"], &args[..]].concat()), b"data").await;
        assert_eq!(ran.code(), Some(2), "{args:?}: {}", ran.err);
        assert!(ran.error()["message"].as_str().unwrap().contains(says), "{args:?}: {}", ran.err);
        assert!(says.contains("marks") || ran.error()["hint"].is_string(), "{args:?}: {}", ran.err);
    }
    assert!(shell.store.operations().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn standard_input_gives_the_object_or_its_key_but_not_both() {
    let shell = Shell::new().await;
    let dir = shell.home.path().to_str().unwrap();
    let url = shell.url("k");
    for source in ["fd:0", "file:/dev/stdin", "file:/dev/fd/0", "file:/proc/self/fd/0"] {
        for more in [&[][..], &["--spool", dir], &["--dry-run"]] {
            let put = [&["--json", "put", "-", &url, "--sse-key", source], more].concat();
            let ran = fed(shell.command(&put), super::shell::KEY.as_bytes()).await;
            assert_eq!((ran.code(), ran.error()["kind"].as_str()), (Some(2), Some("config")), "{source}: {}", ran.err);
            assert!(ran.error()["message"].as_str().unwrap().contains("is the object already"), "{}", ran.err);
        }
    }
    assert!(shell.store.operations().is_empty());
    // The key of a file may come from there, and so may one whose stream has another descriptor.
    let file = shell.data("f", 10);
    let put = ["put", file.to_str().unwrap(), &url, "--sse-key", "fd:0"];
    assert_eq!(fed(shell.command(&put), super::shell::KEY.as_bytes()).await.code(), Some(0));
    let mut command = shell.command_of(Path::new("sh"), &[]);
    let twice = "\"$0\" put - \"$1\" --sse-key fd:3 3<&0; exec \"$0\" put - \"$1\" --sse-key fd:3 3<my.key";
    shell.key_source();
    command.args(["-c", twice, PROGRAM, &url]);
    let ran = fed(command, b"data").await;
    assert_eq!((ran.code(), ran.err.matches("is the object already").count()), (Some(0), 1), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_standard_input_replaces_no_object() {
    let shell = Shell::new().await;
    let dir = shell.home.path().to_str().unwrap();
    for line in [
        "\"$0\" --json put - \"$1\" <&-",
        "\"$0\" --json put - \"$1\" </dev/null",
        "\"$0\" --json put - \"$1\" --spool \"$2\" <&-",
    ] {
        let mut command = shell.command_of(Path::new("sh"), &[]);
        command.args(["-c", line, PROGRAM, &shell.url("k"), dir]);
        let ran = run(command).await;
        assert_eq!((ran.code(), ran.error()["kind"].as_str()), (Some(3), Some("source")), "{}", ran.err);
        assert!(ran.error()["hint"].as_str().unwrap().contains("empty file"), "{}", ran.err);
    }
    assert!(shell.store.operations().is_empty());
    let empty = shell.file("empty", b"");
    let mut command = shell.command(&["put", "-", &shell.url("k")]);
    command.stdin(fs::File::open(empty).unwrap());
    assert_eq!(run(command).await.code(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_for_the_progress_that_comes_too_early_ends_nothing() {
    let shell = Shell::new().await;
    let key = format!("command:kill -USR1 $PPID; printf {}", super::shell::KEY);
    let ran = fed(shell.command(&["put", "-", &shell.url("k"), "--sse-key", &key]), b"data").await;
    assert_eq!(ran.code(), Some(0), "{:?} {}", ran.status, ran.err);
}

/// Runs a line under a terminal, as a person would who forgot the pipe.
async fn on_a_terminal(shell: &Shell, line: &[&str]) -> Ran {
    let words: Vec<String> = line.iter().map(|word| format!("'{word}'")).collect();
    let mut command = shell.command_of(Path::new("script"), &[]);
    command.args(["-qec", &format!("'{PROGRAM}' {}", words.join(" ")), "/dev/null"]);
    run(command).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_terminal_is_no_source() {
    let shell = Shell::new().await;
    let ran = on_a_terminal(&shell, &["put", "-", &shell.url("k")]).await;
    assert_eq!(ran.code(), Some(2), "{}{}", ran.out, ran.err);
    assert!(ran.out.contains("standard input is a terminal") && ran.out.contains("PRODUCER |"), "{}", ran.out);
    assert!(shell.store.operations().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_ends_an_upload_whose_producer_is_silent() {
    for (by, fed) in [(Signal::INT, 0), (Signal::TERM, 2 * MIB + 100)] {
        let shell = Shell::new().await;
        let url = shell.url("s");
        let put = ["--json", "put", "-", &url, "--part-size", "1MiB"];
        let mut child = piped(shell.command(&put));
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(&pattern(fed, 3)).await.unwrap();
        if fed > 0 {
            shell.until_seen("UploadPart").await;
        } else {
            until_it_listens(&child).await;
        }
        let ran =
            tokio::time::timeout(Duration::from_secs(30), Stuck { child, line: Vec::new() }.end(by)).await.unwrap();
        assert_eq!(ran.code(), Some(130), "{}", ran.err);
        assert_eq!(ran.error()["resumable"], false, "{}", ran.err);
        let list = shell.done(&["--json", "uploads", "list", &shell.url("")]).await.json();
        assert_eq!((&list["uploads"], &list["journals"]), (&serde_json::json!([]), &serde_json::json!([])), "{list}");
        drop(stdin);
    }
}

/// Waits until a signal no longer ends the process by itself: its catcher is seen in what the kernel tells of it.
async fn until_it_listens(child: &Child) {
    for _ in 0..3000 {
        let status = fs::read_to_string(format!("/proc/{}/status", child.id().unwrap())).unwrap();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
        if u64::from_str_radix(caught.trim(), 16).unwrap() & (1 << (2 - 1)) != 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("it never listened");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_stream_is_listed_removed_by_hand_or_by_the_next() {
    let shell = Shell::new().await;
    let url = shell.url("s");
    let put = ["--json", "put", "-", &url, "--part-size", "1MiB"];
    for by_hand in [true, false] {
        let mut child = piped(shell.command(&put));
        let mut stdin = child.stdin.take().unwrap();
        stdin.write_all(&pattern(2 * MIB + 100, 3)).await.unwrap();
        while shell.records("s") < 2 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        child.kill().await.unwrap();
        let list = shell.done(&["uploads", "list", &shell.url("s")]).await;
        assert!(list.out.contains("of a stream that was cut off"), "{}", list.out);
        let list = shell.done(&["--json", "uploads", "list", &shell.url("s")]).await.json();
        assert_eq!(list["uploads"][0]["journal"]["state"], "cut-off", "{list}");
        if by_hand {
            let end = shell.done(&["uploads", "abort", &shell.url("s"), "--all"]).await;
            assert!(end.out.contains("with its journal"), "{}", end.out);
        } else {
            let ran = fed(shell.command(&put), b"the next").await;
            assert_eq!(ran.code(), Some(0), "{}", ran.err);
            assert!(ran.json()["warnings"][0].as_str().unwrap().contains("cut off"), "{}", ran.out);
        }
        let list = shell.done(&["--json", "uploads", "list", &shell.url("s")]).await.json();
        assert_eq!((&list["uploads"], &list["journals"]), (&serde_json::json!([]), &serde_json::json!([])), "{list}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_reads_nothing_and_shows_how_parts_grow() {
    let shell = Shell::new().await;
    let url = shell.url("s");
    let dry = |options: &[&str]| shell.command(&[&["put", "-", &url, "--dry-run"], options].concat());
    // Its standard input stays open and silent: whoever read it would wait for ever.
    let child = piped(dry(&["--content-md5"]));
    let ran = tokio::time::timeout(Duration::from_mins(1), Stuck { child, line: Vec::new() }.ended()).await.unwrap();
    assert_eq!(ran.code(), Some(0), "{}", ran.err);
    assert!(ran.out.contains("not known before the end; at most 483.01 GiB"), "{}", ran.out);
    assert!(ran.out.contains("parts that grow from 13.50 MiB to 54.25 MiB; one PUT if"), "{}", ran.out);
    assert!(ran.out.contains("Initiate: POST") && ran.out.contains("content-length: 14155776"), "{}", ran.out);
    assert!(ran.out.contains("content-md5 of each part, once it is read"), "{}", ran.out);
    let ran = run(dry(&["--json", "--part-size", "8MiB"])).await;
    let plan = &ran.json()["plan"];
    assert_eq!((&plan["first_part"], &plan["largest_part"]), (&(8 << 20).into(), &(8 << 20).into()), "{plan}");
    let dir = shell.home.path().join("spool");
    fs::create_dir(&dir).unwrap();
    let ran = run(dry(&["--spool", dir.to_str().unwrap()])).await;
    assert!(ran.out.contains("first, and then sent as a file of its size"), "{}{}", ran.out, ran.err);
    assert!(names(&dir).is_empty() && shell.store.operations().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_of_a_stream_is_said_when_a_signal_asks_for_it() {
    let shell = Shell::new().await;
    let url = shell.url("s");
    let put = ["--json", "put", "-", &url, "--part-size", "1MiB"];
    let mut child = piped(shell.command(&put));
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(&pattern(2 * MIB, 3)).await.unwrap();
    shell.until_seen("UploadPart").await;
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    signal(&child, Signal::USR1);
    let said: serde_json::Value = serde_json::from_str(&lines.next_line().await.unwrap().unwrap()).unwrap();
    assert!(said["progress"]["total"].is_null() && said["progress"]["parts"].is_null(), "{said}");
    assert_eq!(said["progress"]["longest"], 10_000_u64 << 20);
    drop(stdin);
    assert!(child.wait_with_output().await.unwrap().status.success());
    assert_eq!(run(bare(&["put", "--help"])).await.out.matches("--spool").count(), 2, "the option and an example");
}
