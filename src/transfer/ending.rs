//! The end of an upload that failed: kept, or removed from the store; and its journal with it.

use crate::{
    error::{Error, ErrorKind},
    ident::UploadId,
    transfer::{
        Job,
        abort::give_up,
        keep::{self, Facts, Fate, Phase},
        scribe::Scribe,
    },
};

/// Ends an upload that failed, and completes the error by what has become of it.
pub(crate) async fn end(job: &Job, upload: &UploadId, scribe: Scribe, failure: Error, phase: Phase) -> Error {
    if fate(job, &scribe, &failure, phase) == Fate::Kept {
        return keep(job, scribe, failure, phase).await;
    }
    let failure = if phase == Phase::Made { failure } else { give_up(job, upload, failure).await };
    let failure = if job.source.is_stream() { once_only(failure) } else { failure };
    if failure.cleanup().is_some() {
        // It may still be in the store; the journal is what finds it there.
        let _ = scribe.close().await;
        return failure;
    }
    bury(job, scribe, failure).await
}

/// Says what trying again means for a stream.
fn once_only(failure: Error) -> Error {
    let passing = matches!(failure.kind(), ErrorKind::Unavailable | ErrorKind::Credentials | ErrorKind::Cancelled);
    let again = "what was read of the stream is gone: its producer has to begin again, unless --spool DIR keeps it";
    match failure.hint().map(|hint| format!("{hint}; {again}")) {
        Some(hint) if passing => failure.with_hint(hint),
        _ => failure,
    }
}

/// Ends the journal of an upload that is gone.
pub(crate) async fn bury(job: &Job, scribe: Scribe, failure: Error) -> Error {
    match scribe.ended(job, failure.message()).await {
        Ok(()) => failure,
        Err(error) => failure.with_cleanup(error),
    }
}

/// Closes the journal of an upload that stays; without one it stays all the same. That of a stream can be seen and
/// removed by it, and not be gone on with.
pub(crate) async fn keep(job: &Job, scribe: Scribe, failure: Error, phase: Phase) -> Error {
    if !scribe.keeps() {
        return failure;
    }
    if job.source.is_stream() {
        return match scribe.close().await {
            Ok(()) => failure,
            Err(error) => failure.with_cleanup(error),
        };
    }
    let closed = scribe.close().await;
    // While an earlier upload is compared, nobody has counted its parts.
    let counted = (phase != Phase::Resuming).then(|| (job.board.parts_done(), job.plan.parts));
    let failure = failure.resumable(counted);
    match closed {
        Ok(()) => failure,
        // What was safe before still is: the next run sends a little more.
        Err(error) => failure.with_cleanup(error),
    }
}

fn fate(job: &Job, scribe: &Scribe, failure: &Error, phase: Phase) -> Fate {
    let refused = failure.status().is_some_and(|status| status >= 300);
    keep::fate(
        scribe.keeps() && !job.source.is_stream(),
        phase,
        Facts {
            kind: failure.kind(),
            code: failure.code().unwrap_or_default(),
            stranger: refused && failure.code().is_none() && failure.request_id().is_none(),
            unchanged: failure.kind() != ErrorKind::Source || job.source.may_be_unchanged(),
            unwanted: job.stop.is_unwanted(),
        },
    )
}
