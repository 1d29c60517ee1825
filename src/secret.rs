//! Bytes that must not leak: wiped when dropped, silent in `Debug`, with one way out.

use std::fmt;

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// Bytes that must never reach a log, an error, a journal or a `Debug` dump.
///
/// Our own copies are wiped when dropped. Copies inside TLS and HTTP libraries cannot be.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes over, so that no copy stays behind here.
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// The one way out. Grep for `expose(` to audit every use.
    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Whether both hold the same bytes, in a time that does not depend on where they differ.
    pub fn matches(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }

    /// How many bytes it holds.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether it holds no bytes.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret([redacted; {} bytes])", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_says_the_length_only() {
        assert_eq!(format!("{:?}", Secret::new("hunter2")), "Secret([redacted; 7 bytes])");
    }

    #[test]
    fn secrets_match_by_their_bytes() {
        assert!(Secret::new("same").matches(&Secret::new("same")));
        assert!(!Secret::new("same").matches(&Secret::new("sane")));
        assert!(!Secret::new("same").matches(&Secret::new("same and more")));
    }
}
