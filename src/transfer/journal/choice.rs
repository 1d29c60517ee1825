//! Where an upload keeps its journal, if it keeps one.

use std::{
    fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{Journal, MemoryJournal, ResumeToken, StateDir, Target};
use crate::error::Result;

/// Where an upload keeps its journal; by default nowhere.
///
/// # Examples
/// ```
/// use sealift::transfer::journal::{JournalChoice, MemoryJournal, StateDir};
///
/// let on_disk = JournalChoice::from(StateDir::at("/var/lib/backup/uploads"));
/// let journal = MemoryJournal::new();
/// let in_memory = JournalChoice::from(journal.clone()); // its token goes into the service's own database
/// ```
#[derive(Clone, Default)]
pub struct JournalChoice(Place);

#[derive(Clone, Default)]
enum Place {
    #[default]
    Nowhere,
    Directory(StateDir),
    Memory(MemoryJournal),
    Other(Arc<Opener>),
}

type Opener = dyn Fn(&Target, &Path) -> Result<Box<dyn Journal>> + Send + Sync;

impl JournalChoice {
    /// No journal: an upload that fails is removed from the store, and cannot be gone on with.
    pub fn none() -> Self {
        Self::default()
    }

    /// A journal of one's own, opened for an object and the path of a file, or `-` for a stream. It is called on a
    /// thread that may block.
    pub fn opened_by(open: impl Fn(&Target, &Path) -> Result<Box<dyn Journal>> + Send + Sync + 'static) -> Self {
        Self(Place::Other(Arc::new(open)))
    }

    /// Opens the journal, or says that there is none to be kept. Blocks.
    ///
    /// `must_exist`: only one that may hold something.
    pub(crate) fn open(&self, target: &Target, source: &Path, must_exist: bool) -> Result<Option<Box<dyn Journal>>> {
        Ok(Some(match &self.0 {
            Place::Nowhere => return Ok(None),
            Place::Directory(dir) if must_exist && !dir.has(target, source)? => return Ok(None),
            Place::Directory(dir) => Box::new(dir.open(target, source)?),
            Place::Memory(journal) => Box::new(journal.lend(source)?),
            Place::Other(open) => open(target, source)?,
        }))
    }

    /// The file of a journal, if it is one in a directory.
    pub(crate) fn file(&self, target: &Target, source: &Path) -> Option<PathBuf> {
        match &self.0 {
            Place::Directory(dir) => dir.file(target, source).ok(),
            Place::Nowhere | Place::Memory(_) | Place::Other(_) => None,
        }
    }

    /// What is in memory, as a token.
    pub(crate) fn token(&self) -> Option<ResumeToken> {
        match &self.0 {
            Place::Memory(journal) => Some(journal.token()),
            Place::Nowhere | Place::Directory(_) | Place::Other(_) => None,
        }
    }
}

impl From<StateDir> for JournalChoice {
    fn from(dir: StateDir) -> Self {
        Self(Place::Directory(dir))
    }
}

impl From<MemoryJournal> for JournalChoice {
    fn from(journal: MemoryJournal) -> Self {
        Self(Place::Memory(journal))
    }
}

impl fmt::Debug for JournalChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Place::Nowhere => f.write_str("Nowhere"),
            Place::Directory(dir) => dir.fmt(f),
            Place::Memory(_) => f.write_str("Memory"),
            Place::Other(_) => f.write_str("Other"),
        }
    }
}
