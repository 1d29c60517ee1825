//! What differs between stores, as one table: names of headers, limits, hosts, rules for names.
//!
//! Nothing else in the client may ask which store it talks to; only the signers exist once per dialect.

use std::fmt;

/// A store's way of speaking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// Tencent Cloud COS, XML API, `q-sign` signatures.
    Cos,
}

/// The names that a dialect gives to headers and values. Header names are in lower case.
#[derive(Debug)]
pub(crate) struct Names {
    /// The prefix of all the store's own headers.
    pub(crate) prefix: &'static str,
    /// The encryption mode, or the algorithm of a mode whose keys the store keeps.
    pub(crate) sse: &'static str,
    /// The KMS key of an object.
    pub(crate) sse_kms_key_id: &'static str,
    /// The KMS context, base64 of a JSON object.
    pub(crate) sse_context: &'static str,
    /// The algorithm of a customer key.
    pub(crate) customer_algorithm: &'static str,
    /// A customer key, base64.
    pub(crate) customer_key: &'static str,
    /// The MD5 of a customer key's 32 bytes, base64.
    pub(crate) customer_key_md5: &'static str,
    /// The same three for the source of a copy.
    pub(crate) source_customer_algorithm: &'static str,
    /// See [`Self::source_customer_algorithm`].
    pub(crate) source_customer_key: &'static str,
    /// See [`Self::source_customer_algorithm`].
    pub(crate) source_customer_key_md5: &'static str,
    /// The value of `sse` for keys managed by the store.
    pub(crate) managed: &'static str,
    /// The value of `sse` for keys in a KMS.
    pub(crate) kms: &'static str,
    /// The checksum of the whole object or part, as the store computes it.
    pub(crate) crc64: &'static str,
    /// The store's identifier of a request.
    pub(crate) request_id: &'static str,
    /// The version that an answer speaks of.
    pub(crate) version_id: &'static str,
    /// The prefix of user metadata.
    pub(crate) meta: &'static str,
    /// Storage class.
    pub(crate) storage_class: &'static str,
    /// Canned access list.
    pub(crate) acl: &'static str,
    /// Tags, as a URL query.
    pub(crate) tagging: &'static str,
    /// Never replace an object: name and value.
    pub(crate) forbid_overwrite: (&'static str, &'static str),
    /// Bandwidth limit of one request, if the store has one.
    pub(crate) traffic_limit: &'static str,
    /// The token of temporary credentials.
    pub(crate) security_token: &'static str,
    /// The beginnings of header names that a user may not add to an upload, each with the reason.
    pub(crate) reserved: &'static [(&'static str, &'static str)],
}

/// What a store allows. Sizes in bytes.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Limits {
    /// The smallest part, except for the last one.
    pub min_part: u64,
    /// The largest part.
    pub max_part: u64,
    /// How many parts an upload may have.
    pub max_parts: u16,
    /// The largest object of one PUT.
    pub max_put: u64,
    /// The largest object.
    pub max_object: u64,
    /// The least and the most bandwidth that a request may ask for, in bits per second.
    pub traffic_limit: (u64, u64),
    /// How many tags an object may have.
    pub max_tags: usize,
    /// The longest key of a tag, in characters.
    pub max_tag_key: usize,
    /// The longest value of a tag, in characters.
    pub max_tag_value: usize,
    /// The longest user metadata: name without its prefix, and value.
    pub max_meta: usize,
    /// The longest user metadata of all names together.
    pub max_meta_total: usize,
}

const COS_NAMES: Names = Names {
    prefix: "x-cos-",
    sse: "x-cos-server-side-encryption",
    sse_kms_key_id: "x-cos-server-side-encryption-cos-kms-key-id",
    sse_context: "x-cos-server-side-encryption-context",
    customer_algorithm: "x-cos-server-side-encryption-customer-algorithm",
    customer_key: "x-cos-server-side-encryption-customer-key",
    customer_key_md5: "x-cos-server-side-encryption-customer-key-md5",
    source_customer_algorithm: "x-cos-copy-source-server-side-encryption-customer-algorithm",
    source_customer_key: "x-cos-copy-source-server-side-encryption-customer-key",
    source_customer_key_md5: "x-cos-copy-source-server-side-encryption-customer-key-md5",
    managed: "AES256",
    kms: "cos/kms",
    crc64: "x-cos-hash-crc64ecma",
    request_id: "x-cos-request-id",
    version_id: "x-cos-version-id",
    meta: "x-cos-meta-",
    storage_class: "x-cos-storage-class",
    acl: "x-cos-acl",
    tagging: "x-cos-tagging",
    forbid_overwrite: ("x-cos-forbid-overwrite", "true"),
    traffic_limit: "x-cos-traffic-limit",
    security_token: "x-cos-security-token",
    reserved: &[
        ("x-cos-server-side-encryption", "the encryption has its own options, so that every call carries it"),
        ("x-cos-copy-source", "it would turn the upload into a copy"),
        ("x-cos-security-token", "the token comes with the credentials"),
        ("x-cos-hash", "checksums are computed and compared here"),
        ("x-cos-crc", "checksums are computed and compared here"),
        ("x-cos-content-sha1", "checksums are computed and compared here"),
        ("x-cos-forbid-overwrite", "it has its own option, which adds it to every call that needs it"),
        ("x-amz-", "the store does not go by this name"),
    ],
};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// "Specifications and Limits", /document/product/436/14518; 1 MB read as 2^20 and 5 GB as 5·2^30. The bandwidth is
/// from /document/product/436/40140, tags and metadata from /document/product/436/7749.
const COS_LIMITS: Limits = Limits {
    min_part: MIB,
    max_part: 5 * GIB,
    max_parts: 10_000,
    max_put: 5 * GIB,
    max_object: 50_000 * GIB,
    traffic_limit: (819_200, 838_860_800),
    max_tags: 10,
    max_tag_key: 128,
    max_tag_value: 256,
    max_meta: 2 << 10,
    max_meta_total: 4 << 10,
};

impl Dialect {
    /// The dialect of an address's scheme.
    pub fn from_scheme(scheme: &str) -> Option<Self> {
        match scheme {
            "cos" => Some(Self::Cos),
            _ => None,
        }
    }

    /// The scheme of an address.
    pub const fn scheme(self) -> &'static str {
        match self {
            Self::Cos => "cos",
        }
    }

    /// What the store allows.
    pub const fn limits(self) -> Limits {
        match self {
            Self::Cos => COS_LIMITS,
        }
    }

    /// The store's names for things.
    pub(crate) const fn names(self) -> &'static Names {
        match self {
            Self::Cos => &COS_NAMES,
        }
    }

    /// The service's host of a region, without the bucket (/document/product/436/6224).
    pub(crate) fn default_host(self, region: &str) -> String {
        match self {
            Self::Cos => format!("cos.{region}.myqcloud.com"),
        }
    }

    /// Why no bucket can have this name (/document/product/436/13312; the form is also the SDKs' own check).
    pub(crate) fn check_bucket(self, name: &str) -> Result<(), &'static str> {
        match self {
            Self::Cos => {
                let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
                let (label, appid) = name.rsplit_once('-').ok_or("it lacks the -appid at its end")?;
                if label.is_empty() || appid.is_empty() || !appid.bytes().all(|byte| byte.is_ascii_digit()) {
                    return Err("it lacks the -appid at its end");
                }
                if !name.bytes().all(allowed) {
                    return Err("only lower-case letters, digits and '-' are allowed");
                }
                if name.starts_with('-') || name.len() > 60 {
                    return Err("it begins with '-' or is longer than 60 characters");
                }
                Ok(())
            }
        }
    }

    /// Why no object can have this key (/document/product/436/13324).
    pub(crate) fn check_key(self, key: &str) -> Result<(), String> {
        match self {
            Self::Cos => {
                if key.is_empty() {
                    return Err("it is empty".to_owned());
                }
                if key.starts_with(['/', '\\']) {
                    return Err("it must not begin with '/' or '\\'".to_owned());
                }
                if key.len() > 850 {
                    return Err(format!("it has {} bytes, and the store takes 850", key.len()));
                }
                if key.chars().any(|c| ('\u{18}'..='\u{1b}').contains(&c)) {
                    return Err("it holds one of the control characters 0x18 to 0x1B".to_owned());
                }
                Ok(())
            }
        }
    }
}

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.scheme())
    }
}
