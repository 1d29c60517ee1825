//! What is sent again, and what is not.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use super::server::{Act, COMPLETED, Server, answer, complete, head, no_sse, part, part_taken, refusal};
use crate::{clock::Clock, error::ErrorKind, operation::Operation, wire::MisfitPart};

fn acts(answers: impl IntoIterator<Item = String>) -> Vec<Act> {
    answers.into_iter().map(Act::Answer).collect()
}

#[tokio::test]
async fn a_passing_failure_is_sent_again_and_counted() {
    let server = Server::follow(acts([refusal("500 Internal Server Error", "InternalError"), part_taken()])).await;
    let client = server.client();
    let answered = client.send(&part(10), &no_sse()).await.unwrap();
    assert_eq!((answered.attempts, client.retries(), client.slow_downs()), (2, 1, 0));
    assert_eq!(answered.request_id.as_deref(), Some("NjI="));
    let seen = server.seen();
    assert_eq!(seen.iter().map(|seen| seen.body).collect::<Vec<_>>(), [10, 10]);
}

#[tokio::test]
async fn a_request_to_slow_down_is_counted_and_obeyed() {
    let server = Server::follow(acts([refusal("503 Slow Down", "SlowDown"), part_taken()])).await;
    let client = server.client();
    client.send(&part(10), &no_sse()).await.unwrap();
    assert_eq!((client.retries(), client.slow_downs()), (1, 1));
}

#[tokio::test]
async fn an_error_inside_a_200_is_an_error() {
    let hidden = answer("200 OK", &[], "<Error><Code>InternalError</Code><Message>Sorry.</Message></Error>");
    let server = Server::follow(acts([hidden, part_taken()])).await;
    assert_eq!(server.client().send(&part(1), &no_sse()).await.unwrap().attempts, 2);
}

#[tokio::test]
async fn a_refusal_for_good_is_not_sent_again() {
    let server = Server::answering(&refusal("403 Forbidden", "AccessDenied")).await;
    let error = server.client().send(&part(10), &no_sse()).await.unwrap_err();
    assert_eq!((error.kind(), error.code(), error.status()), (ErrorKind::Credentials, Some("AccessDenied"), Some(403)));
    assert_eq!((error.operation(), error.attempts()), (Some(Operation::UploadPart), Some(1)));
    assert_eq!(error.part().map(crate::ident::PartNumber::get), Some(1));
    assert_eq!(error.request_id(), Some("NjI="));
    assert!(!error.is_doubtful());
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn attempts_come_to_an_end() {
    let server = Server::answering(&refusal("500 Internal Server Error", "InternalError")).await;
    let client = server.client_with(|options| options.attempts = 3);
    let error = client.send(&part(10), &no_sse()).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Unavailable, Some(3)));
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn a_body_that_arrives_damaged_is_sent_twice_more() {
    let server = Server::answering(&refusal("400 Bad Request", "BadDigest")).await;
    let error = server.client().send(&part(10), &no_sse()).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Integrity, Some(3)));
}

#[tokio::test]
async fn a_wrong_digest_that_is_refused_as_it_should_be_is_not_sent_again() {
    let server = Server::answering(&refusal("400 Bad Request", "BadDigest")).await;
    let error = server.client().send(&MisfitPart(part(10)), &no_sse()).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Integrity, Some(1)));
}

#[tokio::test]
async fn a_complete_whose_answer_is_lost_is_doubtful_and_not_sent_again() {
    let server = Server::follow([Act::Lose]).await;
    let error = server.client().send(&complete(), &no_sse()).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Unavailable, Some(1)));
    assert!(error.is_doubtful());
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn every_doubtful_end_of_complete_is_left_to_the_caller() {
    for text in [
        refusal("500 Internal Server Error", "InternalError"),
        refusal("503 Slow Down", "SlowDown"),
        refusal("409 Conflict", "PathConflict"),
        refusal("404 Not Found", "NoSuchUpload"),
        answer("200 OK", &[], "   \n<Error><Code>InternalError</Code></Error>"),
        answer("200 OK", &[], ""),
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\n \r\n".to_owned(),
        "HTTP/1.1 200 OK\r\ncontent-length: 500\r\nconnection: close\r\n\r\n<Complete".to_owned(),
    ] {
        let server = Server::follow([Act::Drip(vec![text.clone()], Duration::ZERO), Act::Lose]).await;
        let client = server.client_with(|options| options.stall_timeout = Duration::from_millis(500));
        let error = client.send(&complete(), &no_sse()).await.unwrap_err();
        assert!(error.is_doubtful(), "{text:?}: {error:?}");
        assert_eq!(error.attempts(), Some(1), "{text:?}");
    }
}

#[tokio::test]
async fn a_definite_refusal_of_complete_is_not_doubtful() {
    let server = Server::answering(&refusal("400 Bad Request", "InvalidPart")).await;
    let error = server.client().send(&complete(), &no_sse()).await.unwrap_err();
    assert_eq!((error.kind(), error.is_doubtful()), (ErrorKind::Rejected, false));
}

#[tokio::test]
async fn a_lost_answer_to_a_part_is_asked_for_again() {
    let server = Server::follow([Act::Lose, Act::Answer(part_taken())]).await;
    let answered = server.client().send(&part(100), &no_sse()).await.unwrap();
    assert_eq!(answered.attempts, 2);
}

#[tokio::test]
async fn a_part_that_is_lost_for_good_may_have_taken_effect() {
    let server = Server::follow([Act::Lose]).await;
    let client = server.client_with(|options| options.attempts = 2);
    assert!(client.send(&part(100), &no_sse()).await.unwrap_err().is_doubtful());
    assert!(!client.send(&head(), &no_sse()).await.unwrap_err().is_doubtful());
}

#[tokio::test]
async fn the_stores_own_wish_for_a_pause_is_heard() {
    let busy = answer("503 Service Unavailable", &["retry-after: 2"], "");
    let server = Server::follow(acts([busy, part_taken()])).await;
    let client = server.client();
    let started = tokio::time::Instant::now();
    client.send(&part(1), &no_sse()).await.unwrap();
    assert!(started.elapsed() >= Duration::from_secs(2));
}

/// The second that a signature starts at.
fn signed_at(head: &str) -> u64 {
    let (_, rest) = head.split_once("q-sign-time=").unwrap();
    rest.split_once(';').unwrap().0.parse().unwrap()
}

#[tokio::test]
async fn a_clock_that_is_off_is_corrected_once_for_all_calls() {
    let truth = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let date = format!("date: {}", httpdate::fmt_http_date(truth));
    let skewed = answer("403 Forbidden", &[&date], "<Error><Code>RequestTimeTooSkewed</Code></Error>");
    let server = Server::follow(acts([skewed, part_taken()])).await;
    let client = server.client_with(|options| {
        options.clock = Clock::fixed(truth - Duration::from_hours(1));
        options.attempts = 1;
    });
    client.send(&part(1), &no_sse()).await.unwrap();
    client.send(&part(1), &no_sse()).await.unwrap();
    let seen = server.seen();
    let times: Vec<u64> = seen.iter().map(|seen| signed_at(&seen.head)).collect();
    assert_eq!(times[1] - times[0], 3_600);
    assert_eq!(times[2], times[1]);
}

#[cfg(feature = "cli")]
#[tokio::test]
async fn the_time_of_the_store_is_known_from_a_good_answer_whatever_the_clock_here_says() {
    let truth = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let date = format!("date: {}", httpdate::fmt_http_date(truth));
    for (here, dates, known) in [
        (truth + Duration::from_hours(72), &[date.as_str()][..], Some(1_700_000_000)),
        // A signature bears this much.
        (truth - Duration::from_mins(10), &[&date], Some(1_700_000_000)),
        (truth, &[], None),
    ] {
        let headers = [dates, &["etag: \"e\""]].concat();
        let server = Server::answering(&answer("200 OK", &headers, "")).await;
        let client = server.client_with(|options| options.clock = Clock::fixed(here));
        assert_eq!(client.store_time(), None);
        client.send(&part(1), &no_sse()).await.unwrap();
        assert_eq!(client.store_time(), known);
    }
}

#[tokio::test]
async fn a_clock_that_is_right_is_left_alone() {
    let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let date = format!("date: {}", httpdate::fmt_http_date(now));
    let expired = "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>";
    let server = Server::answering(&answer("403 Forbidden", &[&date], expired)).await;
    let client = server.client_with(|options| options.clock = Clock::fixed(now));
    let error = client.send(&part(1), &no_sse()).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Credentials, Some(1)));
}

#[tokio::test]
async fn a_server_that_moves_its_clock_is_followed_once_per_request() {
    let base = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let skewed = |hours: u64| {
        let date = format!("date: {}", httpdate::fmt_http_date(base + Duration::from_secs(hours * 3_600)));
        answer("403 Forbidden", &[&date], "<Error><Code>RequestTimeTooSkewed</Code></Error>")
    };
    let server = Server::follow(acts([skewed(1), skewed(2), skewed(3)])).await;
    let client = server.client_with(|options| options.clock = Clock::fixed(base));
    let error = client.send(&part(1), &no_sse()).await.unwrap_err();
    assert_eq!(error.attempts(), Some(2));
}

/// Keeps a token until it hears that it was refused.
#[derive(Debug, Default)]
struct Rotating(AtomicU32);

impl crate::signing::CredentialProvider for Rotating {
    fn credentials(&self) -> crate::signing::CredentialFuture<'_> {
        let number = self.0.load(Ordering::Relaxed);
        Box::pin(async move {
            crate::signing::Credentials::new("AKIDEXAMPLE", "a-secret-key")?.with_token(format!("token-{number}"))
        })
    }

    fn refused(&self, credentials: &crate::signing::Credentials) {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        let token = credentials.token.as_ref().unwrap().expose();
        assert_eq!(token, format!("token-{number}").as_bytes());
    }
}

#[tokio::test]
async fn an_expired_token_is_replaced_once() {
    let expired = refusal("400 Bad Request", "ExpiredToken");
    let server = Server::follow(acts([expired.clone(), part_taken(), expired.clone(), expired])).await;
    let options = crate::transport::ClientOptions::default();
    let address = super::server::address(&format!("http://{}", server.addr));
    let client =
        crate::transport::StoreClient::new(address, std::sync::Arc::new(Rotating::default()), options).unwrap();
    assert_eq!(client.send(&part(1), &no_sse()).await.unwrap().attempts, 2);
    let error = client.send(&part(1), &no_sse()).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Credentials, Some(2)));
    let tokens: Vec<_> =
        server.seen().iter().map(|seen| seen.header("x-cos-security-token").unwrap().to_owned()).collect();
    assert_eq!(tokens, ["token-0", "token-1", "token-1", "token-2"]);
}

#[tokio::test]
async fn each_attempt_is_signed_anew() {
    let second = std::sync::Arc::new(AtomicU32::new(0));
    let ticking = std::sync::Arc::clone(&second);
    let server = Server::follow([Act::Lose, Act::Lose, Act::Answer(part_taken())]).await;
    let client = server.client_with(|options| {
        options.clock = Clock::from_fn(move || -> SystemTime {
            UNIX_EPOCH + Duration::from_secs(1_700_000_000 + u64::from(ticking.fetch_add(1, Ordering::Relaxed)))
        });
    });
    client.send(&part(1), &no_sse()).await.unwrap();
    let mut times: Vec<u64> = server.seen().iter().map(|seen| signed_at(&seen.head)).collect();
    let count = times.len();
    times.dedup();
    assert_eq!((count, times.len()), (3, 3));
}

#[tokio::test]
async fn a_success_of_complete_is_decoded() {
    let server = Server::answering(&answer("200 OK", &[], COMPLETED)).await;
    let answered = server.client().send(&complete(), &no_sse()).await.unwrap();
    assert_eq!(answered.value.etag.as_str(), "0123-1");
}
