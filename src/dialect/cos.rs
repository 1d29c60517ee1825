//! COS: what its manuals say of names and limits.

use super::names::{BucketNames, ForbidOverwrite, Limits, Names};
use crate::operation::Operation;

pub(super) const NAMES: Names = Names {
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
    crc64_xz: Some("x-cos-hash-crc64ecma"),
    crc64_nvme: None,
    crc32c: None,
    checksum_wish: None,
    request_id: "x-cos-request-id",
    always_names_requests: true,
    version_id: "x-cos-version-id",
    meta: "x-cos-meta-",
    storage_class: "x-cos-storage-class",
    acl: "x-cos-acl",
    tagging: "x-cos-tagging",
    // In a bucket that keeps versions the store ignores it: /document/product/436/7749.
    forbid_overwrite: ForbidOverwrite {
        header: ("x-cos-forbid-overwrite", "true"),
        at_initiate: true,
        despite_versions: false,
    },
    deletes_if_match: false,
    traffic_limit: Some("x-cos-traffic-limit"),
    security_token: "x-cos-security-token",
    token_variable: "COS_SESSION_TOKEN",
    bucket_region: None,
    // "Bucket Overview", /document/product/436/13312: the name ends in the number of the account.
    buckets: BucketNames::Global,
    check_bucket: "check the bucket's name (name-appid) and the region",
    key_id: "secret id",
    permission_to_miss: None,
    blocked_keys: None,
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
pub(super) const LIMITS: Limits = Limits {
    min_part: MIB,
    max_part: 5 * GIB,
    max_parts: 10_000,
    max_put: 5 * GIB,
    max_object: 50_000 * GIB,
    traffic_limit: Some((819_200, 838_860_800)),
    max_tags: 10,
    max_tag_key: 128,
    max_tag_value: 256,
    max_meta: 2 << 10,
    max_meta_total: 4 << 10,
};

/// The action of CAM that a call needs: the pages of the calls, such as /document/product/436/7745 for HEAD.
pub(super) const fn permission(operation: Operation) -> &'static str {
    match operation {
        Operation::Initiate => "cos:InitiateMultipartUpload",
        Operation::UploadPart => "cos:UploadPart",
        Operation::Complete => "cos:CompleteMultipartUpload",
        Operation::Abort => "cos:AbortMultipartUpload",
        Operation::ListParts => "cos:ListParts",
        Operation::ListUploads => "cos:ListMultipartUploads",
        Operation::Head => "cos:HeadObject",
        Operation::Get => "cos:GetObject",
        Operation::Put | Operation::PutCopy | Operation::UploadPartCopy => "cos:PutObject",
        Operation::Delete => "cos:DeleteObject",
    }
}

/// Why no bucket can have this name (/document/product/436/13312; the form is also the SDKs' own check).
pub(super) fn check_bucket(name: &str) -> Result<(), &'static str> {
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

/// Why no object can have this key (/document/product/436/13324).
pub(super) fn check_key(key: &str) -> Result<(), String> {
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
