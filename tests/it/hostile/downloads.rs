//! Downloads from stores that mean harm end, and leave a file only if it is whole.

use std::{fs, time::Duration};

use sealift::{
    Error, SseContext, Uploader,
    dialect::COS,
    error::ErrorKind::{self, Protocol},
    ident::ObjectKey,
    transfer::{DownloadReceipt, DownloadRequest, UploaderOptions},
};

use super::server::{Answer, Hostile};

const MIB: u64 = 1 << 20;
/// What may be on its way when somebody hangs up: the buffers of both sockets.
const ON_ITS_WAY: u64 = 24 * MIB;
/// Nobody waits so long for a store that is silent here.
const STALL: Duration = Duration::from_millis(250);

/// Downloads, and gives the bytes of all files that are left in the folder.
async fn download(store: &Hostile) -> (Result<DownloadReceipt, Error>, Vec<u8>) {
    let dir = tempfile::tempdir().unwrap();
    let key = ObjectKey::new(COS, "k").unwrap();
    let uploader = Uploader::new(UploaderOptions::default().memory(64 << 20)).unwrap();
    let request = DownloadRequest::new(store.client(COS, STALL), key, dir.path().join("object"));
    let downloading = uploader.download(request.sse(SseContext::none(COS)));
    let outcome = tokio::time::timeout(Duration::from_mins(2), downloading).await.expect("it goes on for ever");
    let left = fs::read_dir(dir.path()).unwrap().flat_map(|entry| fs::read(entry.unwrap().path()).unwrap()).collect();
    (outcome, left)
}

/// A success with these headers.
fn head(headers: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nx-cos-request-id: r\r\netag: \"e\"\r\n{headers}\r\n\r\n")
}

/// The download fails with this kind and leaves nothing.
async fn fails(name: &str, answer: Answer, kind: ErrorKind) -> Hostile {
    let store = Hostile::start(answer).await;
    let (outcome, left) = download(&store).await;
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), kind, "{name}: {error:?}");
    assert!(error.hint().is_some(), "{name}: {error:?}");
    assert!(left.is_empty(), "{name} leaves {} bytes", left.len());
    store.left_alone().await;
    store
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_without_end_is_no_object() {
    let chunks = format!("10000\r\n{}\r\n", "x".repeat(1 << 16));
    for (name, headers, endless) in [
        ("no length", "x: y", "x".repeat(1 << 16)),
        ("chunks", "transfer-encoding: chunked", chunks.clone()),
        ("an error", "content-type: application/xml", "<Error>".repeat(10_000)),
        ("chunks with a length", "content-length: 10\r\ntransfer-encoding: chunked", chunks),
    ] {
        let store = fails(name, Answer { endless, ..Answer::of(head(headers)) }, Protocol).await;
        assert!(store.sent() < MIB + ON_ITS_WAY, "{name} took {} bytes", store.sent());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_follows_the_announced_end_is_not_taken() {
    let answer = Answer { endless: "x".repeat(1 << 16), ..Answer::of(head("content-length: 1000")) };
    let store = Hostile::start(answer).await;
    let (outcome, left) = download(&store).await;
    assert_eq!(outcome.unwrap().size, 1000);
    assert_eq!(left, vec![b'x'; 1000]);
    store.left_alone().await;
    assert!(store.sent() < MIB + ON_ITS_WAY, "it took {} bytes", store.sent());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_length_that_is_not_that_of_the_object_leaves_no_file() {
    for length in [
        // More is announced than comes. The rest is asked for by its range, and this store brings everything again.
        "1000",
        "9223372036854775807",
        "-1",
        "1e3",
        "99999999999999999999999",
        "9\r\ncontent-length: 10",
    ] {
        let answer = Answer::of(format!("{}some bytes", head(&format!("content-length: {length}"))));
        fails(length, answer, Protocol).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_stops_is_not_waited_for() {
    let stops = Answer { pause: Some(Duration::from_mins(10)), ..Answer::of(head("content-length: 100") + "some") };
    fails("a body that stops", stops, Protocol).await;
    // One that drips may take its time.
    let drips = head("content-length: 10") + "some bytes";
    let store =
        Hostile::start(Answer { drip: Some(1), pause: Some(Duration::from_millis(1)), ..Answer::of(drips) }).await;
    let (outcome, left) = download(&store).await;
    assert_eq!((outcome.unwrap().size, &left[..]), (10, &b"some bytes"[..]));
}
