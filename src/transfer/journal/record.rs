//! What is written down of an upload, and how one record becomes one line.
//!
//! A line is the version of the format, the record as compact JSON, and the CRC-64 of both, in hexadecimal:
//!
//! ```text
//! 1 {"part":{"n":7,"len":16777216,"crc":"90e1ff80ab54f0c1","etag":"5d41402abc4b2a76b9719d911017c592","echo":"c"}} 0b…
//! ```
//!
//! There is no place in a record for a key, a credential or a signature.

use serde::{Deserialize, Serialize};

use super::{form, identity::Identity};
use crate::{
    checksum::{Algorithm, Checksum},
    ident::{ETag, PartNumber, UploadId},
    sse::Echo,
};

/// The version of the format that is written, and the only one that is read.
const VERSION: &str = "1";

/// One step of an upload, as far as a later run has to know it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Record {
    /// Initiate is about to be sent; from here on something may be in the store.
    Initiating(Box<Identity>),
    /// The store has opened the upload.
    Initiated(Initiated),
    /// A part is in the store, and its answer was verified.
    Part(Part),
    /// Complete is about to be sent.
    Completing,
    /// The object is there and proved.
    Completed,
    /// The upload is gone from the store without an object of ours.
    Ended {
        /// Why, for a reader.
        why: String,
    },
}

/// The store's answer to Initiate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Initiated {
    /// The upload's name in the store.
    #[serde(with = "form::upload_id")]
    pub upload_id: UploadId,
    /// Seconds since 1970.
    pub at: u64,
    /// The KMS key that the answer named, if it named one: an alias may mean another key tomorrow.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kms_key: Option<String>,
}

/// A finished part. Its place in the source follows from its number and the part size.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// Which part.
    #[serde(rename = "n", with = "form::part_number")]
    pub number: PartNumber,
    /// Its bytes.
    pub len: u64,
    /// The checksum of the bytes that were sent.
    #[serde(rename = "crc", with = "form::checksum")]
    pub checksum: Checksum,
    /// The store's mark of it.
    #[serde(with = "form::etag")]
    pub etag: ETag,
    /// What the answer said of the encryption.
    pub echo: EchoSeen,
    /// Whether nothing has confirmed our checksum: the answer was to carry the store's own, and did not.
    #[serde(rename = "crc_silent", default, skip_serializing_if = "std::ops::Not::not")]
    pub unproved: bool,
}

/// What an answer said of the encryption, in one letter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum EchoSeen {
    /// It confirmed what was asked.
    #[serde(rename = "c")]
    Confirmed,
    /// It said nothing of what was asked.
    #[serde(rename = "s")]
    Silent,
    /// Nothing was asked.
    #[serde(rename = "u")]
    Unasked,
}

impl From<&Echo> for EchoSeen {
    fn from(echo: &Echo) -> Self {
        match echo {
            Echo::Confirmed(_) => Self::Confirmed,
            Echo::Silent => Self::Silent,
            Echo::Unasked(_) => Self::Unasked,
        }
    }
}

/// Why a line is no record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum NoRecord {
    /// It is torn or damaged.
    Unsound,
    /// It is whole, and means nothing to this program: another version has written it.
    Unknown,
}

/// The line of a record, with its line end.
pub(super) fn encode(record: &Record) -> String {
    let body = serde_json::to_string(record).expect("records are strings, numbers and structs of them");
    sealed(&format!("{VERSION} {body}"))
}

/// A line of this text and its checksum.
pub(super) fn sealed(text: &str) -> String {
    format!("{text} {}\n", checksum(text.as_bytes()))
}

/// The record of a line, which is given without its line end.
pub(super) fn decode(line: &[u8]) -> Result<Record, NoRecord> {
    let sealed = line.len().checked_sub(SUM_LEN + 1).ok_or(NoRecord::Unsound)?;
    let (text, sum) = line.split_at(sealed);
    // Comparing texts, not numbers: a flipped case of a digit is damage too.
    if sum.split_first() != Some((&b' ', checksum(text).as_bytes())) {
        return Err(NoRecord::Unsound);
    }
    let body = text.strip_prefix(VERSION.as_bytes()).and_then(|rest| rest.strip_prefix(b" "));
    body.and_then(|body| serde_json::from_slice(body).ok()).ok_or(NoRecord::Unknown)
}

const SUM_LEN: usize = 16;

fn checksum(text: &[u8]) -> String {
    format!("{:016x}", Checksum::of(Algorithm::Crc64Xz, text).get())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::journal::sample;

    #[test]
    fn a_line_reads_as_what_was_written() {
        for record in sample::records() {
            let line = encode(&record);
            assert_eq!(decode(line.strip_suffix('\n').unwrap().as_bytes()), Ok(record));
        }
    }

    #[test]
    fn a_part_takes_one_short_line() {
        let part = Part {
            number: PartNumber::new(10_000).unwrap(),
            len: 5 << 30,
            checksum: Checksum::new(Algorithm::Crc64Xz, u64::MAX),
            etag: ETag::new(&"e".repeat(40)).unwrap(),
            echo: EchoSeen::Confirmed,
            unproved: false,
        };
        let line = encode(&Record::Part(part));
        assert!(line.len() <= 150, "{} bytes: {line}", line.len());
        assert_eq!(line.matches('\n').count(), 1);
    }

    #[test]
    fn ten_thousand_parts_stay_under_two_mebibytes() {
        let [initiating, initiated, ..] = sample::records();
        let mut total = encode(&initiating).len() + encode(&initiated).len() + encode(&Record::Completing).len();
        for n in 1..=PartNumber::MAX {
            let mut part = sample::part(n);
            part.len = 5 << 30;
            part.checksum = Checksum::new(Algorithm::Crc64Xz, u64::MAX);
            part.etag = ETag::new(&"e".repeat(40)).unwrap();
            total += encode(&Record::Part(part)).len();
        }
        assert!(total < 2 << 20, "{total} bytes");
    }

    #[test]
    fn a_whole_line_of_another_version_is_unknown_and_not_damage() {
        for text in ["2 \"completing\"", "1 {\"paused\":{}}", "1 {\"part\":{\"n\":0}}", "1", ""] {
            let line = format!("{text} {}", checksum(text.as_bytes()));
            assert_eq!(decode(line.as_bytes()), Err(NoRecord::Unknown), "{text}");
        }
    }

    #[test]
    fn a_line_whose_checksum_differs_in_anything_is_unsound() {
        let line = encode(&Record::Completing);
        let line = line.trim_end();
        assert!(decode(line.to_ascii_uppercase().as_bytes()).is_err());
        for text in ["", " ", "1 \"completing\"", &line[1..], &line[..line.len() - 1]] {
            assert_eq!(decode(text.as_bytes()), Err(NoRecord::Unsound), "{text}");
        }
    }
}
