//! What differs between stores, as one table: names of headers, limits, hosts, rules for names.
//!
//! Nothing else in the client may ask which store it talks to; only the signers exist once per dialect.

use std::{fmt, str::FromStr};

use crate::operation::Operation;

mod cos;
mod names;
mod s3;

use self::names::BucketNames;
pub use self::names::Limits;
pub(crate) use self::names::{ChecksumWish, Names};

/// A store's way of speaking.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Dialect {
    /// Tencent Cloud COS, XML API, `q-sign` signatures.
    Cos,
    /// S3 as AWS and many other stores speak it, signature version 4.
    S3,
}

/// Tencent Cloud COS.
pub const COS: Dialect = Dialect::Cos;
/// Amazon S3, and stores that are compatible with it.
pub const S3: Dialect = Dialect::S3;

impl Dialect {
    /// The scheme of an address.
    pub const fn scheme(self) -> &'static str {
        match self {
            Self::Cos => "cos",
            Self::S3 => "s3",
        }
    }

    /// What the store allows.
    pub const fn limits(self) -> Limits {
        match self {
            Self::Cos => cos::LIMITS,
            Self::S3 => s3::LIMITS,
        }
    }

    /// The store's names for things.
    pub(crate) const fn names(self) -> &'static Names {
        match self {
            Self::Cos => &cos::NAMES,
            Self::S3 => &s3::NAMES,
        }
    }

    /// The permission that a call needs, as it is written into policies.
    pub(crate) const fn permission(self, operation: Operation) -> &'static str {
        match self {
            Self::Cos => cos::permission(operation),
            Self::S3 => s3::permission(operation),
        }
    }

    /// Whether an upload has to say by which checksum it is proved, and may choose. Otherwise there is one that the store
    /// tells by itself, always.
    pub(crate) const fn checksum_is_a_choice(self) -> bool {
        self.names().checksum_wish.is_some()
    }

    /// The service's host of a region, without the bucket (COS: /document/product/436/6224; S3: "Amazon Simple Storage
    /// Service endpoints and quotas").
    pub(crate) fn default_host(self, region: &str) -> String {
        match self {
            Self::Cos => format!("cos.{region}.myqcloud.com"),
            Self::S3 if region.starts_with("cn-") => format!("s3.{region}.amazonaws.com.cn"),
            Self::S3 => format!("s3.{region}.amazonaws.com"),
        }
    }

    /// The region that is signed for where none is known; empty where signatures have none.
    pub(crate) const fn default_region(self) -> &'static str {
        match self {
            Self::Cos => "",
            Self::S3 => s3::REGION,
        }
    }

    /// Among which stores a bucket's name means the same bucket, as one of them is asked at `host[:port]`: `None` for all
    /// that there are, else the name of their group, or the host of the only one.
    pub(crate) fn realm(self, store: &str) -> Option<&str> {
        let BucketNames::PerStore { shared } = self.names().buckets else { return None };
        let host = store.split(':').next().unwrap_or_default();
        let mut groups = shared.iter().filter(|_| self.is_documented_at(host));
        Some(groups.find(|(end, _)| host.ends_with(end)).map_or(store, |(_, group)| group))
    }

    /// Whether the store at this host is the one that the manuals are about, and not another that speaks like it.
    pub(crate) fn is_documented_at(self, host: &str) -> bool {
        match self {
            Self::Cos => true,
            Self::S3 => s3::is_documented_at(host),
        }
    }

    /// Why no bucket can have this name.
    pub(crate) fn check_bucket(self, name: &str) -> Result<(), &'static str> {
        match self {
            Self::Cos => cos::check_bucket(name),
            Self::S3 => s3::check_bucket(name),
        }
    }

    /// How an address is written.
    pub(crate) const fn address_form(self) -> &'static str {
        match self {
            Self::Cos => "cos://BUCKET-APPID/KEY, such as cos://examplebucket-1250000000/disk.img",
            Self::S3 => "s3://BUCKET/KEY",
        }
    }

    /// Why no object can have this key.
    pub(crate) fn check_key(self, key: &str) -> Result<(), String> {
        match self {
            Self::Cos => cos::check_key(key),
            Self::S3 => s3::check_key(key),
        }
    }
}

/// Reads the scheme of an address.
impl FromStr for Dialect {
    type Err = UnknownScheme;

    fn from_str(scheme: &str) -> Result<Self, UnknownScheme> {
        [Self::Cos, Self::S3].into_iter().find(|dialect| dialect.scheme() == scheme).ok_or(UnknownScheme)
    }
}

/// No store is known by this scheme.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no store is known by this scheme")]
pub struct UnknownScheme;

impl fmt::Display for Dialect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.scheme())
    }
}
