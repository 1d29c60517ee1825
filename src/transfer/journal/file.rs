//! A journal in a file: lines added at its end, and safe on disk when that is asked for.

use std::{
    fs::File,
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use super::{
    Journal, Known,
    lock::Lock,
    private::{self, cannot},
    record::{self, Record},
    replay::{Replay, Rest, replay},
};
use crate::error::{Error, ErrorKind, Result};

/// No journal of ours is longer: 10,000 parts take less than 2 MiB, and each may be sent again many times.
pub(super) const LONGEST: u64 = 64 << 20;

/// A journal in a file, under a lock. See [`StateDir`](super::StateDir) for its place.
///
/// Dropping it lets go of the lock; the file stays, for the next run.
#[derive(Debug)]
pub struct FileJournal {
    path: PathBuf,
    file: File,
    /// Bytes of whole lines: where the next one begins.
    end: u64,
    /// Whether the directory has the file's name for good.
    named: bool,
    /// What went wrong, if something did: after that, nobody knows what is in the file.
    broken: Option<String>,
    /// It was there, without a whole record.
    headless: bool,
    _lock: Lock,
}

impl FileJournal {
    /// Opens or creates the journal at a path, for this process alone. Blocks on the disk.
    ///
    /// A torn tail is cut off. Nothing is changed in a file that is not surely a journal of ours.
    ///
    /// # Errors
    /// `Journal` if another process is at work on it, if it cannot be read and written, or if it is damaged so that
    /// what it has left in the store is not known.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let lock = Lock::take(&path.with_extension("lock"))?;
        let is_new = !path.exists();
        let mut file = private::open_or_create(path)?;
        let bytes = read(&mut file, path)?;
        let Replay { records, sound, rest } = replay(&bytes);
        judge(&records, rest, path)?;
        let end = sound as u64;
        let headless = !is_new && records.is_empty();
        let mut journal = Self { path: path.to_owned(), file, end, named: false, broken: None, headless, _lock: lock };
        if end < bytes.len() as u64 {
            journal.cut()?;
        }
        journal.file.seek(SeekFrom::Start(end)).map_err(|cause| cannot("read", path, cause))?;
        Ok(journal)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Cuts off what is behind the last whole line.
    fn cut(&mut self) -> Result<()> {
        let cut = self.file.set_len(self.end).and_then(|()| self.file.sync_all());
        cut.map_err(|cause| cannot("shorten", &self.path, cause))
    }

    fn usable(&self) -> Result<()> {
        match &self.broken {
            None => Ok(()),
            Some(why) => Err(Error::new(ErrorKind::Journal, format!("the journal is given up: {why}"))),
        }
    }

    /// Remembers a failure: one that was swallowed would make a later success a lie. After a failed sync the system may
    /// have dropped the bytes and says so only once.
    fn guard<T>(&mut self, outcome: Result<T>) -> Result<T> {
        if let Err(error) = &outcome {
            self.broken = Some(error.message().to_owned());
        }
        outcome
    }

    fn write(&mut self, line: &[u8]) -> Result<()> {
        if let Err(cause) = self.file.write_all(line) {
            // Half a line on a full disk: what is whole stays readable either way, and this spares the next run a cut.
            let _ = self.file.set_len(self.end);
            return Err(cannot("write", &self.path, cause));
        }
        self.end += line.len() as u64;
        Ok(())
    }

    fn flush(&mut self) -> Result<()> {
        if self.named {
            self.file.sync_data().map_err(|cause| cannot("sync", &self.path, cause))?;
        } else {
            self.file.sync_all().map_err(|cause| cannot("sync", &self.path, cause))?;
            sync_directory(&self.path)?;
            self.named = true;
        }
        let found = self.file.metadata().map_err(|cause| cannot("look at", &self.path, cause))?;
        if found.nlink() == 0 {
            return Err(Error::new(ErrorKind::Journal, format!("{} was removed under way", self.path.display()))
                .with_hint("keep the journals where nothing cleans up: --state-dir DIR"));
        }
        Ok(())
    }
}

impl Journal for FileJournal {
    fn records(&mut self) -> Result<Vec<Record>> {
        self.file.rewind().map_err(|cause| cannot("read", &self.path, cause))?;
        let bytes = read(&mut self.file, &self.path)?;
        self.file.seek(SeekFrom::Start(self.end)).map_err(|cause| cannot("read", &self.path, cause))?;
        Ok(replay(&bytes).records)
    }

    fn is_headless(&self) -> bool {
        self.headless
    }

    fn append(&mut self, record: &Record) -> Result<()> {
        self.usable()?;
        let outcome = self.write(record::encode(record).as_bytes());
        self.guard(outcome)
    }

    fn sync(&mut self) -> Result<()> {
        self.usable()?;
        let outcome = self.flush();
        self.guard(outcome)
    }

    fn clear(&mut self) -> Result<()> {
        self.usable()?;
        self.end = 0;
        let outcome = self.cut().and_then(|()| {
            self.file.seek(SeekFrom::Start(0)).map(drop).map_err(|cause| cannot("read", &self.path, cause))
        });
        self.guard(outcome)
    }

    fn remove(&mut self) -> Result<()> {
        match std::fs::remove_file(&self.path) {
            Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => Err(cannot("remove", &self.path, cause)),
            Ok(()) | Err(_) => sync_directory(&self.path),
        }
    }
}

impl Drop for FileJournal {
    fn drop(&mut self) {
        // An upload that was not begun leaves nothing behind. The lock is still held.
        if self.end == 0 && self.broken.is_none() {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// The bytes of a journal, if they may be one.
pub(super) fn read(file: &mut File, path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(|cause| cannot("read", path, cause))?;
    if read as u64 > LONGEST {
        return Err(Error::new(ErrorKind::Journal, format!("{} is too long to be a journal", path.display()))
            .with_hint("look at that file, and remove it if nobody needs it"));
    }
    Ok(bytes)
}

/// Refuses what must not be gone on with. Answers what it amounts to.
pub(super) fn judge(records: &[Record], rest: Rest, path: &Path) -> Result<Option<Known>> {
    let unusable = |why: &str| {
        Error::new(ErrorKind::Journal, format!("{} cannot be used: {why}", path.display()))
            .with_hint("look at the unfinished uploads of this key in the store, then remove the file")
    };
    let known = Known::fold(records).map_err(|error| unusable(error.message()))?;
    match rest {
        Rest::Unknown => Err(unusable("another version of sealift has written it")),
        // The name of the upload may be in what is damaged, and must not be lost.
        Rest::Damaged if known.as_ref().is_none_or(|known| known.upload.is_none()) => {
            Err(unusable("it is damaged at its beginning"))
        }
        Rest::Nothing | Rest::Torn | Rest::Damaged => Ok(known),
    }
}

fn sync_directory(path: &Path) -> Result<()> {
    let Some(above) = path.parent() else { return Ok(()) };
    File::open(above).and_then(|above| above.sync_all()).map_err(|cause| cannot("sync", above, cause))
}

#[cfg(test)]
mod tests;
