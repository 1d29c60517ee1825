//! Connections, one pool for each runtime.
//!
//! The HTTP client drives a connection, bodies included, by a task on the runtime that has opened it. A connection
//! that went from one runtime to another would stand still whenever the first one is busy or blocked, and break when
//! that one ends; and a body that is read there would block it. So each runtime has a pool of its own.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use reqwest::Client;
use rustls::ClientConfig;
use tokio::runtime::{Handle, Id};

use crate::{
    error::{Error, ErrorKind, Result},
    transport::{attempt::CONNECT_TIMEOUT, dial::Route},
};

/// How long a connection may lie idle. Servers close idle ones at any time (RFC 9112, section 9.6), and a call that is on
/// its way just then is lost.
const IDLE: Duration = Duration::from_secs(20);

/// How many runtimes are remembered, those that were used last. Nothing tells when one ends.
const MOST: usize = 16;

/// The pools of a client. The settings of TLS, its authorities and its sessions are shared by all.
pub(super) struct Pools {
    tls: ClientConfig,
    route: Route,
    stall_timeout: Duration,
    made: Mutex<Vec<(Id, Client)>>,
}

impl Pools {
    /// Makes no pool yet, but tries whether one can be made.
    ///
    /// # Errors
    /// `Config` if not.
    pub(super) fn new(tls: ClientConfig, route: Route, stall_timeout: Duration) -> Result<Self> {
        let pools = Self { tls, route, stall_timeout, made: Mutex::default() };
        pools.make()?;
        Ok(pools)
    }

    /// The pool of the runtime that this is called on.
    ///
    /// # Errors
    /// `Config` without a runtime.
    pub(super) fn here(&self) -> Result<Client> {
        let runtime = Handle::try_current().map_err(|cause| {
            Error::new(ErrorKind::Config, "a call to the store needs a Tokio runtime").caused_by(cause)
        })?;
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let client = match made.iter().position(|(id, _)| *id == runtime.id()) {
            Some(at) => made.remove(at).1,
            None => self.make()?,
        };
        if made.len() == MOST {
            // Calls under way hold their pool themselves.
            made.remove(0);
        }
        made.push((runtime.id(), client.clone()));
        Ok(client)
    }

    fn make(&self) -> Result<Client> {
        let mut builder = Client::builder()
            .tls_backend_preconfigured(self.tls.clone())
            .http1_only()
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE)
            .dns_resolver(self.route.resolver())
            .user_agent(concat!("sealift/", env!("CARGO_PKG_VERSION")));
        #[cfg(any(target_os = "android", target_os = "fuchsia", target_os = "linux"))]
        {
            // The kernel sees what we cannot: whether what was sent is acknowledged.
            builder = builder.tcp_user_timeout(self.stall_timeout);
        }
        if !self.route.may_use_proxy() {
            builder = builder.no_proxy();
        }
        builder.build().map_err(|cause| {
            Error::new(ErrorKind::Config, "the HTTP client cannot be set up").caused_by(cause.without_url())
        })
    }
}

impl fmt::Debug for Pools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pools").field("route", &self.route).finish_non_exhaustive()
    }
}
