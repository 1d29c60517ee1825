//! Names of things in a store, checked once at the edge and trusted from then on.

use std::{fmt, num::NonZeroU16, str::FromStr};

use crate::{
    dialect::Dialect,
    error::{Error, ErrorKind, Result},
};

/// The longest opaque name or tag that is taken from a store, in bytes; those in use have a hundred or two.
///
/// What a store names is repeated in addresses, records and messages.
const LONGEST: usize = 1024;

/// The number of a part: 1 to 10,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PartNumber(NonZeroU16);

impl PartNumber {
    /// The largest part number that a store takes.
    pub const MAX: u16 = 10_000;
    /// The first part.
    pub const FIRST: Self = Self(NonZeroU16::MIN);

    /// The number, if it is between 1 and 10,000.
    pub fn new(number: u16) -> Option<Self> {
        NonZeroU16::new(number).filter(|number| number.get() <= Self::MAX).map(Self)
    }

    /// The part at a zero-based position.
    pub fn at_index(index: usize) -> Option<Self> {
        u16::try_from(index).ok()?.checked_add(1).and_then(Self::new)
    }

    /// The number as the store counts.
    pub const fn get(self) -> u16 {
        self.0.get()
    }

    /// The zero-based position.
    pub const fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

impl fmt::Display for PartNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The store's opaque name of a multipart upload; never empty.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UploadId(String);

impl UploadId {
    /// Takes the id as the store gave it; `None` if it is empty or longer than any.
    pub fn new(id: impl Into<String>) -> Option<Self> {
        let id = id.into();
        (!id.is_empty() && id.len() <= LONGEST).then_some(Self(id))
    }

    /// The id as the store gave it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UploadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An entity tag: an opaque version mark, never a digest.
///
/// It is kept without its surrounding quotes, because stores differ in sending them.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ETag(String);

impl ETag {
    /// Takes the tag with or without quotes; `None` if nothing is left, or more than any store gives.
    pub fn new(tag: &str) -> Option<Self> {
        let tag = tag.trim().trim_matches('"');
        (!tag.is_empty() && tag.len() <= LONGEST).then(|| Self(tag.to_owned()))
    }

    /// The tag without quotes.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ETag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The store's opaque name of one version of an object.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct VersionId(String);

impl VersionId {
    /// Takes the id as the store gave it; `None` if it is empty or longer than any.
    pub fn new(id: impl Into<String>) -> Option<Self> {
        let id = id.into();
        (!id.is_empty() && id.len() <= LONGEST).then_some(Self(id))
    }

    /// The id as the store gave it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for VersionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A bucket's full name; on COS `name-appid`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Bucket(String);

impl Bucket {
    /// Checks a name by the rules of the dialect.
    ///
    /// # Errors
    /// `Config` if no bucket can have this name.
    pub fn new(dialect: Dialect, name: &str) -> Result<Self> {
        dialect.check_bucket(name).map_err(|reason| {
            Error::new(ErrorKind::Config, format!("{name:?} is not a bucket name: {reason}"))
                .with_hint(format!("write {}", dialect.address_form()))
        })?;
        Ok(Self(name.to_owned()))
    }

    /// The full name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Bucket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A region's name, such as `ap-guangzhou`. The list of regions is open, so only the form is checked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Region(String);

impl Region {
    /// Checks the form: lower-case letters, digits and `-`, which keeps a region from naming another host.
    ///
    /// # Errors
    /// `Config` if no region can have this name.
    pub fn new(name: &str) -> Result<Self> {
        let sound = !name.is_empty()
            && name.len() <= 63
            && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
        if !sound {
            return Err(Error::new(ErrorKind::Config, format!("{name:?} is not a region name"))
                .with_hint("a region has lower-case letters, digits and '-', such as ap-guangzhou"));
        }
        Ok(Self(name.to_owned()))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The key of an object: literal text, never percent-encoded here.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ObjectKey(String);

impl ObjectKey {
    /// Checks a key by the rules of the dialect, and refuses what cannot be sent exactly.
    ///
    /// A key with a `.` or `..` segment is refused: URL libraries and proxies rewrite it on the way, so that
    /// another object would be written or the signature would not fit.
    ///
    /// # Errors
    /// `Config` with the reason.
    pub fn new(dialect: Dialect, key: &str) -> Result<Self> {
        let reason = if key.split('/').any(|segment| segment == "." || segment == "..") {
            Err("a segment that is '.' or '..' would be rewritten on its way to the store".to_owned())
        } else {
            dialect.check_key(key)
        };
        reason.map_err(|reason| {
            Error::new(ErrorKind::Config, format!("the key {key:?} cannot be used: {reason}"))
                .with_hint("choose another object key")
        })?;
        Ok(Self(key.to_owned()))
    }

    /// The literal text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ObjectKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// An address such as `cos://bucket-appid/some/key`: the key is the literal text after the bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObjectUrl {
    /// The kind of store, from the scheme.
    pub dialect: Dialect,
    /// The bucket.
    pub bucket: Bucket,
    /// The text after `bucket/`: a key, the start of keys if it ends in `/`, or empty for the whole bucket.
    pub path: String,
}

impl ObjectUrl {
    /// The address of a key or of the start of keys in the same bucket.
    pub(crate) fn with_path(&self, path: impl Into<String>) -> Self {
        Self { path: path.into(), ..self.clone() }
    }

    /// The key, with `file_name` appended where the address ends in `/` or names only the bucket.
    ///
    /// # Errors
    /// `Config` if the result is not a key that can be sent exactly.
    pub fn key_for(&self, file_name: &str) -> Result<ObjectKey> {
        if self.path.is_empty() || self.path.ends_with('/') {
            ObjectKey::new(self.dialect, &format!("{}{file_name}", self.path))
        } else {
            self.key()
        }
    }

    /// The key of one object.
    ///
    /// # Errors
    /// `Config` if the address names none, or one that cannot be sent exactly.
    pub fn key(&self) -> Result<ObjectKey> {
        if self.path.is_empty() {
            return Err(Error::new(ErrorKind::Config, format!("{self} names a bucket, but no object in it"))
                .with_hint(format!("give the key as well: {}", self.with_path("KEY"))));
        }
        ObjectKey::new(self.dialect, &self.path)
    }
}

impl FromStr for ObjectUrl {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let malformed = |reason: &str| {
            Error::new(ErrorKind::Config, format!("{text:?} is not an object address: {reason}"))
                .with_hint("write cos://BUCKET-APPID/KEY or s3://BUCKET/KEY")
        };
        let (scheme, rest) = text.split_once("://").ok_or_else(|| malformed("it has no scheme"))?;
        if rest.split('/').next().is_some_and(|host| host.contains('@')) {
            // It is not repeated, for what stands before the sign may be a secret.
            return Err(Error::new(ErrorKind::Config, "an object address has no user and no password").with_hint(
                "write cos://BUCKET-APPID/KEY or s3://BUCKET/KEY; credentials come from the environment or a file",
            ));
        }
        let dialect = scheme.parse::<Dialect>().map_err(|unknown| malformed(&unknown.to_string()))?;
        let (bucket, path) = rest.split_once('/').unwrap_or((rest, ""));
        Ok(Self { dialect, bucket: Bucket::new(dialect, bucket)?, path: path.to_owned() })
    }
}

impl fmt::Display for ObjectUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_address(f, self.dialect.scheme(), self.bucket.as_str(), &self.path)
    }
}

/// Writes an address in the one form that every text has.
pub(crate) fn write_address(f: &mut fmt::Formatter<'_>, scheme: &str, bucket: &str, path: &str) -> fmt::Result {
    write!(f, "{scheme}://{bucket}/{path}")
}

#[cfg(test)]
mod tests;
