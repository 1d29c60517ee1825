//! The checksums of S3 (docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html).

use base64::{Engine as _, engine::general_purpose::STANDARD};
use crc_fast::CrcAlgorithm;
use serde::{Deserialize, Serialize};

use super::{
    crc::{self, Crc},
    sha::Sha,
};

/// How a checksum is computed.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(super) enum Algorithm {
    Crc32,
    Crc32c,
    Crc64Nvme,
    Sha1,
    Sha256,
}

/// What the checksum of an object in parts is taken over.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(super) enum Kind {
    /// All its bytes.
    FullObject,
    /// The checksums of its parts.
    Composite,
}

impl Kind {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::FullObject => "FULL_OBJECT",
            Self::Composite => "COMPOSITE",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        [Self::FullObject, Self::Composite].into_iter().find(|kind| kind.name().eq_ignore_ascii_case(name))
    }
}

/// The checksum of a part or an object.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(super) struct Checksum {
    pub(super) algorithm: Algorithm,
    pub(super) kind: Kind,
    /// As it is told: base64, and the number of parts behind a composite one.
    pub(super) value: String,
}

/// The checksum that an upload is to get.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub(super) struct Planned {
    pub(super) algorithm: Algorithm,
    pub(super) kind: Kind,
    /// Whether Initiate asked for it; else it is the one that S3 takes by itself.
    pub(super) declared: bool,
}

impl Algorithm {
    pub(super) const ALL: [Self; 5] = [Self::Crc32, Self::Crc32c, Self::Crc64Nvme, Self::Sha1, Self::Sha256];

    /// What S3 takes if nobody asks for another one.
    pub(super) const DEFAULT: Self = Self::Crc64Nvme;

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Crc32 => "CRC32",
            Self::Crc32c => "CRC32C",
            Self::Crc64Nvme => "CRC64NVME",
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
        }
    }

    pub(super) const fn header(self) -> &'static str {
        match self {
            Self::Crc32 => "x-amz-checksum-crc32",
            Self::Crc32c => "x-amz-checksum-crc32c",
            Self::Crc64Nvme => "x-amz-checksum-crc64nvme",
            Self::Sha1 => "x-amz-checksum-sha1",
            Self::Sha256 => "x-amz-checksum-sha256",
        }
    }

    pub(super) const fn element(self) -> &'static str {
        match self {
            Self::Crc32 => "ChecksumCRC32",
            Self::Crc32c => "ChecksumCRC32C",
            Self::Crc64Nvme => "ChecksumCRC64NVME",
            Self::Sha1 => "ChecksumSHA1",
            Self::Sha256 => "ChecksumSHA256",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name().eq_ignore_ascii_case(name))
    }

    pub(super) fn of_header(header: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.header() == header)
    }

    /// How many bytes a value has.
    pub(super) const fn len(self) -> usize {
        match self {
            Self::Crc32 | Self::Crc32c => 4,
            Self::Crc64Nvme => 8,
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    /// Whether a text is a value: base64 of the right length.
    pub(super) fn is_value(self, text: &str) -> bool {
        STANDARD.decode(text).is_ok_and(|bytes| bytes.len() == self.len())
    }

    /// The kind that an upload gets if it names none.
    pub(super) const fn default_kind(self) -> Kind {
        match self {
            Self::Crc64Nvme => Kind::FullObject,
            Self::Crc32 | Self::Crc32c | Self::Sha1 | Self::Sha256 => Kind::Composite,
        }
    }

    /// Whether an upload may have both.
    pub(super) const fn allows(self, kind: Kind) -> bool {
        !matches!((self, kind), (Self::Crc64Nvme, Kind::Composite) | (Self::Sha1 | Self::Sha256, Kind::FullObject))
    }

    /// What a CRC combines by; digests do not combine.
    const fn crc(self) -> Option<Crc> {
        match self {
            Self::Crc32 => Some(crc::CRC32),
            Self::Crc32c => Some(crc::CRC32C),
            Self::Crc64Nvme => Some(crc::NVME),
            Self::Sha1 | Self::Sha256 => None,
        }
    }

    /// The checksum of an object from those of its parts, each with the part's size.
    pub(super) fn of_parts(self, kind: Kind, parts: &[(&str, u64)]) -> Option<Checksum> {
        let values = parts.iter().map(|(value, _)| STANDARD.decode(value).ok()).collect::<Option<Vec<Vec<u8>>>>()?;
        let value = match kind {
            Kind::Composite => {
                let mut hasher = Hasher::new(self);
                hasher.update(&values.concat());
                format!("{}-{}", STANDARD.encode(hasher.finish()), parts.len())
            }
            Kind::FullObject => {
                let crc = self.crc()?;
                let register = |value: &[u8]| value.iter().fold(0, |sum: u64, &byte| sum << 8 | u64::from(byte));
                let whole = values
                    .iter()
                    .zip(parts)
                    .fold(0, |whole, (value, (_, size))| crc::combine(crc, whole, register(value), *size));
                STANDARD.encode(&whole.to_be_bytes()[8 - self.len()..])
            }
        };
        Some(Checksum { algorithm: self, kind, value })
    }
}

/// A checksum in the making.
#[derive(Debug)]
pub(super) enum Hasher {
    Crc(Algorithm, crc_fast::Digest),
    Sha(Sha),
}

impl Hasher {
    pub(super) fn new(algorithm: Algorithm) -> Self {
        let crc = |variant| Self::Crc(algorithm, crc_fast::Digest::new(variant));
        match algorithm {
            Algorithm::Crc32 => crc(CrcAlgorithm::Crc32IsoHdlc),
            Algorithm::Crc32c => crc(CrcAlgorithm::Crc32Iscsi),
            Algorithm::Crc64Nvme => crc(CrcAlgorithm::Crc64Nvme),
            Algorithm::Sha1 => Self::Sha(Sha::sha1()),
            Algorithm::Sha256 => Self::Sha(Sha::sha256()),
        }
    }

    pub(super) fn update(&mut self, bytes: &[u8]) {
        match self {
            Self::Crc(_, digest) => digest.update(bytes),
            Self::Sha(sha) => sha.update(bytes),
        }
    }

    pub(super) fn finish(self) -> Vec<u8> {
        match self {
            Self::Crc(algorithm, digest) => digest.finalize().to_be_bytes()[8 - algorithm.len()..].to_vec(),
            Self::Sha(sha) => sha.finish(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(algorithm: Algorithm, bytes: &[u8]) -> String {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(bytes);
        STANDARD.encode(hasher.finish())
    }

    #[test]
    fn check_values_are_the_published_ones() {
        for (algorithm, expected) in [
            (Algorithm::Crc32, "y/Q5Jg=="),
            (Algorithm::Crc32c, "4waSgw=="),
            (Algorithm::Crc64Nvme, "rosUhgp5mIg="),
            (Algorithm::Sha1, "98O8HYCOBHMq32eZZczDTKeuNEE="),
            (Algorithm::Sha256, "FeKw08M4keuw8e9gnsQZQgwg4yDOlMZfvIwzEkSOsiU="),
        ] {
            assert_eq!(value(algorithm, b"123456789"), expected, "{algorithm:?}");
        }
    }

    /// Seen on Amazon S3: the values of parts, and the object's.
    #[test]
    fn composite_values_are_those_of_the_real_store() {
        for (algorithm, parts, expected) in [
            (Algorithm::Crc32, &["W0QpDQ==", "anCi7Q=="][..], "R/nORQ==-2"),
            (Algorithm::Crc32c, &["wMKxiw==", "myWdrQ=="], "ROC8NA==-2"),
            (
                Algorithm::Sha1,
                &["1/0x5kkt8+9IA/j+B6LiWtFTdrY=", "H2o2aM+t5OzS5CuqgWtQ90pWCpo="],
                "CBB1y8xhBCot1HoCMQCx18NR2tU=-2",
            ),
            (
                Algorithm::Sha256,
                &[
                    "lcKa6Boe7a167tUCN5C4OaFygGSYD8MBnBARTrdL+1w=",
                    "gHjhbUT4oo2tSCtSZJdlKi+jeNXJT+VImqdPXsXvkOc=",
                    "4l9PQ3zOPZ0oGFvknFX+J4zZwE4WMzO+l3r8XrbWOeM=",
                ],
                "rVWtNbadtsaKXJAcgWPWjifHzJaXde/iV4jaJAOdivc=-3",
            ),
        ] {
            let parts: Vec<(&str, u64)> = parts.iter().map(|value| (*value, 1)).collect();
            assert_eq!(algorithm.of_parts(Kind::Composite, &parts).unwrap().value, expected);
        }
    }

    #[test]
    fn the_value_of_a_full_object_is_that_of_its_bytes() {
        let whole: Vec<u8> = (0..100_000_u32).map(|i| u8::try_from(i * 31 % 253).unwrap()).collect();
        for algorithm in [Algorithm::Crc32, Algorithm::Crc32c, Algorithm::Crc64Nvme] {
            let pieces = [&whole[..1], &whole[1..1], &whole[1..70_000], &whole[70_000..]];
            let values = pieces.map(|piece| (value(algorithm, piece), piece.len() as u64));
            let parts: Vec<(&str, u64)> = values.iter().map(|(value, size)| (value.as_str(), *size)).collect();
            assert_eq!(algorithm.of_parts(Kind::FullObject, &parts).unwrap().value, value(algorithm, &whole));
        }
    }

    #[test]
    fn only_crcs_cover_a_full_object_and_the_long_one_does_nothing_else() {
        for algorithm in Algorithm::ALL {
            assert!(algorithm.allows(algorithm.default_kind()));
            assert_eq!(algorithm.allows(Kind::FullObject), algorithm.crc().is_some());
            assert_eq!(algorithm.allows(Kind::Composite), algorithm != Algorithm::Crc64Nvme);
            assert_eq!(Algorithm::named(&algorithm.name().to_lowercase()), Some(algorithm));
            assert_eq!(Algorithm::of_header(algorithm.header()), Some(algorithm));
        }
    }
}
