//! What is read from the files of profiles, what is refused in them, and what happens when they change.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    time::{Duration, UNIX_EPOCH},
};

use super::{
    super::{Machine, expected, shown},
    CONFIG, CREDENTIALS, ask, failure, id,
};
use crate::error::ErrorKind;

/// A config file as the AWS CLI and its users write it.
const RICH: &str = r"
# a comment
[default]
region=us-west-2
output = json
s3 =
    max_concurrent_requests = 20
    aws_access_key_id = NESTED
[profile plain] ; the word is not part of the name
aws_access_key_id = PLAIN  # whose
  aws_secret_access_key   =a/b+c=d#e;f
aws_session_token = T1==
services = mine
[services mine]
s3 =
  endpoint_url = http://127.0.0.1
[profile 'with space']
aws_access_key_id = SPACE
aws_secret_access_key = KEY
[sso-session plain]
aws_access_key_id = WRONG
[profile indented]
  AWS_Access_Key_Id = INDENTED
  aws_secret_access_key = KEY
";

#[tokio::test]
async fn config_files_are_read_as_the_tools_read_them() {
    let machine = |profile: &str| Machine::new().file(CONFIG, RICH).var("AWS_PROFILE", profile);
    // An indented line goes on with the value above, which is no key then.
    let error = failure(&machine("plain")).await;
    assert!(error.message().contains("aws_access_key_id"), "{error}");
    let rich = RICH.replace("  aws_secret_access_key   =a", "aws_secret_access_key   =a");
    let ask = async |profile: &str| shown(&ask(&machine(profile).file(CONFIG, &rich)).await);
    assert_eq!(ask("plain").await, expected("PLAIN", "a/b+c=d#e;f", Some("T1==")));
    assert_eq!(ask("with space").await, expected("SPACE", "KEY", None));
    assert_eq!(ask("indented").await, expected("INDENTED", "KEY", None));
    let error = failure(&machine("default").file(CONFIG, &rich)).await;
    assert_eq!(error.message(), "the profile \"default\" has no credentials");
    for absent in ["mine", "space", "with", "profile plain", "services mine"] {
        let error = failure(&machine(absent).file(CONFIG, &rich)).await;
        assert_eq!(error.message().split(" in ").next().unwrap(), format!("there is no profile {absent:?}"));
    }
}

#[tokio::test]
async fn the_default_profile_with_the_word_hides_the_one_without() {
    let keys = |name: &str| format!("aws_access_key_id={name}\naws_secret_access_key=KEY\n");
    let (plain, prefixed) = (format!("[default]\n{}", keys("PLAIN")), format!("[profile default]\n{}", keys("WORD")));
    for text in [format!("{plain}{prefixed}"), format!("{prefixed}{plain}")] {
        assert_eq!(ask(&Machine::new().file(CONFIG, &text)).await.id(), "WORD");
    }
}

#[tokio::test]
async fn keys_are_never_put_together_from_two_files() {
    let machine = Machine::new()
        .file(CREDENTIALS, "[default]\naws_access_key_id = topsecret\n")
        .file(CONFIG, "[default]\naws_access_key_id = ID\naws_secret_access_key = KEY\n");
    let error = failure(&machine).await;
    assert_eq!(
        machine.refused(&error),
        "home/.aws/credentials: the profile \"default\" has aws_access_key_id, but no aws_secret_access_key"
    );
    assert!(error.hint().is_some_and(|hint| hint.contains("add aws_secret_access_key to it")), "{error:?}");
    machine.write(CREDENTIALS, "[default]\naws_session_token = T\n");
    assert_eq!(shown(&ask(&machine).await), expected("ID", "KEY", None));
}

#[tokio::test]
async fn slips_in_values_are_named_without_them() {
    let check = async |settings: &str, message: &str| {
        let machine = Machine::new().file(CREDENTIALS, &format!("[default]\n{settings}"));
        let error = failure(&machine).await;
        assert_eq!(machine.refused(&error), format!("home/.aws/credentials{message}"));
    };
    let id = "aws_access_key_id = ID\n";
    check(&format!("{id}aws_secret_access_key = \"topsecret\"\n"), ": aws_secret_access_key stands between quotes")
        .await;
    check(
        &format!("{id}aws_secret_access_key = top secret topsecret\n"),
        ": in aws_access_key_id and aws_secret_access_key: the secret key has a blank, a control character or a \
         non-ASCII character in it",
    )
    .await;
    check(
        &format!("{id}aws_secret_access_key = KEY\naws_session_token = topsecret t\n"),
        ": in aws_session_token: the token has a blank, a control character or a non-ASCII character in it",
    )
    .await;
    check(
        "aws_secret_access_key = topsecret\n",
        ": the profile \"default\" has aws_secret_access_key, but no aws_access_key_id",
    )
    .await;
    check(&format!("{id}topsecret\n"), ", line 3: it is neither a section nor an option").await;
}

#[tokio::test]
async fn a_file_that_cannot_be_read_is_an_error() {
    let good = "[default]\naws_access_key_id = ID\naws_secret_access_key = KEY\n";
    let machine = Machine::new().file(CREDENTIALS, good);
    fs::create_dir_all(machine.path(CONFIG)).unwrap();
    let error = failure(&machine).await;
    assert_eq!(machine.refused(&error), "cannot read home/.aws/config");
    let machine = Machine::new().file(CONFIG, good).file(CREDENTIALS, &"#".repeat((1 << 20) + 1));
    let error = failure(&machine).await;
    assert_eq!(machine.refused(&error), "cannot read home/.aws/credentials");
}

#[tokio::test]
async fn a_profile_that_asks_for_what_is_left_out_is_never_passed_over() {
    let keys = "aws_access_key_id = ID\naws_secret_access_key = KEY\n";
    for (settings, what) in [
        ("role_arn = arn:aws:iam::1:role/r\nsource_profile = base\n", "a role to be assumed (role_arn)"),
        ("web_identity_token_file = /token\n", "a web identity (web_identity_token_file)"),
        ("sso_session = s\nsso_account_id = 1\nsso_role_name = r\n", "IAM Identity Center (SSO) (sso_account_id)"),
        ("login_session = s\n", "a console login (login_session)"),
    ] {
        for profile in [None, Some("it's me")] {
            let section = profile.map_or("[default]".to_owned(), |name| format!("[profile \"{name}\"]"));
            let mut machine = Machine::new().file(CONFIG, &format!("{section}\n{settings}{keys}"));
            if let Some(name) = profile {
                machine = machine.var("AWS_PROFILE", name);
            }
            let error = failure(&machine).await;
            assert_eq!(error.kind(), ErrorKind::Credentials);
            let name = profile.unwrap_or("default");
            assert_eq!(error.message(), format!("the profile {name:?} asks for {what}, which is not supported"));
            let quoted = profile.map_or("default", |_| "\"it's me\"");
            let hint = error.hint().unwrap();
            assert!(
                hint.contains(&format!("`credential_process = aws configure export-credentials --profile {quoted}`")),
                "{hint}"
            );
        }
    }
    // What belongs to them asks for them only where there is nothing else.
    let session = |more: &str| Machine::new().file(CONFIG, &format!("[default]\nsso_session = s\n{more}"));
    assert_eq!(ask(&session(keys)).await.id(), "ID");
    assert!(failure(&session("")).await.message().contains("IAM Identity Center (SSO) (sso_session)"));
}

#[tokio::test]
async fn keys_that_are_renewed_in_a_file_are_taken_from_there() {
    let keys = |name: &str| format!("[default]\naws_access_key_id = {name}\naws_secret_access_key = KEY\n");
    let machine = Machine::new().file(CONFIG, &keys("CONFIG"));
    let provider = machine.discover_aws().unwrap();
    // Each write gets a time of its own, however coarse the clock of the file system is.
    let mut second = 0;
    let mut write = |path: &str, text: &str| {
        second += 1;
        machine.write(path, text);
        let file = fs::File::options().write(true).open(machine.path(path)).unwrap();
        file.set_modified(UNIX_EPOCH + Duration::from_secs(second)).unwrap();
    };
    assert_eq!(id(&provider).await, "CONFIG");
    // The file that counts more can come later.
    write(CREDENTIALS, &keys("FIRST"));
    assert_eq!(id(&provider).await, "FIRST");
    write(CREDENTIALS, "[default]\naws_access_key_id = ");
    assert_eq!(id(&provider).await, "CONFIG");
    write(CREDENTIALS, "[default");
    assert_eq!(id(&provider).await, "CONFIG");
    write(CREDENTIALS, &keys("SECOND"));
    assert_eq!(id(&provider).await, "SECOND");
    assert!(!format!("{provider:?}").contains("KEY"));
}

#[tokio::test]
async fn a_file_that_others_can_read_is_used_all_the_same() {
    let machine = Machine::new().file(CREDENTIALS, "[default]\naws_access_key_id = a\naws_secret_access_key = b\n");
    for mode in [0o600, 0o400, 0o644] {
        fs::set_permissions(machine.path(CREDENTIALS), fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(ask(&machine).await.id(), "a");
    }
}
