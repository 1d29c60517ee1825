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
//! A record appears by rename, after its bytes are on disk. So a crash at any moment leaves either the old state or
//! the new one, and at most files that no record names; those are swept at the next start. Everything here blocks.

mod blob;
mod files;
mod records;
mod uploads;

use std::{
    collections::{HashMap, HashSet},
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
};

pub(super) use self::{
    blob::{BATCH, Reader, Unkept, Wanted, Writer, Written},
    records::{AtRest, Blob, Object, Part, Properties, Upload},
};
use super::{crypt, dialect::Dialect, hex};
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
    pub(super) fn open(dir: &Path, dialect: Dialect, buckets: &[String], durable: bool) -> io::Result<Self> {
        fs::create_dir_all(dir)?;
        let lock = files::lock(&dir.join("lock"))?;
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
fn checked(dialect: Dialect, name: &str) -> io::Result<&str> {
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
}

/// What changes together under the lock.
#[derive(Debug, Default)]
struct State {
    /// Readers of each object's files, by the name of the first; and the files to remove after the last reader.
    readers: HashMap<String, Weak<()>>,
    doomed: Vec<(Option<Weak<()>>, Vec<Blob>)>,
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
            fs::create_dir_all(dir.join(folder))?;
        }
        let bucket = Self { dir, durable, state: Mutex::default() };
        bucket.sweep()?;
        Ok(bucket)
    }

    /// A new file for bytes, encrypted under `data_key` if there is one.
    pub(super) fn write_blob(&self, data_key: Option<&Secret>, wanted: &Wanted) -> io::Result<Writer> {
        Writer::create(&self.dir.join("blobs"), data_key, wanted, self.durable)
    }

    /// Puts an object in place, instead of an older one of the same key.
    pub(super) fn put(&self, object: &Object, unkept: Unkept, forbid_overwrite: bool) -> Result<(), Conflict> {
        let staged = self.stage(object)?;
        let mut state = self.lock();
        self.place(&mut state, object, staged, forbid_overwrite)?;
        unkept.keep();
        Ok(())
    }

    pub(super) fn object(&self, key: &str) -> io::Result<Option<Object>> {
        files::read(&self.object_file(key))
    }

    /// The object, and a reader that is safe from its replacement.
    pub(super) fn lease(&self, object: &Object) -> io::Result<Option<Arc<()>>> {
        let mut state = self.lock();
        // Between the look-up and now it may have been replaced, and its files removed.
        let current: Option<Object> = files::read(&self.object_file(&object.key))?;
        let same = current.is_some_and(|now| {
            now.etag == object.etag
                && now.blobs.first().map(|blob| &blob.name) == object.blobs.first().map(|blob| &blob.name)
        });
        if !same {
            return Ok(None);
        }
        let Some(first) = object.blobs.first() else { return Ok(Some(Arc::new(()))) };
        if let Some(lease) = state.readers.get(&first.name).and_then(Weak::upgrade) {
            return Ok(Some(lease));
        }
        let lease = Arc::new(());
        state.readers.retain(|_, reader| reader.strong_count() > 0);
        state.readers.insert(first.name.clone(), Arc::downgrade(&lease));
        Ok(Some(lease))
    }

    /// Reads the bytes `start..end` of an object.
    pub(super) fn reader(&self, object: Object, data_key: Option<Secret>, range: (u64, u64), lease: Arc<()>) -> Reader {
        Reader::new(self.dir.join("blobs"), object.blobs, data_key, range, lease)
    }

    pub(super) fn delete(&self, key: &str) -> io::Result<()> {
        let mut state = self.lock();
        if let Some(old) = self.object(key)? {
            files::remove(&self.object_file(key), self.durable)?;
            self.discard(&mut state, old.blobs);
        }
        Ok(())
    }

    /// Writes a manifest beside its place.
    fn stage(&self, object: &Object) -> io::Result<files::Staged> {
        files::stage(&self.object_file(&object.key), object, self.durable)
    }

    fn place(&self, state: &mut State, object: &Object, staged: files::Staged, forbid: bool) -> Result<(), Conflict> {
        let old = self.object(&object.key)?;
        if forbid && old.is_some() {
            return Err(Conflict::Exists);
        }
        staged.place()?;
        if let Some(old) = old {
            self.discard(state, old.blobs);
        }
        Ok(())
    }

    /// Removes files that no record names any more, as soon as nobody reads them.
    fn discard(&self, state: &mut State, blobs: Vec<Blob>) {
        let reader = blobs.first().and_then(|first| state.readers.remove(&first.name));
        state.doomed.push((reader, blobs));
        let dir = self.dir.join("blobs");
        state.doomed.retain(|(reader, blobs)| {
            let read = reader.as_ref().is_some_and(|reader| reader.strong_count() > 0);
            if !read {
                for blob in blobs {
                    let _ = fs::remove_file(dir.join(&blob.name));
                }
            }
            read
        });
    }

    /// Removes what a crash left: uploads that did become objects, half-written records, files that no record names.
    fn sweep(&self) -> io::Result<()> {
        let mut named = HashSet::new();
        let mut completed = HashSet::new();
        for path in files::list(&self.dir.join("objects"))? {
            if path.extension().is_some_and(|extension| extension == "tmp") {
                fs::remove_file(path)?;
            } else if let Some(object) = files::read::<Object>(&path)? {
                named.extend(object.blobs.into_iter().map(|blob| blob.name));
                completed.extend(object.upload_id);
            }
        }
        for path in files::list(&self.dir.join("uploads"))? {
            let id = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            if completed.contains(&id) || !path.join("upload.json").exists() {
                fs::remove_dir_all(path)?;
                continue;
            }
            for file in files::list(&path)? {
                if file.extension().is_some_and(|extension| extension == "tmp") {
                    fs::remove_file(file)?;
                }
            }
            named.extend(self.parts(&id)?.into_iter().map(|part| part.blob.name));
        }
        for path in files::list(&self.dir.join("blobs"))? {
            if !path.file_name().and_then(|name| name.to_str()).is_some_and(|name| named.contains(name)) {
                fs::remove_file(path)?;
            }
        }
        Ok(())
    }

    fn object_file(&self, key: &str) -> PathBuf {
        let digest = ring::digest::digest(&ring::digest::SHA256, key.as_bytes());
        self.dir.join("objects").join(format!("{}.json", hex::encode(digest.as_ref())))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
