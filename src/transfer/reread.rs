//! Reading the file once more: to make sure that it still is what was sent.

use std::sync::Arc;

use crate::{
    checksum::{Algorithm, Checksum, Digest},
    error::Result,
    transfer::{
        Job, Span,
        frames::{Frame, FramePool},
        ledger::Ledger,
        source::{Drift, FileSource, Source},
        stop::Stop,
        uploader::internal,
    },
};

/// How many times the file is read again if its properties keep changing meanwhile.
const ROUNDS: u32 = 3;

/// What the receipt says after that.
pub(crate) const NOTE: &str =
    "the file's properties changed during the upload; it was read again, and its bytes are the same";

/// Reads a file once more, on a thread that may block.
#[derive(Clone, Debug)]
pub(crate) struct Reader {
    pub(crate) source: Arc<FileSource>,
    pub(crate) frames: FramePool,
    pub(crate) stop: Stop,
    pub(crate) algorithm: Algorithm,
}

/// A stretch of the file, with the checksum that it must have, if it must have one.
pub(crate) type Stretch = (Span, Option<Checksum>);

impl Reader {
    /// The checksum of each stretch; `None` if one is not what it must be.
    ///
    /// # Cancellation
    /// Dropping the future leaves the reading to end by itself; asking to stop ends it.
    pub(crate) async fn read(&self, stretches: Vec<Stretch>) -> Result<Option<Vec<Checksum>>> {
        let reader = self.clone();
        let read = tokio::task::spawn_blocking(move || {
            let mut frame = reader.frames.take();
            let mut sums = Vec::with_capacity(stretches.len());
            for (span, expected) in stretches {
                let sum = reader.sum(span, &mut frame)?;
                if expected.is_some_and(|expected| expected != sum) {
                    return Ok(None);
                }
                sums.push(sum);
            }
            Ok(Some(sums))
        });
        read.await.unwrap_or_else(|error| Err(internal(&error)))
    }

    fn sum(&self, span: Span, frame: &mut Frame) -> Result<Checksum> {
        let mut digest = Digest::new(self.algorithm);
        self.source
            .read_through(span.offset..span.offset + span.len, frame, &self.stop, |piece| digest.update(piece))?;
        Ok(digest.value())
    }
}

/// Compares the file with what was sent; of a stream nothing is left to compare.
///
/// If nothing but the time of its last change differs, somebody may have written to it and set the other times back;
/// so every part is read again. Says whether that was needed.
///
/// # Errors
/// `Source` if the file is not what it was.
pub(crate) async fn confirm(job: &Job, ledger: &Ledger) -> Result<bool> {
    let Source::File(file) = &job.source else { return Ok(false) };
    file.check_end()?;
    let Drift::Touched(mut seen) = file.check()? else { return Ok(false) };
    for _ in 0..ROUNDS {
        let sent = ledger.iter().filter_map(|(number, part)| Some((job.plan.span(number)?, Some(part.checksum))));
        if job.reader()?.read(sent.collect()).await?.is_none() {
            return Err(file.changed("was written to"));
        }
        match file.check()? {
            Drift::Touched(now) if now != seen => seen = now,
            Drift::Touched(_) | Drift::None => return Ok(true),
        }
    }
    Err(file.changed("kept being changed"))
}
