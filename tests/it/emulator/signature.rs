//! Who may ask, and when.

use std::time::{Duration, SystemTime};

use sealift::clock::Clock;

use super::raw::{Raw, headers, http_client};
use crate::support::{store, store_with};

#[tokio::test(flavor = "multi_thread")]
async fn only_a_right_signature_of_a_known_account_passes() {
    let store = store().await;
    let raw = Raw::new(&store);
    raw.put("k", &[], b"bytes").await.ok();
    let wrong_key = Raw { key: "wrong".to_owned(), ..raw.clone() };
    wrong_key.get("k", &[]).await.refused(403, "SignatureDoesNotMatch");
    let wrong_id = Raw { id: "AKIDunknown".to_owned(), ..raw.clone() };
    wrong_id.get("k", &[]).await.refused(403, "InvalidAccessKeyId");
    let anonymous = raw.http.get(format!("{}/{}/k", raw.base, raw.bucket)).send().await.unwrap();
    assert_eq!(anonymous.status(), 403);
    let with_token = Raw { token: Some("token".to_owned()), ..raw.clone() };
    with_token.get("k", &[]).await.refused(403, "AccessDenied");
}

#[tokio::test(flavor = "multi_thread")]
async fn temporary_credentials_need_their_token() {
    let store = store_with(|options| options.credentials("AKIDtmp", "key", Some("the token"))).await;
    let raw = Raw::new(&store);
    raw.put("k", &[], b"bytes").await.ok();
    for token in [None, Some("another".to_owned())] {
        Raw { token, ..raw.clone() }.get("k", &[]).await.refused(403, "AccessDenied");
    }
    // As a parameter it counts as well, signed or not.
    let bare = Raw { token: None, ..raw.clone() };
    bare.send("GET", "k", &[("x-cos-security-token", "the token")], &[], &[]).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_counts_in_its_time_only() {
    let store = store().await;
    let raw = Raw::new(&store);
    raw.put("k", &[], b"bytes").await.ok();
    // Signatures here are valid from a minute before to ten minutes after their time.
    for (ahead, code, message) in [
        (-660, "AccessDenied", "Request has expired"),
        (-86_400, "AccessDenied", "Request has expired"),
        (90, "AccessDenied", "Request has expired"),
        (3_600, "RequestTimeTooSkewed", "the clock of the client is more than 15 minutes off"),
    ] {
        let said = Raw { ahead, ..raw.clone() }.get("k", &[]).await.refused(403, code);
        assert_eq!(said.element("Message").as_deref(), Some(message), "{ahead}");
    }
    let dated = headers(&[("Date", "Thu, 16 May 2019 06:45:51 GMT")]);
    raw.get("k", &dated).await.refused(403, "RequestTimeTooSkewed");
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_tell_the_time_of_the_store() {
    let clock = Clock::fixed(SystemTime::UNIX_EPOCH + Duration::from_secs(1_557_989_151));
    let store = store_with(|options| options.clock(clock)).await;
    let said = Raw::new(&store).get("k", &[]).await.refused(403, "RequestTimeTooSkewed");
    assert_eq!(said.header("date"), "Thu, 16 May 2019 06:45:51 GMT");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_presigned_address_works_in_both_forms_and_for_its_path_only() {
    let store = store().await;
    let raw = Raw::new(&store);
    raw.put("k", &[], b"bytes").await.ok();
    let path = format!("/{}/k", raw.bucket);
    let signed = raw.authorize("GET", &path, &[], &[("host".to_owned(), raw.host.clone())]);
    let http = http_client(store.emulator.ca_cert());
    let fields = signed.replace(';', "%3B");
    let whole = format!("sign={}", signed.replace('=', "%3D").replace('&', "%26").replace(';', "%3B"));
    for query in [fields, whole] {
        let got = http.get(format!("{}{path}?{query}", raw.base)).send().await.unwrap();
        assert_eq!((got.status().as_u16(), &got.bytes().await.unwrap()[..]), (200, &b"bytes"[..]), "{query}");
        let other = http.get(format!("{}{path}2?{query}", raw.base)).send().await.unwrap();
        assert_eq!(other.status().as_u16(), 403);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bucket_is_found_in_the_host() {
    let store = store_with(|options| options.domain("files.example.com", "examplebucket-1250000000")).await;
    let raw = Raw::new(&store);
    raw.put("some key", &[], b"bytes").await.ok();
    let hosts = ["examplebucket-1250000000.cos.ap-guangzhou.myqcloud.com", "files.example.com"];
    for host in hosts {
        let builder = reqwest::Client::builder().resolve(host, store.emulator.addr());
        let base = format!("https://{host}:{}", store.emulator.addr().port());
        let http = super::raw::with_authority(builder, store.emulator.ca_cert());
        let address = format!("{host}:{}", store.emulator.addr().port());
        let signed = raw.authorize("GET", "/some key", &[], &[("host".to_owned(), address)]);
        let got = http.get(format!("{base}/some%20key")).header("Authorization", signed).send().await.unwrap();
        assert_eq!((got.status().as_u16(), &got.bytes().await.unwrap()[..]), (200, &b"bytes"[..]), "{host}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_bucket_and_a_broken_target_are_refused() {
    let store = store().await;
    let raw = Raw::new(&store);
    Raw { bucket: "other-1250000000".to_owned(), ..raw.clone() }.get("k", &[]).await.refused(404, "NoSuchBucket");
    let broken = raw.http.get(format!("{}/{}/%ff", raw.base, raw.bucket)).send().await.unwrap();
    assert_eq!(broken.status().as_u16(), 400);
    raw.get(&"k".repeat(851), &[]).await.refused(400, "KeyTooLong");
    raw.get("/k", &[]).await.refused(400, "InvalidObjectName");
    raw.get("a\u{1a}b", &[]).await.refused(400, "InvalidObjectName");
    raw.put(&"k".repeat(850), &[], b"").await.ok();
    let odd = "a+b c%20~(*)'!/腾//x&y=z?#";
    raw.put(odd, &[], b"odd").await.ok();
    assert_eq!(raw.get(odd, &[]).await.ok().body, b"odd");
}
