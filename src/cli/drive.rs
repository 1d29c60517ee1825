//! One piece of work on its way: its progress is shown, signals are heard.

use std::{future::Future, pin::pin};

use tokio::sync::watch;

use super::{
    console::Console,
    progress::{self, Bar},
    signals::{Signals, Wish, stopped},
};
use crate::{
    error::Result,
    transfer::{Download, Progress, Upload},
};

/// What can be watched and stopped while it runs.
pub(super) trait Transfer: Future + Unpin {
    /// What it does while the bytes move.
    const MOVING: &'static str;
    /// The latest snapshot.
    fn snapshots(&self) -> watch::Receiver<Progress>;
    /// Asks it to stop in good order.
    fn stop(&self);
}

impl Transfer for Upload {
    const MOVING: &'static str = "sending";

    fn snapshots(&self) -> watch::Receiver<Progress> {
        self.progress()
    }

    fn stop(&self) {
        // With a journal what has arrived is kept; without one it is removed.
        self.pause();
    }
}

impl Transfer for Download {
    const MOVING: &'static str = "fetching";

    fn snapshots(&self) -> watch::Receiver<Progress> {
        self.progress()
    }

    fn stop(&self) {
        self.cancel();
    }
}

/// Sees a transfer to its end; a signal stops it in good order, and its own last word is the outcome.
///
/// # Cancellation
/// Dropping it drops the transfer.
pub(super) async fn to_the_end<T: Transfer>(mut transfer: T, console: &Console, signals: &mut Signals) -> T::Output {
    let mut snapshots = transfer.snapshots();
    let mut bar = Bar::new(console, T::MOVING);
    let mut open = true;
    let mut said = 0;
    loop {
        tokio::select! {
            biased;
            outcome = &mut transfer => {
                bar.finish();
                return outcome;
            }
            wish = signals.next() => match wish {
                Wish::Stop => transfer.stop(),
                Wish::Report => progress::report(&snapshots.borrow(), T::MOVING, console),
            },
            changed = snapshots.changed(), if open => {
                open = changed.is_ok();
                let now = snapshots.borrow_and_update().clone();
                now.notes.iter().skip(said).for_each(|note| console.note(note));
                said = now.notes.len();
                bar.show(&now);
            }
        }
    }
}

/// Sees a call to its end; a signal drops it.
pub(super) async fn or_stopped<T>(work: impl Future<Output = Result<T>>, signals: &mut Signals) -> Result<T> {
    let mut work = pin!(work);
    tokio::select! {
        biased;
        outcome = &mut work => outcome,
        () = signals.asked_to_stop() => Err(stopped()),
    }
}
