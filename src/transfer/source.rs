//! What is uploaded: a file, opened once, read from anywhere, and watched for changes; or a stream.

use std::{
    fs::{File, Metadata, OpenOptions},
    io,
    ops::Range,
    os::unix::fs::{FileExt as _, MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::Arc,
};

use rustix::io::Errno;

use crate::{
    error::{Error, ErrorKind, Result},
    transfer::{
        StreamPlan,
        feed::Stream,
        frames::{FRAME, Frame},
        stop::Stop,
    },
};

/// Where the bytes of an upload come from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    /// From a file, which can be read again.
    File(Arc<FileSource>),
    /// From a stream, which cannot.
    Stream { stream: Stream, plan: StreamPlan },
}

impl Source {
    /// Whether it can be read only once, so that an upload of it is never gone on with.
    pub(crate) fn is_stream(&self) -> bool {
        matches!(self, Self::Stream { .. })
    }

    /// The file.
    ///
    /// # Errors
    /// `Internal` for a stream: what was read of it is gone, and no way leads to asking for it.
    pub(crate) fn file(&self) -> Result<&Arc<FileSource>> {
        match self {
            Self::File(file) => Ok(file),
            Self::Stream { .. } => Err(Error::new(ErrorKind::Internal, "a stream was to be read a second time")),
        }
    }

    /// As [`FileSource::check`]; nothing can be said of a stream.
    pub(crate) fn check(&self) -> Result<Drift> {
        match self {
            Self::File(file) => file.check(),
            Self::Stream { .. } => Ok(Drift::None),
        }
    }

    /// As [`FileSource::may_be_unchanged`]; what was read of a stream is gone.
    pub(crate) fn may_be_unchanged(&self) -> bool {
        match self {
            Self::File(file) => file.may_be_unchanged(),
            Self::Stream { .. } => false,
        }
    }
}

/// What tells one state of a file from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Identity {
    pub(crate) size: u64,
    /// Nanoseconds since 1970.
    pub(crate) modified: i128,
    /// Nanoseconds since 1970 of the last change to the file or its properties.
    pub(crate) changed: i128,
    pub(crate) inode: u64,
    pub(crate) device: u64,
}

impl Identity {
    fn of(file: &Metadata) -> Self {
        let nanoseconds = |seconds: i64, rest: i64| i128::from(seconds) * 1_000_000_000 + i128::from(rest);
        Self {
            size: file.len(),
            modified: nanoseconds(file.mtime(), file.mtime_nsec()),
            changed: nanoseconds(file.ctime(), file.ctime_nsec()),
            inode: file.ino(),
            device: file.dev(),
        }
    }
}

/// What became of a file since it was opened, where that is no failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Drift {
    /// Nothing.
    None,
    /// Its properties were changed (chmod, link, xattr), or its times were set back: the bytes must be compared.
    Touched(Identity),
}

/// An open regular file.
#[derive(Debug)]
pub(crate) struct FileSource {
    file: File,
    path: PathBuf,
    opened: Identity,
}

impl FileSource {
    /// Opens a regular file and notes its identity.
    ///
    /// A program that has the file mapped into its memory changes the time of modification only with its first write to a
    /// page that is clean. So what was written before is brought to the disk first: from then on such a write shows.
    ///
    /// # Errors
    /// `Source` if there is none, it cannot be read, or it is something else, such as a directory or a pipe; `Config` if
    /// this process may open no more.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let cannot = |error: io::Error| {
            let too_many = error.raw_os_error() == Some(Errno::MFILE.raw_os_error());
            let kind = if too_many { ErrorKind::Config } else { ErrorKind::Source };
            let hint = match error.kind() {
                _ if too_many => "raise the limit of open files, such as with `ulimit -n 1024`",
                io::ErrorKind::NotFound => "check the path; it is taken as it stands, from the current directory",
                io::ErrorKind::PermissionDenied => "read it as a user who may, or change its mode",
                _ => "check the file and the disk that it is on",
            };
            Error::new(kind, format!("cannot open {}", path.display())).with_hint(hint).caused_by(error)
        };
        let nonblocking = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or(0);
        // A pipe without a writer would otherwise keep us here for ever.
        let file = OpenOptions::new().read(true).custom_flags(nonblocking).open(path).map_err(cannot)?;
        let metadata = file.metadata().map_err(cannot)?;
        if metadata.is_dir() {
            return Err(Error::new(ErrorKind::Source, format!("{} is a directory", path.display()))
                .with_hint("give one file; a directory is not uploaded"));
        }
        if !metadata.is_file() {
            return Err(Error::new(ErrorKind::Source, format!("{} is not a regular file", path.display()))
                .with_hint("only a regular file can be read from several places at once"));
        }
        // Some file systems have nothing to bring anywhere, and say so.
        let _ = file.sync_data();
        let metadata = file.metadata().map_err(cannot)?;
        Ok(Self { file, path: path.to_owned(), opened: Identity::of(&metadata) })
    }

    /// Its size when it was opened, in bytes.
    pub(crate) fn size(&self) -> u64 {
        self.opened.size
    }

    /// What it was when it was opened.
    pub(crate) fn identity(&self) -> Identity {
        self.opened
    }

    /// The path that it was opened by.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether nothing says that the file has changed, although it could not be read.
    pub(crate) fn may_be_unchanged(&self) -> bool {
        match self.check() {
            Ok(drift) => drift == Drift::None,
            // A change has no cause; a look that failed has.
            Err(error) => std::error::Error::source(&error).is_some(),
        }
    }

    /// Fills the buffer from this place of the file.
    ///
    /// # Errors
    /// `Source` if the file cannot be read or ends before the buffer is full.
    pub(crate) fn read_exact_at(&self, buffer: &mut [u8], offset: u64) -> Result<()> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.file.read_at(&mut buffer[filled..], offset + filled as u64) {
                Ok(0) => return Err(self.changed("became shorter")),
                Ok(read) => filled += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    return Err(Error::new(
                        ErrorKind::Source,
                        format!("cannot read {} at byte {}", self.path.display(), offset + filled as u64),
                    )
                    .caused_by(error));
                }
            }
        }
        Ok(())
    }

    /// Reads a stretch of the file through the frame, piece by piece, until somebody asks to stop.
    ///
    /// # Errors
    /// `Source` as for [`read_exact_at`](Self::read_exact_at); what `stop` says if it was asked.
    pub(crate) fn read_through(
        &self,
        stretch: Range<u64>,
        frame: &mut Frame,
        stop: &Stop,
        mut each: impl FnMut(&[u8]),
    ) -> Result<()> {
        let mut place = stretch.start;
        while place < stretch.end {
            if stop.is_asked() {
                return Err(stop.error());
            }
            let size = usize::try_from(stretch.end - place).unwrap_or(FRAME).min(FRAME);
            let piece = &mut frame.space()[..size];
            self.read_exact_at(piece, place)?;
            each(piece);
            place += size as u64;
        }
        Ok(())
    }

    /// Compares the file with what it was when it was opened.
    ///
    /// # Errors
    /// `Source` if its size or time of modification differ, or if its path leads to another file by now.
    pub(crate) fn check(&self) -> Result<Drift> {
        let cannot = |error: io::Error| {
            Error::new(ErrorKind::Source, format!("cannot look at {} again", self.path.display())).caused_by(error)
        };
        let now = Identity::of(&self.file.metadata().map_err(cannot)?);
        let then = self.opened;
        if now.size != then.size {
            return Err(self.changed(if now.size > then.size { "grew" } else { "became shorter" }));
        }
        if now.modified != then.modified {
            return Err(self.changed("was modified"));
        }
        match std::fs::metadata(&self.path) {
            Ok(named) if (named.ino(), named.dev()) == (then.inode, then.device) => {}
            Ok(_) => return Err(self.changed("was replaced by another file")),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(self.changed("was removed")),
            Err(error) => return Err(cannot(error)),
        }
        Ok(if now.changed == then.changed { Drift::None } else { Drift::Touched(now) })
    }

    /// Makes sure that there is nothing behind the size that the file system tells.
    ///
    /// # Errors
    /// `Source` if there is: files such as those in `/proc` have content and a size of 0.
    pub(crate) fn check_end(&self) -> Result<()> {
        match self.file.read_at(&mut [0], self.opened.size) {
            Ok(0) => Ok(()),
            Ok(_) => Err(self.changed("has more bytes than the size that the system tells")),
            Err(error) => Err(Error::new(ErrorKind::Source, format!("cannot read {} to its end", self.path.display()))
                .caused_by(error)),
        }
    }

    /// The error for a source that is not what it was.
    pub(crate) fn changed(&self, how: &str) -> Error {
        Error::new(ErrorKind::Source, format!("{} {how} while it was being uploaded", self.path.display()))
            .with_hint("upload it again when nothing writes to it, or upload a copy or a snapshot")
    }
}

#[cfg(test)]
mod tests;
