//! The encryption of an upload as a journal remembers it: enough to know it again, never enough to use it.

use serde::{Deserialize, Serialize};

use super::identity::hex;
use crate::{
    error::{Error, ErrorKind, Result},
    sse::SseContext,
};

/// How an object is to be encrypted, without any key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Encryption {
    /// `none`, `managed`, `kms` or `customer`.
    pub mode: String,
    /// The KMS key that was asked for, if one was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key_id: Option<String>,
    /// The digest of the KMS context, if one was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<String>,
    /// The fingerprint of the customer key, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<KeyMark>,
}

/// By what a customer key is known again: a keyed hash, with a salt of this journal alone.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct KeyMark {
    /// Hexadecimal; the text itself is what salts.
    pub salt: String,
    /// Hexadecimal.
    pub fingerprint: String,
}

impl Encryption {
    /// Describes what is asked.
    ///
    /// # Errors
    /// `Internal` if the system gives no random bytes for a salt.
    pub fn of(sse: &SseContext) -> Result<Self> {
        let key = if sse.is_customer() {
            let mut bytes = [0; 16];
            getrandom::fill(&mut bytes).map_err(|cause| {
                Error::new(ErrorKind::Internal, "the system gives no random bytes").caused_by(cause)
            })?;
            let salt = hex(&bytes);
            sse.key_fingerprint(salt.as_bytes()).map(|fingerprint| KeyMark { salt, fingerprint })
        } else {
            None
        };
        Ok(Self {
            mode: sse.mode().name().to_owned(),
            kms_key_id: sse.kms_key_id().map(str::to_owned),
            context: sse.kms_context_digest(),
            key,
        })
    }

    /// How this differs from what is asked now; `None` if it is the same.
    pub fn difference(&self, asked: &SseContext) -> Option<String> {
        let mode = asked.mode().name();
        if self.mode != mode {
            return Some(format!("its encryption is '{}', and '{mode}' is asked for", self.mode));
        }
        if self.kms_key_id.as_deref() != asked.kms_key_id() {
            let name = |id: Option<&str>| id.map_or("the account's default".to_owned(), |id| format!("{id:?}"));
            let (then, now) = (name(self.kms_key_id.as_deref()), name(asked.kms_key_id()));
            return Some(format!("its KMS key is {then}, and {now} is asked for"));
        }
        if self.context != asked.kms_context_digest() {
            return Some("its KMS context is another one".to_owned());
        }
        let same = match &self.key {
            Some(mark) => asked.key_fingerprint(mark.salt.as_bytes()).is_some_and(|now| now == mark.fingerprint),
            None => !asked.is_customer(),
        };
        (!same).then(|| "it is encrypted with another customer key".to_owned())
    }
}
