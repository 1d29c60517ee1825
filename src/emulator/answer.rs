//! What the store says: an answer, or a refusal with its code (/document/product/436/7730).

use std::{borrow::Cow, io};

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;

use super::{options::Guesses, xml};

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

    /// `400 InvalidArgument`.
    pub(super) fn argument(message: impl Into<Cow<'static, str>>) -> Self {
        Self::new(400, "InvalidArgument", message)
    }
}

impl From<io::Error> for Refusal {
    fn from(cause: io::Error) -> Self {
        Self::new(500, "InternalError", format!("the store failed: {cause}"))
    }
}

/// What goes back, before faults have their say.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    /// The CRC-64 of the part or object, in its header.
    pub(super) crc64: Option<u64>,
    /// What confirms the encryption, in headers.
    pub(super) echo: Vec<(&'static str, String)>,
    pub(super) content: Content,
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
    /// Sent in chunks, with white space before the document, as Complete's answer is (/document/product/436/7742).
    SlowXml(String),
    Stream {
        length: u64,
        body: Body,
    },
}

impl Answer {
    pub(super) fn new(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), crc64: None, echo: Vec::new(), content: Content::Empty }
    }

    pub(super) fn xml(document: String) -> Self {
        Self { content: Content::Xml(document), ..Self::new(StatusCode::OK) }
    }

    /// A document after white space, where a declaration may not stand for a strict parser.
    pub(super) fn slow_xml(document: String, guesses: &Guesses) -> Self {
        let document =
            if guesses.declaration_after_space { document } else { xml::without_declaration(&document).to_owned() };
        Self { content: Content::SlowXml(document), ..Self::new(StatusCode::OK) }
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

    pub(super) fn crc64(self, crc64: u64) -> Self {
        Self { crc64: Some(crc64), ..self }
    }

    pub(super) fn echo(self, echo: Vec<(&'static str, String)>) -> Self {
        Self { echo, ..self }
    }
}
