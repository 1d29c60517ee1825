//! Says what went wrong: for people with the chain of causes and a hint, for programs as one JSON object.

use std::{error::Error as StdError, fmt::Write as _, process::ExitCode};

use serde_json::{Value, json};

use super::{again, console::Console};
use crate::{
    error::{Error, ErrorKind},
    ident::PartNumber,
    operation::Operation,
};

/// Prints an error on stderr.
pub(super) fn report(error: &Error, console: &Console) {
    if console.json() {
        console.complain_value(&as_json(error));
        return;
    }
    console.complain(&for_people(error));
    if error.is_resumable() {
        console.complain(&format!("resume: {}\n", again::command()));
    }
}

/// Answers what the parser has to say: help and version on stdout, a wrong command line like any other error.
pub(super) fn usage(error: &clap::Error) -> ExitCode {
    let code = u8::try_from(error.exit_code()).unwrap_or(ErrorKind::Config.exit_code());
    let asked_for_json = std::env::args_os().take_while(|arg| arg != "--").any(|arg| arg == "--json");
    if error.use_stderr() && asked_for_json {
        report(&from_usage(error), &Console::new(true, true));
    } else {
        // Nobody is left to hear that the stream is gone.
        let _ = error.print();
    }
    ExitCode::from(code)
}

/// The parser's message as an error of ours.
fn from_usage(error: &clap::Error) -> Error {
    let text = error.render().to_string();
    let message = text.split("\n\n").next().unwrap_or_default();
    let message = message.strip_prefix("error: ").unwrap_or(message).split_whitespace().collect::<Vec<_>>().join(" ");
    let message = if message.is_empty() { "no command is given".to_owned() } else { message };
    let tip = text.lines().find_map(|line| line.trim().strip_prefix("tip: ")).unwrap_or("see `sealift --help`");
    Error::new(ErrorKind::Config, message).with_hint(tip.to_owned())
}

/// The lines for people.
fn for_people(error: &Error) -> String {
    let mut text = format!("error: {}\n", error.message());
    let place = place(error);
    if !place.is_empty() {
        let _ = writeln!(text, "  where: {}", place.join(", "));
    }
    for cause in causes(error) {
        let _ = writeln!(text, "  cause: {cause}");
    }
    let mut cleanup = error.cleanup();
    while let Some(second) = cleanup {
        let _ = writeln!(text, "  while cleaning up: {second}");
        for cause in causes(second) {
            let _ = writeln!(text, "    cause: {cause}");
        }
        cleanup = second.cleanup();
    }
    if let Some(hint) = error.hint() {
        let _ = writeln!(text, "hint: {hint}");
    }
    text
}

fn place(error: &Error) -> Vec<String> {
    let mut place = Vec::new();
    place.extend(error.operation().map(|operation| operation.to_string()));
    place.extend(error.part().map(|part| format!("part {part}")));
    place.extend(error.attempts().filter(|attempts| *attempts > 1).map(|attempts| format!("{attempts} attempts")));
    match (error.status(), error.code().filter(|code| !code.is_empty())) {
        (Some(status), Some(code)) => place.push(format!("status {status} {code}")),
        (Some(status), None) => place.push(format!("status {status}")),
        (None, Some(code)) => place.push(format!("code {code}")),
        (None, None) => {}
    }
    place.extend(error.request_id().map(|id| format!("request {id}")));
    place
}

/// The causes, without those that only repeat the one before.
fn causes(error: &Error) -> Vec<String> {
    let mut causes: Vec<String> = Vec::new();
    let mut last = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if text != last {
            causes.push(text.clone());
            last = text;
        }
        next = cause.source();
    }
    causes
}

/// The JSON object: its field names are a contract.
fn as_json(error: &Error) -> Value {
    let mut value = json!({
        "kind": error.kind().name(),
        "message": error.message(),
        "operation": error.operation().map(Operation::name),
        "part": error.part().map(PartNumber::get),
        "attempts": error.attempts(),
        "status": error.status(),
        "code": error.code().filter(|code| !code.is_empty()),
        "request_id": error.request_id(),
        "hint": error.hint(),
        "causes": causes(error),
        "resumable": error.is_resumable(),
        "resume": error.is_resumable().then(again::command),
    });
    if let Some(cleanup) = error.cleanup() {
        value["cleanup"] = as_json(cleanup)["error"].take();
    }
    json!({ "error": value })
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::cli::args::Cli;

    fn sample() -> Error {
        let io = std::io::Error::other("connection reset");
        Error::new(ErrorKind::Unavailable, "the part was not taken")
            .at(Operation::UploadPart)
            .at_part(PartNumber::new(3).unwrap())
            .after_attempts(6)
            .answered(503, Some("SlowDown".to_owned()), Some("Nz==".to_owned()))
            .with_hint("try again later")
            .caused_by(io)
            .with_cleanup(Error::new(ErrorKind::Unavailable, "the upload could not be aborted"))
    }

    #[test]
    fn people_read_place_causes_and_remedy() {
        assert_eq!(
            for_people(&sample()),
            "error: the part was not taken\n  where: UploadPart, part 3, 6 attempts, status 503 SlowDown, request Nz==\n  \
             cause: connection reset\n  while cleaning up: the upload could not be aborted\nhint: try again later\n"
        );
        assert_eq!(for_people(&Error::new(ErrorKind::Config, "no")), "error: no\n");
    }

    #[test]
    fn programs_read_every_field_of_the_contract() {
        let value = as_json(&sample());
        let error = &value["error"];
        assert_eq!(error["kind"], "unavailable");
        assert_eq!(error["operation"], "UploadPart");
        assert_eq!(error["part"], 3);
        assert_eq!(error["attempts"], 6);
        assert_eq!(error["status"], 503);
        assert_eq!(error["code"], "SlowDown");
        assert_eq!(error["request_id"], "Nz==");
        assert_eq!(error["hint"], "try again later");
        assert_eq!(error["causes"], json!(["connection reset"]));
        assert_eq!(error["resumable"], false);
        assert_eq!(error["resume"], Value::Null);
        let kept = &as_json(&sample().resumable(Some((3, 512))))["error"];
        assert_eq!(kept["resume"], again::command());
        let hint =
            "try again later; what has arrived (3 of 512 parts) is kept, and the same command goes on from there";
        assert_eq!(kept["hint"], hint);
        assert_eq!(error["cleanup"]["message"], "the upload could not be aborted");
        let plain = as_json(&Error::new(ErrorKind::Config, "no"));
        for name in ["operation", "part", "attempts", "status", "code", "request_id", "hint"] {
            assert_eq!(plain["error"].get(name), Some(&Value::Null), "{name} is always there");
        }
    }

    #[test]
    fn a_wrong_command_line_is_an_error_like_any_other() {
        let error = from_usage(&Cli::try_parse_from(["sealift", "put", "--bogus"]).unwrap_err());
        assert_eq!(error.kind(), ErrorKind::Config);
        assert_eq!(error.message(), "unexpected argument '--bogus' found");
        assert!(!error.hint().unwrap().is_empty());
        let error = from_usage(&Cli::try_parse_from(["sealift", "stat"]).unwrap_err());
        assert!(error.message().starts_with("the following required arguments were not provided: <URL>"), "{error}");
    }
}
