//! The store's own certificate authority and its server certificate.

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::{
    ServerConfig,
    crypto::ring::default_provider,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
};
use tokio_rustls::TlsAcceptor;

use super::{dialect::Spoken, store};

/// The authority's certificate, and what serves under it.
pub(super) struct Tls {
    pub(super) ca_cert: PathBuf,
    pub(super) acceptor: TlsAcceptor,
}

/// Takes the authority from `dir`, or makes it there once, and a fresh server certificate under it.
pub(super) fn set_up(dir: &Path, dialect: Spoken, region: &str, domains: &[(String, String)]) -> io::Result<Tls> {
    let ca_cert = dir.join("ca.pem");
    let ca_key = dir.join("ca.key");
    if !ca_key.exists() || !ca_cert.exists() {
        make_authority(&ca_cert, &ca_key)?;
    }
    let key = KeyPair::from_pem(&fs::read_to_string(&ca_key)?).map_err(io::Error::other)?;
    let issuer = Issuer::new(authority(), key);
    let ca_der = rustls::pki_types::CertificateDer::from(pem_body(&fs::read_to_string(&ca_cert)?)?);

    let mut names = ["localhost", "*.localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
    let services = dialect.services(region).into_iter().chain(dialect.other_services(region));
    names.extend(services.flat_map(|host| [format!("*.{host}"), host]));
    names.extend(dialect.listing_services().map(str::to_owned));
    names.extend(domains.iter().map(|(host, _)| host.clone()));
    let mut leaf = CertificateParams::new(names).map_err(io::Error::other)?;
    leaf.distinguished_name.push(DnType::CommonName, "sealift emulator");
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    leaf.use_authority_key_identifier_extension = true;
    let leaf_key = KeyPair::generate().map_err(io::Error::other)?;
    let leaf = leaf.signed_by(&leaf_key, &issuer).map_err(io::Error::other)?;

    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone(), ca_der],
            PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf_key.serialize_der())),
        )
        .map_err(io::Error::other)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Tls { ca_cert, acceptor: TlsAcceptor::from(Arc::new(config)) })
}

/// The same for every authority: issued certificates name it by its subject and key.
fn authority() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "sealift emulator authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::CrlSign];
    params
}

fn make_authority(cert_file: &Path, key_file: &Path) -> io::Result<()> {
    let key = KeyPair::generate().map_err(io::Error::other)?;
    let cert = authority().self_signed(&key).map_err(io::Error::other)?;
    // The certificate last: with it both are there, whenever the process dies.
    store::write_whole(key_file, key.serialize_pem().as_bytes(), 0o600)?;
    store::write_whole(cert_file, cert.pem().as_bytes(), 0o644)
}

/// The bytes within a PEM file of one block.
fn pem_body(text: &str) -> io::Result<Vec<u8>> {
    use base64::Engine as _;
    let base64: String = text.lines().filter(|line| !line.starts_with("-----")).map(str::trim).collect();
    base64::engine::general_purpose::STANDARD.decode(base64).map_err(io::Error::other)
}
