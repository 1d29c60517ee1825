//! The files that hold bytes: written once in large steps, read in ranges.

use std::{
    fs::{self, File},
    io::{self, Write as _},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    sync::Arc,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use crc_fast::{CrcAlgorithm, Digest};
use md5::{Digest as _, Md5};

use super::{
    files,
    records::{Blob, Object},
    unique::Unique,
};
use crate::{
    emulator::{
        checksum::{Algorithm, Checksum, Hasher, Kind},
        crypt::{CHUNK, FileCipher, TAG},
    },
    secret::Secret,
};

/// How many bytes are worked on at once; a multiple of the chunk size.
pub(in crate::emulator) const BATCH: usize = 4 * CHUNK;

/// A new file that is removed again unless it is [kept](Writer::finish).
#[derive(Debug)]
pub(in crate::emulator) struct Writer {
    file: File,
    unkept: Unkept,
    name: Unique,
    salt: Unique,
    cipher: Option<FileCipher>,
    tags: Vec<u8>,
    size: u64,
    crc: Digest,
    md5: Option<Md5>,
    checksums: Vec<(Algorithm, Hasher)>,
    durable: bool,
}

/// What is to be computed of bytes, besides the CRC-64 that COS tells.
#[derive(Clone, Debug, Default)]
pub(in crate::emulator) struct Wanted {
    pub(in crate::emulator) md5: bool,
    pub(in crate::emulator) checksums: Vec<Algorithm>,
}

/// What was written.
#[derive(Debug)]
pub(in crate::emulator) struct Written {
    pub(in crate::emulator) blob: Blob,
    pub(in crate::emulator) crc64: u64,
    pub(in crate::emulator) md5: Option<[u8; 16]>,
    /// In the order in which they were wanted.
    pub(in crate::emulator) checksums: Vec<Checksum>,
    /// Removes the file when dropped, until it is disarmed.
    pub(in crate::emulator) unkept: Unkept,
}

/// Removes a file when dropped, unless told that the file is kept.
#[derive(Debug)]
pub(in crate::emulator) struct Unkept(Option<PathBuf>);

impl Unkept {
    pub(in crate::emulator) fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Unkept {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // A leftover is swept at the next start.
            let _ = fs::remove_file(path);
        }
    }
}

impl Writer {
    pub(super) fn create(dir: &Path, data_key: Option<&Secret>, wanted: &Wanted, durable: bool) -> io::Result<Self> {
        let (name, salt) = (Unique::new()?, Unique::new()?);
        let path = dir.join(name.to_string());
        let file = File::options().create_new(true).write(true).open(&path)?;
        Ok(Self {
            file,
            unkept: Unkept(Some(path)),
            name,
            salt,
            cipher: data_key.map(|key| FileCipher::new(key, salt.as_bytes())),
            tags: Vec::new(),
            size: 0,
            crc: Digest::new(CrcAlgorithm::Crc64Xz),
            md5: wanted.md5.then(Md5::new),
            checksums: wanted.checksums.iter().map(|&algorithm| (algorithm, Hasher::new(algorithm))).collect(),
            durable,
        })
    }

    /// Appends bytes, which are encrypted in place. Every call but the last brings whole chunks.
    pub(in crate::emulator) fn write(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        self.crc.update(bytes);
        if let Some(md5) = &mut self.md5 {
            md5.update(&*bytes);
        }
        for (_, hasher) in &mut self.checksums {
            hasher.update(bytes);
        }
        if let Some(cipher) = &self.cipher {
            let first = self.size / CHUNK as u64;
            for (index, chunk) in (first..).zip(bytes.chunks_mut(CHUNK)) {
                self.tags.extend_from_slice(cipher.seal(index, chunk)?.as_ref());
            }
        }
        self.size += bytes.len() as u64;
        self.file.write_all(bytes)
    }

    /// Makes sure that everything is on disk.
    pub(in crate::emulator) fn finish(mut self) -> io::Result<Written> {
        self.file.write_all(&self.tags)?;
        if self.durable {
            self.file.sync_data()?;
            if let Some(path) = &self.unkept.0 {
                files::sync_parent(path, true)?;
            }
        }
        Ok(Written {
            blob: Blob { name: self.name, size: self.size, salt: self.salt },
            crc64: self.crc.finalize(),
            md5: self.md5.map(|md5| md5.finalize().into()),
            checksums: self.checksums.into_iter().map(|(algorithm, hasher)| told(algorithm, hasher)).collect(),
            unkept: self.unkept,
        })
    }
}

fn told(algorithm: Algorithm, hasher: Hasher) -> Checksum {
    Checksum { algorithm, kind: Kind::FullObject, value: STANDARD.encode(hasher.finish()) }
}

/// Reads a range of an object, batch by batch; only the chunks that the range touches are read.
#[derive(Debug)]
pub(in crate::emulator) struct Reader {
    dir: PathBuf,
    object: Arc<Object>,
    data_key: Option<Secret>,
    /// Index of the blob to read from, and where it begins within the object.
    at: (usize, u64),
    open: Option<(File, Option<FileCipher>)>,
    position: u64,
    end: u64,
    /// Keeps the files from being removed while they are read.
    _lease: Arc<()>,
}

impl Reader {
    pub(super) fn new(
        dir: PathBuf,
        object: Arc<Object>,
        data_key: Option<Secret>,
        (start, end): (u64, u64),
        lease: Arc<()>,
    ) -> Self {
        Self { dir, object, data_key, at: (0, 0), open: None, position: start, end, _lease: lease }
    }

    /// The next bytes of the range; `None` at its end.
    pub(in crate::emulator) fn next_batch(&mut self) -> io::Result<Option<Bytes>> {
        if self.position >= self.end {
            return Ok(None);
        }
        let cut_short = || io::Error::new(io::ErrorKind::UnexpectedEof, "the object's files end too early");
        loop {
            let size = self.object.blobs.get(self.at.0).ok_or_else(cut_short)?.size;
            if self.position < self.at.1 + size {
                break;
            }
            self.at = (self.at.0 + 1, self.at.1 + size);
            self.open = None;
        }
        let blob = &self.object.blobs[self.at.0];
        let (file, cipher) = match self.open.take() {
            Some(open) => open,
            None => open_blob(&self.dir, blob, self.data_key.as_ref())?,
        };
        let from = self.position - self.at.1;
        let until = (self.end - self.at.1).min(blob.size);
        let first_chunk = from / CHUNK as u64;
        let start = first_chunk * CHUNK as u64;
        let stop = (start + BATCH as u64).min(until.next_multiple_of(CHUNK as u64)).min(blob.size);
        // Without encryption nothing but the range itself is read.
        let (start, stop) = if cipher.is_some() { (start, stop) } else { (from, (from + BATCH as u64).min(until)) };
        let mut buffer = vec![0; usize::try_from(stop - start).map_err(io::Error::other)?];
        file.read_exact_at(&mut buffer, start)?;
        if let Some(cipher) = &cipher {
            let mut tags = vec![0; buffer.len().div_ceil(CHUNK) * TAG];
            file.read_exact_at(&mut tags, blob.size + first_chunk * TAG as u64)?;
            for ((index, chunk), tag) in (first_chunk..).zip(buffer.chunks_mut(CHUNK)).zip(tags.as_chunks().0) {
                cipher.open(index, chunk, *tag)?;
            }
        }
        let until = until.min(stop);
        self.position = self.at.1 + until;
        self.open = Some((file, cipher));
        let skip = usize::try_from(from - start).map_err(io::Error::other)?;
        let len = usize::try_from(until - from).map_err(io::Error::other)?;
        Ok(Some(Bytes::from(buffer).slice(skip..skip + len)))
    }
}

fn open_blob(dir: &Path, blob: &Blob, data_key: Option<&Secret>) -> io::Result<(File, Option<FileCipher>)> {
    let file = File::open(dir.join(blob.name.to_string()))?;
    Ok((file, data_key.map(|key| FileCipher::new(key, blob.salt.as_bytes()))))
}
