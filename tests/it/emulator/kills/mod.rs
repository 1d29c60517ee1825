//! `kill -9` at any moment loses nothing that was acknowledged, and shows nothing that is half done.
//!
//! The real `sealift serve` is put under load over several HTTPS connections: PUTs, parts (up to three at once, some in
//! place of older ones), Completes, aborts and deletes, in three encryption modes. It is killed at random moments and
//! started again on the same folder. Then each acknowledged object is read back byte by byte, each acknowledged part is
//! listed, and is read back as well once a later round completes its upload; what had no answer is there whole or not
//! at all; and the folder holds exactly the files that this needs.
//!
//! ```sh
//! cargo test --test it emulator::kills                                            # 15 kills
//! SEALIFT_SERVE_KILLS=200 cargo test --test it emulator::kills -- --nocapture     # the long form, with its figures
//! SEALIFT_SERVE_SEED=7 cargo test --test it emulator::kills                       # other moments and calls
//! ```

mod lane;

use std::{env, ffi::OsStr, fs, path::Path, time::Duration};

use self::lane::{Acknowledged, Lane};
use super::served::Served;

const LANES: u64 = 6;
const OPTIONS: [&str; 4] = ["--tls", "--strict", "--limit", "min_part_size=1"];

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_kill_9_at_any_moment() {
    let kills = number("SEALIFT_SERVE_KILLS", 15);
    let seed = number("SEALIFT_SERVE_SEED", 1);
    let dir = tempfile::tempdir().unwrap();
    let bucket = dir.path().join("examplebucket-1250000000");
    let mut lanes: Vec<Lane> = (0..LANES).map(|index| Lane::new(seed, index)).collect();
    let mut slowest = Duration::ZERO;
    for kill in 0..kills {
        let served = Served::start(dir.path(), &OPTIONS);
        slowest = slowest.max(served.started_in);
        let raw = served.raw();
        for lane in &mut lanes {
            lane.settle(&raw).await;
        }
        assert_eq!(blobs(&bucket), lanes.iter().map(Lane::blobs).sum::<usize>(), "seed {seed}, kill {kill}");
        assert!(!holds_half_written(&bucket), "seed {seed}, kill {kill}");
        let mut working = tokio::task::JoinSet::new();
        for mut lane in lanes.drain(..) {
            let raw = raw.clone();
            working.spawn(async move {
                lane.load(&raw).await;
                lane
            });
        }
        let moment = (seed * 31 + kill * 7919) % 97;
        tokio::time::sleep(Duration::from_millis(20 + moment * moment / 16)).await;
        served.kill();
        lanes = working.join_all().await;
    }
    let served = Served::start(dir.path(), &OPTIONS);
    let raw = served.raw();
    for lane in &mut lanes {
        lane.settle(&raw).await;
    }
    assert_eq!(blobs(&bucket), lanes.iter().map(Lane::blobs).sum::<usize>());
    let sum = |of: fn(&Acknowledged) -> u64| lanes.iter().map(|lane| of(&lane.acknowledged)).sum::<u64>();
    println!(
        "seed {seed}: {kills} kills; acknowledged: {} PUTs, {} deletes, {} parts, {} Completes, {} aborts; {} calls were \
         cut off; slowest start {slowest:?}",
        sum(|it| it.puts),
        sum(|it| it.deletes),
        sum(|it| it.parts),
        sum(|it| it.completes),
        sum(|it| it.aborts),
        sum(|it| it.doubtful),
    );
    assert!(sum(|it| it.parts) > kills && sum(|it| it.completes) > 0 && sum(|it| it.doubtful) > 0, "there was no load");
}

#[test]
fn a_store_that_is_killed_while_it_is_made_starts_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    // It is ready after some milliseconds; most moments are at the beginning, where the files are made.
    for micros in (0..60_u64).map(|step| step * step * 17 / 10) {
        let data = dir.path().join(micros.to_string());
        let mut process = std::process::Command::new(env!("CARGO_BIN_EXE_sealift"))
            .args(["serve", "--tls", "--data"])
            .arg(&data)
            .env_clear()
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_micros(micros));
        process.kill().unwrap();
        process.wait().unwrap();
        Served::start(&data, &["--tls"]).kill();
    }
}

fn blobs(bucket: &Path) -> usize {
    fs::read_dir(bucket.join("blobs")).unwrap().count()
}

fn holds_half_written(dir: &Path) -> bool {
    fs::read_dir(dir).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        path.extension() == Some(OsStr::new("tmp")) || path.is_dir() && holds_half_written(&path)
    })
}

fn number(name: &str, default: u64) -> u64 {
    match env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text:?}")),
        Err(_) => default,
    }
}
