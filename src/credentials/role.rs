//! Temporary keys of the machine's role, from the metadata service.
//!
//! The service answers plain HTTP on a link-local address that only the machine itself reaches; so no proxy is
//! asked, no redirect followed, and time and size are bounded.

use std::{
    borrow::Cow,
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::{Client, StatusCode, redirect};
use rustls::{ClientConfig, RootCertStore, crypto::ring};
use serde::Deserialize;
use zeroize::Zeroizing;

use crate::{
    clock::Clock,
    error::{Error, ErrorKind, Result},
    signing::{CredentialFuture, CredentialProvider, Credentials},
};

/// Roles are below; a role's keys are below its name.
const PATH: &str = "/latest/meta-data/cam/security-credentials/";

/// Keys are renewed so long before they expire, as in the Go SDK.
const EARLY: Duration = Duration::from_mins(10);

/// After a renewal failed, the next one waits so long while the keys are still valid.
const PAUSE: Duration = Duration::from_mins(1);

/// The service is next door: what takes longer is not it.
const PATIENCE: Duration = Duration::from_secs(5);

/// An answer has about a kilobyte.
const LARGEST: usize = 64 << 10;

/// What is escaped in a role's name: all but the unreserved characters.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Keys of a role, renewed before they expire.
#[derive(Debug)]
pub(super) struct RoleProvider {
    roles: String,
    role: Option<String>,
    clock: Clock,
    client: Client,
    held: Mutex<Option<Held>>,
    /// Whoever holds it is renewing the keys.
    renewing: tokio::sync::Mutex<()>,
}

#[derive(Clone, Debug)]
struct Held {
    credentials: Credentials,
    expires: SystemTime,
    renew: SystemTime,
    /// The store takes them for expired already.
    refused: bool,
}

impl Held {
    /// Whether they will do without another question.
    fn fresh(&self, now: SystemTime) -> bool {
        !self.refused && now < self.renew
    }
}

impl RoleProvider {
    /// For the role of that name, or the one that the machine has; asks nothing yet.
    pub(super) fn new(service: &str, role: Option<String>, clock: Clock) -> Result<Self> {
        let defect = || Error::new(ErrorKind::Internal, "the client of the metadata service cannot be built");
        // Without roots: the service speaks plain HTTP, and nothing else is to be reached.
        let tls = ClientConfig::builder_with_provider(ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .map_err(|err| defect().caused_by(err))?
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .no_proxy()
            // It is asked from whichever runtime is at hand, once an hour or so.
            .pool_max_idle_per_host(0)
            .redirect(redirect::Policy::none())
            .timeout(PATIENCE)
            .build()
            .map_err(|err| defect().caused_by(err))?;
        Ok(Self {
            roles: format!("{service}{PATH}"),
            role,
            clock,
            client,
            held: Mutex::new(None),
            renewing: tokio::sync::Mutex::new(()),
        })
    }

    /// Keys that are valid; renewed by one caller at a time, while the others go on with the old ones if they can.
    async fn current(&self) -> Result<Credentials> {
        let now = self.clock.now();
        let (valid, renewing) = match self.held() {
            Some(held) if held.fresh(now) => return Ok(held.credentials),
            Some(held) if now < held.expires => match self.renewing.try_lock() {
                Ok(renewing) => (Some(held), renewing),
                // What the store refuses is given out again only if there is nothing else.
                Err(_) if held.refused => (Some(held), self.renewing.lock().await),
                Err(_) => return Ok(held.credentials),
            },
            _ => (None, self.renewing.lock().await),
        };
        // Another caller may have renewed them while this one waited.
        if let Some(held) = self.held().filter(|held| held.fresh(now)) {
            return Ok(held.credentials);
        }
        let renewed = match (self.fetch().await, valid) {
            // Where the service gives out the old keys until their end, it is not asked for every attempt.
            (Ok(renewed), _) => Held { renew: renewed.renew.max(now + PAUSE).min(renewed.expires), ..renewed },
            (Err(err), Some(valid)) => {
                tracing::warn!(error = %err, "the role's keys could not be renewed; the former ones are still valid");
                Held { renew: now + PAUSE, refused: false, ..valid }
            }
            (Err(err), None) => return Err(err),
        };
        let credentials = renewed.credentials.clone();
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = Some(renewed);
        drop(renewing);
        Ok(credentials)
    }

    fn held(&self) -> Option<Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn fetch(&self) -> Result<Held> {
        let role = match &self.role {
            Some(role) => role.clone(),
            None => self.first_role().await?,
        };
        let answer = self.get(&role).await?;
        parse(&answer, &role)
    }

    async fn first_role(&self) -> Result<String> {
        let answer = self.get("").await?;
        let role =
            str::from_utf8(&answer).ok().and_then(|roles| roles.lines().map(str::trim).find(|it| !it.is_empty()));
        role.map(str::to_owned).ok_or_else(|| failed("this machine has no role"))
    }

    async fn get(&self, role: &str) -> Result<Zeroizing<Vec<u8>>> {
        let unreachable = |err: reqwest::Error| passing("the metadata service does not answer").caused_by(err);
        let url = format!("{}{}", self.roles, utf8_percent_encode(role, ESCAPED));
        let mut response = self.client.get(url).send().await.map_err(unreachable)?;
        match response.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND if role.is_empty() => return Err(failed("this machine has no role")),
            StatusCode::NOT_FOUND => return Err(failed(format!("this machine has no role {role:?}"))),
            status => {
                let message = format!("the metadata service answered with status {}", status.as_u16());
                let overloaded = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
                return Err(if overloaded { passing(message) } else { failed(message) });
            }
        }
        // Room for all of it at once, so that no copy is left behind when it grows.
        let mut body = Zeroizing::new(Vec::with_capacity(LARGEST));
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > LARGEST {
                return Err(failed("the metadata service answered more than 64 KiB"));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }
}

impl CredentialProvider for RoleProvider {
    fn credentials(&self) -> CredentialFuture<'_> {
        Box::pin(self.current())
    }

    /// Another caller may have renewed the keys since these were given out.
    fn refused(&self, credentials: &Credentials) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(held) = held.as_mut().filter(|held| held.credentials.matches(credentials)) {
            held.refused = true;
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

fn parse(answer: &[u8], role: &str) -> Result<Held> {
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
    Ok(Held { credentials, expires, renew: expires.checked_sub(EARLY).unwrap_or(UNIX_EPOCH), refused: false })
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
