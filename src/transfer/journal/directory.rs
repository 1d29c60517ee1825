//! The place of journals: one file for each object and source, and the list of them.

use std::{
    ffi::OsString,
    fs, io,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use super::{
    FileJournal, Known, Target,
    file::{judge, read},
    identity::{STREAM, absolute, hash_bytes},
    lock::{Holder, Lock},
    private::{self, cannot},
    replay::replay,
};
use crate::error::{Error, ErrorKind, Result};

/// A directory of journals.
#[derive(Clone, Debug)]
pub struct StateDir {
    path: PathBuf,
    /// Nobody else keeps anything in it.
    own: bool,
}

/// One journal of a directory.
#[derive(Debug)]
#[non_exhaustive]
pub struct Listed {
    /// The file.
    pub path: PathBuf,
    /// What it tells; `None` where nothing was begun, an error where it cannot be told. Such a file is not touched.
    pub known: Result<Option<Known>>,
    /// The process that is at work on it, if one is.
    pub holder: Option<Holder>,
}

impl StateDir {
    /// A directory of the user's choice. It is made when the first journal is.
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), own: false }
    }

    /// The usual place: `$XDG_STATE_HOME/sealift`, or `~/.local/state/sealift`.
    ///
    /// # Errors
    /// `Journal` if the environment names no home.
    pub fn usual() -> Result<Self> {
        Self::from_environment(|name| std::env::var_os(name))
    }

    /// The usual place in an environment. A relative `XDG_STATE_HOME` is ignored, as the XDG base directory
    /// specification demands.
    fn from_environment(variable: impl Fn(&str) -> Option<OsString>) -> Result<Self> {
        let absolute = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let state = absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state")));
        let state = state.ok_or_else(|| {
            Error::new(ErrorKind::Journal, "there is no place for the journal: HOME is not set")
                .with_hint("name one with --state-dir DIR, or go without with --no-resume")
        })?;
        Ok(Self { path: state.join("sealift"), own: true })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens or begins the journal of an upload, for this process alone; `-` is the source that is a stream. Blocks on
    /// the disk.
    ///
    /// # Errors
    /// `Journal` if another process is at work on it, or if it cannot be read and written; the message names the
    /// process or the file.
    pub fn open(&self, target: &Target, source: &Path) -> Result<FileJournal> {
        private::directory(&self.path)?;
        if self.own {
            private::close_to_others(&self.path)?;
        }
        FileJournal::open(&self.path.join(file_name(target, &origin(source)?)))
    }

    /// Whether there is a journal of an upload. Nothing is made.
    pub(super) fn has(&self, target: &Target, source: &Path) -> Result<bool> {
        let path = self.path.join(file_name(target, &origin(source)?));
        path.try_exists().map_err(|cause| cannot("look for", &path, cause))
    }

    /// Opens a journal of the list, to end its upload or to remove it. Blocks on the disk.
    ///
    /// # Errors
    /// As for [`open`](Self::open).
    pub fn open_listed(&self, listed: &Listed) -> Result<FileJournal> {
        FileJournal::open(&listed.path)
    }

    /// Every journal, by file name. Nothing is changed. Blocks on the disk.
    ///
    /// # Errors
    /// `Journal` if the directory cannot be read; one that is not there is empty.
    pub fn list(&self) -> Result<Vec<Listed>> {
        let entries = match fs::read_dir(&self.path) {
            Ok(entries) => entries,
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(cause) => return Err(cannot("list", &self.path, cause)),
        };
        let mut found = Vec::new();
        for entry in entries {
            let path = entry.map_err(|cause| cannot("list", &self.path, cause))?.path();
            if path.extension().is_some_and(|it| it == "lock") {
                continue;
            }
            match look(&path) {
                Ok(Some(listed)) => found.push(listed),
                // It has ended since the directory was read.
                Ok(None) => {}
                Err(error) => found.push(Listed { path, known: Err(error), holder: None }),
            }
        }
        found.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(found)
    }
}

fn look(path: &Path) -> Result<Option<Listed>> {
    if path.extension().is_none_or(|it| it != EXTENSION) {
        return Err(Error::new(ErrorKind::Journal, format!("{} is not a journal", path.display())));
    }
    let Some(mut file) = private::open(path)? else { return Ok(None) };
    let holder = Lock::holder(&path.with_extension("lock"))?;
    let found = replay(&read(&mut file, path)?);
    Ok(Some(Listed { path: path.to_owned(), known: judge(&found.records, found.rest, path), holder }))
}

const EXTENSION: &str = "journal";

/// The source as its journal knows it.
fn origin(source: &Path) -> Result<PathBuf> {
    if source == Path::new(STREAM) { Ok(source.to_owned()) } else { absolute(source) }
}

/// The same upload always finds its journal, and no name in it can lead out of the directory.
fn file_name(target: &Target, source: &Path) -> String {
    let Target { store, bucket, key } = target;
    let texts = [store.as_bytes(), bucket.as_bytes(), key.as_bytes(), source.as_os_str().as_bytes()];
    format!("{}.{EXTENSION}", hash_bytes(texts, 16))
}

#[cfg(test)]
mod tests;
