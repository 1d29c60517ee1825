use bytes::Bytes;
use http::{HeaderValue, StatusCode};
use proptest::prelude::*;

use super::*;
use crate::dialect::COS;

fn read(body: impl Into<Vec<u8>>) -> StoreError {
    let mut headers = HeaderMap::new();
    headers.insert("x-cos-request-id", HeaderValue::from_static("NWU5MDNk"));
    let answer = RawAnswer { status: StatusCode::FORBIDDEN, headers, body: Bytes::from(body.into()) };
    StoreError::read(COS, &answer)
}

#[track_caller]
fn check(body: &str, code: &str, message: &str) {
    let error = read(body);
    assert_eq!((error.code.as_str(), error.message.as_str()), (code, message), "{body}");
    assert_eq!(error.request_id.as_deref(), Some("NWU5MDNk"));
}

#[test]
fn xml_is_read() {
    check(
        "<?xml version='1.0' encoding='utf-8' ?>\n<Error>\n\t<Code>AccessDenied</Code>\n\t<Message>Access\n Denied.</Message>\n\
         \t<Resource>b.cos.ap-beijing.myqcloud.com/k</Resource>\n\t<RequestId>X</RequestId>\n\t<TraceId>Y</TraceId>\n</Error>\n",
        "AccessDenied",
        "Access Denied",
    );
    check("<Error xmlns=\"urn:x\"><Message>only words</Message></Error>", "", "only words");
    check("<Error/>", "", "");
}

#[test]
fn json_is_read_in_any_case() {
    check(r#"{"code":"NoSuchKey","message":"gone","request_id":"z"}"#, "NoSuchKey", "gone");
    check(r#" {"Code":"NoSuchKey","Message":"gone","RequestId":"z"}"#, "NoSuchKey", "gone");
    check(r#"{"code":-46628,"message":"appid error"}"#, "-46628", "appid error");
    check(r#"{"MESSAGE":"gone"}"#, "", "gone");
}

#[test]
fn pages_and_plain_words_are_cut_to_their_words() {
    check("<html><head><TITLE> 502 Bad\nGateway </TITLE></head><body><h1>x</h1></body></html>", "", "502 Bad Gateway");
    check("<!DOCTYPE html><html><body><h1>Sorry</h1><p>busy</body>", "", "Sorry busy");
    check("upstream timed out\r\n", "", "upstream timed out");
    check("", "", "");
    check("[1,2]", "", "[1,2]");
    check(r#"{"other":1}"#, "", r#"{"other":1}"#);
    check("<Error><Code>NoSuchKey</Code>", "", "NoSuchKey");
}

#[test]
fn a_long_message_is_cut() {
    let error = read(format!("<Error><Code>X</Code><Message>{}</Message></Error>", "wort ä ".repeat(1000)));
    assert_eq!(error.message.chars().count(), 301);
    assert!(error.message.ends_with('…'));
    assert_eq!(read(vec![b' '; 1 << 20]).message, "");
}

#[test]
fn nothing_that_could_be_a_key_is_repeated() {
    let base64 = "MDEyMzQ1Njc4OUFCQ0RFRjAxMjM0NTY3ODlBQkNERUY=";
    let slashes = "+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/8=";
    let hex = "30313233343536373839414243444546303132333435363738394142434445460a";
    let encoded = "MDEyMzQ1Njc4OUFCQ0RFRjAxMjM0NTY3ODlBQkNERUY%3D";
    for key in [base64, slashes, hex, encoded] {
        for message in [format!("bad key '{key}'"), format!("x-cos-key={key}&a"), format!("key:{key}"), key.to_owned()]
        {
            for body in [
                format!("<Error><Code>InvalidArgument</Code><Message>{message}</Message></Error>"),
                format!("<Error><Code>{key}</Code><Message>{message}</Message></Error>").replace('&', "&amp;"),
                format!(r#"{{"code":"{key}","message":"{message}"}}"#),
                format!("<p>{message}</p>"),
            ] {
                let error = read(body.as_str());
                let said = format!("{error:?}");
                assert!(!said.contains(&key[..20]), "{said}");
            }
        }
    }
}

#[test]
fn the_name_of_a_header_is_no_key() {
    let wanted = "requires HTTP header [x-cos-server-side-encryption-customer-key-MD5]";
    check(&format!("<p>{wanted}</p>"), "", wanted);
    let valued = "x-cos-server-side-encryption-customer-key-MD5=MDEyMzQ1Njc4OUFCQ0RFRjAxMjM0NTY3ODlBQkNERUY=";
    check(&format!("<p>{valued}</p>"), "", "[…]");
}

#[test]
fn no_escape_cuts_a_key_into_pieces_that_are_shown() {
    let key = "ab+cd/ef+gh/ij+kl/mn+op/qr+st/uv+wx/yz+01/8=";
    let escapes = [
        [("+", "&#43;"), ("/", "&#47;"), ("=", "&#61;")],
        [("+", "&#x2B;"), ("/", "&#x2f;"), ("=", "&#X3d;")],
        [("+", "&#0043;"), ("/", "&#0047;"), ("=", "&#61")],
        [("+", "&plus;"), ("/", "&sol;"), ("=", "&equals;")],
        [("+", "&amp;#43;"), ("/", "&amp;amp;sol;"), ("=", "&amp;#x3d;")],
    ];
    for escapes in escapes {
        let shown = escapes.iter().fold(key.to_owned(), |text, (plain, escape)| text.replace(plain, escape));
        let escaped_once_more = shown.replace('&', "&amp;");
        for body in [
            format!("<html><title>400 bad key {shown}</title></html>"),
            format!("<p>bad key &quot;{shown}&quot; was sent</p>"),
            format!("<Error><Code>InvalidArgument</Code><Message>key {escaped_once_more}</Message></Error>"),
            format!(r#"{{"code":"InvalidArgument","message":"key {shown}"}}"#),
        ] {
            let error = read(body.as_str());
            assert!(error.message.contains("[…]"), "{body}: {error:?}");
            for piece in ["ab", "cd", "kl", "yz"] {
                assert!(!error.message.contains(piece), "{body}: {error:?}");
            }
        }
    }
}

#[test]
fn references_are_read_as_people_would_see_them() {
    check("<p>&lt;none&gt; of &quot;a&amp;b&quot;&nbsp;fits</p>", "", "<none> of \"a&b\" fits");
    check("<p>AT&T; &unknown; &#xd800; &#x110000; &# &</p>", "", "AT&T; &unknown; &#xd800; &#x110000; &# &");
    check("<p>one&#10;line&#27;[1m &#x202e;only</p>", "", "one line [1m only");
}

#[test]
fn who_signed_is_not_repeated() {
    check("<p>no key AKIDz8krbsJ5yKBZQpn74WFkmLPx3, sorry</p>", "", "no key […], sorry");
    check("<p>q-sign-algorithm=sha1&q-ak=someone&q-sign-time=1;2</p>", "", "q-sign-algorithm=sha1&[…]&q-sign-time=1;2");
}

#[test]
fn a_code_is_a_plain_word() {
    check("<Error><Code>No Such\u{7}Key</Code><Message>m</Message></Error>", "", "m");
    check("<Error><Code> NoSuchKey </Code></Error>", "NoSuchKey", "");
}

#[test]
fn no_terminal_sequence_gets_through() {
    let error = read("<p>\u{1b}[31mred\u{202e}der\u{200b}\u{feff} \u{85}\u{9b}x</p>");
    assert_eq!(error.message, "[31mred der x");
}

#[test]
fn the_request_id_is_the_headers() {
    let mut headers = HeaderMap::new();
    assert_eq!(request_id(COS, &headers), None);
    headers.insert("x-cos-request-id", HeaderValue::from_static("  "));
    assert_eq!(request_id(COS, &headers), None);
    headers.insert("x-cos-request-id", HeaderValue::from_bytes(b"ab\xffc d").unwrap());
    assert_eq!(request_id(COS, &headers).as_deref(), Some("abcd"));
}

proptest! {
    #[test]
    fn any_body_gives_a_short_clean_message(body in proptest::collection::vec(any::<u8>(), 0..600)) {
        let error = read(body);
        prop_assert!(error.message.chars().count() <= MAX_MESSAGE + 1);
        prop_assert!(!error.message.contains(char::is_control));
        prop_assert!(error.code.len() < MAX_CODE);
    }

    #[test]
    fn short_words_are_left_as_they_are(words in proptest::collection::vec("[!-%'-~]{1,39}", 1..5)) {
        let text = words.join(" ");
        let text = text.trim_end_matches(['.', ' ']);
        prop_assert_eq!(presentable(COS, text), text);
    }
}
