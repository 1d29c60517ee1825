//! What the head of an object's answer says: of HEAD, and of GET before its bytes.

use http::{
    HeaderMap,
    header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, LAST_MODIFIED},
};

use super::{answer::Reading, properties::NONCE};
use crate::{
    checksum::Checksum,
    dialect::Dialect,
    error::Result,
    ident::{ETag, VersionId},
};

/// An object as its store describes it.
#[derive(Clone, Debug)]
pub struct ObjectInfo {
    /// The whole object's size in bytes, even if only a range of it was asked for.
    pub size: u64,
    /// Its entity tag.
    pub etag: Option<ETag>,
    /// The checksum of its plain bytes, all of them; objects made long ago have none.
    pub checksum: Option<Checksum>,
    /// What the store calls the checksum of its parts' checksums, of an object that has one part.
    ///
    /// S3's is the checksum of that part's checksum ("Checking object integrity": composite checksums); Ceph's gateway
    /// tells the part's own (measured of 20.2, which calls it composite all the same).
    pub of_one_part: Option<Checksum>,
    /// Its version, in a bucket with versions.
    pub version_id: Option<VersionId>,
    /// Content-Type.
    pub content_type: Option<String>,
    /// The storage class; absent for the standard one.
    pub storage_class: Option<String>,
    /// The time of its last change, as the store writes it.
    pub last_modified: Option<String>,
    /// User metadata: name without the store's prefix, and value.
    pub meta: Vec<(String, String)>,
    /// All headers of the answer.
    pub headers: HeaderMap,
}

impl ObjectInfo {
    /// Our own mark, if the object has one.
    pub fn nonce(&self) -> Option<&str> {
        self.meta.iter().find(|(suffix, _)| suffix == NONCE).map(|(_, value)| value.as_str())
    }

    pub(super) fn read(dialect: Dialect, reading: Reading<'_>, headers: &HeaderMap, size: u64) -> Result<Self> {
        let names = dialect.names();
        let meta = headers
            .iter()
            .filter_map(|(name, value)| {
                let suffix = name.as_str().strip_prefix(names.meta)?;
                Some((suffix.to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
            })
            .collect();
        Ok(Self {
            size,
            etag: Some(reading.etag()?),
            checksum: reading.checksum()?,
            of_one_part: reading.checksum_of_one_part()?,
            version_id: reading.version_id()?,
            content_type: reading.plain(&CONTENT_TYPE),
            storage_class: reading.plain(&HeaderName::from_static(names.storage_class)),
            last_modified: reading.plain(&LAST_MODIFIED),
            meta,
            headers: headers.clone(),
        })
    }
}

/// The Content-Length header.
///
/// # Errors
/// `Protocol` if there is none, or it is not a number.
pub(super) fn content_length(reading: Reading<'_>) -> Result<u64> {
    reading
        .header(&CONTENT_LENGTH)?
        .and_then(|text| text.parse().ok())
        .ok_or_else(|| reading.protocol("the answer does not say the object's size".to_owned()))
}
