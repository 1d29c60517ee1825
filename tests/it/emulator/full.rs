//! A full disk: refused, no damage, and on it goes once there is room.

use std::path::Path;

use super::{raw::customer, served::Served};
use crate::support::pattern;

const KEY: [u8; 32] = [3; 32];

/// A shell that may write no file beyond 1.5 MiB, and fails there instead of dying.
const SMALL_FILES: [&str; 3] = ["sh", "-c", "trap '' XFSZ; ulimit -f 3072; exec \"$0\" \"$@\""];

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_does_not_fit_is_refused_with_507_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let served = Served::start_under(&SMALL_FILES, dir.path(), &["--tls", "--strict"]);
    let raw = served.raw();
    raw.put("k", &customer(&KEY), b"the old one").await.ok();
    let id = raw.initiate("m", &customer(&KEY)).await;
    let first = pattern(1 << 20, 1);
    let part = raw.part("m", &id, 1, &customer(&KEY), &first).await.ok().etag().to_owned();
    let long = pattern(3 << 20, 2);
    raw.put("k", &customer(&KEY), &long).await.refused(507, "InsufficientStorage");
    raw.part("m", &id, 2, &customer(&KEY), &long).await.refused(507, "InsufficientStorage");
    raw.part("m", &id, 1, &customer(&KEY), &long).await.refused(507, "InsufficientStorage");
    assert_eq!(blobs(dir.path()), 2, "what did not fit is gone");
    assert_eq!(raw.get("k", &customer(&KEY)).await.ok().body, b"the old one");
    raw.complete("m", &id, &[(1, part)], &[]).await.ok();
    assert!(raw.get("m", &customer(&KEY)).await.ok().body == first);
    served.kill();

    let served = Served::start(dir.path(), &["--tls", "--strict"]);
    let raw = served.raw();
    raw.put("k", &customer(&KEY), &long).await.ok();
    assert!(raw.get("k", &customer(&KEY)).await.ok().body == long);
}

/// Where the system lets its users make file systems of their own, a real one is filled to the last block. `.ci/run` sets
/// `SEALIFT_CI`, with which it has to.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_file_system_is_refused_with_507_and_goes_on_when_there_is_room() {
    let dir = tempfile::tempdir().unwrap();
    let place = dir.path().to_str().unwrap();
    let mount = format!("mount -t tmpfs -o size=12m none '{place}'");
    let allowed = std::process::Command::new("unshare").args(["-rm", "sh", "-c", &mount]).status();
    if !allowed.is_ok_and(|status| status.success()) {
        let skipped = "no file system can be mounted here; the limit on files above is what stands for it";
        assert!(std::env::var_os("SEALIFT_CI").is_none(), "{skipped}");
        println!("{skipped}");
        return;
    }
    let script = format!("{mount} && exec \"$0\" \"$@\"");
    let served = Served::start_under(&["unshare", "-rm", "sh", "-c", &script], dir.path(), &["--strict"]);
    let raw = served.raw();
    let id = raw.initiate("m", &[]).await;
    let mut parts: Vec<(u32, String)> = Vec::new();
    let refused = loop {
        let number = u32::try_from(parts.len()).unwrap() + 1;
        let said = raw.part("m", &id, number, &[], &pattern(1 << 20, number.into())).await;
        if said.status != 200 {
            break said;
        }
        parts.push((number, said.etag().to_owned()));
    };
    refused.refused(507, "InsufficientStorage");
    assert!((8..12).contains(&parts.len()), "{}", parts.len());
    // Now every block, so that not even a record has room.
    let mut small = 0_u64;
    while raw.put(&format!("small-{small}"), &[], &pattern(5000, small)).await.status == 200 {
        small += 1;
    }
    let whole: Vec<u8> = parts.iter().flat_map(|(number, _)| pattern(1 << 20, (*number).into())).collect();
    raw.send("POST", "x", &[("uploads", "")], &[], &[]).await.refused(507, "InsufficientStorage");
    for number in 0..small {
        assert_eq!(raw.get(&format!("small-{number}"), &[]).await.ok().body, pattern(5000, number));
    }
    raw.send("DELETE", "small-0", &[], &[], &[]).await.ok();
    raw.send("DELETE", "small-1", &[], &[], &[]).await.ok();
    raw.complete("m", &id, &parts, &[]).await.ok();
    assert!(raw.get("m", &[]).await.ok().body == whole);
    raw.send("DELETE", "m", &[], &[], &[]).await.ok();
    raw.put("again", &[], &whole).await.ok();
    assert!(raw.get("again", &[]).await.ok().body == whole);
}

fn blobs(dir: &Path) -> usize {
    std::fs::read_dir(dir.join("examplebucket-1250000000/blobs")).unwrap().count()
}
