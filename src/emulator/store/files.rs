//! Small files that appear whole or not at all.

use std::{
    fs::{self, File, TryLockError},
    io::{self, BufWriter, IntoInnerError, Read as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use serde::{Serialize, de::DeserializeOwned};

use crate::{emulator::hex, secret::Secret};

/// A file written beside its place; it disappears unless it is placed.
#[derive(Debug)]
pub(super) struct Staged {
    temporary: Option<PathBuf>,
    place: PathBuf,
}

impl Staged {
    /// Moves the file to its place, in one step; it stays there once the folder is synced.
    pub(super) fn place(mut self) -> io::Result<()> {
        if let Some(temporary) = &self.temporary {
            fs::rename(temporary, &self.place)?;
        }
        self.temporary = None;
        Ok(())
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        if let Some(temporary) = &self.temporary {
            // A leftover is swept at the next start.
            let _ = fs::remove_file(temporary);
        }
    }
}

/// Writes a record beside `place`.
pub(super) fn stage(place: &Path, record: &impl Serialize, durable: bool) -> io::Result<Staged> {
    let temporary = place.with_extension(format!("{}.tmp", hex::encode(&hex::random::<8>()?)));
    let staged = Staged { temporary: Some(temporary.clone()), place: place.to_owned() };
    // Written as it is made: a long record is not in memory as a whole.
    let mut file = BufWriter::with_capacity(64 << 10, File::create_new(&temporary)?);
    serde_json::to_writer(&mut file, record)?;
    let file = file.into_inner().map_err(IntoInnerError::into_error)?;
    if durable {
        file.sync_data()?;
    }
    Ok(staged)
}

/// Reads a record, if it is there.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> io::Result<Option<T>> {
    open(path)?.map(|mut file| parse(path, &mut file)).transpose()
}

/// Reads a record from its open file.
pub(super) fn parse<T: DeserializeOwned>(path: &Path, file: &mut File) -> io::Result<T> {
    let mut bytes = Vec::with_capacity(usize::try_from(file.metadata()?.len()).unwrap_or_default());
    file.read_to_end(&mut bytes)?;
    serde_json::from_slice(&bytes).map_err(|cause| {
        io::Error::new(io::ErrorKind::InvalidData, format!("the record {} is damaged: {cause}", path.display()))
    })
}

/// Opens a record, if it is there.
pub(super) fn open(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(cause) if matches!(cause.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(cause) => Err(cause),
    }
}

/// Removes a file for good.
pub(super) fn remove(path: &Path, durable: bool) -> io::Result<()> {
    fs::remove_file(path)?;
    sync_parent(path, durable)
}

/// Makes what happened in a file's folder permanent.
pub(super) fn sync_parent(path: &Path, durable: bool) -> io::Result<()> {
    match path.parent() {
        Some(parent) if durable => sync_dir(if parent.as_os_str().is_empty() { Path::new(".") } else { parent }),
        _ => Ok(()),
    }
}

/// Makes what happened in a folder permanent.
pub(super) fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Makes a folder, and the folders above it that are missing, for good.
pub(super) fn make_dir(path: &Path, durable: bool) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        make_dir(parent, durable)?;
    }
    match fs::create_dir(path) {
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {}
        made => made?,
    }
    sync_parent(path, durable)
}

/// Writes a file that appears whole or not at all.
pub(in crate::emulator) fn write_whole(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let temporary = path.with_extension("tmp");
    let _ = fs::remove_file(&temporary);
    let mut file = File::options().create_new(true).write(true).mode(mode).open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)?;
    sync_parent(path, true)
}

/// The entries of a folder.
pub(super) fn list(dir: &Path) -> io::Result<Vec<PathBuf>> {
    fs::read_dir(dir)?.map(|entry| Ok(entry?.path())).collect()
}

/// A lock that ends with the file or the process. One that was just given up, as at a restart, is waited for.
/// `held` hears of the waiting.
pub(super) fn lock(path: &Path, held: impl Fn()) -> io::Result<File> {
    let file = File::options().create(true).append(true).open(path)?;
    for attempt in 0..100 {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) => {
                if attempt == 0 {
                    held();
                }
                thread::sleep(Duration::from_millis(20));
            }
            Err(TryLockError::Error(cause)) => return Err(cause),
        }
    }
    Err(io::Error::new(io::ErrorKind::ResourceBusy, format!("{} is held: another store is open there", path.display())))
}

/// A secret of 32 bytes that is made once.
pub(super) fn read_or_create_secret(path: &Path, make: impl Fn() -> io::Result<Secret>) -> io::Result<Secret> {
    match fs::read(path) {
        Ok(bytes) if bytes.len() == 32 => Ok(Secret::new(bytes)),
        Ok(_) => Err(io::Error::new(io::ErrorKind::InvalidData, format!("{} is not a key", path.display()))),
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => {
            let secret = make()?;
            write_whole(path, secret.expose(), 0o600)?;
            Ok(secret)
        }
        Err(cause) => Err(cause),
    }
}
