//! Answers: slow, endless, too large, pointing elsewhere, and streams of bytes.

use std::{sync::Arc, time::Duration};

use super::server::{Act, COMPLETED, Server, answer, complete, head, key, no_sse, part, part_taken, refusal};
use crate::{
    dialect::S3,
    error::ErrorKind,
    ident::{Bucket, ObjectKey},
    signing::Credentials,
    sse::SseContext,
    transport::{ClientOptions, StoreClient},
    wire::{Address, Addressing, Get},
};

#[tokio::test]
async fn a_redirect_is_an_error_that_names_the_host_and_nothing_goes_there() {
    let elsewhere = Server::answering(&part_taken()).await;
    let location = format!("location: http://{}/stolen?uploadId=secret", elsewhere.addr);
    for status in ["301 Moved Permanently", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"] {
        let server = Server::answering(&answer(status, &[&location], "")).await;
        let error = server.client().send(&part(10), &no_sse()).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Rejected, Some(1)));
        assert!(error.message().contains("sends on to 127.0.0.1"), "{error}");
        assert!(!error.message().contains("secret"), "{error}");
    }
    assert!(elsewhere.seen().is_empty());
}

#[tokio::test]
async fn a_redirect_to_nowhere_is_still_told() {
    for location in ["location: ../x", "location: \u{80}", "x-nothing: y"] {
        let server = Server::answering(&answer("302 Found", &[location], "")).await;
        let error = server.client().send(&part(10), &no_sse()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Rejected);
        assert!(error.message().contains("an unnamed place"), "{error}");
    }
}

#[tokio::test]
async fn a_redirect_of_s3_names_the_region_of_the_bucket() {
    let region = "x-amz-bucket-region: eu-west-1";
    let server = Server::answering(&answer("301 Moved Permanently", &[region], "")).await;
    let (bucket, at) = (Bucket::new(S3, "bucket").unwrap(), format!("http://{}", server.addr));
    let address = Address::new(S3, &bucket, None, Some(&at), Addressing::Path).unwrap();
    let credentials = Arc::new(Credentials::new("AKIDexample", "secretexample").unwrap());
    let client = StoreClient::new(address, credentials, ClientOptions::default()).unwrap();
    let error = client.send(&part(10), &SseContext::none(S3)).await.unwrap_err();
    assert!(error.message().contains("sends on to the region eu-west-1"), "{error}");
}

/// Complete's answer as the store sends it: a head, then white space, then the result.
fn completing(spaces: usize, size: usize, last: &str) -> Vec<String> {
    let chunk = |text: &str| format!("{:x}\r\n{text}\r\n", text.len());
    let mut pieces = vec!["HTTP/1.1 200 OK\r\nx-cos-request-id: x\r\ntransfer-encoding: chunked\r\n\r\n".to_owned()];
    pieces.extend((0..spaces).map(|_| chunk(&" ".repeat(size))));
    pieces.push(chunk(last) + "0\r\n\r\n");
    pieces
}

#[tokio::test]
async fn white_space_keeps_a_complete_alive_longer_than_any_silence_could_last() {
    let server = Server::follow([Act::Drip(completing(12, 1, COMPLETED), Duration::from_millis(100))]).await;
    let client = server.client_with(|options| options.stall_timeout = Duration::from_millis(300));
    let started = tokio::time::Instant::now();
    client.send(&complete(), &no_sse()).await.unwrap();
    assert!(started.elapsed() > Duration::from_secs(1), "the answer came too soon to show anything");
}

#[tokio::test]
async fn white_space_in_front_of_an_answer_does_not_count_against_its_size() {
    let server = Server::follow([Act::Drip(completing(20, 1 << 20, COMPLETED), Duration::ZERO)]).await;
    server.client().send(&complete(), &no_sse()).await.unwrap();
}

#[tokio::test]
async fn an_answer_without_end_is_given_up() {
    let endless = completing(0, 0, &"x".repeat((256 << 10) + 1));
    let server = Server::follow([Act::Drip(endless, Duration::ZERO)]).await;
    let error = server.client().send(&part(1), &no_sse()).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Protocol, Some(1)));
    assert!(error.message().contains("larger than any"), "{error}");
    let error = server.client().send(&complete(), &no_sse()).await.unwrap_err();
    assert!(error.is_doubtful());
}

#[tokio::test]
async fn of_a_refusal_only_the_beginning_is_read() {
    let body = format!("<Error><Code>AccessDenied</Code></Error>{}", "x".repeat(1 << 20));
    let server = Server::answering(&super::server::answer("403 Forbidden", &[], &body)).await;
    let error = server.client().send(&part(1), &no_sse()).await.unwrap_err();
    assert_eq!((error.status(), error.attempts()), (Some(403), Some(1)), "{error:?}");
}

#[tokio::test]
async fn white_space_without_end_is_given_up() {
    let server = Server::follow([Act::Drip(completing(65, 1 << 20, COMPLETED), Duration::ZERO)]).await;
    let error = server.client().send(&complete(), &no_sse()).await.unwrap_err();
    assert_eq!((error.kind(), error.is_doubtful()), (ErrorKind::Protocol, true), "{error:?}");
}

#[tokio::test]
async fn an_answer_that_falls_silent_has_stalled() {
    let mut pieces = completing(1, 1, COMPLETED);
    pieces.truncate(2);
    let server = Server::follow([Act::Drip(pieces, Duration::from_mins(1))]).await;
    let client = server.client_with(|options| options.stall_timeout = Duration::from_millis(200));
    let error = client.send(&complete(), &no_sse()).await.unwrap_err();
    assert_eq!((error.kind(), error.is_doubtful()), (ErrorKind::Unavailable, true));
}

#[tokio::test]
async fn a_refusal_whose_words_break_off_is_still_a_refusal() {
    let text = "HTTP/1.1 403 Forbidden\r\nx-cos-request-id: x\r\ncontent-length: 500\r\nconnection: close\r\n\r\n<Err";
    let server = Server::answering(text).await;
    let error = server.client().send(&part(1), &no_sse()).await.unwrap_err();
    assert_eq!((error.kind(), error.status(), error.attempts()), (ErrorKind::Credentials, Some(403), Some(1)));
    assert_eq!(error.request_id(), Some("x"));
}

#[tokio::test]
async fn what_is_not_http_is_not_a_store() {
    for text in ["SSH-2.0-OpenSSH_9.9\r\n", "HTTP/1.1 200 OK\r\nx\u{7}: y\r\n\r\n"] {
        let server = Server::answering(text).await;
        let error = server.client().send(&head(), &no_sse()).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Protocol, Some(1)), "{error:?}");
        assert!(error.hint().unwrap().contains("http://"));
        assert!(!server.client().send(&part(10), &no_sse()).await.unwrap_err().is_doubtful());
        assert!(!server.client().send(&complete(), &no_sse()).await.unwrap_err().is_doubtful());
    }
}

#[tokio::test]
async fn who_falls_out_of_http_after_he_was_the_store_may_have_acted() {
    let doubled = "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n".to_owned();
    let server = Server::follow([Act::Answer(part_taken()), Act::Answer(doubled)]).await;
    let client = server.client();
    client.send(&part(1), &no_sse()).await.unwrap();
    let error = client.send(&complete(), &no_sse()).await.unwrap_err();
    assert_eq!((error.kind(), error.is_doubtful()), (ErrorKind::Protocol, true));
}

#[tokio::test]
async fn a_success_without_a_request_id_did_not_come_from_the_store() {
    let portal = "HTTP/1.1 200 OK\r\netag: \"0\"\r\ncontent-length: 6\r\n\r\n<html>";
    let server = Server::answering(portal).await;
    for error in [
        server.client().send(&part(1), &no_sse()).await.unwrap_err(),
        server.client().send(&complete(), &no_sse()).await.unwrap_err(),
        server.client().get(&get(None), &no_sse()).await.unwrap_err(),
    ] {
        assert_eq!((error.kind(), error.attempts(), error.is_doubtful()), (ErrorKind::Protocol, Some(1), false));
        assert!(error.message().contains("did not come from the store"), "{error}");
    }
}

#[tokio::test]
async fn an_object_without_a_tag_or_with_another_status_is_not_believed() {
    for (status, headers) in [
        ("200 OK", &[][..]),
        ("204 No Content", &["etag: \"0\""]),
        ("206 Partial Content", &["etag: \"0\"", "content-range: bytes 0-4/5"]),
        ("304 Not Modified", &["etag: \"0\""]),
    ] {
        let server = Server::answering(&answer(status, headers, "")).await;
        let error = server.client().send(&head(), &no_sse()).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Protocol, Some(1)), "{status}");
        let error = server.client().get(&get(None), &no_sse()).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Protocol, Some(1)), "{status}");
        assert!(!error.message().contains("unnamed"), "{error}");
    }
}

#[tokio::test]
async fn silence_is_given_up_after_three_attempts() {
    let mut pieces = completing(1, 1, COMPLETED);
    pieces.truncate(2);
    let server = Server::follow([Act::Drip(pieces, Duration::from_mins(1))]).await;
    let client = server.client_with(|options| options.stall_timeout = Duration::from_millis(100));
    let error = client.send(&part(9), &no_sse()).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Unavailable, Some(3)));
}

fn get(range: Option<(u64, u64)>) -> Get {
    Get { key: key(), version_id: None, range, if_match: None }
}

async fn read(download: &mut crate::transport::ObjectStream) -> crate::error::Result<Vec<u8>> {
    let mut all = Vec::new();
    while let Some(chunk) = download.chunk().await? {
        all.extend_from_slice(&chunk);
    }
    Ok(all)
}

#[tokio::test]
async fn a_download_is_handed_over_as_it_comes() {
    let server = Server::answering(&answer("200 OK", &["etag: \"0123\""], "the bytes")).await;
    let (answered, mut download) = server.client().get(&get(None), &no_sse()).await.unwrap();
    assert_eq!(answered.value.size, 9);
    assert_eq!(read(&mut download).await.unwrap(), b"the bytes");
    assert_eq!(download.chunk().await.unwrap(), None);
}

#[tokio::test]
async fn a_download_begins_again_only_before_its_first_byte() {
    let busy = Act::Answer(refusal("503 Service Unavailable", "ServiceUnavailable"));
    let server = Server::follow([Act::Lose, busy, Act::Answer(answer("200 OK", &["etag: \"0\""], "x"))]).await;
    let client = server.client();
    let (answered, _) = client.get(&get(None), &no_sse()).await.unwrap();
    assert_eq!((answered.attempts, client.slow_downs()), (3, 1));
}

#[tokio::test]
async fn a_download_that_breaks_or_stalls_is_unavailable() {
    let head = "HTTP/1.1 200 OK\r\nx-cos-request-id: x\r\netag: \"0\"\r\ncontent-length: 10\r\n\r\nhalf ".to_owned();
    let broken = Server::follow([Act::Drip(vec![head.clone()], Duration::ZERO), Act::Lose]).await;
    let stalled = Server::follow([Act::Drip(vec![head], Duration::from_mins(1))]).await;
    for server in [broken, stalled] {
        let client = server.client_with(|options| options.stall_timeout = Duration::from_millis(300));
        let (_, mut download) = client.get(&get(None), &no_sse()).await.unwrap();
        assert_eq!(download.chunk().await.unwrap().as_deref(), Some(&b"half "[..]));
        let error = download.chunk().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable);
        assert_eq!(error.operation(), Some(crate::operation::Operation::Get));
    }
}

#[tokio::test]
async fn keys_arrive_exactly_as_they_are_signed() {
    let server = Server::answering(&part_taken()).await;
    let client = server.client();
    for (text, path) in [
        ("a b+c%~(*)'!", "a%20b%2Bc%25~%28%2A%29%27%21"),
        ("a//b", "a//b"),
        ("a...b/..c/d..", "a...b/..c/d.."),
        ("腾讯云", "%E8%85%BE%E8%AE%AF%E4%BA%91"),
        ("a?b#c", "a%3Fb%23c"),
        ("a\\b|c", "a%5Cb%7Cc"),
        ("%2e%2e/x", "%252e%252e/x"),
    ] {
        let call = crate::wire::UploadPart { key: ObjectKey::new(crate::dialect::COS, text).unwrap(), ..part(1) };
        client.send(&call, &no_sse()).await.unwrap();
        let seen = server.seen().pop().unwrap();
        let target = seen.head.split(' ').nth(1).unwrap().split('?').next().unwrap();
        assert_eq!(target, format!("/examplebucket-1250000000/{path}"), "{text}");
    }
}
