//! How large and how many things may be.

use std::io;

use serde::{Deserialize, Serialize};

use super::setting::{self, Known};

/// The limits of the service. The defaults are the real ones; tests lower them to reach them cheaply.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Limits {
    /// The least bytes of a part that is not the last: 1 MiB, with S3 5 MiB. COS says 1 MB and its samples use 2^20.
    pub min_part_size: u64,
    /// The most bytes of a part, of a PUT, and of one copy: 5 GiB.
    pub max_part_size: u64,
    /// The highest number of a part: 10,000.
    pub max_parts: u16,
    /// The most bytes of an object: 10,000 parts of 5 GiB.
    pub max_object_size: u64,
    /// The most bytes of an object's key: 850, with S3 1,024.
    pub max_key_bytes: usize,
    /// The most entries of a page of a list, and how many there are unasked: 1,000.
    pub max_list_entries: usize,
    /// The most bytes of Complete's list: 1 MiB, as comments in two official SDKs tell. With S3 4 MiB, so that 10,000
    /// parts with the longest checksums have room.
    pub max_xml_bytes: usize,
    /// The most bytes of user metadata, of one and of all: 2,048 and 4,096; with S3 2,048 in all.
    pub max_meta_bytes: (usize, usize),
    /// The most connections at once: 256, which have room in the usual 1,024 open files. It is no limit of the service. Of
    /// any more none is refused, as that would look like a fault: they wait until one ends. One is always taken.
    pub max_connections: usize,
    /// For how many seconds a body may bring nothing, and Complete's list may be on its way, before that is 400
    /// `RequestTimeout`; and for how many a client may take nothing of an answer before its connection is closed: 60. The
    /// manuals tell no number.
    pub body_timeout: u64,
}

impl Default for Limits {
    /// Those of COS (/document/product/436/14518).
    fn default() -> Self {
        Self {
            min_part_size: 1 << 20,
            max_part_size: 5 << 30,
            max_parts: 10_000,
            max_object_size: 50_000 << 30,
            max_key_bytes: 850,
            max_list_entries: 1_000,
            max_xml_bytes: 1 << 20,
            max_meta_bytes: (2048, 4096),
            max_connections: 256,
            body_timeout: 60,
        }
    }
}

impl Limits {
    /// Those of S3 (userguide/qfacts.html, userguide/UsingMetadata.html).
    pub fn s3() -> Self {
        Self {
            min_part_size: 5 << 20,
            max_key_bytes: 1024,
            max_xml_bytes: 4 << 20,
            max_meta_bytes: (2048, 2048),
            ..Self::default()
        }
    }

    /// All of them as lines for people: name, value, how a value is written, meaning.
    pub fn help(&self) -> String {
        setting::help(self, &KNOWN)
    }

    /// Sets one, by its field's name: `min_part_size=1`, `max_meta_bytes=10:20`.
    ///
    /// # Errors
    /// If there is no such name, or the value is not of its kind. The message lists the names.
    pub fn set(&mut self, setting: &str) -> io::Result<()> {
        setting::set(self, setting, &KNOWN)
    }
}

/// What they are called on the command line, and mean.
pub(super) const KNOWN: Known = Known {
    meanings: &[
        ("min_part_size", "the least bytes of a part that is not the last"),
        ("max_part_size", "the most bytes of a part, of a PUT, and of one copy"),
        ("max_parts", "the highest number of a part"),
        ("max_object_size", "the most bytes of an object"),
        ("max_key_bytes", "the most bytes of an object's key"),
        ("max_list_entries", "the most entries of a page of a list"),
        ("max_xml_bytes", "the most bytes of Complete's list"),
        ("max_meta_bytes", "the most bytes of one piece of user metadata, and of all"),
        ("max_connections", "the most connections at once; any more wait until one ends"),
        ("body_timeout", "for how many seconds a body may bring nothing, and nobody take an answer"),
    ],
    never_zero: &[
        "max_part_size",
        "max_parts",
        "max_object_size",
        "max_key_bytes",
        "max_list_entries",
        "max_connections",
        "body_timeout",
    ],
};
