//! Memory stays flat under load: it does not depend on how large bodies are, nor on how slowly they come and go.
//!
//! A store that held whole bodies would have more than half a GiB here: 64 requests, each with a body of 12 MiB, are
//! stopped after three quarters of it, all at once, and others are refused, cut off and left to be done later meanwhile.

use std::{fs, pin::pin, sync::Arc, time::Duration};

use bytes::Bytes;
use futures::stream;
use serde_json::{Value, json};
use tokio::{sync::Barrier, task::JoinSet, time::Instant};

use super::{
    raw::{Headers, Raw, crc64, customer, managed},
    served::Served,
};
use crate::support::pattern;

const KEY: [u8; 32] = [6; 32];
const LEN: usize = 12 << 20;
const PUTS: usize = 24;
const PARTS: usize = 20;
const GETS: usize = 20;
const TROUBLES: usize = 4;
const LATE: usize = 16;

/// What promises of the store's memory are about.
const MOST: u64 = 150 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_connections_with_large_bodies_stay_within_150_mib() {
    let dir = tempfile::tempdir().unwrap();
    let faults = dir.path().join("faults.json");
    fs::write(&faults, plan().to_string()).unwrap();
    let options = ["--tls", "--strict", "--faults", faults.to_str().unwrap()];
    let served = Served::start(&dir.path().join("data"), &options);
    let raw = served.raw();
    // Each has its own bytes, which are a view of these.
    let bytes = Bytes::from(pattern(LEN + 4096 * (PUTS + PARTS), 1));
    let id = raw.initiate("parts", &customer(&KEY)).await;
    for key in ["get-0", "get-1", "get-2", "get-3", "cut"] {
        raw.send("PUT", key, &[], &customer(&KEY), &bytes[..LEN]).await.ok();
    }
    let load = Load { raw, bytes, id, barrier: Arc::new(Barrier::new(PUTS + PARTS + GETS + 1)) };
    let mut lanes = JoinSet::new();
    for at in 0..PUTS {
        lanes.spawn(load.clone().put(at));
    }
    for at in 0..PARTS {
        lanes.spawn(load.clone().part(at));
    }
    for at in 0..GETS {
        lanes.spawn(load.clone().get(at));
    }
    for at in 0..TROUBLES {
        lanes.spawn(load.clone().trouble(at));
    }
    for at in 0..LATE {
        lanes.spawn(load.clone().late(at));
    }
    let begun = Instant::now();
    load.meet(&mut lanes).await;
    let (sockets, halfway) = (served.sockets(), served.peak_memory());
    load.meet(&mut lanes).await;
    lanes.join_all().await;
    load.check_late().await;
    let peak = served.peak_memory();
    println!("{sockets} sockets, {} MiB, at the end {} MiB, {:?}", halfway >> 20, peak >> 20, begun.elapsed());
    assert!(sockets > PUTS + PARTS + GETS, "only {sockets} sockets at once");
    assert!(peak <= MOST, "peak memory {} MiB", peak >> 20);
}

/// Slow, late, wrong, cut and lingering.
fn plan() -> Value {
    let late = (0..LATE).map(|at| json!({"on": "Put", "key": format!("late-{at}"), "do": "linger", "ms": 1000}));
    let rules = [
        json!({"on": "Put", "key": "put-0", "do": "limit_rate", "bytes": 6_000_000}),
        json!({"on": "Put", "key": "put-1", "do": "answer_late", "ms": 300}),
        json!({"on": "UploadPart", "part": 1, "do": "delay", "ms": 300}),
        json!({"on": "UploadPart", "part": 2, "do": "limit_rate", "bytes": 6_000_000}),
        json!({"on": "Get", "key": "get-1", "do": "slow_body", "ms": 5}),
        json!({"on": "Get", "key": "get-2", "do": "limit_rate", "bytes": 6_000_000}),
        json!({"on": "Put", "key": "short", "do": "cut_request", "bytes": 5_000_000}),
        json!({"on": "Get", "key": "cut", "do": "cut_body"}),
    ];
    rules.into_iter().chain(late).collect()
}

#[derive(Clone)]
struct Load {
    raw: Raw,
    bytes: Bytes,
    id: String,
    barrier: Arc<Barrier>,
}

impl Load {
    /// Waits for the lanes, of which one that failed does not come.
    async fn meet(&self, lanes: &mut JoinSet<()>) {
        let mut met = pin!(self.barrier.wait());
        loop {
            tokio::select! {
                _ = &mut met => break,
                Some(ended) = lanes.join_next() => ended.unwrap(),
            }
        }
    }

    fn body(&self, at: usize) -> Bytes {
        self.bytes.slice(4096 * at..4096 * at + LEN)
    }

    async fn put(self, at: usize) {
        let sse = [Headers::new(), managed(), customer(&KEY)][at % 3].clone();
        self.send(&format!("put-{at}"), &[], &sse, self.body(at)).await;
    }

    async fn part(self, at: usize) {
        let number = (at + 1).to_string();
        let params = [("partNumber", &*number), ("uploadId", &self.id)];
        self.send("parts", &params, &customer(&KEY), self.body(PUTS + at)).await;
    }

    /// Sends a body that stands still at three quarters until all others do.
    async fn send(&self, key: &str, params: &[(&str, &str)], sse: &Headers, body: Bytes) {
        let step = (Arc::clone(&self.barrier), body.clone());
        let pieces = stream::unfold(step, |(barrier, mut left)| async {
            if left.len() == LEN / 4 {
                barrier.wait().await;
                barrier.wait().await;
            }
            let piece = left.split_to(left.len().min(LEN / 64));
            (!piece.is_empty()).then_some((Ok::<_, std::io::Error>(piece), (barrier, left)))
        });
        let request = self.raw.signed("PUT", key, params, sse).header("Content-Length", LEN);
        let said = request.body(reqwest::Body::wrap_stream(pieces)).send().await.unwrap();
        let told = said.headers().get("x-cos-hash-crc64ecma").unwrap_or_else(|| panic!("{key}: {said:?}"));
        assert_eq!((said.status().as_u16(), told.to_str().unwrap()), (200, &*crc64(&body).to_string()), "{key}");
    }

    /// Reads three quarters, and the rest when all others are there.
    async fn get(self, at: usize) {
        let key = format!("get-{}", at % 4);
        let mut said = self.raw.signed("GET", &key, &[], &customer(&KEY)).send().await.unwrap();
        assert_eq!(said.status(), 200);
        let (mut read, mut waited) = (Vec::with_capacity(LEN), false);
        while let Some(piece) = said.chunk().await.unwrap() {
            read.extend_from_slice(&piece);
            if read.len() >= LEN / 4 * 3 && !waited {
                waited = true;
                self.barrier.wait().await;
                self.barrier.wait().await;
            }
        }
        assert!(read == self.bytes[..LEN], "{key}");
    }

    /// Is refused with its body under way, and cut off in both directions.
    async fn trouble(self, at: usize) {
        let (body, number) = (self.body(at), (PARTS + 1 + at).to_string());
        let params = [("partNumber", &*number), ("uploadId", &self.id)];
        let said = self.raw.try_send("PUT", "parts", &params, &customer(&[7; 32]), &body).await;
        said.unwrap().refused(403, "AccessDenied");
        let cut = self.raw.try_send("PUT", "short", &[], &[], &body).await;
        assert!(cut.is_none(), "{cut:?}");
        let cut = self.raw.try_send("GET", "cut", &[], &customer(&KEY), &[]).await;
        assert!(cut.is_none(), "{cut:?}");
    }

    /// Gets no answer: the store does it later, if it can keep so much.
    async fn late(self, at: usize) {
        let said = self.raw.try_send("PUT", &format!("late-{at}"), &[], &[], &self.body(at)).await;
        assert!(said.is_none(), "{said:?}");
    }

    /// What was to be done later is done wholly or not at all; at least one is, some time.
    async fn check_late(&self) {
        for attempt in 0..600 {
            let mut done = 0;
            for at in 0..LATE {
                let said = self.raw.head(&format!("late-{at}"), &[]).await;
                if said.status != 404 {
                    assert_eq!(said.ok().crc64(), crc64(&self.body(at)));
                    done += 1;
                }
            }
            if done > 0 {
                return;
            }
            tokio::time::sleep(Duration::from_millis(attempt)).await;
        }
        panic!("none was done later");
    }
}
