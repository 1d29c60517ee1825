//! Reading what all answers share: the headers that matter, a hidden refusal, and how a senseless answer is reported.

use http::{
    HeaderMap, StatusCode,
    header::{CONTENT_TYPE, ETAG, HeaderName},
};

use super::{
    RawAnswer, refusal, store_error,
    xml::{Element, Malformed},
};
use crate::{
    dialect::Dialect,
    error::{Error, ErrorKind, Result},
    ident::{ETag, VersionId},
    operation::Operation,
};

/// The remedy for an answer that the store's protocol does not know.
pub(crate) const SENSELESS: &str = "check the endpoint, and whether something on the way changes answers; else the store does not keep to its protocol";

/// The remedy for an answer in another language.
const SOMETHING_ELSE: &str = "something else than the store answered: check the endpoint, the proxy, and whether this network wants a login first";

/// Whether a success is the store's own: COS names every request (/document/product/436/7729), and nobody else does.
///
/// # Errors
/// `Protocol` if it does not name it, although this store would.
pub(crate) fn origin(dialect: Dialect, operation: Operation, answer: &RawAnswer) -> Result<()> {
    if !dialect.names().always_names_requests || store_error::request_id(dialect, &answer.headers).is_some() {
        return Ok(());
    }
    let reading = Reading::new(dialect, operation, answer);
    Err(reading.protocol(format!("{operation}'s answer did not come from the store: it has no request id")))
}

/// Whether a success has a status that the store gives to this operation; the others mean that something was left out.
///
/// # Errors
/// `Protocol` if it has not.
pub(crate) fn expected(dialect: Dialect, operation: Operation, answer: &RawAnswer) -> Result<()> {
    let status = answer.status;
    let known = match operation {
        Operation::Abort | Operation::Delete => matches!(status, StatusCode::OK | StatusCode::NO_CONTENT),
        // Which of the two it must be, the range that was asked for decides.
        Operation::Get => matches!(status, StatusCode::OK | StatusCode::PARTIAL_CONTENT),
        _ => status == StatusCode::OK,
    };
    if known {
        return Ok(());
    }
    let reading = Reading::new(dialect, operation, answer);
    Err(reading.protocol(format!("{operation}'s answer has the status {}, which it cannot have", status.as_u16())))
}

/// An answer, with what is needed to say where it came from.
#[derive(Clone, Copy)]
pub(super) struct Reading<'a> {
    dialect: Dialect,
    operation: Operation,
    answer: &'a RawAnswer,
}

impl<'a> Reading<'a> {
    pub(super) fn new(dialect: Dialect, operation: Operation, answer: &'a RawAnswer) -> Self {
        Self { dialect, operation, answer }
    }

    /// Who answers.
    pub(super) fn dialect(self) -> Dialect {
        self.dialect
    }

    /// To what.
    pub(super) fn operation(self) -> Operation {
        self.operation
    }

    /// The root of an XML answer.
    ///
    /// # Errors
    /// The store's refusal, if the root is one; `Protocol` if it is anything else than `name`.
    pub(super) fn root(self, name: &str) -> Result<Element> {
        let root = Element::parse(&self.answer.body).map_err(|malformed| self.unreadable(malformed))?;
        if root.name == "Error" {
            return Err(refusal::hidden(self.dialect, self.operation, self.answer, &root));
        }
        if root.name != name {
            return Err(self.protocol(format!("{}'s answer is not a {name}", self.operation)));
        }
        Ok(root)
    }

    /// Nothing, where an answer has no body to speak of.
    ///
    /// # Errors
    /// The store's refusal, if the body is one all the same.
    pub(super) fn no_body(self) -> Result<()> {
        match Element::parse(&self.answer.body) {
            Ok(root) if root.name == "Error" => Err(refusal::hidden(self.dialect, self.operation, self.answer, &root)),
            _ => Ok(()),
        }
    }

    /// A body that cannot be read.
    pub(super) fn unreadable(self, malformed: Malformed) -> Error {
        self.protocol(format!("{}'s answer cannot be read", self.operation)).caused_by(malformed)
    }

    /// An answer that makes no sense.
    pub(super) fn protocol(self, message: String) -> Error {
        let request_id = store_error::request_id(self.dialect, &self.answer.headers);
        let unnamed = request_id.is_none() && self.dialect.names().always_names_requests;
        let (message, hint) = match self.stranger() {
            Some(what) => (format!("{message}: it is {what}"), SOMETHING_ELSE),
            None => (message, if unnamed { refusal::NOT_THE_STORE } else { SENSELESS }),
        };
        Error::new(ErrorKind::Protocol, message).with_hint(hint).at(self.operation).answered(
            self.answer.status.as_u16(),
            None,
            request_id,
        )
    }

    /// What an answer is that speaks another language than any store: a page for browsers, such as those of networks that
    /// want a login, or the JSON of another service.
    fn stranger(self) -> Option<&'static str> {
        if matches!(self.operation, Operation::Head | Operation::Get) {
            // Theirs is the object's own.
            return None;
        }
        let media = self.plain(&CONTENT_TYPE).unwrap_or_default().to_ascii_lowercase();
        let start: Vec<u8> = self
            .answer
            .body
            .iter()
            .skip_while(|byte| byte.is_ascii_whitespace())
            .take(14)
            .map(u8::to_ascii_lowercase)
            .collect();
        if start.starts_with(b"<!doctype html") || start.starts_with(b"<html") || media.starts_with("text/html") {
            Some("a web page (HTML)")
        } else if start.starts_with(b"{") || start.starts_with(b"[") || media.starts_with("application/json") {
            Some("JSON")
        } else {
            None
        }
    }

    /// The ETag header, which must be there.
    pub(super) fn etag(self) -> Result<ETag> {
        self.header(&ETAG)?
            .and_then(ETag::new)
            .ok_or_else(|| self.protocol(format!("{}'s answer has no sound ETag", self.operation)))
    }

    /// The version header.
    pub(super) fn version_id(self) -> Result<Option<VersionId>> {
        let name = HeaderName::from_static(self.dialect.names().version_id);
        match self.header(&name)?.filter(|id| !id.is_empty()) {
            None => Ok(None),
            Some(id) => VersionId::new(id)
                .map(Some)
                .ok_or_else(|| self.protocol(format!("{}'s answer has an endless version id", self.operation))),
        }
    }

    /// A header as text.
    ///
    /// # Errors
    /// `Protocol` if it is not text, or is there twice with different values.
    pub(super) fn header(self, name: &HeaderName) -> Result<Option<&'a str>> {
        let mut found = None;
        for value in self.answer.headers.get_all(name) {
            let text = value
                .to_str()
                .map_err(|error| self.protocol(format!("the answer's {name} is not text")).caused_by(error))?
                .trim();
            if found.is_some_and(|before| before != text) {
                return Err(self.protocol(format!("the answer has two different {name} headers")));
            }
            found = Some(text);
        }
        Ok(found)
    }

    /// Whether a listing goes on; stores write `true` and `TRUE`.
    pub(super) fn is_truncated(self, root: &Element) -> Result<bool> {
        match root.text("IsTruncated").map(str::to_ascii_lowercase).as_deref() {
            Some("true") => Ok(true),
            Some("false") | None => Ok(false),
            Some(_) => Err(self.protocol("the answer does not say whether the listing goes on".to_owned())),
        }
    }

    /// A header as text, where nothing depends on it.
    pub(super) fn plain(self, name: &HeaderName) -> Option<String> {
        lossy(&self.answer.headers, name)
    }
}

/// A header as text, with replacement characters for what is not.
pub(super) fn lossy(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}
