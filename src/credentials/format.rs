//! What the official tools write into their files. Text in, findings out; no I/O.
//!
//! A JSON or YAML parser may quote the file in its message, so only its line number is passed on.

use std::borrow::Cow;

use serde::Deserialize;

use super::coscli;
use crate::{error::Error, signing::Credentials};

/// How a file is written.
#[derive(Clone, Copy, Debug)]
pub(super) enum Format {
    /// `~/.cos.yaml` of coscli.
    CosCli,
    /// `~/.cos.conf` of coscmd: INI, section `common`.
    CosCmd,
    /// `~/.tccli/PROFILE.credential`: JSON.
    TcCli,
    /// `credentials` of the SDKs: INI, section `default`.
    Sdk,
}

/// What a file holds.
#[derive(Debug)]
pub(super) enum Found {
    /// No credentials, as in a file that sets other things only.
    Nothing,
    Keys(Credentials),
    /// The machine's role, by name or whichever it has.
    Role(Option<String>),
}

/// Why a file cannot be used; never with a value from it.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) line: Option<usize>,
    pub(super) reason: Cow<'static, str>,
    pub(super) hint: Option<Cow<'static, str>>,
}

impl Fault {
    pub(super) fn new(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { line: None, reason: reason.into(), hint: None }
    }

    pub(super) fn at(mut self, line: Option<usize>) -> Self {
        self.line = line.filter(|line| *line > 0);
        self
    }

    pub(super) fn with_hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self {
            line: None,
            reason: error.message().to_owned().into(),
            hint: error.hint().map(|it| it.to_owned().into()),
        }
    }
}

impl Format {
    /// Reads the text of a file.
    pub(super) fn parse(self, text: &str) -> Result<Found, Fault> {
        match self {
            Self::CosCli => coscli::parse(text),
            Self::CosCmd => coscmd(text),
            Self::TcCli => tccli(text),
            Self::Sdk => sdk(text),
        }
    }
}

/// The values of the fields that make up credentials; an empty one counts as absent, as in the tools' templates.
#[derive(Default)]
pub(super) struct Fields {
    pub(super) id: Option<String>,
    pub(super) key: Option<String>,
    pub(super) token: Option<String>,
}

impl Fields {
    /// The credentials, if both fields are given; `names` are the tool's own.
    pub(super) fn found(self, names: [&str; 2]) -> Result<Found, Fault> {
        let given = |value: Option<String>| value.filter(|value| !value.is_empty());
        let half = |set: &str, missing: &str| Err(Fault::new(format!("it has {set}, but no {missing}")));
        match (given(self.id), given(self.key)) {
            (None, None) => Ok(Found::Nothing),
            (Some(_), None) => half(names[0], names[1]),
            (None, Some(_)) => half(names[1], names[0]),
            (Some(id), Some(key)) => {
                let credentials = Credentials::new(id, key)?;
                Ok(Found::Keys(match given(self.token) {
                    Some(token) => credentials.with_token(token)?,
                    None => credentials,
                }))
            }
        }
    }
}

fn coscmd(text: &str) -> Result<Found, Fault> {
    let mut section = Section::of(text, "common")?;
    let id = section.take("secret_id").or_else(|| section.take("access_id"));
    Fields { id, key: section.take("secret_key"), token: section.take("token") }.found(["secret_id", "secret_key"])
}

fn sdk(text: &str) -> Result<Found, Fault> {
    let mut section = Section::of(text, "default")?;
    Fields { id: section.take("secret_id"), key: section.take("secret_key"), token: section.take("token") }
        .found(["secret_id", "secret_key"])
}

/// The region in coscmd's file.
pub(super) fn coscmd_region(text: &str) -> Option<String> {
    Section::of(text, "common").ok()?.take("region").filter(|region| !region.is_empty())
}

/// The options of one section of an INI file, as Python's `configparser` reads it, which the tools use.
///
/// By hand, because `rust-ini` joins a line without `=` to the next one instead of refusing it: a slip would hide a key.
struct Section(Vec<(String, String)>);

impl Section {
    fn of(text: &str, name: &str) -> Result<Self, Fault> {
        let mut options = Vec::new();
        let mut current = None;
        for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with(['#', ';']) {
                continue;
            }
            if let Some(section) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                current = Some(section);
            } else if let (Some(section), Some((key, value))) = (current, line.split_once(['=', ':'])) {
                if section == name {
                    options.push((key.trim().to_ascii_lowercase(), unquoted(value.trim()).to_owned()));
                }
            } else {
                return Err(Fault::new("it is neither a section nor an option").at(Some(index + 1)));
            }
        }
        Ok(Self(options))
    }

    /// An option, moved out; the last one counts if it comes twice.
    fn take(&mut self, name: &str) -> Option<String> {
        let at = self.0.iter().rposition(|(key, _)| key == name)?;
        Some(self.0.swap_remove(at).1)
    }
}

/// The manual's template has empty quotes to be filled, which are not part of the value.
fn unquoted(value: &str) -> &str {
    value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value)
}

fn tccli(text: &str) -> Result<Found, Fault> {
    #[derive(Deserialize)]
    struct Credential {
        #[serde(rename = "secretId")]
        id: Option<String>,
        #[serde(rename = "secretKey")]
        key: Option<String>,
        token: Option<String>,
        #[serde(rename = "type")]
        kind: Option<String>,
    }
    let it: Credential = serde_json::from_str(text).map_err(|err| {
        let reason = if err.is_data() { "a field is not of the type that tccli gives it" } else { "it is not JSON" };
        Fault::new(reason).at(Some(err.line()))
    })?;
    if it.kind.as_deref() == Some("cvm-role") {
        return Ok(Found::Role(None));
    }
    Fields { id: it.id, key: it.key, token: it.token }.found(["secretId", "secretKey"])
}

/// The region in tccli's `PROFILE.configure`.
pub(super) fn tccli_region(text: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Configure {
        #[serde(rename = "_sys_param")]
        system: Parameters,
    }
    #[derive(Deserialize)]
    struct Parameters {
        region: Option<String>,
    }
    serde_json::from_str::<Configure>(text).ok()?.system.region.filter(|region| !region.is_empty())
}
