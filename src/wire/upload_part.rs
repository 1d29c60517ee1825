//! UploadPart: sends one part (/document/product/436/7750).

use http::{Method, request::Parts};

use super::{Address, Call, Payload, RawAnswer, SentChecksum, answer::Reading, call::sealed::Sealed, draft::Draft};
use crate::{
    checksum::Checksum,
    dialect::Dialect,
    error::Result,
    ident::{ETag, ObjectKey, PartNumber, UploadId},
    operation::Operation,
    sse::SseContext,
};

/// Sends one part; a second one of the same number replaces the first.
#[derive(Clone, Debug)]
pub struct UploadPart {
    /// The object to be.
    pub key: ObjectKey,
    /// The upload that the part belongs to.
    pub upload_id: UploadId,
    /// Its number.
    pub part: PartNumber,
    /// Its bytes.
    pub payload: Payload,
    /// The MD5 of its bytes in base64, for the store to check.
    pub content_md5: Option<String>,
    /// The checksum of its bytes, for the store to check and to keep.
    pub checksum: Option<SentChecksum>,
    /// The bandwidth of this request in bits per second.
    pub traffic_limit: Option<u64>,
}

/// What UploadPart answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartReceipt {
    /// The part's entity tag, which Complete must repeat.
    pub etag: ETag,
    /// The checksum of the plain bytes as the store received them.
    pub checksum: Option<Checksum>,
}

impl Sealed for UploadPart {}

impl Call for UploadPart {
    type Answer = PartReceipt;

    fn operation(&self) -> Operation {
        Operation::UploadPart
    }

    fn part(&self) -> Option<PartNumber> {
        Some(self.part)
    }

    fn head(&self, at: &Address, sse: &SseContext) -> Result<Parts> {
        Draft::object(Method::PUT, self.operation(), at, &self.key)
            .param("partNumber", &self.part.to_string())
            .param("uploadId", self.upload_id.as_str())
            .maybe_header("content-md5", self.content_md5.as_deref())?
            .checksum(SentChecksum::before(self.checksum))?
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

    fn decode(&self, dialect: Dialect, answer: &RawAnswer) -> Result<PartReceipt> {
        let reading = Reading::new(dialect, self.operation(), answer);
        reading.no_body()?;
        Ok(PartReceipt { etag: reading.etag()?, checksum: reading.checksum()? })
    }
}

/// A part whose digest does not fit its bytes, to see whether the store refuses it.
#[derive(Debug)]
pub(crate) struct MisfitPart(pub(crate) UploadPart);

impl Sealed for MisfitPart {}

impl Call for MisfitPart {
    type Answer = PartReceipt;

    fn operation(&self) -> Operation {
        self.0.operation()
    }

    fn part(&self) -> Option<PartNumber> {
        self.0.part()
    }

    fn misfits(&self) -> bool {
        true
    }

    fn head(&self, at: &Address, sse: &SseContext) -> Result<Parts> {
        self.0.head(at, sse)
    }

    fn payload(&self) -> Payload {
        self.0.payload()
    }

    fn trailer(&self, dialect: Dialect) -> Option<&'static str> {
        self.0.trailer(dialect)
    }

    fn decode(&self, dialect: Dialect, answer: &RawAnswer) -> Result<PartReceipt> {
        self.0.decode(dialect, answer)
    }
}
