//! Finding out what a store does, with one random byte in the place of a part that is sent later.
//!
//! A store that confirmed no encryption at Initiate may ignore it altogether; it is not to get a byte of the source
//! before it has proved that it does not. And a store may take any checksum, or none, without looking at it. The real
//! part overwrites the byte.

use std::sync::Arc;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use md5::{Digest as _, Md5};

use super::ProvedBy;
use crate::{
    checksum::Checksum,
    error::{Error, ErrorKind, Result},
    ident::{PartNumber, UploadId},
    operation::Operation,
    sse::Echo,
    transfer::{Job, part::must_confirm},
    transport::Answered,
    wire::{BoxBody, PartReceipt, Payload, Replay, SentChecksum, UploadPart},
};

/// Sends the byte as this part, in as many ways as are needed, and says what confirmed its encryption.
///
/// # Errors
/// `Encryption` if the store does not confirm the encryption, `Integrity` if nothing proves what it gets.
pub(crate) async fn probe(job: &Job, upload: &UploadId, number: PartNumber) -> Result<Echo> {
    let mut byte = [0];
    getrandom::fill(&mut byte)
        .map_err(|error| Error::new(ErrorKind::Internal, "the system gives no random bytes").caused_by(error))?;
    let probe = Probe { job, upload, number, byte: Bytes::copy_from_slice(&byte) };
    let found = probe.run().await.map_err(|error| error.at(Operation::UploadPart).at_part(number))?;
    must_confirm(&job.sse, Operation::UploadPart, &found.echo).map_err(|error| error.at_part(number))?;
    Ok(found.echo)
}

struct Probe<'a> {
    job: &'a Job,
    upload: &'a UploadId,
    number: PartNumber,
    byte: Bytes,
}

impl Probe<'_> {
    async fn run(&self) -> Result<Answered<PartReceipt>> {
        let assurance = &self.job.assurance;
        if let Some(proof) = assurance.proof() {
            return self.send(proof, self.checksum(), Md5::digest(&self.byte).into()).await;
        }
        // A store that takes nothing at all has other reasons than the checksum.
        let (mut refusal, mut taken) = (None, false);
        if assurance.kept() {
            match self.send(ProvedBy::Told, self.checksum(), [0; 16]).await {
                Ok(answer) if answer.value.checksum == Some(self.checksum()) => {
                    self.job.found(ProvedBy::Told);
                    return Ok(answer);
                }
                // That it does not encrypt as asked is worse than any checksum could be.
                Ok(answer) => {
                    must_confirm(&self.job.sse, Operation::UploadPart, &answer.echo)?;
                    taken = true;
                }
                // Some demand the checksum that they were promised at Initiate.
                Err(refused) if is_refusal(&refused) => refusal = Some(refused),
                Err(error) => return Err(error),
            }
        }
        for &proof in assurance.ways() {
            let sum = self.checksum();
            let wrong = Checksum::new(sum.algorithm(), sum.get() ^ 1);
            match self.send(proof, wrong, [0; 16]).await {
                // It looks at nothing.
                Ok(_) => {
                    taken = true;
                    continue;
                }
                Err(refused) if finds_wrong(&refused) => {}
                Err(refused) if is_refusal(&refused) => {
                    refusal = Some(refused);
                    continue;
                }
                Err(error) => return Err(error),
            }
            // It may as well have refused the way itself.
            match self.send(proof, sum, Md5::digest(&self.byte).into()).await {
                Ok(answer) => {
                    self.job.found(proof);
                    return Ok(answer);
                }
                Err(refused) if is_refusal(&refused) => refusal = Some(refused),
                Err(error) => return Err(error),
            }
        }
        let nothing = Error::new(ErrorKind::Integrity, "nothing proves what is sent to this endpoint")
            .with_hint("it neither tells a checksum nor refuses a wrong one, as far as one was asked for");
        Err(match refusal {
            Some(refused) if !taken => refused,
            Some(refused) => nothing.caused_by(refused),
            None => nothing,
        })
    }

    fn checksum(&self) -> Checksum {
        Checksum::of(self.job.algorithm, &self.byte)
    }

    async fn send(&self, proof: ProvedBy, sum: Checksum, md5: [u8; 16]) -> Result<Answered<PartReceipt>> {
        let call = UploadPart {
            key: self.job.key.clone(),
            upload_id: self.upload.clone(),
            part: self.number,
            payload: match proof {
                ProvedBy::Trailer => Payload::Replay(Arc::new(Byte(self.byte.clone(), sum))),
                ProvedBy::Told | ProvedBy::Header | ProvedBy::ContentMd5 => Payload::Bytes(self.byte.clone()),
            },
            content_md5: (proof == ProvedBy::ContentMd5).then(|| BASE64_STANDARD.encode(md5)),
            checksum: match proof {
                ProvedBy::Trailer => Some(SentChecksum::Trailer(sum.algorithm())),
                ProvedBy::Header => Some(SentChecksum::Header(sum)),
                ProvedBy::Told | ProvedBy::ContentMd5 => None,
            },
            traffic_limit: None,
        };
        self.job.unless_cancelled(self.job.send(&call)).await
    }
}

/// The byte as a streamed body, with what follows it.
struct Byte(Bytes, Checksum);

impl Replay for Byte {
    fn len(&self) -> u64 {
        self.0.len() as u64
    }

    fn open(&self) -> BoxBody {
        Box::pin(Full::new(self.0.clone()).map_err(|never| match never {}))
    }

    fn checksum(&self) -> Option<String> {
        Some(self.1.to_string())
    }
}

/// Whether the store has looked at a part and found that its digest does not fit.
fn finds_wrong(error: &Error) -> bool {
    let codes = ["BadDigest", "InvalidDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch"];
    error.code().is_some_and(|code| codes.contains(&code))
}

/// Whether the store does not take a part in the way in which it came. Anything else says nothing of checksums.
///
/// SeaweedFS answers a wrong checksum behind a body as if the body were cut short (measured of 4.48). So may a bad
/// connection, though not of one byte again and again: it counts against this way, and not as proof for it.
fn is_refusal(error: &Error) -> bool {
    let ways = [
        "InvalidRequest",
        "InvalidArgument",
        "NotImplemented",
        "MissingContentLength",
        "MalformedTrailerError",
        "IncompleteBody",
    ];
    finds_wrong(error) || error.code().is_some_and(|code| ways.contains(&code)) || error.status() == Some(501)
}
