//! The checksums that stores compute over an object's plain bytes, in every encryption mode.
//!
//! COS answers CRC-64/XZ. The name matters: COS calls it `crc64ecma`, but the parameter set that catalogues list as
//! CRC-64/ECMA-182 is the unreflected one and gives other values. S3 stores answer CRC-64/NVME or CRC-32C of a whole
//! object ("Checking object integrity", Amazon S3 User Guide). All three can be combined from those of the parts.

use std::fmt;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use crc_fast::CrcAlgorithm;

mod combine;

/// A parameter set of a cyclic redundancy check.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// CRC-64/XZ, which COS calls `crc64ecma`; written as an unsigned decimal.
    Crc64Xz,
    /// CRC-64/NVME, S3's default; written as the base64 of its eight bytes, the highest first.
    Crc64Nvme,
    /// CRC-32C (Castagnoli); written as the base64 of its four bytes, the highest first.
    Crc32c,
}

impl Algorithm {
    /// All there are.
    pub const ALL: [Self; 3] = [Self::Crc64Xz, Self::Crc64Nvme, Self::Crc32c];

    /// `crc64-ecma`, `crc64-nvme` or `crc32c`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Crc64Xz => "crc64-ecma",
            Self::Crc64Nvme => "crc64-nvme",
            Self::Crc32c => "crc32c",
        }
    }

    /// The algorithm of this [`name`](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.name() == name)
    }

    /// Reads a value as stores write it; `None` for anything else.
    pub fn parse(self, text: &str) -> Option<Checksum> {
        let value = match self {
            Self::Crc64Xz => {
                // `u64::from_str` would take a sign.
                let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
                if digits { text.parse().ok() } else { None }
            }
            Self::Crc64Nvme => BASE64_STANDARD.decode(text).ok()?.try_into().ok().map(u64::from_be_bytes),
            Self::Crc32c => {
                BASE64_STANDARD.decode(text).ok()?.try_into().ok().map(|bytes| u64::from(u32::from_be_bytes(bytes)))
            }
        };
        value.map(|value| Checksum { algorithm: self, value })
    }

    fn library(self) -> CrcAlgorithm {
        match self {
            Self::Crc64Xz => CrcAlgorithm::Crc64Xz,
            Self::Crc64Nvme => CrcAlgorithm::Crc64Nvme,
            Self::Crc32c => CrcAlgorithm::Crc32Iscsi,
        }
    }

    fn ring(self) -> &'static combine::Ring {
        match self {
            Self::Crc64Xz => &combine::CRC64_XZ,
            Self::Crc64Nvme => &combine::CRC64_NVME,
            Self::Crc32c => &combine::CRC32C,
        }
    }
}

/// A checksum; its text is the one that its stores use.
///
/// # Examples
/// ```
/// use sealift::checksum::{Algorithm::Crc64Xz, Checksum};
///
/// let whole = Checksum::of(Crc64Xz, b"1234").then(Checksum::of(Crc64Xz, b"56789"), 5);
/// assert_eq!(whole, Checksum::of(Crc64Xz, b"123456789"));
/// assert_eq!(whole.to_string(), "11051210869376104954");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Checksum {
    algorithm: Algorithm,
    value: u64,
}

impl Checksum {
    /// A value that is known.
    pub(crate) const fn new(algorithm: Algorithm, value: u64) -> Self {
        Self { algorithm, value }
    }

    /// The checksum of no bytes.
    pub const fn empty(algorithm: Algorithm) -> Self {
        Self { algorithm, value: 0 }
    }

    /// The checksum of these bytes.
    pub fn of(algorithm: Algorithm, bytes: &[u8]) -> Self {
        Self { algorithm, value: crc_fast::checksum(algorithm.library(), bytes) }
    }

    /// The checksum of A followed by B, from the checksums of both and the length of B in bytes.
    ///
    /// It takes a handful of multiplications, however long B is. Both must be of one algorithm; the result is of the
    /// first one's.
    #[must_use]
    pub fn then(self, next: Self, next_len: u64) -> Self {
        debug_assert_eq!(self.algorithm, next.algorithm, "checksums of two algorithms have nothing in common");
        Self { value: self.algorithm.ring().shift(self.value, next_len) ^ next.value, ..self }
    }

    /// The checksum of its own bytes, the highest first: what S3 calls composite, where there is one part.
    pub(crate) fn of_itself(self) -> Self {
        let bytes = self.value.to_be_bytes();
        match self.algorithm {
            Algorithm::Crc64Xz | Algorithm::Crc64Nvme => Self::of(self.algorithm, &bytes),
            Algorithm::Crc32c => Self::of(self.algorithm, &bytes[4..]),
        }
    }

    /// Another checksum, if it is by the same algorithm.
    pub(crate) fn comparable(self, other: Option<Self>) -> Option<Self> {
        other.filter(|other| other.algorithm == self.algorithm)
    }

    /// Whose it is.
    pub const fn algorithm(self) -> Algorithm {
        self.algorithm
    }

    /// The value.
    pub const fn get(self) -> u64 {
        self.value
    }
}

impl fmt::Display for Checksum {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.value.to_be_bytes();
        match self.algorithm {
            Algorithm::Crc64Xz => self.value.fmt(f),
            Algorithm::Crc64Nvme => f.write_str(&BASE64_STANDARD.encode(bytes)),
            Algorithm::Crc32c => f.write_str(&BASE64_STANDARD.encode(&bytes[4..])),
        }
    }
}

/// A running checksum.
#[derive(Clone, Debug)]
pub struct Digest {
    algorithm: Algorithm,
    state: crc_fast::Digest,
}

impl Digest {
    /// Starts at no bytes.
    pub fn new(algorithm: Algorithm) -> Self {
        Self { algorithm, state: crc_fast::Digest::new(algorithm.library()) }
    }

    /// Takes more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.state.update(bytes);
    }

    /// The checksum of all bytes so far.
    pub fn value(&self) -> Checksum {
        Checksum { algorithm: self.algorithm, value: self.state.finalize() }
    }
}

#[cfg(test)]
mod tests;
