//! What is read from files, what is refused in them, and what happens when they change.

use std::{
    fmt::{self, Write as _},
    fs,
    sync::{Arc, Mutex},
    time::{Duration, UNIX_EPOCH},
};

use tracing::{
    Event, Level, Metadata, Subscriber,
    field::Field,
    span::{Attributes, Id, Record},
};

use super::super::{Machine, expected, shown};

/// What coscli makes of a text: `openssl enc -aes-128-ecb -nopad -K 636f73636c692d736563726574000000` on the text
/// filled up with zeros, then base64.
const DISGUISED_ID: &str = "xjbCxRsMpw3WyzXvv1siZWLvNW3O4ErpdzoWyQUEWPc=";
const DISGUISED_KEY: &str = "CuIHU/WaY8Eae2X/u49MU95DWUeMH41IDqmx334kEjM=";
const DISGUISED_TOKEN: &str = "tUPRle7YEE8cidf3743a6w==";
const DISGUISED_NOTHING: &str = "3kNZR4wfjUgOqbHffiQSMw==";

fn yaml(base: &str) -> String {
    format!("cos:\n  base:\n    {}\n  buckets: []\n", base.replace(", ", "\n    "))
}

#[tokio::test]
async fn coscli_keeps_its_keys_in_disguise() {
    let ask = async |base: String| shown(&Machine::new().file("home/.cos.yaml", &yaml(&base)).ask().await);
    let (id, key) = ("AKIDEXAMPLE0123456789", "SECRETKEY0123456");
    assert_eq!(
        ask(format!("secretid: {DISGUISED_ID}, secretkey: {DISGUISED_KEY}, sessiontoken: {DISGUISED_TOKEN}")).await,
        expected(id, key, Some("TOKENvalue+/="))
    );
    assert_eq!(
        ask(format!("secretid: {DISGUISED_ID}, secretkey: {DISGUISED_KEY}, sessiontoken: {DISGUISED_NOTHING}")).await,
        expected(id, key, None)
    );
    // Names in any case, and an explicit "false".
    assert_eq!(
        ask(format!("secretID: {DISGUISED_ID}, SecretKey: {DISGUISED_KEY}, disableEncryption: \"false\"")).await,
        expected(id, key, None)
    );
}

#[tokio::test]
async fn coscli_may_keep_its_keys_plain() {
    let ask = async |base: &str| shown(&Machine::new().file("home/.cos.yaml", &yaml(base)).ask().await);
    let plain = expected("AKIDEXAMPLE0123456789012345678901234", "0123456789abcdef0123456789ABCDEF", None);
    let fields = format!("secretid: {}, secretkey: {}", plain.0, plain.1);
    assert_eq!(ask(&format!("{fields}, disableencryption: \"true\"")).await, plain);
    assert_eq!(ask(&format!("{fields}, disableencryption: true")).await, plain);
    // Not of the form that the disguise has, so they stand as they are.
    assert_eq!(ask(&format!("{fields}, sessiontoken: \"\", mode: SecretKey")).await, plain);
    // Of that form, and still plain, because the file says so.
    let ambiguous = format!("secretid: AKID, secretkey: {DISGUISED_KEY}, disableencryption: \"true\"");
    assert_eq!(ask(&ambiguous).await, expected("AKID", DISGUISED_KEY, None));
}

#[test]
fn a_disguise_that_is_not_coscli_s_names_the_field_and_the_way_out() {
    let machine = Machine::new().file("home/.cos.yaml", &yaml("secretid: AKID, secretkey: AAAAAAAAAAAAAAAAAAAAAA=="));
    assert_eq!(machine.refusal(), "home/.cos.yaml: secretkey is not as coscli writes it");
    assert!(machine.discover().unwrap_err().hint().unwrap().contains("disableencryption: \"true\""));
}

#[test]
fn a_broken_file_is_an_error_that_names_file_and_line() {
    let check = |path: &str, text: &str, message: &str| {
        // A good file further down must not hide the broken one.
        let machine = Machine::new().file("etc/tencentcloud/credentials", "[default]\nsecret_id=a\nsecret_key=b\n");
        assert_eq!(machine.file(path, text).refusal(), message);
    };
    check("home/.cos.yaml", "cos:\n  base:\n    secretid: \"topsecret\n", "home/.cos.yaml, line 4: it is not YAML");
    check("home/.cos.yaml", &yaml("secretid: [topsecret]"), "home/.cos.yaml: secretid is not a text");
    check(
        "home/.cos.conf",
        "[common]\nsecret_id = a\ntopsecret\nsecret_key=b\n",
        "home/.cos.conf, line 3: it is neither a section nor an option",
    );
    check(
        "home/.cos.conf",
        "# c\n[common\nsecret_id = topsecret\n",
        "home/.cos.conf, line 2: it is neither a section nor an option",
    );
    let tccli = "home/.tccli/default.credential";
    check(tccli, "{\n\"secretId\": \"topsecret\"\n", &format!("{tccli}, line 3: it is not JSON"));
    check(tccli, "", &format!("{tccli}, line 1: it is not JSON"));
    check(
        tccli,
        "{\n\"secretId\": [\"topsecret\"]}",
        &format!("{tccli}, line 2: a field is not of the type that tccli gives it"),
    );
    let sdk = "home/.tencentcloud/credentials";
    check(sdk, "[default]\nsecret_id = topsecret\n", &format!("{sdk}: it has secret_id, but no secret_key"));
    check(
        sdk,
        "[default]\nsecret_id =\nsecret_key = topsecret\n",
        &format!("{sdk}: it has secret_key, but no secret_id"),
    );
    check(tccli, r#"{"secretId": "topsecret"}"#, &format!("{tccli}: it has secretId, but no secretKey"));
    check(
        tccli,
        r#"{"secretId": "a", "secretKey": "topsecret "}"#,
        &format!("{tccli}: the secret key has blanks around it"),
    );
    check("home/.cos.yaml", &yaml("secretkey: topsecret!"), "home/.cos.yaml: it has secretkey, but no secretid");
}

#[test]
fn a_place_that_cannot_be_read_is_an_error() {
    let machine = Machine::new();
    fs::create_dir_all(machine.path("home/.cos.conf")).unwrap();
    assert_eq!(machine.refusal(), "cannot read home/.cos.conf");
    let machine = Machine::new().file("home/.cos.conf", &"#".repeat((1 << 20) + 1));
    assert_eq!(machine.refusal(), "cannot read home/.cos.conf");
    let machine = Machine::new();
    fs::create_dir_all(machine.path("home")).unwrap();
    fs::write(machine.path("home/.cos.conf"), b"[common]\nsecret_id = \xff\n").unwrap();
    assert_eq!(machine.refusal(), "cannot read home/.cos.conf");
}

#[tokio::test]
async fn files_without_credentials_are_passed_over() {
    let machine = Machine::new()
        .file("home/.cos.yaml", "cos:\n  buckets: []\n")
        .file("home/.cos.conf", "[common]\nanonymous = True\nsecret_id =\nsecret_key =\n")
        .file("home/.tccli/default.credential", "{\"secretId\": null}")
        .file("home/.tencentcloud", "a file where a folder is looked for")
        .file(
            "etc/tencentcloud/credentials",
            "\u{feff}[other]\nsecret_id=x\n[Default]\n; [default]\n[default]\n  Secret_Id: ID\nsecret_key: \"KEY\"\n",
        );
    assert_eq!(shown(&machine.ask().await), expected("ID", "KEY", None));
    for empty in ["", "---\n", "just text\n", "- a\n- list\n"] {
        machine.write("home/.cos.yaml", empty);
        assert_eq!(machine.ask().await.id(), "ID", "{empty:?}");
    }
}

#[tokio::test]
async fn backslashes_and_older_names_in_coscmd_s_file_are_understood() {
    let machine = Machine::new()
        .file("home/.cos.conf", "[common]\r\naccess_id = A\r\nsecret_key = a\\nb=c\r\ntoken = T\r\nbucket = b-1\r\n");
    assert_eq!(shown(&machine.ask().await), expected("A", "a\\nb=c", Some("T")));
}

#[tokio::test]
async fn keys_that_are_renewed_in_a_file_are_taken_from_there() {
    let path = "home/.tccli/default.credential";
    let keys = |name: &str| format!("{{\"secretId\": \"{name}\", \"secretKey\": \"KEY\", \"token\": \"T-{name}\"}}");
    let machine = Machine::new().file(path, &keys("FIRST"));
    let provider = machine.discover().unwrap();
    // Each write gets a time of its own, however coarse the clock of the file system is.
    let mut second = 0;
    let mut write = |text: &str| {
        second += 1;
        machine.write(path, text);
        let file = fs::File::options().write(true).open(machine.path(path)).unwrap();
        file.set_modified(UNIX_EPOCH + Duration::from_secs(second)).unwrap();
    };
    let ask = async || provider.credentials().await.unwrap().id().to_owned();
    assert_eq!(ask().await, "FIRST");
    write(&keys("OTHER"));
    assert_eq!(ask().await, "OTHER");
    // Whoever renews them is in the middle of it, or took them away.
    write("{\"secretId\": ");
    assert_eq!(ask().await, "OTHER");
    write("{}");
    assert_eq!(ask().await, "OTHER");
    fs::remove_file(machine.path(path)).unwrap();
    assert_eq!(ask().await, "OTHER");
    write(&keys("THIRD"));
    assert_eq!(ask().await, "THIRD");
    assert_eq!(ask().await, "THIRD");
}

#[tokio::test]
async fn a_change_that_does_not_show_is_found_once_the_store_refuses_the_keys() {
    let path = "home/.tccli/default.credential";
    let keys = |name: &str| format!("{{\"secretId\": \"{name}\", \"secretKey\": \"KEY\", \"token\": \"T-{name}\"}}");
    let machine = Machine::new().file(path, &keys("FIRST"));
    let touch = || {
        let file = fs::File::options().write(true).open(machine.path(path)).unwrap();
        file.set_modified(UNIX_EPOCH + Duration::from_secs(1)).unwrap();
    };
    touch();
    let provider = machine.discover().unwrap();
    machine.write(path, &keys("OTHER"));
    touch();
    let first = provider.credentials().await.unwrap();
    assert_eq!(first.id(), "FIRST");
    provider.refused(&first);
    assert_eq!(provider.credentials().await.unwrap().id(), "OTHER");
}

/// Collects the warnings of the thread that it is the default for.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

impl Subscriber for Warnings {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        *metadata.level() == Level::WARN
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut text = String::new();
        event.record(&mut |field: &Field, value: &dyn fmt::Debug| write!(text, "{field}={value:?} ").unwrap());
        self.0.lock().unwrap().push(text);
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[cfg(unix)]
#[test]
fn a_file_that_others_can_read_is_used_with_a_warning() {
    use std::os::unix::fs::PermissionsExt as _;
    let path = "home/.cos.conf";
    let machine = Machine::new().file(path, "[common]\nsecret_id = a\nsecret_key = topsecret\n");
    for (mode, warned) in [(0o600, false), (0o400, false), (0o640, true), (0o604, true), (0o644, true)] {
        fs::set_permissions(machine.path(path), fs::Permissions::from_mode(mode)).unwrap();
        let warnings = Warnings::default();
        let provider = tracing::subscriber::with_default(warnings.clone(), || machine.discover().unwrap());
        let warnings = warnings.0.lock().unwrap().concat();
        assert_eq!(warnings.contains("others can read") && warnings.contains(path), warned, "{mode:o}: {warnings}");
        assert!(!format!("{warnings}{provider:?}").contains("topsecret"));
    }
}
