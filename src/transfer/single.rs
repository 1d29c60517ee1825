//! A small file, or a short stream: one PUT, proved by its own answer.

use std::sync::Arc;

use tokio::time::MissedTickBehavior;

use crate::{
    checksum::Checksum,
    error::{Error, ErrorKind, Result},
    ident::{ETag, PartNumber, VersionId},
    operation::Operation,
    sse::SseMode,
    transfer::{
        Job, ProvedBy, Receipt, Span, Stage,
        ahead::{Ahead, ahead},
        body::{PartBody, Supply},
        finish::{self, Seen, occupied},
        job::Proof,
        ledger::{DonePart, Ledger},
        part,
        receipt::EchoLog,
        reread,
        sending::TICK,
        uploader::FRAMES_PER_PART,
        verify,
    },
    transport::Unjudged,
    wire::{Delete, ObjectReceipt, Payload, Put, Replay as _},
};

/// What to do after one PUT.
enum Next {
    Done(Box<Receipt>),
    /// The object that it made, if any, is gone again.
    Again(Error),
}

/// Sends the file in one call.
pub(crate) async fn put_file(job: &Arc<Job>) -> Result<Receipt> {
    let room = job.unless_cancelled(async { Ok(job.budget.reserve(FRAMES_PER_PART).await) }).await?;
    let whole = Span { number: PartNumber::FIRST, offset: 0, len: job.plan.size };
    put(job, job.stretch(&whole, room)?).await
}

/// Sends the whole object in one call.
pub(crate) async fn put(job: &Arc<Job>, supply: Supply) -> Result<Receipt> {
    job.board.update(|progress| {
        progress.stage = Stage::Sending;
        progress.in_flight = 1;
        progress.open = false;
    });
    job.source.check()?;
    let proof = job.assurance.of_put();
    let Ahead { checksum, md5 } = ahead(job, &supply, proof == Some(ProvedBy::Header)).await?;
    let body = job.body(supply);
    let call = Put {
        key: job.key.clone(),
        properties: job.properties.clone(),
        payload: Payload::Replay(body.clone()),
        content_md5: md5,
        checksum: part::sent_checksum(job, proof, checksum),
        forbid_overwrite: job.forbids_overwrite(),
        traffic_limit: None,
    };
    let mut last = None;
    for _ in 0..part::CHECKSUM_TRIES {
        let next = match send(job, &call, &body).await {
            Ok(answer) => judge(job, answer, &body).await?,
            Err(error) if error.is_doubtful() && error.kind() != ErrorKind::Cancelled => {
                settle(job, error, &body).await?
            }
            Err(error) => {
                // Bytes that changed between two readings do not fit their checksum; that is no fault of the way.
                job.source.check()?;
                return Err(error);
            }
        };
        match next {
            Next::Done(receipt) => return Ok(*receipt),
            Next::Again(failure) => last = Some(failure),
        }
        body.take_back();
    }
    // No further PUT replaces what the last one may have made.
    Err(leave_nothing(job, last.unwrap_or_else(|| job.stop.error())).await)
}

/// Names the object of a PUT whose answer was lost, and which is not to be seen: the store may still be at it.
fn may_appear(job: &Job, lost: Error) -> Error {
    let later = format!("{} may be in the store, or appear there yet: look again later", job.object());
    lost.hinting_also(&later)
}

/// Sends the PUT. A cancel drops it while bytes are missing, and waits a moment for the answer once all have left.
///
/// What an attempt has made whose answer did not come is removed then.
async fn send(job: &Job, call: &Put, body: &PartBody) -> Result<Unjudged<ObjectReceipt>> {
    {
        let mut sending = std::pin::pin!(job.send_unjudged(call));
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                answer = &mut sending => return answer,
                () = job.stop.asked() => break,
                _ = tick.tick() => job.board.update(|progress| progress.retries = job.retries()),
            }
        }
        if body.checksum().is_some() {
            match job.with_grace(sending).await {
                Err(error) if error.kind() == ErrorKind::Cancelled => {}
                answer => return answer,
            }
        }
    }
    if !body.has_left_whole() {
        return Err(job.stop.error());
    }
    Err(match remove(job, None).await {
        Ok(Removed::Gone) => job.stop.error(),
        // The store may still be at it.
        Ok(Removed::Absent) => job
            .stop
            .error()
            .with_hint(format!(
                "all bytes had left and no answer had come; there is no {} now, but it may appear: look again later",
                job.object()
            ))
            .doubtful(),
        Err(error) => job.stop.error().with_cleanup(error),
    })
}

/// Judges the answer, and removes what should not have been made.
async fn judge(job: &Arc<Job>, answer: Unjudged<ObjectReceipt>, body: &PartBody) -> Result<Next> {
    let version = answer.value.version_id.clone();
    match prove(job, answer, body).await {
        Ok(Ok(receipt)) => Ok(Next::Done(Box::new(receipt))),
        Ok(Err(damage)) => match remove(job, version).await {
            Ok(_) => Ok(Next::Again(damage)),
            // Without a condition the next PUT replaces it.
            Err(_) if !job.forbids_overwrite() => Ok(Next::Again(damage)),
            Err(error) => Err(damage.with_cleanup(error)),
        },
        Err(failure) => Err(match remove(job, version).await {
            Ok(_) => failure,
            Err(error) => failure.with_cleanup(error),
        }),
    }
}

/// Compares the answer with what was sent. The inner error is a damage that another try may mend.
async fn prove(job: &Arc<Job>, answer: Unjudged<ObjectReceipt>, body: &PartBody) -> Result<Result<Receipt>> {
    let at_put = |error: Error| error.at(Operation::Put);
    let mut echoes = EchoLog::default();
    let echo = answer.echo?;
    part::must_confirm(&job.sse, Operation::Put, &echo)?;
    echoes.note("put", &echo)?;
    let sent = body.checksum().ok_or_else(|| at_put(part::answered_early()))?;
    let value = answer.value;
    let mut verified = Vec::new();
    let mut warnings = Vec::new();
    let answered = sent.comparable(value.checksum);
    let stored = match (answered, job.assurance.of_put()) {
        (Some(_), _) => answered,
        // It has refused what does not fit, and need not keep what it was told.
        (None, Some(ProvedBy::ContentMd5)) => None,
        (None, Some(_) | None) => {
            let seen = own_head(job, value.version_id.clone(), body.len(), &mut echoes).await?;
            verified.extend(["size", "head"]);
            if seen.is_some() {
                warnings.push("the answer to PUT carried no checksum; the object's own was compared".to_owned());
            } else if body.len() > 0 && !job.assurance.tells_whole() {
                return Err(at_put(unproved(job, "gives no checksum of")));
            }
            seen
        }
    };
    if stored.is_some_and(|stored| stored != sent) {
        return Ok(Err(at_put(verify::damaged(&job.object_at(value.version_id.as_ref())))));
    }
    if !job.source.is_stream() {
        verified.insert(0, "source-unchanged");
    }
    match stored {
        Some(_) => verified.insert(0, "object-checksum"),
        None if job.assurance.tells_whole() && body.len() > 0 => verified.insert(0, "object-checksum"),
        None if job.assurance.of_put() == Some(ProvedBy::ContentMd5) => verified.insert(0, "object-md5"),
        // Nothing can be said of no bytes but that there are none.
        None => {}
    }
    let ledger = whole(&value, sent, body.len());
    if reread::confirm(job, &ledger).await? {
        warnings.push(reread::NOTE.to_owned());
    }
    warnings.extend(verify::versions(job.clobber, &job.object(), job.unenforced(value.version_id.as_ref()))?);
    job.board.update(|progress| {
        progress.confirmed = ledger.confirmed();
        progress.parts_done = 1;
        progress.in_flight = 0;
    });
    Ok(Ok(job.receipt(Proof {
        extent: job.extent(&ledger),
        etag: value.etag,
        version_id: value.version_id,
        checksum: sent,
        of_whole: stored.is_some(),
        upload_id: None,
        echoes,
        verified,
        warnings,
    })))
}

/// The object as if it were the only part.
fn whole(value: &ObjectReceipt, checksum: Checksum, len: u64) -> Ledger {
    let mut ledger = Ledger::new(1);
    let part = DonePart { etag: value.etag.clone(), checksum, len, proved: true };
    ledger.enter(PartNumber::FIRST, part);
    ledger
}

/// The checksum of the object that HEAD shows, if it does; the object must be ours, of this size, and encrypted as asked.
async fn own_head(job: &Job, version: Option<VersionId>, size: u64, echoes: &mut EchoLog) -> Result<Option<Checksum>> {
    let Seen { info, echo } = finish::head(job, version).await?;
    echoes.note_head(echo)?;
    if !job.made(&info) {
        return Err(unproved(job, "shows another object as"));
    }
    if info.size != size {
        return Err(unproved(job, "shows another size of"));
    }
    Ok(info.checksum.filter(|stored| stored.algorithm() == job.algorithm))
}

fn unproved(job: &Job, what: &str) -> Error {
    Error::new(ErrorKind::Integrity, format!("the store {what} {}", job.object()))
        .with_hint("upload again; if it stays so, check the endpoint, and who else writes this key")
        .at(Operation::Put)
}

/// Finds out what a PUT has done whose answer was lost.
async fn settle(job: &Arc<Job>, lost: Error, body: &PartBody) -> Result<Next> {
    let conditional = job.forbids_overwrite();
    let seen = match finish::look(job).await {
        Ok(seen) if job.made(&seen.info) => seen,
        Ok(_) if conditional => return Err(occupied(job).caused_by(lost)),
        Ok(_) => return Err(may_appear(job, lost)),
        // Nothing was made. Only a conditional PUT was not sent again already.
        Err(error) if error.status() == Some(404) && conditional => return Ok(Next::Again(lost)),
        Err(error) if error.status() == Some(404) => return Err(may_appear(job, lost)),
        Err(error) => {
            return Err(Error::new(error.kind(), format!("whether {} was made is not known", job.object()))
                .with_hint("look at the object when the store lets you")
                .at(Operation::Put)
                .doubtful()
                .caused_by(lost));
        }
    };
    let Seen { info, echo } = seen;
    // An echo on HEAD alone proves nothing; so under encryption the object is made again, with an answer that counts.
    // So it is where the latest attempt broke off, because then nothing is known to compare the object with.
    let known = (job.sse.mode(), &echo, &info.etag, info.checksum, body.checksum());
    let (SseMode::None, Ok(_), Some(etag), Some(checksum), Some(_)) = known else {
        // Without a condition the next PUT simply replaces it.
        if !conditional {
            return Ok(Next::Again(lost));
        }
        return match remove(job, info.version_id).await {
            Ok(_) => Ok(Next::Again(lost)),
            Err(error) => Err(lost.with_cleanup(error)),
        };
    };
    let value = ObjectReceipt { etag: etag.clone(), checksum: Some(checksum), version_id: info.version_id.clone() };
    judge(job, Unjudged { value, echo, request_id: None, attempts: 1, repeated: false }, body).await
}

/// Removes what the last PUT may have made although nobody heard of it.
async fn leave_nothing(job: &Job, failure: Error) -> Error {
    let unseen = |failure: Error| if failure.is_doubtful() { may_appear(job, failure) } else { failure };
    let version = match finish::look(job).await {
        Ok(seen) if job.made(&seen.info) => seen.info.version_id,
        Ok(_) => return unseen(failure),
        Err(error) if error.status() == Some(404) => return unseen(failure),
        Err(error) => {
            let unknown = Error::new(error.kind(), format!("whether {} was made is not known", job.object()))
                .with_hint("look at the object when the store lets you, and delete it unless it is yours from before");
            return failure.with_cleanup(unknown.caused_by(error));
        }
    };
    let gone = match version {
        Some(version) => remove(job, Some(version)).await,
        None => remove(job, None).await,
    };
    match gone {
        // A slow attempt may still make another one.
        Ok(_) => unseen(failure),
        Err(error) => failure.with_cleanup(error),
    }
}

/// What became of an object that must not stay.
enum Removed {
    Gone,
    /// There was none.
    Absent,
}

/// Deletes the object that this upload made and that must not stay.
///
/// Surely that one where its version is known, or where the store documents a DELETE that is bound to the object's tag, as
/// AWS does. Elsewhere, in a bucket without versions, it is looked at and then deleted: what somebody else puts there in
/// between goes in its place.
async fn remove(job: &Job, version: Option<VersionId>) -> Result<Removed> {
    job.board.stage(Stage::Aborting);
    let left = |cause: Error| {
        Error::new(cause.kind(), format!("{} is in the store and could not be removed", job.object()))
            .with_hint("delete it unless it is yours from before")
            .caused_by(cause)
    };
    let (version_id, if_match) = match version {
        Some(version) => (Some(version), None),
        None => match find(job).await {
            // The condition looks at the current version only.
            Ok((None, etag)) if job.deletes_if_match() => (None, etag),
            Ok((version, _)) => (version, None),
            Err(error) if error.status() == Some(404) => return Ok(Removed::Absent),
            Err(error) => return Err(left(error)),
        },
    };
    let bound = if_match.is_some();
    match job.send(&Delete { key: job.key.clone(), version_id, if_match }).await {
        Ok(_) => Ok(Removed::Gone),
        // Somebody else's is there by now, in its place.
        Err(error) if bound && error.status() == Some(412) => Ok(Removed::Gone),
        Err(error) => Err(left(error)),
    }
}

/// The version and the tag of the object, if it carries this upload's mark.
async fn find(job: &Job) -> Result<(Option<VersionId>, Option<ETag>)> {
    let info = finish::look(job).await?.info;
    if job.made(&info) {
        Ok((info.version_id, info.etag))
    } else {
        Err(Error::new(ErrorKind::Rejected, "the object does not carry the mark of this upload"))
    }
}
