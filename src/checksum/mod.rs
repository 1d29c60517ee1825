//! CRC-64/XZ: the one checksum that COS returns in every encryption mode, over the plain bytes.
//!
//! The name matters. COS calls it `crc64ecma`, but the parameter set that catalogues list as CRC-64/ECMA-182 is the
//! unreflected one and gives other values; so does CRC-64/NVME.

use std::fmt;

use crc_fast::{CrcAlgorithm, Digest};

mod combine;

/// A CRC-64/XZ value; its text is the unsigned decimal that COS uses.
///
/// # Examples
/// ```
/// use sealift::checksum::Crc64;
///
/// let whole = Crc64::of(b"1234").then(Crc64::of(b"56789"), 5);
/// assert_eq!(whole, Crc64::of(b"123456789"));
/// assert_eq!(whole.to_string(), "11051210869376104954");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Crc64(pub(crate) u64);

impl Crc64 {
    /// The checksum of no bytes.
    pub const EMPTY: Self = Self(0);

    /// The checksum of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(crc_fast::checksum(CrcAlgorithm::Crc64Xz, bytes))
    }

    /// Reads the unsigned decimal of a header; `None` for anything but digits, or for more than 64 bits.
    pub fn parse(text: &str) -> Option<Self> {
        // `u64::from_str` would take a sign.
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse().ok().map(Self)).flatten()
    }

    /// The checksum of A followed by B, from the checksums of both and the length of B in bytes.
    ///
    /// It takes a handful of multiplications, however long B is.
    #[must_use]
    pub fn then(self, next: Self, next_len: u64) -> Self {
        Self(combine::shift(self.0, next_len) ^ next.0)
    }

    /// The value.
    pub const fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Crc64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A running checksum.
#[derive(Clone, Debug)]
pub struct Crc64Digest(Digest);

impl Crc64Digest {
    /// Starts at no bytes.
    pub fn new() -> Self {
        Self(Digest::new(CrcAlgorithm::Crc64Xz))
    }

    /// Takes more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The checksum of all bytes so far.
    pub fn value(&self) -> Crc64 {
        Crc64(self.0.finalize())
    }
}

impl Default for Crc64Digest {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests;
