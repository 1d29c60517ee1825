//! Temporary keys of the machine's role, from the metadata service.

use std::{
    borrow::Cow,
    time::{Duration, UNIX_EPOCH},
};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Client, StatusCode};
use serde::Deserialize;
use zeroize::Zeroizing;

use super::super::{
    metadata::{self, Unanswered},
    renewed::{Fresh, Source},
};
use crate::{
    error::{Error, ErrorKind, Result},
    signing::Credentials,
};

/// Roles are below; a role's keys are below its name.
const PATH: &str = "/latest/meta-data/cam/security-credentials/";

/// What is escaped in a role's name: all but the unreserved characters.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The keys of a role.
#[derive(Debug)]
pub(super) struct Role {
    roles: String,
    name: Option<String>,
    client: Client,
}

impl Source for Role {
    async fn fetch(&self) -> Result<Fresh> {
        let role = match &self.name {
            Some(name) => name.clone(),
            None => self.first_role().await?,
        };
        let answer = self.get(&role).await?;
        parse(&answer, &role)
    }
}

impl Role {
    /// The role of that name, or the one that the machine has.
    pub(super) fn new(service: &str, name: Option<String>) -> Result<Self> {
        Ok(Self { roles: format!("{service}{PATH}"), name, client: metadata::plain_client(&[])? })
    }

    async fn first_role(&self) -> Result<String> {
        let answer = self.get("").await?;
        let role =
            str::from_utf8(&answer).ok().and_then(|roles| roles.lines().map(str::trim).find(|it| !it.is_empty()));
        role.map(str::to_owned).ok_or_else(|| failed("this machine has no role"))
    }

    async fn get(&self, role: &str) -> Result<Zeroizing<Vec<u8>>> {
        let url = format!("{}{}", self.roles, utf8_percent_encode(role, ESCAPED));
        let answer = metadata::ask(self.client.get(url)).await.map_err(|unanswered| match unanswered {
            Unanswered::Unreachable(err) => passing("the metadata service does not answer").caused_by(err),
            Unanswered::TooLong => failed("the metadata service answered more than 64 KiB"),
        })?;
        match answer.status {
            StatusCode::OK => Ok(answer.body),
            StatusCode::NOT_FOUND if role.is_empty() => Err(failed("this machine has no role")),
            StatusCode::NOT_FOUND => Err(failed(format!("this machine has no role {role:?}"))),
            status => {
                let message = format!("the metadata service answered with status {}", status.as_u16());
                Err(if answer.is_passing() { passing(message) } else { failed(message) })
            }
        }
    }
}

/// What the service gives out for a role.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    code: Option<String>,
    tmp_secret_id: Option<String>,
    tmp_secret_key: Option<String>,
    token: Option<String>,
    /// Unix seconds.
    expired_time: Option<u64>,
}

pub(super) fn parse(answer: &[u8], role: &str) -> Result<Fresh> {
    // The parser's message could quote the answer.
    let answer: Answer =
        serde_json::from_slice(answer).map_err(|_| failed("the metadata service answered something else than keys"))?;
    if answer.code.as_deref() != Some("Success") {
        return Err(failed(format!("the metadata service has no keys for the role {role:?}")));
    }
    let expires = answer.expired_time.and_then(|at| UNIX_EPOCH.checked_add(Duration::from_secs(at)));
    let (Some(id), Some(key), Some(token), Some(expires)) =
        (answer.tmp_secret_id, answer.tmp_secret_key, answer.token, expires)
    else {
        return Err(failed("the metadata service answered incomplete keys"));
    };
    let credentials = Credentials::new(id, key)
        .and_then(|credentials| credentials.with_token(token))
        .map_err(|err| failed(format!("the metadata service answered unusable keys: {err}")))?;
    Ok(Fresh { credentials, expires: Some(expires) })
}

/// The service has no keys to give.
fn failed(message: impl Into<Cow<'static, str>>) -> Error {
    without_keys(ErrorKind::Credentials, message.into())
}

/// The service may give keys at another try.
fn passing(message: impl Into<Cow<'static, str>>) -> Error {
    without_keys(ErrorKind::Unavailable, message.into())
}

fn without_keys(kind: ErrorKind, message: Cow<'static, str>) -> Error {
    Error::new(kind, message)
        .with_hint("a role works only on a machine in the cloud that has one; elsewhere give a key pair")
}
