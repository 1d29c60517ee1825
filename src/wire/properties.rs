//! What an object is given besides its bytes, checked before anything is sent.

use http::{HeaderMap, HeaderName, header::CONTENT_TYPE};

use super::{draft::header_value, encode};
use crate::{
    dialect::Dialect,
    error::{Error, ErrorKind, Result},
};

/// The name of our own mark in an object's metadata, without the prefix that the dialect gives to all of them.
pub(super) const NONCE: &str = "sealift-upload";

/// Properties of an object, given at Initiate or Put.
///
/// # Examples
/// ```
/// use sealift::{dialect::COS, wire::ObjectProperties};
///
/// let properties = ObjectProperties::default().content_type("application/x-tar").meta("host", "db-1").tag("kind", "backup");
/// properties.check(COS)?;
/// # Ok::<(), sealift::error::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ObjectProperties {
    /// Content-Type.
    pub content_type: Option<String>,
    /// The storage class; the list of names is open.
    pub storage_class: Option<String>,
    /// The canned access list.
    pub acl: Option<String>,
    /// User metadata: name without the store's prefix, and value.
    pub meta: Vec<(String, String)>,
    /// Tags: key and value, as plain text.
    pub tags: Vec<(String, String)>,
    /// Other headers, such as Cache-Control, Content-Disposition, Content-Encoding, Expires or access grants.
    pub headers: Vec<(String, String)>,
    /// Our own mark, by which an upload whose last answer was lost knows its object again.
    pub nonce: Option<String>,
}

impl ObjectProperties {
    /// Content-Type.
    pub fn content_type(mut self, name: impl Into<String>) -> Self {
        self.content_type = Some(name.into());
        self
    }

    /// The storage class.
    pub fn storage_class(mut self, name: impl Into<String>) -> Self {
        self.storage_class = Some(name.into());
        self
    }

    /// The canned access list.
    pub fn acl(mut self, name: impl Into<String>) -> Self {
        self.acl = Some(name.into());
        self
    }

    /// One more entry of user metadata: its name without the store's prefix, and its value.
    pub fn meta(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.meta.push((name.into(), value.into()));
        self
    }

    /// One more tag.
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.tags.push((key.into(), value.into()));
        self
    }

    /// One more header, such as Cache-Control.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Checks every rule of the store, and refuses headers that would disturb the transfer.
    ///
    /// # Errors
    /// `Config` with the reason.
    pub fn check(&self, dialect: Dialect) -> Result<()> {
        self.to_headers(dialect).map(drop)
    }

    /// The headers that say all this.
    pub(super) fn to_headers(&self, dialect: Dialect) -> Result<HeaderMap> {
        let names = dialect.names();
        let mut writer = Writer { dialect, headers: HeaderMap::new(), meta_total: 0 };
        let own = [
            (CONTENT_TYPE, &self.content_type),
            (HeaderName::from_static(names.storage_class), &self.storage_class),
            (HeaderName::from_static(names.acl), &self.acl),
        ];
        for (name, value) in own {
            if let Some(value) = value {
                if value.is_empty() {
                    return Err(Error::new(ErrorKind::Config, format!("the value of {name} is empty"))
                        .with_hint("give one, or leave the option out"));
                }
                writer.add(name, value)?;
            }
        }
        if !self.tags.is_empty() {
            writer.add(HeaderName::from_static(names.tagging), &tagging(dialect, &self.tags)?)?;
        }
        if let Some(nonce) = &self.nonce {
            writer.meta(NONCE, nonce)?;
        }
        for (suffix, value) in &self.meta {
            writer.users_meta(suffix, value)?;
        }
        for (name, value) in &self.headers {
            writer.users_header(name, value)?;
        }
        Ok(writer.headers)
    }
}

/// Collects headers, each at most once.
struct Writer {
    dialect: Dialect,
    headers: HeaderMap,
    meta_total: usize,
}

impl Writer {
    fn add(&mut self, name: HeaderName, value: &str) -> Result<()> {
        let value = header_value(&name, value)?;
        if self.headers.contains_key(&name) {
            return Err(refused(name.as_str(), "it is given twice"));
        }
        self.headers.insert(name, value);
        Ok(())
    }

    /// A header that the user names.
    fn users_header(&mut self, name: &str, value: &str) -> Result<()> {
        let name = HeaderName::from_bytes(name.trim().as_bytes()).map_err(|error| {
            Error::new(ErrorKind::Config, format!("{name:?} is not a header's name")).caused_by(error)
        })?;
        let names = self.dialect.names();
        if let Some(suffix) = name.as_str().strip_prefix(names.meta) {
            return self.users_meta(suffix, value);
        }
        let of_http = TRANSFER_HEADERS.iter().find(|(reserved, _)| name == *reserved);
        let of_store = names.reserved.iter().find(|(beginning, _)| name.as_str().starts_with(beginning));
        if let Some((_, reason)) = of_http.or(of_store) {
            return Err(refused(name.as_str(), reason));
        }
        self.add(name, value)
    }

    /// Metadata that the user names.
    fn users_meta(&mut self, suffix: &str, value: &str) -> Result<()> {
        let suffix = suffix.to_ascii_lowercase();
        if suffix == NONCE {
            return Err(refused(&format!("metadata {suffix}"), "sealift marks its own uploads with it"));
        }
        self.meta(&suffix, value)
    }

    /// Letters, digits and '-' are all that a name of metadata may have; `_` is lost in proxies and refused by COS.
    fn meta(&mut self, suffix: &str, value: &str) -> Result<()> {
        let sound = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if suffix.is_empty() || !suffix.bytes().all(sound) {
            return Err(Error::new(ErrorKind::Config, format!("{suffix:?} is not a name of metadata"))
                .with_hint("use letters, digits and '-'"));
        }
        let limits = self.dialect.limits();
        let size = suffix.len() + value.len();
        self.meta_total += size;
        if size > limits.max_meta {
            let message = format!("metadata {suffix:?} has {size} bytes, and the store takes {}", limits.max_meta);
            return Err(Error::new(ErrorKind::Config, message));
        }
        if self.meta_total > limits.max_meta_total {
            let message =
                format!("the metadata is longer than the {} bytes that the store takes", limits.max_meta_total);
            return Err(Error::new(ErrorKind::Config, message));
        }
        let name = HeaderName::from_bytes(format!("{}{suffix}", self.dialect.names().meta).as_bytes())
            .expect("a prefix, letters, digits and '-' are a header's name");
        self.add(name, value)
    }
}

fn refused(name: &str, reason: &str) -> Error {
    Error::new(ErrorKind::Config, format!("{name} cannot be given: {reason}"))
        .with_hint("leave it out, or give another value")
}

/// Tags as the value of one header: a query whose keys and values are encoded (/document/product/436/7749).
fn tagging(dialect: Dialect, tags: &[(String, String)]) -> Result<String> {
    let limits = dialect.limits();
    if tags.len() > limits.max_tags {
        let message = format!("there are {} tags, and the store takes {}", tags.len(), limits.max_tags);
        return Err(Error::new(ErrorKind::Config, message));
    }
    let sound = |c: char| c.is_ascii_alphanumeric() || " +-_=.:/".contains(c);
    let mut pairs = Vec::with_capacity(tags.len());
    for (at, (key, value)) in tags.iter().enumerate() {
        let refuse = |reason: &str| Err(refused(&format!("the tag {key:?}"), reason));
        if key.is_empty() {
            return refuse("its key is empty");
        }
        if key.chars().count() > limits.max_tag_key || value.chars().count() > limits.max_tag_value {
            return refuse("its key or its value is too long");
        }
        if !key.chars().chain(value.chars()).all(sound) {
            return refuse("only letters, digits, blanks and + - _ = . : / are allowed");
        }
        if tags.iter().take(at).any(|(other, _)| other == key) {
            return refuse("it is given twice");
        }
        pairs.push(format!("{}={}", encode::value(key), encode::value(value)));
    }
    Ok(pairs.join("&"))
}

const CONDITION: &str = "the conditions of an upload are options of their own";

/// Headers that belong to the transfer itself, whatever the store.
const TRANSFER_HEADERS: &[(&str, &str)] = &[
    ("authorization", "credentials come from the environment or a file"),
    ("proxy-authorization", "credentials come from the environment or a file"),
    ("host", "it follows from the address"),
    ("content-length", "it follows from the source"),
    ("content-md5", "checksums are computed and compared here"),
    ("digest", "checksums are computed and compared here"),
    ("content-digest", "checksums are computed and compared here"),
    ("repr-digest", "checksums are computed and compared here"),
    ("transfer-encoding", "it belongs to the connection"),
    ("connection", "it belongs to the connection"),
    ("proxy-connection", "it belongs to the connection"),
    ("keep-alive", "it belongs to the connection"),
    ("te", "it belongs to the connection"),
    ("trailer", "it belongs to the connection"),
    ("upgrade", "it belongs to the connection"),
    ("expect", "it belongs to the connection"),
    ("range", "it is about reading"),
    ("if-match", CONDITION),
    ("if-none-match", CONDITION),
    ("if-modified-since", CONDITION),
    ("if-unmodified-since", CONDITION),
    ("if-range", CONDITION),
    ("cookie", "a store has no sessions"),
];

#[cfg(test)]
mod tests;
