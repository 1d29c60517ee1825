//! Where a transfer stands: the latest snapshot, so that a slow reader cannot slow the transfer.

use std::sync::Arc;

use tokio::sync::watch;

use crate::transfer::body::Meter;

/// Where a transfer stands.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Progress {
    /// What is being done.
    pub stage: Stage,
    /// Bytes in all; as long as a stream is [`open`](Self::open), those that were read of it so far.
    pub total: u64,
    /// Whether the end is not known yet: a stream is still being read.
    pub open: bool,
    /// The most bytes that a stream may have; `None` for a file.
    pub longest: Option<u64>,
    /// Bytes handed to the network, less what had to be sent again.
    pub sent: u64,
    /// Bytes whose arrival the store has proved.
    pub confirmed: u64,
    /// Parts in all; 1 for an object sent by one PUT; as long as a stream is open, those that were read so far.
    pub parts: u32,
    /// Parts that are proved.
    pub parts_done: u32,
    /// Parts under way now.
    pub in_flight: u32,
    /// Calls that had to be sent again.
    pub retries: u64,
    /// Parts that an earlier run had sent; they count as done.
    pub resumed_parts: u32,
    /// Their bytes; they count as confirmed, and not as sent.
    pub resumed: u64,
    /// What the user should know about the beginning of an upload, such as that the file has changed since the last
    /// run. The receipt has them among its warnings.
    pub notes: Vec<String>,
}

/// What a transfer is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stage {
    /// Checks, and the first call.
    #[default]
    Starting,
    /// What an earlier run has left is compared with the store and with the file.
    Resuming,
    /// The first part of a stream is being read; nothing was sent yet.
    Reading,
    /// Bytes are on their way.
    Sending,
    /// The store puts the parts together.
    Completing,
    /// The finished object is compared with the source.
    Verifying,
    /// What was begun is being removed from the store.
    Aborting,
    /// It has ended, well or not.
    Done,
}

/// Publishes snapshots of one transfer.
#[derive(Debug)]
pub(crate) struct Board {
    sender: watch::Sender<Progress>,
    meter: Arc<Meter>,
}

impl Board {
    /// A board that reads the bytes sent from this meter.
    pub(crate) fn new(sender: watch::Sender<Progress>, meter: Arc<Meter>) -> Self {
        Self { sender, meter }
    }

    /// Says what is being done now.
    pub(crate) fn stage(&self, stage: Stage) {
        self.update(|progress| progress.stage = stage);
    }

    /// Adds something that the user should know.
    pub(crate) fn note(&self, note: impl Into<String>) {
        let note = note.into();
        self.update(|progress| progress.notes.push(note));
    }

    /// Begins from the beginning; what was noted stays.
    pub(crate) fn begin_again(&self, note: String) {
        self.update(|progress| {
            progress.notes.push(note);
            *progress = Progress { notes: std::mem::take(&mut progress.notes), ..Progress::default() };
        });
    }

    /// How many parts an earlier run had sent.
    pub(crate) fn resumed_parts(&self) -> u32 {
        self.sender.borrow().resumed_parts
    }

    /// How many parts are proved.
    pub(crate) fn parts_done(&self) -> u32 {
        self.sender.borrow().parts_done
    }

    /// All that was noted so far.
    pub(crate) fn notes(&self) -> Vec<String> {
        self.sender.borrow().notes.clone()
    }

    /// Publishes a change; readers are woken only if there is one.
    pub(crate) fn update(&self, change: impl FnOnce(&mut Progress)) {
        self.sender.send_if_modified(|progress| {
            let before = progress.clone();
            progress.sent = self.meter.net();
            change(progress);
            *progress != before
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn readers_are_woken_by_changes_only() {
        let (sender, mut reader) = watch::channel(Progress::default());
        let board = Board::new(sender, Arc::default());
        board.stage(Stage::Starting);
        assert!(!reader.has_changed().unwrap());
        board.stage(Stage::Sending);
        assert!(reader.has_changed().unwrap());
        assert_eq!(reader.borrow_and_update().stage, Stage::Sending);
    }
}
