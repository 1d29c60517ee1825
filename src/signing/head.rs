//! What every signer does to a request head, whatever it signs.

use std::fmt::Write as _;

use http::{HeaderValue, Uri, header::HOST, request::Parts, uri::PathAndQuery};
use percent_encoding::utf8_percent_encode;

use super::canonical::ENCODED;
use crate::error::{Error, ErrorKind, Result};

/// The `Host` that is signed must be the one that is sent, so it is made explicit.
pub(super) fn set_host(head: &mut Parts) -> Result<()> {
    if head.headers.contains_key(HOST) {
        return Ok(());
    }
    let nameless = || Error::new(ErrorKind::Internal, "a request without a host cannot be signed");
    let host = head.uri.host().ok_or_else(nameless)?;
    let usual = if head.uri.scheme_str() == Some("http") { 80 } else { 443 };
    let value = match head.uri.port_u16().filter(|port| *port != usual) {
        Some(port) => HeaderValue::from_str(&format!("{host}:{port}")),
        None => HeaderValue::from_str(host),
    };
    head.headers.insert(HOST, value.map_err(|err| nameless().caused_by(err))?);
    Ok(())
}

/// Adds parameters to the head's URI; their values are encoded, their names must need no encoding.
pub(super) fn append_query(head: &mut Parts, parameters: &[(&str, &str)]) -> Result<()> {
    let mut target = head.uri.path_and_query().map_or_else(|| "/".to_owned(), |it| it.as_str().to_owned());
    for (name, value) in parameters {
        let joint = match target.find('?') {
            None => "?",
            Some(at) if at + 1 == target.len() => "",
            Some(_) => "&",
        };
        let value = utf8_percent_encode(value, ENCODED);
        write!(target, "{joint}{name}={value}").expect("a String can always be written to");
    }
    let unfit = |err: http::Error| Error::new(ErrorKind::Config, "the address is too long").caused_by(err);
    let mut parts = head.uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(target).map_err(|err| unfit(err.into()))?);
    head.uri = Uri::from_parts(parts).map_err(|err| unfit(err.into()))?;
    Ok(())
}

/// A header value that no dump shows.
pub(super) fn sensitive(value: &[u8]) -> Result<HeaderValue> {
    let mut value = HeaderValue::from_bytes(value).map_err(|_| unusable_token())?;
    value.set_sensitive(true);
    Ok(value)
}

/// The credentials hold what no header can.
pub(super) fn unusable_token() -> Error {
    Error::new(ErrorKind::Credentials, "the credentials cannot be sent in a header")
}

/// Bytes in lower-case hex.
///
/// All the room at once, so that no copy of a key is left behind when the text grows.
pub(super) fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        write!(text, "{byte:02x}").expect("a String can always be written to");
    }
    text
}
