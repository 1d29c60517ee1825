//! Files that an official tool wrote: how they are read, and keys that follow them when they change.

use std::{
    fmt, fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

use zeroize::Zeroizing;

use crate::{
    error::{Error, ErrorKind, Result},
    signing::{CredentialFuture, CredentialProvider, Credentials},
    small_file,
};

/// The text of the file at `path`; `None` if there is no such file.
///
/// # Errors
/// `Credentials` if it is there and cannot be read.
pub(super) fn read(path: &Path) -> Result<Option<Zeroizing<String>>> {
    match small_file::read_text(path) {
        Ok(text) => Ok(Some(text)),
        Err(err) if matches!(err.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(err) => Err(Error::new(ErrorKind::Credentials, format!("cannot read {}", path.display())).caused_by(err)),
    }
}

/// To be called for a file from which keys are taken.
pub(super) fn warn_if_others_can_read(path: &Path) {
    if fs::metadata(path).is_ok_and(|metadata| metadata.mode() & 0o044 != 0) {
        tracing::warn!(file = %path.display(), "others can read the credentials in this file; chmod 600 mends it");
    }
}

/// Finds the credentials again; `None` if they are gone.
type Again = Box<dyn Fn() -> Result<Option<Credentials>> + Send + Sync>;

/// Credentials from files, read again when one of them changed.
pub(super) struct FileProvider {
    paths: Vec<PathBuf>,
    again: Again,
    held: Mutex<Held>,
}

struct Held {
    /// What the files were when they were last read, well or not; `None` if that is to be forgotten.
    seen: Option<Seen>,
    credentials: Credentials,
}

/// By what a change of each file is known; `None` for one that is not there.
pub(super) type Seen = Vec<Option<(Option<SystemTime>, u64)>>;

/// What the files are now; to be asked before they are read, so that a change meanwhile is seen later.
pub(super) fn look(paths: &[PathBuf]) -> Seen {
    let stamp = |path: &PathBuf| fs::metadata(path).ok().map(|metadata| (metadata.modified().ok(), metadata.len()));
    paths.iter().map(stamp).collect()
}

impl FileProvider {
    /// For the credentials that `again` found in the files just now, when they were as in `seen`.
    pub(super) fn new(
        paths: Vec<PathBuf>,
        seen: Seen,
        credentials: Credentials,
        again: impl Fn() -> Result<Option<Credentials>> + Send + Sync + 'static,
    ) -> Self {
        Self { paths, again: Box::new(again), held: Mutex::new(Held { seen: Some(seen), credentials }) }
    }

    /// What the files hold now; if they are broken, what they held before.
    ///
    /// Whoever renews the keys may be in the middle of it, and an upload of hours should not end for that. Blocking
    /// is fine: it is one `stat` each, and rarely more.
    fn current(&self) -> Credentials {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let now = look(&self.paths);
        if held.seen.as_ref() != Some(&now) {
            held.seen = Some(now);
            match (self.again)() {
                Ok(Some(credentials)) => held.credentials = credentials,
                Ok(None) => {
                    tracing::warn!(files = ?self.paths, "the credentials are gone; the former ones are kept");
                }
                Err(err) => tracing::warn!(error = %err, "the former credentials are kept"),
            }
        }
        held.credentials.clone()
    }
}

impl CredentialProvider for FileProvider {
    fn credentials(&self) -> CredentialFuture<'_> {
        Box::pin(async move { Ok(self.current()) })
    }

    /// The file may have changed without showing it: new text of the same length, within one tick of its clock.
    fn refused(&self, _: &Credentials) {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).seen = None;
    }
}

impl fmt::Debug for FileProvider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileProvider").field("paths", &self.paths).finish_non_exhaustive()
    }
}
