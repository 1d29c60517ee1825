//! The store's side: takes every byte, keeps none, and answers as COS does, checksums and encryption echo included.
//!
//! It checks neither signatures nor rules: that is the emulator's work, and this is not a test.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    fs,
    io::{Read as _, Write as _},
    net::Ipv4Addr,
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use crc_fast::{CrcAlgorithm, Digest};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::TokioIo;
use rustls::pki_types::PrivateKeyDer;
use serde::{Deserialize, Serialize};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpListener,
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

use crate::Outcome;

const CRC: CrcAlgorithm = CrcAlgorithm::Crc64Xz;
const CRC_HEADER: HeaderName = HeaderName::from_static("x-cos-hash-crc64ecma");

/// What a sink writes once it listens: one line of JSON.
#[derive(Debug, Deserialize, Serialize)]
pub(crate) struct Ready {
    pub(crate) endpoint: String,
    pub(crate) ca_cert: Option<PathBuf>,
}

/// What the sink remembers: one object at a time.
#[derive(Debug, Default)]
struct Object {
    /// Encryption echo and user metadata, as the first call asked for them.
    properties: HeaderMap,
    /// Checksum and length of each part.
    parts: BTreeMap<u16, (u64, u64)>,
}

impl Object {
    fn len(&self) -> u64 {
        self.parts.values().map(|(_, len)| len).sum()
    }

    fn crc(&self) -> u64 {
        self.parts
            .values()
            .copied()
            .reduce(|(left, before), (right, len)| (crc_fast::checksum_combine(CRC, left, right, len), before + len))
            .map_or(0, |(crc, _)| crc)
    }
}

/// Serves until standard input ends.
pub(crate) fn serve(tls: bool) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let folder = tempfile::tempdir()?;
    let acceptor = if tls { Some(acceptor(&folder.path().join("ca.pem"))?) } else { None };
    let listener = runtime.block_on(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)))?;
    let ready = Ready {
        endpoint: format!("{}://127.0.0.1:{}", if tls { "https" } else { "http" }, listener.local_addr()?.port()),
        ca_cert: tls.then(|| folder.path().join("ca.pem")),
    };
    let mut output = std::io::stdout();
    writeln!(output, "{}", serde_json::to_string(&ready)?)?;
    output.flush()?;

    let accepting = runtime.spawn(accept(listener, acceptor));
    let mut rest = Vec::new();
    std::io::stdin().read_to_end(&mut rest)?;
    accepting.abort();
    Ok(())
}

async fn accept(listener: TcpListener, acceptor: Option<TlsAcceptor>) {
    let object = Arc::new(Mutex::new(Object::default()));
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        // As real servers do: an answer must not wait for the acknowledgement of the one before.
        let _ = stream.set_nodelay(true);
        let (object, acceptor) = (Arc::clone(&object), acceptor.clone());
        connections.spawn(async move {
            match acceptor {
                None => speak(stream, object).await,
                Some(acceptor) => match acceptor.accept(stream).await {
                    Ok(stream) => speak(stream, object).await,
                    Err(error) => eprintln!("sink: no TLS: {error}"),
                },
            }
        });
        while connections.try_join_next().is_some() {}
    }
}

async fn speak(stream: impl AsyncRead + AsyncWrite + Unpin, object: Arc<Mutex<Object>>) {
    let service = service_fn(|request| {
        let object = Arc::clone(&object);
        async move {
            let answer = match answer(request, &object).await {
                Ok(answer) => answer,
                Err(error) => {
                    eprintln!("sink: {error}");
                    let mut answer = Response::new(Full::default());
                    *answer.status_mut() = StatusCode::BAD_REQUEST;
                    answer
                }
            };
            Ok::<_, Infallible>(answer)
        }
    });
    if let Err(error) = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await {
        // A client that leaves between requests is no error to hyper; this one left within.
        eprintln!("sink: {error}");
    }
}

async fn answer(request: Request<Incoming>, object: &Mutex<Object>) -> Outcome<Response<Full<Bytes>>> {
    let (head, mut body) = request.into_parts();
    let query = head.uri.query().unwrap_or_default();
    let part = query.split('&').find_map(|it| it.strip_prefix("partNumber="));
    let mut digest = Digest::new(CRC);
    let mut len = 0;
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame?.into_data() {
            digest.update(&data);
            len += data.len() as u64;
        }
    }

    let mut object = object.lock().unwrap_or_else(PoisonError::into_inner);
    let mut answer = Response::new(Full::default());
    let mut crc = None;
    if head.method == Method::POST && query.starts_with("uploads") {
        *object = Object { properties: properties(&head.headers), parts: BTreeMap::new() };
        *answer.body_mut() =
            xml("<InitiateMultipartUploadResult><Bucket>examplebucket-1250000000</Bucket><Key>bench</Key>\
             <UploadId>1700000000bench</UploadId></InitiateMultipartUploadResult>");
    } else if head.method == Method::POST {
        crc = Some(object.crc());
        *answer.body_mut() = xml("<CompleteMultipartUploadResult><Location>http://bench/bench</Location>\
             <Bucket>examplebucket-1250000000</Bucket><Key>bench</Key><ETag>\"bench-1\"</ETag>\
             </CompleteMultipartUploadResult>");
    } else if head.method == Method::PUT {
        if part.is_none() {
            *object = Object { properties: properties(&head.headers), parts: BTreeMap::new() };
        }
        object.parts.insert(part.unwrap_or("1").parse()?, (digest.finalize(), len));
        crc = Some(digest.finalize());
    } else if head.method == Method::HEAD {
        crc = Some(object.crc());
        answer.headers_mut().insert(header::CONTENT_LENGTH, object.len().into());
    } else {
        return Err(format!("{} {} is not expected", head.method, head.uri).into());
    }

    let headers = answer.headers_mut();
    headers.extend(object.properties.clone());
    headers.insert(header::ETAG, HeaderValue::from_static("\"bench-1\""));
    headers.insert("x-cos-request-id", HeaderValue::from_static("bench"));
    if let Some(crc) = crc {
        headers.insert(CRC_HEADER, crc.into());
    }
    Ok(answer)
}

fn xml(text: &'static str) -> Full<Bytes> {
    Full::new(Bytes::from_static(text.as_bytes()))
}

/// What later answers repeat of a first call: metadata and encryption, but neither key nor context.
fn properties(asked: &HeaderMap) -> HeaderMap {
    asked
        .iter()
        .filter(|(name, _)| {
            let name = name.as_str();
            name.starts_with("x-cos-meta-")
                || name.starts_with("x-cos-server-side-encryption")
                    && !name.ends_with("-customer-key")
                    && !name.ends_with("-context")
        })
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

/// An authority for one certificate, whose own goes to `ca_cert`.
fn acceptor(ca_cert: &std::path::Path) -> Outcome<TlsAcceptor> {
    let mut authority = rcgen::CertificateParams::new(Vec::new())?;
    authority.distinguished_name.push(rcgen::DnType::CommonName, "sink authority");
    authority.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let issuer = rcgen::CertifiedIssuer::self_signed(authority, rcgen::KeyPair::generate()?)?;
    fs::write(ca_cert, issuer.pem())?;
    let key = rcgen::KeyPair::generate()?;
    let leaf = rcgen::CertificateParams::new(vec!["localhost".to_owned(), "127.0.0.1".to_owned()])?
        .signed_by(&key, &issuer)?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![leaf.der().clone()], PrivateKeyDer::Pkcs8(key.serialize_der().into()))?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
