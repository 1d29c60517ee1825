//! Which part comes next, with its bytes or with the way to them; always room first, bytes second.

use std::{sync::Arc, vec::IntoIter};

use crate::{
    error::{Error, ErrorKind, Result},
    ident::PartNumber,
    transfer::{
        Job, Span, StreamPlan,
        ahead::wants_md5,
        body::Supply,
        feed::{Feed, Held, Order, frames_of},
        ledger::Ledger,
        uploader::FRAMES_PER_PART,
    },
};

/// The parts that are still to be sent.
pub(crate) enum Queue {
    /// Stretches of a file.
    File { job: Arc<Job>, spans: IntoIter<Span> },
    /// What comes out of a stream.
    Stream(Box<Flow>),
}

/// A part that can leave.
#[derive(Debug)]
pub(crate) struct Ready {
    pub(crate) number: PartNumber,
    pub(crate) supply: Supply,
}

impl Queue {
    /// The parts of a file that are not done.
    pub(crate) fn missing(job: &Arc<Job>, ledger: &Ledger) -> Self {
        let spans: Vec<Span> = job.plan.spans().filter(|span| !ledger.has(span.number)).collect();
        Self::File { job: Arc::clone(job), spans: spans.into_iter() }
    }

    /// How many frames a part takes, at first.
    pub(crate) fn room(&self) -> u32 {
        match self {
            Self::File { .. } => FRAMES_PER_PART,
            Self::Stream(flow) => frames_of(flow.plan.first_part),
        }
    }

    /// Whether a part is made ready while others take up all connections: a producer should not wait for the network
    /// as long as there is room.
    pub(crate) fn reads_ahead(&self) -> bool {
        matches!(self, Self::Stream(_))
    }

    /// Waits for room, and makes the next part ready; `None` at the end.
    ///
    /// # Cancellation
    /// Dropping the future loses the queue.
    pub(crate) async fn next(self) -> Result<Option<(Self, Ready)>> {
        match self {
            Self::File { job, mut spans } => {
                let Some(span) = spans.next() else { return Ok(None) };
                let supply = job.stretch(&span, job.budget.reserve(FRAMES_PER_PART).await)?;
                Ok(Some((Self::File { job, spans }, Ready { number: span.number, supply })))
            }
            Self::Stream(flow) => {
                let Some((flow, number, held)) = flow.next().await? else { return Ok(None) };
                Ok(Some((Self::Stream(Box::new(flow)), Ready { number, supply: Supply::Held(held) })))
            }
        }
    }
}

/// A stream on its way into parts.
pub(crate) struct Flow {
    job: Arc<Job>,
    plan: StreamPlan,
    feed: Feed,
    /// Parts and bytes that were read so far.
    parts: u32,
    size: u64,
    /// A part that was read before the upload was opened.
    first: Option<Held>,
    ended: bool,
}

impl Flow {
    pub(crate) fn new(job: &Arc<Job>, plan: StreamPlan, feed: Feed) -> Self {
        Self { job: Arc::clone(job), plan, feed, parts: 0, size: 0, first: None, ended: false }
    }

    /// Puts the first part back, which is then the next.
    pub(crate) fn unread(self, first: Held) -> Self {
        Self { parts: 0, size: 0, first: Some(first), ..self }
    }

    /// Whether the end of the stream was seen.
    pub(crate) fn has_ended(&self) -> bool {
        self.ended
    }

    /// Reads the next part; `None` at the end of the stream. A stream that ends where a part would begin has no empty
    /// last part; an empty stream has an empty first one.
    ///
    /// # Errors
    /// `Source` if the stream cannot be read, `Config` if it goes on behind the longest that fits.
    pub(crate) async fn next(mut self) -> Result<Option<(Self, PartNumber, Held)>> {
        let held = match self.first.take() {
            Some(first) => first,
            None if self.ended => return Ok(None),
            None => {
                let (back, held) = self.read().await?;
                self = back;
                held
            }
        };
        if held.len == 0 && self.parts > 0 {
            return Ok(None);
        }
        let number = PartNumber::at_index(self.parts as usize)
            .ok_or_else(|| Error::new(ErrorKind::Internal, "a stream has more parts than its plan"))?;
        self.parts += 1;
        self.size += held.len;
        self.job.board.update(|progress| {
            progress.total = self.size;
            progress.parts = self.parts;
        });
        Ok(Some((self, number, held)))
    }

    /// Reads as much as the next part may have; behind the longest stream, as little as shows that it goes on.
    async fn read(mut self) -> Result<(Self, Held)> {
        let planned = PartNumber::at_index(self.parts as usize).and_then(|number| self.plan.len(number, self.size));
        let len = planned.unwrap_or(1);
        let job = &self.job;
        let order = Order {
            offset: self.size,
            len,
            room: job.budget.reserve(frames_of(len)).await,
            frames: job.frames.clone(),
            algorithm: job.algorithm,
            md5: wants_md5(job),
            stop: job.stop.clone(),
        };
        let (feed, held) = self.feed.read(order).await?;
        self.feed = feed;
        self.ended = held.len < len;
        if planned.is_none() && held.len > 0 { Err(self.plan.outgrown()) } else { Ok((self, held)) }
    }
}

#[cfg(test)]
mod tests;
