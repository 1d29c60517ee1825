//! Customer keys go nowhere in the clear, and nothing secret is shown.

use std::sync::{Arc, Mutex};

use super::server::{Act, Server, address, client, customer, no_sse, part, part_taken};
use crate::{
    dialect::COS,
    error::ErrorKind,
    signing::{CredentialFuture, CredentialProvider, Credentials},
    transport::{ClientOptions, MaskedHead, RequestObserver, StoreClient},
};

/// Base64 of the key that `customer()` uses.
const KEY: &str = "MDEyMzQ1Njc4OUFCQ0RFRjAxMjM0NTY3ODlBQkNERUY=";
const KEY_MD5: &str = "U5L61r7jcwdNvT7frmUG8g==";

/// Fails the test if it is asked.
#[derive(Debug)]
struct Untouched;

impl CredentialProvider for Untouched {
    fn credentials(&self) -> CredentialFuture<'_> {
        panic!("credentials were asked for before the key was refused")
    }
}

#[tokio::test]
async fn a_customer_key_is_refused_over_plain_http_before_any_io() {
    let server = Server::answering(&part_taken()).await;
    let endpoint = format!("http://{}", server.addr);
    let elsewhere = "http://store.invalid".to_owned();
    for (endpoint, allow) in [(endpoint, false), (elsewhere.clone(), false), (elsewhere, true)] {
        let options = ClientOptions { allow_insecure_loopback: allow, ..ClientOptions::default() };
        let client = StoreClient::new(address(&endpoint), Arc::new(Untouched), options).unwrap();
        let error = client.send(&part(1), &customer()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{endpoint} {allow}");
        assert!(error.message().contains("never sent over plain HTTP"), "{error}");
        assert!(error.hint().unwrap().contains("https://"));
        assert_eq!(client.explain(&part(1), &customer()).await.unwrap_err().kind(), ErrorKind::Config);
        assert!(client.get(&get(), &customer()).await.is_err());
    }
    assert!(server.seen().is_empty());
}

fn get() -> crate::wire::Get {
    crate::wire::Get { key: super::server::key(), version_id: None, range: None, if_match: None }
}

#[tokio::test]
async fn a_customer_key_may_stay_on_this_machine_if_that_is_allowed() {
    let echo = [
        "etag: \"0123\"",
        "x-cos-server-side-encryption-customer-algorithm: AES256",
        &format!("x-cos-server-side-encryption-customer-key-md5: {KEY_MD5}"),
    ];
    let server = Server::answering(&super::server::answer("200 OK", &echo, "")).await;
    let client = server.client_with(|options| options.allow_insecure_loopback = true);
    let answered = client.send(&part(1), &customer()).await.unwrap();
    assert!(answered.echo.is_confirmed());
    assert_eq!(server.seen()[0].header("x-cos-server-side-encryption-customer-key"), Some(KEY));
}

#[derive(Debug, Default)]
struct Observer(Mutex<Vec<MaskedHead>>);

impl RequestObserver for Observer {
    fn request(&self, head: &MaskedHead) {
        self.0.lock().unwrap().push(head.clone());
    }
}

#[tokio::test]
async fn what_is_shown_of_a_request_holds_no_secret() {
    let server = Server::follow([Act::Lose, Act::Answer(part_taken())]).await;
    let observer = Arc::new(Observer::default());
    let watching: Arc<dyn RequestObserver> = observer.clone();
    let options = ClientOptions { allow_insecure_loopback: true, observer: Some(watching), ..ClientOptions::default() };
    let credentials =
        Credentials::new("AKIDEXAMPLE", "a-secret-key").unwrap().with_token("a-token-of-some-length").unwrap();
    let endpoint = format!("http://{}", server.addr);
    let client = StoreClient::new(address(&endpoint), Arc::new(credentials), options).unwrap();
    client.send(&part(9), &customer()).await.unwrap();
    let explained = client.explain(&part(9), &customer()).await.unwrap();

    let mut heads = observer.0.lock().unwrap().clone();
    assert_eq!(heads.iter().map(|head| head.attempt).collect::<Vec<_>>(), [1, 2]);
    heads.push(explained);
    let signatures: Vec<String> = server
        .seen()
        .iter()
        .map(|seen| seen.header("authorization").unwrap().split_once("q-signature=").unwrap().1.to_owned())
        .collect();
    for head in &heads {
        let text = format!("{head:?}");
        for secret in
            [KEY, "a-secret-key", "a-token-of-some-length"].into_iter().chain(signatures.iter().map(String::as_str))
        {
            assert!(!text.contains(secret), "{secret} in {text}");
        }
        assert!(text.contains(KEY_MD5));
        assert!(text.contains("q-header-list="));
        assert_eq!((head.method.as_str(), head.body_len), ("PUT", 9));
        assert!(head.url.starts_with(&endpoint) && head.url.contains("partNumber=1"), "{}", head.url);
    }
    let text = format!("{client:?}");
    assert!(!text.contains("a-secret-key") && !text.contains("a-token"), "{text}");
}

#[tokio::test]
async fn a_dry_run_sends_nothing() {
    let server = Server::answering(&part_taken()).await;
    let head = server.client().explain(&part(5), &no_sse()).await.unwrap();
    assert_eq!(head.attempt, 1);
    assert!(head.headers.iter().any(|(name, value)| name == "authorization" && value.contains("q-signature=***")));
    assert!(server.seen().is_empty());
}

/// The answer is refused at once, without a word of the key, and says where it was; a refusal leaves no doubt.
#[track_caller]
fn reflected(error: &crate::error::Error, server: &Server, place: &str, doubtful: bool) {
    assert_eq!((error.kind(), error.attempts(), error.is_doubtful()), (ErrorKind::Protocol, Some(1), doubtful));
    assert!(error.message().ends_with(place), "{error}");
    assert!(error.hint().unwrap().contains("not the store"));
    let text = format!("{error} {error:?}");
    assert!(!text.contains(&KEY[..12]) && !text.contains("30313233"), "{text}");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn an_answer_that_repeats_the_key_in_a_header_is_refused_whatever_it_says() {
    let hex = "3031323334353637383941424344454630313233343536373839414243444546";
    for name in ["etag", "x-cos-version-id", "x-cos-server-side-encryption-customer-key-md5", "x-cos-request-id"] {
        for (status, value) in [("200 OK", KEY), ("503 Service Unavailable", KEY), ("200 OK", hex)] {
            let line = format!("{name}: {value}");
            let text = super::server::answer(status, &[&line], "").replace("x-cos-request-id: NjI=\r\n", "");
            let server = Server::answering(&text).await;
            let client = server.client_with(|options| options.allow_insecure_loopback = true);
            let error = client.send(&part(1), &customer()).await.unwrap_err();
            reflected(&error, &server, &format!("in the header {name}"), true);
        }
    }
}

#[tokio::test]
async fn an_answer_that_repeats_the_key_in_its_body_is_refused() {
    for words in [format!("bad key {KEY}"), format!("bad key {} and {}", &KEY[..20], &KEY[20..])] {
        let body = format!("<Error><Code>InvalidArgument</Code><Message>{words}</Message></Error>");
        for status in ["400 Bad Request", "500 Internal Server Error", "200 OK"] {
            let server = Server::answering(&super::server::answer(status, &[], &body)).await;
            let client = server.client_with(|options| options.allow_insecure_loopback = true);
            let error = client.send(&part(1), &customer()).await.unwrap_err();
            reflected(&error, &server, "in its body", !status.starts_with('4'));
        }
    }
}

#[tokio::test]
async fn a_download_whose_head_repeats_the_key_is_refused() {
    let line = format!("etag: \"{KEY}\"");
    let server = Server::answering(&super::server::answer("200 OK", &[&line], "x")).await;
    let client = server.client_with(|options| options.allow_insecure_loopback = true);
    let error = client.get(&get(), &customer()).await.unwrap_err();
    reflected(&error, &server, "in the header etag", false);
}

#[test]
fn a_client_without_attempts_or_time_is_refused() {
    for options in [
        ClientOptions { attempts: 0, ..ClientOptions::default() },
        ClientOptions { stall_timeout: std::time::Duration::ZERO, ..ClientOptions::default() },
    ] {
        let error = client("http://127.0.0.1:1", options).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
    }
}

#[tokio::test]
async fn an_unconfirmed_or_contradicting_echo_is_told_and_never_sent_again() {
    let wrong = [
        "etag: \"0123\"",
        "x-cos-server-side-encryption-customer-algorithm: AES256",
        "x-cos-server-side-encryption-customer-key-md5: AAAAAAAAAAAAAAAAAAAAAA==",
    ];
    let server = Server::answering(&super::server::answer("200 OK", &wrong, "")).await;
    let client = server.client_with(|options| options.allow_insecure_loopback = true);
    let error = client.send(&part(1), &customer()).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Encryption, Some(1)));
    assert_eq!(error.request_id(), Some("NjI="));
    assert_eq!(error.operation(), Some(crate::operation::Operation::UploadPart));
    assert_eq!(server.seen().len(), 1);

    let unjudged = client.send_unjudged(&part(1), &customer()).await.unwrap();
    assert_eq!(unjudged.value.etag.as_str(), "0123");
    assert_eq!(unjudged.echo.unwrap_err().kind(), ErrorKind::Encryption);

    let silent = Server::answering(&part_taken()).await;
    let client = silent.client_with(|options| options.allow_insecure_loopback = true);
    assert_eq!(client.send(&part(1), &customer()).await.unwrap().echo, crate::sse::Echo::Silent);
    assert_eq!(client.dialect(), COS);
}
