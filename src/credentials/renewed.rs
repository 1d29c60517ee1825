//! Temporary keys, kept and renewed before they expire.

use std::{
    fmt,
    future::Future,
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use crate::{
    clock::Clock,
    error::Result,
    signing::{CredentialFuture, CredentialProvider, Credentials},
};

/// Keys are renewed so long before they expire, as in Tencent's Go SDK and in botocore.
const EARLY: Duration = Duration::from_mins(10);

/// After a renewal failed, the next one waits so long while the keys are still valid.
const PAUSE: Duration = Duration::from_mins(1);

/// Whoever gives out temporary keys.
pub(super) trait Source: fmt::Debug + Send + Sync {
    /// New keys.
    ///
    /// # Errors
    /// As for [`CredentialProvider::credentials`].
    fn fetch(&self) -> impl Future<Output = Result<Fresh>> + Send;
}

/// Keys as their source gave them out.
#[derive(Debug)]
pub(super) struct Fresh {
    pub(super) credentials: Credentials,
    /// Without it they are good until the store refuses them.
    pub(super) expires: Option<SystemTime>,
}

/// The keys of a source, which is asked only when new ones are needed.
#[derive(Debug)]
pub(super) struct Renewed<S> {
    source: S,
    clock: Clock,
    held: Mutex<Option<Held>>,
    /// Whoever holds it is renewing the keys.
    renewing: tokio::sync::Mutex<()>,
}

#[derive(Clone, Debug)]
struct Held {
    credentials: Credentials,
    /// When they expire and when they are to be renewed, if they ever are.
    expires: Option<SystemTime>,
    renew: Option<SystemTime>,
    /// The store takes them for expired already.
    refused: bool,
}

impl Held {
    /// Where the source gives out the old keys until their end, it is not asked for every attempt.
    fn new(fresh: Fresh, now: SystemTime) -> Self {
        let renew =
            fresh.expires.map(|expires| expires.checked_sub(EARLY).unwrap_or(UNIX_EPOCH).max(now + PAUSE).min(expires));
        Self { credentials: fresh.credentials, expires: fresh.expires, renew, refused: false }
    }

    /// Whether they will do without another question.
    fn fresh(&self, now: SystemTime) -> bool {
        !self.refused && self.renew.is_none_or(|renew| now < renew)
    }

    fn valid(&self, now: SystemTime) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}

impl<S: Source> Renewed<S> {
    /// Asks nothing yet.
    pub(super) fn new(source: S, clock: Clock) -> Self {
        Self { source, clock, held: Mutex::new(None), renewing: tokio::sync::Mutex::new(()) }
    }

    /// Keys that are valid; renewed by one caller at a time, while the others go on with the old ones if they can.
    async fn current(&self) -> Result<Credentials> {
        let now = self.clock.now();
        let (valid, renewing) = match self.held() {
            Some(held) if held.fresh(now) => return Ok(held.credentials),
            Some(held) if held.valid(now) => match self.renewing.try_lock() {
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
        let renewed = match (self.source.fetch().await, valid) {
            (Ok(fresh), _) => Held::new(fresh, now),
            (Err(err), Some(valid)) => {
                tracing::warn!(error = %err, "the keys could not be renewed; the former ones are still valid");
                let renew = valid.expires.map_or(now + PAUSE, |expires| expires.min(now + PAUSE));
                Held { renew: Some(renew), refused: false, ..valid }
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
}

impl<S: Source> CredentialProvider for Renewed<S> {
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
