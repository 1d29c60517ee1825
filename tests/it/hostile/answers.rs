//! Answers without end, without sense and without haste, call by call.

use std::time::{Duration, Instant};

use bytes::Bytes;
use sealift::{
    CustomerKey, Error, SseContext,
    dialect::{COS, Dialect, S3},
    error::ErrorKind,
    ident::{ETag, ObjectKey, PartNumber, UploadId},
    wire::{Abort, Complete, Get, Head, Initiate, ListParts, ListUploads, ObjectProperties, Payload, Put, UploadPart},
};

use super::server::{Answer, Hostile};

const MIB: u64 = 1 << 20;
/// The most that an answer may hold.
const LARGEST: u64 = 8 * MIB;
/// What may be on its way when somebody hangs up: the buffers of both sockets.
const ON_ITS_WAY: u64 = 24 * MIB;

/// The calls of an upload, and those around it.
const CALLS: [&str; 9] =
    ["Initiate", "UploadPart", "Complete", "ListParts", "ListUploads", "Abort", "Put", "Head", "Get"];

/// Sends a call to a store that always answers like this.
async fn call(store: &Hostile, dialect: Dialect, name: &str, stall: Duration) -> Result<(), Error> {
    let client = store.client(dialect, stall);
    let sse = SseContext::customer(dialect, CustomerKey::from_bytes([7; 32]));
    let key = ObjectKey::new(dialect, "k").unwrap();
    let (upload_id, part) = (UploadId::new("u").unwrap(), PartNumber::FIRST);
    let (properties, payload) = (ObjectProperties::default(), Payload::Bytes(Bytes::from_static(b"some bytes")));
    let etag = ETag::new("\"e\"").unwrap();
    match name {
        "Initiate" => {
            let call = Initiate { key, properties, checksum: None, forbid_overwrite: false };
            client.send(&call, &sse).await.map(drop)
        }
        "UploadPart" => {
            let call =
                UploadPart { key, upload_id, part, payload, content_md5: None, checksum: None, traffic_limit: None };
            client.send(&call, &sse).await.map(drop)
        }
        "Complete" => {
            let parts = vec![(part, etag)];
            let call =
                Complete { key, upload_id, parts, keeps_checksum: true, checksum: None, forbid_overwrite: false };
            client.send(&call, &sse).await.map(drop)
        }
        "ListParts" => client.send(&ListParts { key, upload_id, after: None }, &sse).await.map(drop),
        "ListUploads" => client.send(&ListUploads { prefix: String::new(), after: None }, &sse).await.map(drop),
        "Abort" => client.send(&Abort { key, upload_id }, &sse).await.map(drop),
        "Put" => {
            let call = Put {
                key,
                properties,
                payload,
                content_md5: None,
                checksum: None,
                forbid_overwrite: false,
                traffic_limit: None,
            };
            client.send(&call, &sse).await.map(drop)
        }
        "Head" => client.send(&Head { key, version_id: None }, &sse).await.map(drop),
        "Get" => {
            let call = Get { key, version_id: None, range: None, if_match: None };
            let (_, mut stream) = client.get(&call, &sse).await?;
            while stream.chunk().await?.is_some() {}
            Ok(())
        }
        other => panic!("no call is named {other}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_without_end_costs_no_more_than_the_largest_answer() {
    let answers = [
        Answer::endless("<InitiateMultipartUploadResult>", "<UploadId>u</UploadId>"),
        Answer::endless("<A>", "<B>"),
        Answer::endless("<Error><Code>", "x"),
        Answer::endless("{\"code\": \"", "\\u0000"),
    ];
    for (dialect, answer) in answers.iter().map(|answer| (COS, answer)).chain([(S3, &answers[0])]) {
        // A HEAD has no body, and that of a GET is as long as it is; see `downloads`.
        for name in CALLS.iter().filter(|name| !["Head", "Get"].contains(name)) {
            let store = Hostile::start(answer.clone()).await;
            let error = call(&store, dialect, name, Duration::from_secs(20)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Protocol, "{name}: {error:?}");
            assert!(error.message().contains("larger than any"), "{name}: {error}");
            let (tries, sent) = (store.requests().len() as u64, store.sent());
            assert_eq!(tries, 1, "{name}");
            assert!(sent < LARGEST + ON_ITS_WAY, "{name} took {sent} bytes");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn white_space_without_end_is_cut_off_too() {
    for name in ["Complete", "Initiate", "ListParts"] {
        let store = Hostile::start(Answer::endless("", " \n")).await;
        let error = call(&store, COS, name, Duration::from_secs(20)).await.unwrap_err();
        assert_eq!((error.kind(), error.is_doubtful()), (ErrorKind::Protocol, name != "ListParts"), "{error:?}");
        assert!(store.sent() < 64 * MIB + ON_ITS_WAY, "{name} took {} bytes", store.sent());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn interim_answers_without_end_are_no_answer() {
    let go_on = "HTTP/1.1 100 Continue\r\n\r\n";
    let hints = "HTTP/1.1 103 Early Hints\r\nlink: </>\r\n\r\n";
    let flood = Answer { endless: go_on.repeat(1000), ..Answer::default() };
    let drip =
        |one: &str| Answer { endless: one.to_owned(), pause: Some(Duration::from_millis(25)), ..Answer::default() };
    let cells = [("Complete", flood), ("UploadPart", drip(go_on)), ("Complete", drip(hints)), ("Head", drip(hints))];
    let cells = cells.map(async |(name, answer)| {
        let store = Hostile::start(answer).await;
        let calling = call(&store, COS, name, Duration::from_millis(250));
        let error =
            tokio::time::timeout(Duration::from_mins(2), calling).await.expect("it listens for ever").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{name}: {error:?}");
        assert!(error.hint().is_some(), "{name}: {error:?}");
        // Nobody listens to it any more, either.
        store.left_alone().await;
    });
    futures::future::join_all(cells).await;
}

/// A whole answer with this body.
fn whole(body: &str) -> Answer {
    Answer::of(format!("HTTP/1.1 200 OK\r\nx-cos-request-id: r\r\ncontent-length: {}\r\n\r\n{body}", body.len()))
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_that_are_too_deep_or_too_crowded_are_refused_at_once() {
    let deep = "<A>".repeat(1_000_000);
    let crowded = format!("<ListPartsResult>{}</ListPartsResult>", "<Part/>".repeat(1_000_000));
    let entities = format!("<!DOCTYPE x [<!ENTITY a \"{}\">]><ListPartsResult>&a;</ListPartsResult>", "b".repeat(1000));
    for document in [deep, crowded, entities, format!("<A>{}</A>", "&amp;".repeat(1_500_000))] {
        let store = Hostile::start(whole(&document)).await;
        let began = Instant::now();
        let error = call(&store, COS, "ListParts", Duration::from_secs(20)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error:?}");
        assert!(error.message().len() < 1000, "{}", error.message().len());
        // Hardly a measure of speed: a reader that is quadratic in any of these takes hours.
        assert!(began.elapsed() < Duration::from_mins(1), "{:?}", began.elapsed());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_length_that_is_not_that_of_the_answer_is_no_answer() {
    let result = "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>";
    let with = |length: &str| {
        Answer::of(format!("HTTP/1.1 200 OK\r\nx-cos-request-id: r\r\ncontent-length: {length}\r\n\r\n{result}"))
    };
    for (length, kind) in [
        // More is announced than comes, which is how a connection breaks.
        ("1000", ErrorKind::Unavailable),
        ("9223372036854775807", ErrorKind::Unavailable),
        ("18446744073709551615", ErrorKind::Protocol),
        ("10", ErrorKind::Protocol),
        ("0", ErrorKind::Protocol),
        ("-1", ErrorKind::Protocol),
        ("1e3", ErrorKind::Protocol),
        ("99999999999999999999999", ErrorKind::Protocol),
        ("85\r\ncontent-length: 86", ErrorKind::Protocol),
    ] {
        let store = Hostile::start(with(length)).await;
        let error = call(&store, COS, "Initiate", Duration::from_secs(20)).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{length:?}: {error:?}");
        assert!(error.hint().is_some() || kind == ErrorKind::Unavailable, "{length:?}: {error:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn heads_that_are_bombs_are_no_heads() {
    let start = "HTTP/1.1 200 OK\r\nx-cos-request-id: r\r\n";
    for endless in ["x: y\r\n", "x", "x: "] {
        let store = Hostile::start(Answer { endless: endless.repeat(10_000), ..Answer::of(start) }).await;
        for name in ["UploadPart", "Complete", "Head", "Get"] {
            let before = store.sent();
            let error = call(&store, COS, name, Duration::from_secs(20)).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Protocol, "{name} {endless:?}: {error:?}");
            let sent = store.sent() - before;
            assert!(sent < MIB + ON_ITS_WAY, "{name} took {sent} bytes of {endless:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_drip_are_not_waited_for_beyond_the_patience_that_was_given() {
    let head = "HTTP/1.1 200 OK\r\nx-cos-request-id: r\r\netag: \"e\"\r\ncontent-length: 0\r\nx-filling: ".to_owned();
    let dripping = Answer { head: head + &"x".repeat(100_000), drip: Some(1), ..Answer::default() };
    let pause = Some(Duration::from_millis(50));
    let stall = Duration::from_millis(200);
    for name in ["UploadPart", "Get"] {
        let store = Hostile::start(Answer { pause, ..dripping.clone() }).await;
        let error = call(&store, COS, name, stall).await.unwrap_err();
        assert_eq!((error.kind(), error.attempts()), (ErrorKind::Unavailable, Some(2)), "{error:?}");
        assert!(store.sent() < 10_000, "it listened to {} bytes of a head", store.sent());
    }

    // A body may take its time as long as it moves; one that stops has ended.
    let body = "HTTP/1.1 200 OK\r\nx-cos-request-id: r\r\ncontent-length: 100\r\n\r\n<InitiateMultipart";
    let store = Hostile::start(Answer { pause: Some(Duration::from_mins(10)), ..Answer::of(body) }).await;
    let error = call(&store, COS, "Initiate", stall).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Unavailable, Some(2)), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_call_follows_a_redirect() {
    for dialect in [COS, S3] {
        let elsewhere = Hostile::start(Answer::of("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")).await;
        for status in ["301 Moved Permanently", "302 Found", "303 See Other", "307 Temporary Redirect", "308 Other"] {
            let to = format!("location: {}/k\r\ncontent-length: 0", elsewhere.endpoint());
            let store = Hostile::start(Answer::of(format!("HTTP/1.1 {status}\r\n{to}\r\n\r\n"))).await;
            for name in CALLS {
                let calling = call(&store, dialect, name, Duration::from_secs(20));
                let error = tokio::time::timeout(Duration::from_mins(1), calling).await.unwrap().unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Rejected, "{name}, {status}: {error:?}");
                assert!(error.message().contains("not followed"), "{name}, {status}: {error}");
            }
            assert_eq!(store.requests().len(), CALLS.len(), "{status}: none is sent twice");
        }
        assert_eq!(elsewhere.requests(), Vec::<String>::new());
    }
}
