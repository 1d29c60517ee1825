//! Objects of as many parts as there may be: many at once need no more memory than promised.

use std::{fs, path::Path};

use serde_json::Value;
use tokio::{task::JoinSet, time::Instant};

use super::{raw::headers, served::Served};

const PARTS: u32 = 10_000;
const UPLOADS: usize = 20;
const PIECE: &[u8] = b"a part";

#[tokio::test(flavor = "multi_thread")]
async fn many_completes_of_10_000_parts_at_once_stay_within_150_mib() {
    let dir = tempfile::tempdir().unwrap();
    let served = Served::start(dir.path(), &["--limit", "min_part_size=1"]);
    let raw = served.raw();
    let mut ids = Vec::new();
    for at in 0..UPLOADS {
        ids.push(raw.initiate(&format!("long-{at}"), &[]).await);
    }
    let etag = raw.part("long-0", &ids[0], 1, &[], PIECE).await.ok().etag().to_owned();
    let uploads = dir.path().join("examplebucket-1250000000/uploads");
    multiply(&uploads, &ids);
    let parts: Vec<(u32, String)> = (1..=PARTS).map(|number| (number, etag.clone())).collect();
    let (begun, cpu) = (Instant::now(), served.cpu_seconds());
    let mut completing = JoinSet::new();
    for (at, id) in ids.into_iter().enumerate() {
        let (raw, parts) = (raw.clone(), parts.clone());
        completing.spawn(async move {
            let said = raw.complete(&format!("long-{at}"), &id, &parts, &[]).await.ok();
            assert!(said.element("ETag").is_some_and(|etag| etag.contains("-10000")), "{}", said.text());
        });
    }
    completing.join_all().await;
    let (took, cpu, peak) = (begun.elapsed(), served.cpu_seconds() - cpu, served.peak_memory());
    println!("{UPLOADS} Completes of {PARTS} parts: {took:?}, {cpu} s of CPU, peak memory {} MiB", peak >> 20);

    let mut reading = JoinSet::new();
    for at in 0..64 {
        let raw = raw.clone();
        reading.spawn(async move {
            let last = headers(&[("range", "bytes=59994-")]);
            assert_eq!(raw.get(&format!("long-{}", at % UPLOADS), &last).await.ok().body, PIECE);
        });
    }
    reading.join_all().await;
    println!("after 64 reads {} MiB", served.peak_memory() >> 20);
    assert!(served.peak_memory() <= 150 << 20, "peak memory {} MiB", served.peak_memory() >> 20);
}

/// Gives each upload all its parts, on disk: the one that is there, under every number. To send them takes too long.
fn multiply(uploads: &Path, ids: &[String]) {
    let first = uploads.join(&ids[0]);
    let mut record: Value = serde_json::from_slice(&fs::read(first.join("00001.json")).unwrap()).unwrap();
    for number in 1..=PARTS {
        let name = format!("{number:05}.json");
        record["number"] = number.into();
        fs::write(first.join(&name), record.to_string()).unwrap();
        for id in &ids[1..] {
            fs::hard_link(first.join(&name), uploads.join(id).join(&name)).unwrap();
        }
    }
}
