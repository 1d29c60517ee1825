//! What the official tools write into their files. Text in, findings out; no I/O.
//!
//! A JSON or YAML parser may quote the file in its message, so only its line number is passed on.

use serde::Deserialize;

use super::{
    super::{fault::Fault, ini},
    coscli,
};
use crate::signing::Credentials;

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
    let section = Options::of(text, "common")?;
    let id = section.get("secret_id").or_else(|| section.get("access_id"));
    Fields { id, key: section.get("secret_key"), token: section.get("token") }.found(["secret_id", "secret_key"])
}

fn sdk(text: &str) -> Result<Found, Fault> {
    let section = Options::of(text, "default")?;
    Fields { id: section.get("secret_id"), key: section.get("secret_key"), token: section.get("token") }
        .found(["secret_id", "secret_key"])
}

/// The region in coscmd's file.
pub(super) fn coscmd_region(text: &str) -> Option<String> {
    Options::of(text, "common").ok()?.get("region").filter(|region| !region.is_empty())
}

/// The options of one section of an INI file.
struct Options<'a>(Vec<ini::Section<'a>>, &'static str);

impl<'a> Options<'a> {
    fn of(text: &'a str, section: &'static str) -> Result<Self, Fault> {
        Ok(Self(ini::parse(text)?, section))
    }

    fn get(&self, name: &str) -> Option<String> {
        ini::find(&self.0, self.1, name).map(|value| unquoted(value).to_owned())
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
