//! A server that follows a script, and what every test needs to talk to it.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

use crate::{
    dialect::COS,
    ident::{Bucket, ETag, ObjectKey, PartNumber, UploadId},
    signing::Credentials,
    sse::{CustomerKey, SseContext},
    transport::{ClientOptions, StoreClient},
    wire::{Address, Addressing, Complete, Head, Payload, UploadPart},
};

/// What the server does with one request.
#[derive(Clone, Debug)]
pub(super) enum Act {
    /// Reads all of it and answers this.
    Answer(String),
    /// Answers this without reading a byte, and closes.
    Slam(String),
    /// Reads the head, answers this and closes, with the body unread.
    Refuse(String),
    /// Reads the head, lets the body fill all buffers on the way, answers this and closes.
    RefuseLate(String),
    /// Reads all of it, answers the first, waits, then the second, and so on.
    Drip(Vec<String>, Duration),
    /// Reads all of it and closes without a word.
    Lose,
    /// Reads the head and closes without a word.
    Hangup,
    /// Reads the head, and then nothing more.
    Starve,
    /// Reads all of it and never answers.
    Ignore,
}

/// A request as it came: the head's lines, and how much of a body.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) head: String,
    pub(super) body: usize,
}

impl Seen {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// A running server; dropping it ends it.
pub(super) struct Server {
    pub(super) addr: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
    _tasks: JoinSet<()>,
}

impl Server {
    /// Follows the script, one act per request; the last act is repeated.
    pub(super) async fn follow(script: impl IntoIterator<Item = Act>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let script =
            Arc::new(Script { acts: script.into_iter().collect(), next: Mutex::new(0), seen: Arc::clone(&seen) });
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                connections.spawn(serve(stream, Arc::clone(&script)));
            }
        });
        Self { addr, seen, _tasks: tasks }
    }

    /// A server that always answers this.
    pub(super) async fn answering(answer: &str) -> Self {
        Self::follow([Act::Answer(answer.to_owned())]).await
    }

    pub(super) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn client(&self) -> StoreClient {
        self.client_with(|_| {})
    }

    pub(super) fn client_with(&self, change: impl FnOnce(&mut ClientOptions)) -> StoreClient {
        let mut options = ClientOptions { stall_timeout: Duration::from_secs(20), ..ClientOptions::default() };
        change(&mut options);
        client(&format!("http://{}", self.addr), options).unwrap()
    }
}

struct Script {
    acts: Vec<Act>,
    next: Mutex<usize>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Script {
    fn act(&self) -> Act {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let act = self.acts[(*next).min(self.acts.len() - 1)].clone();
        *next += 1;
        act
    }

    fn saw(&self, head: &str, body: usize) {
        let seen = Seen { head: head.to_owned(), body };
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).push(seen);
    }
}

async fn serve(mut stream: TcpStream, script: Arc<Script>) {
    // What is read too early belongs to the next request.
    let mut buffer = Vec::new();
    loop {
        if buffer.is_empty() && stream.peek(&mut [0]).await.is_err() {
            return;
        }
        let act = script.act();
        if let Act::Slam(answer) = &act {
            script.saw("", 0);
            let _ = stream.write_all(answer.as_bytes()).await;
            return;
        }
        let Some(head) = read_head(&mut stream, &mut buffer).await else { return };
        if matches!(act, Act::Refuse(_) | Act::RefuseLate(_) | Act::Hangup | Act::Starve) {
            script.saw(&head, 0);
            match act {
                Act::Refuse(answer) => drop(stream.write_all(answer.as_bytes()).await),
                Act::RefuseLate(answer) => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    let _ = stream.write_all(answer.as_bytes()).await;
                }
                Act::Starve => std::future::pending().await,
                _ => {}
            }
            return;
        }
        let body = read_body(&mut stream, &mut buffer, &head).await;
        script.saw(&head, body);
        match act {
            Act::Answer(answer) => {
                if stream.write_all(answer.as_bytes()).await.is_err() || answer.contains("connection: close") {
                    return;
                }
            }
            Act::Drip(pieces, pause) => {
                for piece in pieces {
                    if stream.write_all(piece.as_bytes()).await.is_err() {
                        return;
                    }
                    tokio::time::sleep(pause).await;
                }
            }
            Act::Ignore => std::future::pending().await,
            _ => return,
        }
    }
}

async fn read_head(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<String> {
    loop {
        if let Some(end) = buffer.windows(4).position(|window| window == b"\r\n\r\n") {
            let rest = buffer.split_off(end + 4);
            return String::from_utf8(std::mem::replace(buffer, rest)).ok();
        }
        if stream.read_buf(buffer).await.ok()? == 0 {
            return None;
        }
    }
}

async fn read_body(stream: &mut TcpStream, buffer: &mut Vec<u8>, head: &str) -> usize {
    let seen = Seen { head: head.to_owned(), body: 0 };
    let length = seen.header("content-length").map_or(0, |value| value.parse().unwrap());
    while buffer.len() < length {
        if stream.read_buf(buffer).await.unwrap_or(0) == 0 {
            break;
        }
    }
    let body = buffer.len().min(length);
    buffer.drain(..body);
    body
}

/// An answer of this status with these further header lines and body.
pub(super) fn answer(status: &str, headers: &[&str], body: &str) -> String {
    let mut text = format!("HTTP/1.1 {status}\r\nx-cos-request-id: NjI=\r\ncontent-length: {}\r\n", body.len());
    for header in headers {
        text = format!("{text}{header}\r\n");
    }
    format!("{text}\r\n{body}")
}

/// A refusal with a code, as the store words it.
pub(super) fn refusal(status: &str, code: &str) -> String {
    let body = format!("<Error><Code>{code}</Code><Message>No.</Message></Error>");
    answer(status, &["content-type: application/xml"], &body)
}

/// A success of UploadPart.
pub(super) fn part_taken() -> String {
    answer("200 OK", &["etag: \"0123\""], "")
}

/// A success of Complete.
pub(super) const COMPLETED: &str =
    "<CompleteMultipartUploadResult><ETag>&quot;0123-1&quot;</ETag></CompleteMultipartUploadResult>";

pub(super) fn address(endpoint: &str) -> Address {
    let bucket = Bucket::new(COS, "examplebucket-1250000000").unwrap();
    Address::new(COS, &bucket, None, Some(endpoint), Addressing::Path).unwrap()
}

pub(super) fn client(endpoint: &str, options: ClientOptions) -> crate::error::Result<StoreClient> {
    let credentials = Credentials::new("AKIDEXAMPLE", "a-secret-key-for-tests").unwrap();
    StoreClient::new(address(endpoint), Arc::new(credentials), options)
}

pub(super) fn key() -> ObjectKey {
    ObjectKey::new(COS, "folder/object").unwrap()
}

pub(super) fn upload_id() -> UploadId {
    UploadId::new("1585130821cbb7df1d11846c073ad648e8f33b087cec2381df437acdc833cf654b9ecc6361").unwrap()
}

pub(super) fn no_sse() -> SseContext {
    SseContext::none(COS)
}

pub(super) fn customer() -> SseContext {
    SseContext::customer(COS, CustomerKey::from_bytes(*b"0123456789ABCDEF0123456789ABCDEF"))
}

pub(super) fn head() -> Head {
    Head { key: key(), version_id: None }
}

/// A part of so many bytes in memory.
pub(super) fn part(bytes: usize) -> UploadPart {
    part_of(Payload::Bytes(Bytes::from(vec![7; bytes])))
}

pub(super) fn part_of(payload: Payload) -> UploadPart {
    UploadPart {
        checksum: None,
        key: key(),
        upload_id: upload_id(),
        part: PartNumber::FIRST,
        payload,
        content_md5: None,
        traffic_limit: None,
    }
}

pub(super) fn complete() -> Complete {
    let parts = vec![(PartNumber::FIRST, ETag::new("0123").unwrap())];
    Complete {
        keeps_checksum: false,
        checksum: None,
        key: key(),
        upload_id: upload_id(),
        parts,
        forbid_overwrite: false,
    }
}
