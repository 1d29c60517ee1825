//! The faults of the embedded store, as rows of the table.

use sealift::{emulator::FaultPlan, sse::SseMode};
use serde_json::{Value, json};

use crate::{cell::Cell, expect};

/// How the fault of a row looks to a client, by which the outcome is expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Harm {
    /// Nothing that this call could notice.
    None,
    /// A refusal with this status and code.
    Refusal(u16, &'static str),
    /// The same, although the work was done.
    Late(u16, &'static str),
    /// No answer; whether the work was done.
    Silence { done: bool, patient: bool },
    /// An error of this code inside a 200; the work was not done.
    Hidden(&'static str),
    /// The same, although the work was done.
    HiddenLate(&'static str),
    /// The checksum in the answer is another one.
    WrongChecksum,
    /// The answer has no checksum.
    NoChecksum,
    /// The bytes in the answer are others than those of the object.
    OtherBytes,
    /// The answer says nothing of the encryption.
    NoEcho,
    /// The answer names a weaker encryption.
    WeakEcho,
    /// The answer names another key, or another algorithm.
    OtherEcho,
}

/// A row: one verb of the store's fault plans, with its arguments, and a second one where it takes both to do harm.
#[derive(Debug)]
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    pub(crate) verb: &'static str,
    arguments: &'static [(&'static str, Argument)],
    with: Option<&'static str>,
    harm: Harm,
}

#[derive(Clone, Copy, Debug)]
enum Argument {
    Number(u64),
    Text(&'static str),
}

use Argument::{Number, Text};

/// The calls whose answers have a body.
const HAVE_BODIES: [&str; 4] = ["Initiate", "Complete", "ListParts", "Get"];
/// Longer than anybody here waits.
const EVER: u64 = 600_000;
/// No matter to anybody.
const MOMENT: u64 = 60;
/// Bytes per second that keep nobody waiting for more than a moment.
const BRISK: u64 = 32 << 20;

const BROKEN: Harm = Harm::Silence { done: false, patient: false };
const LOST: Harm = Harm::Silence { done: true, patient: false };

macro_rules! fault {
    ($name:literal, $verb:literal $(, $argument:literal: $value:expr)*; $harm:expr) => {
        Fault { name: $name, verb: $verb, arguments: &[$(($argument, $value)),*], with: None, harm: $harm }
    };
    ($name:literal, $verb:literal + $with:literal; $harm:expr) => {
        Fault { name: $name, verb: $verb, arguments: &[], with: Some($with), harm: $harm }
    };
}

/// Every verb that the store knows; a test compares.
pub(crate) const FAULTS: &[Fault] = &[
    fault!("503 SlowDown", "answer", "status": Number(503), "code": Text("SlowDown"); Harm::Refusal(503, "SlowDown")),
    fault!("500 InternalError", "answer", "status": Number(500), "code": Text("InternalError");
        Harm::Refusal(500, "InternalError")),
    fault!("409 PathConflict", "answer", "status": Number(409), "code": Text("PathConflict");
        Harm::Refusal(409, "PathConflict")),
    fault!("404 NoSuchUpload", "answer", "status": Number(404), "code": Text("NoSuchUpload");
        Harm::Refusal(404, "NoSuchUpload")),
    fault!("403 AccessDenied", "answer", "status": Number(403), "code": Text("AccessDenied");
        Harm::Refusal(403, "AccessDenied")),
    fault!("400 InvalidArgument", "answer", "status": Number(400), "code": Text("InvalidArgument");
        Harm::Refusal(400, "InvalidArgument")),
    fault!("503 SlowDown, done", "answer_after", "status": Number(503), "code": Text("SlowDown");
        Harm::Late(503, "SlowDown")),
    fault!("500 InternalError, done", "answer_after", "status": Number(500), "code": Text("InternalError");
        Harm::Late(500, "InternalError")),
    fault!("InternalError in 200", "error_in_200", "code": Text("InternalError"); Harm::Hidden("InternalError")),
    fault!("AccessDenied in 200", "error_in_200", "code": Text("AccessDenied"); Harm::Hidden("AccessDenied")),
    fault!("InternalError in 200, done", "error_in_200_after", "code": Text("InternalError");
        Harm::HiddenLate("InternalError")),
    fault!("reset", "reset"; BROKEN),
    fault!("reset, by TCP", "hard" + "reset"; BROKEN),
    fault!("request cut", "cut_request", "bytes": Number(9); BROKEN),
    fault!("answer lost", "lose_answer"; LOST),
    fault!("answer lost, by TCP reset", "hard" + "lose_answer"; LOST),
    fault!("head cut", "cut_head"; LOST),
    fault!("done later, unheard", "linger", "ms": Number(MOMENT); LOST),
    fault!("answer cut", "cut_stream"; LOST),
    fault!("body cut", "cut_body"; LOST),
    fault!("closed after the answer", "close_after"; Harm::None),
    fault!("narrow", "limit_rate", "bytes": Number(BRISK); Harm::None),
    fault!("body slow", "slow_body", "ms": Number(MOMENT); Harm::None),
    fault!("silent", "delay", "ms": Number(EVER); Harm::Silence { done: false, patient: true }),
    fault!("done, then silent", "answer_late", "ms": Number(EVER); Harm::Silence { done: true, patient: true }),
    fault!("slow", "delay", "ms": Number(MOMENT); Harm::None),
    fault!("answer slow", "answer_late", "ms": Number(MOMENT); Harm::None),
    fault!("checksum wrong", "wrong_crc"; Harm::WrongChecksum),
    fault!("checksum missing", "drop_crc"; Harm::NoChecksum),
    fault!("bytes altered", "alter_body"; Harm::OtherBytes),
    fault!("echo missing", "drop_echo"; Harm::NoEcho),
    fault!("echo weaker", "downgrade_echo"; Harm::WeakEcho),
    fault!("echo altered", "alter_echo"; Harm::OtherEcho),
];

impl Fault {
    /// What it does to an answer of this operation.
    pub(crate) fn harm(&self, operation: &str) -> Harm {
        match self.verb {
            // Only Complete has an answer that begins before it ends.
            "cut_stream" if operation != "Complete" => Harm::None,
            "alter_body" if operation != "Get" => Harm::None,
            // The others have answers without a body.
            "cut_body" if !HAVE_BODIES.contains(&operation) => Harm::None,
            _ => self.harm,
        }
    }

    /// Its verbs.
    pub(crate) fn all_verbs(&self) -> impl Iterator<Item = &'static str> {
        [Some(self.verb), self.with].into_iter().flatten()
    }

    /// Whether an answer to the call of this cell has nothing for it to change.
    pub(crate) fn is_idle(&self, cell: &Cell) -> bool {
        let operation = cell.place.operation();
        match self.verb {
            "cut_stream" => operation != "Complete",
            "alter_body" => operation != "Get",
            "cut_body" | "slow_body" => !HAVE_BODIES.contains(&operation),
            "drop_crc" | "wrong_crc" => !expect::checks(operation),
            verb if is_of_echoes(verb) => {
                // S3 encrypts what was not to be encrypted too, and says so.
                !expect::speaks(cell, operation) || cell.mode == SseMode::None && !cell.is_s3()
            }
            _ => false,
        }
    }

    /// Whether the store may have nothing to do it to: the exception from the rule that a fault strikes in its cell.
    pub(crate) fn may_miss(&self, cell: &Cell) -> bool {
        cell.mode == SseMode::None && is_of_echoes(self.verb)
    }

    /// Whether it is one of the connection, which has no ear for dialects and modes.
    pub(crate) fn is_of_the_connection(&self) -> bool {
        matches!(self.verb, "hard" | "cut_request" | "close_after" | "limit_rate" | "slow_body" | "delay")
    }

    /// As rules of a plan.
    pub(crate) fn rules(&self, operation: &str, part: Option<u16>, once: bool) -> impl Iterator<Item = Value> {
        [Some((self.verb, self.arguments)), self.with.map(|verb| (verb, &[][..]))].into_iter().flatten().map(
            move |(verb, arguments)| {
                let mut rule = json!({"on": operation, "do": verb});
                for (name, value) in arguments {
                    rule[*name] = match value {
                        Number(number) => json!(number),
                        Text(text) => json!(text),
                    };
                }
                if let Some(part) = part {
                    rule["part"] = json!(part);
                }
                if once {
                    rule["times"] = json!(1);
                }
                rule
            },
        )
    }
}

/// Whether it changes what an answer says of the encryption.
fn is_of_echoes(verb: &str) -> bool {
    matches!(verb, "drop_echo" | "downgrade_echo" | "alter_echo")
}

/// A plan of these rules.
pub(crate) fn plan(rules: &[Value]) -> FaultPlan {
    FaultPlan::from_json(&Value::from(rules).to_string()).unwrap()
}

/// The verbs that the store knows, by its own words.
pub(crate) fn verbs() -> Vec<String> {
    let told = FaultPlan::from_json(r#"[{"on": "Put", "do": "?"}]"#).unwrap_err().to_string();
    let (_, list) = told.split_once("there are ").unwrap();
    list.split(", ").map(str::to_owned).collect()
}
