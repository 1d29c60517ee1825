//! Bodies of requests: into memory if they are small, else through encryption onto the disk.

use std::{
    io,
    sync::{Arc, atomic::Ordering},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::header;
use http_body_util::BodyExt as _;
use md5::{Digest as _, Md5};
use tokio::task::{JoinError, JoinHandle};

use super::{Core, Upstream};
use crate::{
    emulator::{
        answer::Refusal,
        request::Call,
        store::{AtRest, BATCH, Writer, Written},
    },
    secret::Secret,
};

/// What the headers tell of a body to come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    pub(super) length: u64,
    pub(super) md5: Option<[u8; 16]>,
}

/// Checks the headers of a body: its length must be told, at most `most`, and its MD5 well-formed.
pub(super) fn expected(call: &Call, most: u64) -> Result<Expected, Refusal> {
    let length = call
        .header(header::CONTENT_LENGTH.as_str())?
        .and_then(|length| length.parse::<u64>().ok())
        .ok_or_else(|| Refusal::new(411, "MissingContentLength", "the Content-Length is missing"))?;
    if length > most {
        return Err(Refusal::new(400, "EntityTooLarge", format!("the body is longer than {most} bytes")));
    }
    Ok(Expected { length, md5: content_md5(call)? })
}

/// `Content-MD5`, if it is there.
pub(super) fn content_md5(call: &Call) -> Result<Option<[u8; 16]>, Refusal> {
    let Some(text) = call.header("content-md5")?.filter(|text| !text.is_empty()) else { return Ok(None) };
    STANDARD
        .decode(text)
        .ok()
        .and_then(|digest| digest.try_into().ok())
        .map(Some)
        .ok_or_else(|| Refusal::new(400, "InvalidDigest", "the Content-MD5 is not base64 of 16 bytes"))
}

impl Upstream {
    /// The whole body, if it has at most `most` bytes.
    pub(super) async fn whole(&mut self, most: usize) -> Result<Option<Vec<u8>>, Refusal> {
        let mut whole = Vec::new();
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
            && let Ok(Some(bytes)) = self.next().await
        {
            received += bytes.len() as u64;
        }
    }

    /// Receives all of them, so that the connection is not needed any more.
    pub(in crate::emulator) async fn keep(&mut self) -> Result<(), Refusal> {
        self.kept = self.whole(usize::MAX).await?.map(Bytes::from);
        self.incoming = None;
        Ok(())
    }

    async fn next(&mut self) -> Result<Option<Bytes>, Refusal> {
        if let Some(kept) = self.kept.take() {
            return Ok(Some(kept));
        }
        let Some(incoming) = &mut self.incoming else { return Ok(None) };
        while let Some(frame) = incoming.frame().await {
            let frame = frame.map_err(|_| Refusal::new(400, "IncompleteBody", "the body ended too early"))?;
            if let Ok(bytes) = frame.into_data() {
                self.received.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                return Ok(Some(bytes));
            }
        }
        Ok(None)
    }
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

/// Brings a body to disk and compares it with its `Content-MD5`.
pub(super) async fn receive(
    core: &Arc<Core>,
    call: &Call,
    upstream: &mut Upstream,
    expected: Expected,
    (at_rest, data_key): (&AtRest, Option<Secret>),
) -> Result<Written, Refusal> {
    // MD5 is slower than everything else together, so it is taken only where someone can see it.
    let want_md5 = expected.md5.is_some() || at_rest.tags_by_md5();
    let writer =
        super::blocking(core, call, move |_, bucket| Ok(bucket.write_blob(data_key.as_ref(), want_md5)?)).await?;
    let written = upstream.store(writer).await?;
    if written.blob.size != expected.length {
        return Err(Refusal::new(400, "IncompleteBody", "the body is shorter than its Content-Length"));
    }
    if expected.md5.is_some_and(|md5| written.md5 != Some(md5)) {
        return Err(bad_digest());
    }
    Ok(written)
}

/// Compares a body in memory with its `Content-MD5`.
pub(super) fn check_md5(call: &Call, body: &[u8]) -> Result<(), Refusal> {
    match content_md5(call)? {
        Some(md5) if <[u8; 16]>::from(Md5::digest(body)) != md5 => Err(bad_digest()),
        _ => Ok(()),
    }
}

fn bad_digest() -> Refusal {
    Refusal::new(400, "BadDigest", "the Content-MD5 does not fit the body")
}
