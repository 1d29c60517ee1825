//! Which fault strikes when, and how plans are read.

use std::time::Duration;

use super::*;

#[test]
fn attempts_are_counted_for_each_operation_key_and_part() {
    let faults = Faults::new(FaultPlan::new().on("UploadPart").part(2).attempt(2).reset());
    let resets = |part| faults.strike("UploadPart", "k", Some(part)).reset;
    assert!(!resets(1) && !resets(1) && !resets(2));
    assert!(resets(2));
    assert!(!resets(2));
}

#[test]
fn a_rule_fires_so_many_times_and_rules_add_up() {
    let plan = FaultPlan::new().on("*").times(2).wrong_crc().on("Put").key("a").drop_echo();
    let faults = Faults::new(plan);
    let both = faults.strike("Put", "a", None);
    assert!(both.wrong_crc && both.echo == Some(EchoFault::Drop));
    let one = faults.strike("Head", "a", None);
    assert!(one.wrong_crc && one.echo.is_none());
    assert_eq!(faults.strike("Put", "a", None).echo, Some(EchoFault::Drop));
    assert_eq!(faults.strike("Put", "b", None).echo, None);
}

#[test]
fn a_rule_has_struck_once_it_has_changed_something() {
    let plan = FaultPlan::new().on("Put").wrong_crc().on("Put").drop_echo().on("Get").reset();
    let faults = Faults::new(plan.clone());
    let mut effects = faults.strike("Put", "a", None);
    assert_eq!(effects.name(), None);
    effects.acts("drop_echo");
    effects.acts("reset");
    assert_eq!(effects.name().as_deref(), Some("drop_echo"));
    faults.came_of(&effects);
    assert_eq!(faults.idle(), ["rule 1 (wrong_crc on Put)", "rule 3 (reset on Get)"]);
    // What a plan did is not put down to the next one.
    faults.replace(plan);
    faults.came_of(&effects);
    assert_eq!(faults.idle().len(), 3);
    assert_eq!(Faults::new(FaultPlan::random(1, 0.5)).idle(), [""; 0]);
}

#[test]
fn a_plan_can_be_read_from_json() {
    let plan = FaultPlan::from_json(
        r#"[{"on": "UploadPart", "part": 3, "do": "answer", "status": 503, "code": "SlowDown"},
            {"on": "Complete", "do": "error_in_200", "code": "InternalError"},
            {"on": "*", "do": "delay", "ms": 5}]"#,
    )
    .unwrap();
    let faults = Faults::new(plan);
    let part = faults.strike("UploadPart", "k", Some(3));
    assert_eq!(part.answer, Some((503, "SlowDown".to_owned())));
    assert_eq!(part.delay, Duration::from_millis(5));
    assert_eq!(faults.strike("Complete", "k", None).error_in_200.as_deref(), Some("InternalError"));
}

#[test]
fn json_that_is_no_plan_is_refused() {
    for text in [
        "",
        "7",
        r#"{"rule": []}"#,
        r#"{"random": 2}"#,
        r#"[{"on": "Put", "do": "reset", "chance": 1.5}]"#,
        r#"[{"on": "Connection", "do": "wrong_crc"}]"#,
        r#"[{"on": "Put", "do": "limit_rate", "bytes": 0}]"#,
        r#"[{"on": "Put"}]"#,
        r#"[{"on": "Put", "do": "explode"}]"#,
        r#"[{"do": "reset"}]"#,
        r#"[{"on": "PutPart", "do": "reset"}]"#,
        r#"[{"on": "Put", "do": "reset", "atempt": 1}]"#,
        r#"[{"on": "Put", "do": "answer", "status": 503}]"#,
        r#"[{"on": "Put", "do": "answer", "status": 100, "code": "x"}]"#,
        r#"[{"on": "Put", "do": "delay"}]"#,
        r#"[{"on": "Put", "do": "reset", "ms": 5}]"#,
        r#"[{"on": "Put", "do": "delay", "ms": 5, "code": "SlowDown"}]"#,
    ] {
        assert!(FaultPlan::from_json(text).is_err(), "{text}");
    }
}

#[test]
fn a_rule_that_can_never_strike_is_told_with_its_number() {
    let told = |rule: &str| {
        let text = format!(r#"{{"random": 0.1, "rules": [{{"on": "Put", "do": "reset"}}, {rule}]}}"#);
        FaultPlan::from_json(&text).and_then(FaultPlan::checked).map(|_| ()).map_err(|error| error.to_string())
    };
    for rule in [
        r#"{"on": "UploadPart", "part": 0, "do": "reset"}"#,
        r#"{"on": "Put", "attempt": 0, "do": "reset"}"#,
        r#"{"on": "Put", "times": 0, "do": "reset"}"#,
        r#"{"on": "Put", "chance": 0, "do": "reset"}"#,
        r#"{"on": "Complete", "part": 1, "do": "reset"}"#,
        r#"{"on": "Connection", "key": "k", "do": "reset"}"#,
        r#"{"on": "Put", "do": "cut_stream"}"#,
        r#"{"on": "Head", "do": "cut_body"}"#,
        r#"{"on": "Put", "do": "alter_body"}"#,
        r#"{"on": "Put", "do": "answer", "status": 200, "code": "OK"}"#,
        r#"{"on": "Put", "do": "answer"}"#,
    ] {
        assert!(told(rule).unwrap_err().starts_with("rule 2"), "{rule}");
    }
    for rule in [
        r#"{"on": "Get", "part": 2, "do": "cut_body"}"#,
        r#"{"on": "*", "part": 2, "do": "cut_stream"}"#,
        r#"{"on": "PutCopy", "do": "cut_stream"}"#,
        r#"{"on": "Put", "do": "answer", "status": 307, "code": "TemporaryRedirect"}"#,
    ] {
        told(rule).unwrap();
    }
    assert!(FaultPlan::random(1, 0.5).checked().is_ok());
}
