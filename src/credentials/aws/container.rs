//! Keys that a container is given by a service next to it: Amazon ECS, EKS Pod Identity, Greengrass.
//!
//! Source: <https://docs.aws.amazon.com/sdkref/latest/guide/feature-container-credentials.html>; the hosts, the order of
//! the variables and the bounds as in botocore's `ContainerProvider` and `ContainerMetadataFetcher`.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::{Path, PathBuf},
};

use reqwest::{
    Client, StatusCode, Url,
    header::{ACCEPT, AUTHORIZATION, HeaderValue},
};

use super::{
    super::{
        Environment, file,
        metadata::{self, Unanswered},
        renewed::{Fresh, Source},
    },
    answer::{Answer, Needs},
};
use crate::error::{Error, ErrorKind, Result};

pub(super) const RELATIVE: &str = "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI";
pub(super) const FULL: &str = "AWS_CONTAINER_CREDENTIALS_FULL_URI";
pub(super) const TOKEN: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN";
const TOKEN_FILE: &str = "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE";

/// Besides loopback, the hosts that may be asked over plain HTTP: ECS, and EKS over either protocol.
const HOSTS: [IpAddr; 3] = [
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 2)),
    IpAddr::V4(Ipv4Addr::new(169, 254, 170, 23)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x23)),
];

/// The service of the container.
pub(super) struct Container {
    url: Url,
    token: Option<Token>,
    client: Client,
}

/// What the container shows to its service.
enum Token {
    Value(HeaderValue),
    /// It is renewed there, and read for every question.
    File(PathBuf),
}

impl Container {
    /// The service that the variables name, if they name one.
    ///
    /// # Errors
    /// `Credentials` if they name one that must not be asked.
    pub(super) fn of(from: &Environment) -> Result<Option<Self>> {
        let (variable, url) = match (from.var(RELATIVE), from.var(FULL)) {
            // Else the host could be made another one.
            (Some(path), _) if !path.starts_with('/') => return Err(misnamed(RELATIVE, "does not begin with a slash")),
            (Some(path), _) => (RELATIVE, format!("{}{path}", from.containers)),
            (None, Some(url)) => (FULL, url),
            (None, None) => return Ok(None),
        };
        let url = Url::parse(&url).map_err(|_| misnamed(variable, "is no address"))?;
        let client = match url.scheme() {
            "https" => metadata::tls_client()?,
            "http" if variable == RELATIVE || may_be_asked(&url) => metadata::plain_client(&loopback())?,
            "http" => {
                return Err(misnamed(
                    FULL,
                    "names a host that must not be asked without TLS: only localhost, loopback addresses and those of \
                     ECS and EKS",
                ));
            }
            _ => return Err(misnamed(variable, "is no address of HTTP")),
        };
        let token = match (from.var(TOKEN_FILE), from.var(TOKEN)) {
            (Some(path), _) => Some(Token::File(PathBuf::from(path))),
            (None, Some(token)) => Some(Token::Value(header(&token).ok_or_else(|| misnamed(TOKEN, "is no token"))?)),
            (None, None) => None,
        };
        Ok(Some(Self { url, token, client }))
    }

    fn host(&self) -> &str {
        self.url.host_str().unwrap_or_default()
    }

    fn name(&self) -> String {
        format!("the container's service for credentials at {}", self.host())
    }

    fn authorization(&self) -> Result<Option<HeaderValue>> {
        match &self.token {
            None => Ok(None),
            Some(Token::Value(token)) => Ok(Some(token.clone())),
            Some(Token::File(path)) => {
                let absent = || misnamed(TOKEN_FILE, "names a file that is not there");
                let text = file::read(path)?.ok_or_else(absent)?;
                let token = header(text.trim_end_matches(['\r', '\n']));
                token.map(Some).ok_or_else(|| not_a_token(path))
            }
        }
    }
}

impl Source for Container {
    async fn fetch(&self) -> Result<Fresh> {
        let mut request = self.client.get(self.url.clone()).header(ACCEPT, "application/json");
        if let Some(token) = self.authorization()? {
            request = request.header(AUTHORIZATION, token);
        }
        let failed = |kind, what: &str| Error::new(kind, format!("{} {what}", self.name()));
        let answer = metadata::ask(request).await.map_err(|unanswered| match unanswered {
            // The path can be what opens the service.
            Unanswered::Unreachable(err) => {
                failed(ErrorKind::Unavailable, "does not answer").caused_by(err.without_url())
            }
            Unanswered::TooLong => failed(ErrorKind::Credentials, "answered more than 64 KiB"),
        })?;
        let parsed = Answer::parse(&answer.body);
        if answer.status != StatusCode::OK {
            let kind = if answer.is_passing() { ErrorKind::Unavailable } else { ErrorKind::Credentials };
            let reason = parsed.as_ref().and_then(Answer::refusal).map(|code| format!(" ({code})")).unwrap_or_default();
            return Err(failed(kind, &format!("answered with status {}{reason}", answer.status.as_u16())));
        }
        let parsed = parsed.ok_or_else(|| failed(ErrorKind::Credentials, "answered something else than keys"))?;
        if let Some(code) = parsed.refusal() {
            return Err(failed(ErrorKind::Credentials, &format!("gives no keys: {code}")));
        }
        parsed.keys(Needs::Temporary).map_err(|why| {
            failed(ErrorKind::Credentials, &format!("answered unusable keys: {why}")).with_hint(format!(
                "a container's service gives AccessKeyId, SecretAccessKey, Token and Expiration; check what {RELATIVE} \
                 or {FULL} names"
            ))
        })
    }
}

impl fmt::Debug for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Container").field("host", &self.host()).finish_non_exhaustive()
    }
}

/// `localhost` is what it should be, whatever a name server says.
fn loopback() -> [(&'static str, Vec<SocketAddr>); 1] {
    // The port is the address's own.
    [("localhost", vec![(Ipv4Addr::LOCALHOST, 0).into(), (Ipv6Addr::LOCALHOST, 0).into()])]
}

fn may_be_asked(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    match host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>() {
        Ok(address) => address.is_loopback() || HOSTS.contains(&address),
        Err(_) => host == "localhost",
    }
}

fn header(token: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(token).ok().filter(|value| !value.is_empty())?;
    value.set_sensitive(true);
    Some(value)
}

// The value is never quoted: it can be what opens the service.
fn misnamed(variable: &str, what: &str) -> Error {
    Error::new(ErrorKind::Credentials, format!("{variable} {what}"))
}

fn not_a_token(path: &Path) -> Error {
    Error::new(ErrorKind::Credentials, format!("{} holds no token of one line", path.display()))
}
