//! Delete: removes an object, or one version of it (/document/product/436/7743).

use http::{Method, request::Parts};

use super::{Address, Call, RawAnswer, answer::Reading, call::sealed::Sealed, draft::Draft};
use crate::{
    dialect::Dialect,
    error::Result,
    ident::{ETag, ObjectKey, VersionId},
    operation::Operation,
    sse::SseContext,
};

/// Removes an object; without a version, a bucket with versions only hides it.
#[derive(Clone, Debug)]
pub struct Delete {
    /// The object.
    pub key: ObjectKey,
    /// Only this version.
    pub version_id: Option<VersionId>,
    /// Only if the object's tag is this. Stores that do not know the condition delete it all the same.
    pub if_match: Option<ETag>,
}

impl Sealed for Delete {}

impl Call for Delete {
    type Answer = ();

    fn operation(&self) -> Operation {
        Operation::Delete
    }

    fn head(&self, at: &Address, sse: &SseContext) -> Result<Parts> {
        let if_match = self.if_match.as_ref().map(|etag| format!("\"{etag}\""));
        Draft::object(Method::DELETE, self.operation(), at, &self.key)
            .maybe_param("versionId", self.version_id.as_ref().map(VersionId::as_str))
            .maybe_header("if-match", if_match.as_deref())?
            .finish(sse)
    }

    fn decode(&self, dialect: Dialect, answer: &RawAnswer) -> Result<()> {
        Reading::new(dialect, self.operation(), answer).no_body()
    }
}
