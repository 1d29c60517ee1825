//! Head: what the store says of an object (/document/product/436/7745).

use http::{Method, request::Parts};

use super::{
    Address, Call, ObjectInfo, RawAnswer, answer::Reading, call::sealed::Sealed, draft::Draft,
    object_info::content_length,
};
use crate::{
    dialect::Dialect,
    error::Result,
    ident::{ObjectKey, VersionId},
    operation::Operation,
    sse::SseContext,
};

/// Asks for size, checksum and encryption of an object. Its refusals have no body.
#[derive(Clone, Debug)]
pub struct Head {
    /// The object.
    pub key: ObjectKey,
    /// This version of it; the latest unless given.
    pub version_id: Option<VersionId>,
}

impl Sealed for Head {}

impl Call for Head {
    type Answer = ObjectInfo;

    fn operation(&self) -> Operation {
        Operation::Head
    }

    fn head(&self, at: &Address, sse: &SseContext) -> Result<Parts> {
        Draft::object(Method::HEAD, self.operation(), at, &self.key)
            .maybe_param("versionId", self.version_id.as_ref().map(VersionId::as_str))
            .show_checksum()?
            .finish(sse)
    }

    fn decode(&self, dialect: Dialect, answer: &RawAnswer) -> Result<ObjectInfo> {
        let reading = Reading::new(dialect, self.operation(), answer);
        ObjectInfo::read(dialect, reading, &answer.headers, content_length(reading)?)
    }
}
