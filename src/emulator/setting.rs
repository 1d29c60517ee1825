//! Settings as text, `NAME=VALUE`: what a field is now tells how its value is read.

use std::io;

use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Number, Value};

/// Sets one field of a struct.
pub(super) fn set<T: Serialize + DeserializeOwned>(all: &mut T, setting: &str) -> io::Result<()> {
    let invalid = |message: String| io::Error::new(io::ErrorKind::InvalidInput, message);
    let (name, text) = setting.split_once('=').ok_or_else(|| invalid(format!("{setting:?} is not NAME=VALUE")))?;
    let mut fields = serde_json::to_value(&*all)?;
    let names = fields.as_object().into_iter().flat_map(|fields| fields.keys()).cloned().collect::<Vec<_>>();
    let field =
        fields.get_mut(name).ok_or_else(|| invalid(format!("there is no {name:?}; there are {}", names.join(", "))))?;
    *field = read(field, text);
    *all = serde_json::from_value(fields).map_err(|cause| invalid(format!("{setting}: {cause}")))?;
    Ok(())
}

/// A pair is written with a colon, a list with commas, and nothing at all as `none`.
fn read(now: &Value, text: &str) -> Value {
    let scalar = |text: &str| text.parse().map_or_else(|_| Value::from(text), |number: Number| Value::Number(number));
    match now {
        Value::String(_) => Value::from(text),
        Value::Bool(_) => text.parse::<bool>().map_or_else(|_| Value::from(text), Value::from),
        Value::Array(pair) if pair.first().is_some_and(Value::is_number) => text.split(':').map(scalar).collect(),
        Value::Array(_) => text.split(',').filter(|item| !item.is_empty()).map(Value::from).collect(),
        _ if text == "none" => Value::Null,
        _ => scalar(text),
    }
}

#[cfg(test)]
mod tests {
    use crate::emulator::{Guesses, Limits};

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
        assert_eq!(limits.max_meta_bytes, (1, 2));
    }

    #[test]
    fn a_wrong_setting_is_told_and_changes_nothing() {
        let mut guesses = Guesses::default();
        let told = |setting: &str, guesses: &mut Guesses| guesses.set(setting).unwrap_err().to_string();
        assert!(told("gasp=true", &mut guesses).contains("gaps"));
        for setting in ["gaps", "gaps=yes", "gaps=1", "wrong_key=AccessDenied", "wrong_key=70000:X", "retry_after=soon"]
        {
            told(setting, &mut guesses);
        }
        assert_eq!(guesses, Guesses::default());
        assert!(Limits::default().set("max_parts=99999").is_err());
    }
}
