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
    assert_eq!(faults.strike("Put", "a", None).name().as_deref(), Some("wrong_crc,drop_echo"));
    assert_eq!(faults.strike("Head", "a", None).name().as_deref(), Some("wrong_crc"));
    assert_eq!(faults.strike("Put", "a", None).echo, Some(EchoFault::Drop));
    assert_eq!(faults.strike("Put", "b", None).name(), None);
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
    ] {
        assert!(FaultPlan::from_json(text).is_err(), "{text}");
    }
}
