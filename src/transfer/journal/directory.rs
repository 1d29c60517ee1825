//! The place of journals: one file for each object and source, and the list of them.

use std::{
    collections::BTreeSet,
    ffi::OsString,
    fs, io,
    os::unix::ffi::OsStrExt,
    path::{Path, PathBuf},
    time::Duration,
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
    /// What it tells; `None` where nothing was begun, an error where it cannot be told, or where the file was removed
    /// under its holder. Such a file is not touched.
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
        FileJournal::open(&self.file(target, source)?)
    }

    /// The file of an upload's journal, whether it is there or not.
    pub(super) fn file(&self, target: &Target, source: &Path) -> Result<PathBuf> {
        let source = origin(source)?;
        let path = self.path.join(file_name(target, &source));
        if target.realm.is_some() && !path.exists() {
            // Journals of before are called by the object alone, and another store's may be among them.
            let elder = self.path.join(file_name(&Target { realm: None, ..target.clone() }, &source));
            if is_of(&elder, target) {
                return Ok(elder);
            }
        }
        Ok(path)
    }

    /// Whether there is a journal of an upload. Nothing is made.
    pub(super) fn has(&self, target: &Target, source: &Path) -> Result<bool> {
        let path = self.file(target, source)?;
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
        // A lock stands for its journal, which somebody may have removed under a living process.
        let mut paths = BTreeSet::new();
        for entry in entries {
            let path = entry.map_err(|cause| cannot("list", &self.path, cause))?.path();
            if path.extension().is_none_or(|it| it != "lock") {
                paths.insert(path);
            } else if is_name(&path) {
                paths.insert(path.with_extension(EXTENSION));
            }
        }
        let look = |path: PathBuf| match look(&path) {
            Ok(listed) => listed,
            Err(error) => Some(Listed { path, known: Err(error), holder: None }),
        };
        Ok(paths.into_iter().filter_map(look).collect())
    }
}

fn look(path: &Path) -> Result<Option<Listed>> {
    if path.extension().is_none_or(|it| it != EXTENSION) {
        return Err(Error::new(ErrorKind::Journal, format!("{} is not a journal", path.display())));
    }
    let lock = path.with_extension("lock");
    let mut file = None;
    for attempt in 0..LOOKS {
        if attempt > 0 {
            std::thread::sleep(BETWEEN);
        }
        file = private::open(path)?;
        // Without both it has ended since the directory was read, or its process was killed between the two.
        if file.is_some() || Lock::holder(&lock)?.is_none() {
            break;
        }
    }
    let holder = Lock::holder(&lock)?;
    let Some(mut file) = file else {
        return Ok(holder.map(|holder| Listed {
            path: path.to_owned(),
            known: Err(lost(holder, path)),
            holder: Some(holder),
        }));
    };
    let found = replay(&read(&mut file, path)?);
    Ok(Some(Listed { path: path.to_owned(), known: judge(&found.records, found.rest, path), holder }))
}

/// The error for a journal that was removed under a living process.
fn lost(holder: Holder, path: &Path) -> Error {
    let process = holder.pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"));
    let message = format!("{} is gone, and {process} is at work on an upload that only it knows", path.display());
    Error::new(ErrorKind::Journal, message).with_hint("wait for that process to end, or end it")
}

const EXTENSION: &str = "journal";

/// How often a journal is looked for whose lock is held, and how long between: a process makes its lock first and
/// removes it last.
const LOOKS: u32 = 5;
const BETWEEN: Duration = Duration::from_millis(20);

/// Whether a file is the journal of an upload to an object.
fn is_of(path: &Path, target: &Target) -> bool {
    let known = look(path).ok().flatten().and_then(|listed| listed.known.ok().flatten());
    known.is_some_and(|known| known.identity.target == *target)
}

/// The source as its journal knows it.
fn origin(source: &Path) -> Result<PathBuf> {
    if source == Path::new(STREAM) { Ok(source.to_owned()) } else { absolute(source) }
}

/// Whether a file is called as a journal or the lock of one.
fn is_name(path: &Path) -> bool {
    let digits = path.file_stem().map(OsStrExt::as_bytes).unwrap_or_default();
    digits.len() == 32 && digits.iter().all(u8::is_ascii_hexdigit)
}

/// The same upload always finds its journal, and no name in it can lead out of the directory.
fn file_name(target: &Target, source: &Path) -> String {
    let texts = target.texts().map(str::as_bytes).chain([source.as_os_str().as_bytes()]);
    format!("{}.{EXTENSION}", hash_bytes(texts, 16))
}

#[cfg(test)]
mod tests;
