//! Keys of a container, from an imitation of its service on loopback.

use std::sync::atomic::Ordering;

use super::{
    super::{
        Machine, expected,
        service::{Service, ok, status},
        shown,
    },
    ask, failure, id, keys, machine,
};
use crate::error::ErrorKind;

const RELATIVE: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
const FULL: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
const TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";

fn authorization(head: &str) -> Option<&str> {
    head.lines().find_map(|line| line.strip_prefix("authorization: "))
}

#[tokio::test]
async fn a_relative_address_is_one_at_the_service_of_ecs() {
    let service = Service::start(&[], keys("ID", 7200)).await;
    let mut machine = Machine::new().var(RELATIVE, "/v2/credentials/topsecret?a=1").var(FULL, "http://192.0.2.1/");
    machine.metadata = service.address.clone();
    assert_eq!(shown(&ask(&machine).await), expected("ID", "KEY-ID", Some("TOKEN-ID")));
    assert_eq!(service.asked(), ["GET /v2/credentials/topsecret?a=1"]);
    assert_eq!(authorization(&service.heads()[0]), None);
    let provider = machine.discover_aws().unwrap();
    id(&provider).await;
    let dump = format!("{provider:?}");
    assert!(dump.contains("ID") && !dump.contains("KEY-ID") && !dump.contains("topsecret"), "{dump}");
}

#[test]
fn the_service_of_ecs_is_where_it_is() {
    assert_eq!(crate::credentials::Environment::system().containers, "http://169.254.170.2");
}

#[tokio::test]
async fn a_full_address_is_asked_with_the_token() {
    let service = Service::start(&[], keys("ID", 7200)).await;
    let machine = Machine::new().var(FULL, &format!("{}/creds", service.address)).var(TOKEN, "Basic topsecret");
    assert_eq!(ask(&machine).await.id(), "ID");
    assert_eq!(service.asked(), ["GET /creds"]);
    assert_eq!(authorization(&service.heads()[0]), Some("Basic topsecret"));
    let named = Machine::new().var(FULL, &service.address.replace("127.0.0.1", "localhost"));
    assert_eq!(ask(&named).await.id(), "ID");
    assert!(!format!("{:?}", machine.discover_aws().unwrap()).contains("topsecret"));
}

#[tokio::test]
async fn a_token_in_a_file_is_read_for_every_question() {
    let service = Service::start(&[], keys("ID", 3600)).await;
    let (machine, seconds) = machine();
    let machine = machine.file("token", "first\n").var(FULL, &service.address).var(TOKEN, "not this one");
    let path = machine.path("token").display().to_string();
    let machine = machine.var(TOKEN_FILE, &path);
    let provider = machine.discover_aws().unwrap();
    id(&provider).await;
    machine.write("token", "second");
    seconds.store(3500, Ordering::SeqCst);
    id(&provider).await;
    assert_eq!(
        service.heads().iter().map(|head| authorization(head).unwrap()).collect::<Vec<_>>(),
        ["first", "second"]
    );
    for text in ["", "topsecret\nmore", "topsecret\u{1}"] {
        machine.write("token", text);
        assert!(failure(&machine).await.message().ends_with("token holds no token of one line"));
    }
    std::fs::remove_file(machine.path("token")).unwrap();
    assert_eq!(failure(&machine).await.message(), format!("{TOKEN_FILE} names a file that is not there"));
    assert_eq!(service.heads().len(), 2);
}

#[tokio::test]
async fn only_neighbours_are_asked_without_tls() {
    for url in [
        "http://169.254.170.2/x",
        "http://169.254.170.23/v1/credentials",
        "http://[fd00:ec2::23]/v1/credentials",
        "http://localhost:8080/x",
        "http://127.0.0.1/x",
        "http://127.9.9.9/x",
        "http://[::1]/x",
        "https://example.com/topsecret",
        "https://169.254.169.254/x",
    ] {
        assert!(Machine::new().var(FULL, url).discover_aws().is_ok(), "{url}");
    }
    for url in [
        "http://example.com/topsecret",
        "http://169.254.169.254/x",
        "http://169.254.170.2.example.com/x",
        "http://169.254.170.2@192.0.2.1/topsecret",
        "http://localhost.example.com/x",
        "http://0.0.0.0/x",
        "http://[::ffff:7f00:1]/x",
        "http://192.0.2.1/x",
    ] {
        let error = failure(&Machine::new().var(FULL, url)).await;
        assert_eq!(error.kind(), ErrorKind::Credentials);
        assert!(error.message().starts_with(&format!("{FULL} names a host that must not be asked")), "{url}: {error}");
    }
    for (variable, url, what) in [
        (FULL, "topsecret", "is no address"),
        (FULL, "ftp://127.0.0.1/topsecret", "is no address of HTTP"),
        (RELATIVE, "@example.com/topsecret", "does not begin with a slash"),
        (RELATIVE, ".example.com/topsecret", "does not begin with a slash"),
    ] {
        assert_eq!(failure(&Machine::new().var(variable, url)).await.message(), format!("{variable} {what}"));
    }
    let machine = Machine::new().var(FULL, "http://127.0.0.1/").var(TOKEN, "topsecret\nmore");
    assert_eq!(failure(&machine).await.message(), format!("{TOKEN} is no token"));
}

#[tokio::test]
async fn answers_that_are_no_keys_are_refused_without_being_shown() {
    let refusal = r#"{"code":"AccessDenied","message":"topsecret"}"#;
    let denied = ok(refusal).replace("200 OK", "403 Forbidden");
    for (answer, what, kind) in [
        (ok("topsecret"), "answered something else than keys", ErrorKind::Credentials),
        (ok(refusal), "gives no keys: AccessDenied", ErrorKind::Credentials),
        (ok(r#"{"code":"top secret topsecret"}"#), "gives no keys: a code that is no word", ErrorKind::Credentials),
        (denied, "answered with status 403 (AccessDenied)", ErrorKind::Credentials),
        (status("302 Found"), "answered with status 302", ErrorKind::Credentials),
        (status("429 Slow"), "answered with status 429", ErrorKind::Unavailable),
        (status("503 Busy"), "answered with status 503", ErrorKind::Unavailable),
        (
            keys("ID", 3600).replace("AccessKeyId", "AccessKeyIx"),
            "answered unusable keys: AccessKeyId is missing",
            ErrorKind::Credentials,
        ),
        (
            keys("ID", 3600).replace("Token", "Tokex"),
            "answered unusable keys: Token is missing",
            ErrorKind::Credentials,
        ),
        (
            keys("ID", 3600).replace("Expiration", "Expiratiox"),
            "answered unusable keys: Expiration is missing",
            ErrorKind::Credentials,
        ),
        (ok(&"x".repeat(70 << 10)), "answered more than 64 KiB", ErrorKind::Credentials),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 500\r\nConnection: close\r\n\r\n{".to_owned(),
            "does not answer",
            ErrorKind::Unavailable,
        ),
    ] {
        let service = Service::start(&[], answer).await;
        let error = failure(&Machine::new().var(FULL, &format!("{}/topsecret", service.address))).await;
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(error.message(), format!("the container's service for credentials at 127.0.0.1 {what}"));
        if what.contains("is missing") {
            assert!(error.hint().is_some_and(|hint| hint.contains(FULL) && hint.contains("Expiration")), "{error:?}");
        }
    }
}

#[tokio::test]
async fn keys_are_renewed_ten_minutes_before_they_expire() {
    let service = Service::start(&[], keys("FIRST", 7200)).await;
    let (machine, seconds) = machine();
    let provider = machine.var(FULL, &service.address).discover_aws().unwrap();
    assert_eq!(id(&provider).await, "FIRST");
    service.answers(keys("SECOND", 14400));
    seconds.store(6599, Ordering::SeqCst);
    assert_eq!(id(&provider).await, "FIRST");
    seconds.store(6600, Ordering::SeqCst);
    assert_eq!(id(&provider).await, "SECOND");
    service.answers(status("500 Oops"));
    seconds.store(14399, Ordering::SeqCst);
    assert_eq!(id(&provider).await, "SECOND");
    seconds.store(14400, Ordering::SeqCst);
    assert_eq!(provider.credentials().await.unwrap_err().kind(), ErrorKind::Unavailable);
    assert_eq!(service.asked().len(), 4);
}
