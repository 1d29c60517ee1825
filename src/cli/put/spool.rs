//! `--spool DIR`: a stream is kept in a file first, so that its upload can be resumed like that of any file.
//!
//! Its name follows from the object, so that the same command finds it again. It becomes visible under that name only
//! when the whole stream is in it and safe on disk; what a run has left that was killed before is of no use, because
//! its producer is gone. One lock keeps a second process off. The file holds the data unencrypted, for its owner alone.

use std::{
    fs::{self, File, OpenOptions},
    future::Future,
    io::{self, Read, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll, ready},
};

use rustix::fs::OFlags;
use tokio::sync::{oneshot, watch};

use super::stdin::Stdin;
use crate::{
    cli::{console::Console, drive::Transfer, signals::stopped, units::show_size},
    error::{Error, ErrorKind, Result},
    transfer::{
        Progress, Stage,
        journal::{Lock, Target, ours},
    },
};

/// Bytes that are read and written at once.
const PIECE: usize = 1 << 20;

/// The place of one stream, held by this process.
#[derive(Debug)]
pub(super) struct Spool {
    /// The whole stream, once it is there.
    path: PathBuf,
    /// While it is being written.
    partial: PathBuf,
    /// How many bytes an earlier run has left, if it had the whole stream.
    found: Option<u64>,
    _lock: Lock,
}

impl Spool {
    /// Takes the place of an object's stream. What an earlier run has left of a stream that was cut off is removed, and
    /// said; so is a whole one, if that is asked for.
    ///
    /// # Errors
    /// `Config` if the directory is not there; `Journal` if another process holds the place, or if what is there is not
    /// ours alone; `Source` if the directory cannot be used.
    pub(super) fn open(dir: &Path, target: &Target, restart: bool, console: &Console) -> Result<Self> {
        if !dir.is_dir() {
            return Err(Error::new(ErrorKind::Config, format!("the directory {} is not there", dir.display()))
                .with_hint("make it first, where there is room for the whole stream: --spool DIR"));
        }
        let stem = dir.join(format!("sealift-{}", target.digest()));
        let place = stem.with_extension("lock");
        let lock = Lock::take(&place).map_err(|error| match refusal(&error) {
            Some(cause) => cannot("create", &place, cause),
            None => error,
        })?;
        let mut spool = Self {
            path: stem.with_extension("spool"),
            partial: stem.with_extension("partial"),
            found: None,
            _lock: lock,
        };
        if remove(&spool.partial)? {
            console.note(&format!("what an earlier run had spooled to {} was cut off, and is removed", dir.display()));
        }
        if restart {
            remove(&spool.path)?;
        } else {
            spool.found = whole(&spool.path)?;
        }
        Ok(spool)
    }

    /// How many bytes are there, if an earlier run has left the whole stream.
    pub(super) fn found(&self) -> Option<u64> {
        self.found
    }

    /// The file of the whole stream.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Writes the stream into the file.
    ///
    /// # Cancellation
    /// Dropping it, and stopping it, removes what was written.
    pub(super) fn fill(&self, stdin: Stdin) -> Result<Filling> {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600).custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
        let file = options.open(&self.partial).map_err(|error| cannot("create", &self.partial, error))?;
        let stop = Arc::new(AtomicBool::new(false));
        let (board, progress) = watch::channel(Progress::default());
        let (end, ended) = oneshot::channel();
        let copying = Copying { stdin, file, path: self.partial.clone(), board, stop: Arc::clone(&stop) };
        // A thread of its own: a read that blocks must hold up neither the signals nor the end of the process.
        let thread = std::thread::Builder::new().name("sealift-spool".to_owned());
        let partial = Unfinished(self.partial.clone());
        thread
            .spawn(move || {
                // Nobody waits for it any more after a stop.
                let _ = end.send(copying.run());
            })
            .map_err(|error| {
                Error::new(ErrorKind::Internal, "the thread that spools does not start").caused_by(error)
            })?;
        Ok(Filling { ended, progress, stop, whole: self.path.clone(), partial })
    }

    /// Removes the file, because the object is there.
    pub(super) fn remove(self) -> Result<()> {
        remove(&self.path).map(drop)
    }

    /// Says that the stream is kept, and how its upload goes on.
    pub(super) fn kept(&self, failure: Error) -> Error {
        let kept = format!(
            "the stream is kept in {}, unencrypted, and the same command uploads it from there",
            self.path.display()
        );
        failure.repeatable().hinting_also(&kept)
    }

    /// What is said of a stream that an earlier run has left.
    pub(super) fn going_on(&self, bytes: u64) -> String {
        format!(
            "going on with the {} that an earlier run has spooled to {}; standard input is not read (--restart reads it \
             anew)",
            show_size(bytes),
            self.path.display()
        )
    }
}

/// The stream on its way into the file.
pub(super) struct Filling {
    ended: oneshot::Receiver<Result<()>>,
    progress: watch::Receiver<Progress>,
    stop: Arc<AtomicBool>,
    whole: PathBuf,
    partial: Unfinished,
}

impl Transfer for Filling {
    const MOVING: &'static str = "spooling";

    fn snapshots(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    fn stop(&self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

impl Future for Filling {
    type Output = Result<()>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<()>> {
        if self.stop.load(Ordering::Relaxed) {
            // The thread may be in a read that nobody can interrupt.
            return Poll::Ready(Err(
                stopped().with_hint("a stream is of use only when it is whole: what was spooled of it is removed")
            ));
        }
        let ended = ready!(Pin::new(&mut self.ended).poll(cx));
        Poll::Ready(match ended {
            Ok(Ok(())) => publish(&self.partial.0, &self.whole),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(Error::new(ErrorKind::Internal, "the thread that spools has panicked")),
        })
    }
}

/// Gives the whole stream its name, for good.
fn publish(partial: &Path, whole: &Path) -> Result<()> {
    fs::rename(partial, whole).map_err(|error| cannot("rename", partial, error))?;
    let dir = whole.parent().unwrap_or(whole);
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(|error| cannot("sync", dir, error))
}

/// A file that is of no use unless it gets its name.
#[derive(Debug)]
struct Unfinished(PathBuf);

impl Drop for Unfinished {
    fn drop(&mut self) {
        // If it cannot be removed, the next run tries again, and says so.
        let _ = fs::remove_file(&self.0);
    }
}

/// What the thread works on.
struct Copying {
    stdin: Stdin,
    file: File,
    path: PathBuf,
    board: watch::Sender<Progress>,
    stop: Arc<AtomicBool>,
}

impl Copying {
    fn run(mut self) -> Result<()> {
        let mut piece = vec![0; PIECE];
        while !self.stop.load(Ordering::Relaxed) {
            let read = match self.stdin.read(&mut piece) {
                Ok(0) => return self.file.sync_all().map_err(|error| cannot("write", &self.path, error)),
                Ok(read) => read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => {
                    return Err(Error::new(ErrorKind::Source, "standard input cannot be read").caused_by(error));
                }
            };
            self.file.write_all(&piece[..read]).map_err(|error| cannot("write", &self.path, error))?;
            self.board.send_modify(|progress| {
                progress.stage = Stage::Sending;
                progress.open = true;
                progress.sent += read as u64;
                progress.total = progress.sent;
            });
        }
        Ok(())
    }
}

/// The size of a whole stream, if one is there that is ours alone.
fn whole(path: &Path) -> Result<Option<u64>> {
    let careful = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed();
    match OpenOptions::new().read(true).custom_flags(careful).open(path) {
        Ok(file) => {
            ours(&file, path)?;
            file.metadata().map(|found| Some(found.len())).map_err(|error| cannot("look at", path, error))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(cannot("open", path, error)),
    }
}

/// Whether there was something to remove.
fn remove(path: &Path) -> Result<bool> {
    match fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(cannot("remove", path, error)),
    }
}

/// What the system said, if it was the system that refuses: a second process, and a file of another, have no cause.
fn refusal(error: &Error) -> Option<io::Error> {
    let cause = std::error::Error::source(error)?.downcast_ref::<io::Error>()?;
    Some(cause.raw_os_error().map_or_else(|| cause.kind().into(), io::Error::from_raw_os_error))
}

/// The error for what the system refuses.
fn cannot(what: &str, path: &Path, cause: io::Error) -> Error {
    let hint = match cause.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => {
            "make room there for the whole stream, or name another directory: --spool DIR"
        }
        _ => "name a directory that you can write to: --spool DIR",
    };
    Error::new(ErrorKind::Source, format!("cannot {what} {}", path.display())).with_hint(hint).caused_by(cause)
}
