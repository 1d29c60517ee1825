//! What confirms, what contradicts, what is silence.

use http::{HeaderName, HeaderValue};

use super::*;
use crate::dialect::COS;
use crate::secret::Secret;

const MD5: &str = "U5L61r7jcwdNvT7frmUG8g==";
const OTHER_MD5: &str = "hRasmdxgYDKV3nvbahU1MA==";
const ARN: &str = "arn:aws:kms:eu-west-1:1:key/0a1b";

/// Short names of the answers' headers.
const SSE: &str = "x-cos-server-side-encryption";
const KEY_ID: &str = "x-cos-server-side-encryption-cos-kms-key-id";
const ALGORITHM: &str = "x-cos-server-side-encryption-customer-algorithm";
const KEY_MD5: &str = "x-cos-server-side-encryption-customer-key-md5";

const SPEAKING: [Operation; 8] = [
    Operation::Initiate,
    Operation::UploadPart,
    Operation::UploadPartCopy,
    Operation::Complete,
    Operation::Head,
    Operation::Get,
    Operation::Put,
    Operation::PutCopy,
];

fn none() -> SseContext {
    SseContext::none(COS)
}

fn managed() -> SseContext {
    SseContext::managed(COS)
}

fn kms(id: &str) -> SseContext {
    SseContext::kms(COS, (!id.is_empty()).then(|| id.to_owned()), None).unwrap()
}

fn customer() -> SseContext {
    let key = CustomerKey::parse(Secret::new("0123456789ABCDEF0123456789ABCDEF")).unwrap();
    SseContext::customer(COS, key)
}

fn answer(headers: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    map.insert("etag", HeaderValue::from_static("\"opaque\""));
    for (name, value) in headers {
        map.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), HeaderValue::from_str(value).unwrap());
    }
    map
}

#[track_caller]
fn confirms(asked: &SseContext, headers: &[(&str, &str)]) -> Reported {
    for operation in SPEAKING {
        assert!(asked.judge(operation, &answer(headers)).unwrap().is_confirmed(), "{operation}");
    }
    asked.judge(Operation::UploadPart, &answer(headers)).unwrap().reported().unwrap().clone()
}

#[track_caller]
fn silent(asked: &SseContext, headers: &[(&str, &str)]) {
    for operation in SPEAKING {
        assert_eq!(asked.judge(operation, &answer(headers)).unwrap(), Echo::Silent, "{operation}");
    }
}

/// The message, which must say what was asked and what came, in the same words on every call.
#[track_caller]
fn contradicts(asked: &SseContext, headers: &[(&str, &str)]) -> String {
    let mut told = String::new();
    for operation in SPEAKING {
        let error = asked.judge(operation, &answer(headers)).unwrap_err();
        assert_eq!((error.kind(), error.operation()), (ErrorKind::Encryption, Some(operation)));
        assert!(error.hint().is_some());
        error.message().clone_into(&mut told);
        for &(_, value) in headers {
            assert!(told.contains(value), "{told} does not say {value}");
        }
    }
    told
}

#[test]
fn the_published_answers_confirm() {
    let reported = confirms(&managed(), &[(SSE, "AES256")]);
    assert_eq!((reported.mode, reported.algorithm.as_str()), (SseMode::Managed, "AES256"));

    let reported = confirms(&kms("0a1b"), &[(SSE, "cos/kms"), (KEY_ID, "0a1b")]);
    assert_eq!((reported.mode, reported.kms_key_id.as_deref()), (SseMode::Kms, Some("0a1b")));

    let reported = confirms(&customer(), &[(ALGORITHM, "AES256"), (KEY_MD5, MD5)]);
    assert_eq!((reported.mode, reported.key_md5.as_deref()), (SseMode::Customer, Some(MD5)));
}

#[test]
fn nothing_is_silence_in_every_mode() {
    for asked in [managed(), kms(""), kms("0a1b"), customer()] {
        silent(&asked, &[]);
        silent(&asked, &[(SSE, ""), (KEY_MD5, " ")]);
    }
}

#[test]
fn without_a_question_everything_is_accepted_and_reported() {
    for operation in SPEAKING {
        let judge = |headers: &[(&str, &str)]| none().judge(operation, &answer(headers)).unwrap();
        assert_eq!(judge(&[]), Echo::Unasked(None));
        for (headers, mode, algorithm) in [
            (vec![(SSE, "AES256")], SseMode::Managed, "AES256"),
            (vec![(SSE, "SM4")], SseMode::Managed, "SM4"),
            (vec![(SSE, "cos/kms"), (KEY_ID, "any")], SseMode::Kms, "cos/kms"),
            (vec![(KEY_ID, "any")], SseMode::Kms, ""),
            (vec![(ALGORITHM, "AES256"), (KEY_MD5, OTHER_MD5)], SseMode::Customer, "AES256"),
        ] {
            let echo = judge(&headers);
            let reported = echo.reported().unwrap();
            assert!(!echo.is_confirmed(), "what was not asked for is not confirmed");
            assert_eq!((reported.mode, reported.algorithm.as_str()), (mode, algorithm), "{headers:?}");
        }
    }
}

#[test]
fn another_mode_is_a_contradiction() {
    contradicts(&managed(), &[(SSE, "cos/kms"), (KEY_ID, "0a1b")]);
    contradicts(&managed(), &[(SSE, "SM4")]);
    contradicts(&managed(), &[(SSE, "AES256"), (KEY_ID, "0a1b")]);
    contradicts(&managed(), &[(ALGORITHM, "AES256"), (KEY_MD5, MD5)]);
    contradicts(&kms(""), &[(SSE, "AES256")]);
    contradicts(&kms(""), &[(SSE, "aws:kms")]);
    contradicts(&kms(""), &[(ALGORITHM, "AES256"), (KEY_MD5, MD5)]);
    contradicts(&customer(), &[(SSE, "AES256")]);
    contradicts(&customer(), &[(SSE, "cos/kms"), (KEY_ID, "0a1b")]);
}

#[test]
fn two_modes_at_once_confirm_neither() {
    let both = [(SSE, "AES256"), (ALGORITHM, "AES256"), (KEY_MD5, MD5)];
    contradicts(&customer(), &both);
    contradicts(&managed(), &both);
    contradicts(&customer(), &[(SSE, "AES256"), (KEY_MD5, MD5)]);
    contradicts(&customer(), &[(ALGORITHM, "AES256"), (KEY_MD5, MD5), (KEY_ID, "0a1b")]);
}

#[test]
fn another_customer_key_is_a_contradiction_that_names_both() {
    let told = contradicts(&customer(), &[(ALGORITHM, "AES256"), (KEY_MD5, OTHER_MD5)]);
    assert!(told.contains(MD5), "{told}");
    contradicts(&customer(), &[(KEY_MD5, OTHER_MD5)]);
    contradicts(&customer(), &[(ALGORITHM, "AES128"), (KEY_MD5, MD5)]);
    contradicts(&customer(), &[(ALGORITHM, "SM4")]);
}

#[test]
fn half_a_confirmation_is_silence() {
    silent(&customer(), &[(ALGORITHM, "AES256")]);
    silent(&customer(), &[(KEY_MD5, MD5)]);
    silent(&kms("0a1b"), &[(SSE, "cos/kms")]);
    silent(&kms("0a1b"), &[(KEY_ID, "0a1b")]);
    silent(&kms("alias/atlas"), &[(SSE, "cos/kms")]);
}

#[test]
fn a_header_given_twice_confirms_only_if_both_agree() {
    confirms(&customer(), &[(ALGORITHM, "AES256"), (KEY_MD5, MD5), (KEY_MD5, MD5)]);
    contradicts(&customer(), &[(ALGORITHM, "AES256"), (KEY_MD5, MD5), (KEY_MD5, OTHER_MD5)]);
    contradicts(&managed(), &[(SSE, "AES256"), (SSE, "SM4")]);
}

#[test]
fn a_kms_key_is_compared_only_if_one_was_asked() {
    confirms(&kms(""), &[(SSE, "cos/kms")]);
    confirms(&kms(""), &[(SSE, "cos/kms"), (KEY_ID, "any")]);
    confirms(&kms("0a1b"), &[(SSE, "cos/kms"), (KEY_ID, ARN)]);
    confirms(&kms(ARN), &[(SSE, "cos/kms"), (KEY_ID, "0a1b")]);
    contradicts(&kms("0a1b"), &[(SSE, "cos/kms"), (KEY_ID, "other")]);
    contradicts(&kms("a1b"), &[(SSE, "cos/kms"), (KEY_ID, ARN)]);
    contradicts(&kms("0a1b"), &[(KEY_ID, "other")]);
}

#[test]
fn the_manuals_algorithm_beside_kms_does_not_count_as_a_customer_key() {
    confirms(&kms(""), &[(SSE, "cos/kms"), (ALGORITHM, "AES256")]);
    contradicts(&kms(""), &[(SSE, "cos/kms"), (ALGORITHM, "AES256"), (KEY_MD5, MD5)]);
}

#[test]
fn an_alias_is_held_to_the_first_key_that_an_answer_names() {
    let asked = kms("alias/atlas");
    let part = asked.clone();
    confirms(&asked, &[(SSE, "cos/kms"), (KEY_ID, "arn:aws:kms:eu-west-1:1:alias/atlas")]);
    confirms(&asked, &[(SSE, "cos/kms"), (KEY_ID, ARN)]);
    confirms(&part, &[(SSE, "cos/kms"), (KEY_ID, "0a1b")]);
    let told = contradicts(&part, &[(SSE, "cos/kms"), (KEY_ID, "other")]);
    assert!(told.contains("alias/atlas") && told.contains(ARN), "{told}");
    contradicts(&part, &[(SSE, "cos/kms"), (KEY_ID, "alias/other")]);

    confirms(&asked.for_transfer(), &[(SSE, "cos/kms"), (KEY_ID, "other")]);
    contradicts(&asked, &[(SSE, "cos/kms"), (KEY_ID, "other")]);
}

#[test]
fn an_answer_of_another_mode_pins_nothing() {
    let asked = kms("alias/atlas");
    contradicts(&asked, &[(SSE, "AES256"), (KEY_ID, "stray")]);
    confirms(&asked, &[(SSE, "cos/kms"), (KEY_ID, "0a1b")]);
}

#[test]
fn calls_that_do_not_speak_of_one_object_are_never_judged() {
    for operation in [Operation::ListParts, Operation::Abort, Operation::ListUploads, Operation::Delete] {
        for asked in [none(), managed(), kms("0a1b"), customer()] {
            for headers in [vec![], vec![(SSE, "SM4")], vec![(KEY_MD5, OTHER_MD5)]] {
                assert_eq!(asked.judge(operation, &answer(&headers)).unwrap(), Echo::Unasked(None));
            }
            assert!(!asked.must_confirm(operation));
        }
    }
}

#[test]
fn calls_that_move_data_must_confirm_and_the_others_need_not() {
    for asked in [managed(), kms(""), customer()] {
        let must: Vec<Operation> = Operation::ALL.into_iter().filter(|it| asked.must_confirm(*it)).collect();
        let moving =
            [Operation::UploadPart, Operation::UploadPartCopy, Operation::Put, Operation::PutCopy, Operation::Get];
        assert_eq!(must.len(), moving.len(), "{must:?}");
        assert!(moving.iter().all(|operation| must.contains(operation)), "{must:?}");
    }
    assert!(!Operation::ALL.into_iter().any(|operation| none().must_confirm(operation)));
}

#[test]
fn an_unconfirmed_answer_is_an_error_that_says_what_was_asked() {
    for (asked, says) in
        [(managed(), "AES256 with keys"), (kms(""), "default key"), (kms("0a1b"), "0a1b"), (customer(), MD5)]
    {
        let error = asked.unconfirmed(Operation::UploadPart);
        assert_eq!((error.kind(), error.operation()), (ErrorKind::Encryption, Some(Operation::UploadPart)));
        assert!(error.message().contains(says), "{}", error.message());
        assert!(error.hint().is_some());
    }
}

#[test]
fn hostile_values_are_quoted_and_cut() {
    let long = "A".repeat(100_000);
    let error = managed().judge(Operation::Put, &answer(&[(SSE, &long)])).unwrap_err();
    assert!(error.message().len() < 500);

    let mut escape = HeaderMap::new();
    escape.insert(SSE, HeaderValue::from_bytes(b"AES256\xFF\t\xC2\x9B31m").unwrap());
    let error = managed().judge(Operation::Put, &escape).unwrap_err();
    assert!(!error.message().contains(char::is_control), "{:?}", error.message());
}
