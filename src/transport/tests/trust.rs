//! Certificates: who is believed, and what is said to the user when nobody is.

use std::{
    io::Write as _,
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

use super::server::{Act, Server, client, customer, head, no_sse, part, part_taken};
use crate::{
    error::{Error, ErrorKind},
    transport::ClientOptions,
};

/// A server with a certificate of its own authority; it answers every request alike.
struct TlsServer {
    addr: SocketAddr,
    authority: tempfile::NamedTempFile,
    _tasks: JoinSet<()>,
}

impl TlsServer {
    async fn for_names(names: &[&str]) -> Self {
        Self::with(names, |_| {}).await
    }

    async fn with(names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        // A name of its own: by default all have the same, and a verifier would take one for the other.
        authority.distinguished_name.push(DnType::CommonName, format!("authority of {}", unique()));
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let mut params =
            CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &authority).unwrap();

        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(authority.pem().as_bytes()).unwrap();
        let key = rustls::pki_types::PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let mut buffer = vec![0; 64 << 10];
                let _ = stream.read(&mut buffer).await;
                let closing = part_taken().replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
                let _ = stream.write_all(closing.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        });
        Self { addr, authority: file, _tasks: tasks }
    }

    fn options(&self) -> ClientOptions {
        ClientOptions {
            ca_cert: Some(self.authority.path().to_owned()),
            connect_to: Some(self.addr.to_string().parse().unwrap()),
            ..ClientOptions::default()
        }
    }
}

fn unique() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

async fn refused(endpoint: &str, options: ClientOptions) -> Error {
    client(endpoint, options).unwrap().send(&part(1), &no_sse()).await.unwrap_err()
}

#[tokio::test]
async fn the_endpoints_name_is_verified_whatever_is_dialled() {
    let server = TlsServer::for_names(&["store.example"]).await;
    for endpoint in ["https://store.example:8443", "https://store.example"] {
        client(endpoint, server.options()).unwrap().send(&part(1), &no_sse()).await.unwrap();
    }
    let error = refused("https://other.example", server.options()).await;
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Config, Some(1)));
    assert!(error.message().contains("it is for another name"), "{error}");
    assert!(error.hint().unwrap().contains("--ca-cert"));
}

#[tokio::test]
async fn the_endpoints_ip_address_is_verified_whatever_is_dialled() {
    let server = TlsServer::for_names(&["10.1.2.3", "2001:db8::1"]).await;
    for endpoint in ["https://10.1.2.3:8443", "https://10.1.2.3", "https://[2001:db8::1]:8443"] {
        client(endpoint, server.options()).unwrap().send(&part(1), &no_sse()).await.unwrap();
    }
    let error = refused("https://10.1.2.4:8443", server.options()).await;
    assert!(error.message().contains("it is for another name"), "{error}");
    let stand_in = TlsServer::for_names(&["endpoint.invalid"]).await;
    let error = refused("https://10.1.2.3:8443", stand_in.options()).await;
    assert!(error.message().contains("it is for another name"), "{error}");
}

#[tokio::test]
async fn an_ip_address_that_is_dialled_itself_is_verified() {
    let server = TlsServer::for_names(&["127.0.0.1"]).await;
    let options = ClientOptions { connect_to: None, ..server.options() };
    client(&format!("https://{}", server.addr), options).unwrap().send(&part(1), &no_sse()).await.unwrap();
}

#[tokio::test]
async fn an_unknown_authority_is_not_trusted() {
    let server = TlsServer::for_names(&["store.example"]).await;
    let other = TlsServer::for_names(&["store.example"]).await;
    let options = ClientOptions { connect_to: server.options().connect_to, ..other.options() };
    let error = refused("https://store.example", options).await;
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Config, Some(1)));
    assert!(error.message().contains("an authority that is not trusted"), "{error}");
    assert!(error.hint().unwrap().contains("--ca-cert"));
}

#[tokio::test]
async fn an_expired_certificate_is_not_accepted() {
    let server = TlsServer::with(&["store.example"], |params| {
        params.not_before = rcgen::date_time_ymd(2001, 1, 1);
        params.not_after = rcgen::date_time_ymd(2002, 1, 1);
    })
    .await;
    let error = refused("https://store.example", server.options()).await;
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.message().contains("it has expired"), "{error}");
    assert!(error.hint().unwrap().contains("clock"));
}

#[tokio::test]
async fn a_customer_key_goes_over_tls_to_anyone_who_is_trusted() {
    let server = TlsServer::for_names(&["store.example"]).await;
    client("https://store.example", server.options()).unwrap().send(&part(1), &customer()).await.unwrap();
}

#[tokio::test]
async fn https_to_a_server_without_tls_says_so() {
    let text = "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let server = Server::follow([Act::Slam(text.to_owned())]).await;
    let error = refused(&format!("https://{}", server.addr), ClientOptions::default()).await;
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Protocol, Some(1)), "{error:?}");
    assert!(error.hint().unwrap().contains("http://"));
}

#[tokio::test]
async fn http_to_a_server_with_tls_is_an_error() {
    let server = TlsServer::for_names(&["127.0.0.1"]).await;
    let client = client(&format!("http://{}", server.addr), ClientOptions::default()).unwrap();
    let error = client.send(&head(), &no_sse()).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Protocol, Some(1)), "{error:?}");
}
