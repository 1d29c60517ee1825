//! A journal in memory, for services that keep a [`ResumeToken`] in a place of their own.

use std::{
    path::Path,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use super::{Holder, Journal, Known, Record, ResumeToken, lock};
use crate::error::Result;

/// A journal in memory. Clones share it, so that a token can be taken while the upload runs; only one upload at a time
/// may use it.
///
/// # Examples
/// ```
/// use sealift::transfer::journal::MemoryJournal;
///
/// let journal = MemoryJournal::new();
/// let kept = journal.token().to_string(); // into the service's database, now and then
/// let again = MemoryJournal::from_token(&kept.parse()?);
/// # Ok::<(), sealift::error::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemoryJournal {
    records: Arc<Mutex<Vec<Record>>>,
    /// An upload uses it.
    busy: Arc<AtomicBool>,
}

/// A journal in memory while an upload uses it.
#[derive(Debug)]
pub(super) struct Lent(MemoryJournal);

impl MemoryJournal {
    /// An empty one.
    pub fn new() -> Self {
        Self::default()
    }

    /// Goes on where a token was taken.
    pub fn from_token(token: &ResumeToken) -> Self {
        Self { records: Arc::new(Mutex::new(token.records().to_vec())), busy: Arc::default() }
    }

    /// All that is known so far.
    pub fn token(&self) -> ResumeToken {
        ResumeToken::new(self.lock().clone())
    }

    /// What the records amount to; `None` if nothing was begun.
    ///
    /// # Errors
    /// `Journal` if they contradict each other.
    pub fn known(&self) -> Result<Option<Known>> {
        Known::fold(self.lock().iter())
    }

    /// Gives it to one upload, of the file at a path. Unlike a file in a directory it is no path's own: that of a token
    /// may be another one.
    pub(super) fn lend(&self, source: &Path) -> Result<Lent> {
        if self.busy.swap(true, Ordering::AcqRel) {
            return Err(lock::busy(Holder { pid: Some(std::process::id()) }));
        }
        let lent = Lent(self.clone());
        if let Some(Record::Initiating(identity)) = self.lock().first_mut() {
            identity.source.is_to_be_at(source);
        }
        Ok(lent)
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Record>> {
        // A record is added whole or not at all.
        self.records.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.0.busy.store(false, Ordering::Release);
    }
}

impl Journal for Lent {
    fn records(&mut self) -> Result<Vec<Record>> {
        self.0.records()
    }

    fn append(&mut self, record: &Record) -> Result<()> {
        self.0.append(record)
    }

    fn sync(&mut self) -> Result<()> {
        self.0.sync()
    }

    fn clear(&mut self) -> Result<()> {
        self.0.clear()
    }

    fn remove(&mut self) -> Result<()> {
        self.0.remove()
    }
}

impl Journal for MemoryJournal {
    fn records(&mut self) -> Result<Vec<Record>> {
        Ok(self.lock().clone())
    }

    fn append(&mut self, record: &Record) -> Result<()> {
        self.lock().push(record.clone());
        Ok(())
    }

    fn sync(&mut self) -> Result<()> {
        Ok(())
    }

    fn clear(&mut self) -> Result<()> {
        self.lock().clear();
        Ok(())
    }

    fn remove(&mut self) -> Result<()> {
        self.clear()
    }
}
