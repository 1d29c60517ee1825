//! ListUploads: the unfinished uploads of a bucket (/document/product/436/7736).

use http::{Method, request::Parts};

use super::{Address, Call, RawAnswer, answer::Reading, call::sealed::Sealed, draft::Draft, xml::Element};
use crate::{dialect::Dialect, error::Result, ident::UploadId, operation::Operation, sse::SseContext};

/// Asks for one page of a bucket's unfinished uploads.
///
/// The listing has nothing about the encryption.
#[derive(Clone, Debug)]
pub struct ListUploads {
    /// Only uploads whose key begins so; empty for all.
    pub prefix: String,
    /// Only uploads behind this key and upload id.
    pub after: Option<(String, String)>,
}

/// One page of a bucket's unfinished uploads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UploadPage {
    /// The uploads as the store orders them.
    pub uploads: Vec<ListedUpload>,
    /// Key and upload id where the next page begins, if there is one.
    pub next: Option<(String, String)>,
}

/// An unfinished upload as the store lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedUpload {
    /// The key of the object to be: text, which may break the rules for keys that can be sent exactly.
    pub key: String,
    /// The upload.
    pub upload_id: UploadId,
    /// When it was opened, as the store writes it; empty if it does not say.
    pub initiated: String,
    /// The storage class.
    pub storage_class: Option<String>,
}

impl Sealed for ListUploads {}

impl Call for ListUploads {
    type Answer = UploadPage;

    fn operation(&self) -> Operation {
        Operation::ListUploads
    }

    fn head(&self, at: &Address, sse: &SseContext) -> Result<Parts> {
        let (key_marker, upload_id_marker) = self.after.as_ref().map(|(key, id)| (key.as_str(), id.as_str())).unzip();
        Draft::bucket(Method::GET, self.operation(), at)
            .flag("uploads")
            .maybe_param("prefix", Some(self.prefix.as_str()).filter(|prefix| !prefix.is_empty()))
            .maybe_param("key-marker", key_marker)
            .maybe_param("upload-id-marker", upload_id_marker.filter(|id| !id.is_empty()))
            .finish(sse)
    }

    fn decode(&self, dialect: Dialect, answer: &RawAnswer) -> Result<UploadPage> {
        let reading = Reading::new(dialect, self.operation(), answer);
        let root = reading.root("ListMultipartUploadsResult")?;
        let mut uploads = Vec::new();
        for element in root.all("Upload") {
            let upload = listed(element)
                .ok_or_else(|| reading.protocol("an upload in ListUploads' answer is malformed".to_owned()))?;
            uploads.push(upload);
        }
        let next = if reading.is_truncated(&root)? {
            let key = root.raw("NextKeyMarker").unwrap_or_default().to_owned();
            let id = root.text("NextUploadIdMarker").unwrap_or_default().to_owned();
            let next = Some((key, id)).filter(|next| self.advances(next));
            Some(next.ok_or_else(|| reading.protocol("the pages of ListUploads do not advance".to_owned()))?)
        } else {
            None
        };
        Ok(UploadPage { uploads, next })
    }
}

impl ListUploads {
    /// Keys come in the order of their bytes; the order of upload ids is the store's own.
    fn advances(&self, (key, id): &(String, String)) -> bool {
        match &self.after {
            None => !key.is_empty(),
            Some((before, _)) if key != before => key > before,
            Some((_, before)) => id != before,
        }
    }
}

fn listed(upload: &Element) -> Option<ListedUpload> {
    // The table of the manual writes UploadID once; its samples have UploadId.
    let upload_id = upload.token("UploadId").or_else(|| upload.token("UploadID"))?;
    Some(ListedUpload {
        key: upload.raw("Key").filter(|key| !key.is_empty())?.to_owned(),
        upload_id: UploadId::new(upload_id)?,
        initiated: upload.token("Initiated").unwrap_or_default().to_owned(),
        storage_class: upload.token("StorageClass").map(ToOwned::to_owned),
    })
}

#[cfg(test)]
mod tests;
