//! A plain HTTP client with a signer of Signature Version 4 of its own: nothing of sealift's client is in it.

use std::{fmt::Write as _, time::SystemTime};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::Method;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use ring::{digest, hmac};
use sealift::emulator::{Emulator, EmulatorOptions};

use super::super::raw::{Headers, Said, headers, hex, http_client, md5_base64};
use crate::support::Store;

const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
const PATH: &AsciiSet = &VALUE.remove(b'/');
pub(super) const UNSIGNED: &str = "UNSIGNED-PAYLOAD";

/// A strict store that speaks S3, with parts from 1 KiB on, so that tests are cheap.
pub(super) async fn store() -> Store {
    store_with(|options| options).await
}

pub(super) async fn store_with(change: impl FnOnce(EmulatorOptions) -> EmulatorOptions) -> Store {
    let dir = tempfile::tempdir().unwrap();
    let options = EmulatorOptions::s3(dir.path()).strict(true).durable(false).min_part_size(1024);
    let emulator = Emulator::start(change(options)).await.unwrap();
    Store { emulator, dir }
}

/// Speaks to one store.
#[derive(Clone)]
pub(super) struct Raw {
    pub(super) http: reqwest::Client,
    pub(super) base: String,
    pub(super) host: String,
    /// `/BUCKET`, or nothing where the host names the bucket.
    pub(super) root: String,
    pub(super) region: String,
    pub(super) id: String,
    pub(super) key: String,
    pub(super) token: Option<String>,
    /// What is added to the time of signing.
    pub(super) ahead: i64,
}

/// What a request is signed with.
pub(super) struct Seal {
    pub(super) authorization: String,
    /// `20130524T000000Z`
    pub(super) time: String,
    pub(super) scope: String,
    pub(super) signature: String,
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
            root: format!("/{}", emulator.bucket()),
            region: emulator.region().to_owned(),
            id: id.to_owned(),
            key: key.to_owned(),
            token: emulator.token().map(ToOwned::to_owned),
            ahead: 0,
        }
    }

    pub(super) fn url(&self, key: &str, params: &[(&str, &str)]) -> String {
        let mut url = format!("{}{}", self.base, utf8_percent_encode(&format!("{}/{key}", self.root), PATH));
        for (at, (name, value)) in params.iter().enumerate() {
            let mark = if at == 0 { '?' } else { '&' };
            write!(url, "{mark}{}={}", utf8_percent_encode(name, VALUE), utf8_percent_encode(value, VALUE)).unwrap();
        }
        url
    }

    /// Sends a request that signs everything but its body.
    pub(super) async fn send(
        &self,
        method: &str,
        key: &str,
        params: &[(&str, &str)],
        headers: &[(String, String)],
        body: &[u8],
    ) -> Said {
        self.try_send(method, key, params, (headers, UNSIGNED), body).await.expect("the store answers")
    }

    /// The same with another value of `x-amz-content-sha256`; `None` if the connection ended without an answer, or in
    /// the middle of one.
    pub(super) async fn try_send(
        &self,
        method: &str,
        key: &str,
        params: &[(&str, &str)],
        (headers, payload): (&[(String, String)], &str),
        body: &[u8],
    ) -> Option<Said> {
        let (headers, _) = self.seal(method, key, params, headers, payload);
        let mut request = self.http.request(Method::from_bytes(method.as_bytes()).unwrap(), self.url(key, params));
        for (name, value) in &headers {
            request = request.header(name, value);
        }
        if matches!(method, "PUT" | "POST") {
            request = request.header("Content-Length", body.len()).body(body.to_vec());
        }
        let answer = request.send().await.ok()?;
        let (status, headers) = (answer.status(), answer.headers().clone());
        assert!(headers.contains_key("x-amz-request-id") && headers.contains_key("x-amz-id-2"), "{headers:?}");
        Some(Said { status, headers, body: answer.bytes().await.ok()?.to_vec() })
    }

    /// All headers of a request, and its seal.
    pub(super) fn seal(
        &self,
        method: &str,
        key: &str,
        params: &[(&str, &str)],
        given: &[(String, String)],
        payload: &str,
    ) -> (Headers, Seal) {
        let time = self.time();
        let mut all = given.to_vec();
        all.extend(headers(&[("host", &self.host), ("x-amz-date", &time), ("x-amz-content-sha256", payload)]));
        all.extend(self.token.clone().map(|token| ("x-amz-security-token".to_owned(), token)));
        let seal = self.authorize(method, key, params, &all, payload, &time);
        all.push(("authorization".to_owned(), seal.authorization.clone()));
        (all, seal)
    }

    pub(super) fn time(&self) -> String {
        let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs().strict_add_signed(self.ahead);
        let date = httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(now));
        let month = 1 + "JanFebMarAprMayJunJulAugSepOctNovDec".find(&date[8..11]).unwrap() / 3;
        format!("{}{month:02}{}T{}{}{}Z", &date[12..16], &date[5..7], &date[17..19], &date[20..22], &date[23..25])
    }

    pub(super) fn authorize(
        &self,
        method: &str,
        key: &str,
        params: &[(&str, &str)],
        headers: &[(String, String)],
        payload: &str,
        time: &str,
    ) -> Seal {
        let path = utf8_percent_encode(&format!("{}/{key}", self.root), PATH).to_string();
        let mut pairs: Vec<String> = params
            .iter()
            .map(|(name, value)| format!("{}={}", utf8_percent_encode(name, VALUE), utf8_percent_encode(value, VALUE)))
            .collect();
        pairs.sort();
        let mut lines: Vec<(String, &str)> =
            headers.iter().map(|(name, value)| (name.to_lowercase(), value.trim())).collect();
        lines.sort();
        let signed: Vec<&str> = lines.iter().map(|(name, _)| name.as_str()).collect();
        let signed = signed.join(";");
        let lines: String = lines.iter().fold(String::new(), |all, (name, value)| all + name + ":" + value + "\n");
        let canonical = format!("{method}\n{path}\n{}\n{lines}\n{signed}\n{payload}", pairs.join("&"));
        let scope = format!("{}/{}/s3/aws4_request", &time[..8], self.region);
        let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{}", sha256(canonical.as_bytes()));
        let signature = self.sign(&scope, &text);
        let authorization =
            format!("AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={signed}, Signature={signature}", self.id);
        Seal { authorization, time: time.to_owned(), scope, signature }
    }

    pub(super) fn sign(&self, scope: &str, text: &str) -> String {
        let hmac = |key: &[u8], text: &str| {
            hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
        };
        let first = format!("AWS4{}", self.key).into_bytes();
        let key = scope.split('/').fold(first, |key, step| hmac(&key, step));
        hex(&hmac(&key, text))
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

    /// Completes an upload of parts that are given as number, ETag and further elements.
    pub(super) async fn complete(
        &self,
        key: &str,
        id: &str,
        parts: &[(u32, String, String)],
        headers: &[(String, String)],
    ) -> Said {
        let mut body = "<CompleteMultipartUpload xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">".to_owned();
        for (number, etag, more) in parts {
            write!(body, "<Part><PartNumber>{number}</PartNumber><ETag>\"{etag}\"</ETag>{more}</Part>").unwrap();
        }
        body += "</CompleteMultipartUpload>";
        self.send("POST", key, &[("uploadId", id)], headers, body.as_bytes()).await
    }

    pub(super) async fn list_parts(&self, key: &str, id: &str, headers: &[(String, String)]) -> Said {
        self.send("GET", key, &[("uploadId", id)], headers, &[]).await
    }
}

/// A part as Complete names it, with nothing but its tag.
pub(super) fn named(number: u32, part: &Said) -> (u32, String, String) {
    (number, part.etag().to_owned(), String::new())
}

/// The three headers of a customer key.
pub(super) fn customer(key: &[u8; 32]) -> Headers {
    headers(&[
        ("x-amz-server-side-encryption-customer-algorithm", "AES256"),
        ("x-amz-server-side-encryption-customer-key", &STANDARD.encode(key)),
        ("x-amz-server-side-encryption-customer-key-MD5", &md5_base64(key)),
    ])
}

pub(super) fn managed() -> Headers {
    headers(&[("x-amz-server-side-encryption", "AES256")])
}

pub(super) fn kms(key_id: &str) -> Headers {
    headers(&[("x-amz-server-side-encryption", "aws:kms"), ("x-amz-server-side-encryption-aws-kms-key-id", key_id)])
}

pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, bytes).as_ref())
}
