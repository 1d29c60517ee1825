//! From a refused call to the error that the user sees: its kind, its words, its remedy.

mod codes;
mod plain_http;

use http::StatusCode;

use self::codes::{
    BUCKET, CHANGED, CLOCK, DENIED, DENIED_BARELY, EXISTS, KEY_ID, KMS, LATER, LATER_OR_KMS, LOOK_UP, MANAGED,
    NAME_THE_KMS_KEY, SURELY_CREDENTIALS, TOKEN, UNCODED, UNTOLD, known,
};
pub(crate) use self::plain_http::over_plain_http;
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
        mode: sse.mode(),
        names_kms_key: sse.kms_key_id().is_some(),
    };
    refused.into_error()
}

/// The error for a refusal inside an answer of status 2xx.
pub(super) fn hidden(dialect: Dialect, operation: Operation, answer: &RawAnswer, root: &Element) -> Error {
    let mut error = StoreError::from_xml(dialect, root);
    error.request_id = request_id(dialect, &answer.headers);
    Refused { dialect, operation, status: answer.status, error, mode: SseMode::None, names_kms_key: false }.into_error()
}

/// Whether a HEAD or GET may have been refused for the object's customer key, which was not given or is another one.
///
/// No manual says how COS answers a wrong or a missing key; other stores answer 403 and 400, and a HEAD has no body to
/// tell more. So it may as well be that these credentials may not look, or have expired.
pub(crate) fn may_be_the_key(error: &Error) -> bool {
    let (Some(operation), Some(status)) = (error.operation(), error.status()) else { return false };
    leaves_the_key(operation, status, error.code().unwrap_or_default(), error.message())
}

/// Whether the store failed by itself at a part that was to be encrypted, in words that say nothing.
///
/// SeaweedFS answers a KMS key that it does not know so, and the lack of one where it has no default (measured of 4.48).
pub(crate) fn fails_under_kms(error: &Error) -> bool {
    error.operation() == Some(Operation::UploadPart)
        && error.status() == Some(500)
        && matches!(error.code(), None | Some("InternalError"))
}

/// Says of refused credentials that they had a session token, which may be what does not fit: the store names the key.
pub(crate) fn under_a_token(dialect: Dialect, error: Error) -> Error {
    if error.code() != Some("InvalidAccessKeyId") {
        return error;
    }
    let token = format!("check or unset the session token ({}), which was sent too", dialect.names().token_variable);
    error.hinting_also(&token)
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
    /// The encryption asked for.
    mode: SseMode,
    /// Whether it names a key in the KMS.
    names_kms_key: bool,
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
            None if self.wants_a_kms_key() => ErrorKind::Encryption,
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
        self.mode == SseMode::Customer && leaves_the_key(self.operation, self.status.as_u16(), code, message)
    }

    /// Whether the bucket may take no customer keys at all.
    fn may_be_blocked(&self) -> bool {
        self.mode == SseMode::Customer && self.error.code == "AccessDenied" && !self.looks_at_object()
    }

    /// Whether the store says that it does not have the KMS key. Ceph's gateway has no code for it, but words: "Failed to
    /// retrieve the actual key, kms-keyid: …" (measured: 20.2 with 400 `InvalidArgument`, 16.2 with 403
    /// `InvalidAccessKeyId`, as if it were the credentials).
    fn lacks_the_kms_key(&self) -> bool {
        let StoreError { code, message, .. } = &self.error;
        self.mode == SseMode::Kms
            && matches!(code.as_str(), "InvalidArgument" | "InvalidAccessKeyId")
            && message.contains("kms-keyid")
    }

    /// Whether the store wants a KMS key to be named: it asks for the header (Ceph's gateway, measured of 20.2).
    fn wants_a_kms_key(&self) -> bool {
        let unnamed = self.mode == SseMode::Kms && !self.names_kms_key;
        unnamed && self.status.is_client_error() && self.error.message.contains(self.dialect.names().sse_kms_key_id)
    }

    /// Whether the store may not have the mode whose keys it would manage. Ceph's gateway says no more than
    /// `InvalidArgument` (measured of 20.2 without a Vault server).
    fn may_lack_managed_keys(&self) -> bool {
        let StoreError { code, message, .. } = &self.error;
        let vague = message.is_empty() && matches!(code.as_str(), "InvalidArgument" | "InvalidRequest");
        let begins = matches!(self.operation, Operation::Initiate | Operation::Put);
        self.mode == SseMode::Managed && begins && (vague || self.status == StatusCode::NOT_IMPLEMENTED)
    }

    /// Whether a failure of the store itself may be about the KMS key. SeaweedFS (measured of 4.48) answers a key that it
    /// does not know with a plain 500 `InternalError` at PUT and UploadPart, in the words of any other failure: it is
    /// tried again like those, and can only be named as a possibility.
    fn may_be_the_kms_key(&self) -> bool {
        let sends = matches!(self.operation, Operation::Initiate | Operation::UploadPart | Operation::Put);
        self.mode == SseMode::Kms && sends && self.error.code == "InternalError"
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
            TOKEN => format!("{remedy} ({})", names.token_variable),
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
        } else if self.wants_a_kms_key() {
            Some(NAME_THE_KMS_KEY)
        } else if self.may_lack_managed_keys() {
            Some(MANAGED)
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
            (false, None, _) if self.error.code.is_empty() && self.error.message.is_empty() => {
                by_the_request_id(UNTOLD, told)
            }
            (false, None, _) if self.error.code.is_empty() => by_the_request_id(UNCODED, told),
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

#[cfg(test)]
mod tests;
