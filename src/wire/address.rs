//! Where a bucket is, and how a key becomes an absolute URI there.

use std::net::{Ipv4Addr, Ipv6Addr};

use http::{HeaderValue, Uri};

use super::encode;
use crate::{
    dialect::Dialect,
    error::{Error, ErrorKind, Result},
    ident::{Bucket, ObjectKey, ObjectUrl, Region},
};

/// How the bucket is named in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Addressing {
    /// `Path` for IP addresses, `localhost` and buckets with dots, which no certificate covers; `BucketHost` where the
    /// host begins with the bucket; else `Virtual`.
    #[default]
    Auto,
    /// The bucket is the first label of the host.
    Virtual,
    /// The bucket is the first segment of the path. COS refuses it for buckets created since 2024.
    Path,
    /// The endpoint is the bucket's own domain.
    BucketHost,
}

/// Where a bucket is: scheme, authority and the way keys become paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    dialect: Dialect,
    bucket: Bucket,
    /// The region that requests are signed for, where signatures name one.
    region: String,
    https: bool,
    /// In lower case; an IPv6 address without brackets.
    host: String,
    port: Option<u16>,
    /// `host[:port]` of the endpoint, without the bucket.
    store: String,
    /// `host[:port]` as it stands in the URI and in the Host header.
    authority: String,
    /// The bucket's segment in path style, such as `/bucket`; else empty.
    prefix: String,
}

impl Address {
    /// The address of a bucket at an endpoint `[http[s]://]host[:port]`, or at its region's own host.
    ///
    /// # Errors
    /// `Config` if there is neither region nor endpoint, or the endpoint is not one.
    pub fn new(
        dialect: Dialect,
        bucket: &Bucket,
        region: Option<&Region>,
        endpoint: Option<&str>,
        addressing: Addressing,
    ) -> Result<Self> {
        let endpoint = match (endpoint, region) {
            (Some(text), _) => Endpoint::parse(text)?,
            (None, Some(_)) if addressing == Addressing::BucketHost => {
                return Err(Error::new(ErrorKind::Config, "the bucket's own domain is not given")
                    .with_hint("give it with --endpoint https://DOMAIN, or use another --addressing"));
            }
            (None, Some(region)) => Endpoint::parse(&dialect.default_host(region.as_str()))?,
            (None, None) => {
                return Err(Error::new(ErrorKind::Config, format!("where the bucket {bucket} is, is not known"))
                    .with_hint("give its region with --region, or the store's address with --endpoint"));
            }
        };
        let Endpoint { https, host, port } = endpoint;
        let with_port = |host: String| port.map_or_else(|| host.clone(), |port| format!("{host}:{port}"));
        let store = with_port(without(bucket.as_str(), &host.bracketed()).to_owned());
        let (host, prefix) = match addressing.for_host(&host, bucket) {
            Addressing::Path => (host, format!("/{bucket}")),
            Addressing::BucketHost => (host, String::new()),
            Addressing::Auto | Addressing::Virtual => (host.under(bucket)?, String::new()),
        };
        let authority = with_port(host.bracketed());
        let region = region.map_or_else(|| dialect.default_region(), Region::as_str).to_owned();
        Ok(Self {
            dialect,
            bucket: bucket.clone(),
            region,
            https,
            host: host.into_text(),
            port,
            store,
            authority,
            prefix,
        })
    }

    /// The region that requests are signed for: the one that was given, else the dialect's own.
    pub fn region(&self) -> &str {
        &self.region
    }

    /// Whether requests go over TLS.
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// The bucket that it leads to.
    pub fn bucket(&self) -> &Bucket {
        &self.bucket
    }

    /// A key in the bucket, as users write it.
    pub fn url_of(&self, key: &ObjectKey) -> ObjectUrl {
        ObjectUrl { dialect: self.dialect, bucket: self.bucket.clone(), path: key.as_str().to_owned() }
    }

    /// The host without port and brackets: what TLS verifies.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The endpoint's port, if it is not its scheme's own.
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The value of the Host header: the host, with a port that is not the scheme's own. It is signed as it stands.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The store's `host[:port]`, the same in every [`Addressing`]: the authority without the bucket before it. A domain
    /// of the bucket's own that does not begin with its name stands for the store.
    pub fn store(&self) -> &str {
        &self.store
    }

    /// The kind of store.
    pub fn dialect(&self) -> Dialect {
        self.dialect
    }

    /// The Host header.
    pub(super) fn host_header(&self) -> HeaderValue {
        HeaderValue::from_str(&self.authority).expect("an endpoint's host has only letters, digits and '.:-_[]'")
    }

    /// The absolute URI of a key, or of the bucket; `query` is encoded already.
    ///
    /// # Errors
    /// `Config` if the URI is longer than any server takes.
    pub(super) fn uri(&self, key: Option<&ObjectKey>, query: &str) -> Result<Uri> {
        let scheme = if self.https { "https" } else { "http" };
        let path = encode::path(key.map_or("", ObjectKey::as_str));
        let mark = if query.is_empty() { "" } else { "?" };
        let text = format!("{scheme}://{}{}/{path}{mark}{query}", self.authority, self.prefix);
        Uri::try_from(text)
            .map_err(|error| Error::new(ErrorKind::Config, "the request's address cannot be sent").caused_by(error))
    }
}

impl Addressing {
    /// Settles `Auto` by the look of the endpoint's host.
    fn for_host(self, host: &Host, bucket: &Bucket) -> Self {
        match (self, host) {
            (Self::Auto, Host::V4(_) | Host::V6(_)) => Self::Path,
            (Self::Auto, Host::Name(name)) if name == "localhost" => Self::Path,
            (Self::Auto, Host::Name(name)) => match name.strip_prefix(bucket.as_str()) {
                Some(rest) if rest.starts_with('.') => Self::BucketHost,
                _ if bucket.as_str().contains('.') => Self::Path,
                _ => Self::Virtual,
            },
            (given, _) => given,
        }
    }
}

/// A host, or `host:port`, without the bucket before it.
pub(crate) fn without<'a>(bucket: &str, host: &'a str) -> &'a str {
    host.strip_prefix(bucket).and_then(|rest| rest.strip_prefix('.')).unwrap_or(host)
}

/// An endpoint taken apart.
struct Endpoint {
    https: bool,
    host: Host,
    port: Option<u16>,
}

impl Endpoint {
    fn parse(text: &str) -> Result<Self> {
        let refuse = |reason: &str| {
            Error::new(ErrorKind::Config, format!("{text:?} is not an endpoint: {reason}"))
                .with_hint("write it as https://HOST or https://HOST:PORT")
        };
        let (https, rest) = match text.split_once("://") {
            None => (true, text),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("https") => (true, rest),
            Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => (false, rest),
            Some(_) => return Err(refuse("its scheme is neither https nor http")),
        };
        // A lone slash is the empty path, as many tools print it.
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        if rest.contains('@') {
            return Err(Error::new(ErrorKind::Config, "the endpoint holds a user name")
                .with_hint("credentials come from the environment or a file, never in an address"));
        }
        if rest.contains(['/', '\\', '?', '#']) {
            return Err(refuse("it has more than a host and a port"));
        }
        let (host, port) = split_port(rest).ok_or_else(|| refuse("its brackets do not match"))?;
        let port = match port {
            None => None,
            Some(text) => Some(parse_port(text).ok_or_else(|| refuse("its port is not a number from 1 to 65535"))?),
        };
        let port = port.filter(|port| *port != if https { 443 } else { 80 });
        Ok(Self { https, host: Host::parse(host).map_err(refuse)?, port })
    }
}

/// Host and port of `host`, `host:port`, `[v6]` or `[v6]:port`.
fn split_port(text: &str) -> Option<(&str, Option<&str>)> {
    let Some(rest) = text.strip_prefix('[') else {
        return Some(text.split_once(':').map_or((text, None), |(host, port)| (host, Some(port))));
    };
    let end = rest.find(']')?;
    let host = text.get(..=end + 1)?;
    match rest.get(end + 1..)? {
        "" => Some((host, None)),
        tail => tail.strip_prefix(':').map(|port| (host, Some(port))),
    }
}

fn parse_port(text: &str) -> Option<u16> {
    // `parse` alone would take a sign.
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|port| digits && *port > 0)
}

/// A host in the one spelling that URL parsers leave alone.
enum Host {
    V4(Ipv4Addr),
    V6(Ipv6Addr),
    Name(String),
}

impl Host {
    fn parse(text: &str) -> Result<Self, &'static str> {
        if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
            return inner.parse().map(Self::V6).map_err(|_| "its IPv6 address is malformed");
        }
        if let Ok(address) = text.parse() {
            return Ok(Self::V4(address));
        }
        Self::name(text.to_ascii_lowercase())
    }

    fn name(name: String) -> Result<Self, &'static str> {
        if name.is_empty() {
            return Err("it has no host");
        }
        if !name.is_ascii() {
            return Err("its host is not ASCII; give the punycode form (xn--…)");
        }
        let sound = |label: &str| {
            !label.is_empty()
                && label.len() <= 63
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
        };
        if name.len() > 253 || !name.split('.').all(sound) {
            return Err("its host is not a host's name");
        }
        // URL parsers take a name whose last label is a number for an IPv4 address, and rewrite it.
        let last = name.rsplit('.').next().unwrap_or_default();
        if last.bytes().all(|byte| byte.is_ascii_digit()) || last.starts_with("0x") {
            return Err("its host looks like an IP address, but is none");
        }
        Ok(Self::Name(name))
    }

    /// The bucket's own name below this host.
    fn under(self, bucket: &Bucket) -> Result<Self> {
        let name = match self {
            Self::Name(name) => name,
            Self::V4(_) | Self::V6(_) => {
                return Err(Error::new(ErrorKind::Config, "a bucket cannot be the first part of an IP address")
                    .with_hint("use --addressing path"));
            }
        };
        Self::name(format!("{bucket}.{name}")).map_err(|reason| {
            Error::new(ErrorKind::Config, format!("the bucket {bucket} does not fit before {name}: {reason}"))
                .with_hint("use --addressing path")
        })
    }

    fn bracketed(&self) -> String {
        match self {
            Self::V4(address) => address.to_string(),
            Self::V6(address) => format!("[{address}]"),
            Self::Name(name) => name.clone(),
        }
    }

    fn into_text(self) -> String {
        match self {
            Self::V4(address) => address.to_string(),
            Self::V6(address) => address.to_string(),
            Self::Name(name) => name,
        }
    }
}

#[cfg(test)]
mod tests;
