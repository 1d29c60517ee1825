//! `uploads list` and `uploads abort`: what is unfinished, whose it is, and its removal.

use std::{fs, time::Duration};

use futures::{StreamExt as _, TryStreamExt as _, stream};
use rustix::process::Signal;
use sealift::{
    clock::Clock,
    dialect::Dialect,
    emulator::FaultPlan,
    ident::UploadId,
    sse::SseContext,
    transport::StoreClient,
    wire::{Initiate, ObjectProperties},
};
use serde_json::{Value, json};

use crate::{cli::shell::Shell, support::key};

/// Opens an upload that no journal here knows of.
async fn strange(client: &StoreClient, name: &str) -> UploadId {
    let call =
        Initiate { key: key(name), properties: ObjectProperties::default(), checksum: None, forbid_overwrite: false };
    client.send(&call, &SseContext::none(Dialect::Cos)).await.unwrap().value
}

async fn list(shell: &Shell, at: &str) -> Value {
    shell.done(&["--json", "uploads", "list", &shell.url(at)]).await.json()
}

/// Keys of the uploads in a list.
fn keys(list: &Value, shell: &Shell) -> Vec<String> {
    let bucket = shell.url("");
    let urls = list["uploads"].as_array().unwrap().iter().map(|it| it["url"].as_str().unwrap().to_owned());
    urls.map(|url| url.strip_prefix(&bucket).unwrap().to_owned()).collect()
}

fn states(value: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    value["uploads"].as_array().unwrap().iter().map(|it| (text(&it["url"]), text(&it["state"]))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_list_tells_age_parts_bytes_and_who_can_go_on() {
    let shell = Shell::new().await;
    let stuck = shell.stuck("resumable", &[]).await;
    stuck.end(Signal::TERM).await;
    let held = shell.stuck("held", &[]).await;
    let id = strange(&shell.store.client(), "strange").await;

    let value = list(&shell, "").await;
    assert_eq!(keys(&value, &shell), ["held", "resumable", "strange"]);
    let [of_held, resumable, strange] = [0, 1, 2].map(|at| value["uploads"][at].clone());
    assert_eq!((&of_held["journal"]["state"], &of_held["journal"]["pid"]), (&json!("held"), &json!(held.pid())));
    let journal = &resumable["journal"];
    assert_eq!((&journal["state"], &journal["parts"], &journal["pid"]), (&json!("resumable"), &json!(3), &Value::Null));
    assert_eq!(journal["source"], json!(shell.home.path().join("resumable")));
    assert_eq!((&resumable["parts"], &resumable["bytes"]), (&json!(3), &json!(3 << 20)));
    assert!(resumable["age_seconds"].as_u64().unwrap() < 600, "{resumable}");
    assert_eq!((&strange["journal"], &strange["upload_id"]), (&Value::Null, &json!(id.as_str())));
    assert_eq!((&value["journals"], &value["truncated"]), (&json!([]), &json!(false)));

    let people = shell.done(&["uploads", "list", &shell.url("")]).await;
    for text in [
        &format!("{}\n  upload", shell.url("strange")),
        id.as_str(),
        "3, 3 MiB",
        "none here",
        "the same `put` of",
        &format!("process {} is at work", held.pid()),
    ] {
        assert!(people.out.contains(text), "{text} is missing in {}", people.out);
    }
    assert!(people.err.contains("3 unfinished uploads, 6 MiB"), "{}", people.err);
    held.end(Signal::KILL).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_one_exact_key_unless_it_ends_in_a_slash() {
    let shell = Shell::new().await;
    let client = shell.store.client();
    for name in ["a", "a/b", "a/c", "ab", "b"] {
        strange(&client, name).await;
    }
    for (at, expected) in [
        ("", &["a", "a/b", "a/c", "ab", "b"][..]),
        ("a", &["a"]),
        ("a/", &["a/b", "a/c"]),
        ("a/b", &["a/b"]),
        ("nothing", &[]),
        ("nothing/", &[]),
    ] {
        assert_eq!(keys(&list(&shell, at).await, &shell), expected, "{at:?}");
    }
    let ran = shell.run(&["--json", "uploads", "abort", &shell.url("a")]).await;
    assert_eq!(ran.code(), Some(2), "nothing is removed without saying which");
    shell.done(&["uploads", "abort", &shell.url("a"), "--all"]).await;
    assert_eq!(keys(&list(&shell, "").await, &shell), ["a/b", "a/c", "ab", "b"]);
    shell.done(&["uploads", "abort", &shell.url("a/"), "--all"]).await;
    assert_eq!(keys(&list(&shell, "").await, &shell), ["ab", "b"]);
    let bucket = shell.url("");
    shell.done(&["uploads", "abort", bucket.trim_end_matches('/'), "--all"]).await;
    assert_eq!(keys(&list(&shell, "").await, &shell), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_living_process_holds_is_never_touched() {
    let shell = Shell::new().await;
    let held = shell.stuck("held", &[]).await;
    let other = strange(&shell.store.client(), "held").await;
    let before = list(&shell, "held").await;
    let id = before["uploads"].as_array().unwrap().iter().find(|it| it["journal"] != Value::Null).unwrap()["upload_id"]
        .as_str()
        .unwrap()
        .to_owned();

    let ran = shell.run(&["--json", "uploads", "abort", &shell.url("held"), "--upload-id", &id]).await;
    assert_eq!(ran.code(), Some(10), "{}", ran.err);
    assert!(ran.err.contains(&format!("process {} is at work", held.pid())), "{}", ran.err);
    let value = shell.done(&["--json", "uploads", "abort", &shell.url(""), "--all"]).await.json();
    let mut ends = states(&value);
    ends.sort();
    assert_eq!(ends, [(shell.url("held"), "aborted".to_owned()), (shell.url("held"), "held".to_owned())]);
    assert!(value["uploads"].as_array().unwrap().iter().any(|it| it["pid"] == held.pid()));
    let left = list(&shell, "").await;
    assert_eq!(left["uploads"][0]["upload_id"], json!(id), "{other} is gone");
    assert_eq!(left["uploads"].as_array().unwrap().len(), 1);

    let line = held.line.clone();
    held.end(Signal::TERM).await;
    shell.store.emulator.set_faults(FaultPlan::new());
    let words: Vec<&str> = line.iter().map(String::as_str).collect();
    assert_eq!(shell.done(&words).await.json()["resumed_parts"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_journal_of_an_aborted_upload_ends_with_it() {
    let shell = Shell::new().await;
    let stuck = shell.stuck("f", &[]).await;
    let line = stuck.line.clone();
    stuck.end(Signal::TERM).await;
    let id = list(&shell, "f").await["uploads"][0]["upload_id"].as_str().unwrap().to_owned();
    let wrong = shell.run(&["--json", "uploads", "abort", &shell.url("f"), "--upload-id", "0"]).await;
    assert_eq!((wrong.code(), wrong.error()["kind"].as_str()), (Some(6), Some("rejected")), "{}", wrong.err);
    let ran = shell.done(&["uploads", "abort", &shell.url("f"), "--upload-id", &id]).await;
    assert!(ran.out.starts_with("removed: ") && ran.out.contains("with its journal"), "{}", ran.out);
    let state = shell.home.path().join(".local/state/sealift");
    assert_eq!(fs::read_dir(&state).unwrap().count(), 0);
    assert!(keys(&list(&shell, "").await, &shell).is_empty());
    shell.store.emulator.set_faults(FaultPlan::new());
    let words: Vec<&str> = line.iter().map(String::as_str).collect();
    let receipt = shell.done(&words).await.json();
    assert_eq!((&receipt["resumed_parts"], &receipt["warnings"]), (&json!(0), &json!([])));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_is_old_enough_is_removed() {
    let shell = Shell::new().await;
    strange(&shell.store.client(), "f").await;
    let url = shell.url("");
    let abort = async |age: &str| shell.done(&["--json", "uploads", "abort", &url, "--older-than", age]).await.json();
    assert_eq!(states(&abort("1h").await), []);
    // The dates of two answers tell whole seconds, and may be a second old.
    tokio::time::sleep(Duration::from_millis(2100)).await;
    assert_eq!(states(&abort("1s").await), [(shell.url("f"), "aborted".to_owned())]);
}

/// A store whose clock is behind this machine's: what it has just begun seems old here.
async fn slow_store(behind: Duration) -> Shell {
    Shell::with(|options| options.clock(Clock::from_fn(move || Clock::system().now() - behind))).await
}

#[tokio::test(flavor = "multi_thread")]
async fn ages_are_told_by_the_clock_of_the_store() {
    // A signature bears the smaller difference, so that nothing but the date of an answer tells of it.
    for behind in [Duration::from_hours(72), Duration::from_mins(10)] {
        let shell = slow_store(behind).await;
        strange(&shell.store.client(), "f").await;
        assert!(list(&shell, "").await["uploads"][0]["age_seconds"].as_u64().unwrap() < 240);
        let url = shell.url("");
        shell.done(&["uploads", "abort", &url, "--older-than", "5m"]).await;
        assert_eq!(keys(&list(&shell, "").await, &shell), ["f"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_opens_an_upload_is_safe_whatever_the_clocks_say() {
    let shell = slow_store(Duration::from_hours(72)).await;
    // It stands for what the Initiate below has made: seen from here, it was begun days before.
    strange(&shell.store.client(), "f").await;
    strange(&shell.store.client(), "other").await;
    shell.store.emulator.set_faults(FaultPlan::new().on("Initiate").delay(600_000));
    let source = shell.data("f", 2 << 20);
    let put = ["put", source.to_str().unwrap(), &shell.url("f"), "--part-size", "1MiB"];
    let mut child = shell.command(&put).spawn().unwrap();
    for _ in 0..3000 {
        if shell.records("f") == 1 {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let ran = shell.done(&["--json", "uploads", "abort", &shell.url(""), "--all"]).await;
    let ends = [(shell.url("f"), "held".to_owned()), (shell.url("other"), "aborted".to_owned())];
    assert_eq!(states(&ran.json()), ends);
    assert!(ran.err.contains("--no-resume"), "{}", ran.err);
    child.kill().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_that_has_lost_its_journal_may_hold_any_upload_but_one_that_is_named() {
    let shell = Shell::new().await;
    let held = shell.stuck("held", &[]).await;
    let id = strange(&shell.store.client(), "other").await;
    let state = shell.home.path().join(".local/state/sealift");
    let names = fs::read_dir(&state).unwrap().map(|entry| entry.unwrap().path());
    let journal = names.into_iter().find(|path| path.extension().is_some_and(|it| it == "journal")).unwrap();
    fs::remove_file(journal).unwrap();

    let url = shell.url("");
    let ran = shell.done(&["uploads", "abort", &url, "--all"]).await;
    assert_eq!(ran.out.matches(&format!("process {} may be at work on it", held.pid())).count(), 2, "{}", ran.out);
    assert!(ran.err.contains("is gone, and process"), "{}", ran.err);
    tokio::time::sleep(Duration::from_millis(2100)).await;
    shell.done(&["uploads", "abort", &url, "--older-than", "1s"]).await;
    assert_eq!(keys(&list(&shell, "").await, &shell), ["held", "other"]);
    shell.done(&["uploads", "abort", &shell.url("other"), "--upload-id", id.as_str()]).await;
    assert_eq!(keys(&list(&shell, "").await, &shell), ["held"]);
    held.end(Signal::KILL).await;
    shell.done(&["uploads", "abort", &url, "--all"]).await;
    assert!(keys(&list(&shell, "").await, &shell).is_empty(), "the lock of a dead process holds nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_journal_whose_upload_is_gone_is_shown_as_such() {
    let shell = Shell::new().await;
    let stuck = shell.stuck("f", &[]).await;
    let line = stuck.line.clone();
    stuck.end(Signal::TERM).await;
    let elsewhere = shell.home.path().join("elsewhere");
    let away = ["--json", "uploads", "abort", &shell.url("f"), "--all", "--state-dir", elsewhere.to_str().unwrap()];
    shell.done(&away).await;

    let value = list(&shell, "f").await;
    assert_eq!(value["uploads"], json!([]));
    assert_eq!(
        (&value["journals"][0]["state"], &value["journals"][0]["url"]),
        (&json!("gone"), &json!(shell.url("f")))
    );
    let people = shell.done(&["uploads", "list", &shell.url("f")]).await;
    assert!(people.out.contains("the store has no such upload"), "{}", people.out);
    shell.store.emulator.set_faults(FaultPlan::new());
    let words: Vec<&str> = line.iter().map(String::as_str).collect();
    let receipt = shell.done(&words).await.json();
    assert_eq!(receipt["resumed_parts"], 0);
    assert_eq!(list(&shell, "f").await["journals"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_whose_first_answer_was_lost_is_shown_as_a_candidate_and_not_adopted() {
    let shell = Shell::new().await;
    let source = shell.data("f", 2 << 20);
    let url = shell.url("f");
    let put = ["--json", "put", source.to_str().unwrap(), &url, "--part-size", "1MiB"];
    shell.store.emulator.set_faults(FaultPlan::new().on("Initiate").delay(1000).on("Initiate").lose_answer());
    let mut child = shell.command(&put).spawn().unwrap();
    for _ in 0..3000 {
        if !keys(&list(&shell, "").await, &shell).is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let upload = list(&shell, "").await["uploads"][0].clone();
    assert_eq!((&upload["journal"]["state"], &upload["journal"]["pid"]), (&json!("held"), &json!(child.id().unwrap())));
    let ends = shell.done(&["--json", "uploads", "abort", &url, "--all"]).await.json();
    assert!(states(&ends).iter().all(|(_, state)| state == "held"), "it may be its process's upload: {ends}");

    child.kill().await.unwrap();
    let candidates = list(&shell, "").await["uploads"].as_array().unwrap().clone();
    for upload in &candidates {
        assert_eq!((&upload["journal"]["state"], &upload["parts"]), (&json!("candidate"), &json!(0)));
    }
    shell.store.emulator.set_faults(FaultPlan::new());
    let receipt = shell.done(&put).await.json();
    assert_eq!(receipt["resumed_parts"], 0);
    assert!(receipt["warnings"][0].as_str().unwrap().contains("uploads list"), "{receipt}");
    let left = list(&shell, "").await["uploads"].as_array().unwrap().clone();
    assert!(!left.is_empty() && left.len() == candidates.len(), "{left:?}");
    assert!(left.iter().all(|upload| upload["journal"] == Value::Null), "{left:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_that_only_a_customer_key_shows_are_told_with_it_and_else_what_the_journal_knows() {
    let refused = FaultPlan::new().on("UploadPart").part(2).answer(403, "AccessDenied");
    let shell = Shell::s3(|options| options.faults(refused)).await;
    let (source, key) = (shell.data("sealed", (5 << 20) + 1), shell.key_source());
    let words = ["put", source.to_str().unwrap(), &shell.url("sealed"), "--part-size", "5MiB"];
    let put = shell.run(&[&words[..], &["--concurrency", "1", "--sse-key", &key]].concat()).await;
    assert_eq!(put.code(), Some(4), "{}", put.err);

    let listing = ["uploads", "list", &shell.url("")];
    let blind = shell.done(&listing).await;
    assert!(blind.out.contains("at least 1, 5 MiB, by the journal here"), "{}", blind.out);
    for text in ["are not known: ListParts failed", "name it with --sse-key", "1 unfinished upload, bytes not known"] {
        assert!(blind.err.contains(text), "{text} is missing in {}", blind.err);
    }
    let seeing = shell.done(&[&listing[..], &["--sse-key", &key]].concat()).await;
    assert!(seeing.out.contains("1, 5 MiB") && !seeing.out.contains("at least"), "{}", seeing.out);
    assert!(seeing.err.contains("1 unfinished upload, 5 MiB") && !seeing.err.contains("not known"), "{}", seeing.err);

    let end = shell.done(&["uploads", "abort", &shell.url("sealed"), "--all"]).await;
    assert!(
        end.out.contains("removed: upload") && !end.err.contains("parts of some uploads"),
        "{} {}",
        end.out,
        end.err
    );
    assert_eq!(list(&shell, "").await["uploads"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_was_named_and_is_not_there_is_the_error_and_nothing_else() {
    let shell = Shell::new().await;
    let ran = shell.run(&["uploads", "abort", &shell.url(""), "--upload-id", "nope"]).await;
    assert!(ran.err.contains("there is no unfinished upload nope"), "{}", ran.err);
    assert!(!ran.err.contains("nothing to remove"), "{}", ran.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn listed_keys_do_not_drive_the_terminal() {
    let shell = Shell::new().await;
    let name = "a\tb\nremoved: upload b";
    strange(&shell.store.client(), name).await;
    for command in [&["uploads", "list"][..], &["uploads", "abort", "--all"]] {
        let ran = shell.done(&[command, &[&shell.url("")]].concat()).await;
        assert!(ran.out.contains("a\\tb\\nremoved"), "{:?}", ran.out);
        assert!(!ran.out.lines().any(|line| line.starts_with("removed: upload b")), "{:?}", ran.out);
    }
    assert!(keys(&list(&shell, "").await, &shell).is_empty(), "and are removed all the same");
}

#[tokio::test(flavor = "multi_thread")]
async fn more_uploads_than_a_page_holds_are_all_listed() {
    let shell = Shell::new().await;
    let client = shell.store.client();
    stream::iter(0..1003)
        .map(|at| {
            let client = &client;
            async move { Ok::<_, ()>(strange(client, &format!("many/{at}")).await) }
        })
        .buffer_unordered(8)
        .try_collect::<Vec<_>>()
        .await
        .unwrap();
    strange(&client, "other").await;
    assert_eq!(keys(&list(&shell, "many/").await, &shell).len(), 1003);
    let pages = shell.store.operations().iter().filter(|name| *name == "ListUploads").count();
    assert_eq!(pages, 2);
}
