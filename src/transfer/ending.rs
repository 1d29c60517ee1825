//! The end of an upload that failed: kept, or removed from the store; and its journal with it.

use crate::{
    error::{Error, ErrorKind},
    ident::UploadId,
    operation::Operation,
    sse::SseMode,
    transfer::{
        Job, Stage,
        abort::{self, give_up},
        keep::{self, Facts, Fate, Phase},
        scribe::Scribe,
    },
    wire::fails_under_kms,
};

/// The remedy for an upload of which nobody knows whether it is complete, where there is a journal.
const IN_DOUBT: &str = "look at the object in a while (sealift stat); if it does not appear, try again later";

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

/// Ends an upload whose first byte, which is none of the source's, was not taken.
///
/// A store that opens an upload and removes it again is not out of order: if it fails only where a KMS key is to be used,
/// that key is the likeliest reason, and in an upload without parts there is nothing to go on with. If it does not even
/// remove it, it is the store.
pub(crate) async fn end_unproved(job: &Job, upload: &UploadId, scribe: Scribe, failure: Error, empty: bool) -> Error {
    if !(empty && job.sse.mode() == SseMode::Kms && fails_under_kms(&failure)) {
        return end(job, upload, scribe, failure, Phase::Sending).await;
    }
    job.board.stage(Stage::Aborting);
    match abort::abort_upload(&job.client, &job.sse, &job.key, upload).await {
        Ok(_) => bury(job, scribe, lacks_the_key(job.sse.kms_key_id(), failure)).await,
        Err(_) => end(job, upload, scribe, failure, Phase::Sending).await,
    }
}

/// Names the KMS key as what a store fails at.
fn lacks_the_key(asked: Option<&str>, failure: Error) -> Error {
    let given = asked.map_or_else(|| "none was given".to_owned(), |id| format!("given was {id}"));
    failure
        .recast(ErrorKind::Encryption, "the store fails where a KMS key is asked for, and answers otherwise")
        .with_hint(format!(
            "check --sse-kms-key-id ({given}), and that the store has a KMS; the upload was aborted: no byte of the source \
             had been sent"
        ))
        .at(Operation::UploadPart)
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
    // The next run looks for the object first, so that nobody has to abort what may become one.
    let in_doubt = phase == Phase::Completing && failure.is_doubtful();
    let failure = if in_doubt { failure.with_hint(IN_DOUBT) } else { failure };
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
