//! Keys of the machine's role, from an imitation of the metadata service of EC2 on loopback.

use std::{
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use tokio::net::TcpListener;

use super::{
    super::{
        Machine, expected,
        service::{Service, ok, status},
        shown,
    },
    CONFIG, ask, failure, id, keys, machine,
};
use crate::error::ErrorKind;

const ENDPOINT: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
const TOKEN: &str = "PUT /latest/api/token";
const ROLES: &str = "GET /latest/meta-data/iam/security-credentials/";

async fn start(answer: String) -> Service {
    Service::start(&[(TOKEN, ok("topsecret-session==")), (ROLES, ok("my role/x\n"))], answer).await
}

fn header<'a>(head: &'a str, name: &str) -> Vec<&'a str> {
    head.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).collect()
}

#[tokio::test]
async fn the_role_s_keys_are_fetched_with_a_session_token() {
    let service = start(keys("ID", 7200)).await;
    let machine = Machine::new().var(ENDPOINT, &service.address);
    let provider = machine.discover_aws().unwrap();
    assert!(service.asked().is_empty(), "nothing is asked before keys are needed");
    assert_eq!(shown(&provider.credentials().await.unwrap()), expected("ID", "KEY-ID", Some("TOKEN-ID")));
    assert_eq!(service.asked(), [TOKEN, ROLES, &format!("{ROLES}my%20role%2Fx")]);
    let heads = service.heads();
    assert_eq!(header(&heads[0], "x-aws-ec2-metadata-token-ttl-seconds"), ["300"]);
    assert_eq!(header(&heads[0], "content-length"), ["0"]);
    assert!(header(&heads[0], "x-aws-ec2-metadata-token").is_empty());
    for head in &heads[1..] {
        assert_eq!(header(head, "x-aws-ec2-metadata-token"), ["topsecret-session=="]);
    }
    let dump = format!("{provider:?}");
    assert!(!dump.contains("KEY-ID") && !dump.contains("topsecret"), "{dump}");
}

#[tokio::test]
async fn the_profile_can_say_where_the_service_is() {
    let service = start(keys("ID", 7200)).await;
    let machine =
        Machine::new().file(CONFIG, &format!("[default]\nec2_metadata_service_endpoint = {}/\n", service.address));
    assert_eq!(ask(&machine).await.id(), "ID");
    assert_eq!(service.asked()[0], TOKEN);
    let endpoint = |name, value| format!("{:?}", Machine::new().var(name, value).discover_aws().unwrap());
    assert!(endpoint("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv6").contains("\"http://[fd00:ec2::254]\""));
    assert!(endpoint("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv4").contains("\"http://169.254.169.254\""));
    assert!(endpoint("UNUSED", "").contains("\"http://169.254.169.254\""));
    let machine = Machine::new().var("AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "IPv5");
    assert_eq!(failure(&machine).await.message(), "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE is neither IPv4 nor IPv6");
    let machine = Machine::new().var(ENDPOINT, "169.254.169.254");
    assert_eq!(failure(&machine).await.message(), "AWS_EC2_METADATA_SERVICE_ENDPOINT is no address of HTTP");
}

#[tokio::test]
async fn a_service_that_is_ruled_out_is_not_asked() {
    let service = start(keys("ID", 7200)).await;
    let machine = Machine::new().var(ENDPOINT, &service.address).var("AWS_EC2_METADATA_DISABLED", "true");
    assert!(failure(&machine).await.message().ends_with("which AWS_EC2_METADATA_DISABLED rules out"));
    assert!(service.asked().is_empty());
    assert_eq!(ask(&machine.var("AWS_EC2_METADATA_DISABLED", "false")).await.id(), "ID");
}

#[tokio::test]
async fn a_machine_without_the_service_says_so_within_a_second_or_so() {
    // Nobody listens there.
    let machine = Machine::new().var(ENDPOINT, "http://127.0.0.1:1");
    let error = failure(&machine).await;
    let message = machine.refused(&error);
    assert!(message.starts_with("no credentials were found: neither in the environment ("), "{message}");
    assert!(message.ends_with("nor from the metadata service of the machine, which does not answer"), "{message}");
    // Somebody listens, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let machine = Machine::new().var(ENDPOINT, &format!("http://{}", silent.local_addr().unwrap()));
    let began = Instant::now();
    assert_eq!(failure(&machine).await.kind(), ErrorKind::Credentials);
    // The bound on an answer is five times that; a machine under load is slow as well.
    assert!(began.elapsed() >= Duration::from_millis(900));
}

#[tokio::test]
async fn version_one_of_the_protocol_is_never_spoken() {
    for answer in ["400 Bad", "401 No", "403 Forbidden", "404 Not Found", "405 Not Allowed", "200 OK"] {
        let service = start(keys("ID", 7200)).await;
        service.answers_to(TOKEN, status(answer));
        let error = failure(&Machine::new().var(ENDPOINT, &service.address)).await;
        assert_eq!(error.kind(), ErrorKind::Credentials);
        let code = &answer[..3];
        assert!(error.message().ends_with(&format!("which gives out no token (status {code})")), "{error}");
        assert_eq!(service.asked(), [TOKEN]);
    }
}

#[tokio::test]
async fn answers_that_are_no_keys_are_refused_without_being_shown() {
    let elsewhere = Service::start(&[], keys("STOLEN", 7200)).await;
    let redirect = format!(
        "HTTP/1.1 302 Found\r\nLocation: {}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        elsewhere.address
    );
    let service = "the metadata service of the machine ";
    for (asked, answer, message, kind) in [
        ("", ok("topsecret"), "answered something else than keys", ErrorKind::Credentials),
        (
            "",
            ok(r#"{"Code":"AssumeRoleUnauthorizedAccess","Message":"topsecret"}"#),
            "gives no keys for the role \"my role/x\": AssumeRoleUnauthorizedAccess",
            ErrorKind::Credentials,
        ),
        (
            "",
            keys("ID", 7200).replace("KEY-ID", "TOPS  "),
            "answered unusable keys: the secret key has blanks around it",
            ErrorKind::Credentials,
        ),
        ("", redirect, "answered with status 302", ErrorKind::Credentials),
        ("", status("503 Busy"), "answered with status 503", ErrorKind::Unavailable),
        (ROLES, status("401 No"), "answered with status 401", ErrorKind::Credentials),
        (TOKEN, status("503 Busy"), "answered with status 503", ErrorKind::Unavailable),
        (ROLES, status("404 Not Found"), "which has no role to give", ErrorKind::Credentials),
        (ROLES, ok("\n"), "which has no role to give", ErrorKind::Credentials),
    ] {
        let imitation = start(answer.clone()).await;
        if !asked.is_empty() {
            imitation.answers_to(asked, answer);
        }
        let error = failure(&Machine::new().var(ENDPOINT, &imitation.address)).await;
        assert_eq!(error.kind(), kind, "{error}");
        match message.strip_prefix("which") {
            Some(_) => assert!(error.message().ends_with(message), "{error}"),
            None => assert_eq!(error.message(), format!("{service}{message}")),
        }
    }
    assert!(elsewhere.asked().is_empty(), "a redirect was followed");
}

#[tokio::test]
async fn valid_keys_are_kept_when_the_renewal_fails_and_then_another_try_may_help() {
    let service = start(keys("FIRST", 7200)).await;
    let (machine, seconds) = machine();
    let provider = machine.var(ENDPOINT, &service.address).discover_aws().unwrap();
    assert_eq!(id(&provider).await, "FIRST");
    // The service is gone.
    drop(service);
    seconds.store(6600, Ordering::SeqCst);
    assert_eq!(id(&provider).await, "FIRST");
    seconds.store(7200, Ordering::SeqCst);
    let error = provider.credentials().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(error.message(), "the metadata service of the machine does not answer");
}
