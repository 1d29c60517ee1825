//! One process per journal: a lock that the system lets go when its holder dies, however it dies.
//!
//! The lock is on a file of its own beside the journal, because the journal itself comes and goes. That file holds the
//! process number of its holder, for the message to whoever comes second; what the file holds decides nothing. Its name
//! tells a process that has lost its journal.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _, Write as _},
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use rustix::fs::{FlockOperation, flock};

use super::private;
use crate::error::{Error, ErrorKind, Result};

/// How often a lock that is held is tried for, and how long between: a listing holds it for an instant.
const TRIES: u32 = 5;
const BETWEEN: Duration = Duration::from_millis(20);

/// A lock that is held. Dropping it lets go and removes its file.
#[derive(Debug)]
pub(crate) struct Lock {
    path: PathBuf,
    /// Open as long as the lock is held: closing it is what lets go.
    file: File,
}

/// Who holds a lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Holder {
    /// The number of the process, if it has written it down already.
    pub pid: Option<u32>,
}

impl Lock {
    /// Takes the lock, or says who holds it.
    pub(crate) fn take(path: &Path) -> Result<Self> {
        let mut held = None;
        for attempt in 0..TRIES {
            if attempt > 0 {
                std::thread::sleep(BETWEEN);
            }
            let file = private::open_or_create(path)?;
            match try_lock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(true) => {}
                Ok(false) => {
                    held = Some(read_holder(file));
                    continue;
                }
                Err(cause) => return Err(cannot(path, "lock", cause)),
            }
            // A holder that has just ended removes its file; a lock on that one would keep nobody out.
            if !leads_to(path, &file) {
                continue;
            }
            let mut lock = Self { path: path.to_owned(), file };
            lock.sign().map_err(|cause| cannot(path, "write", cause))?;
            return Ok(lock);
        }
        Err(busy(held.unwrap_or(Holder { pid: None })))
    }

    /// Who holds the lock, if anybody does. Nothing is created or changed.
    pub(super) fn holder(path: &Path) -> Result<Option<Holder>> {
        let Some(file) = private::open(path)? else { return Ok(None) };
        match try_lock(&file, FlockOperation::NonBlockingLockShared) {
            Ok(true) => Ok(None),
            Ok(false) => Ok(Some(read_holder(file))),
            Err(cause) => Err(cannot(path, "lock", cause)),
        }
    }

    fn sign(&mut self) -> io::Result<()> {
        self.file.set_len(0)?;
        self.file.rewind()?;
        writeln!(self.file, "{}", std::process::id())
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Whoever has it open already finds, once the lock is theirs, that the path leads elsewhere. If it cannot be
        // removed, it stays as that of a process that was killed would.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// The error for a second process.
pub(super) fn busy(holder: Holder) -> Error {
    let message = match holder.pid {
        Some(pid) if pid == std::process::id() => format!("this process ({pid}) is at work on this upload already"),
        Some(pid) => format!("process {pid} is at work on this upload already"),
        None => "another process is at work on this upload already".to_owned(),
    };
    Error::new(ErrorKind::Journal, message).with_hint("wait for it to end, or end it; then the same command goes on")
}

fn try_lock(file: &File, how: FlockOperation) -> io::Result<bool> {
    match rustix::io::retry_on_intr(|| flock(file, how)) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn read_holder(mut file: File) -> Holder {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| file.take(32).read_to_string(&mut text));
    Holder { pid: read.ok().and_then(|_| text.strip_suffix('\n')?.parse().ok()) }
}

fn leads_to(path: &Path, file: &File) -> bool {
    match (std::fs::symlink_metadata(path), file.metadata()) {
        (Ok(named), Ok(open)) => (named.dev(), named.ino()) == (open.dev(), open.ino()),
        _ => false,
    }
}

fn cannot(path: &Path, what: &str, cause: io::Error) -> Error {
    let hint = match cause.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            "make room there, or name another: --state-dir DIR"
        }
        _ => "keep the journals on a local disk that can be written to: --state-dir DIR",
    };
    Error::new(ErrorKind::Journal, format!("cannot {what} {}", path.display())).with_hint(hint).caused_by(cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place() -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("it.lock");
        (dir, path)
    }

    #[test]
    fn a_second_holder_is_told_whose_it_is() {
        let (_dir, path) = place();
        let lock = Lock::take(&path).unwrap();
        let error = Lock::take(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Journal);
        assert!(error.message().contains(&std::process::id().to_string()), "{error}");
        assert_eq!(Lock::holder(&path).unwrap(), Some(Holder { pid: Some(std::process::id()) }));
        drop(lock);
        assert_eq!(Lock::holder(&path).unwrap(), None);
        assert!(!path.exists());
        Lock::take(&path).unwrap();
    }

    #[test]
    fn a_full_disk_is_told_from_one_that_takes_no_locks() {
        let hint = |kind: io::ErrorKind| cannot(Path::new("it.lock"), "write", kind.into()).hint().map(str::to_owned);
        assert!(hint(io::ErrorKind::StorageFull).is_some_and(|hint| hint.starts_with("make room there")));
        assert!(
            hint(io::ErrorKind::Unsupported).is_some_and(|hint| hint.starts_with("keep the journals on a local disk"))
        );
    }

    #[test]
    fn what_a_dead_process_has_left_is_taken_over() {
        let (_dir, path) = place();
        for left in ["4194303\n", "", "not a number", "99999999999999999999\n"] {
            drop(private::open_or_create(&path).unwrap());
            std::fs::write(&path, left).unwrap();
            assert_eq!(Lock::holder(&path).unwrap(), None, "{left:?}");
            let lock = Lock::take(&path).unwrap();
            let pid = std::fs::read_to_string(&path).unwrap();
            assert_eq!(pid, format!("{}\n", std::process::id()));
            drop(lock);
        }
    }

    #[test]
    fn a_lock_on_afile_that_was_removed_keeps_nobody_out() {
        let (_dir, path) = place();
        let stale = private::open_or_create(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        assert!(try_lock(&stale, FlockOperation::NonBlockingLockExclusive).unwrap());
        assert!(!leads_to(&path, &stale));
        let lock = Lock::take(&path).unwrap();
        assert!(!leads_to(&path, &stale));
        drop(lock);
    }

    #[test]
    fn many_at_once_never_hold_it_together() {
        let (_dir, path) = place();
        let inside = std::sync::atomic::AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    let mut held = 0;
                    while held < 20 {
                        let Ok(lock) = Lock::take(&path) else { continue };
                        assert_eq!(inside.fetch_add(1, std::sync::atomic::Ordering::SeqCst), 0);
                        held += 1;
                        inside.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
                        drop(lock);
                    }
                });
            }
        });
    }
}
