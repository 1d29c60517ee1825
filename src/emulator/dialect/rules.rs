//! How the dialects differ by more than names.

/// What a dialect demands and does.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "independent rules")]
pub(in crate::emulator) struct Rules {
    /// Whether what asks for no encryption is encrypted under the store's keys (userguide/default-encryption-faq.html).
    pub(in crate::emulator) always_encrypts: bool,
    /// Whether a mode is refused wherever it does not begin; else it is surplus there.
    pub(in crate::emulator) modes_only_begin: bool,
    /// Whether a customer key is let through where nothing is read or written under it; else it is refused there.
    pub(in crate::emulator) ignores_keys: bool,
    /// Modes that the real store knows.
    pub(in crate::emulator) other_modes: &'static [&'static str],
    /// Whether Complete and ListParts take the customer key, and need it if a checksum was declared
    /// (API_CompleteMultipartUpload.html, API_ListParts.html).
    pub(in crate::emulator) key_ends_uploads: bool,
    /// Whether Complete confirms a customer key.
    pub(in crate::emulator) complete_confirms_keys: bool,
    /// Whether KMS keys are told by their ARN.
    pub(in crate::emulator) kms_arns: bool,
    /// Whether requests declare and bring checksums; else the store tells its CRC-64 unasked.
    pub(in crate::emulator) checksums: bool,
    /// Whether the tag of many parts is the MD5 of their MD5s.
    pub(in crate::emulator) tags_parts: bool,
    /// Whether keys may begin with a slash and hold any character.
    pub(in crate::emulator) odd_keys: bool,
    /// Whether a declaration comes before the white space of an answer.
    pub(in crate::emulator) declares_first: bool,
    /// Whether every answer has the second name of a request; else errors only.
    pub(in crate::emulator) traces_all: bool,
    pub(in crate::emulator) default_type: &'static str,
    /// A header of every object.
    pub(in crate::emulator) object_type: Option<&'static str>,
    /// The header that tells the number of an object's tags.
    pub(in crate::emulator) tag_count: Option<&'static str>,
    /// Whether HEAD answers for a range as GET does, and both for the number of a part.
    pub(in crate::emulator) reads_parts: bool,
    /// Id and name of all owners.
    pub(in crate::emulator) owner: (&'static str, &'static str),
    /// Whether the names in a list of parts can be encoded.
    pub(in crate::emulator) encodes_parts: bool,
    /// Whether a page that is too long is a shorter one; else it is refused.
    pub(in crate::emulator) shortens_pages: bool,
    /// The values that forbid overwriting, and those that do not.
    pub(in crate::emulator) forbidding: (&'static str, &'static [&'static str]),
    /// Whether Initiate knows that condition too.
    pub(in crate::emulator) forbids_at_initiate: bool,
    /// Conditions on writes that this store does not know.
    pub(in crate::emulator) other_conditions: &'static [&'static str],
    /// Whether a DELETE may be bound to the object's tag (userguide/conditional-deletes.html).
    pub(in crate::emulator) deletes_if_match: bool,
    /// Parameters that stand for calls which this store does not speak.
    pub(in crate::emulator) other_calls: &'static [&'static str],
    /// Beginnings of headers that would have to be ignored, although they change what is stored or who may see it.
    pub(in crate::emulator) other_headers: &'static [&'static str],
    /// The header that names the account that the bucket must belong to.
    pub(in crate::emulator) expected_owner: Option<&'static str>,
    pub(in crate::emulator) traffic_limit: Option<&'static str>,
    /// The header of a body's SHA-1 in hexadecimal digits.
    pub(in crate::emulator) content_sha1: Option<&'static str>,
    /// The beginning of headers that say who may do what, if their form is known.
    pub(in crate::emulator) grants: Option<&'static str>,
    /// The ends of the service's own host names, where it restricts new buckets (/document/product/436/57456).
    pub(in crate::emulator) default_domains: &'static [&'static str],
    /// The beginning of storage classes for buckets in several zones.
    pub(in crate::emulator) zoned_classes: Option<&'static str>,
    /// Whether names of user metadata have small letters, digits and hyphens only.
    pub(in crate::emulator) plain_meta_names: bool,
    /// Whether conditions of a copy go in pairs, a match with a date of the same sense, and exclude the other pair.
    pub(in crate::emulator) pairs_conditions: bool,
    /// Whether the region of a bucket can be asked for, and the header of HEAD that tells it.
    pub(in crate::emulator) bucket_region: Option<&'static str>,
    /// Whether the source of a copy begins with the bucket's host; else with the bucket.
    pub(in crate::emulator) copies_by_host: bool,
    /// Whether an empty range of a copy means the whole source: an official SDK of COS sends it so.
    pub(in crate::emulator) empty_range_is_whole: bool,
    /// Whether a copy onto itself may change encryption or storage class only.
    pub(in crate::emulator) copies_recode: bool,
    /// The headers of an object that are kept.
    pub(in crate::emulator) kept: &'static [&'static str],
    pub(in crate::emulator) storage_classes: &'static [&'static str],
    /// Those whose objects are to be restored before they are read.
    pub(in crate::emulator) archives: &'static [&'static str],
    pub(in crate::emulator) acls: &'static [&'static str],
}

/// The account that all buckets and keys of S3 belong to.
pub(in crate::emulator) const OWNER_OF_S3: &str = "111122223333";

pub(super) const COS: Rules = Rules {
    always_encrypts: false,
    modes_only_begin: false,
    ignores_keys: false,
    other_modes: &[],
    key_ends_uploads: false,
    complete_confirms_keys: true,
    kms_arns: false,
    checksums: false,
    // Samples in the manual show that the service's own tag is not made from the parts' either.
    tags_parts: false,
    odd_keys: false,
    declares_first: false,
    traces_all: false,
    default_type: "application/octet-stream",
    object_type: Some("x-cos-object-type"),
    tag_count: None,
    reads_parts: false,
    // What the samples tell of owners; nobody in particular.
    owner: ("qcs::cam::uin/100000000001:uin/100000000001", "100000000001"),
    encodes_parts: true,
    shortens_pages: false,
    forbidding: ("true", &["false", ""]),
    forbids_at_initiate: true,
    other_conditions: &[],
    deletes_if_match: false,
    other_calls: &["acl", "tagging", "versioning", "restore", "append", "encryption", "preflight"],
    // Bounds on the parts of an upload, and on its type; callbacks and image work on an upload.
    other_headers: &["x-cos-psize-", "x-cos-pnum-", "x-cos-callback", "pic-operations"],
    expected_owner: None,
    traffic_limit: Some("x-cos-traffic-limit"),
    content_sha1: Some("x-cos-content-sha1"),
    grants: Some("x-cos-grant-"),
    default_domains: &super::hosts::DOMAINS,
    zoned_classes: Some("MAZ_"),
    plain_meta_names: true,
    pairs_conditions: true,
    bucket_region: None,
    copies_by_host: true,
    empty_range_is_whole: true,
    copies_recode: false,
    kept: &["content-type", "cache-control", "content-disposition", "content-encoding", "expires"],
    storage_classes: &[
        "STANDARD",
        "STANDARD_IA",
        "INTELLIGENT_TIERING",
        "ARCHIVE",
        "DEEP_ARCHIVE",
        "MAZ_STANDARD",
        "MAZ_STANDARD_IA",
        "MAZ_INTELLIGENT_TIERING",
        "MAZ_ARCHIVE",
        "COLD",
        "MAZ_COLD",
    ],
    archives: &["ARCHIVE", "DEEP_ARCHIVE", "MAZ_ARCHIVE"],
    acls: &[
        "default",
        "private",
        "public-read",
        "public-read-write",
        "authenticated-read",
        "bucket-owner-read",
        "bucket-owner-full-control",
    ],
};

pub(super) const S3: Rules = Rules {
    always_encrypts: true,
    modes_only_begin: true,
    ignores_keys: true,
    other_modes: &["aws:kms:dsse"],
    key_ends_uploads: true,
    complete_confirms_keys: false,
    kms_arns: true,
    checksums: true,
    tags_parts: true,
    odd_keys: true,
    declares_first: true,
    traces_all: true,
    default_type: "binary/octet-stream",
    object_type: None,
    tag_count: Some("x-amz-tagging-count"),
    reads_parts: true,
    owner: ("75aa57f09aa0c8caeab4f8c24e99d10f8e7faeebf76c078efc7c6caea54ba06a", "owner"),
    encodes_parts: false,
    shortens_pages: true,
    forbidding: ("*", &[]),
    // It is a condition of Complete.
    forbids_at_initiate: false,
    other_conditions: &["if-match"],
    deletes_if_match: true,
    other_calls: &[
        "acl",
        "attributes",
        "legal-hold",
        "restore",
        "retention",
        "select",
        "tagging",
        "torrent",
        "versionId",
        "versioning",
        "versions",
    ],
    other_headers: &[
        "x-amz-grant-",
        "x-amz-object-lock-",
        "x-amz-server-side-encryption-bucket-key-enabled",
        "x-amz-write-offset-bytes",
        "x-amz-website-redirect-location",
    ],
    expected_owner: Some("x-amz-expected-bucket-owner"),
    traffic_limit: None,
    content_sha1: None,
    grants: None,
    default_domains: &[],
    zoned_classes: None,
    plain_meta_names: false,
    pairs_conditions: false,
    bucket_region: Some("x-amz-bucket-region"),
    copies_by_host: false,
    empty_range_is_whole: false,
    copies_recode: true,
    kept: &["content-type", "cache-control", "content-disposition", "content-encoding", "content-language", "expires"],
    storage_classes: &[
        "STANDARD",
        "REDUCED_REDUNDANCY",
        "STANDARD_IA",
        "ONEZONE_IA",
        "INTELLIGENT_TIERING",
        "GLACIER",
        "DEEP_ARCHIVE",
        "GLACIER_IR",
    ],
    archives: &["GLACIER", "DEEP_ARCHIVE"],
    acls: &[
        "private",
        "public-read",
        "public-read-write",
        "authenticated-read",
        "aws-exec-read",
        "bucket-owner-read",
        "bucket-owner-full-control",
    ],
};
