//! Fault plans in files.

use std::io;

use serde::Deserialize;

use super::{Action, FaultPlan, When};
use crate::emulator::request::Operation;

/// Reads a list of rules, or an object around one.
pub(super) fn read(text: &str) -> io::Result<FaultPlan> {
    let invalid = |cause: String| io::Error::new(io::ErrorKind::InvalidData, cause);
    let file = if text.trim_start().starts_with('{') {
        serde_json::from_str(text)
    } else {
        serde_json::from_str(text).map(|rules| File { rules, ..File::default() })
    };
    let file = file.map_err(|cause| invalid(format!("not a list of faults: {cause}")))?;
    let share = file.random.unwrap_or_default();
    if !(0.0..=1.0).contains(&share) {
        return Err(invalid("random is a share from 0 to 1".to_owned()));
    }
    let mut plan = match file.random {
        None => FaultPlan::new().seed(file.seed),
        Some(share) => FaultPlan::random(file.seed, share),
    };
    for (number, line) in (1..).zip(file.rules) {
        let (when, action) = line.read().map_err(|wrong| invalid(format!("rule {number}: {wrong}")))?;
        plan.add(when, action);
    }
    Ok(plan)
}

/// A file that is more than a list.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    seed: u64,
    random: Option<f64>,
    #[serde(default)]
    rules: Vec<Line>,
}

/// What a rule can do.
const VERBS: [&str; 23] = [
    "answer",
    "answer_after",
    "lose_answer",
    "reset",
    "cut_request",
    "error_in_200",
    "error_in_200_after",
    "cut_head",
    "close_after",
    "hard",
    "limit_rate",
    "cut_stream",
    "cut_body",
    "alter_body",
    "slow_body",
    "wrong_crc",
    "drop_crc",
    "drop_echo",
    "downgrade_echo",
    "alter_echo",
    "delay",
    "answer_late",
    "linger",
];

/// What can be done to a connection as such.
const ON_CONNECTIONS: [&str; 4] = ["delay", "reset", "hard", "limit_rate"];

/// The arguments of a verb, all of which it needs.
fn takes(verb: &str) -> &'static [&'static str] {
    match verb {
        "answer" | "answer_after" => &["status", "code"],
        "error_in_200" | "error_in_200_after" => &["code"],
        "cut_request" | "limit_rate" => &["bytes"],
        "slow_body" | "delay" | "answer_late" | "linger" => &["ms"],
        _ => &[],
    }
}

/// A rule in a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Line {
    #[serde(rename = "on")]
    operation: String,
    #[serde(rename = "do")]
    verb: String,
    key: Option<String>,
    part: Option<u16>,
    attempt: Option<u32>,
    times: Option<u32>,
    chance: Option<f64>,
    status: Option<u16>,
    code: Option<String>,
    bytes: Option<u64>,
    ms: Option<u64>,
}

impl Line {
    fn read(self) -> Result<(When, Action), String> {
        let Self { operation, verb, key, part, attempt, times, chance, status, code, bytes, ms } = self;
        let mut names = Operation::ALL.iter().map(|known| known.name()).chain(["Connection", "*"]);
        let Some(operation) = names.find(|name| name.eq_ignore_ascii_case(&operation)).map(str::to_owned) else {
            let names: Vec<&str> = Operation::ALL.iter().map(|known| known.name()).collect();
            return Err(format!(
                "no operation is called {operation:?}; there are {}, Connection and *",
                names.join(", ")
            ));
        };
        let lacks = |what: &str| format!("{verb} needs {what}");
        if operation == "Connection" && VERBS.contains(&&*verb) && !ON_CONNECTIONS.contains(&&*verb) {
            return Err(format!("a connection can only have {}", ON_CONNECTIONS.join(", ")));
        }
        if chance.is_some_and(|chance| !(0.0..=1.0).contains(&chance)) {
            return Err("chance is a share from 0 to 1".to_owned());
        }
        let given =
            [("status", status.is_some()), ("code", code.is_some()), ("bytes", bytes.is_some()), ("ms", ms.is_some())];
        if let Some((name, _)) = given.into_iter().find(|(name, given)| *given && !takes(&verb).contains(name)) {
            return Err(format!("{verb} does not take {name}"));
        }
        let status = || status.filter(|status| (200..600).contains(status)).ok_or_else(|| lacks("a status from 200"));
        let action = match verb.as_str() {
            "answer" => Action::Answer { status: status()?, code: code.ok_or_else(|| lacks("a code"))? },
            "answer_after" => Action::AnswerAfter { status: status()?, code: code.ok_or_else(|| lacks("a code"))? },
            "lose_answer" => Action::LoseAnswer,
            "reset" => Action::Reset,
            "cut_request" => Action::CutRequest { bytes: bytes.ok_or_else(|| lacks("bytes"))? },
            "error_in_200" => Action::ErrorIn200 { code: code.ok_or_else(|| lacks("a code"))? },
            "error_in_200_after" => Action::ErrorIn200After { code: code.ok_or_else(|| lacks("a code"))? },
            "cut_head" => Action::CutHead,
            "close_after" => Action::CloseAfter,
            "hard" => Action::Hard,
            "limit_rate" => {
                let bytes = bytes.filter(|bytes| *bytes > 0);
                Action::LimitRate { bytes: bytes.ok_or_else(|| lacks("bytes, at least 1"))? }
            }
            "cut_stream" => Action::CutStream,
            "cut_body" => Action::CutBody,
            "alter_body" => Action::AlterBody,
            "slow_body" => Action::SlowBody { ms: ms.ok_or_else(|| lacks("ms"))? },
            "wrong_crc" => Action::WrongCrc,
            "drop_crc" => Action::DropCrc,
            "drop_echo" => Action::DropEcho,
            "downgrade_echo" => Action::DowngradeEcho,
            "alter_echo" => Action::AlterEcho,
            "delay" => Action::Delay { ms: ms.ok_or_else(|| lacks("ms"))? },
            "answer_late" => Action::AnswerLate { ms: ms.ok_or_else(|| lacks("ms"))? },
            "linger" => Action::Linger { ms: ms.ok_or_else(|| lacks("ms"))? },
            other => return Err(format!("no fault is called {other:?}; there are {}", VERBS.join(", "))),
        };
        Ok((When { operation, key, part, attempt, times, chance }, action))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_verb_is_known_and_names_of_operations_are_read_in_any_case() {
        for verb in VERBS {
            let value = |name: &str| if name == "code" { "\"SlowDown\"" } else { "503" };
            let arguments: Vec<String> =
                takes(verb).iter().map(|name| format!(r#", "{name}": {}"#, value(name))).collect();
            let rule = format!(r#"[{{"on": "uploadpart", "do": "{verb}"{}}}]"#, arguments.concat());
            let rules = read(&rule).unwrap();
            assert_eq!(rules.rules[0].when.operation, "UploadPart", "{verb}");
        }
        let unknown = |text: &str| read(text).unwrap_err().to_string();
        assert!(unknown(r#"[{"on": "PutPart", "do": "reset"}]"#).contains("Initiate, UploadPart, "));
        assert!(unknown(r#"[{"on": "Put", "do": "explode"}]"#).contains("lose_answer, reset, "));
    }
}
