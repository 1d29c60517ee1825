//! What a store speaks, as tables: names of headers and values here, rules and words of refusals beside.
//!
//! The operations are one code path that asks these tables; nothing else names a dialect, but for the signatures, which
//! exist once for each. What is said of S3 is from its API reference and user guide
//! (docs.aws.amazon.com/AmazonS3/latest).

mod hosts;
mod refusals;
mod rules;

use std::net::Ipv4Addr;

pub(super) use self::{
    hosts::CosHost,
    refusals::Refusals,
    rules::{OWNER_OF_S3, Rules},
};

/// Which store is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Spoken {
    /// Tencent Cloud COS: `x-cos-` headers and `q-sign` signatures.
    Cos,
    /// Amazon S3: `x-amz-` headers and Signature Version 4.
    S3,
}

/// The names of a dialect. Header names are in lower case, but for one that the manual spells out.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) server: &'static str,
    pub(super) request_id: &'static str,
    /// The second name of a request: a header, and an element of errors.
    pub(super) trace_id: (&'static str, &'static str),
    /// The namespace of answers.
    pub(super) namespace: Option<&'static str>,
    pub(super) mode: &'static str,
    pub(super) kms: &'static str,
    pub(super) kms_key_id: &'static str,
    pub(super) kms_context: &'static str,
    pub(super) algorithm: &'static str,
    pub(super) key: &'static str,
    pub(super) key_md5: &'static str,
    /// How answers spell the last one.
    pub(super) key_md5_echo: &'static str,
    /// The same three for the source of a copy.
    pub(super) source_key: [&'static str; 3],
    pub(super) copy_source: &'static str,
    pub(super) copy_source_range: &'static str,
    pub(super) copy_if_match: &'static str,
    pub(super) copy_if_none_match: &'static str,
    pub(super) copy_if_modified_since: &'static str,
    pub(super) copy_if_unmodified_since: &'static str,
    pub(super) metadata_directive: &'static str,
    pub(super) tagging_directive: &'static str,
    /// The values of directives: keep what the source has, or replace it.
    pub(super) directives: (&'static str, &'static str),
    pub(super) meta: &'static str,
    pub(super) storage_class: &'static str,
    pub(super) acl: &'static str,
    pub(super) tagging: &'static str,
    /// Never replace an object.
    pub(super) forbid_overwrite: &'static str,
}

const COS: Names = Names {
    server: "tencent-cos",
    request_id: "x-cos-request-id",
    trace_id: ("x-cos-trace-id", "TraceId"),
    namespace: None,
    mode: "x-cos-server-side-encryption",
    kms: "cos/kms",
    kms_key_id: "x-cos-server-side-encryption-cos-kms-key-id",
    kms_context: "x-cos-server-side-encryption-context",
    algorithm: "x-cos-server-side-encryption-customer-algorithm",
    key: "x-cos-server-side-encryption-customer-key",
    key_md5: "x-cos-server-side-encryption-customer-key-md5",
    // As in /document/product/436/7729.
    key_md5_echo: "x-cos-server-side-encryption-customer-key-MD5",
    source_key: [
        "x-cos-copy-source-server-side-encryption-customer-algorithm",
        "x-cos-copy-source-server-side-encryption-customer-key",
        "x-cos-copy-source-server-side-encryption-customer-key-md5",
    ],
    copy_source: "x-cos-copy-source",
    copy_source_range: "x-cos-copy-source-range",
    copy_if_match: "x-cos-copy-source-if-match",
    copy_if_none_match: "x-cos-copy-source-if-none-match",
    copy_if_modified_since: "x-cos-copy-source-if-modified-since",
    copy_if_unmodified_since: "x-cos-copy-source-if-unmodified-since",
    metadata_directive: "x-cos-metadata-directive",
    tagging_directive: "x-cos-tagging-directive",
    directives: ("Copy", "Replaced"),
    meta: "x-cos-meta-",
    storage_class: "x-cos-storage-class",
    acl: "x-cos-acl",
    tagging: "x-cos-tagging",
    forbid_overwrite: "x-cos-forbid-overwrite",
};

const S3: Names = Names {
    server: "AmazonS3",
    request_id: "x-amz-request-id",
    trace_id: ("x-amz-id-2", "HostId"),
    namespace: Some("http://s3.amazonaws.com/doc/2006-03-01/"),
    mode: "x-amz-server-side-encryption",
    kms: "aws:kms",
    kms_key_id: "x-amz-server-side-encryption-aws-kms-key-id",
    kms_context: "x-amz-server-side-encryption-context",
    algorithm: "x-amz-server-side-encryption-customer-algorithm",
    key: "x-amz-server-side-encryption-customer-key",
    key_md5: "x-amz-server-side-encryption-customer-key-md5",
    key_md5_echo: "x-amz-server-side-encryption-customer-key-MD5",
    source_key: [
        "x-amz-copy-source-server-side-encryption-customer-algorithm",
        "x-amz-copy-source-server-side-encryption-customer-key",
        "x-amz-copy-source-server-side-encryption-customer-key-md5",
    ],
    copy_source: "x-amz-copy-source",
    copy_source_range: "x-amz-copy-source-range",
    copy_if_match: "x-amz-copy-source-if-match",
    copy_if_none_match: "x-amz-copy-source-if-none-match",
    copy_if_modified_since: "x-amz-copy-source-if-modified-since",
    copy_if_unmodified_since: "x-amz-copy-source-if-unmodified-since",
    metadata_directive: "x-amz-metadata-directive",
    tagging_directive: "x-amz-tagging-directive",
    directives: ("COPY", "REPLACE"),
    meta: "x-amz-meta-",
    storage_class: "x-amz-storage-class",
    acl: "x-amz-acl",
    tagging: "x-amz-tagging",
    forbid_overwrite: "if-none-match",
};

impl Names {
    /// The headers that name a mode.
    pub(super) fn mode_headers(&self) -> [&'static str; 3] {
        [self.mode, self.kms_key_id, self.kms_context]
    }

    /// The headers of a customer key.
    pub(super) fn customer_headers(&self) -> [&'static str; 3] {
        [self.algorithm, self.key, self.key_md5]
    }
}

impl Spoken {
    pub(super) const fn names(self) -> &'static Names {
        match self {
            Self::Cos => &COS,
            Self::S3 => &S3,
        }
    }

    pub(super) const fn rules(self) -> &'static Rules {
        match self {
            Self::Cos => &rules::COS,
            Self::S3 => &rules::S3,
        }
    }

    pub(super) const fn refusals(self) -> &'static Refusals {
        match self {
            Self::Cos => &refusals::COS,
            Self::S3 => &refusals::S3,
        }
    }

    /// Credentials as long as the real ones are, of enough hexadecimal digits for each.
    pub(super) fn credentials(self, id: &str, key: &str) -> (String, String) {
        match self {
            Self::Cos => (format!("AKID{}", &id[..32]), key[..32].to_owned()),
            Self::S3 => (format!("AKIA{}", id[..16].to_ascii_uppercase()), key[..40].to_owned()),
        }
    }

    /// The bucket that a host without its port names, virtual-hosted; the names of S3 buckets may have dots.
    pub(super) fn bucket_of(self, host: &str, region: &str) -> Option<String> {
        match self {
            Self::Cos => {
                if self.listing_services().any(|name| name == host) {
                    return Some(String::new());
                }
                let local = || host.strip_suffix(".localhost").filter(|name| !name.contains('.'));
                let bucket = CosHost::read(host).map_or_else(local, |host| host.bucket);
                bucket.map(str::to_owned)
            }
            Self::S3 => {
                let mut services = self.services(region);
                services.push("localhost".to_owned());
                let bucket = |service: &String| host.strip_suffix(service.as_str())?.strip_suffix('.');
                services.iter().find_map(bucket).map(str::to_owned)
            }
        }
    }

    /// A host of the service, where other regions than this store's have such as well.
    pub(super) fn service_host(self, host: &str) -> Option<CosHost<'_>> {
        match self {
            Self::Cos => CosHost::read(host),
            // Another region's host is none of this store's.
            Self::S3 => None,
        }
    }

    pub(super) const fn default_bucket(self) -> &'static str {
        match self {
            Self::Cos => "examplebucket-1250000000",
            Self::S3 => "examplebucket",
        }
    }

    /// The host names of the service itself, with this region.
    pub(super) fn services(self, region: &str) -> Vec<String> {
        match self {
            Self::Cos => vec![format!("cos.{region}.myqcloud.com"), format!("cos.{region}.tencentcos.cn")],
            Self::S3 => vec![
                format!("s3.{region}.amazonaws.com"),
                format!("s3.dualstack.{region}.amazonaws.com"),
                "s3.amazonaws.com".to_owned(),
            ],
        }
    }

    /// Its host names for machines in its own network, and for global acceleration (/document/product/436/6224,
    /// /document/product/436/33409).
    pub(super) fn other_services(self, region: &str) -> Vec<String> {
        match self {
            Self::Cos => hosts::DOMAINS
                .iter()
                .flat_map(|domain| [format!("cos-internal.{region}{domain}"), format!("cos.accelerate{domain}")])
                .collect(),
            Self::S3 => Vec::new(),
        }
    }

    /// The host names that list buckets, and name none.
    pub(super) fn listing_services(self) -> impl Iterator<Item = &'static str> {
        let names: &[&str] = match self {
            Self::Cos => &["service.cos.myqcloud.com", "service.cos.tencentcos.cn"],
            Self::S3 => &[],
        };
        names.iter().copied()
    }

    /// Whether this can be a bucket's name. It becomes a folder's as well, so no dialect may allow a slash or `..`.
    pub(super) fn allows_bucket(self, name: &str) -> bool {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        match self {
            Self::Cos => !name.is_empty() && name.len() <= 60 && name.bytes().all(plain),
            // userguide/bucketnamingrules.html
            Self::S3 => {
                (3..=63).contains(&name.len())
                    && name.bytes().all(|byte| plain(byte) || byte == b'.')
                    && !name.starts_with(['-', '.'])
                    && !name.ends_with(['-', '.'])
                    && !name.contains("..")
                    && name.parse::<Ipv4Addr>().is_err()
                    && !["xn--", "sthree-", "amzn-s3-demo-"].iter().any(|start| name.starts_with(start))
                    && !["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"].iter().any(|end| name.ends_with(end))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_header_of_a_dialect_has_its_prefix() {
        for (names, prefix) in [(&COS, "x-cos-"), (&S3, "x-amz-")] {
            let mut all = vec![names.request_id, names.trace_id.0, names.copy_source];
            all.extend([names.copy_source_range, names.copy_if_match, names.copy_if_none_match]);
            all.extend([names.copy_if_modified_since, names.copy_if_unmodified_since, names.meta, names.acl]);
            all.extend([names.metadata_directive, names.tagging_directive, names.storage_class, names.tagging]);
            all.extend([names.mode_headers(), names.customer_headers(), names.source_key].concat());
            assert!(all.iter().all(|name| name.starts_with(prefix)), "{all:?}");
            assert!(names.key_md5_echo.eq_ignore_ascii_case(names.key_md5));
        }
    }

    #[test]
    fn bucket_names_follow_the_rules_of_their_store() {
        for good in ["abc", "a-b.c-d", "1bucket", &"b".repeat(63)] {
            assert!(Spoken::S3.allows_bucket(good), "{good}");
        }
        for bad in
            ["ab", "Abc", "a_b", "a..b", ".ab", "ab-", "192.168.5.4", "xn--a", "a-s3alias", "a/b", &"b".repeat(64)]
        {
            assert!(!Spoken::S3.allows_bucket(bad), "{bad}");
        }
        assert!(Spoken::Cos.allows_bucket("examplebucket-1250000000"));
        for bad in ["", "a.b", "a_b", "A", "..", &"b".repeat(61)] {
            assert!(!Spoken::Cos.allows_bucket(bad), "{bad}");
        }
    }
}
