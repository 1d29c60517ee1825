//! More connections than the store takes, and than the system lets it have.

use std::{
    fs,
    io::{Read as _, Write as _},
    net::TcpStream,
    time::Duration,
};

use super::{raw::customer, served::Served};

const KEY: [u8; 32] = [8; 32];

/// A shell that lets the program have 40 open files.
const FEW_FILES: [&str; 3] = ["sh", "-c", "ulimit -n 40; exec \"$0\" \"$@\""];

#[test]
fn connections_beyond_the_limit_wait_until_one_ends() {
    let dir = tempfile::tempdir().unwrap();
    let served = Served::start(dir.path(), &["--limit", "max_connections=2"]);
    let own = served.sockets();
    let idle = [served.connect(), served.connect()];
    while served.sockets() < own + 2 {
        std::thread::sleep(Duration::from_millis(1));
    }
    let mut waiting = served.connect();
    waiting.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    waiting.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
    let mut first = [0];
    assert!(waiting.read(&mut first).is_err(), "it was answered at once");
    assert_eq!(served.sockets(), own + 2, "the third is not accepted");
    drop(idle);
    waiting.set_read_timeout(None).unwrap();
    waiting.read_exact(&mut first).unwrap();
    assert_eq!(first, *b"H", "an answer begins");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_free_files_it_is_503_and_over_when_there_are_some() {
    let dir = tempfile::tempdir().unwrap();
    let served = Served::start_under(&FEW_FILES, dir.path(), &["--tls"]);
    let raw = served.raw();
    raw.put("k", &customer(&KEY), b"bytes").await.ok();
    let id = raw.initiate("m", &[]).await;
    let part = raw.part("m", &id, 1, &[], b"a part").await.ok().etag().to_owned();
    let idle: Vec<TcpStream> = (0..60).map(|_| served.connect()).collect();
    while served.open_files() < 40 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // On the connection that is there already.
    raw.put("k", &customer(&KEY), b"others").await.refused(503, "SlowDown");
    raw.get("k", &customer(&KEY)).await.refused(503, "SlowDown");
    raw.part("m", &id, 2, &[], b"another").await.refused(503, "SlowDown");
    raw.complete("m", &id, &[(1, part.clone())], &[]).await.refused(503, "SlowDown");
    raw.abort("m", &id).await.refused(503, "SlowDown");
    raw.send("POST", "n", &[("uploads", "")], &[], &[]).await.refused(503, "SlowDown");
    let uploads = dir.path().join("examplebucket-1250000000/uploads");
    assert_eq!(fs::read_dir(uploads).unwrap().count(), 1, "what was not opened has left nothing");
    drop(idle);
    while served.open_files() > 30 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    // Another client has a connection of its own.
    let raw = served.raw();
    assert_eq!(raw.get("k", &customer(&KEY)).await.ok().body, b"bytes");
    raw.complete("m", &id, &[(1, part)], &[]).await.ok();
    assert_eq!(raw.get("m", &[]).await.ok().body, b"a part");
}
