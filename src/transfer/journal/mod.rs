//! What an upload writes down, so that the same command goes on where a crash has left it.
//!
//! The order of things is the promise. [`Record::Initiating`] is safe on disk before Initiate is sent, so that nothing
//! is in the store that nobody knows of. [`Record::Initiated`] is safe before any part is sent, [`Record::Completing`]
//! before Complete is. A [`Record::Part`] is written after the part's answer was verified, and safe at most a second
//! later: only such parts may be sent twice.
//!
//! ```text
//! engine ─▶ Recorder ─▶ dyn Journal ─▶ a file of checked lines    StateDir: their places, and the list of them
//!                          │      └──▶ memory ◀─▶ ResumeToken
//!            records ─▶ Known ─▶ Identity::compare with what is asked now
//! ```
//!
//! No record has a place for a key, a credential or a signature. What a crash has torn is dropped, and never guessed.

mod choice;
mod directory;
mod encryption;
mod file;
mod form;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod identity;
mod lock;
mod memory;
mod private;
mod reconcile;
mod record;
mod recorder;
mod replay;
#[cfg(test)]
mod sample;
mod state;
mod token;

use std::fmt;

pub use self::{
    choice::JournalChoice,
    directory::{Listed, StateDir},
    encryption::{Encryption, KeyMark},
    file::FileJournal,
    identity::{Identity, SourceState, Target},
    lock::Holder,
    memory::MemoryJournal,
    record::{EchoSeen, Initiated, Part, Record},
    state::{Known, Standing},
    token::ResumeToken,
};
pub(crate) use self::{
    identity::{Asked, Comparison, STREAM, absolute},
    reconcile::in_both,
    recorder::Recorder,
};
// A file that keeps a stream needs the same care as a journal.
#[cfg(feature = "cli")]
pub(crate) use self::{lock::Lock, private::ours};
use crate::error::Result;

/// The keeper of one upload's records: a file, memory, or a service's own database.
///
/// Calls may block: they come from a thread that may, one at a time, in the order of the upload. After a call has
/// failed, none but dropping it follows. Whoever implements it has to keep two uploads from using one journal at the
/// same time.
pub trait Journal: fmt::Debug + Send {
    /// What is there, from the first record to the last sound one.
    ///
    /// # Errors
    /// `Journal` if it cannot be read.
    fn records(&mut self) -> Result<Vec<Record>>;

    /// Whether an earlier run has left something here of which no record can be read, so that nobody knows what it has
    /// left in the store.
    fn is_headless(&self) -> bool {
        false
    }

    /// Adds a record behind all others. It may be lost in a power cut until [`sync`](Self::sync).
    ///
    /// # Errors
    /// `Journal` if it cannot be written, with the place and the reason.
    fn append(&mut self, record: &Record) -> Result<()>;

    /// Makes all that was added outlive a power cut.
    ///
    /// # Errors
    /// `Journal` if that is not sure, with the place and the reason.
    fn sync(&mut self) -> Result<()>;

    /// Forgets all records, so that another upload may begin here.
    ///
    /// # Errors
    /// `Journal` if they may still be there.
    fn clear(&mut self) -> Result<()>;

    /// Takes the journal away, because the upload is over and leaves nothing behind.
    ///
    /// # Errors
    /// `Journal` if it may still be there.
    fn remove(&mut self) -> Result<()>;
}
