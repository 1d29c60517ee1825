//! The modes of encryption, and the options that ask for them.

use std::fmt;

use crate::{server::Server, world::Stock};

/// A mode, as `--sse` names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    None,
    Managed,
    Kms,
    Customer,
}

impl Mode {
    pub(crate) const ALL: [Self; 4] = [Self::None, Self::Managed, Self::Kms, Self::Customer];

    /// What `put` needs.
    pub(crate) fn writing(self, server: &Server, stock: &Stock) -> Vec<String> {
        match self {
            Self::None => Vec::new(),
            Self::Managed => strings(&["--sse", "managed"]),
            Self::Kms => strings(&["--sse", "kms", "--sse-kms-key-id", server.kms_key()]),
            Self::Customer => strings(&["--sse-key", &stock.key()]),
        }
    }

    /// What `stat` and `get` need.
    pub(crate) fn reading(self, stock: &Stock) -> Vec<String> {
        match self {
            Self::None | Self::Managed | Self::Kms => Vec::new(),
            Self::Customer => strings(&["--sse-key", &stock.key()]),
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Managed => "managed",
            Self::Kms => "kms",
            Self::Customer => "customer",
        })
    }
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}
