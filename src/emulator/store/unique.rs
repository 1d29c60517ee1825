//! What a file of bytes is called and encrypted by.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::emulator::hex;

/// Random bytes, written as hexadecimal digits. Ten thousand pairs of them are in the record of the longest object, so
/// they are kept as bytes.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(in crate::emulator) struct Unique([u8; 16]);

impl Unique {
    pub(super) fn new() -> std::io::Result<Self> {
        hex::random().map(Self)
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        Some(Self(hex::decode(text)?.try_into().ok()?))
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Unique {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0))
    }
}

impl fmt::Debug for Unique {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Unique {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Digits;
        impl de::Visitor<'_> for Digits {
            type Value = Unique;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("32 hexadecimal digits")
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<Unique, E> {
                Unique::parse(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_str(Digits)
    }
}
