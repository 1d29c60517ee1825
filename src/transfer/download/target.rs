//! Where the bytes of a download go: a file that takes its place at the end, or standard output.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    os::{fd::AsFd as _, unix::fs::PermissionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use bytes::Bytes;
use tempfile::{NamedTempFile, TempPath};

use crate::error::{Error, ErrorKind, Result};

/// Where the bytes go.
#[derive(Debug)]
pub(super) enum Target {
    /// A file beside its final place, removed when this is dropped.
    File(Staged),
    /// Standard output, or what stands for it.
    Pipe(Arc<File>),
}

/// A file that is not in its place yet.
#[derive(Debug)]
pub(super) struct Staged {
    file: Arc<File>,
    path: TempPath,
    place: Place,
}

/// Where a file shall be in the end.
#[derive(Debug)]
struct Place {
    path: PathBuf,
    folder: PathBuf,
    /// Of the file that is there now.
    permissions: Option<fs::Permissions>,
}

impl Target {
    /// Opens the target; nothing that is there changes yet.
    ///
    /// # Errors
    /// `Config` for a place that no file can take, `Source` if the system refuses.
    pub(super) fn open(to: Option<&Path>) -> Result<Self> {
        let Some(to) = to else {
            let stdout = io::stdout().as_fd().try_clone_to_owned().map_err(|cause| {
                Error::new(ErrorKind::Source, "standard output cannot be written to").caused_by(cause)
            })?;
            return Ok(Self::Pipe(Arc::new(File::from(stdout))));
        };
        let place = Place::find(to)?;
        // The plain bytes of an encrypted object: readable by their owner only, which is what `tempfile` does.
        let staged = tempfile::Builder::new().prefix(".sealift-").suffix(".part").tempfile_in(&place.folder);
        let (file, path) = staged.map(NamedTempFile::into_parts).map_err(|cause| match cause.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => {
                let message = format!("there is no folder {}", place.folder.display());
                // The cause would name the file that was to be made there first, which nobody knows.
                Error::new(ErrorKind::Config, message).with_hint("create it first, or name another file to write")
            }
            _ => failed("cannot create a file in", &place.folder, cause),
        })?;
        Ok(Self::File(Staged { file: Arc::new(file), path, place }))
    }

    /// Writes the next bytes.
    ///
    /// # Errors
    /// `Source` if the system refuses, such as on a full disk.
    pub(super) async fn write(&mut self, bytes: Bytes) -> Result<()> {
        match self {
            // In the page cache this is as fast as a copy, and these threads are there for I/O.
            Self::File(staged) => staged
                .file
                .as_ref()
                .write_all(&bytes)
                .map_err(|cause| failed("cannot write the download to", &staged.place.path, cause)),
            // The reader of a pipe may let it wait for ever.
            Self::Pipe(pipe) => {
                let pipe = Arc::clone(pipe);
                blocking(move || pipe.as_ref().write_all(&bytes)).await.map_err(|cause| {
                    Error::new(ErrorKind::Source, "standard output does not take the bytes").caused_by(cause)
                })
            }
        }
    }

    /// Makes the file durable and puts it into its place.
    ///
    /// # Errors
    /// `Source` if the system refuses; the place is then as it was.
    ///
    /// # Cancellation
    /// Dropping the future leaves the place as it was: nothing is waited for once the file has taken it.
    pub(super) async fn finish(self) -> Result<()> {
        let Self::File(Staged { file, path, place }) = self else { return Ok(()) };
        let permissions = place.permissions.clone();
        blocking(move || {
            if let Some(permissions) = permissions {
                file.set_permissions(permissions)?;
            }
            file.sync_all()
        })
        .await
        .map_err(|cause| failed("cannot make the download durable at", &place.path, cause))?;
        path.persist(&place.path)
            .map_err(|error| failed("cannot put the finished download in place at", &place.path, error.error))?;
        // The name itself; some file systems cannot sync a folder, and the bytes are safe all the same. It is done
        // right here, although it blocks: at a point to wait, a cancel could report a failure of what has happened.
        let _ = File::open(&place.folder).and_then(|folder| folder.sync_all());
        Ok(())
    }

    /// Adds to a failure what it means for bytes that are out already.
    pub(super) fn warn(&self, error: Error) -> Error {
        match self {
            Self::File(_) => error,
            Self::Pipe(_) => error.with_hint("discard what was written to standard output: it is incomplete or wrong"),
        }
    }
}

impl Place {
    fn find(to: &Path) -> Result<Self> {
        let refuse = |what: &str, hint: &'static str| {
            let message = format!("{} {what}", to.display());
            Err(Error::new(ErrorKind::Config, message).with_hint(hint))
        };
        let names_folder = to.as_os_str().as_encoded_bytes().ends_with(b"/");
        let (path, permissions) = match fs::metadata(to) {
            Ok(found) if found.is_dir() => return refuse("is a folder", "name the file to write"),
            Ok(found) if !found.is_file() => {
                return refuse("is not a regular file", "write to standard output with - and redirect it");
            }
            Ok(found) if found.permissions().readonly() => {
                return refuse("is write-protected", "name another file, or allow writing to it");
            }
            Ok(found) => {
                // Behind symbolic links, so that the file is replaced and not the link.
                let path = to.canonicalize().map_err(|cause| failed("cannot find", to, cause))?;
                (path, Some(fs::Permissions::from_mode(found.permissions().mode() & 0o777)))
            }
            Err(_) if to.as_os_str().is_empty() => return refuse("the target has no name", "name the file to write"),
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(failed("cannot look at", to, cause)),
            Err(_) if names_folder => return refuse("is no folder yet", "name the file to write"),
            Err(_) if fs::symlink_metadata(to).is_ok() => {
                return refuse("is a symbolic link that leads nowhere", "name the file to write");
            }
            Err(_) => (to.to_owned(), None),
        };
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        Ok(Self { path, folder, permissions })
    }
}

/// Runs something that may take long beside the I/O threads.
async fn blocking(work: impl FnOnce() -> io::Result<()> + Send + 'static) -> io::Result<()> {
    tokio::task::spawn_blocking(work).await.map_err(io::Error::other)?
}

fn failed(what: &str, path: &Path, cause: io::Error) -> Error {
    let hint = match cause.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room there, or name another file to write",
        _ => "see what keeps that place from being written to, or name another file to write",
    };
    Error::new(ErrorKind::Source, format!("{what} {}", path.display())).with_hint(hint).caused_by(cause)
}

#[cfg(test)]
mod tests;
