//! The engine's end of a journal: it says what happened, and a task of its own writes it down.
//!
//! Writing and syncing go to threads that may block, so that no part waits for the disk. Steps that must be safe before
//! the next call leaves are awaited. Parts are only handed over: they are written as soon as the writer is free, and
//! the sync that makes them safe begins half a second after the first of them was handed over, or as soon as the sync
//! before has ended.
//!
//! ```text
//! let (recorder, known) = Recorder::open(Box::new(state_dir.open(&target, path)?)).await?;
//! recorder.initiating(identity).await?;      // before Initiate
//! recorder.initiated(initiated).await?;      // before the first part
//! recorder.part(part).await?;                // after each verified answer
//! recorder.completing().await?;              // before Complete
//! recorder.completed().await?;               // after the proof: the journal is gone
//! ```
//!
//! After a failure every call fails with the same reason. Whoever wants to go on without a journal drops the recorder:
//! what was synced stays in the file, and a later run sends the other parts again. Before Initiate there is the choice
//! of not beginning at all, and that is the one to take, because what cannot be written down cannot be found again.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio::{
    sync::{mpsc, oneshot},
    task::{self, JoinSet},
    time::{Instant, timeout_at},
};

use super::{Identity, Initiated, Journal, Known, Part, Record};
use crate::error::{Error, ErrorKind, Result};

/// How long a part may wait for its sync: half of the second that is promised, so that the disk has the other half.
const DELAY: Duration = Duration::from_millis(500);

/// How many parts may wait for a slow disk before the engine waits with them.
const WAITING: usize = 64;

/// Writes an upload down.
#[derive(Debug)]
pub(crate) struct Recorder {
    orders: mpsc::Sender<Order>,
    failure: Failure,
    /// Owns the writer.
    writer: JoinSet<()>,
}

/// What the engine asks of the writer.
#[derive(Debug)]
enum Order {
    /// To be safe within the delay.
    Soon(Record, Instant),
    /// To be safe before the answer.
    Now(Step, oneshot::Sender<Result<()>>),
}

#[derive(Debug)]
enum Step {
    Append(Record),
    Clear,
    /// Adds the last record and takes the journal away.
    End(Record),
    Sync,
}

impl Recorder {
    /// Reads what an earlier run has left, and starts the writer on the current runtime.
    ///
    /// An upload that was over already, and whose journal only was not removed any more, is nothing left.
    ///
    /// # Errors
    /// `Journal` if it cannot be read or contradicts itself.
    ///
    /// # Cancellation
    /// Dropping the future closes the journal and changes nothing in it.
    pub(crate) async fn open(mut journal: Box<dyn Journal>) -> Result<(Self, Option<Known>)> {
        let opened = task::spawn_blocking(move || {
            let known = Known::fold(&journal.records()?)?;
            if known.as_ref().is_some_and(Known::is_over) {
                journal.clear()?;
                return Ok((journal, None));
            }
            Ok((journal, known))
        });
        let (journal, known) = opened.await.unwrap_or_else(|_| Err(stopped()))?;
        let (orders, inbox) = mpsc::channel(WAITING);
        let failure = Failure::default();
        let mut writer = JoinSet::new();
        writer.spawn(write_down(journal, inbox, failure.clone()));
        Ok((Self { orders, failure, writer }, known))
    }

    /// Initiate is about to be sent. Safe on disk when it returns.
    pub(crate) async fn initiating(&self, identity: Identity) -> Result<()> {
        self.now(Step::Append(Record::Initiating(Box::new(identity)))).await
    }

    /// The upload is open. Safe on disk when it returns.
    pub(crate) async fn initiated(&self, answer: Initiated) -> Result<()> {
        self.now(Step::Append(Record::Initiated(answer))).await
    }

    /// A part's answer was verified. Safe on disk within a second; it waits only if the disk lags by many parts.
    pub(crate) async fn part(&self, part: Part) -> Result<()> {
        self.failure.check()?;
        let order = Order::Soon(Record::Part(part), Instant::now());
        self.orders.send(order).await.map_err(|_| self.failure.error())
    }

    /// Complete is about to be sent. It and all parts are safe on disk when it returns.
    pub(crate) async fn completing(&self) -> Result<()> {
        self.now(Step::Append(Record::Completing)).await
    }

    /// The object is there and proved: the journal is removed.
    ///
    /// # Errors
    /// `Journal` if it is still there. The object is not the worse for it: a later run finds it by its mark.
    pub(crate) async fn completed(self) -> Result<()> {
        self.now(Step::End(Record::Completed)).await
    }

    /// The upload is gone from the store: the journal is removed.
    pub(crate) async fn ended(self, why: &str) -> Result<()> {
        self.now(Step::End(Record::Ended { why: why.to_owned() })).await
    }

    /// Forgets an upload that is gone from the store, so that another begins in its place.
    pub(crate) async fn start_anew(&self) -> Result<()> {
        self.now(Step::Clear).await
    }

    /// Makes everything safe that was handed over, and stops writing: the upload pauses.
    ///
    /// # Cancellation
    /// Dropping the future stops the writer; the last parts may be missing then.
    pub(crate) async fn close(mut self) -> Result<()> {
        let synced = self.now(Step::Sync).await;
        drop(self.orders);
        while self.writer.join_next().await.is_some() {}
        synced
    }

    async fn now(&self, step: Step) -> Result<()> {
        self.failure.check()?;
        let (answer, done) = oneshot::channel();
        self.orders.send(Order::Now(step, answer)).await.map_err(|_| self.failure.error())?;
        done.await.unwrap_or_else(|_| Err(self.failure.error()))
    }
}

/// The first failure of the writer, for everyone who comes later.
#[derive(Clone, Debug, Default)]
struct Failure(Arc<OnceLock<(String, Option<String>)>>);

impl Failure {
    fn note(&self, error: &Error) {
        // The first reason is the one that counts.
        let _ = self.0.set((error.message().to_owned(), error.hint().map(str::to_owned)));
    }

    fn check(&self) -> Result<()> {
        if self.0.get().is_some() { Err(self.error()) } else { Ok(()) }
    }

    fn error(&self) -> Error {
        let Some((message, hint)) = self.0.get() else { return stopped() };
        let error = Error::new(ErrorKind::Journal, message.clone());
        match hint {
            Some(hint) => error.with_hint(hint.clone()),
            None => error,
        }
    }
}

fn stopped() -> Error {
    Error::new(ErrorKind::Journal, "the writer of the journal was stopped from outside")
}

/// Takes orders until there are no more, or until one fails.
async fn write_down(mut journal: Box<dyn Journal>, mut inbox: mpsc::Receiver<Order>, failure: Failure) {
    let mut due = None;
    loop {
        let order = match due {
            None => inbox.recv().await,
            Some(at) => match timeout_at(at, inbox.recv()).await {
                Ok(order) => order,
                Err(_) => Some(Order::Now(Step::Sync, oneshot::channel().0)),
            },
        };
        let Some(first) = order else { return };
        let mut batch = Batch::default();
        batch.take(first, &mut due);
        while let Ok(next) = inbox.try_recv() {
            batch.take(next, &mut due);
        }
        // While parts come in all the time, the wait above does not time out.
        let sync = !batch.answers.is_empty() || due.is_some_and(|at| at <= Instant::now());
        let Batch { steps, answers } = batch;
        let work = task::spawn_blocking(move || {
            let outcome = carry_out(&mut *journal, steps, sync);
            (journal, outcome)
        });
        let Ok((back, outcome)) = work.await else {
            failure.note(&Error::new(ErrorKind::Journal, "the storage of the journal panicked"));
            answer_all(answers, &failure);
            return;
        };
        journal = back;
        match outcome {
            Ok(Safe::NotYet) => {}
            Ok(Safe::Now) => due = None,
            Ok(Safe::Over) => {
                // Its lock is free before anybody hears of the end.
                drop(journal);
                answer_all(answers, &failure);
                return;
            }
            Err(error) => {
                failure.note(&error);
                answer_all(answers, &failure);
                // The upload may go on without its journal. Until it ends the lock is held, so that nobody else takes
                // the upload for one that can be gone on with or aborted.
                while let Some(order) = inbox.recv().await {
                    let mut late = Batch::default();
                    late.take(order, &mut due);
                    answer_all(late.answers, &failure);
                }
                return;
            }
        }
        answer_all(answers, &failure);
    }
}

fn answer_all(answers: Vec<oneshot::Sender<Result<()>>>, failure: &Failure) {
    for answer in answers {
        // Whoever does not wait any more need not know.
        let _ = answer.send(failure.check());
    }
}

/// Orders that are carried out together.
#[derive(Debug, Default)]
struct Batch {
    steps: Vec<Step>,
    /// Who waits until all of it is safe.
    answers: Vec<oneshot::Sender<Result<()>>>,
}

impl Batch {
    fn take(&mut self, order: Order, due: &mut Option<Instant>) {
        match order {
            Order::Soon(record, since) => {
                due.get_or_insert(since + DELAY);
                self.steps.push(Step::Append(record));
            }
            Order::Now(step, answer) => {
                self.steps.push(step);
                self.answers.push(answer);
            }
        }
    }
}

/// How safe the records are.
#[derive(Clone, Copy, Debug)]
enum Safe {
    NotYet,
    Now,
    /// There is no journal any more.
    Over,
}

/// Carries out some steps, with at most one sync behind them.
fn carry_out(journal: &mut dyn Journal, steps: Vec<Step>, sync: bool) -> Result<Safe> {
    for step in steps {
        match step {
            Step::Append(record) => journal.append(&record)?,
            Step::Clear => journal.clear()?,
            Step::Sync => {}
            Step::End(record) => {
                journal.append(&record)?;
                journal.sync()?;
                journal.remove()?;
                return Ok(Safe::Over);
            }
        }
    }
    if !sync {
        return Ok(Safe::NotYet);
    }
    journal.sync()?;
    Ok(Safe::Now)
}

#[cfg(test)]
mod tests;
