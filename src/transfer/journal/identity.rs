//! What makes an upload this one and no other, and whether a new request may go on with it. Pure but for the salt.
//!
//! The host is a part of it only where another store may have a bucket of the same name. Where it may not, a backup domain
//! or another address of the same store goes on with the same upload.

use std::{
    collections::BTreeMap,
    fmt,
    path::{Path, PathBuf},
};

use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

use super::{encryption::Encryption, form};
use crate::{
    dialect::Dialect,
    error::{Error, ErrorKind, Result},
    ident::{ObjectKey, PartNumber, write_address},
    sse::SseContext,
    transfer::source,
    wire::{Address, ObjectProperties, without},
};

/// All that an upload was asked to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Identity {
    /// Where the object is to be.
    pub target: Target,
    /// Where its bytes come from.
    pub source: SourceState,
    /// How it is to be encrypted.
    pub sse: Encryption,
    /// A digest for each kind of property that the object is given, so that a difference can be named.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, String>,
    /// Bytes of each part but the last.
    pub part_size: u64,
    /// The algorithm of the parts' checksums, where the store leaves the choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checksum: Option<String>,
    /// Whether the store was asked to keep a checksum by it of the whole object.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keeps_checksum: bool,
    /// The mark in the object's metadata by which it is known to be this upload's.
    pub nonce: String,
    /// Seconds since 1970: any upload that a lost Initiate has made is not older.
    pub started_at: u64,
    /// Scheme, host and port of the store, for a reader only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
}

/// The address of an object, with the host only where the bucket's name needs it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Target {
    /// The kind of store, as the scheme of an address.
    pub store: String,
    /// The bucket.
    pub bucket: String,
    /// The key.
    pub key: String,
    /// Where another store may have a bucket of the same name: the `host[:port]` of this one, without the bucket, or the
    /// group of stores that share their names, such as `aws`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub realm: Option<String>,
}

impl Target {
    /// The address of an object in a bucket.
    pub fn new(bucket: &Address, key: &ObjectKey) -> Self {
        Self {
            store: bucket.dialect().scheme().to_owned(),
            bucket: bucket.bucket().as_str().to_owned(),
            key: key.as_str().to_owned(),
            realm: bucket.dialect().realm(bucket.store()).map(str::to_owned),
        }
    }

    /// What is hashed for the names of files: the same as ever where the host means nothing.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        [self.store.as_str(), &self.bucket, &self.key].into_iter().chain(self.realm.as_deref())
    }
}

/// As users write it.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_address(f, &self.store, &self.bucket, &self.key)
    }
}

#[cfg(feature = "cli")]
impl Target {
    /// 32 hexadecimal digits that stand for it in the names of files.
    pub(crate) fn digest(&self) -> String {
        hash(self.texts(), 16)
    }
}

/// A file, and the state that it was in; or a stream. Times are nanoseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SourceState {
    /// The absolute path; links in it are not followed. `-` stands for a stream, of which nothing else is known, and
    /// whose upload is never gone on with.
    #[serde(with = "form::path")]
    pub path: PathBuf,
    /// Bytes.
    pub size: u64,
    /// The last change of its bytes, as the system tells it.
    pub mtime: i128,
    /// The last change of its bytes or properties.
    pub ctime: i128,
    /// The device, for a reader only: its number may be another after the next start of the machine.
    pub dev: u64,
    /// The inode; 0 for a file that may be a copy of the one that the upload was begun with, of which only the size is
    /// known.
    pub ino: u64,
}

impl SourceState {
    /// The state of an open file.
    pub(crate) fn new(path: &Path, state: source::Identity) -> Result<Self> {
        Ok(Self {
            path: absolute(path)?,
            size: state.size,
            mtime: state.modified,
            ctime: state.changed,
            dev: state.device,
            ino: state.inode,
        })
    }

    /// A stream.
    pub(crate) fn stream() -> Self {
        Self { path: STREAM.into(), size: 0, mtime: 0, ctime: 0, dev: 0, ino: 0 }
    }

    /// Takes a file at another path for a copy, whose bytes are to be compared each time: it never was what it is now.
    pub(super) fn is_to_be_at(&mut self, path: &Path) {
        let kept = self.is_stream() || path == Path::new(STREAM) || path == self.path;
        if !kept {
            *self = Self { path: path.to_owned(), size: self.size, mtime: 0, ctime: 0, dev: 0, ino: 0 };
        }
    }

    /// Whether it may be a copy, which no file is that was opened to be uploaded.
    pub(crate) fn is_copy(&self) -> bool {
        !self.is_stream() && self.ino == 0
    }

    /// Whether it is a stream: the path of a file is absolute.
    pub fn is_stream(&self) -> bool {
        self.path == Path::new(STREAM)
    }
}

/// What stands for the path of a stream.
pub(crate) const STREAM: &str = "-";

/// The path of a file as a journal knows it.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|cause| {
        Error::new(ErrorKind::Source, format!("cannot tell the absolute path of {}", path.display())).caused_by(cause)
    })
}

/// What a new request asks, to be compared with a journal or to begin one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asked<'a> {
    pub(crate) target: &'a Target,
    pub(crate) source: &'a SourceState,
    pub(crate) sse: &'a SseContext,
    /// The user's own, without the mark of an upload.
    pub(crate) properties: &'a ObjectProperties,
    /// If the user has a wish.
    pub(crate) part_size: Option<u64>,
    /// The algorithm and whether the store is to keep it, if the user has chosen.
    pub(crate) checksum: Option<(&'a str, bool)>,
}

/// Whether an earlier upload can be gone on with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Comparison {
    /// It is the same. Its part size is the one to use.
    Match,
    /// It is the same if the bytes of the finished parts still are what was sent: they must be read and compared.
    Doubt {
        /// What leaves the doubt.
        what: &'static str,
    },
    /// It was another state of the file: the old upload is to be removed, and a new one begun.
    SourceChanged {
        /// What has changed.
        what: String,
    },
    /// Nothing may be sent: the user has to decide.
    Refuse {
        /// What differs, as the end of a sentence.
        what: String,
    },
}

impl Comparison {
    /// The error for [`Self::Refuse`]; `None` for the others.
    pub(crate) fn refusal(&self) -> Option<Error> {
        let Self::Refuse { what } = self else { return None };
        Some(
            Error::new(ErrorKind::Config, format!("an unfinished upload of this file to this key differs: {what}"))
                .with_hint("ask as before to go on with it, or start anew with --restart, which removes it"),
        )
    }
}

impl Identity {
    /// Begins an upload, with a fresh salt for the fingerprint of a customer key.
    pub(crate) fn new(
        asked: &Asked<'_>,
        part_size: u64,
        nonce: &str,
        started_at: u64,
        endpoint: Option<&str>,
    ) -> Result<Self> {
        Ok(Self {
            target: asked.target.clone(),
            source: asked.source.clone(),
            sse: Encryption::of(asked.sse)?,
            properties: digests(asked.properties, nonce),
            part_size,
            checksum: None,
            keeps_checksum: false,
            nonce: nonce.to_owned(),
            started_at,
            endpoint: endpoint.and_then(origin).map(str::to_owned),
        })
    }

    /// The same with the realm of its target, which journals of before tell only by the endpoint.
    pub(super) fn placed(mut self) -> Self {
        let Self { target, endpoint: Some(endpoint), .. } = &mut self else { return self };
        if let (None, Ok(dialect)) = (&target.realm, target.store.parse::<Dialect>()) {
            let host = endpoint.split_once("://").map_or(endpoint.as_str(), |(_, host)| host);
            target.realm = dialect.realm(without(&target.bucket, host)).map(str::to_owned);
        }
        self
    }

    /// Whether it is of this object and this source: a journal that is of another one was laid here by somebody.
    pub(crate) fn is_of(&self, target: &Target, source: &Path) -> bool {
        self.target == *target && self.source.path == source
    }

    /// Decides whether what is asked now is the upload that was begun then, of the same object and source.
    ///
    /// What the user has to decide comes first: another key must not lead to a new upload that looks like the old one.
    pub(crate) fn compare(&self, asked: &Asked<'_>) -> Comparison {
        if let Some(what) = self.sse.difference(asked.sse) {
            return Comparison::Refuse { what };
        }
        if let Some(what) = difference(&self.properties, &digests(asked.properties, &self.nonce)) {
            return Comparison::Refuse { what };
        }
        if let Some(wish) = asked.part_size.filter(|wish| *wish != self.part_size) {
            let what = format!("its parts have {} bytes, and {wish} are asked for", self.part_size);
            return Comparison::Refuse { what };
        }
        let checksum = (self.checksum.as_deref().unwrap_or_default(), self.keeps_checksum);
        if asked.checksum.is_some_and(|wish| wish.1 != checksum.1 || (wish.1 && wish.0 != checksum.0)) {
            let what = if checksum.1 {
                format!("it was opened with {}", checksum.0)
            } else {
                "it was opened without a checksum".to_owned()
            };
            return Comparison::Refuse { what };
        }
        self.compare_source(asked.source)
    }

    fn compare_source(&self, now: &SourceState) -> Comparison {
        let then = &self.source;
        if now.size != then.size {
            return Comparison::SourceChanged { what: format!("it had {} bytes and has {}", then.size, now.size) };
        }
        let doubts = [
            (then.is_copy(), "it is at another path than the one that the upload was begun with"),
            (now.mtime != then.mtime, "it was modified, or its time was set"),
            (now.ino != then.ino, "it is another file under the same name"),
            (now.ctime != then.ctime, "its properties were changed, or its time was set back"),
            (self.is_racy(), "it was written just before the upload began"),
        ];
        match doubts.into_iter().find(|(doubt, _)| *doubt) {
            Some((_, what)) => Comparison::Doubt { what },
            None => Comparison::Match,
        }
    }

    /// Whether a write after the start could have left the same times behind.
    ///
    /// A file system with coarse times keeps whole seconds, or every second one. Where times have fractions, a write
    /// after the start shows.
    fn is_racy(&self) -> bool {
        let SourceState { mtime, ctime, .. } = self.source;
        let coarse = mtime % SECOND == 0 && ctime % SECOND == 0;
        let latest = mtime.max(ctime);
        coarse && latest + 2 * SECOND > i128::from(self.started_at) * SECOND
    }

    /// How many bytes a part has by the plan; `None` for a part that the plan has not.
    pub(super) fn part_len(&self, number: PartNumber) -> Option<u64> {
        let offset = self.part_size.checked_mul(number.index() as u64)?;
        let left = self.source.size.checked_sub(offset)?;
        (left > 0).then_some(left.min(self.part_size)).filter(|len| *len > 0)
    }
}

const SECOND: i128 = 1_000_000_000;

/// Scheme, host and port of an address; nothing of one that may hold a password.
fn origin(url: &str) -> Option<&str> {
    if url.contains('@') {
        return None;
    }
    let host = url.find("://").map_or(0, |at| at + 3);
    let end = url[host..].find(['/', '?', '#']).map_or(url.len(), |at| host + at);
    Some(&url[..end])
}

/// A digest for each kind of property that is given. The order of metadata, tags and headers means nothing.
fn digests(properties: &ObjectProperties, salt: &str) -> BTreeMap<String, String> {
    let ObjectProperties { content_type, storage_class, acl, meta, tags, headers, .. } = properties;
    let one = |value: &Option<String>| value.iter().map(|value| (String::new(), value.clone())).collect();
    let any_case = |pairs: &[(String, String)]| {
        pairs.iter().map(|(name, value)| (name.trim().to_ascii_lowercase(), value.clone())).collect()
    };
    let kinds: [(&str, Vec<(String, String)>); 6] = [
        ("content type", one(content_type)),
        ("storage class", one(storage_class)),
        ("access list", one(acl)),
        ("metadata", any_case(meta)),
        ("tags", tags.clone()),
        ("headers", any_case(headers)),
    ];
    let given = kinds.into_iter().filter(|(_, pairs)| !pairs.is_empty());
    given
        .map(|(kind, mut pairs)| {
            pairs.sort_unstable();
            (kind.to_owned(), hash([salt, kind].into_iter().chain(pairs.iter().flat_map(|(k, v)| [k.as_str(), v])), 8))
        })
        .collect()
}

fn difference(then: &BTreeMap<String, String>, now: &BTreeMap<String, String>) -> Option<String> {
    let kinds = then.keys().chain(now.keys());
    let mut differ: Vec<&str> = kinds.filter(|kind| then.get(*kind) != now.get(*kind)).map(String::as_str).collect();
    differ.sort_unstable();
    differ.dedup();
    (!differ.is_empty()).then(|| format!("the object was to have another {}", differ.join(", another ")))
}

/// Hexadecimal of the first bytes of the SHA-256 of texts, each with its length, so that none runs into the next.
pub(super) fn hash<'a>(texts: impl IntoIterator<Item = &'a str>, len: usize) -> String {
    hash_bytes(texts.into_iter().map(str::as_bytes), len)
}

/// See [`hash`].
pub(super) fn hash_bytes<'a>(texts: impl IntoIterator<Item = &'a [u8]>, len: usize) -> String {
    let mut whole = Vec::new();
    for text in texts {
        whole.extend((text.len() as u64).to_be_bytes());
        whole.extend(text);
    }
    hex(&digest(&SHA256, &whole).as_ref()[..len])
}

pub(super) fn hex(bytes: &[u8]) -> String {
    use std::fmt::Write as _;
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a String takes all that is written");
        text
    })
}

#[cfg(test)]
mod tests;
