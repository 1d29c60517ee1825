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
        return keep(scribe, failure).await;
    }
    let failure = if phase == Phase::Made { failure } else { give_up(job, upload, failure).await };
    if failure.cleanup().is_some() {
        // It may still be in the store; the journal is what finds it there.
        let _ = scribe.close().await;
        return failure;
    }
    bury(scribe, failure).await
}

/// Ends the journal of an upload that is gone.
pub(crate) async fn bury(scribe: Scribe, failure: Error) -> Error {
    match scribe.ended(failure.message()).await {
        Ok(()) => failure,
        Err(error) => failure.with_cleanup(error),
    }
}

/// Closes the journal of an upload that stays; without one it stays all the same.
pub(crate) async fn keep(scribe: Scribe, failure: Error) -> Error {
    if !scribe.keeps() {
        return failure;
    }
    match scribe.close().await {
        Ok(()) => failure.resumable(),
        // What was safe before still is: the next run sends a little more.
        Err(error) => failure.resumable().with_cleanup(error),
    }
}

fn fate(job: &Job, scribe: &Scribe, failure: &Error, phase: Phase) -> Fate {
    let refused = failure.status().is_some_and(|status| status >= 300);
    keep::fate(
        scribe.keeps(),
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
