//! What the store says: an answer, or a refusal with its code (/document/product/436/7730).

use std::{borrow::Cow, io};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use rustix::io::Errno;

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::{checksum::Checksum, dialect::Spoken, guesses::Guesses, xml};

/// The body of an answer on its way.
pub(super) type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Why a request is not carried out.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) code: Cow<'static, str>,
    pub(super) message: Cow<'static, str>,
}

impl Refusal {
    pub(super) fn new(status: u16, code: impl Into<Cow<'static, str>>, message: impl Into<Cow<'static, str>>) -> Self {
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self { status, code: code.into(), message: message.into() }
    }

    /// With status and code as they were guessed.
    pub(super) fn guessed(guess: &(u16, String), message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(guess.0, guess.1.clone(), message)
    }

    /// `400 InvalidArgument`.
    pub(super) fn argument(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(400, "InvalidArgument", message)
    }
}

impl From<io::Error> for Refusal {
    fn from(cause: io::Error) -> Self {
        let full = [io::ErrorKind::StorageFull, io::ErrorKind::QuotaExceeded, io::ErrorKind::FileTooLarge];
        if full.contains(&cause.kind()) {
            // No code of the manuals fits, as the real service is never full; the status is WebDAV's (RFC 4918, 11.5).
            return Self::new(507, "InsufficientStorage", format!("the store is full: {cause}"));
        }
        if let Some(Errno::MFILE | Errno::NFILE) = Errno::from_io_error(&cause) {
            // Over when other requests are: so it is what the service says when it has too much to do.
            return Self::new(503, "SlowDown", format!("the store has too many files open: {cause}"));
        }
        Self::new(500, "InternalError", format!("the store failed: {cause}"))
    }
}

/// What goes back, before faults have their say.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// The checksum of the part or object.
    pub(super) told: Option<Told>,
    /// What confirms the encryption, in headers.
    pub(super) echo: Vec<(&'static str, String)>,
    pub(super) content: Content,
}

/// A checksum as an answer tells it, so that a fault can find it.
#[derive(Clone, Debug)]
pub(super) struct Told {
    pub(super) header: Option<&'static str>,
    /// The element of the answer's document.
    pub(super) element: Option<&'static str>,
    pub(super) value: String,
    /// The value of `x-amz-checksum-type`.
    pub(super) kind: Option<&'static str>,
}

impl Told {
    fn crc64(value: u64) -> Self {
        Self { header: Some("x-cos-hash-crc64ecma"), element: None, value: value.to_string(), kind: None }
    }

    fn in_header(checksum: &Checksum) -> Self {
        let header = Some(checksum.algorithm.header());
        Self { header, element: None, value: checksum.value.clone(), kind: Some(checksum.kind.name()) }
    }

    /// A checksum that the answer's document holds already.
    fn in_document(checksum: &Checksum) -> Self {
        Self { header: None, element: Some(checksum.algorithm.element()), value: checksum.value.clone(), kind: None }
    }

    /// The value of something else.
    pub(super) fn wrong(&self) -> String {
        if let Ok(crc64) = self.value.parse::<u64>() {
            return (crc64 ^ 1).to_string();
        }
        let (base64, count) = self.value.split_once('-').unwrap_or((&self.value, ""));
        let mut bytes = STANDARD.decode(base64).unwrap_or_default();
        bytes.iter_mut().take(1).for_each(|byte| *byte ^= 1);
        let count = if count.is_empty() { String::new() } else { format!("-{count}") };
        STANDARD.encode(bytes) + &count
    }
}

/// The body of an answer.
#[derive(Debug)]
pub(super) enum Content {
    /// None, and `Content-Length: 0` where the status allows a body.
    Empty,
    /// None, but the headers of a body so long (HEAD).
    Absent {
        length: u64,
    },
    Xml(String),
    /// Sent in chunks, with white space before the document, as Complete's answer is (/document/product/436/7742); and
    /// with what comes before the white space.
    SlowXml(&'static str, String),
    Stream {
        length: u64,
        body: Body,
    },
}

impl Answer {
    pub(super) fn new(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), told: None, echo: Vec::new(), content: Content::Empty }
    }

    pub(super) fn xml(document: String) -> Self {
        Self { content: Content::Xml(document), ..Self::new(StatusCode::OK) }
    }

    /// A document after white space, where a declaration may not stand for a strict parser: S3 sends it before.
    pub(super) fn slow_xml(document: String, dialect: Spoken, guesses: &Guesses) -> Self {
        let first =
            if dialect.rules().declares_first && !guesses.declaration_after_space { xml::DECLARATION } else { "" };
        let document =
            if guesses.declaration_after_space { document } else { xml::without_declaration(&document).to_owned() };
        Self { content: Content::SlowXml(first, document), ..Self::new(StatusCode::OK) }
    }

    /// Adds a header; one that cannot be written is left out, because it came in by a header as it is.
    pub(super) fn header(mut self, name: &str, value: &str) -> Self {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value.as_bytes())) {
            self.headers.append(name, value);
        }
        self
    }

    pub(super) fn etag(self, tag: &str) -> Self {
        self.header("etag", &format!("\"{tag}\""))
    }

    /// Tells a checksum in a header: the CRC-64 of COS, or the one of S3.
    pub(super) fn told(self, dialect: Spoken, crc64: u64, checksum: Option<&Checksum>) -> Self {
        let told = if dialect.rules().checksums { checksum.map(Told::in_header) } else { Some(Told::crc64(crc64)) };
        Self { told, ..self }
    }

    /// The same where the document of S3 holds the checksum.
    pub(super) fn told_in_document(self, dialect: Spoken, crc64: u64, checksum: Option<&Checksum>) -> Self {
        if !dialect.rules().checksums {
            return self.told(dialect, crc64, None);
        }
        Self { told: checksum.map(Told::in_document), ..self }
    }

    pub(super) fn echo(self, echo: Vec<(&'static str, String)>) -> Self {
        Self { echo, ..self }
    }
}
