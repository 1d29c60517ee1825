//! The one task that runs an upload from its first call to its receipt.
//!
//! It owns the part tasks, the ledger and the journal. The first failure stops everything else, and only when all parts
//! have ended it is decided what becomes of the upload.

use std::sync::Arc;

use tokio::sync::watch;

use crate::{
    error::{Error, ErrorKind, Result},
    operation::Operation,
    sse::{Echo, SseContext},
    transfer::{
        ChecksumChoice, Job, OnChange, Progress, Receipt, Stage, UploadRequest,
        body::Supply,
        ending::{bury, end, end_unproved, keep},
        finish::{self, Made, Unfinished, occupied},
        journal::Initiated,
        keep::Phase,
        ledger::Ledger,
        queue::{Flow, Queue},
        receipt::EchoLog,
        reread,
        resume::{self, Beginning, Resumed},
        scribe::Scribe,
        sending::{Sending, must_fit},
        single,
        source::Source,
        stop::Stop,
        uploader::Shared,
        verify::{self, Sent},
    },
    wire::{Head, Initiate, may_be_the_key},
};

/// How many times an upload begins again because its file has changed.
const RESTARTS: u32 = 3;

/// Runs one upload; again if its file changes and the request wants that.
pub(crate) async fn run(
    request: UploadRequest,
    shared: &Shared,
    progress: watch::Sender<Progress>,
    stop: Stop,
) -> Result<Receipt> {
    let mut restarts = if request.on_change == OnChange::Restart { RESTARTS } else { 0 };
    let mut next = request;
    loop {
        let again = next.clone().reopened();
        let mut job = Job::new(next, shared, progress.clone(), stop.clone())?;
        let begun = resume::begin(&mut job).await;
        let job = Arc::new(job);
        let outcome = match begun {
            Ok((scribe, beginning)) => upload(&job, scribe, beginning).await,
            Err(error) => Err(error),
        };
        match outcome {
            Err(error) if restarts > 0 && begins_again(&job, &error) => {
                restarts -= 1;
                next = again;
                job.board.begin_again(format!("{error}; the upload began again with the file as it was then"));
            }
            outcome => {
                job.board.update(|progress| {
                    progress.stage = Stage::Done;
                    progress.in_flight = 0;
                    progress.retries = job.retries();
                });
                return outcome;
            }
        }
    }
}

/// Whether an upload failed because its file has changed, and has left nothing behind.
fn begins_again(job: &Job, error: &Error) -> bool {
    error.kind() == ErrorKind::Source
        && error.cleanup().is_none()
        && !error.is_resumable()
        && !job.stop.is_asked()
        && !job.source.may_be_unchanged()
}

async fn upload(job: &Arc<Job>, scribe: Scribe, beginning: Beginning) -> Result<Receipt> {
    let upload = match beginning {
        Beginning::Made(found) => {
            let (made, sent) = *found;
            return prove(job, scribe, made, sent).await;
        }
        Beginning::Open(resumed) => Some(resumed),
        Beginning::Anew => None,
    };
    if job.forbids_overwrite()
        && let Err(failure) = job.unless_cancelled(must_be_free(job)).await
    {
        return Err(match upload {
            Some(Resumed { upload, .. }) => end(job, &upload, scribe, failure, Phase::Sending).await,
            None => let_go(scribe, failure).await,
        });
    }
    match upload {
        Some(resumed) => {
            // Each part that is kept was confirmed.
            let proven = resumed.ledger.done() > 0;
            multipart(job, scribe, resumed, None, proven).await
        }
        None => match &job.source {
            Source::Stream { stream, plan } => match stream.take() {
                Ok(feed) => upload_stream(job, scribe, Flow::new(job, plan.clone(), feed)).await,
                Err(failure) => Err(let_go(scribe, failure).await),
            },
            Source::File(_) if job.plan.single => {
                // The journal of an earlier upload is empty by now, and goes.
                scribe.close().await?;
                single::put_file(job).await
            }
            Source::File(_) => anew(job, scribe, None).await,
        },
    }
}

/// Reads the first part of a stream, which decides whether it is one PUT or many parts.
async fn upload_stream(job: &Arc<Job>, scribe: Scribe, flow: Flow) -> Result<Receipt> {
    job.board.stage(Stage::Reading);
    let failure = match job.unless_cancelled(flow.next()).await {
        Ok(Some((flow, _, first))) if !flow.has_ended() || !job.assurance.proves_put(first.len) => {
            return anew(job, scribe, Some(flow.unread(first))).await;
        }
        Ok(Some((_, _, whole))) => {
            scribe.close().await?;
            return single::put(job, Supply::Held(whole)).await;
        }
        Ok(None) => Error::new(ErrorKind::Internal, "a stream has no first part"),
        Err(failure) => failure,
    };
    Err(let_go(scribe, failure).await)
}

/// Lets go of a journal, with what it has to tell, before anybody hears of the failure.
async fn let_go(scribe: Scribe, failure: Error) -> Error {
    match scribe.close().await {
        Ok(()) => failure,
        Err(error) => failure.with_cleanup(error),
    }
}

/// Sends in parts what nothing is in the store of.
async fn anew(job: &Arc<Job>, scribe: Scribe, flow: Option<Flow>) -> Result<Receipt> {
    let mut orphan = false;
    let outcome = begin(job, scribe, flow, &mut orphan).await;
    if orphan { tell_of_orphan(job, outcome) } else { outcome }
}

/// Makes sure that the key has no object yet.
///
/// It is asked without encryption: the answer tells an object under any key, or under none, from no object at all. Only
/// where that may mean a customer key it is asked under that of the upload, because an object that was uploaded before
/// most likely is under the same.
async fn must_be_free(job: &Job) -> Result<()> {
    let plain = SseContext::none(job.client.dialect());
    let look = Head { key: job.key.clone(), version_id: None };
    match job.send_as(&look, &plain).await {
        Ok(_) => Err(occupied(job)),
        Err(error) if error.status() == Some(404) => Ok(()),
        // An object under a customer key answers so, and so does a bucket to those who may not look.
        Err(error) if may_be_the_key(&error) => {
            if job.sse.is_customer() && job.send(&look).await.is_ok() {
                return Err(occupied(job));
            }
            let permission = job.permission(Operation::Head);
            let to_miss = job.client.dialect().names().permission_to_miss;
            let untold = format!("whether {} exists cannot be told, and it is not to be replaced", job.object());
            Err(Error::new(error.kind(), untold)
                .with_hint(format!(
                    "choose another object key if an object under another customer key is there; otherwise check that these \
                     credentials are valid and may look at objects ({permission}{})",
                    to_miss.map_or_else(String::new, |it| format!(", and {it} to be told that there is none"))
                ))
                .at(Operation::Head)
                .caused_by(error))
        }
        Err(error) => Err(error),
    }
}

/// Says, whatever became of the upload, that an answer to Initiate was lost, and with it the id of another one.
fn tell_of_orphan(job: &Job, outcome: Result<Receipt>) -> Result<Receipt> {
    let left =
        format!("an answer to Initiate was lost: an empty unfinished upload of {} may be in the store", job.object());
    match outcome {
        Ok(mut receipt) => {
            receipt.warnings.push(left);
            Ok(receipt)
        }
        Err(failure) => Err(failure.with_cleanup(
            Error::new(ErrorKind::Unavailable, left)
                .with_hint("it costs nothing while it is empty; see it with `sealift uploads list`")
                .at(Operation::Initiate),
        )),
    }
}

/// Opens an upload and sends it.
///
/// `orphan` becomes true if an answer may have been lost, and with it the id of an upload.
async fn begin(job: &Arc<Job>, mut scribe: Scribe, flow: Option<Flow>, orphan: &mut bool) -> Result<Receipt> {
    let ready = match must_fit(job) {
        Ok(()) => scribe.initiating(|| resume::identity(job)).await,
        Err(failure) => Err(failure),
    };
    if let Err(failure) = ready {
        return Err(let_go(scribe, failure).await);
    }
    let mut call = Initiate {
        key: job.key.clone(),
        properties: job.properties.clone(),
        checksum: job.assurance.kept().then_some(job.algorithm),
        forbid_overwrite: job.forbids_overwrite(),
    };
    let mut answer = job.with_grace(job.send_unjudged(&call)).await;
    if answer.as_ref().is_err_and(|refused| may_be_the_checksum(job, refused)) {
        job.assurance.keep(false);
        call.checksum = None;
        scribe.start_anew().await?;
        scribe.initiating(|| resume::identity(job)).await?;
        answer = job.with_grace(job.send_unjudged(&call)).await;
    }
    let answer = match answer {
        Ok(answer) => answer,
        // Something may be in the store, so that the journal has to remember it.
        Err(failure) if failure.is_doubtful() || failure.kind() == ErrorKind::Cancelled => {
            *orphan = true;
            return Err(let_go(scribe, failure).await);
        }
        Err(failure) => return Err(bury(job, scribe, failure).await),
    };
    *orphan = answer.repeated;
    let upload = answer.value;
    let kms_key = match &answer.echo {
        Ok(Echo::Confirmed(reported)) => reported.kms_key_id.clone(),
        _ => None,
    };
    let at = job.client.clock().unix_seconds();
    if let Err(failure) = scribe.initiated(Initiated { upload_id: upload.clone(), at, kms_key }).await {
        return Err(end(job, &upload, scribe, failure, Phase::Sending).await);
    }
    let mut echoes = EchoLog::default();
    let proven = match answer.echo.and_then(|echo| echoes.note("initiate", &echo).map(|()| echo.is_confirmed())) {
        Ok(proven) => proven,
        Err(failure) => return Err(end(job, &upload, scribe, failure, Phase::Sending).await),
    };
    let ledger = Ledger::new(job.plan.parts);
    multipart(job, scribe, Resumed { upload, ledger, echoes }, flow, proven).await
}

/// Whether a store may have refused to open an upload because it does not know the checksum that it was asked to keep.
fn may_be_the_checksum(job: &Job, refused: &Error) -> bool {
    let assurance = &job.assurance;
    let open = assurance.choice() == ChecksumChoice::Auto && assurance.kept() && assurance.proof().is_none();
    // Behind a doubtful one may be an upload, which the journal must not forget.
    open && matches!(refused.status(), Some(400 | 501))
        && refused.kind() == ErrorKind::Rejected
        && !refused.is_doubtful()
}

/// Sends what is missing of a file, or what comes out of a stream, and makes the object.
async fn multipart(
    job: &Arc<Job>,
    mut scribe: Scribe,
    open: Resumed,
    flow: Option<Flow>,
    proven: bool,
) -> Result<Receipt> {
    let Resumed { upload, mut ledger, mut echoes } = open;
    let mut warnings = Vec::new();
    let queue = match flow {
        Some(flow) => Queue::Stream(Box::new(flow)),
        None => Queue::missing(job, &ledger),
    };
    let mut sending = Sending { job, upload: &upload, ledger: &mut ledger, echoes: &mut echoes, scribe: &mut scribe };
    if let Err(failure) = sending.probe(proven).await {
        let empty = ledger.done() == 0;
        return Err(end_unproved(job, &upload, scribe, failure, empty).await);
    }
    if let Err(failure) = sending.send_all(queue).await {
        return Err(end(job, &upload, scribe, failure, Phase::Sending).await);
    }
    match job.unless_cancelled(reread::confirm(job, &ledger)).await {
        Ok(false) => {}
        Ok(true) => warnings.push(reread::NOTE.to_owned()),
        Err(failure) => return Err(end(job, &upload, scribe, failure, Phase::Sending).await),
    }
    scribe.completing(job).await;
    // From here on there is no way back, so a wish to stop is not looked at any more.
    let made = match finish::complete(job, &upload, &ledger).await {
        Ok(made) => made,
        Err(Unfinished::Alive(failure)) => return Err(end(job, &upload, scribe, failure, Phase::Completing).await),
        Err(Unfinished::Gone(failure)) => return Err(bury(job, scribe, failure).await),
        Err(Unfinished::Unknown(failure)) => return Err(keep(job, scribe, failure, Phase::Completing).await),
    };
    let sent = Sent {
        extent: job.extent(&ledger),
        checksum: ledger.combined(job.algorithm),
        parts_confirmed: ledger.all_proved(),
        upload_id: upload,
        echoes,
        warnings,
    };
    prove(job, scribe, made, sent).await
}

/// Compares the object with what was sent; with that, the journal has served.
async fn prove(job: &Job, scribe: Scribe, made: Made, sent: Sent) -> Result<Receipt> {
    let upload = sent.upload_id.clone();
    match verify::verify(job, made, sent).await {
        Ok(proof) => {
            scribe.completed(job).await;
            Ok(job.receipt(proof))
        }
        Err(failure) => Err(end(job, &upload, scribe, failure, Phase::Made).await),
    }
}
