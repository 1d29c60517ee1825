//! Who may ask, when, and under which name of the store.

use std::time::{Duration, SystemTime};

use sealift::{clock::Clock, emulator::EmulatorOptions};

use super::{
    super::raw::{Said, headers, http_client, with_authority},
    raw::{Raw, UNSIGNED, store, store_with},
};
use crate::support::Store;

#[tokio::test(flavor = "multi_thread")]
async fn only_a_right_signature_of_a_known_account_passes() {
    let store = store().await;
    let raw = Raw::new(&store);
    raw.put("k", &[], b"bytes").await.ok();
    let wrong_key = Raw { key: "wrong".to_owned(), ..raw.clone() };
    wrong_key.get("k", &[]).await.refused(403, "SignatureDoesNotMatch");
    let wrong_id = Raw { id: "AKIAUNKNOWN".to_owned(), ..raw.clone() };
    wrong_id.get("k", &[]).await.refused(403, "InvalidAccessKeyId");
    let wrong_region = Raw { region: "us-east-1".to_owned(), ..raw.clone() };
    let said = wrong_region.get("k", &[]).await.refused(400, "AuthorizationHeaderMalformed");
    assert!(said.text().contains("the region &apos;us-east-1&apos; is wrong; expecting &apos;eu-central-1&apos;"));
    let anonymous = raw.http.get(raw.url("k", &[])).send().await.unwrap();
    assert_eq!(anonymous.status(), 403);
    let with_token = Raw { token: Some("token".to_owned()), ..raw.clone() };
    with_token.get("k", &[]).await.refused(400, "InvalidToken");
}

#[tokio::test(flavor = "multi_thread")]
async fn temporary_credentials_need_their_token() {
    let store = store_with(|options| options.credentials("ASIATMP", "key", Some("the token"))).await;
    let raw = Raw::new(&store);
    raw.put("k", &[], b"bytes").await.ok();
    Raw { token: None, ..raw.clone() }.get("k", &[]).await.refused(403, "InvalidAccessKeyId");
    Raw { token: Some("another".to_owned()), ..raw.clone() }.get("k", &[]).await.refused(400, "InvalidToken");
    let masked =
        store.emulator.transcript().iter().any(|request| {
            request.headers.iter().any(|(name, value)| name == "x-amz-security-token" && value == "***")
        });
    assert!(masked);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signature_counts_for_a_quarter_of_an_hour() {
    let store = store().await;
    let raw = Raw::new(&store);
    raw.put("k", &[], b"bytes").await.ok();
    for ahead in [-890, 890] {
        Raw { ahead, ..raw.clone() }.get("k", &[]).await.ok();
    }
    for ahead in [-910, 910, -86_400] {
        Raw { ahead, ..raw.clone() }.get("k", &[]).await.refused(403, "RequestTimeTooSkewed");
    }
    let clock = Clock::fixed(SystemTime::UNIX_EPOCH + Duration::from_secs(1_557_989_151));
    let old = store_with(|options| options.clock(clock)).await;
    let said = Raw::new(&old).get("k", &[]).await.refused(403, "RequestTimeTooSkewed");
    assert_eq!(said.header("date"), "Thu, 16 May 2019 06:45:51 GMT");
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_of_the_store_that_are_not_signed_are_refused() {
    let store = store().await;
    let raw = Raw::new(&store);
    let send = |name: &'static str| {
        let (all, _) = raw.seal("PUT", "k", &[], &[], UNSIGNED);
        let mut request = raw.http.put(raw.url("k", &[])).body("bytes").header(name, "private");
        for (name, value) in &all {
            request = request.header(name, value);
        }
        async move {
            let answer = request.send().await.unwrap();
            let (status, headers) = (answer.status(), answer.headers().clone());
            Said { status, headers, body: answer.bytes().await.unwrap().to_vec() }
        }
    };
    let said = send("x-amz-acl").await.refused(403, "AccessDenied");
    assert!(said.text().contains("There were headers present in the request which were not signed"));
    send("x-anything").await.ok();
}

/// A presigned address for this method and key; `more` are further parameters.
fn presigned(raw: &Raw, method: &str, key: &str, expires: &str, more: &[(&str, &str)]) -> String {
    let time = raw.time();
    let scope = format!("{}/{}/s3/aws4_request", &time[..8], raw.region);
    let credential = format!("{}/{scope}", raw.id);
    let mut params = vec![
        ("X-Amz-Algorithm", "AWS4-HMAC-SHA256"),
        ("X-Amz-Credential", &credential),
        ("X-Amz-Date", &time),
        ("X-Amz-Expires", expires),
        ("X-Amz-SignedHeaders", "host"),
    ];
    params.extend(raw.token.as_deref().map(|token| ("X-Amz-Security-Token", token)));
    params.extend(more);
    let seal = raw.authorize(method, key, &params, &headers(&[("host", &raw.host)]), UNSIGNED, &time);
    params.push(("X-Amz-Signature", &seal.signature));
    raw.url(key, &params)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_presigned_address_works_in_its_time_and_for_what_it_names() {
    let store = store_with(|options| options.credentials("ASIATMP", "key", Some("the/token+of=it"))).await;
    let raw = Raw::new(&store);
    raw.put("a key+1", &[], b"bytes").await.ok();
    let http = http_client(store.emulator.ca_cert());
    let get = |url: String| {
        let http = http.clone();
        async move {
            let answer = http.get(url).send().await.unwrap();
            (answer.status().as_u16(), answer.text().await.unwrap())
        }
    };
    let url = presigned(&raw, "GET", "a key+1", "600", &[("response-content-type", "text/x y")]);
    assert_eq!(get(url.clone()).await, (200, "bytes".to_owned()));
    assert_eq!(get(url.replace("a%20key", "b%20key")).await.0, 403);
    assert_eq!(get(url.replace("text", "test")).await.0, 403);
    let late = Raw { ahead: -700, ..raw.clone() };
    let (status, text) = get(presigned(&late, "GET", "a key+1", "600", &[])).await;
    assert!(status == 403 && text.contains("<Message>Request has expired</Message>"), "{text}");
    assert_eq!(get(presigned(&late, "GET", "a key+1", "900", &[])).await.0, 200);
    assert_eq!(get(presigned(&raw, "GET", "a key+1", "604801", &[])).await.0, 400);
    assert_eq!(get(presigned(&raw, "PUT", "a key+1", "600", &[])).await.0, 403);
    let put = http.put(presigned(&raw, "PUT", "other", "600", &[])).body("new").send().await.unwrap();
    assert_eq!(put.status(), 200);
    assert_eq!(raw.get("other", &[]).await.ok().body, b"new");
}

/// A client that asks for this host, and finds the store there.
fn at_host(raw: &Raw, store: &Store, host: &str, root: &str) -> Raw {
    let builder = reqwest::Client::builder().resolve(host, store.emulator.addr());
    let address = format!("{host}:{}", store.emulator.addr().port());
    let (scheme, _) = raw.base.split_once("://").unwrap();
    Raw {
        http: with_authority(builder, store.emulator.ca_cert()),
        base: format!("{scheme}://{address}"),
        host: address,
        root: root.to_owned(),
        ..raw.clone()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bucket_is_found_in_the_host_even_with_dots() {
    let options = |options: EmulatorOptions| {
        options.tls(false).bucket("my.own.bucket").domain("files.example.com", "my.own.bucket")
    };
    let store = store_with(options).await;
    let path = Raw::new(&store);
    path.put("some key", &[], b"bytes").await.ok();
    for (host, root) in [
        ("my.own.bucket.localhost", ""),
        ("my.own.bucket.s3.eu-central-1.amazonaws.com", ""),
        ("files.example.com", ""),
        ("s3.eu-central-1.amazonaws.com", "/my.own.bucket"),
    ] {
        let raw = at_host(&path, &store, host, root);
        assert_eq!(raw.get("some key", &[]).await.ok().body, b"bytes", "{host}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_is_asked_for_in_front_of_the_service() {
    let store = store().await;
    let path = Raw::new(&store);
    path.put("some key", &[], b"bytes").await.ok();
    for host in ["examplebucket.s3.eu-central-1.amazonaws.com", "examplebucket.s3.amazonaws.com"] {
        let raw = at_host(&path, &store, host, "");
        assert_eq!(raw.get("some key", &[]).await.ok().body, b"bytes", "{host}");
        assert_eq!(raw.head("", &[]).await.ok().header("x-amz-bucket-region"), "eu-central-1");
    }
    let location = path.send("GET", "", &[("location", "")], &[], &[]).await.ok().text();
    let expected =
        "<LocationConstraint xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">eu-central-1</LocationConstraint>";
    assert!(location.ends_with(expected), "{location}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_bucket_and_a_broken_target_are_refused_and_odd_keys_are_not() {
    let store = store().await;
    let raw = Raw::new(&store);
    let said = Raw { root: "/other".to_owned(), ..raw.clone() }.get("k", &[]).await.refused(404, "NoSuchBucket");
    let order = ["<Error><Code>", "<Message>", "<Resource>/other/k</Resource>", "<RequestId>", "<HostId>"];
    let places = order.map(|part| said.text().find(part).unwrap_or_else(|| panic!("{part} in {}", said.text())));
    assert!(places.is_sorted());
    let broken = raw.http.get(format!("{}/examplebucket/%ff", raw.base)).send().await.unwrap();
    assert_eq!(broken.status().as_u16(), 400);
    raw.get(&"k".repeat(1025), &[]).await.refused(400, "KeyTooLongError");
    raw.put(&"k".repeat(1024), &[], b"").await.ok();
    for odd in ["a+b c%20~(*)'!/腾//x&y=z?#", "/slash", "\u{1a}"] {
        raw.put(odd, &[], odd.as_bytes()).await.ok();
        assert_eq!(raw.get(odd, &[]).await.ok().body, odd.as_bytes());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_needs_a_name_by_the_rules_of_the_store() {
    let dir = tempfile::tempdir().unwrap();
    for name in ["ab", "Upper", "under_score", "192.168.5.4"] {
        let started = sealift::emulator::Emulator::start(EmulatorOptions::s3(dir.path()).bucket(name)).await;
        assert_eq!(started.unwrap_err().kind(), std::io::ErrorKind::InvalidInput, "{name}");
    }
}
