//! Put: a whole object in one call (/document/product/436/7749).

use http::{Method, request::Parts};

use super::{
    Address, Call, ObjectProperties, Payload, RawAnswer, SentChecksum, answer::Reading, call::sealed::Sealed,
    draft::Draft,
};
use crate::{
    checksum::Checksum,
    dialect::Dialect,
    error::{Error, Result},
    ident::{ETag, ObjectKey, VersionId},
    operation::Operation,
    sse::SseContext,
};

/// Sends a whole object.
#[derive(Clone, Debug)]
pub struct Put {
    /// The object.
    pub key: ObjectKey,
    /// What it is given besides its bytes.
    pub properties: ObjectProperties,
    /// Its bytes.
    pub payload: Payload,
    /// The MD5 of its bytes in base64, for the store to check.
    pub content_md5: Option<String>,
    /// The checksum of its bytes, for the store to check and to keep.
    pub checksum: Option<SentChecksum>,
    /// Never replace an object.
    pub forbid_overwrite: bool,
    /// The bandwidth of this request in bits per second.
    pub traffic_limit: Option<u64>,
}

/// What Put answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectReceipt {
    /// The object's entity tag.
    pub etag: ETag,
    /// The checksum of the plain bytes as the store received them.
    pub checksum: Option<Checksum>,
    /// The object's version, in a bucket with versions.
    pub version_id: Option<VersionId>,
}

impl Sealed for Put {}

impl Call for Put {
    type Answer = ObjectReceipt;

    fn operation(&self) -> Operation {
        Operation::Put
    }

    /// A second conditional Put would be refused because of the object that the first one made.
    fn replayable(&self) -> bool {
        !self.forbid_overwrite
    }

    fn head(&self, at: &Address, sse: &SseContext) -> Result<Parts> {
        Draft::object(Method::PUT, self.operation(), at, &self.key)
            .headers(self.properties.to_headers(at.dialect())?)
            .maybe_header("content-md5", self.content_md5.as_deref())?
            .checksum(SentChecksum::before(self.checksum))?
            .forbid_overwrite(self.forbid_overwrite)?
            .traffic_limit(self.traffic_limit)?
            .body(&self.payload)
            .finish(sse)
    }

    fn payload(&self) -> Payload {
        self.payload.clone()
    }

    fn trailer(&self, dialect: Dialect) -> Option<&'static str> {
        SentChecksum::behind(self.checksum, dialect)
    }

    /// An unreadable answer of status 2xx leaves it open whether the object is there.
    fn decode(&self, dialect: Dialect, answer: &RawAnswer) -> Result<ObjectReceipt> {
        let reading = Reading::new(dialect, self.operation(), answer);
        let receipt = || {
            reading.no_body()?;
            Ok(ObjectReceipt {
                etag: reading.etag()?,
                checksum: reading.checksum()?,
                version_id: reading.version_id()?,
            })
        };
        receipt().map_err(Error::doubtful)
    }
}
