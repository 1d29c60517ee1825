//! Settings as text, `NAME=VALUE`: what a field is now tells how its value is read, and a table what it means.

use std::{fmt::Write as _, io};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

/// What is known of a struct's fields beyond their values.
pub(super) struct Known {
    /// Each field's name and meaning.
    pub(super) meanings: &'static [(&'static str, &'static str)],
    /// Numbers that may not be 0, because nothing would work.
    pub(super) never_zero: &'static [&'static str],
}

/// Sets one field of a struct.
pub(super) fn set<T: Serialize + DeserializeOwned>(all: &mut T, setting: &str, known: &Known) -> io::Result<()> {
    let invalid = |message: String| io::Error::new(io::ErrorKind::InvalidInput, message);
    let mut fields = serde_json::to_value(&*all)?;
    let names = || known.meanings.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", ");
    let Some((name, text)) = setting.split_once('=') else {
        return Err(invalid(format!("{setting:?} is not NAME=VALUE; there are {}", names())));
    };
    let Some(now) = fields.get(name) else {
        return Err(invalid(format!("there is no {name:?}; there are {}", names())));
    };
    let kind = Kind::of(now);
    let wanted = || invalid(format!("{name} takes {}, not {text:?}", kind.wanted()));
    let value = kind.read(text).ok_or_else(wanted)?;
    if known.never_zero.contains(&name) && value == 0 {
        return Err(invalid(format!("{name} must be at least 1")));
    }
    fields[name] = value;
    *all = serde_json::from_value(fields).map_err(|_| match text {
        "none" => wanted(),
        _ => invalid(format!("{text} is too large for {name}")),
    })?;
    Ok(())
}

/// All fields as lines: the name with its present value, how a value is written, and what it means.
pub(super) fn help(all: &impl Serialize, known: &Known) -> String {
    let Ok(fields) = serde_json::to_value(all) else { return String::new() };
    let mut text = String::new();
    for (name, meaning) in known.meanings {
        let Some(now) = fields.get(name) else { continue };
        let _ = writeln!(text, "  {name}={}\n      {}: {meaning}", written(now), Kind::of(now).form());
    }
    text
}

/// A value as it is given.
fn written(value: &Value) -> String {
    match value {
        Value::Null => "none".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let between = if Kind::of(value) == Kind::List { "," } else { ":" };
            items.iter().map(written).collect::<Vec<_>>().join(between)
        }
        other => other.to_string(),
    }
}

/// How a value is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Answer,
    Switch,
    Text,
    List,
    Number,
    Numbers,
    PerhapsNumber,
}

impl Kind {
    /// That of a field with this value.
    fn of(now: &Value) -> Self {
        match now {
            Value::Array(pair) if pair.first().is_some_and(Value::is_number) => {
                if pair.get(1).is_some_and(Value::is_string) { Self::Answer } else { Self::Numbers }
            }
            Value::Array(_) => Self::List,
            Value::Bool(_) => Self::Switch,
            Value::String(_) => Self::Text,
            Value::Null => Self::PerhapsNumber,
            // One that is a number by chance can be `none` again; whether it can, the field itself says.
            _ => Self::Number,
        }
    }

    /// How it is written, where a list tells it of many.
    const fn form(self) -> &'static str {
        match self {
            Self::Answer => "STATUS:CODE",
            other => other.wanted(),
        }
    }

    const fn wanted(self) -> &'static str {
        match self {
            Self::Answer => "STATUS:CODE, such as 403:AccessDenied, with a status from 400 to 599",
            Self::Switch => "true or false",
            Self::Text => "a text",
            Self::List => "names with commas between them",
            Self::Number => "a number",
            Self::Numbers => "NUMBER:NUMBER",
            Self::PerhapsNumber => "a number, or none",
        }
    }

    fn read(self, text: &str) -> Option<Value> {
        let number = |text: &str| text.parse::<u64>().ok().map(Value::from);
        match self {
            Self::Answer => {
                let (status, code) = text.split_once(':')?;
                let status = status.parse::<u16>().ok().filter(|status| (400..600).contains(status))?;
                let code = Some(code).filter(|code| !code.is_empty() && code.bytes().all(|b| b.is_ascii_graphic()))?;
                Some(Value::from(vec![Value::from(status), Value::from(code)]))
            }
            Self::Switch => text.parse::<bool>().ok().map(Value::from),
            Self::Text => Some(text).filter(|text| !text.is_empty()).map(Value::from),
            Self::List => Some(text.split(',').filter(|item| !item.is_empty()).map(Value::from).collect()),
            Self::Number | Self::PerhapsNumber if text == "none" => Some(Value::Null),
            Self::Number | Self::PerhapsNumber => number(text),
            Self::Numbers => {
                let (first, second) = text.split_once(':')?;
                Some(Value::from(vec![number(first)?, number(second)?]))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::emulator::{Guesses, Limits, guesses, limits};

    #[test]
    fn every_field_is_told_with_its_value_and_meaning() {
        let names = |all: &Value| all.as_object().unwrap().keys().cloned().collect::<BTreeSet<_>>();
        let told = |known: &Known| known.meanings.iter().map(|(name, _)| (*name).to_owned()).collect::<BTreeSet<_>>();
        assert_eq!(names(&serde_json::to_value(Guesses::default()).unwrap()), told(&guesses::KNOWN));
        assert_eq!(names(&serde_json::to_value(Limits::default()).unwrap()), told(&limits::KNOWN));
        let text = Guesses::s3().help();
        assert!(text.contains("wrong_part_key=400:InvalidRequest\n      STATUS:CODE: a customer key"), "{text}");
        assert!(text.contains("retry_after=none\n      a number, or none: "), "{text}");
        assert!(Limits::s3().help().contains("max_meta_bytes=2048:2048\n      NUMBER:NUMBER: "));
    }

    #[test]
    fn every_kind_of_setting_is_read() {
        let mut guesses = Guesses::default();
        for setting in [
            "wrong_key=400:InvalidRequest",
            "gaps=true",
            "retry_after=5",
            "absent_kms_keys=a,b",
            "default_kms_key_id=7",
        ] {
            guesses.set(setting).unwrap();
        }
        let expected = Guesses {
            wrong_key: (400, "InvalidRequest".to_owned()),
            gaps: true,
            retry_after: Some(5),
            absent_kms_keys: vec!["a".to_owned(), "b".to_owned()],
            default_kms_key_id: "7".to_owned(),
            ..Guesses::default()
        };
        assert_eq!(guesses, expected);
        guesses.set("retry_after=none").unwrap();
        assert_eq!(guesses.retry_after, None);
        let mut limits = Limits::default();
        limits.set("max_meta_bytes=1:2").unwrap();
        limits.set("min_part_size=0").unwrap();
        assert_eq!((limits.max_meta_bytes, limits.min_part_size), ((1, 2), 0));
    }

    #[test]
    fn a_wrong_setting_is_told_and_changes_nothing() {
        let mut guesses = Guesses::default();
        let told = |setting: &str, guesses: &mut Guesses| guesses.set(setting).unwrap_err().to_string();
        assert!(told("gasp=true", &mut guesses).contains("gaps, gap, "));
        assert!(told("wrong_key=AccessDenied", &mut guesses).contains("STATUS:CODE, such as 403:AccessDenied"));
        for setting in ["help", "gaps=yes", "gaps=1", "retry_after=soon", "encoding_element="] {
            told(setting, &mut guesses);
        }
        for answer in ["70000:X", "200:OK", "399:X", "600:X", "403:", "403", ":X", "403:a b", "-1:X"] {
            told(&format!("wrong_key={answer}"), &mut guesses);
        }
        assert_eq!(guesses, Guesses::default());
        let mut limits = Limits::default();
        for setting in ["max_parts=99999", "max_parts=0", "body_timeout=0", "max_parts=none", "max_meta_bytes=1"] {
            let told = limits.set(setting).unwrap_err().to_string();
            assert!(!told.contains("invalid"), "{told}");
        }
        assert_eq!(limits, Limits::default());
    }
}
