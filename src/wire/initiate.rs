//! Initiate: opens a multipart upload (/document/product/436/7746).

use http::{Method, request::Parts};

use super::{
    Address, Call, ObjectProperties, Payload, RawAnswer, answer::Reading, call::sealed::Sealed, draft::Draft, naming,
};
use crate::{
    checksum::Algorithm,
    dialect::Dialect,
    error::Result,
    ident::{ObjectKey, UploadId},
    operation::Operation,
    sse::SseContext,
};

/// Opens a multipart upload; every call makes a new one.
#[derive(Clone, Debug)]
pub struct Initiate {
    /// The object to be.
    pub key: ObjectKey,
    /// What the object is given besides its bytes.
    pub properties: ObjectProperties,
    /// The checksum that the store is to keep of the whole object, where it has to be told.
    pub checksum: Option<Algorithm>,
    /// Never replace an object.
    pub forbid_overwrite: bool,
}

impl Sealed for Initiate {}

impl Call for Initiate {
    type Answer = UploadId;

    fn operation(&self) -> Operation {
        Operation::Initiate
    }

    fn head(&self, at: &Address, sse: &SseContext) -> Result<Parts> {
        Draft::object(Method::POST, self.operation(), at, &self.key)
            .flag("uploads")
            .headers(self.properties.to_headers(at.dialect())?)
            .keep_checksum(self.checksum)?
            .forbid_overwrite(self.forbid_overwrite)?
            .body(&Payload::Empty)
            .finish(sse)
    }

    fn decode(&self, dialect: Dialect, answer: &RawAnswer) -> Result<UploadId> {
        let reading = Reading::new(dialect, self.operation(), answer);
        let id = match reading.root("InitiateMultipartUploadResult") {
            Ok(root) => {
                let id = root.token("UploadId").map(ToOwned::to_owned);
                match root.text("Key").filter(|told| !naming::is_key(told, self.key.as_str())) {
                    Some(told) => {
                        let (told, id) = (naming::shown(told), naming::shown(id.as_deref().unwrap_or_default()));
                        return Err(
                            reading.protocol(format!("Initiate's answer opens the upload {id} of another key: {told}"))
                        );
                    }
                    None => id,
                }
            }
            // The key stands in the answer as it is: with control characters in it the document is ill-formed.
            Err(error) => Some(behind_the_key(&answer.body).ok_or(error)?),
        };
        id.and_then(UploadId::new).ok_or_else(|| reading.protocol("Initiate's answer has no upload id".to_owned()))
    }
}

/// The upload id of an ill-formed answer.
///
/// It is looked for behind the last end of the key, so that no key can pretend to be one.
fn behind_the_key(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let (_, tail) = text.rsplit_once("</Key>")?;
    let (_, rest) = tail.split_once("<UploadId>")?;
    let (id, end) = rest.split_once("</UploadId>")?;
    let sound = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/=".contains(&byte);
    let whole = end.trim() == "</InitiateMultipartUploadResult>";
    (whole && !id.is_empty() && id.bytes().all(sound)).then(|| id.to_owned())
}

#[cfg(test)]
mod tests;
