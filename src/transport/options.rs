//! What the caller may choose about the way to the store.

use std::{fmt, net::IpAddr, path::PathBuf, str::FromStr, sync::Arc, time::Duration};

use crate::{
    clock::Clock,
    error::{Error, ErrorKind, Result},
    transport::masked::MaskedHead,
};

/// Settings of a [`StoreClient`](super::StoreClient).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ClientOptions {
    /// PEM file with the authorities to trust instead of the system's.
    pub ca_cert: Option<PathBuf>,
    /// Dial this address for every request; URL, `Host`, TLS name and signature stay the endpoint's.
    ///
    /// No proxy is used then.
    pub connect_to: Option<ConnectTo>,
    /// Send customer keys over plain HTTP if the address really dialled is loopback.
    pub allow_insecure_loopback: bool,
    /// Attempts per call, at least 1; default 8.
    ///
    /// The pauses between them add up to a quarter of a minute on average, so that a short outage is survived. While
    /// the store has never answered, a name that cannot be resolved and a port that is closed get 5 at most, in some
    /// two seconds: more often than not the address is wrong.
    pub attempts: u32,
    /// An attempt has failed when no byte has moved for this long; default 60 s. There is no limit on the whole.
    ///
    /// A call has three attempts that end so. On a network that swallows everything it ends after three times the wait
    /// for an answer below and 15 s for a connection, so by default after seven minutes, and mostly after three.
    ///
    /// Once the request has left, the answer may take twice as long: a store that assembles an object or encrypts a
    /// part is silent meanwhile, and COS's front end tries again by itself after about 31 s (seen by the hadoop-cos
    /// connector).
    pub stall_timeout: Duration,
    /// The time of day for signatures; default the machine's clock.
    pub clock: Clock,
    /// Sees every attempt's masked head.
    pub observer: Option<Arc<dyn RequestObserver>>,
}

impl Default for ClientOptions {
    fn default() -> Self {
        Self {
            ca_cert: None,
            connect_to: None,
            allow_insecure_loopback: false,
            attempts: 8,
            stall_timeout: Duration::from_mins(1),
            clock: Clock::system(),
            observer: None,
        }
    }
}

impl ClientOptions {
    /// A PEM file with the authorities to trust instead of the system's.
    pub fn ca_cert(mut self, file: impl Into<PathBuf>) -> Self {
        self.ca_cert = Some(file.into());
        self
    }

    /// Dial this address for every request.
    pub fn connect_to(mut self, place: ConnectTo) -> Self {
        self.connect_to = Some(place);
        self
    }

    /// Whether customer keys may go over plain HTTP to a loopback address.
    pub fn allow_insecure_loopback(mut self, on: bool) -> Self {
        self.allow_insecure_loopback = on;
        self
    }

    /// Attempts per call, at least 1.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts;
        self
    }

    /// After how long without a byte an attempt has failed.
    pub fn stall_timeout(mut self, timeout: Duration) -> Self {
        self.stall_timeout = timeout;
        self
    }

    /// The time of day for signatures.
    pub fn clock(mut self, clock: Clock) -> Self {
        self.clock = clock;
        self
    }

    /// Who sees every attempt's masked head.
    pub fn observer(mut self, observer: Arc<dyn RequestObserver>) -> Self {
        self.observer = Some(observer);
        self
    }
}

/// Sees every attempt's head, secrets masked, and what comes of it where that is not the end.
pub trait RequestObserver: fmt::Debug + Send + Sync {
    /// Called right before each attempt leaves.
    fn request(&self, head: &MaskedHead);

    /// Called when an attempt has failed and another will follow; unless overridden, nothing is done.
    fn retry(&self, retry: &Retry<'_>) {
        let _ = retry;
    }
}

/// An attempt that failed, and what follows.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Retry<'a> {
    /// Why the attempt failed.
    pub error: &'a Error,
    /// The number of the attempt that follows, counted from 1.
    pub next: u32,
    /// How many attempts there will be at most, as things stand.
    pub of: u32,
    /// The pause until then.
    pub pause: Duration,
}

/// An address to dial in place of the endpoint's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectTo {
    /// A name, or an IP address without brackets.
    pub host: String,
    /// The port; the endpoint's unless given.
    pub port: Option<u16>,
}

impl FromStr for ConnectTo {
    type Err = Error;

    /// Reads `ADDR[:PORT]`; an IPv6 address with a port needs brackets.
    fn from_str(text: &str) -> Result<Self> {
        let malformed = |reason: &str| {
            Error::new(ErrorKind::Config, format!("{text:?} is not an address to connect to: {reason}"))
                .with_hint("write ADDR or ADDR:PORT, such as 127.0.0.1:8443 or [::1]:8443")
        };
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Ok(Self { host: ip.to_string(), port: None });
        }
        let (host, port) = match text.strip_prefix('[').map(|rest| rest.split_once(']')) {
            Some(None) => return Err(malformed("a bracket is not closed")),
            Some(Some((host, rest))) => {
                let ip: IpAddr = host.parse().map_err(|_| malformed("there is no IP address in the brackets"))?;
                (ip.to_string(), (!rest.is_empty()).then_some(rest.strip_prefix(':').unwrap_or("")))
            }
            None => match text.split_once(':') {
                Some((host, port)) => (host.to_owned(), Some(port)),
                None => (text.to_owned(), None),
            },
        };
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b':');
        if host.is_empty() || host.len() > 253 || !host.bytes().all(allowed) {
            return Err(malformed("this is neither a name nor an IP address"));
        }
        let port = match port {
            None => None,
            Some(port) => match port.parse() {
                Ok(number) if number != 0 && !port.starts_with('+') => Some(number),
                _ => return Err(malformed("the port is not a number from 1 to 65535")),
            },
        };
        Ok(Self { host, port })
    }
}

impl fmt::Display for ConnectTo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.port, self.host.contains(':')) {
            (None, _) => f.write_str(&self.host),
            (Some(port), false) => write!(f, "{}:{port}", self.host),
            (Some(port), true) => write!(f, "[{}]:{port}", self.host),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, host: &str, port: Option<u16>) {
        let read: ConnectTo = text.parse().unwrap();
        assert_eq!(read, ConnectTo { host: host.to_owned(), port }, "{text:?}");
        assert_eq!(read.to_string().parse::<ConnectTo>().unwrap(), read, "{text:?} does not survive its own text");
    }

    #[test]
    fn an_address_to_connect_to_is_a_name_or_ip_with_or_without_port() {
        check("127.0.0.1", "127.0.0.1", None);
        check("127.0.0.1:8443", "127.0.0.1", Some(8443));
        check("::1", "::1", None);
        check("[::1]", "::1", None);
        check("[::1]:443", "::1", Some(443));
        check("front-end.example", "front-end.example", None);
        check("front-end.example:80", "front-end.example", Some(80));
    }

    #[test]
    fn what_is_no_address_is_refused_with_the_reason() {
        for text in [
            "",
            ":80",
            "host:",
            "host:0",
            "host:65536",
            "host:http",
            "[::1",
            "[host]:80",
            "[::1]80",
            "host:+80",
            "a b",
            "h:1:2",
            "http://h",
        ] {
            let error = text.parse::<ConnectTo>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config, "{text:?}");
            assert!(error.message().contains("is not an address to connect to"), "{error}");
        }
    }
}
