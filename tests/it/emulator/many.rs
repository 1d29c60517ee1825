//! Many objects, many open uploads, many parts: all of it is found again, page by page, and a start stays short.
//!
//! ```sh
//! SEALIFT_SERVE_OBJECTS=100000 SEALIFT_SERVE_UPLOADS=5000 cargo test --test it emulator::many -- --nocapture
//! ```

use std::{collections::BTreeSet, env, time::Instant};

use sealift::emulator::{Emulator, EmulatorOptions};
use tokio::task::JoinSet;

use super::{
    raw::{Raw, customer, element, managed},
    served::Served,
};

const LANES: usize = 8;

#[tokio::test(flavor = "multi_thread")]
async fn many_objects_and_uploads_are_found_again_after_a_restart() {
    let (objects, uploads) = (number("SEALIFT_SERVE_OBJECTS", 2_000), number("SEALIFT_SERVE_UPLOADS", 1_500));
    let dir = tempfile::tempdir().unwrap();
    let emulator = Emulator::start(EmulatorOptions::new(dir.path()).durable(false)).await.unwrap();
    let raw = Raw::of(&emulator);
    let begun = Instant::now();
    let mut filling = JoinSet::new();
    for lane in 0..LANES {
        let raw = raw.clone();
        filling.spawn(async move {
            for at in (lane..objects).step_by(LANES) {
                let sse = if at % 2 == 0 { managed() } else { customer(&[9; 32]) };
                raw.put(&format!("objects/{at:06}"), &sse, &at.to_le_bytes()).await.ok();
            }
            let mut ids = Vec::new();
            for at in (lane..uploads).step_by(LANES) {
                let key = format!("uploads/{:06}", at / 2);
                let id = raw.initiate(&key, &[]).await;
                raw.part(&key, &id, 1, &[], b"a part").await.ok();
                ids.push((key, id));
            }
            ids
        });
    }
    let opened: BTreeSet<(String, String)> = filling.join_all().await.into_iter().flatten().collect();
    let filled = begun.elapsed();
    emulator.stop().await;

    let served = Served::start(dir.path(), &["--tls"]);
    let raw = served.raw();
    let begun = Instant::now();
    let (mut listed, mut pages, mut slowest) = (BTreeSet::new(), 0, std::time::Duration::ZERO);
    let (mut key_marker, mut id_marker) = (String::new(), String::new());
    loop {
        let asked = Instant::now();
        let params = [("uploads", ""), ("key-marker", &*key_marker), ("upload-id-marker", &*id_marker)];
        let page = raw.send("GET", "", &params, &[], &[]).await.ok();
        slowest = slowest.max(asked.elapsed());
        pages += 1;
        for upload in page.text().split("<Upload>").skip(1) {
            listed
                .insert((element(upload, "Key").unwrap().to_owned(), element(upload, "UploadId").unwrap().to_owned()));
        }
        if page.element("IsTruncated").as_deref() == Some("false") {
            break;
        }
        (key_marker, id_marker) = (page.element("NextKeyMarker").unwrap(), page.element("NextUploadIdMarker").unwrap());
    }
    let listing = begun.elapsed();
    assert!(listed == opened, "{} uploads are listed of {}", listed.len(), opened.len());
    for at in (0..objects).step_by(objects / 100) {
        let sse = if at % 2 == 0 { Vec::new() } else { customer(&[9; 32]) };
        assert_eq!(raw.get(&format!("objects/{at:06}"), &sse).await.ok().body, at.to_le_bytes());
    }
    for (key, id) in opened.iter().step_by(50) {
        assert!(raw.list_parts(key, id, &[]).await.ok().text().contains("<Size>6</Size>"));
    }
    let peak = served.peak_memory();
    assert!(peak < 150 << 20, "peak memory {peak}");
    println!(
        "{objects} objects and {uploads} uploads, filled in {filled:?}: started in {:?}, {pages} pages of uploads in \
         {listing:?} (slowest {slowest:?}), peak memory {} MiB",
        served.started_in,
        peak >> 20
    );
    served.kill();
}

fn number(name: &str, default: usize) -> usize {
    match env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text:?}")),
        Err(_) => default,
    }
}
