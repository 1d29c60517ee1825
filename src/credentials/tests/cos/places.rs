//! Which place wins, and what is said where none has credentials.

use super::super::{Machine, expected, shown};
use crate::credentials::{cos::region_hint, variables};

const CONF: &str = "[common]\nsecret_id = CONFID\nsecret_key = CONFKEY\nregion = ap-beijing\n";
const TCCLI: &str = r#"{"secretId": "TCCLIID", "secretKey": "TCCLIKEY", "token": "TCCLITOKEN"}"#;
const SDK: &str = "[default]\nsecret_id=SDKID\nsecret_key=SDKKEY\n";

#[tokio::test]
async fn each_pair_of_variables_works_with_its_own_tokens() {
    let families = [
        ("COS_SECRET_ID", "COS_SECRET_KEY", Some("COS_SESSION_TOKEN")),
        ("COS_SECRET_ID", "COS_SECRET_KEY", Some("COS_TOKEN")),
        ("COS_SECRETID", "COS_SECRETKEY", Some("COS_TOKEN")),
        ("TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY", Some("TENCENTCLOUD_TOKEN")),
        ("TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY", Some("TENCENTCLOUD_SESSION_TOKEN")),
        ("TENCENTCLOUD_SECRETID", "TENCENTCLOUD_SECRETKEY", Some("TENCENTCLOUD_SESSIONTOKEN")),
        ("COSN_SECRET_ID", "COSN_SECRET_KEY", None),
        ("SECRETID", "SECRETKEY", Some("SESSIONTOKEN")),
    ];
    for (id, key, token) in families {
        let mut machine = Machine::new().var(id, "ID").var(key, "KEY");
        assert_eq!(shown(&machine.ask().await), expected("ID", "KEY", None), "{id}");
        if let Some(token) = token {
            machine = machine.var(token, "TOKEN");
            assert_eq!(shown(&machine.ask().await), expected("ID", "KEY", Some("TOKEN")), "{token}");
        }
        for name in [Some(id), Some(key), token].into_iter().flatten() {
            assert!(variables().any(|it| it == name), "{name} is not listed");
        }
    }
}

#[tokio::test]
async fn a_token_of_another_family_is_left_alone() {
    let machine = Machine::new().var("COS_SECRET_ID", "ID").var("COS_SECRET_KEY", "KEY").var("TENCENTCLOUD_TOKEN", "T");
    assert_eq!(shown(&machine.ask().await), expected("ID", "KEY", None));
}

#[tokio::test]
async fn the_first_place_wins() {
    let mut machine = Machine::new().file("etc/tencentcloud/credentials", "[default]\nsecret_id=ETC\nsecret_key=KEY\n");
    assert_eq!(machine.ask().await.id(), "ETC");
    machine = machine.file("home/.tencentcloud/credentials", SDK);
    assert_eq!(machine.ask().await.id(), "SDKID");
    machine = machine.file("home/.tccli/default.credential", TCCLI);
    assert_eq!(shown(&machine.ask().await), expected("TCCLIID", "TCCLIKEY", Some("TCCLITOKEN")));
    machine = machine.file("home/.cos.conf", CONF);
    assert_eq!(machine.ask().await.id(), "CONFID");
    machine = machine.file(
        "home/.cos.yaml",
        "cos:\n  base:\n    secretid: YAMLID\n    secretkey: KEY\n    disableencryption: \"true\"\n",
    );
    assert_eq!(machine.ask().await.id(), "YAMLID");
    machine = machine.var("SECRETID", "GENERIC").var("SECRETKEY", "KEY");
    assert_eq!(machine.ask().await.id(), "GENERIC");
    machine = machine.var("TENCENTCLOUD_SECRET_ID", "CLOUD").var("TENCENTCLOUD_SECRET_KEY", "KEY");
    assert_eq!(machine.ask().await.id(), "CLOUD");
    machine = machine.var("COS_SECRET_ID", "COS").var("COS_SECRET_KEY", "KEY");
    assert_eq!(machine.ask().await.id(), "COS");
}

#[tokio::test]
async fn an_empty_variable_counts_as_unset() {
    let machine = Machine::new()
        .var("COS_SECRET_ID", "")
        .var("COS_SECRET_KEY", "")
        .var("TENCENTCLOUD_CAM_ROLE_NAME", "")
        .file("home/.cos.conf", CONF);
    assert_eq!(machine.ask().await.id(), "CONFID");
}

#[test]
fn half_a_pair_is_an_error_and_not_a_reason_to_look_further() {
    let machine = Machine::new().var("COS_SECRET_ID", "topsecret").file("home/.cos.conf", CONF);
    assert_eq!(machine.refusal(), "COS_SECRET_ID is set, but COS_SECRET_KEY is not");
    let machine = Machine::new().var("SECRETKEY", "topsecret");
    assert_eq!(machine.refusal(), "SECRETKEY is set, but SECRETID is not");
}

#[test]
fn a_slip_in_a_variable_names_the_field_and_not_the_value() {
    let machine = Machine::new().var("COS_SECRET_ID", "ID").var("COS_SECRET_KEY", "topsecret ");
    assert_eq!(machine.refusal(), "in COS_SECRET_ID and COS_SECRET_KEY: the secret key has blanks around it");
    let machine =
        Machine::new().var("COS_SECRET_ID", "ID").var("COS_SECRET_KEY", "KEY").var("COS_TOKEN", "top\nsecret");
    assert_eq!(
        machine.refusal(),
        "in COS_TOKEN: the token has a blank, a control character or a non-ASCII character in it"
    );
}

#[test]
fn every_place_is_named_where_none_has_credentials() {
    let message = Machine::new().file("home/.cos.conf", "[common]\nregion = ap-beijing\n").refusal();
    assert!(
        message.starts_with("no credentials were found: neither in the environment (COS_SECRET_ID and "),
        "{message}"
    );
    for place in [
        "TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY",
        "TENCENTCLOUD_CAM_ROLE_NAME",
        "home/.cos.yaml",
        "home/.cos.conf",
        "home/.tccli/default.credential",
        "home/.tencentcloud/credentials",
        "etc/tencentcloud/credentials",
    ] {
        assert!(message.contains(place), "{place} is not in: {message}");
    }
}

#[tokio::test]
async fn a_profile_of_tccli_is_chosen_by_its_variable() {
    let machine = Machine::new()
        .var("TCCLI_PROFILE", "work")
        .file("home/.tccli/default.credential", TCCLI)
        .file("home/.tccli/work.credential", &TCCLI.replace("TCCLIID", "WORKID"));
    assert_eq!(machine.ask().await.id(), "WORKID");
    let machine = Machine::new().var("TCCLI_PROFILE", "../../etc/x");
    assert_eq!(machine.refusal(), "TCCLI_PROFILE does not name a profile: \"../../etc/x\"");
}

#[tokio::test]
async fn a_user_without_a_home_has_the_machines_credentials() {
    let machine = Machine::new().file("etc/tencentcloud/credentials", SDK).file("home/.cos.conf", CONF);
    let mut environment = machine.environment();
    environment.home = None;
    assert_eq!(region_hint(&environment), None);
    let provider = crate::credentials::cos::discover(environment).unwrap();
    assert_eq!(provider.credentials().await.unwrap().id(), "SDKID");
}

#[test]
fn the_region_comes_from_variables_before_files() {
    let mut machine =
        Machine::new().file("home/.tccli/default.configure", "{\"_sys_param\": {\"region\": \"ap-tokyo\"}}");
    let hint = |machine: &Machine| region_hint(&machine.environment());
    assert_eq!(hint(&machine).as_deref(), Some("ap-tokyo"));
    machine = machine.file("home/.cos.conf", CONF);
    assert_eq!(hint(&machine).as_deref(), Some("ap-beijing"));
    machine = machine.var("TENCENTCLOUD_REGION", "ap-seoul");
    assert_eq!(hint(&machine).as_deref(), Some("ap-seoul"));
    machine = machine.var("COS_REGION", "ap-mumbai");
    assert_eq!(hint(&machine).as_deref(), Some("ap-mumbai"));
    let broken = Machine::new().file("home/.tccli/default.configure", "{").file("home/.cos.conf", "[common\n");
    assert_eq!(hint(&broken), None);
}

#[test]
fn a_dump_of_the_environment_shows_no_value() {
    let machine = Machine::new().var("COS_SECRET_KEY", "topsecret");
    assert!(!format!("{:?}", machine.environment()).contains("topsecret"));
    assert!(format!("{:?}", crate::credentials::Environment::system()).starts_with("Environment {"));
}
