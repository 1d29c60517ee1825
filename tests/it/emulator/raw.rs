//! A plain HTTP client with a signer of its own: nothing of sealift's client is in it.

use std::{fmt::Write as _, path::Path, sync::Arc, time::SystemTime};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, Method, StatusCode};
use md5::{Digest as _, Md5};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sealift::emulator::Emulator;
use sha1::Sha1;

use crate::support::Store;

const MODE: &str = "x-cos-server-side-encryption";
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const PATH: &AsciiSet = &VALUE.remove(b'/');

/// Headers of a request.
pub(super) type Headers = Vec<(String, String)>;

/// An answer, whole.
#[derive(Debug)]
pub(super) struct Said {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl Said {
    pub(super) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    #[track_caller]
    pub(super) fn header(&self, name: &str) -> &str {
        self.headers.get(name).unwrap_or_else(|| panic!("no {name} in {self:?}")).to_str().unwrap()
    }

    pub(super) fn etag(&self) -> &str {
        self.header("etag").trim_matches('"')
    }

    pub(super) fn crc64(&self) -> u64 {
        self.header("x-cos-hash-crc64ecma").parse().unwrap()
    }

    /// The text of the first element of this name.
    pub(super) fn element(&self, name: &str) -> Option<String> {
        element(&self.text(), name).map(str::to_owned)
    }

    fn has(&self, ending: &str) -> bool {
        self.headers.keys().any(|name| name.as_str().ends_with(ending))
    }

    #[track_caller]
    pub(super) fn ok(self) -> Self {
        assert!(self.status.is_success(), "{} {}", self.status, self.text());
        assert!(self.has("-request-id") && self.headers.contains_key("date"));
        self
    }

    #[track_caller]
    pub(super) fn refused(self, status: u16, code: &str) -> Self {
        assert_eq!((self.status.as_u16(), self.element("Code").as_deref()), (status, Some(code)), "{}", self.text());
        assert!(self.has("x-cos-trace-id") || self.has("x-amz-id-2"));
        self
    }
}

/// The text of the first element of this name.
pub(super) fn element<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("<{name}>"))?;
    Some(rest.split_once(&format!("</{name}>"))?.0)
}

/// Speaks to one store.
#[derive(Clone)]
pub(super) struct Raw {
    pub(super) http: reqwest::Client,
    pub(super) base: String,
    pub(super) host: String,
    pub(super) bucket: String,
    pub(super) id: String,
    pub(super) key: String,
    pub(super) token: Option<String>,
    /// What is added to the time of signing.
    pub(super) ahead: i64,
}

impl Raw {
    pub(super) fn new(store: &Store) -> Self {
        Self::of(&store.emulator)
    }

    pub(super) fn of(emulator: &Emulator) -> Self {
        let (id, key) = emulator.secret();
        Self {
            http: http_client(emulator.ca_cert()),
            base: emulator.endpoint(),
            host: emulator.addr().to_string(),
            bucket: emulator.bucket().to_owned(),
            id: id.to_owned(),
            key: key.to_owned(),
            token: emulator.token().map(ToOwned::to_owned),
            ahead: 0,
        }
    }

    /// Sends a signed request; `None` if the connection ended without an answer, or in the middle of one.
    pub(super) async fn try_send(
        &self,
        method: &str,
        key: &str,
        params: &[(&str, &str)],
        headers: &[(String, String)],
        body: &[u8],
    ) -> Option<Said> {
        let mut request = self.signed(method, key, params, headers);
        if matches!(method, "PUT" | "POST") || !body.is_empty() {
            // Told even if it is 0, which the HTTP library would leave out.
            request = request.header("Content-Length", body.len()).body(body.to_vec());
        }
        let answer = request.send().await.ok()?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        Some(Said { status, headers, body: answer.bytes().await.ok()?.to_vec() })
    }

    /// A signed request without its body.
    pub(super) fn signed(
        &self,
        method: &str,
        key: &str,
        params: &[(&str, &str)],
        headers: &[(String, String)],
    ) -> reqwest::RequestBuilder {
        let path = format!("/{}/{key}", self.bucket);
        let mut url = format!("{}{}", self.base, utf8_percent_encode(&path, PATH));
        for (at, (name, value)) in params.iter().enumerate() {
            let mark = if at == 0 { '?' } else { '&' };
            let (name, value) = (utf8_percent_encode(name, VALUE), utf8_percent_encode(value, VALUE));
            write!(url, "{mark}{name}={value}").unwrap();
        }
        let mut headers = headers.to_vec();
        headers.push(("Host".to_owned(), self.host.clone()));
        let authorization = self.authorize(method, &path, params, &headers);
        let mut request = self.http.request(Method::from_bytes(method.as_bytes()).unwrap(), &url);
        for (name, value) in &headers {
            request = request.header(name, value);
        }
        if let Some(token) = &self.token {
            request = request.header("x-cos-security-token", token);
        }
        request.header("Authorization", authorization)
    }

    pub(super) async fn send(
        &self,
        method: &str,
        key: &str,
        params: &[(&str, &str)],
        headers: &[(String, String)],
        body: &[u8],
    ) -> Said {
        self.try_send(method, key, params, headers, body).await.expect("the store answers")
    }

    pub(super) fn authorize(
        &self,
        method: &str,
        path: &str,
        params: &[(&str, &str)],
        headers: &[(String, String)],
    ) -> String {
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs().strict_add_signed(self.ahead);
        let time = format!("{};{}", now - 60, now + 600);
        let canonical = |pairs: Vec<(String, String)>| {
            let mut pairs: Vec<(String, String)> = pairs
                .iter()
                .map(|(name, value)| {
                    let name = utf8_percent_encode(name, VALUE).to_string().to_lowercase();
                    (name, utf8_percent_encode(value, VALUE).to_string())
                })
                .collect();
            pairs.sort();
            let names: Vec<&str> = pairs.iter().map(|(name, _)| name.as_str()).collect();
            let joined: Vec<String> = pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
            (names.join(";"), joined.join("&"))
        };
        let (param_list, params) =
            canonical(params.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect());
        let (header_list, headers) = canonical(headers.to_vec());
        let http_string = format!("{}\n{path}\n{params}\n{headers}\n", method.to_lowercase());
        let sign_key = hex(&hmac(self.key.as_bytes(), time.as_bytes()));
        let text = format!("sha1\n{time}\n{}\n", hex(&Sha1::digest(http_string)));
        let signature = hex(&hmac(sign_key.as_bytes(), text.as_bytes()));
        format!(
            "q-sign-algorithm=sha1&q-ak={}&q-sign-time={time}&q-key-time={time}&q-header-list={header_list}\
             &q-url-param-list={param_list}&q-signature={signature}",
            self.id
        )
    }

    pub(super) async fn put(&self, key: &str, headers: &[(String, String)], body: &[u8]) -> Said {
        self.send("PUT", key, &[], headers, body).await
    }

    pub(super) async fn get(&self, key: &str, headers: &[(String, String)]) -> Said {
        self.send("GET", key, &[], headers, &[]).await
    }

    pub(super) async fn head(&self, key: &str, headers: &[(String, String)]) -> Said {
        self.send("HEAD", key, &[], headers, &[]).await
    }

    /// Opens an upload and returns its id.
    pub(super) async fn initiate(&self, key: &str, headers: &[(String, String)]) -> String {
        self.send("POST", key, &[("uploads", "")], headers, &[]).await.ok().element("UploadId").unwrap()
    }

    pub(super) async fn part(
        &self,
        key: &str,
        id: &str,
        number: u32,
        headers: &[(String, String)],
        body: &[u8],
    ) -> Said {
        let number = number.to_string();
        self.send("PUT", key, &[("partNumber", &number), ("uploadId", id)], headers, body).await
    }

    pub(super) async fn complete(
        &self,
        key: &str,
        id: &str,
        parts: &[(u32, String)],
        headers: &[(String, String)],
    ) -> Said {
        self.send("POST", key, &[("uploadId", id)], headers, complete_body(parts).as_bytes()).await
    }

    pub(super) async fn abort(&self, key: &str, id: &str) -> Said {
        self.send("DELETE", key, &[("uploadId", id)], &[], &[]).await
    }

    pub(super) async fn list_parts(&self, key: &str, id: &str, more: &[(&str, &str)]) -> Said {
        self.send("GET", key, &[&[("uploadId", id)], more].concat(), &[], &[]).await
    }
}

pub(super) fn complete_body(parts: &[(u32, String)]) -> String {
    let mut body = "<CompleteMultipartUpload>".to_owned();
    for (number, etag) in parts {
        write!(body, "<Part><PartNumber>{number}</PartNumber><ETag>\"{etag}\"</ETag></Part>").unwrap();
    }
    body + "</CompleteMultipartUpload>"
}

/// A client that trusts this authority only.
pub(super) fn http_client(ca_cert: Option<&Path>) -> reqwest::Client {
    with_authority(reqwest::Client::builder(), ca_cert)
}

/// The same for a client in the making.
pub(super) fn with_authority(builder: reqwest::ClientBuilder, ca_cert: Option<&Path>) -> reqwest::Client {
    let builder = builder.no_proxy().redirect(reqwest::redirect::Policy::none());
    let mut roots = rustls::RootCertStore::empty();
    if let Some(path) = ca_cert {
        let pem = std::fs::read_to_string(path).unwrap();
        let base64: String = pem.lines().filter(|line| !line.starts_with('-')).collect();
        roots.add(STANDARD.decode(base64).unwrap().into()).unwrap();
    }
    let tls = rustls::ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    builder.tls_backend_preconfigured(tls).build().unwrap()
}

/// The three headers of a customer key.
pub(super) fn customer(key: &[u8; 32]) -> Headers {
    headers(&[
        ("x-cos-server-side-encryption-customer-algorithm", "AES256"),
        ("x-cos-server-side-encryption-customer-key", &STANDARD.encode(key)),
        ("x-cos-server-side-encryption-customer-key-MD5", &md5_base64(key)),
    ])
}

pub(super) fn managed() -> Headers {
    headers(&[(MODE, "AES256")])
}

pub(super) fn kms(key_id: &str) -> Headers {
    headers(&[(MODE, "cos/kms"), ("x-cos-server-side-encryption-cos-kms-key-id", key_id)])
}

pub(super) fn headers(pairs: &[(&str, &str)]) -> Headers {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

pub(super) fn md5_base64(bytes: &[u8]) -> String {
    STANDARD.encode(Md5::digest(bytes))
}

pub(super) fn md5_hex(bytes: &[u8]) -> String {
    hex(&Md5::digest(bytes))
}

pub(super) fn sha1_hex(bytes: &[u8]) -> String {
    hex(&Sha1::digest(bytes))
}

pub(super) fn crc64(bytes: &[u8]) -> u64 {
    crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Xz, bytes)
}

fn hmac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha1>::new_from_slice(key).unwrap();
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
