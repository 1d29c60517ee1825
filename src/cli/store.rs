//! From options to a client of one bucket.

use std::{path::PathBuf, sync::Arc};

use super::{args::StoreArgs, console::Console};
use crate::{
    credentials::{self, Environment},
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
    observer: Option<Arc<dyn RequestObserver>>,
) -> Result<StoreClient> {
    connected(url, args, observer, || credentials::discover(Environment::system()))
}

/// The same for showing requests only: where there are no credentials, made-up ones stand for them.
pub(super) fn rehearsing(url: &ObjectUrl, args: &StoreArgs, console: &Console) -> Result<StoreClient> {
    connected(url, args, None, || match credentials::discover(Environment::system()) {
        Err(error) if error.kind() == ErrorKind::Credentials => {
            let what = error.message().split(':').next().unwrap_or_default();
            console.warn(&format!("{what}; made-up ones stand for them here, but the upload itself needs them"));
            Ok(Arc::new(Credentials::new("SECRET-ID", "made-up-secret-key")?))
        }
        found => found,
    })
}

fn connected(
    url: &ObjectUrl,
    args: &StoreArgs,
    observer: Option<Arc<dyn RequestObserver>>,
    credentials: impl FnOnce() -> Result<Arc<dyn CredentialProvider>>,
) -> Result<StoreClient> {
    let endpoint = args.endpoint.as_deref().filter(|endpoint| !endpoint.is_empty());
    let places = Environment::system();
    let region = args.region.clone().filter(|region| !region.is_empty()).or_else(|| credentials::region_hint(&places));
    let region = region.map(|region| Region::new(&region)).transpose()?;
    let address = Address::new(url.dialect, &url.bucket, region.as_ref(), endpoint, args.addressing.into())?;
    let options = ClientOptions {
        ca_cert: args.ca_cert.as_ref().filter(|path| !path.is_empty()).map(PathBuf::from),
        connect_to: args.connect_to.clone(),
        allow_insecure_loopback: args.allow_insecure_loopback,
        observer,
        ..ClientOptions::default()
    };
    StoreClient::new(address, credentials()?, options)
}
