use bytes::Bytes;
use http::{HeaderMap, HeaderValue};

use super::*;
use crate::dialect::{COS, S3};
use crate::sse::CustomerKey;

fn answer(status: u16, body: &str, from_store: bool) -> RawAnswer {
    let mut headers = HeaderMap::new();
    if from_store {
        headers.insert("x-cos-request-id", HeaderValue::from_static("NWU5MDNk"));
    }
    RawAnswer { status: StatusCode::from_u16(status).unwrap(), headers, body: Bytes::copy_from_slice(body.as_bytes()) }
}

fn body(code: &str, message: &str) -> String {
    format!("<Error><Code>{code}</Code><Message>{message}</Message></Error>")
}

fn plain() -> SseContext {
    SseContext::none(COS)
}

fn customer() -> SseContext {
    SseContext::customer(COS, CustomerKey::from_bytes(*b"0123456789ABCDEF0123456789ABCDEF"))
}

fn refuse(operation: Operation, sse: &SseContext, status: u16, body: &str) -> Error {
    refusal(COS, operation, sse, &answer(status, body, true))
}

#[track_caller]
fn coded(status: u16, code: &str, kind: ErrorKind) {
    let error = refuse(Operation::UploadPart, &customer(), status, &body(code, "words"));
    assert_eq!(error.kind(), kind, "{status} {code}");
    assert_eq!((error.status(), error.code(), error.request_id()), (Some(status), Some(code), Some("NWU5MDNk")));
    assert_eq!(error.operation(), Some(Operation::UploadPart));
    assert_eq!(error.message(), format!("UploadPart failed with {status} {code}: words"));
}

#[track_caller]
fn hinted(status: u16, code: &str, kind: ErrorKind, hint: &str) {
    coded(status, code, kind);
    let error = refuse(Operation::UploadPart, &plain(), status, &body(code, "words"));
    assert!(error.hint().unwrap().contains(hint), "{code}: {:?}", error.hint());
}

#[test]
fn every_well_known_code_has_its_kind_and_remedy() {
    use ErrorKind::{Credentials, Encryption, Integrity, Rejected, Unavailable};
    hinted(403, "AccessDenied", Credentials, "credentials");
    hinted(403, "SignatureDoesNotMatch", Credentials, "secret key");
    hinted(403, "InvalidAccessKeyId", Credentials, "secret id");
    hinted(403, "RequestTimeTooSkewed", Credentials, "clock");
    hinted(400, "ExpiredToken", Credentials, "expired");
    hinted(400, "InvalidToken", Credentials, "unset the session token (COS_SESSION_TOKEN)");
    hinted(404, "NoSuchBucket", Rejected, "bucket's name");
    hinted(404, "NoSuchUpload", Rejected, "start a new one");
    hinted(404, "NoSuchKey", Rejected, "no such object");
    hinted(400, "KmsKeyNotExist", Encryption, "KMS key");
    hinted(400, "KmsKeyDisabled", Encryption, "KMS key");
    hinted(400, "KmsException", Encryption, "KMS key");
    hinted(500, "KmsInternalException", Unavailable, "later");
    hinted(503, "KmsFreqControl", Unavailable, "later");
    hinted(400, "SsecDecryptHeaderInvalid", Encryption, "same key");
    hinted(400, "SSEContentNotSupported", Encryption, "encryption");
    hinted(400, "SSEHeaderNotAllowed", Encryption, "encryption");
    hinted(400, "EntityTooSmall", Rejected, "part size");
    hinted(400, "InvalidStorageClass", Rejected, "storage class");
    hinted(403, "PathStyleDomainForbidden", Rejected, "--addressing virtual");
    hinted(409, "FileAlreadyExists", Rejected, "exists already");
    hinted(412, "PreconditionFailed", Rejected, "exists already");
    hinted(416, "InvalidRange", Rejected, "no such bytes");
    hinted(400, "BadDigest", Integrity, "faulty");
    hinted(503, "SlowDown", Unavailable, "later");
    hinted(400, "RequestTimeout", Unavailable, "slow");
    hinted(411, "MissingContentLength", Rejected, "proxy");
}

#[test]
fn unknown_codes_go_by_their_status() {
    coded(400, "SomethingNew", ErrorKind::Rejected);
    coded(500, "SomethingNew", ErrorKind::Unavailable);
    coded(501, "NotImplemented", ErrorKind::Rejected);
    coded(400, "KmsSomethingNew", ErrorKind::Encryption);
    coded(500, "KmsSomethingNew", ErrorKind::Unavailable);
    coded(403, "SomethingNew", ErrorKind::Rejected);
    coded(400, "InvalidArgument", ErrorKind::Rejected);
}

#[test]
fn gateways_are_unavailable_and_proxies_are_named() {
    for status in [408, 429, 500, 502, 503, 504, 522] {
        let error = refusal(COS, Operation::Put, &plain(), &answer(status, "<html>busy</html>", false));
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{status}");
        assert!(error.hint().unwrap().starts_with("the answer did not come from the store (a proxy?)"));
    }
    let login = refusal(COS, Operation::Put, &plain(), &answer(403, "<title>Sign in</title>", false));
    assert_eq!(login.kind(), ErrorKind::Rejected);
    assert_eq!(login.message(), "Put failed with 403 (forbidden): Sign in");
    let teapot = refusal(COS, Operation::Put, &plain(), &answer(418, "", false));
    assert_eq!(teapot.hint(), Some("the answer did not come from the store (a proxy?)"));
    let redirect = refuse(Operation::Put, &plain(), 307, "");
    assert!(redirect.hint().unwrap().contains("--endpoint"));
}

#[test]
fn a_head_says_its_status_and_operation() {
    let missing = refuse(Operation::Head, &plain(), 404, "");
    assert_eq!((missing.kind(), missing.message()), (ErrorKind::Rejected, "Head failed with 404 (not found)"));
    assert!(missing.hint().unwrap().contains("no such object"));
    let forbidden = refuse(Operation::Head, &plain(), 403, "");
    assert_eq!((forbidden.kind(), forbidden.code()), (ErrorKind::Credentials, None));
    assert_eq!(refuse(Operation::Head, &plain(), 599, "").message(), "Head failed with 599");
    assert_eq!(refuse(Operation::Head, &plain(), 400, "").kind(), ErrorKind::Rejected);
}

#[test]
fn reading_under_a_customer_key_doubts_the_key_first() {
    for status in [400, 403] {
        for operation in [Operation::Head, Operation::Get] {
            let error = refuse(operation, &customer(), status, "");
            assert_eq!(error.kind(), ErrorKind::Encryption, "{operation} {status}");
            assert!(error.hint().unwrap().contains("customer key"));
        }
        for code in ["AccessDenied", "InvalidArgument", "InvalidRequest", "SomethingNew"] {
            assert_eq!(refuse(Operation::Get, &customer(), status, &body(code, "")).kind(), ErrorKind::Encryption);
        }
    }
    assert_eq!(refuse(Operation::Head, &customer(), 404, "").kind(), ErrorKind::Rejected);
    assert_eq!(refuse(Operation::Head, &customer(), 503, "").kind(), ErrorKind::Unavailable);
}

#[test]
fn reading_under_a_customer_key_believes_a_clear_code() {
    let kind = |status, code: &str, message| refuse(Operation::Get, &customer(), status, &body(code, message)).kind();
    assert_eq!(kind(403, "SignatureDoesNotMatch", ""), ErrorKind::Credentials);
    assert_eq!(kind(403, "InvalidAccessKeyId", ""), ErrorKind::Credentials);
    assert_eq!(kind(403, "RequestTimeTooSkewed", ""), ErrorKind::Credentials);
    assert_eq!(kind(400, "ExpiredToken", ""), ErrorKind::Credentials);
    assert_eq!(kind(403, "AccessDenied", "Request has expired"), ErrorKind::Credentials);
    assert_eq!(kind(403, "InvalidObjectState", ""), ErrorKind::Rejected);
    assert_eq!(kind(403, "PathStyleDomainForbidden", ""), ErrorKind::Rejected);
}

#[test]
fn a_condition_that_fails_means_another_object_to_readers_and_to_writers() {
    let hint = |operation, body: &str| refuse(operation, &plain(), 412, body).hint().unwrap().to_owned();
    let coded = body("PreconditionFailed", "");
    assert!(hint(Operation::Get, &coded).contains("changed") && hint(Operation::Head, "").contains("changed"));
    assert!(hint(Operation::Complete, &coded).contains("exists") && hint(Operation::Put, "").contains("exists"));
}

#[test]
fn an_upload_is_gone_only_if_the_store_says_so() {
    let gone = |operation, code: &str| is_upload_gone(&refuse(operation, &plain(), 404, &body(code, "")));
    assert!(gone(Operation::Abort, "NoSuchUpload") && gone(Operation::ListParts, "NoSuchUpload"));
    assert!(gone(Operation::ListParts, "NoSuchKey"), "Ceph's gateway says so");
    assert!(!gone(Operation::Abort, "NoSuchKey") && !gone(Operation::ListParts, "NoSuchBucket"));
    assert!(!is_upload_gone(&refuse(Operation::ListParts, &plain(), 404, "<html>not here</html>")));
}

#[test]
fn an_outdated_signature_points_at_the_clock() {
    let error = refuse(Operation::Put, &plain(), 403, &body("AccessDenied", "Request has expired"));
    assert_eq!((error.kind(), error.hint()), (ErrorKind::Credentials, Some("set this machine's clock")));
}

#[test]
fn a_repeated_customer_key_is_not_shown() {
    let key = "MDEyMzQ1Njc4OUFCQ0RFRjAxMjM0NTY3ODlBQkNERUY=";
    let error = refuse(Operation::UploadPart, &customer(), 400, &body("InvalidArgument", &format!("key {key} is bad")));
    assert_eq!(error.message(), "UploadPart failed with 400 InvalidArgument: key […] is bad");
    assert!(!format!("{error:?}").contains(key));
}

#[test]
fn a_bucket_that_takes_no_customer_keys_is_named_as_a_reason_where_there_are_such() {
    let key = || CustomerKey::from_bytes([7; 32]);
    let denied = |dialect, operation, sse: &SseContext| {
        let error = refusal(dialect, operation, sse, &answer(403, &body("AccessDenied", "Access Denied"), true));
        error.hint().unwrap().to_owned()
    };
    for operation in [Operation::Initiate, Operation::Put] {
        assert!(denied(S3, operation, &SseContext::customer(S3, key())).contains("BlockedEncryptionTypes NONE"));
        assert!(!denied(S3, operation, &SseContext::none(S3)).contains("BlockedEncryptionTypes"));
        assert!(!denied(COS, operation, &SseContext::customer(COS, key())).contains("BlockedEncryptionTypes"));
    }
    assert!(!denied(S3, Operation::Get, &SseContext::customer(S3, key())).contains("BlockedEncryptionTypes"));
}

#[test]
fn a_store_that_need_not_name_its_requests_is_not_called_a_stranger() {
    let error = refusal(S3, Operation::Put, &SseContext::none(S3), &answer(404, &body("NoSuchBucket", "none"), false));
    assert!(!error.hint().unwrap().contains("proxy"), "{error:?}");
}

#[test]
fn a_denial_names_what_a_policy_may_lack_in_the_words_of_the_store() {
    let denied = |dialect, operation, code: &str| {
        let text = if code.is_empty() { String::new() } else { body(code, "words") };
        let answer = answer(403, &text, true);
        refusal(dialect, operation, &SseContext::none(dialect), &answer).hint().unwrap().to_owned()
    };
    for (operation, cos, s3) in [
        (Operation::Head, "cos:HeadObject", "s3:GetObject"),
        (Operation::ListParts, "cos:ListParts", "s3:ListMultipartUploadParts"),
        (Operation::Abort, "cos:AbortMultipartUpload", "s3:AbortMultipartUpload"),
        (Operation::UploadPart, "cos:UploadPart", "s3:PutObject"),
    ] {
        for code in ["AccessDenied", ""] {
            let (ours, theirs) = (denied(COS, operation, code), denied(S3, operation, code));
            assert!(ours.contains(cos) && !ours.contains("s3:"), "{ours}");
            assert!(theirs.contains(s3) && !theirs.contains("cos:"), "{theirs}");
        }
    }
    assert!(!denied(S3, Operation::Head, "InvalidAccessKeyId").contains("s3:"), "that is no matter of policies");
    for (code, cos, s3) in [("NoSuchBucket", "appid", "endpoint"), ("InvalidAccessKeyId", "secret id", "access key id")]
    {
        let (ours, theirs) = (denied(COS, Operation::Put, code), denied(S3, Operation::Put, code));
        assert!(ours.contains(cos) && !ours.contains(s3), "{ours}");
        assert!(theirs.contains(s3) && !theirs.contains(cos), "{theirs}");
    }
}

#[test]
fn a_kms_key_that_the_store_does_not_have_is_named_where_its_answer_allows() {
    let kms = SseContext::kms(S3, Some("no-such-key".to_owned()), None).unwrap();
    let refuse = |sse: &SseContext, status, code: &str, words: &str| {
        refusal(S3, Operation::UploadPart, sse, &answer(status, &body(code, words), true))
    };
    let ceph = "Failed to retrieve the actual key, kms-keyid: no-such-key";
    for (status, code) in [(400, "InvalidArgument"), (403, "InvalidAccessKeyId")] {
        let error = refuse(&kms, status, code, ceph);
        assert_eq!(error.kind(), ErrorKind::Encryption, "{error}");
        assert!(error.hint().unwrap().contains("check the KMS key"), "{error}");
        assert_ne!(refuse(&SseContext::none(S3), status, code, ceph).kind(), ErrorKind::Encryption);
        assert_ne!(refuse(&kms, status, code, "other words").kind(), ErrorKind::Encryption);
    }
    let plain = "We encountered an internal error, please try again.";
    let error = refuse(&kms, 500, "InternalError", plain);
    assert_eq!(error.kind(), ErrorKind::Unavailable, "it may as well be anything else");
    assert!(error.hint().unwrap().contains("try again later; if it stays so, check the KMS key"), "{error}");
    assert_eq!(refuse(&SseContext::none(S3), 500, "InternalError", plain).hint(), Some("try again later"));
}

#[test]
fn a_store_that_wants_a_kms_key_is_quoted_and_the_option_named() {
    let refuse = |id: Option<&str>| {
        let sse = SseContext::kms(S3, id.map(ToOwned::to_owned), None).unwrap();
        let words = "requires HTTP header [x-amz-server-side-encryption-aws-kms-key-id]";
        refusal(S3, Operation::Initiate, &sse, &answer(400, &body("InvalidArgument", words), true))
    };
    let unnamed = refuse(None);
    assert!(unnamed.message().contains("[x-amz-server-side-encryption-aws-kms-key-id]"), "{unnamed}");
    assert!(unnamed.kind() == ErrorKind::Encryption && unnamed.hint().unwrap().contains("--sse-kms-key-id"));
    assert_eq!(refuse(Some("a-key")).kind(), ErrorKind::Rejected);
}

#[test]
fn a_mode_that_the_store_may_not_have_is_named_where_it_says_no_more() {
    let hint = |operation, sse: &SseContext, words: &str| {
        let error = refusal(S3, operation, sse, &answer(400, &body("InvalidArgument", words), true));
        assert_eq!(error.kind(), ErrorKind::Rejected);
        error.hint().unwrap().contains("may not offer keys that it manages itself")
    };
    let managed = SseContext::managed(S3);
    assert!(hint(Operation::Initiate, &managed, "") && hint(Operation::Put, &managed, ""));
    assert!(!hint(Operation::UploadPart, &managed, ""), "it carries no mode");
    assert!(!hint(Operation::Initiate, &managed, "tags are malformed") && !hint(Operation::Put, &plain(), ""));
}

#[test]
fn refused_credentials_with_a_token_point_at_the_token_too() {
    let refused = |code: &str| refusal(S3, Operation::Put, &SseContext::none(S3), &answer(403, &body(code, ""), true));
    let hint = |code: &str| under_a_token(S3, refused(code)).hint().unwrap().to_owned();
    assert!(
        hint("InvalidAccessKeyId").contains("access key id")
            && hint("InvalidAccessKeyId").contains("AWS_SESSION_TOKEN")
    );
    assert!(!hint("SignatureDoesNotMatch").contains("AWS_SESSION_TOKEN"));
}

#[test]
fn an_answer_with_a_text_is_not_said_to_give_no_reason() {
    let hint = |text: &str| {
        refusal(S3, Operation::ListUploads, &SseContext::none(S3), &answer(400, text, false)).hint().unwrap().to_owned()
    };
    assert_eq!(hint(""), "the store gives no reason");
    assert!(hint("something is wrong").contains("check the endpoint"));
}
