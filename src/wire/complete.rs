//! Complete: turns the parts into an object (/document/product/436/7742).

use std::fmt::Write as _;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use http::{Method, request::Parts};
use md5::{Digest as _, Md5};

use super::{Address, Call, Payload, RawAnswer, answer::Reading, call::sealed::Sealed, draft::Draft};
use crate::{
    checksum::Checksum,
    dialect::Dialect,
    error::Result,
    ident::{ETag, ObjectKey, PartNumber, UploadId, VersionId},
    operation::Operation,
    sse::SseContext,
};

/// What is wrong with an answer that says nothing else wrong: Ceph up to version 16 gives an empty tag.
pub(crate) const NO_TAG: &str = "Complete's answer has no ETag";

/// Turns the parts into an object. Once it has succeeded, the upload is gone.
#[derive(Clone, Debug)]
pub struct Complete {
    /// The object to be.
    pub key: ObjectKey,
    /// The upload.
    pub upload_id: UploadId,
    /// Every part with the tag that its upload answered, in ascending order.
    pub parts: Vec<(PartNumber, ETag)>,
    /// Whether the upload was opened with a checksum that the store is to keep of the whole object.
    pub keeps_checksum: bool,
    /// That checksum, for the store to check.
    pub checksum: Option<Checksum>,
    /// Never replace an object.
    pub forbid_overwrite: bool,
}

/// What Complete answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Completed {
    /// The object's entity tag.
    pub etag: ETag,
    /// The checksum of the whole object; absent if some part has none.
    pub checksum: Option<Checksum>,
    /// The object's version, in a bucket with versions.
    pub version_id: Option<VersionId>,
    /// The bucket that the answer names, if it does.
    pub bucket: Option<String>,
    /// The key that it names; stores write it in several ways.
    pub key: Option<String>,
}

impl Complete {
    /// The list of parts, without any white space: the store takes 1 MB, and ten thousand parts come close.
    ///
    /// The quotes around a tag stay literal: they need no escape in text, and an escape would cost five bytes each.
    fn document(&self) -> String {
        let mut text = String::with_capacity(64 + self.parts.len() * 96);
        text.push_str("<CompleteMultipartUpload>");
        for (number, etag) in &self.parts {
            let etag = quick_xml::escape::minimal_escape(etag.as_str());
            write!(text, "<Part><PartNumber>{number}</PartNumber><ETag>\"{etag}\"</ETag></Part>")
                .expect("writing to a string cannot fail");
        }
        text.push_str("</CompleteMultipartUpload>");
        text
    }
}

impl Sealed for Complete {}

impl Call for Complete {
    type Answer = Completed;

    fn operation(&self) -> Operation {
        Operation::Complete
    }

    fn head(&self, at: &Address, sse: &SseContext) -> Result<Parts> {
        let document = self.document();
        let md5 = STANDARD.encode(Md5::digest(document.as_bytes()));
        Draft::object(Method::POST, self.operation(), at, &self.key)
            .param("uploadId", self.upload_id.as_str())
            .header("content-type", "application/xml")?
            .header("content-md5", &md5)?
            .of_whole(self.keeps_checksum)?
            .checksum(self.checksum)?
            .forbid_overwrite(self.forbid_overwrite)?
            .body(&Payload::Bytes(Bytes::from(document)))
            .finish(sse)
    }

    fn payload(&self) -> Payload {
        Payload::Bytes(Bytes::from(self.document()))
    }

    /// The status was sent before the parts were joined, so only a tag in the body proves that they are.
    fn decode(&self, dialect: Dialect, answer: &RawAnswer) -> Result<Completed> {
        let reading = Reading::new(dialect, self.operation(), answer);
        let completed = || {
            let root = reading.root("CompleteMultipartUploadResult")?;
            let etag = root.token("ETag").and_then(ETag::new);
            Ok(Completed {
                etag: etag.ok_or_else(|| reading.protocol(NO_TAG.to_owned()))?,
                checksum: reading.checksum_in(&root)?,
                version_id: reading.version_id()?,
                bucket: root.text("Bucket").map(ToOwned::to_owned),
                key: root.text("Key").map(ToOwned::to_owned),
            })
        };
        completed().map_err(|error: crate::error::Error| error.doubtful())
    }
}

#[cfg(test)]
mod tests;
