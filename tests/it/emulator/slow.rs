//! Clients that hold what others wait for: none of them holds it for ever.

use std::time::Duration;

use bytes::Bytes;
use futures::stream;

use super::{raw::Raw, served::Served};

const LEN: usize = 32 << 20;

/// More than lies between the two in the buffers of the system and of the HTTP library.
async fn begin_to_read(raw: &Raw) -> reqwest::Response {
    let answer = raw.signed("GET", "large", &[], &[]).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_nothing_of_an_answer_gives_the_connection_to_others() {
    for more in [&["--tls"][..], &[]] {
        let dir = tempfile::tempdir().unwrap();
        let limits = ["--limit", "max_connections=2", "--limit", "body_timeout=1"];
        let served = Served::start(dir.path(), &[&limits[..], more].concat());
        let raw = served.raw();
        raw.put("large", &[], &vec![7; LEN]).await.ok();
        let unread = [begin_to_read(&raw).await, begin_to_read(&raw).await];
        // On a connection of its own, which waits for one of the two to end.
        served.raw().get("absent", &[]).await.refused(404, "NoSuchKey");
        for answer in unread {
            // By then both have taken nothing for long enough, or begin to take it all.
            match answer.bytes().await {
                Ok(whole) => assert_eq!(whole.len(), LEN),
                Err(error) => assert!(error.is_body() || error.is_decode(), "{error:?}"),
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_of_parts_that_comes_byte_by_byte_is_refused_in_the_end() {
    let dir = tempfile::tempdir().unwrap();
    let served = Served::start(dir.path(), &["--limit", "body_timeout=1"]);
    let raw = served.raw();
    let id = raw.initiate("k", &[]).await;
    // It always brings something within the second.
    let drip = stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        Some((Ok::<_, std::io::Error>(Bytes::from_static(b" ")), ()))
    });
    let request = raw.signed("POST", "k", &[("uploadId", &id)], &[]).header("Content-Length", 1 << 20);
    let answer = request.body(reqwest::Body::wrap_stream(drip)).send().await.unwrap();
    assert_eq!(answer.status(), 400);
    assert!(answer.text().await.unwrap().contains("<Code>RequestTimeout</Code>"));
    raw.abort("k", &id).await.ok();
}
