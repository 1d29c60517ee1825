//! The transcript says what happened, and nothing that did not.

use std::fs;

use sealift::emulator::{Emulator, FaultPlan};

use super::raw::{Raw, customer, managed};
use crate::support::{Store, store, store_with};

/// The faults that the transcript has noted so far.
fn noted(emulator: &Emulator) -> Vec<String> {
    emulator.transcript().into_iter().map(|request| request.fault.unwrap_or_default()).collect()
}

async fn with(plan: FaultPlan) -> (Store, Raw) {
    let store = store().await;
    let raw = Raw::new(&store);
    store.emulator.set_faults(plan);
    (store, raw)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_without_an_effect_is_not_noted() {
    let every = FaultPlan::new().on("*").cut_body().on("*").slow_body(1).on("*").cut_stream().on("*").hard();
    let every = every.on("*").wrong_crc().on("*").alter_echo().on("*").answer_after(500, "InternalError");
    let (store, raw) = with(every).await;
    raw.complete("k", "none", &[(1, "tag".to_owned())], &[]).await.refused(404, "NoSuchUpload");
    raw.get("none", &[]).await.refused(404, "NoSuchKey");
    raw.head("none", &[]).await;
    assert_eq!(noted(&store.emulator), ["", "", ""]);
    assert_eq!(store.emulator.idle_faults().len(), 7);

    let silent = FaultPlan::new().on("*").cut_body().on("*").slow_body(1).on("*").cut_stream().on("*").hard();
    store.emulator.set_faults(silent.on("Put").alter_echo().on("Delete").wrong_crc());
    raw.put("empty", &[], b"").await.ok();
    raw.get("empty", &[]).await.ok();
    raw.head("empty", &[]).await.ok();
    raw.send("DELETE", "empty", &[], &[], &[]).await.ok();
    assert_eq!(noted(&store.emulator)[3..], ["", "", "", ""]);
    assert_eq!(store.emulator.idle_faults()[..2], ["rule 1 (cut_body on *)", "rule 2 (slow_body on *)"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fault_with_an_effect_is_noted_and_a_reset_only_where_a_connection_ends() {
    let plan = FaultPlan::new().on("*").hard().on("Put").alter_echo().on("Put").wrong_crc().on("Get").cut_body();
    let (store, raw) = with(plan.on("Head").lose_answer().on("Initiate").cut_head().on("Initiate").drop_echo()).await;
    raw.put("k", &customer(&[7; 32]), b"bytes").await.ok();
    assert!(raw.try_send("GET", "k", &[], &customer(&[7; 32]), &[]).await.is_none());
    assert!(raw.try_send("HEAD", "k", &[], &customer(&[7; 32]), &[]).await.is_none());
    // An echo that did not leave was not dropped.
    assert!(raw.try_send("POST", "k", &[("uploads", "")], &managed(), &[]).await.is_none());
    let noted = noted(&store.emulator);
    assert_eq!(noted, ["alter_echo,wrong_crc", "cut_body,hard", "lose_answer,hard", "cut_head,hard"]);
    assert_eq!(store.emulator.idle_faults(), ["rule 7 (drop_echo on Initiate)"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_has_the_time_the_method_the_parameters_and_the_request_id_and_a_run_is_marked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let store = store_with(|options| options.transcript(&path)).await;
    let raw = Raw::new(&store);
    let id = raw.initiate("k", &[]).await;
    let said = raw.part("k", &id, 3, &[], b"bytes").await.ok();
    raw.send("GET", "k", &[("q-signature", "abcdef"), ("q-ak", "open")], &[], &[]).await;
    let log = fs::read_to_string(&path).unwrap();
    let lines: Vec<serde_json::Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[0]["operation"], "Start");
    assert_eq!(lines[0]["address"], store.emulator.addr().to_string());
    assert_eq!(lines[2]["method"], "PUT");
    assert_eq!(lines[2]["request_id"], said.header("x-cos-request-id"));
    assert_eq!(lines[2]["query"], serde_json::json!([["partNumber", "3"], ["uploadId", id]]));
    assert!(lines[2]["time"].as_str().unwrap().ends_with('Z') && lines[2]["time"].as_str().unwrap().len() == 24);
    assert_eq!(lines[3]["query"], serde_json::json!([["q-signature", "***"], ["q-ak", "open"]]));
}
