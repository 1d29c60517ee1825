//! Keys of the machine's role, from an imitation of the metadata service on loopback.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, UNIX_EPOCH},
};

use super::super::{
    Machine, expected,
    service::{START, Service, ok},
    shown,
};
use crate::{clock::Clock, error::ErrorKind, signing::CredentialProvider};

const ROLES: &str = "/latest/meta-data/cam/security-credentials/";

async fn start(answer: String) -> Service {
    // The list of roles is the same always.
    Service::start(&[(&format!("GET {ROLES}"), ok("first-role\nsecond-role\n"))], answer).await
}

/// An answer as the service gives it, with keys that expire so many seconds after the start.
fn keys(name: &str, expires: u64) -> String {
    ok(&format!(
        r#"{{"TmpSecretId":"{name}","TmpSecretKey":"KEY-{name}","ExpiredTime":{},"Expiration":"2023-11-14T22:13:20Z","Token":"TOKEN-{name}","Code":"Success"}}"#,
        START + expires
    ))
}

/// A machine of the service, whose clock is set by hand in seconds after the start.
fn machine(service: &Service) -> (Machine, Arc<AtomicU64>) {
    let seconds = Arc::new(AtomicU64::new(0));
    let clock = seconds.clone();
    let mut machine = Machine::new();
    machine.metadata = service.address.clone();
    machine.clock = Clock::from_fn(move || UNIX_EPOCH + Duration::from_secs(START + clock.load(Ordering::SeqCst)));
    (machine, seconds)
}

async fn id(provider: &Arc<dyn CredentialProvider>) -> String {
    provider.credentials().await.unwrap().id().to_owned()
}

#[tokio::test]
async fn a_named_role_is_asked_for_by_its_name() {
    let service = start(keys("ID", 7200)).await;
    let (machine, _) = machine(&service);
    let machine = machine.var("TENCENTCLOUD_CAM_ROLE_NAME", "my role/x_1");
    assert_eq!(shown(&machine.ask().await), expected("ID", "KEY-ID", Some("TOKEN-ID")));
    assert_eq!(service.asked(), [format!("GET {ROLES}my%20role%2Fx_1")]);
    let provider = machine.discover().unwrap();
    provider.credentials().await.unwrap();
    let dump = format!("{provider:?}");
    assert!(dump.contains("ID") && !dump.contains("KEY-ID") && !dump.contains("TOKEN-ID"), "{dump}");
}

#[tokio::test]
async fn files_can_ask_for_the_role() {
    for (path, text, asked) in [
        ("home/.cos.yaml", "cos:\n  base:\n    mode: CvmRole\n    cvmrolename: named\n", vec!["named"]),
        ("home/.cos.yaml", "cos:\n  base:\n    mode: CvmRole\n    cvmrolename: \"\"\n", vec!["", "first-role"]),
        ("home/.tccli/default.credential", r#"{"type": "cvm-role"}"#, vec!["", "first-role"]),
    ] {
        let service = start(keys("ID", 7200)).await;
        let (machine, _) = machine(&service);
        assert_eq!(machine.file(path, text).ask().await.id(), "ID");
        assert_eq!(service.asked(), asked.iter().map(|role| format!("GET {ROLES}{role}")).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn nothing_is_asked_where_nothing_names_a_role() {
    let service = start(keys("ID", 7200)).await;
    let (machine, _) = machine(&service);
    machine.discover().unwrap_err();
    let machine = machine.var("TENCENTCLOUD_CAM_ROLE_NAME", "role");
    let provider = machine.discover().unwrap();
    assert!(service.asked().is_empty(), "nothing is asked before keys are needed");
    id(&provider).await;
    assert_eq!(service.asked().len(), 1);
}

#[tokio::test]
async fn keys_are_kept_and_renewed_ten_minutes_before_they_expire() {
    let service = start(keys("FIRST", 7200)).await;
    let (machine, seconds) = machine(&service);
    let provider = machine.var("TENCENTCLOUD_CAM_ROLE_NAME", "role").discover().unwrap();
    assert_eq!(id(&provider).await, "FIRST");
    service.answers(keys("SECOND", 14400));
    seconds.store(6599, Ordering::SeqCst);
    assert_eq!(id(&provider).await, "FIRST");
    assert_eq!(service.asked().len(), 1);
    seconds.store(6600, Ordering::SeqCst);
    assert_eq!(id(&provider).await, "SECOND");
    assert_eq!(id(&provider).await, "SECOND");
    assert_eq!(service.asked().len(), 2);
}

#[tokio::test]
async fn valid_keys_are_kept_when_the_renewal_fails_and_then_it_is_an_error() {
    let service = start(keys("FIRST", 7200)).await;
    let (machine, seconds) = machine(&service);
    let provider = machine.var("TENCENTCLOUD_CAM_ROLE_NAME", "role").discover().unwrap();
    id(&provider).await;
    service.answers("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned());
    seconds.store(7000, Ordering::SeqCst);
    assert_eq!(id(&provider).await, "FIRST");
    assert_eq!(id(&provider).await, "FIRST");
    assert_eq!(service.asked().len(), 2, "a failed renewal is not tried again at once");
    seconds.store(7060, Ordering::SeqCst);
    assert_eq!(id(&provider).await, "FIRST");
    assert_eq!(service.asked().len(), 3);
    // The pause after a failure does not outlast the keys.
    seconds.store(7190, Ordering::SeqCst);
    assert_eq!(id(&provider).await, "FIRST");
    assert_eq!(service.asked().len(), 4);
    seconds.store(7200, Ordering::SeqCst);
    let error = provider.credentials().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(error.message(), "the metadata service answered with status 500");
    service.answers(keys("SECOND", 14400));
    assert_eq!(id(&provider).await, "SECOND");
}

#[tokio::test]
async fn old_keys_that_are_given_out_again_are_not_asked_for_every_time() {
    let service = start(keys("FIRST", 300)).await;
    let (machine, seconds) = machine(&service);
    let provider = machine.var("TENCENTCLOUD_CAM_ROLE_NAME", "role").discover().unwrap();
    id(&provider).await;
    id(&provider).await;
    assert_eq!(service.asked().len(), 1);
    seconds.store(60, Ordering::SeqCst);
    id(&provider).await;
    assert_eq!(service.asked().len(), 2);
    // By a clock that is far ahead every key is expired already: the store may see it otherwise.
    seconds.store(100_000, Ordering::SeqCst);
    assert_eq!(id(&provider).await, "FIRST");
    assert_eq!(service.asked().len(), 3);
}

#[tokio::test]
async fn many_callers_make_one_renewal() {
    let service = start(keys("FIRST", 7200)).await;
    let (machine, seconds) = machine(&service);
    let provider = machine.var("TENCENTCLOUD_CAM_ROLE_NAME", "role").discover().unwrap();
    let all = futures::future::join_all((0..20).map(|_| id(&provider))).await;
    assert!(all.iter().all(|id| id == "FIRST"));
    assert_eq!(service.asked().len(), 1);

    // While one renews, the others go on with what is still valid.
    service.gate().forget_permits(1000);
    service.answers(keys("SECOND", 14400));
    seconds.store(7000, Ordering::SeqCst);
    let renewal = id(&provider);
    let others = async {
        while service.asked().len() < 2 {
            tokio::task::yield_now().await;
        }
        let others = futures::future::join_all((0..20).map(|_| id(&provider))).await;
        service.gate().add_permits(1);
        others
    };
    let (renewed, others) = tokio::join!(renewal, others);
    assert_eq!(renewed, "SECOND");
    assert!(others.iter().all(|id| id == "FIRST"));
    assert_eq!(service.asked().len(), 2);
}

#[tokio::test]
async fn keys_that_the_store_refuses_are_renewed_before_their_time_once() {
    let service = start(keys("FIRST", 7200)).await;
    let (machine, _) = machine(&service);
    let provider = machine.var("TENCENTCLOUD_CAM_ROLE_NAME", "role").discover().unwrap();
    let first = provider.credentials().await.unwrap();
    service.answers(keys("SECOND", 14400));
    provider.refused(&first);
    let all = futures::future::join_all((0..20).map(|_| id(&provider))).await;
    assert!(all.iter().all(|id| id == "SECOND"), "{all:?}");
    assert_eq!(service.asked().len(), 2);
    // Late news of the former keys says nothing of the new ones.
    provider.refused(&first);
    assert_eq!(id(&provider).await, "SECOND");
    assert_eq!(service.asked().len(), 2);
    // Without others there is nothing better than the refused ones.
    let second = provider.credentials().await.unwrap();
    service.answers("HTTP/1.1 503 Busy\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned());
    provider.refused(&second);
    assert_eq!(id(&provider).await, "SECOND");
    assert_eq!(id(&provider).await, "SECOND");
    assert_eq!(service.asked().len(), 3);
}

#[tokio::test]
async fn answers_that_are_no_keys_are_refused_without_being_shown() {
    let long = "x".repeat(70 << 10);
    let elsewhere = start(keys("STOLEN", 7200)).await;
    let redirect = format!(
        "HTTP/1.1 302 Found\r\nLocation: {}{ROLES}role\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        elsewhere.address
    );
    for (answer, message) in [
        (ok("<html>topsecret</html>"), "the metadata service answered something else than keys"),
        (
            ok(r#"{"Code":"Failed","TmpSecretKey":"topsecret"}"#),
            "the metadata service has no keys for the role \"role\"",
        ),
        (ok(r#"{"Code":"Success","TmpSecretKey":"topsecret"}"#), "the metadata service answered incomplete keys"),
        (keys("ID", u64::MAX - START), "the metadata service answered incomplete keys"),
        (
            keys("ID", 7200).replace("KEY-ID", " TOPS "),
            "the metadata service answered unusable keys: the secret key has blanks around it",
        ),
        (ok(&long), "the metadata service answered more than 64 KiB"),
        (
            "HTTP/1.1 200 OK\r\nContent-Length: 500\r\nConnection: close\r\n\r\n{".to_owned(),
            "the metadata service does not answer",
        ),
        (
            "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned(),
            "this machine has no role \"role\"",
        ),
        (redirect, "the metadata service answered with status 302"),
    ] {
        let service = start(answer).await;
        let (machine, _) = machine(&service);
        let provider = machine.var("TENCENTCLOUD_CAM_ROLE_NAME", "role").discover().unwrap();
        let error = provider.credentials().await.unwrap_err();
        let broken_off = message == "the metadata service does not answer";
        let kind = if broken_off { ErrorKind::Unavailable } else { ErrorKind::Credentials };
        assert_eq!((error.kind(), error.message()), (kind, message));
        assert!(!format!("{error:?}").contains("topsecret"));
        assert!(error.hint().is_some());
    }
    assert!(elsewhere.asked().is_empty(), "a redirect was followed");
}

#[tokio::test]
async fn a_service_that_is_not_there_is_an_error_with_its_cause() {
    let machine = Machine::new().var("TENCENTCLOUD_CAM_ROLE_NAME", "role");
    let error = machine.discover().unwrap().credentials().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(error.message(), "the metadata service does not answer");
    assert!(std::error::Error::source(&error).is_some());
}
