//! Rules that can never strike: slips of the pen that would pass for a client without a flaw.

use super::{Action, CONNECTION, Written};

/// Calls that have a part, and reads that may name one.
const WITH_PARTS: [&str; 5] = ["UploadPart", "UploadPartCopy", "Get", "Head", "*"];

/// Calls on the bucket.
const WITHOUT_KEYS: [&str; 4] = [CONNECTION, "ListUploads", "HeadBucket", "BucketLocation"];

/// Calls whose answer begins before it ends.
const IN_WHITE_SPACE: [&str; 4] = ["Complete", "PutCopy", "UploadPartCopy", "*"];

/// Calls whose answer never has a body, unless it is an error's.
const WITHOUT_BODY: [&str; 6] = ["UploadPart", "Abort", "Head", "Put", "Delete", "HeadBucket"];

/// Why a rule can never strike, if it cannot.
pub(super) fn why_never(rule: &Written) -> Option<String> {
    let (when, on) = (&rule.when, rule.when.operation.as_str());
    if when.part == Some(0) {
        return Some("parts are counted from 1".to_owned());
    }
    if when.attempt == Some(0) {
        return Some("attempts are counted from 1".to_owned());
    }
    if when.times == Some(0) {
        return Some("it may strike 0 times".to_owned());
    }
    if when.chance == Some(0.0) {
        return Some("its chance is 0".to_owned());
    }
    if when.part.is_some() && !WITH_PARTS.contains(&on) {
        return Some(format!("{on} has no parts"));
    }
    if when.key.is_some() && WITHOUT_KEYS.contains(&on) {
        return Some(format!("{on} has no key"));
    }
    match &rule.action {
        Action::CutStream if !IN_WHITE_SPACE.contains(&on) => {
            Some(format!("the answer of {on} has no white space before its document"))
        }
        Action::CutBody | Action::SlowBody { .. } if WITHOUT_BODY.contains(&on) => {
            Some(format!("the answer of {on} has no body"))
        }
        Action::AlterBody if !["Get", "*"].contains(&on) => {
            Some(format!("the answer of {on} has no bytes of an object"))
        }
        Action::Answer { status, .. } | Action::AnswerAfter { status, .. } if *status < 300 => {
            Some(format!("an error has a status from 300, not {status}"))
        }
        _ => None,
    }
}
