//! Finding out what a store does, with one random byte in the place of a part that is sent later.
//!
//! A store that confirmed no encryption at Initiate may ignore it altogether; it is not to get a byte of the source
//! before it has proved that it does not. And a store may take any checksum, or none, without looking at it: what an
//! earlier upload has found out is tried once more, and if it holds no more, found out anew. The real part overwrites the
//! byte.

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
    sse::{Echo, SseMode},
    transfer::{Job, part::must_confirm},
    transport::Answered,
    wire::{BoxBody, MisfitPart, PartReceipt, Payload, Replay, SentChecksum, UploadPart},
};

/// What a failure adds if something else was known.
const OUTDATED: &str =
    "what an earlier upload had found out holds no more and is forgotten: the next one tries every way";

/// Sends the byte as this part, in as many ways as are needed, and says what confirmed its encryption.
///
/// # Errors
/// `Encryption` if the store does not confirm the encryption, `Integrity` if nothing proves what it gets.
pub(crate) async fn probe(job: &Job, upload: &UploadId, number: PartNumber) -> Result<Echo> {
    let mut byte = [0];
    getrandom::fill(&mut byte)
        .map_err(|error| Error::new(ErrorKind::Internal, "the system gives no random bytes").caused_by(error))?;
    let probe = Probe { job, upload, number, byte: Bytes::copy_from_slice(&byte) };
    probe.run().await.map_err(|error| error.at(Operation::UploadPart).at_part(number))
}

struct Probe<'a> {
    job: &'a Job,
    upload: &'a UploadId,
    number: PartNumber,
    byte: Bytes,
}

impl Probe<'_> {
    async fn run(&self) -> Result<Echo> {
        let assurance = &self.job.assurance;
        let Some(proof) = assurance.proof() else { return self.find_out().await };
        if let Some(echo) = self.still(proof).await? {
            return Ok(echo);
        }
        let outdated = self.job.forget();
        assurance.lose();
        self.find_out().await.map_err(|error| match error.kind() {
            ErrorKind::Integrity if outdated => error.hinting_also(OUTDATED),
            _ => error,
        })
    }

    /// Whether this proves bytes, as it did; `None` if it does so no more.
    async fn still(&self, proof: ProvedBy) -> Result<Option<Echo>> {
        let assurance = &self.job.assurance;
        let certain = assurance.is_certain();
        if !certain && proof != ProvedBy::Told {
            match self.wrong(proof).await {
                Ok(answer) => return self.confirmed(answer).map(|_| None),
                Err(refused) if finds_wrong(&refused) => {}
                Err(refused) if is_refusal(&refused) => return Ok(None),
                Err(error) => return Err(error),
            }
            if self.job.sse.mode() == SseMode::None {
                assurance.found(proof);
                return Ok(Some(Echo::Silent));
            }
        }
        match self.right(proof).await {
            Ok(answer) => {
                let told = answer.value.checksum == Some(self.checksum());
                let echo = self.confirmed(answer)?;
                if certain {
                    return Ok(Some(echo));
                }
                let holds = told || proof != ProvedBy::Told;
                if holds {
                    assurance.found(proof);
                }
                Ok(holds.then_some(echo))
            }
            Err(refused) if !certain && is_refusal(&refused) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Tries the ways in which a store may prove bytes, the cheapest first.
    async fn find_out(&self) -> Result<Echo> {
        let assurance = &self.job.assurance;
        // A store that takes nothing at all has other reasons than the checksum.
        let (mut refusal, mut taken) = (None, false);
        if assurance.kept() {
            match self.right(ProvedBy::Told).await {
                Ok(answer) if answer.value.checksum == Some(self.checksum()) => {
                    self.job.found(ProvedBy::Told);
                    return self.confirmed(answer);
                }
                // That it does not encrypt as asked is worse than any checksum could be.
                Ok(answer) => {
                    self.confirmed(answer)?;
                    taken = true;
                }
                // Some demand the checksum that they were promised at Initiate.
                Err(refused) if is_refusal(&refused) => refusal = Some(refused),
                Err(error) => return Err(error),
            }
        }
        for &proof in assurance.ways() {
            match self.wrong(proof).await {
                // It looks at nothing.
                Ok(answer) => {
                    self.confirmed(answer)?;
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
            match self.right(proof).await {
                Ok(answer) => {
                    self.job.found(proof);
                    return self.confirmed(answer);
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

    /// What an answer to the byte says of its encryption, which it has to confirm.
    fn confirmed(&self, answer: Answered<PartReceipt>) -> Result<Echo> {
        must_confirm(&self.job.sse, Operation::UploadPart, &answer.echo)?;
        Ok(answer.echo)
    }

    /// Sends the byte with what fits it.
    async fn right(&self, proof: ProvedBy) -> Result<Answered<PartReceipt>> {
        let call = self.call(proof, self.checksum(), Md5::digest(&self.byte).into());
        self.job.unless_cancelled(self.job.send(&call)).await
    }

    /// Sends the byte with what does not fit it.
    async fn wrong(&self, proof: ProvedBy) -> Result<Answered<PartReceipt>> {
        let sum = self.checksum();
        let call = MisfitPart(self.call(proof, Checksum::new(sum.algorithm(), sum.get() ^ 1), [0; 16]));
        self.job.unless_cancelled(self.job.send(&call)).await
    }

    fn checksum(&self) -> Checksum {
        Checksum::of(self.job.algorithm, &self.byte)
    }

    fn call(&self, proof: ProvedBy, sum: Checksum, md5: [u8; 16]) -> UploadPart {
        UploadPart {
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
        }
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

/// Whether the store takes no part in the way in which this one came, whatever its bytes are.
pub(crate) fn refuses_the_way(error: &Error) -> bool {
    is_refusal(error) && !finds_wrong(error)
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
