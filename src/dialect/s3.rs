//! S3: what the manuals of AWS say of names and limits; other stores that speak it mostly follow them.

use super::names::{BucketNames, ChecksumWish, ForbidOverwrite, Limits, Names};
use crate::operation::Operation;

/// "Protecting data with server-side encryption", "Checking object integrity" and the API reference of the calls, in the
/// Amazon S3 manuals.
pub(super) const NAMES: Names = Names {
    prefix: "x-amz-",
    sse: "x-amz-server-side-encryption",
    sse_kms_key_id: "x-amz-server-side-encryption-aws-kms-key-id",
    sse_context: "x-amz-server-side-encryption-context",
    customer_algorithm: "x-amz-server-side-encryption-customer-algorithm",
    customer_key: "x-amz-server-side-encryption-customer-key",
    customer_key_md5: "x-amz-server-side-encryption-customer-key-md5",
    source_customer_algorithm: "x-amz-copy-source-server-side-encryption-customer-algorithm",
    source_customer_key: "x-amz-copy-source-server-side-encryption-customer-key",
    source_customer_key_md5: "x-amz-copy-source-server-side-encryption-customer-key-md5",
    managed: "AES256",
    kms: "aws:kms",
    crc64_xz: None,
    crc64_nvme: Some("x-amz-checksum-crc64nvme"),
    crc32c: Some("x-amz-checksum-crc32c"),
    checksum_wish: Some(ChecksumWish {
        algorithm: "x-amz-checksum-algorithm",
        of_whole: ("x-amz-checksum-type", "FULL_OBJECT"),
        show: ("x-amz-checksum-mode", "ENABLED"),
        words: ("CRC64NVME", "CRC32C"),
    }),
    request_id: "x-amz-request-id",
    // Stores that are compatible with it do not all do so.
    always_names_requests: false,
    version_id: "x-amz-version-id",
    meta: "x-amz-meta-",
    storage_class: "x-amz-storage-class",
    acl: "x-amz-acl",
    tagging: "x-amz-tagging",
    // "How to prevent object overwrites with conditional writes": PutObject and CompleteMultipartUpload; in a bucket
    // with versions it looks at the current one.
    forbid_overwrite: ForbidOverwrite { header: ("if-none-match", "*"), at_initiate: false, despite_versions: true },
    // "How to perform conditional deletes" (userguide/conditional-deletes.html): it needs s3:GetObject too, as HEAD does.
    deletes_if_match: true,
    traffic_limit: None,
    security_token: "x-amz-security-token",
    token_variable: "AWS_SESSION_TOKEN",
    // "HeadBucket"; 301 PermanentRedirect has it and no Location ("Making requests to buckets in another region").
    bucket_region: Some("x-amz-bucket-region"),
    // "General purpose bucket naming rules": unique across all accounts and regions of a partition. Of other stores none
    // says so. The group is named as in an ARN; the hosts are those of "Amazon S3 endpoints and quotas".
    buckets: BucketNames::PerStore {
        shared: &[
            ("us-gov-east-1.amazonaws.com", "aws-us-gov"),
            ("us-gov-east-1.vpce.amazonaws.com", "aws-us-gov"),
            ("us-gov-west-1.amazonaws.com", "aws-us-gov"),
            ("us-gov-west-1.vpce.amazonaws.com", "aws-us-gov"),
            (".amazonaws.com", "aws"),
            (".amazonaws.com.cn", "aws-cn"),
        ],
    },
    check_bucket: "check the bucket's name, the endpoint and the region",
    key_id: "access key id",
    // "HeadObject": without it a key that has no object is answered as one that may not be looked at.
    permission_to_miss: Some("s3:ListBucket"),
    // "Blocking or unblocking SSE-C for a general purpose bucket": 403 AccessDenied to every write that names a key.
    blocked_keys: Some(
        "since April 2026 buckets of AWS refuse customer keys unless they are told to take them \
         (PutBucketEncryption with BlockedEncryptionTypes NONE)",
    ),
    reserved: &[
        ("x-amz-server-side-encryption", "the encryption has its own options, so that every call carries it"),
        ("x-amz-copy-source", "it would turn the upload into a copy"),
        ("x-amz-security-token", "the token comes with the credentials"),
        ("x-amz-checksum", "checksums are computed and compared here"),
        ("x-amz-sdk-checksum", "checksums are computed and compared here"),
        ("x-amz-content-sha256", "it belongs to the signature"),
        ("x-amz-date", "it belongs to the signature"),
        ("x-amz-decoded-content-length", "it belongs to the connection"),
        ("x-amz-trailer", "it belongs to the connection"),
        ("x-amz-mp-object-size", "it follows from the source"),
        ("x-cos-", "the store does not go by this name"),
    ],
};

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// "Amazon S3 multipart upload limits", "Working with object metadata", "Categorizing your storage using tags". The
/// largest object is what the parts can hold; stores with a lower limit refuse by themselves.
pub(super) const LIMITS: Limits = Limits {
    min_part: 5 * MIB,
    max_part: 5 * GIB,
    max_parts: 10_000,
    max_put: 5 * GIB,
    max_object: 50_000 * GIB,
    traffic_limit: None,
    max_tags: 10,
    max_tag_key: 128,
    max_tag_value: 256,
    max_meta: 2 << 10,
    max_meta_total: 2 << 10,
};

/// The region that requests are signed for where none is given: that of AWS's first one, which stores without regions
/// take as well.
pub(super) const REGION: &str = "us-east-1";

/// The action of IAM that a call needs ("Required permissions for Amazon S3 API operations").
pub(super) const fn permission(operation: Operation) -> &'static str {
    match operation {
        Operation::Initiate
        | Operation::UploadPart
        | Operation::UploadPartCopy
        | Operation::Complete
        | Operation::Put
        | Operation::PutCopy => "s3:PutObject",
        Operation::Abort => "s3:AbortMultipartUpload",
        Operation::ListParts => "s3:ListMultipartUploadParts",
        Operation::ListUploads => "s3:ListBucketMultipartUploads",
        Operation::Head | Operation::Get => "s3:GetObject",
        Operation::Delete => "s3:DeleteObject",
    }
}

/// Whether a host is one of S3's own ("Amazon S3 endpoints and quotas", "Methods for accessing a general purpose bucket",
/// "AWS PrivateLink for Amazon S3"): `s3` or a word that begins so, and behind it nothing but a region, `dualstack` or
/// `vpce`. Other hosts of that domain are machines and load balancers of customers, who may run any store there.
pub(super) fn is_documented_at(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    let Some(names) = [".amazonaws.com", ".amazonaws.com.cn"].iter().find_map(|domain| host.strip_suffix(domain))
    else {
        return false;
    };
    // us-east-1, us-gov-west-1
    let is_region = |word: &str| {
        let mut pieces = word.rsplit('-');
        let digits = |piece: &str| !piece.is_empty() && piece.bytes().all(|byte| byte.is_ascii_digit());
        pieces.next().is_some_and(digits)
            && pieces.clone().count() > 1
            && pieces.all(|it| !it.is_empty() && !digits(it))
    };
    for word in names.rsplit('.') {
        if word == "s3" || word.starts_with("s3-") {
            return true;
        }
        if !is_region(word) && word != "dualstack" && word != "vpce" {
            return false;
        }
    }
    false
}

/// Why no bucket can have this name ("General purpose bucket naming rules"). Upper-case letters and `_`, which other
/// stores and old buckets have, are let through: they only need addresses of path style.
pub(super) fn check_bucket(name: &str) -> Result<(), &'static str> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    if !(3..=63).contains(&name.len()) {
        return Err("it has fewer than 3 or more than 63 characters");
    }
    if !name.bytes().all(allowed) {
        return Err("only letters, digits, '-', '.' and '_' are allowed");
    }
    let edge = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    if !edge(name.as_bytes().first()) || !edge(name.as_bytes().last()) || name.contains("..") {
        return Err("it begins or ends with another character than a letter or digit, or has two dots in a row");
    }
    Ok(())
}

/// Why no object can have this key ("Naming Amazon S3 objects").
pub(super) fn check_key(key: &str) -> Result<(), String> {
    if key.is_empty() {
        return Err("it is empty".to_owned());
    }
    if key.len() > 1024 {
        return Err(format!("it has {} bytes, and the store takes 1024", key.len()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::is_documented_at;

    #[test]
    fn machines_and_load_balancers_of_customers_are_not_s3() {
        for host in [
            "s3.amazonaws.com",
            "bucket.s3.amazonaws.com",
            "s3.eu-central-1.amazonaws.com",
            "my.bucket.s3.dualstack.us-gov-west-1.amazonaws.com",
            "S3-FIPS.us-east-1.amazonaws.com",
            "b.s3-accelerate.amazonaws.com",
            "b.s3-us-west-2.amazonaws.com",
            "bucket.vpce-1a2b3c4d-5e6f.s3.us-east-1.vpce.amazonaws.com",
            "s3.cn-north-1.amazonaws.com.cn",
        ] {
            assert!(is_documented_at(host), "{host}");
        }
        for host in [
            "ec2-1-2-3-4.compute-1.amazonaws.com",
            "ec2-1-2-3-4.us-west-2.compute.amazonaws.com",
            "my-lb-1.us-east-1.elb.amazonaws.com",
            "s3-lb-1.us-east-1.elb.amazonaws.com",
            "s3.lb.us-east-1.elb.amazonaws.com",
            "abc.execute-api.us-east-1.amazonaws.com",
            "us-east-1.amazonaws.com",
            "s3.amazonaws.com.evil.example",
            "amazonaws.com",
            "s3.evilamazonaws.com",
            "localhost",
        ] {
            assert!(!is_documented_at(host), "{host}");
        }
    }
}
