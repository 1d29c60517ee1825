//! Questions to services next door that give out keys: of the machine, of the container.
//!
//! They are reached over plain HTTP on addresses that only the machine itself reaches; so no proxy is asked, no
//! redirect followed, and time and size are bounded.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use reqwest::{Client, RequestBuilder, StatusCode, redirect};
use rustls::{ClientConfig, RootCertStore, client::danger::ServerCertVerifier, crypto::ring};
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result};

/// The services are next door: what takes longer is not one of them.
const PATIENCE: Duration = Duration::from_secs(5);

/// An answer has about a kilobyte.
const LARGEST: usize = 64 << 10;

/// A status and what came with it, which may be keys.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) body: Zeroizing<Vec<u8>>,
}

impl Answer {
    /// Whether another try may succeed.
    pub(super) fn is_passing(&self) -> bool {
        self.status.is_server_error() || self.status == StatusCode::TOO_MANY_REQUESTS
    }
}

/// Why there is no answer.
pub(super) enum Unanswered {
    /// It did not come, or not to its end.
    Unreachable(reqwest::Error),
    /// It has more than 64 KiB.
    TooLong,
}

/// A client that speaks plain HTTP only: without roots, nothing else can be reached.
///
/// Names that have addresses here are not looked up.
pub(super) fn plain_client(names: &[Name]) -> Result<Client> {
    client(names, |tls| Ok(tls.with_root_certificates(RootCertStore::empty()).with_no_client_auth()))
}

/// A client that trusts the system's authorities.
///
/// # Errors
/// `Credentials` if the system names no authority.
pub(super) fn tls_client() -> Result<Client> {
    let verifier = rustls_platform_verifier::Verifier::new(Arc::new(ring::default_provider())).map_err(|cause| {
        Error::new(ErrorKind::Credentials, "the system's certificate authorities cannot be read")
            .with_hint("install the system's CA certificates")
            .caused_by(cause)
    })?;
    let verifier: Arc<dyn ServerCertVerifier> = Arc::new(verifier);
    client(&[], |tls| Ok(tls.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth()))
}

/// A name and where it is.
type Name = (&'static str, Vec<SocketAddr>);

type TlsBuilder = rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier>;

fn client(names: &[Name], tls: impl FnOnce(TlsBuilder) -> Result<ClientConfig>) -> Result<Client> {
    let defect = || Error::new(ErrorKind::Internal, "the client of the metadata service cannot be built");
    let builder = ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .map_err(|err| defect().caused_by(err))?;
    let addressed = names.iter().fold(Client::builder(), |builder, (name, at)| builder.resolve_to_addrs(name, at));
    addressed
        .tls_backend_preconfigured(tls(builder)?)
        .no_proxy()
        // It is asked from whichever runtime is at hand, once an hour or so.
        .pool_max_idle_per_host(0)
        .redirect(redirect::Policy::none())
        .timeout(PATIENCE)
        .build()
        .map_err(|err| defect().caused_by(err))
}

/// Asks once, and reads the answer whatever its status.
pub(super) async fn ask(request: RequestBuilder) -> Result<Answer, Unanswered> {
    let mut response = request.send().await.map_err(Unanswered::Unreachable)?;
    // Room for all of it at once, so that no copy is left behind when it grows.
    let mut body = Zeroizing::new(Vec::with_capacity(LARGEST));
    while let Some(chunk) = response.chunk().await.map_err(Unanswered::Unreachable)? {
        if body.len() + chunk.len() > LARGEST {
            return Err(Unanswered::TooLong);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status: response.status(), body })
}
