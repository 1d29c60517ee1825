//! Removing an unfinished upload from the store, so that its parts are not paid for.

use crate::{
    error::{Error, ErrorKind, Result},
    ident::{ObjectKey, UploadId},
    sse::SseContext,
    transfer::{Job, Stage},
    transport::StoreClient,
    wire::{Abort, ListParts, is_upload_gone},
};

/// How many times the upload is aborted and looked for again.
const ROUNDS: u32 = 3;

/// Ends an upload that failed: aborts it, and says so if that fails too.
pub(crate) async fn give_up(job: &Job, upload: &UploadId, failure: Error) -> Error {
    job.board.stage(Stage::Aborting);
    match abort_upload(&job.client, &job.sse, &job.key, upload).await {
        Ok(_) => failure.hinting_also("the upload was aborted: none of its parts is left in the store"),
        Err(error) => {
            let left = format!("the unfinished upload {upload} of {} may still be in the store", job.object());
            let hint = "its parts are paid for until it is aborted, by its id, or a lifecycle rule removes it";
            failure.with_cleanup(Error::new(error.kind(), left).with_hint(hint).caused_by(error))
        }
    }
}

/// Aborts an upload and makes sure that it is gone: a part that ends at the same moment can keep it alive.
///
/// Says whether it was there.
pub(crate) async fn abort_upload(
    client: &StoreClient,
    sse: &SseContext,
    key: &ObjectKey,
    upload: &UploadId,
) -> Result<bool> {
    let call = Abort { key: key.clone(), upload_id: upload.clone() };
    let look = ListParts { key: key.clone(), upload_id: upload.clone(), after: None };
    let mut there = false;
    for _ in 0..ROUNDS {
        match client.send(&call, sse).await {
            Ok(_) => there = true,
            // So is one that the first of two attempts has removed, and one that only this front end does not know.
            Err(error) if is_upload_gone(&error) => {}
            Err(error) => return Err(error),
        }
        match client.send(&look, sse).await {
            Ok(_) => {}
            Err(error) if is_upload_gone(&error) => return Ok(there),
            // Whoever may abort need not be allowed to list; the abort itself was confirmed.
            Err(error) if error.kind() == ErrorKind::Credentials => return Ok(there),
            Err(error) => return Err(error),
        }
    }
    Err(Error::new(ErrorKind::Unavailable, "the store lists the upload although it was aborted several times")
        .with_hint("calls that are still under way may bring it back; abort it again in a while"))
}
