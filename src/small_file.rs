//! Reads files that are small by their nature: settings, credentials, certificates.
//!
//! Whatever else a path may name (a device without end, a pipe to which nobody writes, a disk image) is an error
//! instead of a process that hangs or eats the memory.

use std::{
    fs::OpenOptions,
    io::{self, Read as _},
    os::unix::fs::OpenOptionsExt as _,
    path::Path,
};

use rustix::fs::OFlags;
use zeroize::Zeroizing;

/// The largest that is read. The certificates of all public authorities together have a quarter of it.
const LARGEST: u64 = 1 << 20;

/// The bytes of the regular file at `path`.
///
/// # Errors
/// Those of the system; `InvalidInput` if it is no regular file, `InvalidData` if it has more than 1 MiB.
pub(crate) fn read(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    // Opening a pipe would otherwise wait for its writer.
    let nonblocking = OFlags::NONBLOCK.bits().cast_signed();
    let file = OpenOptions::new().read(true).custom_flags(nonblocking).open(path)?;
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    // Room for all of it at once, so that no copy is left behind when it grows.
    let room = usize::try_from(metadata.len().min(LARGEST)).unwrap_or(0) + 1;
    let mut bytes = Zeroizing::new(Vec::with_capacity(room));
    file.take(LARGEST + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidData, "it is larger than 1 MiB"));
    }
    Ok(bytes)
}

/// The text of the regular file at `path`.
///
/// # Errors
/// As for [`read`]; `InvalidData` if it is not UTF-8.
pub(crate) fn read_text(path: &Path) -> io::Result<Zeroizing<String>> {
    let bytes = read(path)?;
    let text = str::from_utf8(&bytes).map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "it is not UTF-8"))?;
    Ok(Zeroizing::new(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[track_caller]
    fn refused(path: &Path, why: &str) {
        assert_eq!(read(path).unwrap_err().to_string(), why, "{}", path.display());
    }

    #[test]
    fn a_file_up_to_its_bound_is_read_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        for length in [0, 5, 1 << 20] {
            fs::write(&path, vec![b'x'; length]).unwrap();
            assert_eq!(read_text(&path).unwrap().len(), length);
        }
        fs::write(&path, vec![b'x'; (1 << 20) + 1]).unwrap();
        refused(&path, "it is larger than 1 MiB");
        fs::write(&path, b"\xff").unwrap();
        assert_eq!(read_text(&path).unwrap_err().to_string(), "it is not UTF-8");
    }

    #[test]
    fn what_is_no_regular_file_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        refused(folder.path(), "it is not a regular file");
        refused(Path::new("/dev/zero"), "it is not a regular file");
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        refused(&pipe, "it is not a regular file");
    }
}
