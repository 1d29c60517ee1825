//! Fault plans in files.

use std::io;

use serde::Deserialize;

use super::{Action, When, Written};
use crate::emulator::request::Operation;

/// Reads a list of rules.
pub(super) fn read(text: &str) -> io::Result<Vec<Written>> {
    let invalid = |cause: String| io::Error::new(io::ErrorKind::InvalidData, cause);
    let lines: Vec<Line> =
        serde_json::from_str(text).map_err(|cause| invalid(format!("not a list of faults: {cause}")))?;
    lines.into_iter().map(|line| line.read().map_err(invalid)).collect()
}

/// What a rule can do.
const VERBS: [&str; 16] = [
    "answer",
    "lose_answer",
    "reset",
    "cut_request",
    "error_in_200",
    "cut_stream",
    "cut_body",
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
    status: Option<u16>,
    code: Option<String>,
    bytes: Option<u64>,
    ms: Option<u64>,
}

impl Line {
    fn read(self) -> Result<Written, String> {
        let Self { operation, verb, key, part, attempt, times, status, code, bytes, ms } = self;
        let mut names = Operation::ALL.iter().map(|known| known.name()).chain(["*"]);
        let Some(operation) = names.find(|name| name.eq_ignore_ascii_case(&operation)).map(str::to_owned) else {
            let names: Vec<&str> = Operation::ALL.iter().map(|known| known.name()).collect();
            return Err(format!("no operation is called {operation:?}; there are {} and *", names.join(", ")));
        };
        let lacks = |what: &str| format!("{verb} needs {what}");
        let action = match verb.as_str() {
            "answer" => Action::Answer {
                status: status
                    .filter(|status| (200..600).contains(status))
                    .ok_or_else(|| lacks("a status from 200"))?,
                code: code.ok_or_else(|| lacks("a code"))?,
            },
            "lose_answer" => Action::LoseAnswer,
            "reset" => Action::Reset,
            "cut_request" => Action::CutRequest { bytes: bytes.ok_or_else(|| lacks("bytes"))? },
            "error_in_200" => Action::ErrorIn200 { code: code.ok_or_else(|| lacks("a code"))? },
            "cut_stream" => Action::CutStream,
            "cut_body" => Action::CutBody,
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
        Ok(Written { when: When { operation, key, part, attempt, times }, action })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_verb_is_known_and_names_of_operations_are_read_in_any_case() {
        for verb in VERBS {
            let rule = format!(
                r#"[{{"on": "uploadpart", "do": "{verb}", "status": 503, "code": "SlowDown", "bytes": 1, "ms": 1}}]"#
            );
            let rules = read(&rule).unwrap();
            assert_eq!(rules[0].when.operation, "UploadPart", "{verb}");
        }
        let unknown = |text: &str| read(text).unwrap_err().to_string();
        assert!(unknown(r#"[{"on": "PutPart", "do": "reset"}]"#).contains("Initiate, UploadPart, "));
        assert!(unknown(r#"[{"on": "Put", "do": "explode"}]"#).contains("lose_answer, reset, "));
    }
}
