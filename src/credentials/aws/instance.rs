//! Keys of the machine's role, from the metadata service of Amazon EC2, in version 2 of its protocol.
//!
//! Version 1 is never spoken: whoever can make a process fetch an address could have the keys of it. Nothing names the
//! service, so on most machines nobody answers: the first question waits a second at most, as in botocore.
//!
//! Source: <https://docs.aws.amazon.com/sdkref/latest/guide/feature-imds-credentials.html>.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Client, RequestBuilder, StatusCode, Url, header::HeaderValue};

use super::{
    super::{
        Environment,
        metadata::{self, Unanswered},
        renewed::{Fresh, Source},
    },
    answer::{Answer, Needs},
    profile::Profile,
};
use crate::error::{Error, ErrorKind, Result};

const DISABLED: &str = "AWS_EC2_METADATA_DISABLED";
const ENDPOINT: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT";
const MODE: &str = "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE";

/// Roles are below; a role's keys are below its name.
const ROLES: &str = "latest/meta-data/iam/security-credentials/";

/// How long the token is good that the service gives for further questions; a new one is fetched for each renewal.
const TOKEN_SECONDS: &str = "300";

/// Until the token is there; whoever has given one is the service, and may take longer.
const FIRST_PATIENCE: Duration = Duration::from_secs(1);

/// What is escaped in a role's name: all but the unreserved characters.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The metadata service of the machine.
#[derive(Debug)]
pub(super) struct Instance {
    endpoint: String,
    client: Client,
    /// What to say where there is no service: all the places without credentials.
    nowhere: String,
    /// It has given keys before.
    known: AtomicBool,
}

impl Instance {
    /// The service as variables and profile describe it.
    ///
    /// # Errors
    /// `Credentials` if they rule it out, or name none that can be.
    pub(super) fn of(from: &Environment, profile: &Profile<'_>, nowhere: String) -> Result<Self> {
        if from.var(DISABLED).is_some_and(|disabled| disabled.eq_ignore_ascii_case("true")) {
            return Err(without(&nowhere, &format!("which {DISABLED} rules out")));
        }
        if !from.guessing {
            return Err(without(&nowhere, "which is not asked here"));
        }
        let setting = |variable: &str, name: &str| from.var(variable).or_else(|| profile.get(name).map(str::to_owned));
        let unusable = |what: &str| Error::new(ErrorKind::Credentials, what.to_owned());
        let endpoint = match setting(ENDPOINT, "ec2_metadata_service_endpoint") {
            Some(endpoint) => endpoint,
            None => match setting(MODE, "ec2_metadata_service_endpoint_mode") {
                Some(mode) if mode.eq_ignore_ascii_case("ipv6") => "http://[fd00:ec2::254]".to_owned(),
                Some(mode) if !mode.eq_ignore_ascii_case("ipv4") => {
                    return Err(unusable(&format!("{MODE} is neither IPv4 nor IPv6")));
                }
                _ => "http://169.254.169.254".to_owned(),
            },
        };
        if !Url::parse(&endpoint).is_ok_and(|url| url.scheme() == "http" && url.has_host()) {
            return Err(unusable(&format!("{ENDPOINT} is no address of HTTP")));
        }
        Ok(Self {
            endpoint: endpoint.trim_end_matches('/').to_owned(),
            client: metadata::plain_client(&[])?,
            nowhere,
            known: AtomicBool::new(false),
        })
    }

    /// The token with which further questions are asked.
    async fn token(&self) -> Result<HeaderValue> {
        let request = self
            .client
            .put(format!("{}/latest/api/token", self.endpoint))
            .header("x-aws-ec2-metadata-token-ttl-seconds", TOKEN_SECONDS)
            // Some servers ask for it with every PUT.
            .header("content-length", "0")
            .timeout(FIRST_PATIENCE);
        let answer = metadata::ask(request).await.map_err(|unanswered| match unanswered {
            Unanswered::Unreachable(err) if self.known.load(Ordering::Relaxed) => {
                failed(ErrorKind::Unavailable, "does not answer").caused_by(err)
            }
            Unanswered::Unreachable(err) => without(&self.nowhere, "which does not answer").caused_by(err),
            Unanswered::TooLong => without(&self.nowhere, "which answers nonsense"),
        })?;
        let status = answer.status.as_u16();
        if answer.is_passing() {
            return Err(failed(ErrorKind::Unavailable, &format!("answered with status {status}")));
        }
        let token = HeaderValue::from_bytes(answer.body.trim_ascii()).ok().filter(|token| !token.is_empty());
        match token {
            Some(mut token) if answer.status == StatusCode::OK => {
                token.set_sensitive(true);
                Ok(token)
            }
            _ => Err(without(&self.nowhere, &format!("which gives out no token (status {status})"))),
        }
    }

    fn get(&self, role: &str, token: &HeaderValue) -> RequestBuilder {
        let role = utf8_percent_encode(role, ESCAPED);
        self.client.get(format!("{}/{ROLES}{role}", self.endpoint)).header("x-aws-ec2-metadata-token", token)
    }

    async fn ask(&self, role: &str, token: &HeaderValue) -> Result<metadata::Answer> {
        let answer = metadata::ask(self.get(role, token)).await.map_err(|unanswered| match unanswered {
            Unanswered::Unreachable(err) => failed(ErrorKind::Unavailable, "does not answer").caused_by(err),
            Unanswered::TooLong => failed(ErrorKind::Credentials, "answered more than 64 KiB"),
        })?;
        let status = answer.status.as_u16();
        match answer.status {
            StatusCode::OK => Ok(answer),
            StatusCode::NOT_FOUND => Err(without(&self.nowhere, "which has no role to give")),
            _ if answer.is_passing() => Err(failed(ErrorKind::Unavailable, &format!("answered with status {status}"))),
            _ => Err(failed(ErrorKind::Credentials, &format!("answered with status {status}"))),
        }
    }
}

impl Source for Instance {
    async fn fetch(&self) -> Result<Fresh> {
        let token = self.token().await?;
        let roles = self.ask("", &token).await?;
        let role = str::from_utf8(&roles.body).ok().and_then(|it| it.lines().map(str::trim).find(|it| !it.is_empty()));
        let role = role.ok_or_else(|| without(&self.nowhere, "which has no role to give"))?;
        let answer = self.ask(role, &token).await?;
        let unusable = |what: &str| failed(ErrorKind::Credentials, what);
        let answer = Answer::parse(&answer.body).ok_or_else(|| unusable("answered something else than keys"))?;
        if let Some(code) = answer.refusal() {
            return Err(unusable(&format!("gives no keys for the role {role:?}: {code}")));
        }
        let fresh = answer.keys(Needs::Temporary).map_err(|why| unusable(&format!("answered unusable keys: {why}")))?;
        self.known.store(true, Ordering::Relaxed);
        Ok(fresh)
    }
}

fn failed(kind: ErrorKind, what: &str) -> Error {
    Error::new(kind, format!("the metadata service of the machine {what}"))
}

/// There are no credentials anywhere.
fn without(nowhere: &str, why: &str) -> Error {
    Error::new(ErrorKind::Credentials, format!("{nowhere}, {why}")).with_hint(
        "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_SESSION_TOKEN if the keys are temporary; or name a \
         profile with AWS_PROFILE",
    )
}
