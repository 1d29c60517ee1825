//! Writes an upload down as long as the disk lets it: a journal that fails while parts are on their way does not stop the
//! upload. Before the first part, it does.

use crate::{
    error::Result,
    transfer::{
        Job,
        journal::{EchoSeen, Identity, Initiated, Known, Part, Recorder},
        part::SentPart,
    },
};

/// The engine's pen. Once its journal has failed, or if there never was one, it writes nothing.
#[derive(Debug)]
pub(crate) struct Scribe {
    recorder: Option<Recorder>,
    /// A journal that has failed. Its lock is held as long as the upload lives.
    lost: Option<Recorder>,
}

impl Scribe {
    /// Writes nothing.
    pub(crate) fn none() -> Self {
        Self { recorder: None, lost: None }
    }

    pub(crate) fn new(recorder: Recorder) -> Self {
        Self { recorder: Some(recorder), lost: None }
    }

    /// Whether the upload can be gone on with by what was written.
    pub(crate) fn keeps(&self) -> bool {
        self.recorder.is_some()
    }

    /// Forgets an upload that is gone, so that another begins in its place.
    ///
    /// # Errors
    /// `Journal`; nothing of the new upload is in the store yet, and nothing should get there.
    pub(crate) async fn start_anew(&self) -> Result<()> {
        match &self.recorder {
            Some(recorder) => recorder.start_anew().await,
            None => Ok(()),
        }
    }

    /// Initiate is about to be sent.
    ///
    /// # Errors
    /// As for [`start_anew`](Self::start_anew): what cannot be written down could not be found again.
    pub(crate) async fn initiating(&self, identity: impl FnOnce() -> Result<Identity>) -> Result<()> {
        match &self.recorder {
            Some(recorder) => recorder.initiating(identity()?).await,
            None => Ok(()),
        }
    }

    /// The upload is open.
    ///
    /// # Errors
    /// `Journal`: no part should be sent of an upload that nobody could find again.
    pub(crate) async fn initiated(&mut self, answer: Initiated) -> Result<()> {
        let Some(recorder) = &self.recorder else { return Ok(()) };
        let outcome = recorder.initiated(answer).await;
        if outcome.is_err() {
            self.lost = self.recorder.take();
        }
        outcome
    }

    /// A part's answer was verified. While the disk lags behind, a wish to stop is heard all the same. Those of a stream
    /// are of no use to a later run.
    pub(crate) async fn part(&mut self, job: &Job, part: &SentPart) {
        let Some(recorder) = self.recorder.as_ref().filter(|_| !job.source.is_stream()) else { return };
        let record = Part {
            number: part.number,
            len: part.done.len,
            checksum: part.done.checksum,
            etag: part.done.etag.clone(),
            echo: EchoSeen::from(&part.echo),
            unproved: !part.done.proved,
        };
        let outcome = tokio::select! {
            biased;
            outcome = recorder.part(record) => outcome,
            // That part is sent again, then.
            () = job.stop.asked() => Ok(()),
        };
        self.go_on(job, outcome);
    }

    /// Complete is about to be sent.
    pub(crate) async fn completing(&mut self, job: &Job) {
        if let Some(recorder) = &self.recorder {
            let outcome = recorder.completing().await;
            self.go_on(job, outcome);
        }
    }

    /// The object is there and proved.
    pub(crate) async fn completed(self, job: &Job) {
        match self.recorder {
            Some(recorder) => {
                if let Err(error) = recorder.completed().await {
                    job.board.note(format!("the journal of this upload could not be removed: {error}"));
                }
            }
            None => {
                if let Some(failed) = self.lost {
                    drop(failed);
                    forget(job).await;
                }
            }
        }
    }

    /// The upload is gone from the store.
    pub(crate) async fn ended(self, job: &Job, why: &str) -> Result<()> {
        match (self.recorder, self.lost) {
            (Some(recorder), _) => return recorder.ended(why).await,
            (None, Some(failed)) => {
                drop(failed);
                forget(job).await;
            }
            (None, None) => {}
        }
        Ok(())
    }

    /// Makes safe what was written, and lets go of the journal.
    pub(crate) async fn close(self) -> Result<()> {
        match self.recorder {
            Some(recorder) => recorder.close().await,
            None => Ok(()),
        }
    }

    /// After a failure the upload goes on without its journal, and says so.
    fn go_on(&mut self, job: &Job, outcome: Result<()>) {
        if let Err(error) = outcome {
            self.lost = self.recorder.take();
            job.board.note(format!("the upload went on without its journal, and could not have been resumed: {error}"));
        }
    }
}

/// Tries to take away a journal that has failed: nothing needs it any more. If it stays, the next run finds what became
/// of its upload.
async fn forget(job: &Job) {
    let Ok(source) = job.origin() else { return };
    let (choice, target) = (job.wish.journal.clone(), job.target());
    let mark = job.nonce.clone();
    let removed = tokio::task::spawn_blocking(move || match choice.open(&target, &source, true)? {
        // In its place another run may have put a journal of its own.
        Some(mut journal) => match Known::fold(&journal.records()?)? {
            Some(known) if known.identity.nonce != mark => Ok(()),
            _ => journal.remove(),
        },
        None => Ok(()),
    });
    if let Ok(Err(error)) = removed.await {
        tracing::debug!(%error, "a journal that had failed stays");
    }
}
