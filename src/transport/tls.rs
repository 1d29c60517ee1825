//! Whom to trust: the system's authorities, or those of one file instead.

use std::{net::IpAddr, path::Path, sync::Arc};

use rustls::{
    ClientConfig, ConfigBuilder, DigitallySignedStruct, RootCertStore, SignatureScheme, WantsVerifier,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject as _},
};

use crate::{
    error::{Error, ErrorKind, Result},
    small_file,
};

/// The TLS settings of a client.
///
/// `verify_as` is the endpoint's IP address where requests name a stand-in for it.
///
/// # Errors
/// `Config` if the file cannot be used, or the system names no authority.
pub(super) fn config(ca_cert: Option<&Path>, verify_as: Option<IpAddr>) -> Result<ClientConfig> {
    // ring takes a fifth less of the processor than aws-lc-rs on machines without AVX-512.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier: Arc<dyn ServerCertVerifier> = match ca_cert {
        Some(file) => file_verifier(file, &provider)?,
        None => Arc::new(rustls_platform_verifier::Verifier::new(Arc::clone(&provider)).map_err(|cause| {
            Error::new(ErrorKind::Config, "the system's certificate authorities cannot be read")
                .with_hint("install the system's CA certificates, or name a PEM file with --ca-cert")
                .caused_by(cause)
        })?),
    };
    let verifier: Arc<dyn ServerCertVerifier> = match verify_as {
        Some(ip) => Arc::new(VerifyAs { name: ServerName::IpAddress(ip.into()), inner: verifier }),
        None => verifier,
    };
    let mut config = builder(provider)?.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    // An IP address is never named in the handshake, and a stand-in must not be.
    config.enable_sni = verify_as.is_none();
    Ok(config)
}

/// The settings of a client that has no use for TLS, on a machine without authorities.
pub(super) fn trusting_nobody() -> Result<ClientConfig> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(builder(provider)?.with_root_certificates(RootCertStore::empty()).with_no_client_auth())
}

fn builder(provider: Arc<CryptoProvider>) -> Result<ConfigBuilder<ClientConfig, WantsVerifier>> {
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|cause| Error::new(ErrorKind::Internal, "the TLS versions do not fit the provider").caused_by(cause))
}

fn file_verifier(file: &Path, provider: &Arc<CryptoProvider>) -> Result<Arc<WebPkiServerVerifier>> {
    let unusable = |reason: &str| {
        Error::new(ErrorKind::Config, format!("the CA certificate file {} cannot be used: {reason}", file.display()))
            .with_hint("--ca-cert takes a PEM file with the certificates of the authorities to trust")
    };
    let mut roots = RootCertStore::empty();
    let text = small_file::read(file).map_err(|cause| unusable("it cannot be read").caused_by(cause))?;
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|cause| unusable("it is not PEM").caused_by(cause))?;
        roots.add(certificate).map_err(|cause| unusable("it holds no sound certificate").caused_by(cause))?;
    }
    if roots.is_empty() {
        return Err(unusable("there is no certificate in it"));
    }
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
        .build()
        .map_err(|cause| unusable("it holds no sound certificate").caused_by(cause))
}

/// Verifies the endpoint's IP address, whatever name the request's URL had to use.
#[derive(Debug)]
struct VerifyAs {
    name: ServerName<'static>,
    inner: Arc<dyn ServerCertVerifier>,
}

impl ServerCertVerifier for VerifyAs {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _stand_in: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.inner.verify_server_cert(end_entity, intermediates, &self.name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[track_caller]
    fn refused(content: &[u8], reason: &str) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content).unwrap();
        let error = config(Some(file.path()), None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().contains(&file.path().display().to_string()), "{error}");
        assert!(error.message().contains(reason), "{error}");
    }

    #[test]
    fn a_ca_file_that_cannot_be_used_is_named_with_the_reason() {
        refused(b"", "there is no certificate in it");
        refused(b"just some text\n", "there is no certificate in it");
        refused(b"-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n", "it is not PEM");
        refused(b"-----BEGIN CERTIFICATE-----\nTWFu\n", "it is not PEM");
        refused(b"-----BEGIN CERTIFICATE-----\nTWFu\n-----END CERTIFICATE-----\n", "it holds no sound certificate");
        let error = config(Some(Path::new("/nonexistent/ca.pem")), None).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().contains("/nonexistent/ca.pem cannot be used: it cannot be read"), "{error}");
        let error = config(Some(Path::new("/dev/zero")), None).unwrap_err();
        assert!(error.message().contains("/dev/zero cannot be used: it cannot be read"), "{error}");
    }
}
