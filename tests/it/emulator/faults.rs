//! Faults strike where the plan says, and leave the store as they promise.

use std::{
    io::ErrorKind,
    time::{Duration, Instant},
};

use sealift::emulator::FaultPlan;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::raw::{Raw, Said, crc64, customer, kms, managed};
use crate::support::{Store, pattern, store, store_with};

const MODE: &str = "x-cos-server-side-encryption";
const KEY_ID: &str = "x-cos-server-side-encryption-cos-kms-key-id";
const KEY_MD5: &str = "x-cos-server-side-encryption-customer-key-MD5";

fn echo<'a>(said: &'a Said, name: &str) -> Option<&'a str> {
    said.headers.get(name).map(|value| value.to_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answered_part_was_not_stored_and_the_next_attempt_is() {
    let store = store().await;
    let raw = Raw::new(&store);
    let id = raw.initiate("k", &[]).await;
    store.emulator.set_faults(FaultPlan::new().on("UploadPart").part(2).attempt(1).answer(503, "SlowDown"));
    raw.part("k", &id, 1, &[], b"one").await.ok();
    raw.part("k", &id, 2, &[], b"two").await.refused(503, "SlowDown");
    assert!(!raw.list_parts("k", &id, &[]).await.ok().text().contains("<PartNumber>2<"));
    raw.part("k", &id, 2, &[], b"two").await.ok();
    let struck: Vec<_> = store
        .emulator
        .transcript()
        .into_iter()
        .filter_map(|seen| Some((seen.part?, seen.status, seen.fault?)))
        .collect();
    assert_eq!(struck, [(2, 503, "answer".to_owned())]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_does_nothing_and_a_lost_answer_does_the_work() {
    let store = store().await;
    let raw = Raw::new(&store);
    store.emulator.set_faults(FaultPlan::new().on("Put").key("reset").reset().on("Put").key("lost").lose_answer());
    assert!(raw.try_send("PUT", "reset", &[], &[], b"bytes").await.is_none());
    assert!(raw.try_send("PUT", "lost", &[], &[], b"bytes").await.is_none());
    raw.get("reset", &[]).await.refused(404, "NoSuchKey");
    assert_eq!(raw.get("lost", &[]).await.ok().body, b"bytes");
    let statuses: Vec<_> = store.emulator.transcript().into_iter().filter(|seen| seen.operation == "Put").collect();
    assert!(statuses.iter().all(|seen| seen.status == 0), "{statuses:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn complete_can_fail_inside_a_200_or_in_its_white_space() {
    let store = store().await;
    let raw = Raw::new(&store);
    let id = raw.initiate("k", &[]).await;
    let part = raw.part("k", &id, 1, &[], b"bytes").await.ok();
    let parts = [(1, part.etag().to_owned())];
    store.emulator.set_faults(
        FaultPlan::new().on("Complete").attempt(1).error_in_200("InternalError").on("Complete").attempt(2).cut_stream(),
    );
    let said = raw.complete("k", &id, &parts, &[]).await;
    assert_eq!((said.status.as_u16(), said.element("Code").as_deref()), (200, Some("InternalError")));
    assert!(said.text().trim_start().contains("<Error>"));
    raw.get("k", &[]).await.refused(404, "NoSuchKey");
    let cut = raw.try_send("POST", "k", &[("uploadId", &id)], &[], super::raw::complete_body(&parts).as_bytes()).await;
    assert!(cut.is_none(), "{cut:?}");
    assert_eq!(raw.get("k", &[]).await.ok().body, b"bytes");
    raw.complete("k", &id, &parts, &[]).await.refused(404, "NoSuchUpload");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_head_of_a_cut_answer_arrives() {
    let store = store().await;
    let raw = Raw::new(&store);
    let bytes = pattern(3 << 20, 1);
    raw.put("k", &[], &bytes).await.ok();
    store.emulator.set_faults(FaultPlan::new().on("Get").times(1).cut_body());
    let path = format!("/{}/k", raw.bucket);
    let signed = raw.authorize("GET", &path, &[], &[("host".to_owned(), raw.host.clone())]);
    let mut answer = raw.http.get(format!("{}{path}", raw.base)).header("Authorization", signed).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let mut got = Vec::new();
    let end = loop {
        match answer.chunk().await {
            Ok(Some(chunk)) => got.extend_from_slice(&chunk),
            end => break end,
        }
    };
    assert!(end.is_err() && !got.is_empty() && got.len() < bytes.len() && bytes.starts_with(&got));
    assert!(raw.get("k", &[]).await.ok().body == bytes);
}

#[tokio::test(flavor = "multi_thread")]
async fn checksums_and_confirmations_can_lie() {
    let store = store().await;
    let raw = Raw::new(&store);
    let key = [7; 32];
    let truth = raw.put("k", &customer(&key), b"bytes").await.ok();
    store.emulator.set_faults(FaultPlan::new().on("Put").wrong_crc());
    assert_ne!(raw.put("k", &[], b"bytes").await.ok().crc64(), crc64(b"bytes"));

    store.emulator.set_faults(FaultPlan::new().on("*").drop_echo());
    for sse in [managed(), kms("key-1"), customer(&key)] {
        let opened = raw.send("POST", "k", &[("uploads", "")], &sse, &[]).await.ok();
        let put = raw.put("k", &sse, b"bytes").await.ok();
        for said in [opened, put] {
            assert!(!said.headers.keys().any(|name| name.as_str().contains("encryption")), "{said:?}");
        }
    }

    store.emulator.set_faults(FaultPlan::new().on("Put").downgrade_echo());
    let put = raw.put("k", &customer(&key), b"bytes").await.ok();
    assert_eq!((echo(&put, MODE), echo(&put, KEY_MD5)), (Some("AES256"), None));
    let put = raw.put("k", &kms("key-1"), b"bytes").await.ok();
    assert_eq!((echo(&put, MODE), echo(&put, KEY_ID)), (Some("AES256"), None));
    assert_eq!(echo(&raw.put("k", &managed(), b"bytes").await.ok(), MODE), None);

    store.emulator.set_faults(FaultPlan::new().on("Put").alter_echo());
    let put = raw.put("k", &customer(&key), b"bytes").await.ok();
    assert!(echo(&put, KEY_MD5).is_some_and(|md5| md5.len() == 24 && Some(md5) != echo(&truth, KEY_MD5)));
    assert!(echo(&raw.put("k", &kms("key-1"), b"bytes").await.ok(), KEY_ID).is_some_and(|id| id != "key-1"));
    assert!(echo(&raw.put("k", &managed(), b"bytes").await.ok(), MODE).is_some_and(|mode| mode != "AES256"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checksum_can_be_missing_and_a_request_be_cut() {
    let store = store().await;
    let raw = Raw::new(&store);
    store.emulator.set_faults(FaultPlan::new().on("Put").attempt(1).cut_request(1 << 20).on("Put").drop_crc());
    assert!(raw.try_send("PUT", "k", &[], &[], &pattern(8 << 20, 1)).await.is_none());
    raw.get("k", &[]).await.refused(404, "NoSuchKey");
    let seen = &store.emulator.transcript()[0];
    assert!(seen.status == 0 && (1 << 20..8 << 20).contains(&seen.received), "{seen:?}");
    assert!(!raw.put("k", &[], b"bytes").await.ok().headers.contains_key("x-cos-hash-crc64ecma"));
    assert_eq!(raw.get("k", &[]).await.ok().crc64(), crc64(b"bytes"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_can_be_slow() {
    let store = store().await;
    let raw = Raw::new(&store);
    let bytes = pattern(3 << 20, 1);
    raw.put("k", &[], &bytes).await.ok();
    store.emulator.set_faults(FaultPlan::new().on("Get").slow_body(50));
    let begun = Instant::now();
    assert!(raw.get("k", &[]).await.ok().body == bytes);
    assert!(begun.elapsed() >= Duration::from_millis(150));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delay_comes_before_the_answer() {
    let store = store().await;
    let raw = Raw::new(&store);
    store.emulator.set_faults(FaultPlan::from_json(r#"[{"on": "Put", "do": "delay", "ms": 300}]"#).unwrap());
    let begun = Instant::now();
    raw.put("k", &[], b"bytes").await.ok();
    assert!(begun.elapsed() >= Duration::from_millis(300));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lingering_complete_closes_its_connection_first_and_makes_the_object_later() {
    let store = store().await;
    let raw = Raw::new(&store);
    let id = raw.initiate("k", &[]).await;
    let part = raw.part("k", &id, 1, &[], b"one").await.ok();
    let body = super::raw::complete_body(&[(1, part.etag().to_owned())]);
    store.emulator.set_faults(FaultPlan::new().on("Complete").times(1).linger(1_000));
    let cut = raw.try_send("POST", "k", &[("uploadId", &id)], &[], body.as_bytes()).await;
    assert!(cut.is_none(), "{cut:?}");
    raw.list_parts("k", &id, &[]).await.ok();
    while raw.head("k", &[]).await.status != 200 {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    raw.list_parts("k", &id, &[]).await.refused(404, "NoSuchUpload");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_answer_comes_after_the_work() {
    let store = store().await;
    let raw = Raw::new(&store);
    store.emulator.set_faults(FaultPlan::new().on("Put").answer_late(300));
    let put = raw.put("k", &[], b"bytes");
    let looking = async {
        while raw.head("k", &[]).await.status != 200 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Instant::now()
    };
    let (answered, seen) = tokio::join!(
        async {
            put.await.ok();
            Instant::now()
        },
        looking
    );
    assert!(seen < answered);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_error_can_be_answered_although_the_work_was_done() {
    let store = store().await;
    let raw = Raw::new(&store);
    let id = raw.initiate("k", &[]).await;
    store.emulator.set_faults(
        FaultPlan::new()
            .on("UploadPart")
            .answer_after(500, "InternalError")
            .on("Complete")
            .error_in_200_after("InternalError"),
    );
    raw.part("k", &id, 1, &[], b"bytes").await.refused(500, "InternalError");
    let listed = raw.list_parts("k", &id, &[]).await.ok();
    let parts = [(1, listed.element("ETag").unwrap().replace("&quot;", ""))];
    let said = raw.complete("k", &id, &parts, &[]).await;
    assert_eq!((said.status.as_u16(), said.element("Code").as_deref()), (200, Some("InternalError")));
    assert_eq!(raw.get("k", &[]).await.ok().body, b"bytes");
    // What is refused is refused, and no fault of it.
    raw.complete("k", &id, &parts, &[]).await.refused(404, "NoSuchUpload");
    let fault = store.emulator.transcript().into_iter().filter_map(|seen| seen.fault).collect::<Vec<_>>();
    assert_eq!(fault, ["answer_after", "error_in_200_after"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_can_break_off_in_its_head_and_in_the_body_of_any_call() {
    for tls in [true, false] {
        let store = store_with(|options| options.tls(tls)).await;
        let raw = Raw::new(&store);
        store
            .emulator
            .set_faults(FaultPlan::new().on("Put").attempt(1).cut_head().on("ListUploads").attempt(1).cut_body());
        assert!(raw.try_send("PUT", "k", &[], &[], b"bytes").await.is_none());
        assert_eq!(store.emulator.transcript()[0].status, 0);
        assert_eq!(raw.get("k", &[]).await.ok().body, b"bytes");
        assert!(raw.try_send("GET", "", &[("uploads", "")], &[], b"").await.is_none());
        raw.send("GET", "", &[("uploads", "")], &[], b"").await.ok();
        // Still a store: the connections that were cut took nothing with them.
        raw.put("k", &[], b"again").await.ok();
    }
}

/// Sends one signed GET on a connection of its own, and returns everything that came and how it ended.
async fn read_to_the_end(store: &Store) -> (Vec<u8>, std::io::Result<()>) {
    let raw = Raw::new(store);
    let path = format!("/{}/k", raw.bucket);
    let signed = raw.authorize("GET", &path, &[], &[("host".to_owned(), raw.host.clone())]);
    let mut stream = tokio::net::TcpStream::connect(store.emulator.addr()).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: {signed}\r\n\r\n", raw.host);
    let mut got = Vec::new();
    if let Err(error) = stream.write_all(request.as_bytes()).await {
        return (got, Err(error));
    }
    let mut piece = [0; 4096];
    loop {
        match stream.read(&mut piece).await {
            Ok(0) => return (got, Ok(())),
            Ok(count) => got.extend_from_slice(&piece[..count]),
            Err(error) => return (got, Err(error)),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_can_end_after_the_answer_without_a_word_softly_or_with_a_reset() {
    let store = store_with(|options| options.tls(false)).await;
    Raw::new(&store).put("k", &[], b"bytes").await.ok();
    store.emulator.set_faults(FaultPlan::new().on("Get").close_after());
    let (got, end) = read_to_the_end(&store).await;
    let text = String::from_utf8(got).unwrap();
    assert!(end.is_ok() && text.starts_with("HTTP/1.1 200") && text.ends_with("bytes"), "{end:?} {text}");
    assert!(!text.to_lowercase().contains("connection:"), "{text}");
    let is_reset = |end: &std::io::Result<()>| end.as_ref().is_err_and(|end| end.kind() == ErrorKind::ConnectionReset);
    for plan in [
        FaultPlan::new().on("Get").lose_answer().on("Get").hard(),
        FaultPlan::new().on("Connection").hard().on("Get").reset(),
        FaultPlan::new().on("Connection").reset().on("Connection").hard(),
    ] {
        store.emulator.set_faults(plan);
        let (got, end) = read_to_the_end(&store).await;
        assert!(got.is_empty() && is_reset(&end), "{end:?}");
    }
    store.emulator.set_faults(FaultPlan::new().on("Connection").attempt(1).reset());
    assert!(read_to_the_end(&store).await.0.is_empty());
    Raw::new(&store).get("k", &[]).await.ok();
    let struck = store.emulator.transcript().into_iter().rev().find(|seen| seen.operation == "Connection").unwrap();
    assert_eq!((struck.fault.as_deref(), struck.status), (Some("reset"), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn bandwidth_can_be_limited_for_a_request_and_for_a_connection() {
    let store = store().await;
    let raw = Raw::new(&store);
    let bytes = pattern(200_000, 1);
    for on in ["Put", "Get", "Connection"] {
        store.emulator.set_faults(FaultPlan::new().on(on).limit_rate(400_000));
        // A connection of its own each time.
        let raw = Raw { http: super::raw::http_client(store.emulator.ca_cert()), ..raw.clone() };
        let begun = Instant::now();
        raw.put("k", &[], &bytes).await.ok();
        let put = begun.elapsed();
        let begun = Instant::now();
        assert!(raw.get("k", &[]).await.ok().body == bytes);
        let get = begun.elapsed();
        let slow = Duration::from_millis(300);
        assert!(on == "Get" || put > slow, "{on}: {put:?}");
        assert!(on == "Put" || get > slow, "{on}: {get:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn chance_strikes_the_same_requests_with_the_same_seed_whatever_their_order() {
    let plan = |seed| FaultPlan::new().seed(seed).on("Put").chance(0.3).answer(503, "SlowDown");
    let mut struck = Vec::new();
    for (seed, backwards) in [(7, false), (7, true), (8, false)] {
        let store = store().await;
        store.emulator.set_faults(plan(seed));
        let raw = Raw::new(&store);
        let mut keys: Vec<String> = (0..60).map(|number| format!("key-{number:02}")).collect();
        if backwards {
            keys.reverse();
        }
        for key in &keys {
            raw.put(key, &[], b"bytes").await;
        }
        let mut hit: Vec<String> =
            store.emulator.transcript().into_iter().filter(|seen| seen.fault.is_some()).map(|seen| seen.key).collect();
        hit.sort();
        struck.push(hit);
    }
    assert!((8..30).contains(&struck[0].len()), "{struck:?}");
    assert_eq!(struck[0], struck[1]);
    assert_ne!(struck[0], struck[2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn random_faults_do_no_harm_to_what_was_acknowledged() {
    let store = store().await;
    let raw = Raw::new(&store);
    store.emulator.set_faults(FaultPlan::from_json(r#"{"seed": 3, "random": 0.4}"#).unwrap());
    let mut done = 0;
    for number in 0..40_u64 {
        let (key, bytes) = (format!("key-{number}"), pattern(1000, number));
        while raw.try_send("PUT", &key, &[], &customer(&[9; 32]), &bytes).await.is_none_or(|said| said.status != 200) {}
        let got = loop {
            let got = raw.try_send("GET", &key, &[], &customer(&[9; 32]), &[]).await;
            if let Some(got) = got.filter(|got| got.status == 200) {
                break got;
            }
        };
        assert!(got.body == bytes);
        done += 1;
    }
    let names: std::collections::BTreeSet<String> =
        store.emulator.transcript().into_iter().filter_map(|seen| seen.fault).collect();
    assert!(done == 40 && names.len() > 5, "{names:?}");
}
