//! From a refused call to the error that the user sees: its kind, its words, its remedy.

use http::StatusCode;

use super::{
    RawAnswer,
    store_error::{StoreError, request_id},
    xml::Element,
};
use crate::{
    dialect::Dialect,
    error::{Error, ErrorKind},
    operation::Operation,
    sse::{SseContext, SseMode},
};

/// The hint for an answer without the store's own request id.
pub(super) const NOT_THE_STORE: &str = "the answer did not come from the store (a proxy?)";

/// The error for an answer whose status is not 2xx.
pub(crate) fn refusal(dialect: Dialect, operation: Operation, sse: &SseContext, answer: &RawAnswer) -> Error {
    let refused = Refused {
        dialect,
        operation,
        status: answer.status,
        error: StoreError::read(dialect, answer),
        customer_key: sse.is_customer(),
        kms: sse.mode() == SseMode::Kms,
    };
    refused.into_error()
}

/// The error for a refusal inside an answer of status 2xx.
pub(super) fn hidden(dialect: Dialect, operation: Operation, answer: &RawAnswer, root: &Element) -> Error {
    let mut error = StoreError::from_xml(root);
    error.request_id = request_id(dialect, &answer.headers);
    Refused { dialect, operation, status: answer.status, error, customer_key: false, kms: false }.into_error()
}

/// Whether a HEAD or GET may have been refused for the object's customer key, which was not given or is another one.
///
/// No manual says how COS answers a wrong or a missing key; other stores answer 403 and 400, and a HEAD has no body to
/// tell more. So it may as well be that these credentials may not look, or have expired.
pub(crate) fn may_be_the_key(error: &Error) -> bool {
    let (Some(operation), Some(status)) = (error.operation(), error.status()) else { return false };
    leaves_the_key(operation, status, error.code().unwrap_or_default(), error.message())
}

/// Whether a refusal says that the upload does not exist. A bare 404 can come from anything in between.
///
/// Ceph's gateway says `NoSuchKey` of the parts of such an upload (seen of 16.2 and 20.2).
pub(crate) fn is_upload_gone(error: &Error) -> bool {
    match error.code() {
        Some("NoSuchUpload") => true,
        Some("NoSuchKey") => error.operation() == Some(Operation::ListParts),
        _ => false,
    }
}

fn leaves_the_key(operation: Operation, status: u16, code: &str, message: &str) -> bool {
    let open = match known(code) {
        None | Some((ErrorKind::Credentials, _)) => !SURELY_CREDENTIALS.contains(&code) && !is_late(code, message),
        Some(_) => code == "SsecDecryptHeaderInvalid",
    };
    looks_at_object(operation) && matches!(status, 400 | 403) && open
}

/// Whether a call asks for an object itself, so that its key matters.
fn looks_at_object(operation: Operation) -> bool {
    matches!(operation, Operation::Head | Operation::Get)
}

/// The store words an outdated signature as a denial (/document/product/436/7730).
fn is_late(code: &str, message: &str) -> bool {
    code == "AccessDenied" && message.to_ascii_lowercase().contains("request has expired")
}

/// A refused call.
struct Refused {
    dialect: Dialect,
    operation: Operation,
    status: StatusCode,
    error: StoreError,
    /// Whether the encryption asked for is under a customer key.
    customer_key: bool,
    /// Whether it is under a key in the KMS.
    kms: bool,
}

impl Refused {
    fn into_error(self) -> Error {
        let (kind, message, hint) = (self.kind(), self.message(), self.hint());
        let Self { operation, status, error: StoreError { code, request_id, .. }, .. } = self;
        let error = Error::new(kind, message).at(operation).answered(
            status.as_u16(),
            Some(code).filter(|code| !code.is_empty()),
            request_id,
        );
        error.with_hint(hint)
    }

    fn kind(&self) -> ErrorKind {
        let known = known(&self.error.code).map(|(kind, _)| kind);
        match known {
            // Whether it is the credentials or the key that the store does not like, it does not tell.
            None | Some(ErrorKind::Credentials) if self.may_be_the_key() => ErrorKind::Encryption,
            None | Some(ErrorKind::Credentials) if self.lacks_the_kms_key() => ErrorKind::Encryption,
            // A code of the KMS that is not known says that it is the KMS; the status, that it may pass.
            Some(ErrorKind::Encryption) if self.status.is_server_error() => ErrorKind::Unavailable,
            Some(kind) => kind,
            None => self.kind_by_status(),
        }
    }

    /// For what has no code, or one that is not known.
    fn kind_by_status(&self) -> ErrorKind {
        match self.status {
            StatusCode::NOT_IMPLEMENTED => ErrorKind::Rejected,
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => ErrorKind::Unavailable,
            status if status.is_server_error() => ErrorKind::Unavailable,
            // A proxy's page says nothing about the store's credentials.
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN
                if self.error.code.is_empty() && self.error.request_id.is_some() =>
            {
                ErrorKind::Credentials
            }
            _ => ErrorKind::Rejected,
        }
    }

    /// Whether the customer key that was given may be the reason.
    fn may_be_the_key(&self) -> bool {
        let StoreError { code, message, .. } = &self.error;
        self.customer_key && leaves_the_key(self.operation, self.status.as_u16(), code, message)
    }

    /// Whether the bucket may take no customer keys at all.
    fn may_be_blocked(&self) -> bool {
        self.customer_key && self.error.code == "AccessDenied" && !self.looks_at_object()
    }

    /// Whether the store says that it does not have the KMS key. Ceph's gateway has no code for it, but words: "Failed to
    /// retrieve the actual key, kms-keyid: …" (measured: 20.2 with 400 `InvalidArgument`, 16.2 with 403
    /// `InvalidAccessKeyId`, as if it were the credentials).
    fn lacks_the_kms_key(&self) -> bool {
        let StoreError { code, message, .. } = &self.error;
        self.kms && matches!(code.as_str(), "InvalidArgument" | "InvalidAccessKeyId") && message.contains("kms-keyid")
    }

    /// Whether a failure of the store itself may be about the KMS key. SeaweedFS (measured of 4.48) answers a key that it
    /// does not know with a plain 500 `InternalError` at PUT and UploadPart, in the words of any other failure: it is
    /// tried again like those, and can only be named as a possibility.
    fn may_be_the_kms_key(&self) -> bool {
        let sends = matches!(self.operation, Operation::Initiate | Operation::UploadPart | Operation::Put);
        self.kms && sends && self.error.code == "InternalError"
    }

    fn looks_at_object(&self) -> bool {
        looks_at_object(self.operation)
    }

    fn is_late(&self) -> bool {
        is_late(&self.error.code, &self.error.message)
    }

    fn message(&self) -> String {
        let Self { operation, status, error: StoreError { code, message, .. }, .. } = self;
        let name = match (code.as_str(), status.canonical_reason()) {
            ("", Some(reason)) => format!("{} ({})", status.as_u16(), reason.to_ascii_lowercase()),
            ("", None) => status.as_u16().to_string(),
            (code, _) if status.is_success() => format!("{code} inside an answer of status {}", status.as_u16()),
            (code, _) => format!("{} {code}", status.as_u16()),
        };
        let colon = if message.is_empty() { "" } else { ": " };
        format!("{operation} failed with {name}{colon}{message}")
    }

    /// A remedy with the store's own names for what is to be looked at.
    fn in_its_words(&self, remedy: &str) -> String {
        let names = self.dialect.names();
        match remedy {
            DENIED | DENIED_BARELY => format!("{remedy} ({})", self.dialect.permission(self.operation)),
            BUCKET => names.check_bucket.to_owned(),
            KEY_ID => format!("{remedy} ({})", names.key_id),
            _ => remedy.to_owned(),
        }
    }

    /// The remedy where there is no code, as always after a HEAD.
    fn hint_by_status(&self) -> Option<&'static str> {
        match self.status.as_u16() {
            300..=399 => {
                Some("the endpoint sends to another one, which is not followed; check --endpoint and --region")
            }
            401 | 403 => Some(DENIED_BARELY),
            404 if self.looks_at_object() => Some("there is no such object; check bucket and key"),
            404 => Some(BUCKET),
            407 => Some("the proxy wants credentials of its own; put them into its address"),
            409 => Some("somebody else writes the same key, or the object exists already"),
            412 => Some(CHANGED),
            416 => Some("the object has no such bytes; it may have changed"),
            408 | 429 | 500 | 502..=599 => Some(LATER),
            _ => None,
        }
    }

    fn hint(&self) -> String {
        let remedy = if self.kind() == ErrorKind::Encryption && self.may_be_the_key() {
            Some(
                "check the customer key: the object may be under another key or under none; if the key is right, these credentials may not read it",
            )
        } else if self.is_late() {
            Some(CLOCK)
        } else if self.lacks_the_kms_key() {
            Some(KMS)
        } else if self.may_be_the_kms_key() {
            Some(LATER_OR_KMS)
        } else if self.status == StatusCode::PRECONDITION_FAILED && !self.looks_at_object() {
            // The one condition that a writing call may carry is that there be no object yet.
            Some(EXISTS)
        } else {
            known(&self.error.code).map_or_else(|| self.hint_by_status(), |(_, hint)| hint)
        };
        let remedy = remedy.map(|remedy| self.in_its_words(remedy));
        let names = self.dialect.names();
        let told = self.error.request_id.is_some();
        let foreign = names.always_names_requests && !told;
        match (foreign, remedy, names.blocked_keys.filter(|_| self.may_be_blocked())) {
            (false, Some(remedy), Some(blocked)) => format!("{remedy}; {blocked}"),
            (false, Some(remedy), None) => remedy,
            (false, None, _) if self.error.code.is_empty() => by_the_request_id(UNTOLD, told),
            (false, None, _) => by_the_request_id(LOOK_UP, told),
            (true, None, _) => NOT_THE_STORE.to_owned(),
            (true, Some(remedy), _) => format!("{NOT_THE_STORE}; if it did: {remedy}"),
        }
    }
}

/// A hint that sends the user to the store's support, if there is a request to name to it.
fn by_the_request_id(hint: &str, told: bool) -> String {
    if told { format!("{hint}; its support can tell more by the request id") } else { hint.to_owned() }
}

/// Codes that speak of the credentials even where a customer key might be wrong.
const SURELY_CREDENTIALS: &[&str] =
    &["InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "RequestTimeTooSkewed"];

const LOOK_UP: &str = "look the code up in the store's manual";
const UNTOLD: &str = "the store gives no reason";
const DENIED: &str = "check that these credentials may do this to this bucket and key";
const DENIED_BARELY: &str = "check the credentials, and that they may do this to this bucket and key";
const CLOCK: &str = "set this machine's clock";
const LATER: &str = "try again later";
const KMS: &str = "check the KMS key: that it exists in the bucket's region, is enabled, and that the store may use it";
const LATER_OR_KMS: &str =
    "try again later; if it stays so, check the KMS key: some stores answer so where they do not have it";
const SSE: &str = "check the encryption that is asked for; the store does not take it here";
const EXISTS: &str = "the object exists already; upload to another key, or allow replacing it";
const CHANGED: &str = "the object has changed since it was looked at; start again";
const BUCKET: &str = "check the bucket";
const KEY_ID: &str = "check the name of the key that signs";
const PART_SIZE: &str = "choose another part size";

/// What a code means for the user (/document/product/436/7730).
fn known(code: &str) -> Option<(ErrorKind, Option<&'static str>)> {
    use ErrorKind::{Credentials, Encryption, Integrity, Rejected, Unavailable};
    let (kind, hint) = match code {
        "AccessDenied" => (Credentials, DENIED),
        "SignatureDoesNotMatch" => {
            (Credentials, "check the secret key; a proxy that changes requests has the same effect")
        }
        "InvalidAccessKeyId" => (Credentials, KEY_ID),
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
        "InvalidPart" | "InvalidPartOrder" => (Rejected, "the parts are not those that were sent; start a new upload"),
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

#[cfg(test)]
mod tests;
