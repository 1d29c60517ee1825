//! The proof of an upload. Field names are a contract: scripts read them.

use std::collections::BTreeSet;

use serde::Serialize;

use crate::{
    checksum::Checksum,
    error::{Error, ErrorKind, Result},
    operation::Operation,
    sse::{self, Echo, Reported, SseContext, SseMode},
};

/// The proof of an upload: what was made, and which checks were passed.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Receipt {
    /// The object's address, such as `cos://examplebucket-1250000000/key`.
    pub url: String,
    /// Bytes.
    pub size: u64,
    /// CRC-64/XZ of the whole object, as the unsigned decimal that COS uses; absent where the store does not speak it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub crc64: Option<String>,
    /// The checksum of the bytes that were sent, by its name; its `type` says whether the store's own was compared with it.
    pub checksum: Option<ReceiptChecksum>,
    /// The object's entity tag: a version mark, not a digest.
    pub etag: String,
    /// The object's version, in a bucket that keeps them.
    pub version_id: Option<String>,
    /// Parts; 1 for an object sent by one PUT.
    pub parts: u32,
    /// Bytes of each part but the last; of the largest part where the parts of a stream have grown.
    pub part_size: u64,
    /// The multipart upload, if there was one.
    pub upload_id: Option<String>,
    /// The encryption as the store confirmed it.
    pub sse: ReceiptSse,
    /// Parts that an earlier run had sent.
    pub resumed_parts: u32,
    /// Bytes handed to the network, with those that were sent again.
    pub sent_bytes: u64,
    /// Calls that had to be sent again.
    pub retries: u64,
    /// From start to end.
    pub seconds: f64,
    /// The checks that were made and passed: `part-checksums` or `part-md5`, `object-checksum` or `object-md5`, `size`,
    /// `source-unchanged` (of a file), `head`, and `echo:…` for each kind of answer that confirmed the encryption.
    pub verified: Vec<String>,
    /// What the user should know although the upload succeeded.
    pub warnings: Vec<String>,
}

/// A checksum of the whole object.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ReceiptChecksum {
    /// `crc64-ecma`, `crc64-nvme` or `crc32c`.
    pub algorithm: String,
    /// As the store writes it.
    pub value: String,
    /// `full-object`: the store's own over all bytes was compared with it, or one that it is documented to refuse if it is
    /// wrong. `sent`: the store has shown none that it was not told, so that nothing was compared with it; `verified` says
    /// what proved the bytes.
    #[serde(rename = "type")]
    pub kind: String,
}

impl ReceiptChecksum {
    /// Of all bytes of an object, compared as a whole or not.
    pub(crate) fn new(checksum: Checksum, of_whole: bool) -> Self {
        let (algorithm, value) = (checksum.algorithm().name().to_owned(), checksum.to_string());
        Self { algorithm, value, kind: if of_whole { "full-object" } else { "sent" }.to_owned() }
    }
}

/// The encryption of an object, as the store reported it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ReceiptSse {
    /// `none`, `managed`, `kms` or `customer`.
    pub mode: String,
    /// The key in the KMS.
    pub kms_key_id: Option<String>,
    /// The MD5 of the customer key, base64.
    pub key_md5: Option<String>,
}

impl ReceiptSse {
    /// From what was asked and what the store reported.
    pub(crate) fn new(asked: &SseContext, reported: Option<&Reported>) -> Self {
        let mode = match asked.mode() {
            // A default of the bucket is reported as what it is.
            SseMode::None => reported.map_or(SseMode::None, |reported| reported.mode),
            mode => mode,
        };
        Self {
            mode: mode.name().to_owned(),
            kms_key_id: reported
                .and_then(|reported| reported.kms_key_id.clone())
                .or_else(|| asked.kms_key_id().map(ToOwned::to_owned)),
            key_md5: asked.key_md5(),
        }
    }
}

/// What the answers of one upload have said of the encryption.
#[derive(Debug, Default)]
pub(crate) struct EchoLog {
    confirmed_by: BTreeSet<&'static str>,
    reported: Option<Reported>,
    /// The first KMS key that an answer named.
    kms_key_id: Option<String>,
}

impl EchoLog {
    /// Goes on with what the answers of an earlier run have said: that its parts were confirmed, and by which KMS key.
    pub(crate) fn resumed(asked: &SseContext, kms_key_id: Option<&str>) -> Self {
        let mut log = Self::default();
        if asked.mode() != SseMode::None {
            log.confirmed_by.insert("parts");
        }
        log.kms_key_id = kms_key_id.map(str::to_owned);
        log
    }

    /// Takes one answer's word.
    ///
    /// # Errors
    /// `Encryption` if it names another KMS key than an earlier answer of this upload: a key asked for by an alias, or
    /// not at all, is the one that the first answer names.
    pub(crate) fn note(&mut self, answer: &'static str, echo: &Echo) -> Result<()> {
        let reported = match echo {
            Echo::Confirmed(reported) => {
                if let (Some(first), Some(now)) = (&self.kms_key_id, &reported.kms_key_id)
                    && !sse::may_be_same_kms_key(first, now)
                {
                    return Err(Error::new(
                        ErrorKind::Encryption,
                        format!("the store named the KMS key {first:?} first and {now:?} later in the same upload"),
                    ));
                }
                self.confirmed_by.insert(answer);
                reported
            }
            Echo::Unasked(Some(reported)) => reported,
            Echo::Silent | Echo::Unasked(None) => return Ok(()),
        };
        if self.kms_key_id.is_none() {
            self.kms_key_id.clone_from(&reported.kms_key_id);
        }
        let known = self.reported.get_or_insert_with(|| reported.clone());
        if known.kms_key_id.is_none() {
            known.kms_key_id.clone_from(&self.kms_key_id);
        }
        Ok(())
    }

    /// Takes HEAD's word.
    ///
    /// # Errors
    /// `Encryption` if it contradicts what was asked, or an earlier answer.
    pub(crate) fn note_head(&mut self, echo: Result<Echo>) -> Result<()> {
        self.note("head", &echo?).map_err(|error| error.at(Operation::Head))
    }

    /// Whether an answer of this kind has confirmed the encryption.
    pub(crate) fn has(&self, answer: &str) -> bool {
        self.confirmed_by.contains(answer)
    }

    /// The entries for [`Receipt::verified`].
    pub(crate) fn verified(&self) -> impl Iterator<Item = String> {
        self.confirmed_by.iter().map(|answer| format!("echo:{answer}"))
    }

    /// The encryption as the store reported it.
    pub(crate) fn reported(&self) -> Option<&Reported> {
        self.reported.as_ref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::COS;

    fn reported(kms_key_id: Option<&str>) -> Reported {
        let mut headers = http::HeaderMap::new();
        headers.insert("x-cos-server-side-encryption", http::HeaderValue::from_static("cos/kms"));
        if let Some(id) = kms_key_id {
            headers.insert("x-cos-server-side-encryption-cos-kms-key-id", http::HeaderValue::from_str(id).unwrap());
        }
        let none = SseContext::none(COS);
        match none.judge(crate::operation::Operation::UploadPart, &headers).unwrap() {
            Echo::Unasked(Some(reported)) => reported,
            echo => panic!("{echo:?}"),
        }
    }

    #[test]
    fn each_kind_of_answer_that_confirmed_is_listed_once() {
        let mut log = EchoLog::default();
        log.note("parts", &Echo::Confirmed(reported(None))).unwrap();
        log.note("parts", &Echo::Confirmed(reported(None))).unwrap();
        log.note("initiate", &Echo::Confirmed(reported(Some("k")))).unwrap();
        log.note("head", &Echo::Silent).unwrap();
        assert_eq!(log.verified().collect::<Vec<_>>(), ["echo:initiate", "echo:parts"]);
        assert_eq!(log.reported().unwrap().kms_key_id.as_deref(), Some("k"), "the answer that names the key counts");
    }

    #[test]
    fn another_kms_key_in_a_later_answer_is_an_error() {
        let mut log = EchoLog::default();
        log.note("initiate", &Echo::Confirmed(reported(Some("one")))).unwrap();
        let error = log.note("parts", &Echo::Confirmed(reported(Some("two")))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Encryption);
    }

    #[test]
    fn the_kms_key_of_an_earlier_run_counts_as_the_first() {
        let asked = SseContext::kms(COS, None, None).unwrap();
        let mut log = EchoLog::resumed(&asked, Some("one"));
        assert_eq!(log.verified().collect::<Vec<_>>(), ["echo:parts"]);
        log.note("head", &Echo::Confirmed(reported(None))).unwrap();
        assert_eq!(log.reported().unwrap().kms_key_id.as_deref(), Some("one"));
        assert!(log.note("complete", &Echo::Confirmed(reported(Some("two")))).is_err());
        assert_eq!(EchoLog::resumed(&SseContext::none(COS), None).verified().count(), 0);
    }

    #[test]
    fn a_default_of_the_bucket_is_reported_but_proves_nothing() {
        let mut log = EchoLog::default();
        log.note("parts", &Echo::Unasked(Some(reported(Some("k"))))).unwrap();
        assert_eq!(log.verified().count(), 0);
        let sse = ReceiptSse::new(&SseContext::none(COS), log.reported());
        assert_eq!((sse.mode.as_str(), sse.kms_key_id.as_deref(), sse.key_md5), ("kms", Some("k"), None));
    }
}
