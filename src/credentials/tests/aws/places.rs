//! Which place wins, and what is said where none has credentials.

use super::{
    super::{Machine, expected, service::Service, shown},
    CONFIG, CREDENTIALS, ask, failure, keys,
};
use crate::{
    credentials::{Environment, aws, variables},
    error::ErrorKind,
};

const STATIC: &str = "[default]\naws_access_key_id = FILEID\naws_secret_access_key = FILEKEY\n";

#[tokio::test]
async fn variables_work_with_either_name_of_the_token() {
    let machine = || Machine::new().var("AWS_ACCESS_KEY_ID", "ID").var("AWS_SECRET_ACCESS_KEY", "KEY");
    assert_eq!(shown(&ask(&machine()).await), expected("ID", "KEY", None));
    let older = machine().var("AWS_SECURITY_TOKEN", "OLDER");
    assert_eq!(shown(&ask(&older).await), expected("ID", "KEY", Some("OLDER")));
    let both = older.var("AWS_SESSION_TOKEN", "TOKEN");
    assert_eq!(shown(&ask(&both).await), expected("ID", "KEY", Some("TOKEN")));
}

#[tokio::test]
async fn the_first_place_wins() {
    let service = Service::start(&[], keys("CONTAINERID", 7200)).await;
    let mut machine = Machine::new();
    machine.metadata = service.address.clone();
    machine = machine.var("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/v2/credentials/x");
    assert_eq!(ask(&machine).await.id(), "CONTAINERID");
    machine = machine.file(CONFIG, &STATIC.replace("FILE", "CONFIG"));
    assert_eq!(shown(&ask(&machine).await), expected("CONFIGID", "CONFIGKEY", None));
    let process = r#"credential_process = echo '{"Version":1,"AccessKeyId":"PROCESS","SecretAccessKey":"KEY"}'"#;
    machine = machine.file(CONFIG, &format!("{}{process}\n", STATIC.replace("FILE", "CONFIG")));
    assert_eq!(ask(&machine).await.id(), "PROCESS");
    machine = machine.file(CREDENTIALS, STATIC);
    assert_eq!(shown(&ask(&machine).await), expected("FILEID", "FILEKEY", None));
    machine = machine.var("AWS_ACCESS_KEY_ID", "ID").var("AWS_SECRET_ACCESS_KEY", "KEY");
    assert_eq!(ask(&machine).await.id(), "ID");
    assert_eq!(service.asked().len(), 1);
}

#[tokio::test]
async fn half_a_pair_is_an_error_and_not_a_reason_to_look_further() {
    let machine = Machine::new().var("AWS_ACCESS_KEY_ID", "topsecret").file(CREDENTIALS, STATIC);
    assert_eq!(failure(&machine).await.message(), "AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not");
    let machine = Machine::new().var("AWS_SECRET_ACCESS_KEY", "topsecret").file(CREDENTIALS, STATIC);
    assert_eq!(failure(&machine).await.message(), "AWS_SECRET_ACCESS_KEY is set, but AWS_ACCESS_KEY_ID is not");
}

#[tokio::test]
async fn a_slip_in_a_variable_names_it_and_not_the_value() {
    let machine = || Machine::new().var("AWS_ACCESS_KEY_ID", "ID");
    let slip = machine().var("AWS_SECRET_ACCESS_KEY", "topsecret\n");
    assert_eq!(
        failure(&slip).await.message(),
        "in AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY: the secret key has blanks around it"
    );
    let slip = machine().var("AWS_SECRET_ACCESS_KEY", "KEY").var("AWS_SESSION_TOKEN", "topsecret ");
    assert_eq!(failure(&slip).await.message(), "in AWS_SESSION_TOKEN: the token has blanks around it");
}

#[tokio::test]
async fn a_web_identity_is_not_passed_over() {
    let machine = Machine::new().var("AWS_WEB_IDENTITY_TOKEN_FILE", "/var/token").file(CREDENTIALS, STATIC);
    let error = failure(&machine).await;
    assert_eq!(error.kind(), ErrorKind::Credentials);
    assert_eq!(error.message(), "AWS_WEB_IDENTITY_TOKEN_FILE asks for a web identity, which is not supported");
    assert!(error.hint().unwrap().contains("`eval \"$(aws configure export-credentials --format env)\"`"));
    let machine = machine.var("AWS_ACCESS_KEY_ID", "ID").var("AWS_SECRET_ACCESS_KEY", "KEY");
    assert_eq!(ask(&machine).await.id(), "ID");
}

#[tokio::test]
async fn every_place_is_named_where_none_has_credentials() {
    let machine = Machine::new().var("AWS_EC2_METADATA_DISABLED", "TRUE").file(CONFIG, "[default]\nregion = r\n");
    let error = failure(&machine).await;
    let message = machine.refused(&error);
    assert_eq!(
        message,
        "no credentials were found: neither in the environment (AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, \
         AWS_CONTAINER_CREDENTIALS_RELATIVE_URI, AWS_CONTAINER_CREDENTIALS_FULL_URI), nor in the profile \"default\" of \
         home/.aws/credentials and home/.aws/config, nor from the metadata service of the machine, which \
         AWS_EC2_METADATA_DISABLED rules out"
    );
    assert!(error.hint().unwrap().contains("AWS_SESSION_TOKEN"));
}

#[test]
fn who_asks_no_service_unnamed_hears_at_once_that_there_are_no_credentials() {
    let machine = Machine::new();
    assert!(machine.discover_aws().is_ok());
    let error = aws::discover(machine.environment().named_services_only()).unwrap_err();
    assert!(machine.refused(&error).ends_with("which is not asked here"));
}

#[tokio::test]
async fn a_profile_that_is_named_must_be_there_and_have_credentials() {
    let machine = Machine::new().file(CREDENTIALS, STATIC).var("AWS_PROFILE", "work");
    let error = failure(&machine).await;
    assert_eq!(machine.refused(&error), "there is no profile \"work\" in home/.aws/credentials or home/.aws/config");
    assert!(error.hint().unwrap().contains("[profile NAME]"));
    // A section without the word belongs to no profile.
    let machine = machine.file(CONFIG, "[work]\naws_access_key_id = x\naws_secret_access_key = y\n");
    assert!(failure(&machine).await.message().starts_with("there is no profile"));
    let machine = machine.file(CONFIG, "[profile work]\nregion = r\n");
    assert_eq!(failure(&machine).await.message(), "the profile \"work\" has no credentials");
    // Even the one that nobody needs to name.
    let machine = Machine::new().var("AWS_PROFILE", "default");
    assert!(failure(&machine).await.message().starts_with("there is no profile \"default\""));
}

#[tokio::test]
async fn a_profile_is_chosen_by_either_variable() {
    let machine = Machine::new()
        .file(CREDENTIALS, &format!("{STATIC}{}", STATIC.replace("default", "work")))
        .file(CONFIG, &STATIC.replace("[default]", "[profile other]").replace("FILE", "OTHER"));
    assert_eq!(ask(&machine).await.id(), "FILEID");
    let machine = machine.var("AWS_DEFAULT_PROFILE", "other");
    assert_eq!(ask(&machine).await.id(), "OTHERID");
    let machine = machine.var("AWS_PROFILE", "work");
    assert_eq!(ask(&machine).await.id(), "FILEID");
}

#[tokio::test]
async fn files_are_looked_for_where_the_variables_say() {
    let machine = Machine::new()
        .file(CREDENTIALS, &STATIC.replace("FILE", "USUAL"))
        .file("home/elsewhere", STATIC)
        .file("etc/config", &STATIC.replace("FILE", "ETC"))
        .var("AWS_SHARED_CREDENTIALS_FILE", "~/elsewhere");
    assert_eq!(ask(&machine).await.id(), "FILEID");
    let config = machine.path("etc/config").display().to_string();
    let machine = machine.var("AWS_SHARED_CREDENTIALS_FILE", "/dev/null").var("AWS_CONFIG_FILE", &config);
    assert_eq!(ask(&machine).await.id(), "ETCID");
}

#[test]
fn the_region_comes_from_variables_before_the_profile() {
    let hint = |machine: &Machine| aws::region_hint(&machine.environment());
    let mut machine = Machine::new();
    assert_eq!(hint(&machine), None);
    machine = machine.file(CONFIG, "[default]\nregion = eu-west-1 # Ireland\n[profile x]\nregion = eu-north-1\n");
    assert_eq!(hint(&machine).as_deref(), Some("eu-west-1"));
    machine = machine.file(CREDENTIALS, "[default]\nregion = eu-west-3\n");
    assert_eq!(hint(&machine).as_deref(), Some("eu-west-3"));
    machine = machine.var("AWS_PROFILE", "x");
    assert_eq!(hint(&machine).as_deref(), Some("eu-north-1"));
    machine = machine.var("AWS_DEFAULT_REGION", "us-east-2");
    assert_eq!(hint(&machine).as_deref(), Some("us-east-2"));
    machine = machine.var("AWS_REGION", "us-west-2");
    assert_eq!(hint(&machine).as_deref(), Some("us-west-2"));
    assert_eq!(hint(&Machine::new().file(CONFIG, "[default\n")), None);
}

#[test]
fn the_endpoint_is_where_the_official_tools_look_for_it() {
    let hint = |machine: &Machine| aws::endpoint_hint(&machine.environment());
    let mut machine = Machine::new();
    assert_eq!(hint(&machine), None);
    machine = machine.file(CONFIG, "[default]\nendpoint_url = https://a\n[profile x]\nendpoint_url = https://b\n");
    assert_eq!(hint(&machine).as_deref(), Some("https://a"));
    machine = machine.var("AWS_PROFILE", "x");
    assert_eq!(hint(&machine).as_deref(), Some("https://b"));
    machine = machine.var("AWS_ENDPOINT_URL", "https://c");
    assert_eq!(hint(&machine).as_deref(), Some("https://c"));
    machine = machine.var("AWS_ENDPOINT_URL_S3", "https://d");
    assert_eq!(hint(&machine).as_deref(), Some("https://d"));
    assert_eq!(hint(&machine.var("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")), None);
}

#[test]
fn the_names_of_secret_variables_are_known() {
    for name in [
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "AWS_SECURITY_TOKEN",
        "AWS_CONTAINER_AUTHORIZATION_TOKEN",
        "COS_SECRET_KEY",
    ] {
        assert!(variables().any(|it| it == name), "{name} is not listed");
    }
    assert!(!format!("{:?}", Environment::system().hide("MY_KEY")).contains("hidden"));
}
