//! Sending one part and checking its answer.

use std::sync::Arc;

use crate::{
    checksum::Checksum,
    error::{Error, ErrorKind, Result},
    ident::{PartNumber, UploadId},
    operation::Operation,
    sse::{Echo, SseContext},
    transfer::{
        Job, ProvedBy,
        ahead::{Ahead, ahead},
        body::Supply,
        integrity::refuses_the_way,
        ledger::DonePart,
    },
    wire::{Payload, SentChecksum, UploadPart},
};

/// What a failure adds that may come of outdated knowledge.
pub(crate) const FORGOTTEN: &str =
    "what was known of how this endpoint proves bytes is forgotten: upload again, and it is found out anew";
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
    let proof = job.assurance.proof();
    let Ahead { checksum, md5 } = ahead(&job, &supply, proof == Some(ProvedBy::Header)).await.map_err(at_part)?;
    let len = supply.len();
    let body = job.body(supply);
    let call = UploadPart {
        key: job.key.clone(),
        upload_id: upload,
        part: number,
        payload: Payload::Replay(body.clone()),
        content_md5: md5,
        checksum: sent_checksum(&job, proof, checksum),
        traffic_limit: None,
    };
    for _ in 0..CHECKSUM_TRIES {
        let answer = job.send(&call).await;
        // Bytes that changed between two readings do not fit their checksum; that is no fault of the way.
        job.source.check().map_err(at_part)?;
        let answer = answer.map_err(|error| at_part(outdated(&job, error)))?;
        must_confirm(&job.sse, Operation::UploadPart, &answer.echo).map_err(at_part)?;
        let Some(sent) = body.checksum() else {
            return Err(at_part(answered_early()));
        };
        let stored = sent.comparable(answer.value.checksum);
        if stored.is_none_or(|stored| stored == sent) {
            let proved = match proof {
                // It has refused what does not fit.
                Some(ProvedBy::Trailer | ProvedBy::Header | ProvedBy::ContentMd5) => true,
                Some(ProvedBy::Told) => stored.is_some(),
                None => false,
            };
            if !proved {
                job.forget();
            }
            let done = DonePart { etag: answer.value.etag, checksum: sent, len, proved };
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

/// Says of a refusal of the way in which a part came that the way was known of an earlier upload, and is not any more.
fn outdated(job: &Job, refused: Error) -> Error {
    if !refuses_the_way(&refused) || !job.forget() {
        return refused;
    }
    refused.hinting_also(FORGOTTEN)
}

/// How a checksum goes along: behind the bytes, or before them if it was taken `ahead`.
pub(crate) fn sent_checksum(job: &Job, proof: Option<ProvedBy>, ahead: Option<Checksum>) -> Option<SentChecksum> {
    match proof {
        Some(ProvedBy::Trailer) => Some(SentChecksum::Trailer(job.algorithm)),
        _ => ahead.map(SentChecksum::Header),
    }
}

/// Whether an answer that has to confirm the encryption does.
pub(crate) fn must_confirm(sse: &SseContext, operation: Operation, echo: &Echo) -> Result<()> {
    if sse.must_confirm(operation) && !echo.is_confirmed() { Err(sse.unconfirmed(operation)) } else { Ok(()) }
}

/// The error for a success that came before the bytes had left.
pub(crate) fn answered_early() -> Error {
    Error::new(ErrorKind::Protocol, "the store reported success before it had all the bytes")
        .with_hint("check the endpoint, and whether a proxy answers in the store's stead")
}
