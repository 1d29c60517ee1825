//! `put` that was stopped, killed, held up or asked to begin anew.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path, time::Duration};

use rustix::process::Signal;
use sealift::emulator::FaultPlan;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use super::shell::{Shell, Stuck, bare, run, signal};
use crate::support::pattern;

const MIB: usize = 1 << 20;

fn journals(folder: &Path) -> Vec<String> {
    let files = fs::read_dir(folder).into_iter().flatten();
    files.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

fn words(line: &[String]) -> Vec<&str> {
    line.iter().map(String::as_str).collect()
}

/// Lets the last part through, and runs the same line again.
async fn go_on(shell: &Shell, line: &[String]) -> serde_json::Value {
    shell.store.emulator.set_faults(FaultPlan::new());
    shell.done(&words(line)).await.json()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_keeps_the_upload_and_the_same_command_goes_on() {
    let shell = Shell::new().await;
    let state = shell.home.path().join(".local/state/sealift");
    let key = shell.key_source();
    for (name, end, options) in [
        ("none", Signal::INT, vec![]),
        ("managed", Signal::TERM, vec!["--sse", "managed"]),
        ("kms", Signal::INT, vec!["--sse", "kms", "--sse-kms-context", r#"{"a":"b"}"#]),
        ("customer", Signal::TERM, vec!["--sse-key", &key]),
    ] {
        let stuck = shell.stuck(name, &options).await;
        let line = stuck.line.clone();
        let ran = stuck.end(end).await;
        assert_eq!(ran.code(), Some(130), "{}", ran.err);
        assert_eq!((ran.error()["kind"].as_str(), ran.error()["resumable"].as_bool()), (Some("cancelled"), Some(true)));
        assert!(ran.error()["hint"].as_str().unwrap().contains("same command"), "{}", ran.err);
        assert!(!shell.store.operations().contains(&"Abort".to_owned()));
        assert_eq!(journals(&state).len(), 1, "the journal, and no lock");

        let receipt = go_on(&shell, &line).await;
        assert_eq!((&receipt["resumed_parts"], &receipt["sent_bytes"]), (&3.into(), &MIB.into()), "{receipt}");
        assert_eq!(receipt["sse"]["mode"], name);
        assert_eq!(journals(&state), Vec::<String>::new());
        let read = if name == "customer" { vec!["get", "--sse-key", &key] } else { vec!["get"] };
        let got = shell.done(&[&read[..], &[&shell.url(name), "-"]].concat()).await;
        assert!(got.bytes == pattern(4 * MIB, 7), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn people_are_told_the_command_that_goes_on() {
    let shell = Shell::new().await;
    let hex = "5a".repeat(32);
    let source = format!("command:printf %s {hex}");
    let mut stuck = shell.stuck("it's", &["--sse-key", &source]).await;
    stuck.child.kill().await.unwrap();
    let mut line = words(&stuck.line)[1..].to_vec();
    line.push("--restart");
    shell.store.emulator.set_faults(FaultPlan::new().on("UploadPart").delay(600_000));
    let child = shell.command(&line).spawn().unwrap();
    for _ in 0..3000 {
        let opened = shell.store.operations().iter().filter(|name| *name == "Initiate").count();
        if opened == 2 && shell.records("it's") == 2 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let ran = Stuck { child, line: Vec::new() }.end(Signal::INT).await;
    assert_eq!(ran.code(), Some(130), "{}", ran.err);
    assert!(ran.err.contains("once more leaves at once"), "{}", ran.err);
    if let Some(resume) = ran.err.lines().find_map(|line| line.strip_prefix("resume: ")) {
        assert!(resume.contains(r" put ") && resume.contains(r"'\''s"), "{resume}");
        assert!(!resume.contains("--restart"), "it would begin anew: {resume}");
    } else {
        panic!("nothing says how to go on: {}", ran.err);
    }
    assert!(!ran.err.contains(&hex), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_progress_is_said_when_a_signal_asks_for_it() {
    let shell = Shell::new().await;
    let mut stuck = shell.stuck("f", &[]).await;
    let mut lines = BufReader::new(stuck.child.stderr.take().unwrap()).lines();
    let mut confirmed = 0;
    // The board is a moment behind the store.
    while confirmed < 3 * MIB as u64 {
        signal(&stuck.child, Signal::USR1);
        let line = lines.next_line().await.unwrap().unwrap();
        let value: serde_json::Value = serde_json::from_str(&line).unwrap();
        confirmed = value["progress"]["confirmed"].as_u64().unwrap();
        assert_eq!((&value["progress"]["total"], &value["progress"]["parts"]), (&(4 * MIB).into(), &4.into()));
    }
    let line = stuck.line.clone();
    stuck.end(Signal::TERM).await;
    let mut child = shell.command(&words(&line)[1..]).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    loop {
        // Before it listens, the signal would end it: its catcher is seen in what the kernel tells of it.
        let status = fs::read_to_string(format!("/proc/{}/status", child.id().unwrap())).unwrap();
        let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap();
        if u64::from_str_radix(caught.trim(), 16).unwrap() & (1 << (10 - 1)) != 0 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let mut said = String::new();
    // At the very beginning nothing is known yet.
    while !said.contains(" of 4 MiB proved (") {
        signal(&child, Signal::USR1);
        said = lines.next_line().await.unwrap().unwrap();
    }
    child.kill().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_doubtful_complete_hears_what_for_and_for_how_long() {
    let shell = Shell::new().await;
    let source = shell.data("f", 2 * MIB);
    let url = shell.url("f");
    shell.store.emulator.set_faults(FaultPlan::new().on("Complete").reset());
    for how in ["--quiet", "--json"] {
        let put = [how, "put", source.to_str().unwrap(), &url, "--part-size", "1MiB"];
        let mut child = shell.command(&put).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
        // The second run looks first what the first one has left, and ends with that.
        let told = |line: &str| line.contains("looking whether it") && line.contains("minutes at most");
        while !told(&lines.next_line().await.unwrap().expect("it ends without a word")) {}
        let looked = shell.store.operations().iter().any(|name| name == "Head");
        assert!(looked, "it says so and does not");
        signal(&child, Signal::INT);
        let ended = tokio::time::timeout(Duration::from_mins(1), child.wait()).await.unwrap().unwrap();
        assert_eq!(ended.code(), Some(130));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_is_stopped_for_seconds_goes_on_by_itself() {
    let shell = Shell::new().await;
    let source = shell.data("f", 6 * MIB);
    let url = shell.url("f");
    let put = ["--json", "put", source.to_str().unwrap(), &url, "--part-size", "1MiB", "--limit-rate", "3MiB"];
    let child = shell.command(&put).spawn().unwrap();
    shell.until_seen("UploadPart").await;
    signal(&child, Signal::STOP);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert!(!shell.store.operations().contains(&"Complete".to_owned()), "it was really stopped");
    signal(&child, Signal::CONT);
    let output = tokio::time::timeout(Duration::from_mins(2), child.wait_with_output()).await.unwrap().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(shell.done(&["get", &url, "-"]).await.bytes == pattern(6 * MIB, 7));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_leaves_and_a_dead_ones_lock_is_taken_over() {
    let shell = Shell::new().await;
    let mut stuck = shell.stuck("f", &[]).await;
    let before = shell.store.operations().len();
    let second = shell.run(&words(&stuck.line)).await;
    assert_eq!((second.code(), second.error()["kind"].as_str()), (Some(10), Some("journal")), "{}", second.err);
    assert!(
        second.error()["message"].as_str().unwrap().contains(&format!("process {} ", stuck.pid())),
        "{}",
        second.err
    );
    assert_eq!(shell.store.operations().len(), before, "the second has sent nothing");
    stuck.child.kill().await.unwrap();
    let left = journals(&shell.home.path().join(".local/state/sealift"));
    assert!(left.iter().any(|name| name.contains(".lock")), "a killed process cannot remove its lock: {left:?}");
    let receipt = go_on(&shell, &stuck.line).await;
    assert_eq!(receipt["resumed_parts"], 3, "{receipt}");
    assert_eq!(journals(&shell.home.path().join(".local/state/sealift")), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn restart_begins_anew_and_removes_what_was_there() {
    let shell = Shell::new().await;
    let stuck = shell.stuck("f", &[]).await;
    let mut line = stuck.line.clone();
    stuck.end(Signal::TERM).await;
    line.push("--restart".to_owned());
    let receipt = go_on(&shell, &line).await;
    assert_eq!((&receipt["resumed_parts"], &receipt["sent_bytes"]), (&0.into(), &(4 * MIB).into()), "{receipt}");
    assert_eq!(shell.store.operations().iter().filter(|name| *name == "Abort").count(), 1);
    let list = shell.done(&["--json", "uploads", "list", &shell.url("")]).await.json();
    assert_eq!((&list["uploads"], &list["journals"]), (&serde_json::json!([]), &serde_json::json!([])));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_encryption_is_refused_before_the_first_byte() {
    let shell = Shell::new().await;
    let key = shell.key_source();
    let stuck = shell.stuck("f", &["--sse-key", &key]).await;
    let line = stuck.line.clone();
    stuck.end(Signal::TERM).await;
    let other = shell.file("other.key", &[b'x'; 32]);
    fs::set_permissions(&other, fs::Permissions::from_mode(0o600)).unwrap();
    let before = shell.store.operations().len();
    let stem = &line[..line.len() - 2];
    for options in [vec!["--sse-key".to_owned(), format!("file:{}", other.display())], vec![]] {
        let ran = shell.run(&words(&[stem, &options].concat())).await;
        assert_eq!((ran.code(), ran.error()["kind"].as_str()), (Some(2), Some("config")), "{}", ran.err);
        assert!(ran.error()["hint"].as_str().unwrap().contains("--restart"), "{}", ran.err);
    }
    assert_eq!(shell.store.operations().len(), before);
    assert_eq!(go_on(&shell, &line).await["resumed_parts"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_changes_under_way_fails_or_begins_again() {
    for (when, code) in [("fail", 3), ("restart", 0)] {
        let shell = Shell::new().await;
        shell.store.emulator.set_faults(FaultPlan::new().on("UploadPart").part(2).times(1).delay(1000));
        let source = shell.data("f", 2 * MIB);
        let url = shell.url("f");
        let mut put = vec!["--json", "put", source.to_str().unwrap(), &url, "--part-size", "1MiB"];
        put.extend(["--concurrency", "1", "--on-change", when]);
        let child = shell.command(&put).spawn().unwrap();
        shell.until_seen("UploadPart").await;
        fs::write(&source, pattern(3 * MIB, 11)).unwrap();
        let output = child.wait_with_output().await.unwrap();
        assert_eq!(output.status.code(), Some(code), "{when}: {}", String::from_utf8_lossy(&output.stderr));
        if code == 0 {
            assert!(shell.done(&["get", &url, "-"]).await.bytes == pattern(3 * MIB, 11));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn journals_are_kept_where_they_are_asked_for_and_readable_by_nobody_else() {
    let shell = Shell::new().await;
    let source = shell.data("f", 2 * MIB);
    let state = shell.home.path().join("state");
    let url = shell.url("f");
    let put = ["--json", "put", source.to_str().unwrap(), &url, "--part-size", "1MiB", "--state-dir", "state"];
    let put = [&put[..], &["--concurrency", "1"]].concat();
    shell.store.emulator.set_faults(FaultPlan::new().on("UploadPart").part(2).answer(403, "AccessDenied"));
    let ran = shell.run(&put).await;
    assert_ne!(ran.code(), Some(0));
    assert_eq!(ran.error()["resumable"], true, "{}", ran.err);
    let files = journals(&state);
    assert_eq!(files.len(), 1, "{files:?}");
    assert_eq!(fs::metadata(state.join(&files[0])).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!shell.home.path().join(".local").exists());
    shell.store.emulator.set_faults(FaultPlan::new());
    assert_eq!(shell.done(&put).await.json()["resumed_parts"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_home_only_what_needs_a_journal_is_refused() {
    let shell = Shell::new().await;
    let source = shell.data("f", 2 * MIB);
    let url = shell.url("f");
    let homeless = |options: &[&str]| {
        let put = [&["--json", "put", source.to_str().unwrap(), &url], options].concat();
        let mut command = shell.command(&put);
        command.env_remove("HOME");
        run(command)
    };
    let ran = homeless(&["--part-size", "1MiB"]).await;
    assert_eq!((ran.code(), ran.error()["kind"].as_str()), (Some(10), Some("journal")), "{}", ran.err);
    assert!(ran.error()["hint"].as_str().unwrap().contains("--no-resume"), "{}", ran.err);
    assert!(shell.store.operations().is_empty());
    for options in [&["--part-size", "4MiB"][..], &["--part-size", "1MiB", "--no-resume"]] {
        let ran = homeless(options).await;
        assert_eq!(ran.code(), Some(0), "{options:?}: {}", ran.err);
    }
    let help = run(bare(&["put", "--help"])).await;
    for option in ["--no-resume", "--restart", "--state-dir"] {
        assert!(help.out.contains(option), "{option}");
    }
}
