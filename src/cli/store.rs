//! From options to a client of one bucket.

use std::{path::PathBuf, sync::Arc};

use super::{
    args::{SseArgs, StoreArgs},
    console::Console,
};
use crate::{
    credentials::{Environment, aws, cos},
    dialect::Dialect,
    error::{ErrorKind, Result},
    ident::{ObjectUrl, Region},
    signing::{CredentialProvider, Credentials},
    transport::{ClientOptions, RequestObserver, StoreClient},
    wire::Address,
};

/// A client for the bucket of `url`, with the credentials that this machine has. Nothing is sent yet.
pub(super) fn client(
    url: &ObjectUrl,
    args: &StoreArgs,
    sse: &SseArgs,
    observer: Option<Arc<dyn RequestObserver>>,
) -> Result<StoreClient> {
    connected(url, args, observer, || discover(url.dialect, places(sse)))
}

/// The same for showing requests only: where there are no credentials, made-up ones stand for them.
pub(super) fn rehearsing(url: &ObjectUrl, args: &StoreArgs, sse: &SseArgs, console: &Console) -> Result<StoreClient> {
    connected(url, args, None, || match discover(url.dialect, places(sse).named_services_only()) {
        Err(error) if error.kind() == ErrorKind::Credentials => {
            let what = error.message().split(':').next().unwrap_or_default();
            console.warn(&format!("{what}; made-up ones stand for them here, but the upload itself needs them"));
            Ok(Arc::new(Credentials::new("SECRET-ID", "made-up-secret-key")?))
        }
        found => found,
    })
}

/// Where credentials may be. No command that gives them out gets to see a customer key.
fn places(sse: &SseArgs) -> Environment {
    match sse.variable() {
        Some(variable) => Environment::system().hide(variable),
        None => Environment::system(),
    }
}

/// The credentials for this kind of store.
fn discover(dialect: Dialect, places: Environment) -> Result<Arc<dyn CredentialProvider>> {
    match dialect {
        Dialect::Cos => cos::discover(places),
        Dialect::S3 => aws::discover(places),
    }
}

fn region_hint(dialect: Dialect) -> Option<String> {
    let places = Environment::system();
    match dialect {
        Dialect::Cos => cos::region_hint(&places),
        Dialect::S3 => aws::region_hint(&places),
    }
}

/// What the official tools would take, where nothing was given to us: endpoint and authorities.
fn endpoint_hint(dialect: Dialect) -> (Option<String>, Option<String>) {
    let places = Environment::system();
    match dialect {
        Dialect::Cos => (None, None),
        Dialect::S3 => (aws::endpoint_hint(&places), aws::authorities_hint(&places)),
    }
}

fn connected(
    url: &ObjectUrl,
    args: &StoreArgs,
    observer: Option<Arc<dyn RequestObserver>>,
    credentials: impl FnOnce() -> Result<Arc<dyn CredentialProvider>>,
) -> Result<StoreClient> {
    let (endpoint_hint, authorities) = endpoint_hint(url.dialect);
    let endpoint = args.endpoint.as_deref().filter(|endpoint| !endpoint.is_empty()).or(endpoint_hint.as_deref());
    let region = args.region.clone().filter(|region| !region.is_empty()).or_else(|| region_hint(url.dialect));
    let region = region.map(|region| Region::new(&region)).transpose()?;
    let address = Address::new(url.dialect, &url.bucket, region.as_ref(), endpoint, args.addressing.into())?;
    let options = ClientOptions {
        ca_cert: args
            .ca_cert
            .as_ref()
            .filter(|path| !path.is_empty())
            .map(PathBuf::from)
            .or(authorities.map(Into::into)),
        connect_to: args.connect_to.clone(),
        allow_insecure_loopback: args.allow_insecure_loopback,
        observer,
        ..ClientOptions::default()
    };
    StoreClient::new(address, credentials()?, options)
}
