//! The head of a request while it is put together; the one place where encryption headers are added.

use std::fmt::{self, Write as _};

use http::{
    HeaderMap, HeaderName, HeaderValue, Method, Request,
    header::{CONTENT_LENGTH, HOST},
    request::Parts,
};

use super::{Address, Payload, checksum, encode};
use crate::{
    checksum::{Algorithm, Checksum},
    dialect::ChecksumWish,
    error::{Error, ErrorKind, Result},
    ident::ObjectKey,
    operation::Operation,
    sse::SseContext,
};

/// A request's head under construction.
pub(super) struct Draft<'a> {
    at: &'a Address,
    operation: Operation,
    method: Method,
    key: Option<&'a ObjectKey>,
    query: String,
    headers: HeaderMap,
}

impl<'a> Draft<'a> {
    /// Starts the head of a call to the bucket itself.
    pub(super) fn bucket(method: Method, operation: Operation, at: &'a Address) -> Self {
        Self { at, operation, method, key: None, query: String::new(), headers: HeaderMap::new() }
    }

    /// Starts the head of a call to one object.
    pub(super) fn object(method: Method, operation: Operation, at: &'a Address, key: &'a ObjectKey) -> Self {
        Self { key: Some(key), ..Self::bucket(method, operation, at) }
    }

    /// Adds a parameter without value. The first one of a query routes the request, so it must come first.
    pub(super) fn flag(mut self, name: &str) -> Self {
        self.separate();
        self.query.push_str(name);
        self
    }

    /// Adds a parameter. Names are plain; the value is encoded here.
    pub(super) fn param(mut self, name: &str, value: &str) -> Self {
        self.separate();
        write!(self.query, "{name}={}", encode::value(value)).expect("writing to a string cannot fail");
        self
    }

    /// Adds a parameter that may be absent.
    pub(super) fn maybe_param(self, name: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.param(name, value),
            None => self,
        }
    }

    fn separate(&mut self) {
        if !self.query.is_empty() {
            self.query.push('&');
        }
    }

    /// Adds a header.
    ///
    /// # Errors
    /// `Config` if the value cannot be sent.
    pub(super) fn header(mut self, name: &'static str, value: &str) -> Result<Self> {
        self.headers.insert(HeaderName::from_static(name), header_value(name, value)?);
        Ok(self)
    }

    /// Adds a header that may be absent.
    pub(super) fn maybe_header(self, name: &'static str, value: Option<&str>) -> Result<Self> {
        match value {
            Some(value) => self.header(name, value),
            None => Ok(self),
        }
    }

    /// Adds headers that were checked already.
    pub(super) fn headers(mut self, headers: HeaderMap) -> Self {
        self.headers.extend(headers);
        self
    }

    /// Forbids the call to replace an object.
    pub(super) fn forbid_overwrite(self, forbid: bool) -> Result<Self> {
        let rule = self.at.dialect().names().forbid_overwrite;
        let taken = rule.at_initiate || self.operation != Operation::Initiate;
        let (name, value) = rule.header;
        self.maybe_header(name, (forbid && taken).then_some(value))
    }

    /// Limits the bandwidth of this one request.
    ///
    /// # Errors
    /// `Config` if the store has no such limit (/document/product/436/40140).
    pub(super) fn traffic_limit(self, bits_per_second: Option<u64>) -> Result<Self> {
        let Some(limit) = bits_per_second else { return Ok(self) };
        let dialect = self.at.dialect();
        let (Some(name), Some((least, most))) = (dialect.names().traffic_limit, dialect.limits().traffic_limit) else {
            return Err(Error::new(ErrorKind::Config, "the store takes no traffic limit"));
        };
        if !(least..=most).contains(&limit) {
            let message = format!("a traffic limit of {limit} bit/s is outside of what the store takes");
            return Err(Error::new(ErrorKind::Config, message)
                .with_hint(format!("give one between {least} and {most} bit/s, or none")));
        }
        self.header(name, &limit.to_string())
    }

    /// States the checksum of what the call sends or makes.
    ///
    /// # Errors
    /// `Config` if the store does not know the algorithm.
    pub(super) fn checksum(self, checksum: Option<Checksum>) -> Result<Self> {
        let Some(checksum) = checksum else { return Ok(self) };
        let algorithm = checksum.algorithm();
        let name = checksum::header(self.at.dialect(), algorithm).ok_or_else(|| unknown(algorithm))?;
        self.header(name, &checksum.to_string())
    }

    /// Asks the store to keep a checksum of the whole object to be.
    ///
    /// # Errors
    /// `Config` if the store does not know the algorithm.
    pub(super) fn keep_checksum(self, algorithm: Option<Algorithm>) -> Result<Self> {
        let dialect = self.at.dialect();
        let (Some(algorithm), Some(wish)) = (algorithm, dialect.names().checksum_wish) else { return Ok(self) };
        let word = checksum::word(dialect, algorithm).ok_or_else(|| unknown(algorithm))?;
        self.header(wish.algorithm, word)?.of_whole(true)
    }

    /// Says of a checksum that it is of the whole object.
    pub(super) fn of_whole(self, kept: bool) -> Result<Self> {
        match self.at.dialect().names().checksum_wish {
            Some(ChecksumWish { of_whole: (name, value), .. }) if kept => self.header(name, value),
            _ => Ok(self),
        }
    }

    /// Asks to see the checksum of the object.
    pub(super) fn show_checksum(self) -> Result<Self> {
        match self.at.dialect().names().checksum_wish {
            Some(ChecksumWish { show: (name, value), .. }) => self.header(name, value),
            None => Ok(self),
        }
    }

    /// States the body's length. For every PUT and POST; the others must not have it.
    pub(super) fn body(mut self, payload: &Payload) -> Self {
        self.headers.insert(CONTENT_LENGTH, HeaderValue::from(payload.len()));
        self
    }

    /// Adds Host and what the encryption demands of this operation, and ends the head.
    ///
    /// # Errors
    /// `Config` if the encryption is for stores of another dialect, or the key cannot be sent exactly.
    pub(super) fn finish(self, sse: &SseContext) -> Result<Parts> {
        let Self { at, operation, method, key, query, mut headers } = self;
        sse.must_be_for(at.dialect())?;
        let uri = at.uri(key, &query)?;
        headers.insert(HOST, at.host_header());
        sse.apply(operation, &mut headers);
        let (mut head, ()) = Request::new(()).into_parts();
        head.method = method;
        head.uri = uri;
        head.headers = headers;
        Ok(head)
    }
}

fn unknown(algorithm: Algorithm) -> Error {
    Error::new(ErrorKind::Config, format!("the store has no checksums by {}", algorithm.name()))
}

/// A header's value, if it arrives as it is sent: no control characters, no blanks at the ends, only ASCII.
///
/// # Errors
/// `Config` with the reason; the value is not repeated, for it may be anything.
pub(super) fn header_value(name: impl fmt::Display, value: &str) -> Result<HeaderValue> {
    let refuse = |reason: &str| Error::new(ErrorKind::Config, format!("the value of {name} cannot be sent: {reason}"));
    if !value.is_ascii() {
        return Err(refuse("it is not ASCII").with_hint("percent-encode it"));
    }
    if value.bytes().any(|byte| byte.is_ascii_control()) {
        return Err(refuse("it holds a control character").with_hint("leave out line breaks and the like"));
    }
    if value.starts_with(' ') || value.ends_with(' ') {
        return Err(refuse("it begins or ends with a blank, which is lost on the way").with_hint("leave the blank out"));
    }
    HeaderValue::from_str(value).map_err(|error| refuse("it is not a header's value").caused_by(error))
}
