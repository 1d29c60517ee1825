//! The end of a multipart upload: Complete, once; and if its outcome is in doubt, finding out.

use std::{future::Future, time::Duration};

use tokio::time::Instant;

use crate::{
    checksum::Checksum,
    error::{Error, ErrorKind, Result},
    ident::{ETag, UploadId, VersionId},
    operation::Operation,
    sse::{Echo, SseContext},
    transfer::{
        Job, Stage,
        ledger::Ledger,
        settle::{self, Alive, Looks, Object, Verdict},
    },
    wire::{self, Complete, Completed, Head, ListParts, ObjectInfo, is_upload_gone, may_be_the_key, naming},
};

/// How long one look at the store may take, with all its attempts.
const LOOK: Duration = Duration::from_secs(30);
/// How long the store is looked at for what an earlier run has left: seven looks and the pauses between them.
const LOOK_BACK: Duration = Duration::from_mins(5);
/// Who waits for longer hears what for.
const SILENCE: Duration = Duration::from_secs(3);

/// An object that was made, as far as it has been seen.
#[derive(Debug)]
pub(crate) struct Made {
    pub(crate) etag: Option<ETag>,
    pub(crate) version_id: Option<VersionId>,
    pub(crate) checksum: Option<Checksum>,
    /// What Complete's answer said of the encryption; `Err` is a contradiction. `None` if the answer was lost.
    pub(crate) echo: Option<Result<Echo>>,
    /// What HEAD showed, where the answer was lost.
    pub(crate) seen: Option<Seen>,
    /// What is strange about Complete's answer.
    pub(crate) warnings: Vec<String>,
}

impl Made {
    /// An object that is known by a look at it alone.
    fn seen(seen: Option<Seen>) -> Self {
        let info = seen.as_ref().map(|seen| &seen.info);
        Self {
            etag: info.and_then(|info| info.etag.clone()),
            version_id: info.and_then(|info| info.version_id.clone()),
            checksum: None,
            echo: None,
            seen,
            warnings: Vec::new(),
        }
    }

    /// The same, after an answer to Complete that made no sense; that it had no tag is the way of some stores.
    fn seen_after(seen: Option<Seen>, failure: &Error) -> Self {
        let untagged = failure.message() == wire::NO_TAG;
        let senseless = (failure.kind() == ErrorKind::Protocol && !untagged).then(|| {
            let hint = failure.hint().map_or_else(String::new, |hint| format!(" ({hint})"));
            format!("Complete's answer was not taken: {failure}{hint}; the object was found by looking at it")
        });
        Self { warnings: Vec::from_iter(senseless), ..Self::seen(seen) }
    }
}

/// What has become of an upload of an earlier run.
#[derive(Debug)]
pub(crate) enum Whereabouts {
    /// It is an object.
    Made(Box<Made>),
    /// It is there still.
    Alive,
    /// It is gone.
    Gone,
}

/// An object as HEAD shows it.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) info: ObjectInfo,
    /// What it says of the encryption; `Err` is a contradiction.
    pub(crate) echo: Result<Echo>,
}

/// Why there is no object, as far as is known.
#[derive(Debug)]
pub(crate) enum Unfinished {
    /// The upload may still be in the store and has to be removed.
    Alive(Error),
    /// The upload is gone.
    Gone(Error),
    /// The store may still be at it: aborting the upload could destroy what is about to become the object.
    Unknown(Error),
}

/// Turns the parts into an object.
///
/// Complete is never just sent again: after success the upload is gone, and a second call would report a failure. In
/// doubt the store is looked at first.
///
/// # Cancellation
/// A cancel ends the looking, not the first call; then the outcome is unknown.
pub(crate) async fn complete(job: &Job, upload: &UploadId, ledger: &Ledger) -> Result<Made, Unfinished> {
    job.board.stage(Stage::Completing);
    let call = Complete {
        key: job.key.clone(),
        upload_id: upload.clone(),
        parts: ledger.listing(),
        keeps_checksum: job.assurance.kept(),
        // What the others say of it they have computed, or joined from the parts that they have checked.
        checksum: if job.assurance.tells_whole() { Some(ledger.combined(job.algorithm)) } else { None },
        forbid_overwrite: job.forbids_overwrite(),
    };
    let doubtful = match ask(job, &call).await {
        Ok(made) => return Ok(made),
        Err(error) if error.is_doubtful() => error,
        Err(error) => return Err(Unfinished::Alive(error)),
    };
    let what = format!("the store has not said for sure that {} is complete; looking whether it is", job.object());
    told(&what, settle::LONGEST, Box::pin(settled(job, upload, &call, doubtful))).await
}

/// Waits for this, and says so if it takes longer than a moment; `longest` is what it may take.
async fn told<T>(what: &str, longest: Duration, mut waiting: impl Future<Output = T> + Unpin) -> T {
    if let Ok(done) = tokio::time::timeout(SILENCE, &mut waiting).await {
        return done;
    }
    tracing::warn!("{what}, for about {} minutes at most", longest.as_secs() / 60);
    waiting.await
}

/// Looks until it is known what a doubtful Complete has done, and asks again where it has done nothing.
async fn settled(job: &Job, upload: &UploadId, call: &Complete, doubtful: Error) -> Result<Made, Unfinished> {
    let mut failure = doubtful;
    let mut refused = false;
    let mut looks = Looks::default();
    let began = Instant::now();
    loop {
        looks.next();
        let pause = Duration::from_millis(settle::pause(looks.all));
        let wait = async {
            tokio::time::sleep(pause).await;
            Ok(())
        };
        if !pause.is_zero() && job.unless_cancelled(wait).await.is_err() {
            return Err(Unfinished::Unknown(unknown(job, upload, ErrorKind::Cancelled).caused_by(failure)));
        }
        let Ok(Survey { look, alive, hidden }) = job.with_grace(async { Ok(survey(job, upload).await) }).await else {
            return Err(Unfinished::Unknown(unknown(job, upload, ErrorKind::Cancelled).caused_by(failure)));
        };
        looks.saw(alive);
        looks.late = began.elapsed() >= settle::LONGEST;
        let answered = failure.status().is_some();
        match settle::verdict(judge(job, &look), alive, looks, answered, !job.forbids_overwrite()) {
            Verdict::Done => return Ok(Made::seen_after(look.ok(), &failure)),
            // A refusal counts once the upload was seen alive after it.
            Verdict::CompleteAgain if refused => return Err(Unfinished::Alive(failure)),
            // It would begin something new; what was begun may run on, so nothing is removed.
            Verdict::CompleteAgain if job.stop.is_asked() => {
                return Err(Unfinished::Unknown(unknown(job, upload, ErrorKind::Cancelled).caused_by(failure)));
            }
            Verdict::CompleteAgain => match job.with_grace(ask(job, call)).await {
                Ok(made) => return Ok(made),
                Err(error) if error.kind() == ErrorKind::Cancelled => {
                    return Err(Unfinished::Unknown(unknown(job, upload, ErrorKind::Cancelled).caused_by(failure)));
                }
                Err(error) => {
                    refused = is_final(&error);
                    failure = error;
                }
            },
            Verdict::LookAgain => {}
            Verdict::Occupied => return Err(Unfinished::Alive(occupied(job).caused_by(failure))),
            Verdict::Foreign => return Err(Unfinished::Gone(foreign(job).caused_by(failure))),
            Verdict::Gone => return Err(Unfinished::Gone(gone(job, upload).caused_by(failure))),
            Verdict::Unknown => {
                let kind = hidden.unwrap_or_else(|| failure.kind());
                return Err(Unfinished::Unknown(unknown(job, upload, kind).caused_by(failure)));
            }
        }
    }
}

/// Finds out what has become of an upload that an earlier run may have completed.
///
/// # Errors
/// As the store's own, if it does not show what there is.
pub(crate) async fn whereabouts(job: &Job, upload: &UploadId) -> Result<Whereabouts> {
    let what = format!("an earlier run may have completed {}; looking whether it has", job.object());
    told(&what, LOOK_BACK, Box::pin(found(job, upload))).await
}

async fn found(job: &Job, upload: &UploadId) -> Result<Whereabouts> {
    let mut looks = Looks::default();
    let began = Instant::now();
    loop {
        looks.next();
        tokio::time::sleep(Duration::from_millis(settle::pause(looks.all))).await;
        let Survey { look, alive, hidden } = survey(job, upload).await;
        looks.saw(alive);
        looks.late = began.elapsed() >= LOOK_BACK;
        // Whether the earlier run had an answer is not known, so the store gets the time that it may need.
        match settle::verdict(judge(job, &look), alive, looks, false, true) {
            Verdict::Done => return Ok(Whereabouts::Made(Box::new(Made::seen(look.ok())))),
            Verdict::LookAgain => {}
            Verdict::Foreign | Verdict::Gone => return Ok(Whereabouts::Gone),
            Verdict::CompleteAgain | Verdict::Occupied => return Ok(Whereabouts::Alive),
            Verdict::Unknown if alive == Alive::Yes => return Ok(Whereabouts::Alive),
            Verdict::Unknown => {
                let error = unknown(job, upload, hidden.unwrap_or(ErrorKind::Unavailable)).with_hint(format!(
                    "allow HEAD on the object ({}), so that it can be told; or start anew with --restart",
                    job.permission(Operation::Head)
                ));
                return Err(match look {
                    Ok(_) => error,
                    Err(cause) => error.caused_by(cause),
                });
            }
        }
    }
}

/// Whether the store has looked at a Complete and refused it for good. An earlier one of the same parts that ran on
/// unseen would have been refused as well; what only these credentials or this connection could not do says nothing of
/// it.
fn is_final(error: &Error) -> bool {
    let passing = matches!(error.kind(), ErrorKind::Credentials | ErrorKind::Unavailable);
    !error.is_doubtful() && error.status().is_some() && !passing
}

/// What a look at the store has shown.
struct Survey {
    /// Of the key.
    look: Result<Seen>,
    /// Of the upload.
    alive: Alive,
    /// Why it has not shown all; that there is no object is something to be seen.
    hidden: Option<ErrorKind>,
}

/// Looks at the key, and unless our object is there, at the upload; not longer than [`LOOK`].
async fn survey(job: &Job, upload: &UploadId) -> Survey {
    let looking = async {
        let look = look(job).await;
        if judge(job, &look) == Object::Ours {
            return Survey { look, alive: Alive::Unseen, hidden: None };
        }
        let unseen = look.as_ref().err().filter(|error| error.status() != Some(404)).map(Error::kind);
        let (alive, unlisted) = is_alive(job, upload).await;
        Survey { look, alive, hidden: unseen.or(unlisted) }
    };
    let late = || Error::new(ErrorKind::Unavailable, "the store did not show the object in time").at(Operation::Head);
    tokio::time::timeout(LOOK, looking).await.unwrap_or_else(|_| Survey {
        look: Err(late()),
        alive: Alive::Unseen,
        hidden: Some(ErrorKind::Unavailable),
    })
}

/// Sends Complete.
async fn ask(job: &Job, call: &Complete) -> Result<Made> {
    let answer = job.send_unjudged(call).await?;
    let completed = answer.value;
    let warnings = misnamed(job, &completed);
    Ok(Made {
        etag: Some(completed.etag),
        version_id: completed.version_id,
        checksum: completed.checksum,
        echo: Some(answer.echo),
        seen: None,
        warnings,
    })
}

/// Says that an answer to Complete is about another object, as far as its names tell.
fn misnamed(job: &Job, completed: &Completed) -> Vec<String> {
    let (bucket, key) = (job.client.address().bucket().as_str(), job.key.as_str());
    let other_bucket = completed.bucket.as_deref().filter(|told| !naming::is_bucket(told, bucket));
    let other_key = completed.key.as_deref().filter(|told| !naming::is_key(told, key));
    let named = [("bucket", other_bucket), ("key", other_key)];
    let told = named.into_iter().filter_map(|(what, told)| Some(format!("the {what} {}", naming::shown(told?))));
    told.map(|what| format!("Complete's answer is about {what}, and not about {}", job.object())).collect()
}

/// Looks at what is under the key, whoever made it.
///
/// An object that is not under this customer key is refused to those who name one, but not to those who ask without.
pub(crate) async fn look(job: &Job) -> Result<Seen> {
    match head(job, None).await {
        Err(refused) if job.sse.is_customer() && may_be_the_key(&refused) => {
            let plain = SseContext::none(job.client.dialect());
            match job.send_as(&Head { key: job.key.clone(), version_id: None }, &plain).await {
                Ok(answer) => Ok(Seen { info: answer.value, echo: Err(job.sse.unconfirmed(Operation::Head)) }),
                Err(_) => Err(refused),
            }
        }
        seen => seen,
    }
}

/// What a look at the key has shown.
fn judge(job: &Job, look: &Result<Seen>) -> Object {
    match look {
        Ok(seen) if job.made(&seen.info) => Object::Ours,
        Ok(_) => Object::Another,
        Err(error) if error.status() == Some(404) => Object::Absent,
        Err(error) if may_be_the_key(error) => Object::Locked,
        Err(_) => Object::Unseen,
    }
}

/// HEAD, of one version where it is known.
pub(crate) async fn head(job: &Job, version_id: Option<VersionId>) -> Result<Seen> {
    let answer = job.send_unjudged(&Head { key: job.key.clone(), version_id }).await?;
    Ok(Seen { info: answer.value, echo: answer.echo })
}

/// Whether the upload is there, and if that is not shown, why not.
async fn is_alive(job: &Job, upload: &UploadId) -> (Alive, Option<ErrorKind>) {
    let call = ListParts { key: job.key.clone(), upload_id: upload.clone(), after: None };
    match job.send(&call).await {
        Ok(_) => (Alive::Yes, None),
        Err(error) if is_upload_gone(&error) => (Alive::No, None),
        Err(error) => (Alive::Unseen, Some(error.kind())),
    }
}

/// The error for a key that has an object which is to stay.
pub(crate) fn occupied(job: &Job) -> Error {
    Error::new(ErrorKind::Rejected, format!("{} exists already and is not to be replaced", job.object()))
        .with_hint("choose another object key, or allow the object to be replaced")
}

fn foreign(job: &Job) -> Error {
    let what = "holds an object that this upload did not make";
    Error::new(ErrorKind::Rejected, format!("the upload is gone, and {} {what}", job.object()))
        .with_hint("somebody else wrote to it or aborted the upload; upload again if yours is to be there")
        .at(Operation::Complete)
}

fn gone(job: &Job, upload: &UploadId) -> Error {
    Error::new(ErrorKind::Rejected, format!("the upload {upload} is gone, and there is no {}", job.object()))
        .with_hint("somebody aborted it, or a rule of the bucket did; upload again")
        .at(Operation::Complete)
}

fn unknown(job: &Job, upload: &UploadId, kind: ErrorKind) -> Error {
    Error::new(kind, format!("whether {} was completed is not known; its upload is {upload}", job.object()))
        .with_hint(
            "look at the object in a while (sealift stat); if it does not appear, abort the upload by its id, because \
             its parts are paid for until then, and upload again",
        )
        .at(Operation::Complete)
        .doubtful()
}
