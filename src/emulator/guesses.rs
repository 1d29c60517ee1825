//! What the manuals do not tell.

use std::io;

use serde::{Deserialize, Serialize};

use super::setting::{self, Known};

/// Answers that the manuals do not tell. The defaults are our best guesses; each can be switched.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
pub struct Guesses {
    /// A customer key that is not the object's: 403 `AccessDenied`.
    pub wrong_key: (u16, String),
    /// A customer key that is not the upload's: COS 403 `AccessDenied`, S3 400 `InvalidRequest`.
    pub wrong_part_key: (u16, String),
    /// No customer key where one is needed: COS 400 `InvalidArgument`, S3 400 `InvalidRequest`.
    pub missing_key: (u16, String),
    /// A customer key, its MD5 or its algorithm is malformed: 400 `InvalidArgument`.
    pub malformed_key: (u16, String),
    /// A customer key where the object or upload has none: COS 400 `SSEHeaderNotAllowed`, S3 400 `InvalidRequest`.
    pub needless_key: (u16, String),
    /// A customer key over plain HTTP: 400 `InvalidRequest`.
    pub key_over_http: (u16, String),
    /// With COS, a bucket at the host name of another region: 404 `NoSuchBucket`.
    pub other_region: (u16, String),
    /// The object exists and must not be overwritten: COS 409 `FileAlreadyExists`; S3 412 `PreconditionFailed`, which
    /// is no guess.
    pub exists: (u16, String),
    /// Whether part numbers may have gaps at Complete: COS no, S3 yes.
    pub gaps: bool,
    /// Where they may not: 400 `InvalidPart`. The manual's table of errors describes `InvalidPartOrder` so.
    pub gap: (u16, String),
    /// Whether a part is refused as too small as soon as a later one is there, and not only at Complete: no.
    pub small_parts_refused_early: bool,
    /// Whether COS lets a mode pass on UploadPart and UploadPartCopy, which two official SDKs send: yes, unless the store
    /// is strict. Otherwise 400 `SSEHeaderNotAllowed`.
    pub part_takes_mode: bool,
    /// Whether COS lets the key of a copy's source pass on Initiate, where an official SDK sends it: yes, unless the store
    /// is strict. Otherwise 400 `SSEHeaderNotAllowed`.
    pub initiate_takes_source_key: bool,
    /// Whether COS lets encryption headers pass on Complete, ListParts and Abort, where official SDKs send them: yes,
    /// unless the store is strict. Otherwise 400 `SSEHeaderNotAllowed`.
    pub complete_takes_key: bool,
    /// Whether COS needs the upload's customer key at Complete: no. A strict store takes it there if this is on.
    pub complete_needs_key: bool,
    /// Whether UploadPartCopy needs the customer key of its upload: yes, as UploadPart does, and as two official SDKs send
    /// it; another one does not. Otherwise the store keeps the key of each such upload in memory, until it is finished or
    /// the store is started anew.
    pub part_copy_needs_key: bool,
    /// Whether Complete needs a `Content-MD5`: no. The manual says so, and an official SDK leaves it out.
    pub complete_needs_md5: bool,
    /// A request without a valid host, or with a header or parameter more than once: 400 `InvalidRequest`.
    pub malformed_request: (u16, String),
    /// An `Expect` that is not `100-continue`: 417 `ExpectationFailed`, by the status that HTTP has for it.
    pub other_expectation: (u16, String),
    /// Conditions of a copy that exclude each other: 400 `InvalidRequest`.
    pub mixed_conditions: (u16, String),
    /// The bytes of an archived object are asked for, by GET or as a copy's source; none is ever restored here: 403
    /// `InvalidObjectState`. The manual of COS has that code with 403 and with 409.
    pub archived: (u16, String),
    /// With COS, a GET of an installer (`.apk`, `.ipa`) at a default host name: 403 `DownloadForbidden`; the Chinese page
    /// says 400.
    pub download_forbidden: (u16, String),
    /// Whether the mode `SM4` is taken as `AES256` is, and told: no, 400 `SSEContentNotSupported`.
    pub takes_sm4: bool,
    /// The seconds of `Retry-After` on answers with 503: none.
    pub retry_after: Option<u64>,
    /// The element of lists that says that names are encoded: COS `Encoding-Type`, S3 `EncodingType`; any other name is
    /// taken for `Encoding-type`.
    pub encoding_element: String,
    /// Whether encoded names have a plus sign for a space: no, `%20`.
    pub plus_for_space: bool,
    /// Whether Complete's answer has the object's checksum: yes.
    pub crc_on_complete: bool,
    /// Whether Initiate's answer confirms the encryption: yes.
    pub echo_on_initiate: bool,
    /// Whether Complete's answer confirms the encryption: yes.
    pub echo_on_complete: bool,
    /// Whether an XML declaration follows the white space of Complete's answer: no. A strict parser refuses it there,
    /// and the official Python SDK has one. S3 sends the declaration before.
    pub declaration_after_space: bool,
    /// Whether S3 takes, and checks, a part's checksum of any algorithm although Initiate declared none: yes, because
    /// official SDKs send one by themselves. Otherwise 400 `InvalidRequest`, as S3 was once seen to answer, unless it is
    /// of the algorithm that S3 takes by itself, CRC64NVME.
    pub undeclared_part_checksums: bool,
    /// Whether S3 takes the checksum of a full object on Complete without its type: no, 400 `InvalidRequest`.
    pub checksum_without_type: bool,
    /// How many seconds an unfinished upload lives: for ever, as without a lifecycle rule.
    pub upload_lifetime: Option<u64>,
    /// The id that is told where a KMS key was left to the service.
    pub default_kms_key_id: String,
    /// KMS keys that do not exist: COS `KmsKeyNotExist`, S3 `KMS.NotFoundException`; any other id is taken.
    pub absent_kms_keys: Vec<String>,
    /// KMS keys that are disabled: COS `KmsKeyDisabled`, S3 `KMS.DisabledException`.
    pub disabled_kms_keys: Vec<String>,
}

impl Default for Guesses {
    /// Those of COS.
    fn default() -> Self {
        let pair = |status, code: &str| (status, code.to_owned());
        Self {
            wrong_key: pair(403, "AccessDenied"),
            wrong_part_key: pair(403, "AccessDenied"),
            missing_key: pair(400, "InvalidArgument"),
            malformed_key: pair(400, "InvalidArgument"),
            needless_key: pair(400, "SSEHeaderNotAllowed"),
            key_over_http: pair(400, "InvalidRequest"),
            other_region: pair(404, "NoSuchBucket"),
            exists: pair(409, "FileAlreadyExists"),
            gaps: false,
            gap: pair(400, "InvalidPart"),
            small_parts_refused_early: false,
            part_takes_mode: true,
            initiate_takes_source_key: true,
            complete_takes_key: true,
            complete_needs_key: false,
            part_copy_needs_key: true,
            complete_needs_md5: false,
            malformed_request: pair(400, "InvalidRequest"),
            other_expectation: pair(417, "ExpectationFailed"),
            mixed_conditions: pair(400, "InvalidRequest"),
            archived: pair(403, "InvalidObjectState"),
            download_forbidden: pair(403, "DownloadForbidden"),
            takes_sm4: false,
            retry_after: None,
            encoding_element: "Encoding-Type".to_owned(),
            plus_for_space: false,
            crc_on_complete: true,
            echo_on_initiate: true,
            echo_on_complete: true,
            declaration_after_space: false,
            undeclared_part_checksums: false,
            checksum_without_type: false,
            upload_lifetime: None,
            default_kms_key_id: "8f2d9e4c-0b71-11ee-a1f5-5254006d0a2b".to_owned(),
            absent_kms_keys: Vec::new(),
            disabled_kms_keys: Vec::new(),
        }
    }
}

impl Guesses {
    /// Those of S3.
    pub fn s3() -> Self {
        let invalid = (400, "InvalidRequest".to_owned());
        Self {
            wrong_part_key: invalid.clone(),
            missing_key: invalid.clone(),
            needless_key: invalid,
            exists: (412, "PreconditionFailed".to_owned()),
            gaps: true,
            encoding_element: "EncodingType".to_owned(),
            undeclared_part_checksums: true,
            default_kms_key_id: "1b7f6c52-9d0e-4c1a-8a3e-7c5d9f20b6e4".to_owned(),
            ..Self::default()
        }
    }

    /// All of them as lines for people: name, value, how a value is written, meaning.
    pub fn help(&self) -> String {
        setting::help(self, &KNOWN)
    }

    /// Switches one, by its field's name: `wrong_key=400:InvalidRequest`, `gaps=true`, `retry_after=5`.
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
        ("wrong_key", "a customer key that is not the object's"),
        ("wrong_part_key", "a customer key that is not the upload's"),
        ("missing_key", "no customer key where one is needed"),
        ("malformed_key", "a customer key, its MD5 or its algorithm is malformed"),
        ("needless_key", "a customer key where the object or upload has none"),
        ("key_over_http", "a customer key over plain HTTP"),
        ("other_region", "COS: a bucket at the host name of another region"),
        ("exists", "the object exists and must not be overwritten"),
        ("gaps", "whether part numbers may have gaps at Complete"),
        ("gap", "where they may not: a gap"),
        ("small_parts_refused_early", "whether a part is too small once a later one is there, not only at Complete"),
        ("part_takes_mode", "COS: whether UploadPart lets an encryption mode pass, unless strict"),
        ("initiate_takes_source_key", "COS: whether Initiate lets the key of a copy's source pass, unless strict"),
        ("complete_takes_key", "COS: whether Complete, ListParts and Abort let encryption headers pass, unless strict"),
        ("complete_needs_key", "COS: whether Complete needs the upload's customer key"),
        ("part_copy_needs_key", "whether UploadPartCopy needs the customer key of its upload"),
        ("complete_needs_md5", "whether Complete needs a Content-MD5"),
        ("malformed_request", "a request without a valid host, or with a header or parameter more than once"),
        ("other_expectation", "an Expect that is not 100-continue"),
        ("mixed_conditions", "conditions of a copy that exclude each other"),
        ("archived", "a GET or a copy of an archived object"),
        ("download_forbidden", "COS: a GET of .apk and .ipa at the service's own host names"),
        ("takes_sm4", "COS: whether the mode SM4 is taken as AES256 is"),
        ("retry_after", "the seconds of Retry-After on answers with 503"),
        ("encoding_element", "the element of lists that says that names are encoded"),
        ("plus_for_space", "whether encoded names have a plus sign for a space"),
        ("crc_on_complete", "whether Complete's answer has the object's checksum"),
        ("echo_on_initiate", "whether Initiate's answer confirms the encryption"),
        ("echo_on_complete", "whether Complete's answer confirms the encryption"),
        ("declaration_after_space", "whether an XML declaration follows the white space of Complete's answer"),
        ("undeclared_part_checksums", "S3: whether a part may have a checksum where Initiate declared none"),
        ("checksum_without_type", "S3: whether Complete takes a full object's checksum without its type"),
        ("upload_lifetime", "for how many seconds an unfinished upload lives"),
        ("default_kms_key_id", "the id that is told where the KMS key was left to the service"),
        ("absent_kms_keys", "KMS keys that do not exist"),
        ("disabled_kms_keys", "KMS keys that are disabled"),
    ],
    never_zero: &[],
};
