//! Buckets, objects and uploads on disk.
//!
//! ```text
//! DIR/master.key                       what managed and KMS data keys are wrapped under
//! DIR/BUCKET/objects/SHA256(KEY).json  manifests
//! DIR/BUCKET/uploads/ID/upload.json    unfinished uploads
//! DIR/BUCKET/uploads/ID/NNNNN.json     their parts
//! DIR/BUCKET/blobs/…                   bytes
//! ```
//!
//! A record appears by rename, after its bytes and their folder are on disk, and is confirmed after its own folder is;
//! what it replaces is removed after that. So a crash at any moment leaves either the old state or the new one, and at
//! most files that no record names; those are swept at the next start. Who sees a record while its folder is being synced
//! syncs it too before telling of it. Everything here blocks; the lock is held for renames, for reading a part's record,
//! and for an object's only if it changed since it was read; never while bytes go to the disk.

mod blob;
mod files;
mod records;
mod sweep;
mod unique;
mod unsynced;
mod uploads;

use std::{
    collections::{BTreeMap, HashMap},
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

pub(super) use self::{
    blob::{BATCH, Reader, Unkept, Wanted, Writer, Written},
    files::write_whole,
    records::{AtRest, Blob, Object, Part, Properties, Upload},
};
use self::{unique::Unique, unsynced::Unsynced};
use super::{
    crypt,
    dialect::Spoken,
    hex,
    watch::{Event, Watcher},
};
use crate::secret::Secret;

/// Everything that is stored.
#[derive(Debug)]
pub(super) struct Store {
    pub(super) master: Secret,
    /// Locked as long as the store is open.
    _lock: fs::File,
    buckets: HashMap<String, Bucket>,
}

impl Store {
    /// Opens the store in `dir`, or makes it, and sweeps what a crash left.
    pub(super) fn open(
        dir: &Path,
        dialect: Spoken,
        buckets: &[String],
        durable: bool,
        watcher: &Watcher,
    ) -> io::Result<Self> {
        files::make_dir(dir, durable)?;
        let lock = files::lock(&dir.join("lock"), || watcher.tell(Event::FolderHeld))?;
        let master = master_key(dir)?;
        let buckets = buckets
            .iter()
            .map(|name| Ok((name.clone(), Bucket::open(dir.join(checked(dialect, name)?), durable)?)))
            .collect::<io::Result<_>>()?;
        Ok(Self { master, _lock: lock, buckets })
    }

    pub(super) fn bucket(&self, name: &str) -> Option<&Bucket> {
        self.buckets.get(name)
    }
}

/// The secret of a data folder; made once.
pub(super) fn master_key(dir: &Path) -> io::Result<Secret> {
    files::read_or_create_secret(&dir.join("master.key"), crypt::fresh_key)
}

/// A bucket's name becomes a folder's, so it may not be anything else.
fn checked(dialect: Spoken, name: &str) -> io::Result<&str> {
    if dialect.allows_bucket(name) {
        Ok(name)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{name:?} is not a bucket name")))
    }
}

/// One bucket.
#[derive(Debug)]
pub(super) struct Bucket {
    dir: PathBuf,
    durable: bool,
    state: Mutex<State>,
    /// Held while a long record is read.
    long: Mutex<()>,
    unsynced: Unsynced,
}

/// An object as it was found, with its record held open: that is how it is known whether it is still the same.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) object: Arc<Object>,
    record: fs::File,
}

/// Records of so many bytes are read one at a time: together with its text, the longest is some MiB.
const LONG: u64 = 64 << 10;

/// What changes together under the lock.
#[derive(Debug, Default)]
struct State {
    /// The unfinished uploads by key and id, so that neither a part nor a page of a list has to search the disk.
    uploads: BTreeMap<(String, String), Open>,
    /// Readers of each object's files, by the name of the first; and the files to remove after the last reader.
    readers: HashMap<Unique, Weak<()>>,
    doomed: Vec<(Option<Weak<()>>, Vec<Blob>)>,
}

/// An unfinished upload, and how often its parts have changed since the store was opened.
#[derive(Debug)]
struct Open {
    upload: Arc<Upload>,
    changes: u64,
}

/// Why a change was not made.
#[derive(Debug)]
pub(super) enum Conflict {
    /// The upload is not there (any more).
    NoUpload,
    /// The object exists, and was not to be replaced.
    Exists,
    Io(io::Error),
}

impl From<io::Error> for Conflict {
    fn from(cause: io::Error) -> Self {
        Self::Io(cause)
    }
}

impl Bucket {
    fn open(dir: PathBuf, durable: bool) -> io::Result<Self> {
        for folder in ["objects", "uploads", "blobs"] {
            files::make_dir(&dir.join(folder), durable)?;
            if durable {
                // A killed store may have been about to: what is found counts, and what it replaced is swept.
                files::sync_dir(&dir.join(folder))?;
            }
        }
        let uploads = sweep::sweep(&dir)?;
        let state = State { uploads, ..State::default() };
        Ok(Self { dir, durable, state: Mutex::new(state), long: Mutex::default(), unsynced: Unsynced::default() })
    }

    /// A new file for bytes, encrypted under `data_key` if there is one.
    pub(super) fn write_blob(&self, data_key: Option<&Secret>, wanted: &Wanted) -> io::Result<Writer> {
        Writer::create(&self.dir.join("blobs"), data_key, wanted, self.durable)
    }

    /// Puts an object in place, instead of an older one of the same key.
    pub(super) fn put(&self, object: &Object, unkept: Unkept, forbid_overwrite: bool) -> Result<(), Conflict> {
        let staged = self.stage(object)?;
        let known = self.seen(&object.key)?;
        let change = self.unsynced.begin(&self.object_file(&object.key));
        let placed = {
            let _state = self.lock();
            self.place(object, staged, known, forbid_overwrite)
        };
        // From here on a record names the bytes, even if it should not survive a power cut.
        if placed.is_ok() {
            unkept.keep();
        }
        // What is in the way is told of as well.
        change.settle(self.durable)?;
        self.discard(placed?);
        Ok(())
    }

    /// The object of this key, which no power cut takes back.
    pub(super) fn object(&self, key: &str) -> io::Result<Option<Found>> {
        let found = self.seen(key)?;
        self.unsynced.settle(&self.object_file(key), self.durable)?;
        Ok(found)
    }

    /// The object of this key as it is at the moment.
    fn seen(&self, key: &str) -> io::Result<Option<Found>> {
        let path = self.object_file(key);
        let Some(mut record) = files::open(&path)? else { return Ok(None) };
        let _turn = (record.metadata()?.len() > LONG).then(|| self.long.lock().unwrap_or_else(PoisonError::into_inner));
        let object = Arc::new(files::parse(&path, &mut record)?);
        Ok(Some(Found { object, record }))
    }

    /// What keeps an object's files while they are read; `None` if it has been replaced since it was found.
    pub(super) fn lease(&self, found: &Found) -> io::Result<Option<Arc<()>>> {
        let object = &found.object;
        let mut state = self.lock();
        if !self.is_still(&object.key, Some(found))? {
            return Ok(None);
        }
        let Some(first) = object.blobs.first() else { return Ok(Some(Arc::new(()))) };
        if let Some(lease) = state.readers.get(&first.name).and_then(Weak::upgrade) {
            return Ok(Some(lease));
        }
        let lease = Arc::new(());
        state.readers.retain(|_, reader| reader.strong_count() > 0);
        state.readers.insert(first.name, Arc::downgrade(&lease));
        Ok(Some(lease))
    }

    /// Whether what was seen of a key is still so.
    fn is_still(&self, key: &str, seen: Option<&Found>) -> io::Result<bool> {
        // No other file can have the number of one that is open.
        let number = |file: &fs::Metadata| (file.dev(), file.ino());
        let now = match fs::metadata(self.object_file(key)) {
            Err(cause) if cause.kind() == io::ErrorKind::NotFound => None,
            now => Some(number(&now?)),
        };
        let then = seen.map(|found| found.record.metadata()).transpose()?;
        Ok(now == then.as_ref().map(number))
    }

    /// The object of this key under the lock, which the caller holds; what was seen before saves reading it.
    fn current(&self, key: &str, seen: Option<Found>) -> io::Result<Option<Arc<Object>>> {
        let now = if self.is_still(key, seen.as_ref())? { seen } else { self.seen(key)? };
        Ok(now.map(|found| found.object))
    }

    /// Reads the bytes `start..end` of an object.
    pub(super) fn reader(
        &self,
        object: Arc<Object>,
        data_key: Option<Secret>,
        range: (u64, u64),
        lease: Arc<()>,
    ) -> Reader {
        Reader::new(self.dir.join("blobs"), object, data_key, range, lease)
    }

    /// Removes an object, if it is the one that is meant; says whether it was not another. That there is none is no failure.
    pub(super) fn delete(&self, key: &str, meant: impl FnOnce(&Object) -> bool) -> io::Result<bool> {
        let (known, file) = (self.object(key)?, self.object_file(key));
        let (was_there, change) = (known.is_some(), self.unsynced.begin(&file));
        let old = {
            let _state = self.lock();
            match self.current(key, known)? {
                Some(old) if meant(&old) => {
                    fs::remove_file(&file)?;
                    Some(Arc::unwrap_or_clone(old).blobs)
                }
                Some(_) => None,
                // If it was there, somebody else is just removing it.
                None if was_there => Some(Vec::new()),
                None => return Ok(true),
            }
        };
        change.settle(self.durable)?;
        let Some(old) = old else { return Ok(false) };
        self.discard(old);
        Ok(true)
    }

    /// Writes a manifest beside its place.
    fn stage(&self, object: &Object) -> io::Result<files::Staged> {
        files::stage(&self.object_file(&object.key), object, self.durable)
    }

    /// Lets a manifest appear, and returns the files of the one that it replaces. The caller holds the lock, and syncs the folder
    /// before it confirms anything or removes what was replaced.
    fn place(
        &self,
        object: &Object,
        staged: files::Staged,
        seen: Option<Found>,
        forbid: bool,
    ) -> Result<Vec<Blob>, Conflict> {
        let old = self.current(&object.key, seen)?;
        if forbid && old.is_some() {
            return Err(Conflict::Exists);
        }
        staged.place()?;
        Ok(old.map(|old| Arc::unwrap_or_clone(old).blobs).unwrap_or_default())
    }

    /// Removes files that no record names any more, and that nobody reads. Those that are being read wait for the next call.
    fn discard(&self, blobs: Vec<Blob>) {
        let unread: Vec<Blob> = {
            let mut state = self.lock();
            let reader = blobs.first().and_then(|first| state.readers.remove(&first.name));
            state.doomed.push((reader, blobs));
            let unread = state
                .doomed
                .extract_if(.., |(reader, _)| reader.as_ref().is_none_or(|reader| reader.strong_count() == 0));
            unread.flat_map(|(_, blobs)| blobs).collect()
        };
        let dir = self.dir.join("blobs");
        for blob in unread {
            // A leftover is swept at the next start.
            let _ = fs::remove_file(dir.join(blob.name.to_string()));
        }
    }

    fn object_file(&self, key: &str) -> PathBuf {
        let digest = ring::digest::digest(&ring::digest::SHA256, key.as_bytes());
        self.dir.join("objects").join(format!("{}.json", hex::encode(digest.as_ref())))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
