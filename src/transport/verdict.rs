//! What to do after an attempt has failed: decided from facts alone, without a clock, randomness or I/O.
//!
//! The codes are those of "Error Codes", /document/product/436/7730; which of them pass on a second try is partly
//! documented there and partly read from what the official clients do.

/// How an attempt failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure<'a> {
    /// No connection was made, so nothing was sent.
    Connect,
    /// The connection broke or stood still, and no whole answer came.
    Interrupted {
        /// Whether the call may simply be sent again.
        replayable: bool,
        /// Whether all of the request had left. A store cannot act on a request whose body is cut short.
        whole: bool,
        /// Whether it stood still rather than broke.
        silent: bool,
    },
    /// What came back is not HTTP, or a success that does not say which request of the store it answers.
    Stranger {
        /// Whether the call may simply be sent again.
        replayable: bool,
        /// Whether the store has answered before at this address. If not, nothing says that there is one.
        answered: bool,
    },
    /// The store answered, and the answer is not a success; a status of 2xx may carry an error in its body.
    Answer {
        /// Whether the call may simply be sent again.
        replayable: bool,
        /// HTTP status.
        status: u16,
        /// The store's code; empty where it gave none, as for every HEAD.
        code: &'a str,
        /// The store's message.
        message: &'a str,
    },
}

/// What to do about a [`Failure`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Send again after a pause.
    Retry,
    /// Send again, at most twice: a damage on the way that does not go away lies elsewhere.
    RetryTwice,
    /// Send again, at most twice: each attempt that ends in silence takes minutes.
    RetryAfterSilence,
    /// Send again after a longer pause, and ask for less.
    RetrySlow,
    /// Correct the clock by the answer's date and send again, once.
    FixClock,
    /// Ask for credentials and send again, once.
    RefreshCredentials,
    /// The call may have taken effect: the caller has to look before anything else is done.
    Reconcile,
    /// It would fail again.
    Fail,
}

/// The rule of retries.
pub(super) fn classify(failure: Failure<'_>) -> Verdict {
    match failure {
        Failure::Interrupted { replayable: false, whole: true, .. }
        | Failure::Stranger { replayable: false, answered: true } => Verdict::Reconcile,
        Failure::Interrupted { silent: true, .. } => Verdict::RetryAfterSilence,
        Failure::Stranger { .. } => Verdict::Fail,
        Failure::Connect | Failure::Interrupted { .. } => Verdict::Retry,
        Failure::Answer { replayable: false, status, code, .. } if doubtful(status, code) => Verdict::Reconcile,
        Failure::Answer { status, code, message, .. } => {
            by_code(code, message).unwrap_or_else(|| by_status(status, code))
        }
    }
}

/// Whether a call that had this answer may have taken effect all the same.
///
/// Complete's success hides behind all of these: its front end gives up before the merge ends (5xx), a hidden second
/// sending meets the first (409), or comes after it (`NoSuchUpload`).
fn doubtful(status: u16, code: &str) -> bool {
    match status {
        501 | 505 => false,
        200..=299 | 409 | 500..=599 => true,
        _ => code == "NoSuchUpload",
    }
}

/// Whether a failure may hide a success, whatever the call.
pub(super) fn leaves_doubt(failure: Failure<'_>) -> bool {
    match failure {
        Failure::Connect => false,
        Failure::Interrupted { whole, .. } => whole,
        Failure::Stranger { answered, .. } => answered,
        Failure::Answer { status, .. } => status != 409 && doubtful(status, ""),
    }
}

/// Whether an answer asks for fewer requests.
pub(super) fn asks_for_less(status: u16, code: &str) -> bool {
    matches!(status, 429 | 503) || matches!(code, "SlowDown" | "ServiceUnavailable" | "KmsFreqControl")
}

/// How many attempts a call has, of `all` that it may have.
///
/// `absent`: nobody seems to be at the address; `answered`: the store has answered before, so that the address is right
/// and waiting helps.
pub(super) fn attempts(all: u32, absent: bool, answered: bool) -> u32 {
    if absent && !answered { all.min(ATTEMPTS_AT_NOBODY) } else { all }
}

/// With their pauses, some two seconds.
const ATTEMPTS_AT_NOBODY: u32 = 5;

fn by_code(code: &str, message: &str) -> Option<Verdict> {
    Some(match code {
        "SlowDown" | "ServiceUnavailable" | "KmsFreqControl" => Verdict::RetrySlow,
        // In turn: the store's own trouble; a body that did not arrive, or not in time, where official clients repeat no
        // 4xx, but these three are about the way only; and two requests that met on one name within milliseconds.
        "InternalError"
        | "KmsInternalException"
        | "RequestTimeout"
        | "IncompleteBody"
        | "UserNetworkTooSlow"
        | "PathConflict"
        | "UploadConflict" => Verdict::Retry,
        "BadDigest" => Verdict::RetryTwice,
        "ExpiredToken" => Verdict::RefreshCredentials,
        "RequestTimeTooSkewed" => Verdict::FixClock,
        // Older documents list the message as if it were a code.
        "AccessDenied" | "RequestHasExpired" | "Request has expired"
            if code != "AccessDenied" || message.to_ascii_lowercase().contains("request has expired") =>
        {
            Verdict::FixClock
        }
        _ => return None,
    })
}

fn by_status(status: u16, code: &str) -> Verdict {
    match status {
        // A HEAD's refusal says no reason. These two are tried once more, where the facts allow it: a clock that is
        // off shows in the answer's date, and a token may have expired.
        403 if code.is_empty() => Verdict::FixClock,
        400 if code.is_empty() => Verdict::RefreshCredentials,
        429 | 503 => Verdict::RetrySlow,
        408 | 500 | 502 | 504 | 506..=599 => Verdict::Retry,
        _ => Verdict::Fail,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(status: u16, code: &str, replayable: Verdict, once: Verdict) {
        let failure = |replayable| Failure::Answer { replayable, status, code, message: "" };
        assert_eq!(classify(failure(true)), replayable, "{status} {code}, replayable");
        assert_eq!(classify(failure(false)), once, "{status} {code}, not replayable");
    }

    #[test]
    fn every_listed_code_has_its_verdict() {
        use Verdict::{Fail, FixClock, Reconcile, RefreshCredentials, Retry, RetrySlow, RetryTwice};
        for code in ["RequestTimeout", "IncompleteBody", "UserNetworkTooSlow"] {
            check(400, code, Retry, Retry);
        }
        check(400, "BadDigest", RetryTwice, RetryTwice);
        check(400, "ExpiredToken", RefreshCredentials, RefreshCredentials);
        for code in [
            "EntitySizeNotMatch",
            "InvalidDigest",
            "InvalidArgument",
            "InvalidRequest",
            "BadRequest",
            "BadRquest",
            "InvalidURI",
            "KeyTooLong",
            "InvalidObjectName",
            "InvalidBucketName",
            "InvalidRegionName",
            "InvalidCopySource",
            "MalformedXML",
            "MissingRequestBodyError",
            "XMLSizeLimit",
            "UnexpectedContent",
            "VerifyAlgorithmNotSupported",
            "InvalidSHA1Digest",
            "NotSupportedStorageClass",
            "MAZOperationNotSupportOnOAZBucket",
            "OAZOperationNotSupportOnMAZBucket",
            "InvalidTag",
            "ListPartUploadIdIsEmpty",
            "EntityTooLarge",
            "EntityTooSmall",
            "InvalidPart",
            "InvalidPartOrder",
            "SsecDecryptHeaderInvalid",
            "SSEContentNotSupported",
            "SSEHeaderNotAllowed",
            "KmsKeyNotExist",
            "KmsKeyDisabled",
            "KmsException",
            "BucketAccelerateNotEnabled",
            "ActionAccelerateNotSupported",
        ] {
            check(400, code, Fail, Fail);
        }
        check(402, "PaymentRequired", Fail, Fail);
        for code in [
            "AccessDenied",
            "InvalidAccessKeyId",
            "SignatureDoesNotMatch",
            "InvalidObjectState",
            "AccessForbidden",
            "PathStyleDomainForbidden",
            "DownloadForbidden",
        ] {
            check(403, code, Fail, Fail);
        }
        check(403, "RequestTimeTooSkewed", FixClock, FixClock);
        check(403, "Request has expired", FixClock, FixClock);
        for code in ["NoSuchBucket", "NoSuchKey", "NoSuchVersion", "NoSuchCopySource", "NoSuchEncryptionConfiguration"]
        {
            check(404, code, Fail, Fail);
        }
        check(404, "NoSuchUpload", Fail, Reconcile);
        check(405, "MethodNotAllowed", Fail, Fail);
        check(405, "UploadIdNotSupported", Fail, Fail);
        for code in ["PathConflict", "UploadConflict"] {
            check(409, code, Retry, Reconcile);
        }
        for code in ["ObjectLocked", "InvalidObjectState", "QuotaConflict", "FileAlreadyExists"] {
            check(409, code, Fail, Reconcile);
        }
        check(411, "MissingContentLength", Fail, Fail);
        check(412, "PreconditionFailed", Fail, Fail);
        check(416, "InvalidRange", Fail, Fail);
        check(451, "UnavailableForLegalReasons", Fail, Fail);
        check(451, "DomainAuditFailed", Fail, Fail);
        check(500, "InternalError", Retry, Reconcile);
        check(500, "KmsInternalException", Retry, Reconcile);
        check(501, "NotImplemented", Fail, Fail);
        for code in ["ServiceUnavailable", "SlowDown", "KmsFreqControl"] {
            check(503, code, RetrySlow, Reconcile);
        }
    }

    #[test]
    fn an_address_where_nobody_ever_answered_is_given_up_sooner() {
        assert_eq!(attempts(8, true, false), 5);
        assert_eq!(attempts(2, true, false), 2);
        for (absent, answered) in [(true, true), (false, false), (false, true)] {
            assert_eq!(attempts(8, absent, answered), 8);
        }
    }

    #[test]
    fn a_status_without_a_known_code_decides_alone() {
        use Verdict::{Fail, FixClock, Reconcile, RefreshCredentials, Retry, RetrySlow};
        check(502, "", Retry, Reconcile);
        check(504, "", Retry, Reconcile);
        check(500, "SomethingNew", Retry, Reconcile);
        check(503, "", RetrySlow, Reconcile);
        check(429, "", RetrySlow, RetrySlow);
        check(408, "", Retry, Retry);
        check(505, "", Fail, Fail);
        check(301, "", Fail, Fail);
        check(307, "TemporaryRedirect", Fail, Fail);
        check(404, "", Fail, Fail);
        check(418, "Teapot", Fail, Fail);
        check(400, "", RefreshCredentials, RefreshCredentials);
        check(403, "", FixClock, FixClock);
    }

    #[test]
    fn an_error_inside_a_200_is_doubtful_for_a_call_that_happens_once() {
        use Verdict::{Fail, Reconcile, Retry, RetrySlow};
        check(200, "InternalError", Retry, Reconcile);
        check(200, "SlowDown", RetrySlow, Reconcile);
        check(200, "InvalidPart", Fail, Reconcile);
        check(200, "", Fail, Reconcile);
    }

    #[test]
    fn an_expired_request_is_a_matter_of_the_clock() {
        let failure = |message| Failure::Answer { replayable: false, status: 403, code: "AccessDenied", message };
        assert_eq!(classify(failure("Request has expired")), Verdict::FixClock);
        assert_eq!(classify(failure("request has expired.")), Verdict::FixClock);
        assert_eq!(classify(failure("Access Denied.")), Verdict::Fail);
    }

    #[test]
    fn only_a_whole_request_without_an_answer_is_doubtful() {
        assert_eq!(classify(Failure::Connect), Verdict::Retry);
        let interrupted = |replayable, whole| classify(Failure::Interrupted { replayable, whole, silent: false });
        assert_eq!(interrupted(true, true), Verdict::Retry);
        assert_eq!(interrupted(true, false), Verdict::Retry);
        assert_eq!(interrupted(false, false), Verdict::Retry);
        assert_eq!(interrupted(false, true), Verdict::Reconcile);
    }

    #[test]
    fn silence_is_waited_for_less_often_than_a_break() {
        let silent = |replayable, whole| classify(Failure::Interrupted { replayable, whole, silent: true });
        assert_eq!(silent(true, true), Verdict::RetryAfterSilence);
        assert_eq!(silent(true, false), Verdict::RetryAfterSilence);
        assert_eq!(silent(false, false), Verdict::RetryAfterSilence);
        assert_eq!(silent(false, true), Verdict::Reconcile);
    }

    #[test]
    fn who_never_was_the_store_leaves_no_doubt() {
        for replayable in [true, false] {
            let stranger = |answered| Failure::Stranger { replayable, answered };
            assert_eq!(classify(stranger(false)), Verdict::Fail);
            assert_eq!(classify(stranger(true)), if replayable { Verdict::Fail } else { Verdict::Reconcile });
            assert!(leaves_doubt(stranger(true)) && !leaves_doubt(stranger(false)));
        }
    }
}
