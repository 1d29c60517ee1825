//! What the store remembers of uploads, parts and objects, as JSON files.

use serde::{Deserialize, Serialize};

use super::unique::Unique;
use crate::emulator::checksum::{Checksum, Planned};

/// An unfinished multipart upload.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(in crate::emulator) struct Upload {
    pub(in crate::emulator) id: String,
    pub(in crate::emulator) key: String,
    /// Unix seconds.
    pub(in crate::emulator) initiated: u64,
    pub(in crate::emulator) properties: Properties,
    pub(in crate::emulator) encryption: AtRest,
    /// With S3 only, as are the checksums below.
    #[serde(default)]
    pub(in crate::emulator) planned: Option<Planned>,
}

/// One part of an upload.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(in crate::emulator) struct Part {
    pub(in crate::emulator) number: u16,
    pub(in crate::emulator) blob: Blob,
    pub(in crate::emulator) etag: String,
    pub(in crate::emulator) crc64: u64,
    /// The first is the one that answers tell.
    #[serde(default)]
    pub(in crate::emulator) checksums: Vec<Checksum>,
    /// Unix seconds.
    pub(in crate::emulator) modified: u64,
}

/// An object: a manifest over the files of its parts.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(in crate::emulator) struct Object {
    pub(in crate::emulator) key: String,
    /// The upload that it came from, if it was not one PUT.
    pub(in crate::emulator) upload_id: Option<String>,
    pub(in crate::emulator) size: u64,
    pub(in crate::emulator) etag: String,
    pub(in crate::emulator) crc64: u64,
    #[serde(default)]
    pub(in crate::emulator) checksum: Option<Checksum>,
    /// Unix seconds.
    pub(in crate::emulator) modified: u64,
    pub(in crate::emulator) properties: Properties,
    pub(in crate::emulator) encryption: AtRest,
    pub(in crate::emulator) blobs: Vec<Blob>,
}

/// A file with bytes of an object.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(in crate::emulator) struct Blob {
    pub(in crate::emulator) name: Unique,
    /// Bytes of plain text.
    pub(in crate::emulator) size: u64,
    /// What the file's key is derived with.
    pub(in crate::emulator) salt: Unique,
}

/// What was set at Initiate or PUT and comes back on HEAD and GET.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub(in crate::emulator) struct Properties {
    /// Lower-case names and values.
    pub(in crate::emulator) headers: Vec<(String, String)>,
    pub(in crate::emulator) storage_class: Option<String>,
    /// Kept, but no answer tells it.
    pub(in crate::emulator) acl: Option<String>,
    /// Kept, but no answer tells it.
    pub(in crate::emulator) tagging: Option<String>,
}

/// How an object is encrypted on disk. No key is in it that could be used without another.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(tag = "mode", rename_all = "lowercase")]
pub(in crate::emulator) enum AtRest {
    None,
    Managed {
        wrapped_key: String,
        /// Told as SM4, though it is AES here too.
        #[serde(default)]
        sm4: bool,
    },
    Kms {
        key_id: String,
        context: Option<String>,
        wrapped_key: String,
    },
    Customer {
        key_md5: String,
        check_salt: String,
        check: String,
    },
}
