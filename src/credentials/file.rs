//! Credentials in a file that an official tool wrote.

use std::{
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

use super::format::{Fault, Format, Found};
use crate::{
    error::{Error, ErrorKind, Result},
    signing::{CredentialFuture, CredentialProvider, Credentials},
    small_file,
};

/// What the file at `path` holds; nothing if there is none.
///
/// # Errors
/// `Credentials` if it cannot be read or does not follow its format.
pub(super) fn read(path: &Path, format: Format) -> Result<Found> {
    let text = match small_file::read_text(path) {
        Ok(text) => text,
        Err(err) if matches!(err.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Found::Nothing);
        }
        Err(err) => {
            return Err(Error::new(ErrorKind::Credentials, format!("cannot read {}", path.display())).caused_by(err));
        }
    };
    let found = format.parse(text.as_str()).map_err(|fault| broken(path, fault))?;
    if matches!(found, Found::Keys(_)) {
        warn_if_others_can_read(path);
    }
    Ok(found)
}

fn broken(path: &Path, fault: Fault) -> Error {
    let place = match fault.line {
        Some(line) => format!("{}, line {line}", path.display()),
        None => path.display().to_string(),
    };
    let error = Error::new(ErrorKind::Credentials, format!("{place}: {}", fault.reason));
    match fault.hint {
        Some(hint) => error.with_hint(hint),
        None => error,
    }
}

fn warn_if_others_can_read(path: &Path) {
    if fs::metadata(path).is_ok_and(|metadata| metadata.mode() & 0o044 != 0) {
        tracing::warn!(file = %path.display(), "others can read the credentials in this file; chmod 600 mends it");
    }
}

/// Credentials from a file, read again when the file changed.
#[derive(Debug)]
pub(super) struct FileProvider {
    path: PathBuf,
    format: Format,
    held: Mutex<Held>,
}

#[derive(Debug)]
struct Held {
    /// What the file was when it was last read, well or not; `None` if it was not there.
    seen: Option<Stamp>,
    credentials: Credentials,
}

/// By what a change of the file is known.
pub(super) type Stamp = (Option<SystemTime>, u64);

/// What the file at `path` is now; to be asked before it is read, so that a change meanwhile is seen later.
pub(super) fn stamp(path: &Path) -> Option<Stamp> {
    fs::metadata(path).ok().map(|metadata| (metadata.modified().ok(), metadata.len()))
}

impl FileProvider {
    /// For the credentials that [`read`] found at `path` just now.
    pub(super) fn new(path: &Path, format: Format, seen: Option<Stamp>, credentials: Credentials) -> Self {
        Self { path: path.to_owned(), format, held: Mutex::new(Held { seen, credentials }) }
    }

    /// What the file holds now; if it is broken, what it held before.
    ///
    /// Whoever renews the keys may be in the middle of it, and an upload of hours should not end for that. Blocking
    /// is fine: it is one `stat`, and rarely more.
    fn current(&self) -> Credentials {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let now = stamp(&self.path);
        if now != held.seen {
            held.seen = now;
            match read(&self.path, self.format) {
                Ok(Found::Keys(credentials)) => held.credentials = credentials,
                Ok(_) => {
                    tracing::warn!(file = %self.path.display(), "the credentials are gone; the former ones are kept");
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
