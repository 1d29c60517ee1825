//! Standard input as a source.

use std::{
    fs::{self, File},
    io::{self, IsTerminal as _, Read, Seek as _},
    os::{
        fd::AsFd as _,
        unix::fs::{FileTypeExt as _, MetadataExt as _},
    },
};

use crate::{
    error::{Error, ErrorKind, Result},
    ident::{ObjectKey, ObjectUrl},
};

/// What a pipe may hold: with the 64 KiB that it has at first, producer and reader wake each other far more often.
const PIPE: usize = 1 << 20;

/// Standard input, read without a buffer in between.
#[derive(Debug)]
pub(super) struct Stdin {
    file: File,
    /// How many bytes are left, where it is a file.
    pub(super) left: Option<u64>,
}

impl Stdin {
    /// Opens it once more.
    ///
    /// # Errors
    /// `Config` if it is a terminal: nobody types an object. `Source` if it is /dev/null, which is also what a closed one
    /// has become before `main`: an object must not be replaced by nothing because a producer was forgotten.
    pub(super) fn open() -> Result<Self> {
        let stdin = io::stdin();
        if stdin.is_terminal() {
            return Err(Error::new(ErrorKind::Config, "standard input is a terminal")
                .with_hint("pipe the data in (PRODUCER | sealift put - URL), or give the name of a file"));
        }
        let cannot = |error: io::Error| Error::new(ErrorKind::Source, "standard input cannot be read").caused_by(error);
        let mut file = File::from(stdin.as_fd().try_clone_to_owned().map_err(cannot)?);
        let found = file.metadata().map_err(cannot)?;
        let null = fs::metadata("/dev/null");
        if found.file_type().is_char_device() && null.is_ok_and(|null| null.rdev() == found.rdev()) {
            return Err(Error::new(ErrorKind::Source, "standard input is closed, or /dev/null")
                .with_hint("pipe the data in (PRODUCER | sealift put - URL); for an empty object give an empty file"));
        }
        // What is no pipe has no such size, and one of another user may not be changed: it is read as it is.
        let _ = rustix::pipe::fcntl_setpipe_size(&file, PIPE);
        let at = found.is_file().then(|| file.stream_position().ok()).flatten();
        let left = at.map(|at| found.len().saturating_sub(at));
        Ok(Self { file, left })
    }
}

impl Read for Stdin {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.file.read(buffer)
    }
}

/// The key that the address means: a stream has no name that could end it.
pub(super) fn key(url: &ObjectUrl) -> Result<ObjectKey> {
    if url.path.is_empty() || url.path.ends_with('/') {
        return Err(Error::new(ErrorKind::Config, "standard input has no name that could end the key")
            .with_hint(format!("give the whole key in the address, such as {url}NAME")));
    }
    url.key()
}
