//! ListParts: what the store holds of an upload (/document/product/436/7747).

use http::{Method, request::Parts};

use super::{Address, Call, RawAnswer, answer::Reading, call::sealed::Sealed, draft::Draft, xml::Element};
use crate::{
    dialect::Dialect,
    error::Result,
    ident::{ETag, ObjectKey, PartNumber, UploadId},
    operation::Operation,
    sse::SseContext,
};

/// Asks for one page of an upload's parts.
///
/// The listing has neither checksums nor anything about the encryption. `encoding-type` is left out on purpose: the
/// key is known, and stores and SDKs disagree on `+`.
#[derive(Clone, Debug)]
pub struct ListParts {
    /// The object to be.
    pub key: ObjectKey,
    /// The upload.
    pub upload_id: UploadId,
    /// Only parts behind this one.
    pub after: Option<PartNumber>,
}

/// One page of an upload's parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartPage {
    /// The parts by ascending number. SeaweedFS (4.48) lists a part that was sent again once for each time, in any
    /// order, and takes the one whose ETag Complete names.
    pub parts: Vec<ListedPart>,
    /// Where the next page begins, if there is one.
    pub next: Option<PartNumber>,
}

/// A part as the store lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedPart {
    /// Its number.
    pub number: PartNumber,
    /// Its entity tag.
    pub etag: ETag,
    /// Its size in bytes.
    pub size: u64,
}

impl Sealed for ListParts {}

impl Call for ListParts {
    type Answer = PartPage;

    fn operation(&self) -> Operation {
        Operation::ListParts
    }

    fn head(&self, at: &Address, sse: &SseContext) -> Result<Parts> {
        let after = self.after.map(|part| part.to_string());
        Draft::object(Method::GET, self.operation(), at, &self.key)
            .param("uploadId", self.upload_id.as_str())
            .maybe_param("part-number-marker", after.as_deref())
            .finish(sse)
    }

    fn decode(&self, dialect: Dialect, answer: &RawAnswer) -> Result<PartPage> {
        let reading = Reading::new(dialect, self.operation(), answer);
        let root = reading.root("ListPartsResult")?;
        let mut parts = Vec::new();
        for element in root.all("Part") {
            let part = listed(element)
                .ok_or_else(|| reading.protocol("a part in ListParts' answer is malformed".to_owned()))?;
            parts.push(part);
        }
        // The manual speaks of the order of UTF-8 texts, in which 10 stands before 2.
        parts.sort_by_key(|part| part.number);
        parts.dedup();
        parts.retain(|part| Some(part.number) > self.after);
        let next = if reading.is_truncated(&root)? {
            let marker = root.text("NextPartNumberMarker").and_then(number);
            let marker =
                marker.or_else(|| parts.last().map(|part| part.number)).filter(|next| Some(*next) > self.after);
            Some(marker.ok_or_else(|| reading.protocol("the pages of ListParts do not advance".to_owned()))?)
        } else {
            None
        };
        Ok(PartPage { parts, next })
    }
}

fn listed(part: &Element) -> Option<ListedPart> {
    Some(ListedPart {
        number: part.text("PartNumber").and_then(number)?,
        etag: part.token("ETag").and_then(ETag::new)?,
        size: part.text("Size")?.parse().ok()?,
    })
}

fn number(text: &str) -> Option<PartNumber> {
    text.parse().ok().and_then(PartNumber::new)
}

#[cfg(test)]
mod tests;
