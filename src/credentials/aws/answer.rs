//! The JSON in which commands and services give keys out. Text in, keys out; no I/O.
//!
//! The parser's messages could quote the text, so none of them is passed on.

use std::time::SystemTime;

use serde::Deserialize;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use super::super::renewed::Fresh;
use crate::signing::Credentials;

/// What a command or a service says; everything in it can be missing.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Answer {
    /// Only commands give it.
    pub(super) version: Option<u64>,
    /// Only services give it, and those of containers in lower case.
    #[serde(alias = "code")]
    code: Option<String>,
    access_key_id: Option<String>,
    secret_access_key: Option<String>,
    /// So services call it.
    token: Option<String>,
    /// So commands call it.
    session_token: Option<String>,
    expiration: Option<String>,
}

/// Which of the fields that not everybody gives must be there.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Needs {
    /// Keys that never expire are keys as well.
    Keys,
    /// Only temporary keys will do.
    Temporary,
}

impl Answer {
    /// `None` if it is not JSON, or not of this form.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        serde_json::from_slice(text).ok()
    }

    /// The word that a service has for its refusal; nothing that could be more than a word.
    pub(super) fn refusal(&self) -> Option<&str> {
        let word = |code: &&str| code.len() <= 64 && code.bytes().all(|byte| byte.is_ascii_alphanumeric());
        self.code
            .as_deref()
            .filter(|code| !code.is_empty() && *code != "Success")
            .map(|code| Some(code).filter(word).unwrap_or("a code that is no word"))
    }

    /// The keys; if there are none, the reason, which shows no value.
    pub(super) fn keys(self, needs: Needs) -> Result<Fresh, String> {
        let given = |value: Option<String>| value.filter(|value| !value.is_empty());
        let missing = |name: &str| format!("{name} is missing");
        let id = given(self.access_key_id).ok_or_else(|| missing("AccessKeyId"))?;
        let key = given(self.secret_access_key).ok_or_else(|| missing("SecretAccessKey"))?;
        let token = given(self.token).or(given(self.session_token));
        let expires = match given(self.expiration) {
            Some(text) => Some(instant(&text).ok_or("Expiration is no date of RFC 3339")?),
            None => None,
        };
        if needs == Needs::Temporary && token.is_none() {
            return Err(missing("Token"));
        }
        if needs == Needs::Temporary && expires.is_none() {
            return Err(missing("Expiration"));
        }
        let credentials = Credentials::new(id, key).and_then(|credentials| match token {
            Some(token) => credentials.with_token(token),
            None => Ok(credentials),
        });
        Ok(Fresh { credentials: credentials.map_err(|err| err.message().to_owned())?, expires })
    }
}

fn instant(text: &str) -> Option<SystemTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok().map(SystemTime::from)
}
