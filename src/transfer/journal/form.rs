//! How the names of things in a store are written in a record. What does not pass their checks is no record.

use serde::{Deserialize as _, Deserializer, Serializer};

/// A number from 1 to 10,000.
pub(super) mod part_number {
    use super::{Deserializer, Serializer, number, refused};
    use crate::ident::PartNumber;

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
    pub(in super::super) fn serialize<S: Serializer>(value: &PartNumber, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_u16(value.get())
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PartNumber, D::Error> {
        PartNumber::new(number(from)?).ok_or_else(|| refused("a part number"))
    }
}

/// A text that is not empty.
pub(super) mod upload_id {
    use super::{Deserializer, Serializer, refused, text};
    use crate::ident::UploadId;

    pub(in super::super) fn serialize<S: Serializer>(value: &UploadId, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(value.as_str())
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<UploadId, D::Error> {
        UploadId::new(text(from)?).ok_or_else(|| refused("an upload id"))
    }
}

/// The tag without its quotes.
pub(super) mod etag {
    use super::{Deserializer, Serializer, refused, text};
    use crate::ident::ETag;

    pub(in super::super) fn serialize<S: Serializer>(value: &ETag, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(value.as_str())
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<ETag, D::Error> {
        // Within quotes nothing is trimmed, so that even an odd tag is the same again.
        ETag::new(&format!("\"{}\"", text(from)?)).ok_or_else(|| refused("an ETag"))
    }
}

/// Sixteen hexadecimal digits; behind the algorithm's name and a colon, unless it is CRC-64/XZ.
pub(super) mod checksum {
    use super::{Deserializer, Serializer, refused, text};
    use crate::checksum::{Algorithm, Checksum};

    pub(in super::super) fn serialize<S: Serializer>(value: &Checksum, to: S) -> Result<S::Ok, S::Error> {
        match value.algorithm() {
            Algorithm::Crc64Xz => to.collect_str(&format_args!("{:016x}", value.get())),
            other => to.collect_str(&format_args!("{}:{:016x}", other.name(), value.get())),
        }
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Checksum, D::Error> {
        let text = text(from)?;
        let (name, digits) = text.split_once(':').unwrap_or((Algorithm::Crc64Xz.name(), &text));
        let sound = digits.len() == 16 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let value = if sound { u64::from_str_radix(digits, 16).ok() } else { None };
        let checksum = Algorithm::from_name(name).zip(value).map(|(algorithm, value)| Checksum::new(algorithm, value));
        checksum.ok_or_else(|| refused("a checksum"))
    }
}

/// A path: text where it is UTF-8, the bytes in base64 behind a NUL, which no path holds, where it is not.
pub(super) mod path {
    use std::{
        ffi::OsString,
        os::unix::ffi::{OsStrExt as _, OsStringExt as _},
        path::{Path, PathBuf},
    };

    use base64::{Engine as _, engine::general_purpose::STANDARD};

    use super::{Deserializer, Serializer, refused, text};

    pub(in super::super) fn serialize<S: Serializer>(value: &Path, to: S) -> Result<S::Ok, S::Error> {
        match value.to_str() {
            Some(text) => to.serialize_str(text),
            None => to.collect_str(&format_args!("\0{}", STANDARD.encode(value.as_os_str().as_bytes()))),
        }
    }

    pub(in super::super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<PathBuf, D::Error> {
        let text = text(from)?;
        match text.strip_prefix('\0') {
            None => Ok(text.into()),
            Some(coded) => {
                let bytes = STANDARD.decode(coded).map_err(|_| refused("a path"))?;
                Ok(OsString::from_vec(bytes).into())
            }
        }
    }
}

fn text<'de, D: Deserializer<'de>>(from: D) -> Result<String, D::Error> {
    String::deserialize(from)
}

fn number<'de, D: Deserializer<'de>>(from: D) -> Result<u16, D::Error> {
    u16::deserialize(from)
}

fn refused<E: serde::de::Error>(what: &str) -> E {
    E::custom(format_args!("this is not {what}"))
}
