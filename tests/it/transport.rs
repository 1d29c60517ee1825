//! The way to the store, tried from outside: another address, proxies, clocks, faults, and no store at all.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use sealift::{
    clock::Clock,
    dialect::Dialect,
    emulator::FaultPlan,
    error::ErrorKind,
    ident::{Bucket, Region},
    sse::{CustomerKey, SseContext},
    transport::StoreClient,
    wire::{Address, Addressing, Get, Head, ObjectProperties, Payload, Put},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinSet,
};

use crate::{
    cli::shell::{Shell, run},
    support::{Store, key, pattern, store, store_with},
};

fn put(name: &str, bytes: Vec<u8>) -> Put {
    Put {
        key: key(name),
        properties: ObjectProperties::default(),
        payload: Payload::Bytes(Bytes::from(bytes)),
        content_md5: None,
        checksum: None,
        forbid_overwrite: false,
        traffic_limit: None,
    }
}

fn get(name: &str) -> Get {
    Get { key: key(name), version_id: None, range: None, if_match: None }
}

fn head(name: &str) -> Head {
    Head { key: key(name), version_id: None }
}

fn customer() -> SseContext {
    SseContext::customer(Dialect::Cos, CustomerKey::from_bytes(*b"0123456789ABCDEF0123456789ABCDEF"))
}

async fn read(client: &StoreClient, name: &str, sse: &SseContext) -> Vec<u8> {
    let (_, mut download) = client.get(&get(name), sse).await.unwrap();
    let mut all = Vec::new();
    while let Some(chunk) = download.chunk().await.unwrap() {
        all.extend_from_slice(&chunk);
    }
    all
}

/// The address of the store's bucket as the real service would have it.
fn real_address(store: &Store) -> Address {
    let bucket = Bucket::new(Dialect::Cos, store.emulator.bucket()).unwrap();
    let region = Region::new(store.emulator.region()).unwrap();
    Address::new(Dialect::Cos, &bucket, Some(&region), None, Addressing::Auto).unwrap()
}

#[tokio::test]
async fn the_real_names_lead_to_another_address_and_stay_signed_and_verified() {
    let store = store().await;
    let mut options = store.client_options();
    options.connect_to = Some(store.emulator.addr().to_string().parse().unwrap());
    let client = StoreClient::new(real_address(&store), store.credentials(), options).unwrap();
    let bytes = pattern(300_000, 1);
    let answered = client.send(&put("folder/a b+c", bytes.clone()), &customer()).await.unwrap();
    assert!(answered.echo.is_confirmed());
    assert_eq!(read(&client, "folder/a b+c", &customer()).await, bytes);
    let host = format!("{}.cos.{}.myqcloud.com", store.emulator.bucket(), store.emulator.region());
    for request in store.emulator.transcript() {
        assert!(request.headers.iter().any(|(name, value)| name == "host" && *value == host), "{request:?}");
    }
}

#[tokio::test]
async fn a_clock_that_is_off_is_corrected_in_both_directions() {
    for ahead in [true, false] {
        let store = store().await;
        let mut options = store.client_options();
        let system = Clock::system();
        // More than a signature's lifetime, or one from the past would still be good.
        let off = Duration::from_hours(3);
        options.clock = Clock::from_fn(move || if ahead { system.now() + off } else { system.now() - off });
        let client = StoreClient::new(store.address(), store.credentials(), options).unwrap();
        let answered = client.send(&put("late", vec![1; 10]), &SseContext::none(Dialect::Cos)).await.unwrap();
        assert_eq!(answered.attempts, 2, "one refusal, one correction");
        let answered = client.send(&head("late"), &SseContext::none(Dialect::Cos)).await.unwrap();
        assert_eq!(answered.attempts, 1, "what was learned is kept");
    }
}

#[tokio::test]
async fn a_head_learns_the_clock_although_its_refusal_gives_no_reason() {
    let store = store().await;
    let mut options = store.client_options();
    let system = Clock::system();
    options.clock = Clock::from_fn(move || system.now() - Duration::from_hours(3));
    store.client().send(&put("here", vec![1; 10]), &SseContext::none(Dialect::Cos)).await.unwrap();
    let client = StoreClient::new(store.address(), store.credentials(), options).unwrap();
    let answered = client.send(&head("here"), &SseContext::none(Dialect::Cos)).await.unwrap();
    assert_eq!((answered.attempts, answered.value.size), (2, 10));
}

#[tokio::test]
async fn passing_faults_of_every_kind_end_in_success() {
    let faults = [
        FaultPlan::new().on("Put").times(2).answer(503, "SlowDown"),
        FaultPlan::new().on("Put").times(1).answer(500, "InternalError"),
        FaultPlan::new().on("Put").times(1).reset(),
        FaultPlan::new().on("Put").times(1).lose_answer(),
        FaultPlan::new().on("Put").times(1).answer(400, "RequestTimeout"),
    ];
    for plan in faults {
        let store = store_with(|options| options.faults(plan)).await;
        let client = store.client();
        let bytes = pattern(2 << 20, 3);
        let answered = client.send(&put("object", bytes.clone()), &customer()).await.unwrap();
        assert!(answered.attempts >= 2);
        assert_eq!(u64::from(answered.attempts) - 1, client.retries());
        assert_eq!(read(&client, "object", &customer()).await, bytes);
    }
}

#[tokio::test]
async fn a_wrong_or_missing_key_is_a_matter_of_encryption() {
    let store = store().await;
    let client = store.client();
    client.send(&put("locked", pattern(1000, 1)), &customer()).await.unwrap();
    let other = SseContext::customer(Dialect::Cos, CustomerKey::from_bytes([9; 32]));
    for error in [
        client.send(&head("locked"), &other).await.unwrap_err(),
        client.get(&get("locked"), &other).await.map(|_| ()).unwrap_err(),
    ] {
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Encryption, Some(1)), "{error:?}");
    }
}

/// A proxy that answers everything by itself and remembers the first lines.
async fn proxy() -> (String, Arc<Mutex<Vec<String>>>, JoinSet<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let lines = Arc::clone(&seen);
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut buffer = vec![0; 16 << 10];
            let length = stream.read(&mut buffer).await.unwrap_or(0);
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            lines.lock().unwrap().push(text.lines().next().unwrap_or_default().to_owned());
            let answer = "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    (address, seen, tasks)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_of_the_environment_is_used_and_its_answer_is_not_taken_for_the_stores() {
    let shell = Shell::with(|options| options.tls(false)).await;
    let (address, seen, _tasks) = proxy().await;
    let mut command = shell.command(&["--json", "stat", &shell.url("object"), "--endpoint", "http://store.example"]);
    command.env("http_proxy", &address);
    let ran = run(command).await;
    assert_eq!(ran.code(), Some(6), "{}", ran.err);
    assert!(ran.error()["hint"].as_str().unwrap().contains("proxy"), "{}", ran.err);
    let line = seen.lock().unwrap().first().cloned();
    assert!(line.as_deref().is_some_and(|line| line.starts_with("HEAD http://")), "{line:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_proxy_is_between_where_an_address_is_given_or_a_key_goes_out_in_the_clear() {
    let shell = Shell::with(|options| options.tls(false).allow_insecure(true)).await;
    let (address, seen, _tasks) = proxy().await;
    let source = shell.data("object", 1000);
    let (source, url) = (source.to_str().unwrap(), shell.url("object"));
    let store = shell.store.emulator.addr().to_string();
    let host = format!("http://cos.{}.myqcloud.com", shell.store.emulator.region());
    let key = shell.key_source();
    let ways = [
        vec!["--endpoint", &host, "--connect-to", &store],
        vec!["--sse-key", &key, "--allow-insecure-loopback"],
        vec!["--endpoint", &host, "--connect-to", &store, "--sse-key", &key, "--allow-insecure-loopback"],
    ];
    for way in ways {
        let mut args = vec!["put", source, &url];
        args.extend(way.iter().copied());
        let mut command = shell.command(&args);
        command.env("http_proxy", &address).env("HTTPS_PROXY", &address).env("ALL_PROXY", &address);
        let ran = run(command).await;
        assert_eq!(ran.code(), Some(0), "{way:?}: {}", ran.err);
        assert_eq!(*seen.lock().unwrap(), Vec::<String>::new(), "{way:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_key_over_plain_http_is_refused_before_anything_is_sent() {
    let shell = Shell::with(|options| options.tls(false).allow_insecure(true)).await;
    let source = shell.data("object", 1000);
    let args = ["--json", "put", source.to_str().unwrap(), &shell.url("object"), "--sse-key", &shell.key_source()];
    let ran = shell.run(&args).await;
    assert_eq!(ran.code(), Some(2), "{}", ran.err);
    assert!(ran.error()["message"].as_str().unwrap().contains("plain HTTP"), "{}", ran.err);
    assert!(ran.error()["hint"].as_str().unwrap().contains("https://"), "{}", ran.err);
    assert!(shell.store.operations().is_empty());
}
