//! What the codes of stores mean, and the remedies that go with them.

use crate::error::ErrorKind;

/// Codes that speak of the credentials even where a customer key might be wrong.
pub(super) const SURELY_CREDENTIALS: &[&str] =
    &["InvalidAccessKeyId", "InvalidToken", "SignatureDoesNotMatch", "ExpiredToken", "RequestTimeTooSkewed"];

pub(super) const LOOK_UP: &str = "look the code up in the store's manual";
pub(super) const UNTOLD: &str = "the store gives no reason";
pub(super) const UNCODED: &str = "the answer has a text and no code of a store: check the endpoint";
pub(super) const DENIED: &str = "check that these credentials may do this to this bucket and key";
pub(super) const DENIED_BARELY: &str = "check the credentials, and that they may do this to this bucket and key";
pub(super) const CLOCK: &str = "set this machine's clock";
pub(super) const LATER: &str = "try again later";
pub(super) const KMS: &str =
    "check the KMS key: that it exists in the bucket's region, is enabled, and that the store may use it";
pub(super) const LATER_OR_KMS: &str =
    "try again later; if it stays so, check the KMS key: some stores answer so where they do not have it";
pub(super) const NAME_THE_KMS_KEY: &str = "name the KMS key with --sse-kms-key-id: this store has none by default";
pub(super) const MANAGED: &str =
    "this store may not offer keys that it manages itself; try --sse kms, or a key of your own (--sse customer)";
pub(super) const TOKEN: &str = "check or unset the session token";
const SSE: &str = "check the encryption that is asked for; the store does not take it here";
pub(super) const EXISTS: &str = "the object exists already; upload to another key, or allow replacing it";
pub(super) const CHANGED: &str = "the object has changed since it was looked at; start again";
pub(super) const BUCKET: &str = "check the bucket";
pub(super) const KEY_ID: &str = "check the name of the key that signs";
const PART_SIZE: &str = "choose another part size";

/// What a code means for the user (/document/product/436/7730).
pub(super) fn known(code: &str) -> Option<(ErrorKind, Option<&'static str>)> {
    use ErrorKind::{Credentials, Encryption, Integrity, Rejected, Unavailable};
    let (kind, hint) = match code {
        "AccessDenied" => (Credentials, DENIED),
        "SignatureDoesNotMatch" => {
            (Credentials, "check the secret key; a proxy that changes requests has the same effect")
        }
        "InvalidAccessKeyId" => (Credentials, KEY_ID),
        "InvalidToken" => (Credentials, TOKEN),
        "ExpiredToken" => (Credentials, "the temporary credentials have expired; get new ones"),
        "RequestTimeTooSkewed" => (Credentials, CLOCK),
        "SsecDecryptHeaderInvalid" => (Encryption, "the object is under a customer key; give that same key"),
        "SSEHeaderNotAllowed" | "SSEContentNotSupported" | "InvalidEncryptionAlgorithmError" => (Encryption, SSE),
        "KmsKeyNotExist" | "KmsKeyDisabled" | "KmsException" => (Encryption, KMS),
        "KmsInternalException" | "KmsFreqControl" | "InternalError" | "ServiceUnavailable" | "SlowDown" => {
            (Unavailable, LATER)
        }
        "InsufficientCapacity" => (Unavailable, "the store is full; make room there, then try again"),
        "RequestTimeout" | "IncompleteBody" | "UserNetworkTooSlow" => {
            (Unavailable, "the network is too slow or breaks; try again, with fewer connections")
        }
        "BadDigest" | "XAmzContentSHA256Mismatch" | "XAmzContentChecksumMismatch" => {
            (Integrity, "the bytes changed on their way; look for faulty memory, disk or network")
        }
        "PermanentRedirect"
        | "TemporaryRedirect"
        | "AuthorizationHeaderMalformed"
        | "IllegalLocationConstraintException" => (Rejected, "the bucket is in another region; name it with --region"),
        "NoSuchBucket" | "InvalidBucketName" | "InvalidRegionName" => (Rejected, BUCKET),
        "NoSuchKey" | "NoSuchVersion" => (Rejected, "there is no such object; check the key and the version"),
        "NoSuchUpload" => (Rejected, "the upload was completed or aborted, or has expired; start a new one"),
        "UploadIdNotSupported" => (Rejected, "the upload was opened by another interface; start a new one"),
        "EntityTooSmall" | "EntityTooLarge" => (Rejected, PART_SIZE),
        "InvalidPart" | "InvalidPartOrder" => (Rejected, "the parts are not those that were sent; upload again"),
        "InvalidStorageClass"
        | "NotSupportedStorageClass"
        | "MAZOperationNotSupportOnOAZBucket"
        | "OAZOperationNotSupportOnMAZBucket" => (Rejected, "choose a storage class that this bucket has"),
        "PathStyleDomainForbidden" => (Rejected, "use --addressing virtual: the bucket's name belongs into the host"),
        "FileAlreadyExists" | "ObjectAlreadyExists" => (Rejected, EXISTS),
        "PathConflict" | "UploadConflict" => {
            (Rejected, "somebody else writes the same key; try again when they are done")
        }
        "PreconditionFailed" => (Rejected, CHANGED),
        "InvalidRange" => (Rejected, "the object has no such bytes; it may have changed"),
        "InvalidObjectState" => (Rejected, "the object is archived; restore it first"),
        "DownloadForbidden" => {
            (Rejected, "the store's own domain does not hand out such files; use a domain of your own")
        }
        "BucketAccelerateNotEnabled" | "ActionAccelerateNotSupported" => {
            (Rejected, "use the region's own endpoint instead of the accelerated one")
        }
        "MissingContentLength" => (Rejected, "a proxy has taken the length out of the request; go around it"),
        "PaymentRequired" | "UnavailableForLegalReasons" | "DomainAuditFailed" => {
            (Rejected, "ask the account's owner: the store has blocked it")
        }
        "InvalidArgument" | "InvalidRequest" | "BadRequest" | "BadRquest" => return None,
        code if code.starts_with("Kms") || code.starts_with("KMS") => (Encryption, KMS),
        code if code.starts_with("SSE") || code.starts_with("Sse") => (Encryption, SSE),
        _ => return None,
    };
    Some((kind, Some(hint)))
}
