//! Abort: gives up an upload and its parts (/document/product/436/7740).

use http::{Method, request::Parts};

use super::{Address, Call, RawAnswer, answer::Reading, call::sealed::Sealed, draft::Draft};
use crate::{
    dialect::Dialect,
    error::Result,
    ident::{ObjectKey, UploadId},
    operation::Operation,
    sse::SseContext,
};

/// Gives up an upload. A part that is still on its way may make a second one necessary.
#[derive(Clone, Debug)]
pub struct Abort {
    /// The object that will not be.
    pub key: ObjectKey,
    /// The upload.
    pub upload_id: UploadId,
}

impl Sealed for Abort {}

impl Call for Abort {
    type Answer = ();

    fn operation(&self) -> Operation {
        Operation::Abort
    }

    fn head(&self, at: &Address, sse: &SseContext) -> Result<Parts> {
        Draft::object(Method::DELETE, self.operation(), at, &self.key)
            .param("uploadId", self.upload_id.as_str())
            .finish(sse)
    }

    fn decode(&self, dialect: Dialect, answer: &RawAnswer) -> Result<()> {
        Reading::new(dialect, self.operation(), answer).no_body()
    }
}
