//! Keys of a command.

use std::{
    path::Path,
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use super::{
    super::{Machine, expected, shown},
    CONFIG, ask, date, id, machine,
};
use crate::{
    credentials::{
        aws::process::Process,
        renewed::{Fresh, Source as _},
    },
    error::{Error, ErrorKind},
};

/// A profile whose command is a script, which finds itself in `$0`.
fn scripted(machine: Machine, script: &str) -> Machine {
    let machine = machine.file("home/script", script);
    let path = machine.path("home/script").display().to_string();
    machine.file(CONFIG, &format!("[default]\ncredential_process = sh \"{path}\" 'two words' \"a # b\" # c\n"))
}

fn printing(keys: &str) -> String {
    format!("echo '{{\"Version\": 1, {keys}}}'")
}

async fn run(command: &str) -> Result<Fresh, Error> {
    within(Duration::from_mins(1), command).await
}

async fn within(patience: Duration, command: &str) -> Result<Fresh, Error> {
    let result = Process::new(command, "p", &[]).unwrap().within(patience).fetch().await;
    if let Err(error) = &result {
        let shown = format!("{error} {error:?} {:?}", error.hint());
        assert!(!shown.contains("topsecret"), "{shown}");
        assert_eq!(error.kind(), ErrorKind::Credentials);
    }
    result
}

#[tokio::test]
async fn a_command_gives_keys_out() {
    let keys = r#""AccessKeyId": "ID", "SecretAccessKey": "KEY""#;
    let machine = scripted(Machine::new(), &printing(keys));
    assert_eq!(shown(&ask(&machine).await), expected("ID", "KEY", None));
    let machine = scripted(Machine::new(), &printing(&format!(r#"{keys}, "SessionToken": "TOKEN", "AccountId": "1""#)));
    assert_eq!(shown(&ask(&machine).await), expected("ID", "KEY", Some("TOKEN")));
}

#[tokio::test]
async fn its_words_are_those_of_a_shell_without_a_shell() {
    let script =
        r#"echo "{\"Version\":1,\"AccessKeyId\":\"$#:$(echo "$1:$2" | tr ' ' _)\",\"SecretAccessKey\":\"KEY\"}""#;
    assert_eq!(ask(&scripted(Machine::new(), script)).await.id(), "2:two_words:a_#_b");
    let literal = r#"printf '{"Version":1,"AccessKeyId":"%s","SecretAccessKey":"KEY"}' $HOME|~"#;
    assert_eq!(run(literal).await.unwrap().credentials.id(), "$HOME|~");
    for command in ["'open", "\"\"", "   "] {
        let error = Process::new(command, "p", &[]).unwrap_err();
        assert_eq!(
            error.message(),
            "the credential_process of the profile \"p\" is no command, or a quote is left open"
        );
    }
}

#[tokio::test]
async fn keys_are_kept_and_renewed_before_they_expire() {
    let (machine, seconds) = machine();
    let script = |name: &str, expires: u64| {
        printing(&format!(
            r#""AccessKeyId": "{name}", "SecretAccessKey": "KEY", "SessionToken": "T", "Expiration": "{}""#,
            date(expires).replace('Z', "+00:00")
        ))
    };
    let machine = scripted(machine, &script("FIRST", 3600));
    let provider = machine.discover_aws().unwrap();
    assert_eq!(id(&provider).await, "FIRST");
    machine.write("home/script", &script("SECOND", 7200));
    seconds.store(2999, Ordering::SeqCst);
    assert_eq!(id(&provider).await, "FIRST");
    seconds.store(3000, Ordering::SeqCst);
    assert_eq!(id(&provider).await, "SECOND");
    // A renewal that fails leaves the keys that are still good.
    machine.write("home/script", "exit 1");
    seconds.store(7100, Ordering::SeqCst);
    assert_eq!(id(&provider).await, "SECOND");
    seconds.store(7200, Ordering::SeqCst);
    let error = provider.credentials().await.unwrap_err();
    assert_eq!(error.message(), "the credential_process of the profile \"default\" failed: exit status: 1");
    assert!(!format!("{provider:?}").contains("script"), "a command can hold secrets");
}

#[tokio::test]
async fn keys_without_an_expiry_are_asked_for_again_only_when_they_are_refused() {
    let (machine, seconds) = machine();
    let script = |name: &str| printing(&format!(r#""AccessKeyId": "{name}", "SecretAccessKey": "KEY""#));
    let machine = scripted(machine, &script("FIRST"));
    let provider = machine.discover_aws().unwrap();
    let first = provider.credentials().await.unwrap();
    machine.write("home/script", &script("SECOND"));
    seconds.store(80_000, Ordering::SeqCst);
    assert_eq!(id(&provider).await, "FIRST");
    provider.refused(&first);
    assert_eq!(id(&provider).await, "SECOND");
}

#[tokio::test]
async fn what_a_command_does_wrong_is_said_without_its_output() {
    for (command, what) in [
        ("/nonexistent/topsecret", "cannot be run"),
        ("sh -c 'echo topsecret; exit 3'", "failed: exit status: 3"),
        ("echo topsecret", "printed something else than keys in JSON"),
        ("true topsecret", "printed something else than keys in JSON"),
        (r#"echo '{"AccessKeyId": "ID", "SecretAccessKey": "topsecret"}'"#, "did not say \"Version\": 1"),
        (r#"echo '{"Version": 2, "SecretAccessKey": "topsecret"}'"#, "did not say \"Version\": 1"),
        (r#"echo '{"Version": "1", "AccessKeyId": "topsecret"}'"#, "printed something else than keys in JSON"),
        (r#"echo '{"Version": 1, "SecretAccessKey": "topsecret"}'"#, "printed unusable keys: AccessKeyId is missing"),
        (
            r#"echo '{"Version": 1, "AccessKeyId": "ID", "SecretAccessKey": "topsecret "}'"#,
            "printed unusable keys: the secret key has blanks around it",
        ),
        (
            r#"echo '{"Version":1,"AccessKeyId":"ID","SecretAccessKey":"topsecret","Expiration":"tomorrow"}'"#,
            "printed unusable keys: Expiration is no date of RFC 3339",
        ),
        ("cat /dev/zero", "printed more than 64 KiB"),
    ] {
        let error = run(command).await.unwrap_err();
        assert_eq!(error.message(), format!("the credential_process of the profile \"p\" {what}"));
    }
}

#[tokio::test]
async fn a_command_that_hangs_is_ended() {
    for command in ["sleep 1000", "sh -c 'exec >&-; exec sleep 1000'"] {
        let error = within(Duration::from_millis(300), command).await.unwrap_err();
        assert_eq!(error.message(), "the credential_process of the profile \"p\" took longer than 1 seconds");
    }
}

#[tokio::test]
async fn what_a_command_leaves_running_is_not_waited_for() {
    let keys = r#"{"Version":1,"AccessKeyId":"ID","SecretAccessKey":"KEY"}"#;
    let command = format!("sh -c 'sleep 60 & echo \"$1\"' sh '{keys}'");
    let fresh = within(Duration::from_secs(30), &command).await.unwrap();
    assert_eq!(fresh.credentials.id(), "ID");
}

#[tokio::test]
async fn a_command_that_nobody_waits_for_is_ended() {
    let machine = Machine::new();
    let mark = machine.path("mark").display().to_string();
    let command = format!("sh -c 'echo $$ > \"$1\"; exec sleep 1000' sh {mark}");
    let process = Process::new(&command, "p", &[]).unwrap();
    let runs = || {
        let pid = std::fs::read_to_string(&mark).unwrap_or_default();
        pid.ends_with('\n') && Path::new("/proc").join(pid.trim()).exists()
    };
    let until = async |running: bool| {
        let deadline = Instant::now() + Duration::from_secs(10);
        while runs() != running && Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::select! {
        ended = process.fetch() => panic!("it ended by itself: {ended:?}"),
        () = until(true) => assert!(runs(), "the command does not run"),
    }
    until(false).await;
    assert!(!runs(), "the command still runs");
}

#[tokio::test]
async fn a_command_has_neither_secrets_of_ours_nor_the_data_on_standard_input() {
    // HOME stands for a variable of ours, since the tests' own environment cannot be changed.
    let script =
        r#"printf '{"Version":1,"AccessKeyId":"%s","SecretAccessKey":"KEY"}' "$(env | grep -c ^HOME=)-$(wc -c)""#;
    let machine = Machine::new().file("script", script);
    let command = format!("/bin/sh {}", machine.path("script").display());
    let open = Process::new(&command, "p", &[]).unwrap().fetch().await.unwrap();
    let hidden = Process::new(&command, "p", &["HOME".to_owned()]).unwrap().fetch().await.unwrap();
    let before = usize::from(std::env::var_os("HOME").is_some());
    assert_eq!(open.credentials.id(), format!("{before}-0"));
    assert_eq!(hidden.credentials.id(), "0-0");
}
