//! The parts of one upload on their way: as many at once as the pace allows, until all are done or one fails.

use std::{
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};

use tokio::{
    task::{JoinError, JoinSet},
    time::MissedTickBehavior,
};

use crate::{
    error::{Error, ErrorKind, Result},
    ident::UploadId,
    operation::Operation,
    sse::SseMode,
    transfer::{
        Concurrency, Job, Stage,
        integrity::probe,
        ledger::Ledger,
        pace::Pace,
        part::{self, SentPart},
        queue::{Queue, Ready},
        receipt::EchoLog,
        scribe::Scribe,
        throttle::Throttle,
        uploader::{FRAMES_PER_PART, internal},
    },
};

/// How often progress is published and the pace looked at.
pub(crate) const TICK: Duration = Duration::from_millis(100);

/// What the sending of parts works on.
#[derive(Debug)]
pub(crate) struct Sending<'a> {
    pub(crate) job: &'a Arc<Job>,
    pub(crate) upload: &'a UploadId,
    /// What is done already, and then what is done at all.
    pub(crate) ledger: &'a mut Ledger,
    pub(crate) echoes: &'a mut EchoLog,
    pub(crate) scribe: &'a mut Scribe,
}

impl Sending<'_> {
    /// Finds out with one byte what the store has not shown yet, before any of the source leaves.
    ///
    /// `proven`: the store has shown for this upload that it encrypts as asked.
    pub(crate) async fn probe(&mut self, proven: bool) -> Result<()> {
        self.job.board.stage(Stage::Sending);
        let unproven = self.job.sse.mode() != SseMode::None && !proven;
        if (unproven || !self.job.assurance.lets_parts_go(self.ledger.is_lone()))
            && let Some(number) = self.ledger.first_missing()
        {
            let echo = probe(self.job, self.upload, number).await?;
            self.echoes.note("parts", &echo)?;
        }
        Ok(())
    }

    /// Sends every part of the queue.
    pub(crate) async fn send_all(&mut self, queue: Queue) -> Result<()> {
        let mut parts = JoinSet::new();
        let outcome = self.drive(queue, &mut parts).await;
        if outcome.is_err() {
            // What has arrived by now need not be sent again.
            while let Some(ended) = parts.try_join_next() {
                if let Ok(part) = enter(self.ledger, self.echoes, ended) {
                    self.scribe.part(self.job, &part).await;
                }
            }
        }
        // No part outlives the upload, and none may end after the abort.
        parts.shutdown().await;
        self.publish(0);
        outcome
    }

    /// Keeps as many parts under way as the pace allows, until all are done or one fails.
    async fn drive(&mut self, queue: Queue, parts: &mut JoinSet<Result<SentPart>>) -> Result<()> {
        let Self { job, upload, .. } = *self;
        let mut pace = Pace::new(
            job.concurrency,
            ceiling(job, queue.room()),
            job.throttle.as_ref().map(Throttle::bytes_per_second),
        );
        let mut slow_downs = job.client.slow_downs();
        let mut next = Next::Queue(queue);
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !(matches!(next, Next::End) && self.ledger.is_full()) {
            let in_flight = u16::try_from(parts.len()).unwrap_or(u16::MAX);
            next = match next {
                Next::Queue(queue) if in_flight < pace.limit() || queue.reads_ahead() => {
                    Next::Pending(Box::pin(queue.next()))
                }
                Next::Ready(queue, Ready { number, supply }) if in_flight < pace.limit() => {
                    self.ledger.expect(number);
                    parts.spawn(part::send(Arc::clone(job), upload.clone(), number, supply));
                    next = Next::Queue(queue);
                    continue;
                }
                next => next,
            };
            tokio::select! {
                biased;
                () = job.stop.asked() => return Err(job.stop.error()),
                Some(ended) = parts.join_next() => {
                    let part = enter(self.ledger, self.echoes, ended)?;
                    self.scribe.part(job, &part).await;
                }
                made = next.made_ready() => {
                    next = match made? {
                        Some((queue, ready)) => Next::Ready(queue, ready),
                        None => Next::End,
                    };
                }
                _ = tick.tick() => {
                    let (now, sent) = (Instant::now(), job.meter.net());
                    pace.look(now, sent, in_flight);
                    if job.client.slow_downs() > slow_downs {
                        slow_downs = job.client.slow_downs();
                        pace.slow_down(now, sent);
                    }
                    self.publish(u32::from(in_flight));
                }
            }
        }
        job.board.update(|progress| progress.open = false);
        Ok(())
    }

    fn publish(&self, in_flight: u32) {
        self.job.board.update(|progress| {
            progress.confirmed = self.ledger.confirmed();
            progress.parts_done = self.ledger.done();
            progress.in_flight = in_flight;
            progress.retries = self.job.retries();
        });
    }
}

/// The next part with those behind it; `None` at the end.
type Made = Result<Option<(Queue, Ready)>>;

/// Where the next part is.
enum Next {
    /// Nobody has asked for it.
    Queue(Queue),
    /// It waits for room, or for its bytes. A reservation keeps its place in line across turns, because other uploads
    /// share the budget.
    Pending(Pin<Box<dyn Future<Output = Made> + Send>>),
    /// It waits for a connection.
    Ready(Queue, Ready),
    /// There is none.
    End,
}

impl Next {
    /// Waits until it is ready, if that is what it waits for.
    async fn made_ready(&mut self) -> Made {
        match self {
            Self::Pending(making) => making.await,
            Self::Queue(_) | Self::Ready(..) | Self::End => std::future::pending().await,
        }
    }
}

/// Enters a part that has ended.
fn enter(ledger: &mut Ledger, echoes: &mut EchoLog, ended: Result<Result<SentPart>, JoinError>) -> Result<SentPart> {
    let part = ended.unwrap_or_else(|error| Err(internal(&error)))?;
    let at_part = |error: Error| error.at(Operation::UploadPart).at_part(part.number);
    echoes.note("parts", &part.echo).map_err(at_part)?;
    if ledger.enter(part.number, part.done.clone()) {
        Ok(part)
    } else {
        Err(at_part(Error::new(ErrorKind::Internal, "a part was sent that was not planned")))
    }
}

/// Makes sure that a fixed number of parts at once has the memory that it needs.
///
/// # Errors
/// `Config` if it has not.
pub(crate) fn must_fit(job: &Job) -> Result<()> {
    let Concurrency::Fixed(wanted) = job.concurrency else { return Ok(()) };
    let (frames, at_once) = (job.budget.frames(), u32::from(wanted).min(job.plan.parts));
    if frames >= at_once * FRAMES_PER_PART {
        return Ok(());
    }
    let lacks = format!("{wanted} parts at once need more memory than the budget of {frames} frames has");
    Err(Error::new(ErrorKind::Config, lacks).with_hint("allow more memory, or ask for fewer parts at once"))
}

/// The most parts that the budget has room for.
fn ceiling(job: &Job, room: u32) -> u16 {
    u16::try_from(job.budget.frames() / room).unwrap_or(u16::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_in_a_part_is_an_internal_error_and_not_a_panic_of_the_engine() {
        let mut parts: JoinSet<Result<SentPart>> = JoinSet::new();
        parts.spawn(async { panic!("on purpose") });
        let ended = parts.join_next().await.unwrap();
        let error = enter(&mut Ledger::new(1), &mut EchoLog::default(), ended).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal);
    }
}
