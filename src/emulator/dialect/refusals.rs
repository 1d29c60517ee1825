//! The words in which the dialects refuse. Sentences of S3 are those that the real store is seen to use.

use crate::emulator::answer::Refusal;

/// Status, code and message.
pub(super) type Said = (u16, &'static str, &'static str);

/// One refusal for each reason. Where only a message is told, status and code are a guess of the store's options.
#[derive(Debug)]
pub(in crate::emulator) struct Refusals {
    pub(in crate::emulator) key_over_http: &'static str,
    /// For an object, and for an upload; likewise below.
    pub(in crate::emulator) missing_key: (&'static str, &'static str),
    pub(in crate::emulator) wrong_key: (&'static str, &'static str),
    pub(in crate::emulator) needless_key: &'static str,
    pub(in crate::emulator) wrong_key_md5: &'static str,
    pub(in crate::emulator) exists: &'static str,
    /// The algorithm of a customer key; `None` if that is as any other malformed key.
    pub(in crate::emulator) unknown_algorithm: Option<Said>,
    pub(in crate::emulator) mode_and_key: Said,
    pub(in crate::emulator) unknown_mode: Said,
    pub(in crate::emulator) absent_kms_key: Said,
    pub(in crate::emulator) disabled_kms_key: Said,
    pub(in crate::emulator) long_key: Said,
    /// A body where none belongs; `None` if it is passed over.
    pub(in crate::emulator) needless_body: Option<Said>,
    /// No list of parts at all; `None` if that is as any other malformed one.
    pub(in crate::emulator) missing_list: Option<Said>,
    pub(in crate::emulator) long_xml: Said,
    pub(in crate::emulator) no_upload_id: Said,
    pub(in crate::emulator) other_condition: Said,
    pub(in crate::emulator) copy_onto_itself: Said,
    pub(in crate::emulator) malformed_copy_source: Said,
    pub(in crate::emulator) absent_copy_source: Said,
    /// The customer key of a copy's source; `None` if that is as any other.
    pub(in crate::emulator) copy_source_key: Option<Said>,
    pub(in crate::emulator) copy_range: Said,
    pub(in crate::emulator) unknown_storage_class: Said,
    pub(in crate::emulator) much_meta: Said,
}

impl From<Said> for Refusal {
    fn from((status, code, message): Said) -> Self {
        Self::new(status, code, message)
    }
}

pub(super) const COS: Refusals = Refusals {
    key_over_http: "a customer key needs HTTPS, unless the store was started to do without",
    missing_key: (
        "this was encrypted with a customer key, which must be given",
        "this was encrypted with a customer key, which must be given",
    ),
    wrong_key: (
        "the customer key is not the one that this was encrypted with",
        "the customer key is not the one that this was encrypted with",
    ),
    needless_key: "this was not encrypted with a customer key",
    wrong_key_md5: "the customer key does not have this MD5",
    exists: "the object exists and must not be overwritten",
    unknown_algorithm: None,
    mode_and_key: (400, "InvalidArgument", "a mode and a customer key exclude each other"),
    unknown_mode: (400, "SSEContentNotSupported", "the encryption mode is not supported"),
    absent_kms_key: (400, "KmsKeyNotExist", "the KMS key cannot be found"),
    disabled_kms_key: (400, "KmsKeyDisabled", "the KMS key is disabled"),
    long_key: (400, "KeyTooLong", "the key is too long"),
    needless_body: Some((400, "UnexpectedContent", "this request does not support content")),
    missing_list: Some((400, "MissingRequestBodyError", "the request body is missing")),
    long_xml: (400, "XMLSizeLimit", "the list of parts is too long"),
    no_upload_id: (400, "ListPartUploadIdIsEmpty", "the upload id is empty"),
    other_condition: (400, "InvalidArgument", "x-cos-forbid-overwrite must be true or false"),
    copy_onto_itself: (400, "InvalidRequest", "a copy onto itself needs the metadata directive Replaced"),
    malformed_copy_source: (400, "InvalidCopySource", "the copy source is not BUCKET.cos.REGION.myqcloud.com/KEY"),
    absent_copy_source: (404, "NoSuchCopySource", "the copy source does not exist"),
    copy_source_key: Some((
        400,
        "SsecDecryptHeaderInvalid",
        "the copy source needs the customer key that it was encrypted with",
    )),
    copy_range: (416, "InvalidRange", "the range is not within the copy source"),
    unknown_storage_class: (400, "NotSupportedStorageClass", "the storage class is not known"),
    much_meta: (400, "InvalidArgument", "there is too much user metadata"),
};

pub(super) const S3: Refusals = Refusals {
    key_over_http: "Requests specifying Server Side Encryption with Customer provided keys must be made over a secure \
                    connection.",
    missing_key: (
        "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to \
         retrieve the object.",
        "The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate \
         encryption parameters.",
    ),
    wrong_key: ("Access Denied", "The provided encryption parameters did not match the ones used originally."),
    needless_key: "The encryption parameters are not applicable to this object.",
    wrong_key_md5: "The calculated MD5 hash of the key did not match the hash that was provided.",
    exists: "At least one of the pre-conditions you specified did not hold",
    unknown_algorithm: Some((
        400,
        "InvalidEncryptionAlgorithmError",
        "The Encryption request you specified is not valid. Supported value: AES256.",
    )),
    mode_and_key: (
        400,
        "InvalidArgument",
        "Server Side Encryption with Customer provided key is incompatible with the encryption method specified",
    ),
    unknown_mode: (400, "InvalidArgument", "The encryption method specified is not supported"),
    absent_kms_key: (400, "KMS.NotFoundException", "the KMS key cannot be found"),
    disabled_kms_key: (400, "KMS.DisabledException", "the KMS key is disabled"),
    long_key: (400, "KeyTooLongError", "Your key is too long"),
    needless_body: None,
    missing_list: None,
    long_xml: (400, "MalformedXML", "the list of parts is too long"),
    no_upload_id: (404, "NoSuchUpload", "the multipart upload does not exist"),
    other_condition: (501, "NotImplemented", "A header you provided implies functionality that is not implemented"),
    copy_onto_itself: (
        400,
        "InvalidRequest",
        "This copy request is illegal because it is trying to copy an object to itself without changing the object's \
         metadata, storage class, website redirect location or encryption attributes.",
    ),
    malformed_copy_source: (
        400,
        "InvalidArgument",
        "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
    ),
    absent_copy_source: (404, "NoSuchKey", "the object does not exist"),
    copy_source_key: None,
    copy_range: (400, "InvalidArgument", "Range specified is not valid for source object"),
    unknown_storage_class: (400, "InvalidStorageClass", "the storage class is not known"),
    much_meta: (400, "MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size"),
};
