//! The body of a request as it comes in: received, decoded, checked against its signature.

use std::{
    collections::VecDeque,
    io,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    task::{JoinError, JoinHandle},
    time::error::Elapsed,
};

use crate::emulator::{
    answer::Refusal,
    sha::Sha,
    signature::{Decoder, Payload},
    store::{BATCH, Writer, Written},
};

/// What a body that is kept in memory takes of the room for all of them, however short it is.
const LEAST_KEPT: usize = 64 << 10;

/// The body of a request; taken once.
#[derive(Debug)]
pub(in crate::emulator) struct Upstream {
    pub(in crate::emulator) incoming: Option<Incoming>,
    /// Whether anything was asked of it, so that a client which waits for that was told to go on.
    pub(in crate::emulator) asked: bool,
    /// What was received already.
    kept: VecDeque<Bytes>,
    received: Arc<AtomicU64>,
    /// How long nothing may come.
    patience: Duration,
    reading: Reading,
    /// What came after the chunks, once all has come.
    pub(super) trailers: Vec<(String, String)>,
}

/// What happens to the bytes on their way.
#[derive(Debug)]
enum Reading {
    Plain,
    Digested { digest: Box<Sha>, expected: [u8; 32] },
    Chunked { decoder: Box<Decoder>, rest: Bytes },
    Over,
}

impl Upstream {
    pub(in crate::emulator) fn new(incoming: Incoming, received: Arc<AtomicU64>, patience: Duration) -> Self {
        Self {
            incoming: Some(incoming),
            asked: false,
            kept: VecDeque::new(),
            received,
            patience,
            reading: Reading::Plain,
            trailers: Vec::new(),
        }
    }

    /// Says how the body is to be read.
    pub(in crate::emulator) fn expect(&mut self, payload: Payload) {
        self.reading = match payload {
            Payload::Unsigned => Reading::Plain,
            Payload::Sha256(expected) => Reading::Digested { digest: Box::new(Sha::sha256()), expected },
            Payload::Chunked(decoder) => Reading::Chunked { decoder, rest: Bytes::new() },
        };
    }

    /// How long the decoded body is, if its chunks say so.
    pub(super) fn decoded_length(&self) -> Option<u64> {
        match &self.reading {
            Reading::Chunked { decoder, .. } => Some(decoder.length()),
            _ => None,
        }
    }

    /// How long the body says that it is, as it is on the wire.
    pub(super) fn announced(&self) -> Option<u64> {
        self.incoming.as_ref().and_then(|incoming| http_body::Body::size_hint(incoming).exact())
    }

    /// The whole body, if it has at most `most` bytes. Who sends a byte now and then does not keep its memory for ever.
    pub(super) async fn whole(&mut self, most: usize) -> Result<Option<Vec<u8>>, Refusal> {
        tokio::time::timeout(self.patience, self.gathered(most)).await.map_err(late)?
    }

    async fn gathered(&mut self, most: usize) -> Result<Option<Vec<u8>>, Refusal> {
        let announced = usize::try_from(self.announced().unwrap_or_default()).unwrap_or(most);
        let mut whole = Vec::with_capacity(announced.min(most));
        while let Some(bytes) = self.next().await? {
            if whole.len() + bytes.len() > most {
                return Ok(None);
            }
            whole.extend_from_slice(&bytes);
        }
        Ok(Some(whole))
    }

    /// Brings the body to disk, a batch at a time: while one is written, the next one comes in.
    pub(super) async fn store(&mut self, writer: Writer) -> Result<Written, Refusal> {
        let mut filling = Vec::with_capacity(BATCH);
        let mut rest = Bytes::new();
        let mut writing = write(writer, Vec::with_capacity(BATCH));
        loop {
            while filling.len() < BATCH {
                if rest.is_empty() {
                    let Some(bytes) = self.next().await? else { break };
                    rest = bytes;
                }
                let room = BATCH - filling.len();
                filling.extend_from_slice(&rest.split_to(rest.len().min(room)));
            }
            let (writer, emptied) = joined(writing.await)?;
            if filling.len() < BATCH {
                return joined(tokio::task::spawn_blocking(move || finish(writer, filling)).await);
            }
            writing = write(writer, std::mem::replace(&mut filling, emptied));
        }
    }

    /// Receives so many bytes and forgets them.
    pub(in crate::emulator) async fn receive_only(&mut self, most: u64) {
        let mut received = 0;
        while received < most
            && let Ok(Some(bytes)) = self.raw().await
        {
            received += bytes.len() as u64;
        }
    }

    /// Receives all of them, and gives a body that does not need the connection any more, with its share of the room, which
    /// is counted in bytes.
    pub(in crate::emulator) async fn keep(
        &mut self,
        room: &Arc<Semaphore>,
    ) -> Result<(Self, OwnedSemaphorePermit), Refusal> {
        let take = |bytes: usize| {
            let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
            let none = |_| Refusal::new(501, "NotImplemented", "there is no room to keep the body");
            Arc::clone(room).try_acquire_many_owned(bytes).map_err(none)
        };
        let mut share = take(LEAST_KEPT)?;
        // Piece by piece: what grows is copied again and again, and leaves holes.
        let mut pieces = VecDeque::new();
        while let Some(bytes) = self.raw().await? {
            share.merge(take(bytes.len())?);
            // A copy: a piece may be part of a larger buffer.
            pieces.push_back(Bytes::copy_from_slice(&bytes));
        }
        self.incoming = None;
        let kept = Self {
            incoming: None,
            asked: self.asked,
            kept: pieces,
            received: Arc::clone(&self.received),
            patience: self.patience,
            reading: Reading::Plain,
            trailers: Vec::new(),
        };
        Ok((kept, share))
    }

    /// The next bytes of the body proper.
    async fn next(&mut self) -> Result<Option<Bytes>, Refusal> {
        loop {
            if let Reading::Chunked { decoder, rest } = &mut self.reading
                && let Some(bytes) = decoder.next(rest)?
            {
                return Ok(Some(bytes));
            }
            if matches!(self.reading, Reading::Over) {
                return Ok(None);
            }
            let raw = self.raw().await?;
            match (&mut self.reading, raw) {
                (Reading::Chunked { rest, .. }, Some(bytes)) => *rest = bytes,
                (Reading::Digested { digest, .. }, Some(bytes)) => {
                    digest.update(&bytes);
                    return Ok(Some(bytes));
                }
                (_, Some(bytes)) => return Ok(Some(bytes)),
                (_, None) => return self.end().map(|()| None),
            }
        }
    }

    /// Everything has come: is it what was signed?
    fn end(&mut self) -> Result<(), Refusal> {
        match std::mem::replace(&mut self.reading, Reading::Over) {
            Reading::Digested { digest, expected } if digest.clone().finish() != expected => {
                let message = "The provided 'x-amz-content-sha256' header does not match what was computed.";
                Err(Refusal::new(400, "XAmzContentSHA256Mismatch", message))
            }
            Reading::Chunked { mut decoder, .. } => {
                self.trailers = decoder.finish()?;
                Ok(())
            }
            Reading::Plain | Reading::Digested { .. } | Reading::Over => Ok(()),
        }
    }

    /// The next bytes as they are on the wire.
    async fn raw(&mut self) -> Result<Option<Bytes>, Refusal> {
        if let Some(kept) = self.kept.pop_front() {
            return Ok(Some(kept));
        }
        let Some(incoming) = &mut self.incoming else { return Ok(None) };
        self.asked = true;
        while let Some(frame) = tokio::time::timeout(self.patience, incoming.frame()).await.map_err(late)? {
            let frame = frame.map_err(|_| Refusal::new(400, "IncompleteBody", "the body ended too early"))?;
            if let Ok(bytes) = frame.into_data() {
                self.received.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }
}

fn late(_: Elapsed) -> Refusal {
    Refusal::new(400, "RequestTimeout", "the body was not received in time")
}

/// Writes a batch, and gives its room back.
fn write(mut writer: Writer, mut batch: Vec<u8>) -> JoinHandle<io::Result<(Writer, Vec<u8>)>> {
    tokio::task::spawn_blocking(move || {
        writer.write(&mut batch)?;
        batch.clear();
        Ok((writer, batch))
    })
}

fn finish(mut writer: Writer, mut last: Vec<u8>) -> io::Result<Written> {
    writer.write(&mut last)?;
    writer.finish()
}

fn joined<T>(done: Result<io::Result<T>, JoinError>) -> Result<T, Refusal> {
    match done {
        Ok(done) => Ok(done?),
        Err(_) => Err(Refusal::new(500, "InternalError", "the store's work was broken off")),
    }
}
