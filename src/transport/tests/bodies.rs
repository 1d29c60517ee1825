//! Bodies on their way out: early refusals, failures of the body itself, and connections that stand still.

use std::{
    pin::Pin,
    sync::{Arc, Mutex},
    task::{Context, Poll},
    time::Duration,
};

use bytes::Bytes;
use futures::future::join_all;
use http_body::{Body, Frame};
use tokio::time::Instant;

use super::server::{Act, Server, head, no_sse, part, part_of, part_taken, refusal};
use crate::{
    error::{Error, ErrorKind},
    ident::PartNumber,
    wire::{BoxBody, Call as _, ObjectProperties, Payload, Put, Replay},
};

const MIB: usize = 1 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_before_the_body_is_through_is_the_answer_that_is_seen() {
    let closing = refusal("403 Forbidden", "AccessDenied").replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
    let (call, sse) = (part(16 * MIB), no_sse());
    for act in [Act::Refuse(closing.clone()), Act::RefuseLate(closing.clone()), Act::Slam(closing)] {
        let rounds = (0..50).map(async |round| {
            let server = Server::follow([act.clone()]).await;
            let error = server.client().send(&call, &sse).await.unwrap_err();
            assert_eq!(error.code(), Some("AccessDenied"), "round {round}, {act:?}: {error:?}");
        });
        join_all(rounds).await;
    }
}

#[tokio::test]
async fn a_body_held_back_is_sent_when_no_answer_comes_first() {
    let server = Server::follow([Act::Hangup, Act::Answer(part_taken())]).await;
    let answered = server.client().send(&part(4 * MIB), &no_sse()).await.unwrap();
    assert_eq!(answered.attempts, 2);
    assert_eq!(server.seen().last().map(|seen| seen.body), Some(4 * MIB));
}

#[tokio::test]
async fn a_request_cut_short_is_sent_again_even_if_it_may_happen_only_once() {
    // Far more than all buffers on the way take, so that the store cannot have seen its end.
    let call = Put {
        checksum: None,
        key: super::server::key(),
        properties: ObjectProperties::default(),
        payload: Payload::Bytes(Bytes::from(vec![7; 64 * MIB])),
        content_md5: None,
        forbid_overwrite: true,
        traffic_limit: None,
    };
    assert!(!call.replayable());
    let server = Server::follow([Act::Hangup, Act::Answer(part_taken())]).await;
    assert_eq!(server.client().send(&call, &no_sse()).await.unwrap().attempts, 2);
}

#[tokio::test]
async fn a_success_before_the_body_is_through_is_not_believed() {
    let server = Server::follow([Act::Refuse(part_taken())]).await;
    let client = server.client_with(|options| options.attempts = 3);
    let error = client.send(&part(64 * MIB), &no_sse()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Protocol | ErrorKind::Unavailable), "{error:?}");
}

#[tokio::test]
async fn a_server_that_stops_reading_has_stalled() {
    let server = Server::follow([Act::Starve]).await;
    let client = server.client_with(|options| {
        options.stall_timeout = Duration::from_millis(500);
        options.attempts = 1;
    });
    let error = client.send(&part(64 * MIB), &no_sse()).await.unwrap_err();
    assert_eq!((error.kind(), error.is_doubtful()), (ErrorKind::Unavailable, false), "{error:?}");
}

#[tokio::test]
async fn a_server_that_never_answers_has_stalled_and_leaves_doubt() {
    let server = Server::follow([Act::Ignore]).await;
    let client = server.client_with(|options| {
        options.stall_timeout = Duration::from_millis(300);
        options.attempts = 1;
    });
    let error = client.send(&part(10), &no_sse()).await.unwrap_err();
    assert_eq!((error.kind(), error.is_doubtful()), (ErrorKind::Unavailable, true));
    assert!(error.message().contains("did not answer in 0.6 s"), "{error}");
}

/// A body whose frames and pauses a test chooses.
#[derive(Clone)]
struct Scripted {
    length: u64,
    frames: Vec<Result<Bytes, &'static str>>,
    pause: Duration,
    fault: Arc<Mutex<Option<Error>>>,
}

impl Scripted {
    fn new(length: u64, frames: Vec<Result<Bytes, &'static str>>) -> Self {
        Self { length, frames, pause: Duration::ZERO, fault: Arc::default() }
    }

    fn payload(self) -> Payload {
        Payload::Replay(Arc::new(self))
    }
}

impl Replay for Scripted {
    fn len(&self) -> u64 {
        self.length
    }

    fn open(&self) -> BoxBody {
        let sleep = Box::pin(tokio::time::sleep(self.pause));
        Box::pin(Opened { script: self.clone(), next: 0, sleep })
    }

    fn take_fault(&self) -> Option<Error> {
        self.fault.lock().unwrap().take()
    }
}

struct Opened {
    script: Scripted,
    next: usize,
    sleep: Pin<Box<tokio::time::Sleep>>,
}

impl Body for Opened {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        std::task::ready!(self.sleep.as_mut().poll(cx));
        let deadline = Instant::now() + self.script.pause;
        self.sleep.as_mut().reset(deadline);
        let frame = self.script.frames.get(self.next).cloned();
        self.next += 1;
        Poll::Ready(frame.map(|frame| {
            frame.map(Frame::data).map_err(|message| {
                *self.script.fault.lock().unwrap() = Some(Error::new(ErrorKind::Source, message));
                Error::new(ErrorKind::Internal, "not this one")
            })
        }))
    }
}

#[tokio::test]
async fn the_bodys_own_failure_is_the_error_and_is_not_sent_again() {
    let server = Server::answering(&part_taken()).await;
    let body = Scripted::new(20, vec![Ok(Bytes::from_static(b"0123456789")), Err("the disk is gone")]);
    let error = server.client().send(&part_of(body.payload()), &no_sse()).await.unwrap_err();
    assert_eq!((error.kind(), error.message()), (ErrorKind::Source, "the disk is gone"));
    assert_eq!(error.attempts(), Some(1));
    assert_eq!(error.part(), Some(PartNumber::FIRST));
}

#[tokio::test]
async fn a_body_of_another_length_than_announced_is_a_defect() {
    let server = Server::answering(&part_taken()).await;
    for frames in [vec![Ok(Bytes::from_static(b"short"))], vec![Ok(Bytes::from_static(b"much too long for it"))]] {
        let error = server.client().send(&part_of(Scripted::new(10, frames).payload()), &no_sse()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal);
        assert_eq!(error.attempts(), Some(1));
    }
}

#[tokio::test]
async fn a_slow_source_is_not_a_stalled_network() {
    let server = Server::answering(&part_taken()).await;
    let frames = (0..4).map(|_| Ok(Bytes::from_static(b"x"))).collect();
    let body = Scripted { pause: Duration::from_millis(400), ..Scripted::new(4, frames) };
    let client = server.client_with(|options| {
        options.stall_timeout = Duration::from_millis(100);
        options.attempts = 1;
    });
    client.send(&part_of(body.payload()), &no_sse()).await.unwrap();
}

#[tokio::test]
async fn a_replayed_body_arrives_whole_each_time() {
    let server =
        Server::follow([Act::Answer(refusal("500 Internal Server Error", "InternalError")), Act::Answer(part_taken())])
            .await;
    let frames = (0..100).map(|_| Ok(Bytes::from(vec![1; 10_000]))).collect();
    server.client().send(&part_of(Scripted::new(1_000_000, frames).payload()), &no_sse()).await.unwrap();
    assert_eq!(server.seen().iter().map(|seen| seen.body).collect::<Vec<_>>(), [1_000_000, 1_000_000]);
}

#[tokio::test]
async fn an_empty_body_says_so_and_a_head_has_none() {
    let server = Server::follow([
        Act::Answer(part_taken()),
        Act::Answer("HTTP/1.1 200 OK\r\netag: \"0\"\r\ncontent-length: 5\r\nx-cos-request-id: x\r\n\r\n".to_owned()),
    ])
    .await;
    let client = server.client();
    client.send(&part_of(Payload::Empty), &no_sse()).await.unwrap();
    client.send(&head(), &no_sse()).await.unwrap();
    let seen = server.seen();
    assert_eq!(seen[0].header("content-length"), Some("0"));
    assert_eq!((seen[1].header("content-length"), seen[1].header("transfer-encoding")), (None, None));
}
