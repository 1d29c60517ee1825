//! Files that are ours alone: never through a link, never shared, never readable by others.

use std::{
    fs::{DirBuilder, File, OpenOptions, Permissions},
    io,
    os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::Path,
};

use rustix::fs::OFlags;

use crate::error::{Error, ErrorKind, Result};

/// Opens a file for reading and writing, or creates it with mode 0600.
pub(super) fn open_or_create(path: &Path) -> Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false).mode(0o600).custom_flags(careful());
    let file = options.open(path).map_err(|cause| unopened(path, cause))?;
    ours(&file, path)?;
    Ok(file)
}

/// Opens a file for reading; `None` if there is none.
pub(super) fn open(path: &Path) -> Result<Option<File>> {
    match OpenOptions::new().read(true).custom_flags(careful()).open(path) {
        Ok(file) => ours(&file, path).map(|()| Some(file)),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(cause) => Err(unopened(path, cause)),
    }
}

/// Makes a directory with mode 0700, and those above it, unless it is there.
pub(super) fn directory(path: &Path) -> Result<()> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|cause| cannot("make the directory", path, cause))?;
    if let Some(above) = path.parent().filter(|above| !above.as_os_str().is_empty()) {
        // The directory's own name should outlive a power cut as well. Not every place above may be opened.
        if let Ok(above) = File::open(above) {
            let _ = above.sync_all();
        }
    }
    Ok(())
}

/// Takes rights of others from a directory that is nobody else's business.
pub(super) fn close_to_others(path: &Path) -> Result<()> {
    let mode = std::fs::metadata(path).map_err(|cause| cannot("look at", path, cause))?.permissions().mode();
    if mode & 0o077 != 0 {
        let closed = std::fs::set_permissions(path, Permissions::from_mode(0o700));
        closed.map_err(|cause| cannot("protect", path, cause))?;
    }
    Ok(())
}

/// The error for what the system refuses.
pub(super) fn cannot(what: &str, path: &Path, cause: io::Error) -> Error {
    let hint = match cause.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "make room there, or name another: --state-dir DIR"
        }
        _ => "name a directory of yours that can be written to: --state-dir DIR",
    };
    // The reason belongs into the message: it is all that a warning shows.
    Error::new(ErrorKind::Journal, format!("cannot {what} {}: {}", path.display(), reason(&cause)))
        .with_hint(hint)
        .caused_by(cause)
}

/// The system's words without the number behind them.
fn reason(cause: &io::Error) -> String {
    let text = cause.to_string();
    text.split(" (os error").next().unwrap_or(&text).to_lowercase()
}

/// A link at the end of the path is refused, and a pipe does not keep us waiting.
fn careful() -> i32 {
    i32::try_from((OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC).bits()).unwrap_or(0)
}

/// Refuses what somebody else may have laid there, or may read or write.
pub(crate) fn ours(file: &File, path: &Path) -> Result<()> {
    let found = file.metadata().map_err(|cause| cannot("look at", path, cause))?;
    let fault = if !found.is_file() {
        "it is not a regular file"
    } else if found.uid() != rustix::process::geteuid().as_raw() {
        "it belongs to somebody else"
    } else if found.mode() & 0o077 != 0 {
        "others may read or write it"
    } else if found.nlink() > 1 {
        "it has a second name"
    } else {
        return Ok(());
    };
    Err(unused(path, fault))
}

fn unused(path: &Path, fault: &str) -> Error {
    Error::new(ErrorKind::Journal, format!("{} is not used: {fault}", path.display()))
        .with_hint("look at that file, and remove it if nobody needs it")
}

/// The error for a file that does not open. The system refuses a link with a word about links, of which there may be
/// only one.
fn unopened(path: &Path, cause: io::Error) -> Error {
    if path.is_symlink() { unused(path, "it is a symbolic link") } else { cannot("open", path, cause) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn files_and_directories_are_made_for_the_owner_alone() {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("a/b");
        directory(&inner).unwrap();
        assert_eq!((mode(&inner), mode(&dir.path().join("a"))), (0o700, 0o700));
        drop(open_or_create(&inner.join("f")).unwrap());
        assert_eq!(mode(&inner.join("f")), 0o600);
        std::fs::set_permissions(&inner, Permissions::from_mode(0o755)).unwrap();
        close_to_others(&inner).unwrap();
        assert_eq!(mode(&inner), 0o700);
    }

    #[test]
    fn what_another_may_have_laid_there_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let at = |name: &str| dir.path().join(name);
        drop(open_or_create(&at("plain")).unwrap());
        std::os::unix::fs::symlink(at("plain"), at("link")).unwrap();
        std::os::unix::fs::symlink(at("nowhere"), at("dangling")).unwrap();
        drop(open_or_create(&at("open")).unwrap());
        std::fs::set_permissions(at("open"), Permissions::from_mode(0o640)).unwrap();
        std::fs::create_dir(at("dir")).unwrap();
        rustix::fs::mkfifoat(rustix::fs::CWD, at("pipe"), rustix::fs::Mode::from_raw_mode(0o600)).unwrap();
        for name in ["link", "dangling", "open", "dir", "pipe"] {
            let error = open_or_create(&at(name)).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Journal, "{name}");
            assert!(error.message().contains(name), "{error}");
            assert!(error.hint().unwrap().contains("look at that file") || name == "dir", "{name}: {error:?}");
        }
        assert!(!at("nowhere").exists());
        std::fs::hard_link(at("plain"), at("second")).unwrap();
        assert!(open_or_create(&at("plain")).unwrap_err().message().contains("second name"));
        assert!(open(&at("absent")).unwrap().is_none());
    }

    #[test]
    fn the_message_says_the_path_and_the_reason() {
        let error = open_or_create(Path::new("/proc/nothing/here")).unwrap_err();
        assert_eq!(error.message(), "cannot open /proc/nothing/here: no such file or directory");
        assert!(error.hint().unwrap().contains("--state-dir"));
    }
}
