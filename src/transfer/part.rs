//! Sending one part and checking its answer.

use std::sync::Arc;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use md5::{Digest as _, Md5};

use crate::{
    error::{Error, ErrorKind, Result},
    ident::{PartNumber, UploadId},
    operation::Operation,
    sse::{Echo, SseContext},
    transfer::{Job, body::Supply, frames::FRAME, ledger::DonePart, uploader::internal},
    wire::{Payload, UploadPart},
};

/// How many times a part is sent when the store's checksum of it is wrong.
pub(crate) const CHECKSUM_TRIES: u32 = 3;

/// A part that was sent and proved.
#[derive(Debug)]
pub(crate) struct SentPart {
    pub(crate) number: PartNumber,
    pub(crate) done: DonePart,
    pub(crate) echo: Echo,
}

/// Sends one part; it owns its bytes and their room.
pub(crate) async fn send(job: Arc<Job>, upload: UploadId, number: PartNumber, supply: Supply) -> Result<SentPart> {
    let at_part = |error: Error| error.at(Operation::UploadPart).at_part(number);
    job.source.check().map_err(at_part)?;
    let content_md5 = md5(&job, &supply).await.map_err(at_part)?;
    let len = supply.len();
    let body = job.body(supply);
    let call = UploadPart {
        key: job.key.clone(),
        upload_id: upload,
        part: number,
        payload: Payload::Replay(body.clone()),
        content_md5,
        checksum: None,
        traffic_limit: None,
    };
    for _ in 0..CHECKSUM_TRIES {
        let answer = job.send(&call).await.map_err(at_part)?;
        job.source.check().map_err(at_part)?;
        must_confirm(&job.sse, Operation::UploadPart, &answer.echo).map_err(at_part)?;
        let Some(sent) = body.checksum() else {
            return Err(at_part(answered_early()));
        };
        if answer.value.checksum.is_none_or(|stored| stored == sent) {
            let done = DonePart {
                etag: answer.value.etag,
                checksum: sent,
                len,
                crc_confirmed: answer.value.checksum.is_some(),
            };
            return Ok(SentPart { number, done, echo: answer.echo });
        }
        body.take_back();
    }
    Err(at_part(
        Error::new(ErrorKind::Integrity, "the store's checksum of the part is not that of the bytes that were sent")
            .with_hint("look for faulty memory or a device in between that changes data")
            .after_attempts(CHECKSUM_TRIES),
    ))
}

/// Sends one random byte as part 1 and demands that it is encrypted as asked.
///
/// A store that confirmed nothing at Initiate may ignore encryption altogether; it is not to get a byte of the file
/// before it has proved that it does not. The real part 1 overwrites the byte.
pub(crate) async fn probe(job: &Job, upload: &UploadId) -> Result<Echo> {
    let mut byte = [0];
    getrandom::fill(&mut byte)
        .map_err(|error| Error::new(ErrorKind::Internal, "the system gives no random bytes").caused_by(error))?;
    let call = UploadPart {
        key: job.key.clone(),
        upload_id: upload.clone(),
        part: PartNumber::FIRST,
        payload: Payload::Bytes(Bytes::copy_from_slice(&byte)),
        content_md5: None,
        checksum: None,
        traffic_limit: None,
    };
    let answer = job.send(&call).await?;
    must_confirm(&job.sse, Operation::UploadPart, &answer.echo).map_err(|error| error.at_part(PartNumber::FIRST))?;
    Ok(answer.echo)
}

/// Whether an answer that has to confirm the encryption does.
pub(crate) fn must_confirm(sse: &SseContext, operation: Operation, echo: &Echo) -> Result<()> {
    if sse.must_confirm(operation) && !echo.is_confirmed() { Err(sse.unconfirmed(operation)) } else { Ok(()) }
}

/// The error for a success that came before the bytes had left.
pub(crate) fn answered_early() -> Error {
    Error::new(ErrorKind::Protocol, "the store reported success before it had all the bytes")
}

/// The base64 of the MD5 of the bytes, if each part is to carry its own. A file is read once more for it.
pub(crate) async fn md5(job: &Arc<Job>, supply: &Supply) -> Result<Option<String>> {
    let (file, offset, len) = match supply {
        _ if !job.content_md5 => return Ok(None),
        Supply::Held(held) => return Ok(held.md5.clone()),
        Supply::File { source, offset, len, .. } => (Arc::clone(source), *offset, *len),
    };
    let job = Arc::clone(job);
    let read = tokio::task::spawn_blocking(move || {
        let mut frame = job.frames.take();
        let mut digest = Md5::new();
        let mut place = offset;
        while place < offset + len {
            if job.stop.is_asked() {
                return Err(job.stop.error());
            }
            let size = usize::try_from(offset + len - place).unwrap_or(FRAME).min(FRAME);
            let space = &mut frame.space()[..size];
            file.read_exact_at(space, place)?;
            digest.update(&*space);
            place += size as u64;
        }
        Ok(Some(BASE64_STANDARD.encode(digest.finalize())))
    });
    read.await.unwrap_or_else(|error| Err(internal(&error)))
}
