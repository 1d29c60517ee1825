//! Whom to dial: decided once per client from the endpoint and the options, so that every request agrees.
//!
//! Facts of the HTTP client that this answers: it dials the port in a URL whatever a resolver says, asks no resolver
//! for a host that is an IP address, and goes to a proxy before it thinks of either. So where another address than the
//! endpoint's is dialled, the request's URL has no port and never an IP address, and no proxy is used.

use std::{io, net::IpAddr, sync::Arc};

use hyper_util::client::proxy::matcher::Matcher;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

use crate::{
    error::{Error, ErrorKind, Result},
    transport::{ClientOptions, ConnectTo},
    wire::Address,
};

/// Stands for an IP address in a request's URL, so that the resolver is asked. The name can exist nowhere (RFC 6761).
const STAND_IN: &str = "endpoint.invalid";

/// The way from a request to a connection.
#[derive(Clone, Debug)]
pub(super) struct Route {
    https: bool,
    /// The host and port that are dialled where they are not the URL's own.
    instead: Option<(String, u16)>,
    /// The host of a URL that is dialled otherwise.
    url_host: String,
    /// The endpoint's address, where a URL names [`STAND_IN`] and TLS has to verify this instead.
    real_ip: Option<IpAddr>,
    /// Only loopback addresses may be dialled.
    loopback_only: bool,
    /// Customer keys may go out.
    keys_allowed: bool,
    /// What the user calls the place that is dialled, for errors.
    place: String,
    /// The proxy that the environment puts in between: scheme, host and port, without its credentials.
    proxy: Option<String>,
}

impl Route {
    pub(super) fn new(address: &Address, options: &ClientOptions) -> Self {
        let mut route = Self::plan(
            address.is_https(),
            address.host(),
            address.port(),
            options.connect_to.as_ref(),
            options.allow_insecure_loopback,
        );
        if route.may_use_proxy() {
            let host = ConnectTo { host: address.host().to_owned(), port: address.port() };
            let scheme = if address.is_https() { "https" } else { "http" };
            route.proxy = proxy(&Matcher::from_system(), &format!("{scheme}://{host}/"));
        }
        route
    }

    fn plan(
        https: bool,
        host: &str,
        port: Option<u16>,
        connect_to: Option<&ConnectTo>,
        allow_insecure_loopback: bool,
    ) -> Self {
        let port = port.unwrap_or(if https { 443 } else { 80 });
        let dialled = connect_to.map_or(host, |to| &to.host);
        let insecure = !https && allow_insecure_loopback && is_loopback(dialled);
        let instead = connect_to.map(|to| (to.host.clone(), to.port.unwrap_or(port)));
        let real_ip = host.parse().ok().filter(|_| instead.is_some());
        let place = match connect_to {
            Some(to) => ConnectTo { host: to.host.clone(), port: to.port.or(Some(port)) }.to_string(),
            None => ConnectTo { host: host.to_owned(), port: Some(port) }.to_string(),
        };
        Self {
            https,
            url_host: if real_ip.is_some() { STAND_IN.to_owned() } else { host.to_owned() },
            instead,
            real_ip,
            loopback_only: insecure,
            keys_allowed: https || insecure,
            place,
            proxy: None,
        }
    }

    /// Whether the environment's proxies may be used.
    pub(super) fn may_use_proxy(&self) -> bool {
        self.instead.is_none() && !self.loopback_only
    }

    /// The IP address that TLS has to verify in place of the URL's host.
    pub(super) fn real_ip(&self) -> Option<IpAddr> {
        self.real_ip
    }

    /// The address that is dialled, as a user would write it.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    /// The proxy on the way, as its user would write it without credentials.
    pub(super) fn proxy(&self) -> Option<&str> {
        self.proxy.as_deref()
    }

    /// The URL to give to the HTTP client for a signed head's URI.
    ///
    /// # Errors
    /// `Internal` if parsing changed the path or the query, which would name another object than was signed.
    pub(super) fn url(&self, uri: &http::Uri) -> Result<reqwest::Url> {
        let path = uri.path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
        let text = if self.instead.is_some() {
            format!("{}://{}{path}", if self.https { "https" } else { "http" }, self.url_host)
        } else {
            uri.to_string()
        };
        let url = reqwest::Url::parse(&text).map_err(|cause| {
            Error::new(ErrorKind::Config, format!("no request can be sent to {text:?}")).caused_by(cause)
        })?;
        if url.path() != uri.path() || url.query() != uri.query() || url.fragment().is_some() {
            return Err(Error::new(ErrorKind::Internal, "parsing the address of the request changed the object's key")
                .with_hint("use a key without unusual characters, and report this one"));
        }
        Ok(url)
    }

    /// Refuses a request with a customer key unless it goes over TLS or, where that was allowed, stays on this machine.
    pub(super) fn admit_customer_key(&self) -> Result<()> {
        if self.keys_allowed {
            return Ok(());
        }
        let message = "a customer key is never sent over plain HTTP, where everyone on the way could read it";
        Err(Error::new(ErrorKind::Config, message)
            .with_hint("use an https:// endpoint; for a test server on this machine give --allow-insecure-loopback"))
    }

    /// Finds the addresses to dial.
    pub(super) fn resolver(&self) -> Arc<Resolver> {
        Arc::new(Resolver { instead: self.instead.clone(), loopback_only: self.loopback_only })
    }
}

/// The proxy that the HTTP client takes for a URL; it decides by the same rule.
fn proxy(rule: &Matcher, url: &str) -> Option<String> {
    let taken = rule.intercept(&url.parse().ok()?)?;
    let (scheme, host) = (taken.uri().scheme_str().unwrap_or("http"), taken.uri().host()?);
    let port = taken.uri().port_u16().map_or_else(String::new, |port| format!(":{port}"));
    Some(format!("{scheme}://{host}{port}"))
}

/// Whether a host is sure to be this machine: a loopback address, or a name reserved for them (RFC 6761, 6.3), whose
/// resolution [`Resolver`] then restricts.
fn is_loopback(host: &str) -> bool {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return ip.to_canonical().is_loopback();
    }
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    name == "localhost" || name.ends_with(".localhost")
}

/// Resolves names for the HTTP client.
#[derive(Debug)]
pub(super) struct Resolver {
    instead: Option<(String, u16)>,
    loopback_only: bool,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        // Port 0 leaves the choice to the URL.
        let (host, port) = self.instead.clone().unwrap_or_else(|| (name.as_str().to_owned(), 0));
        let loopback_only = self.loopback_only;
        Box::pin(async move {
            let found = tokio::net::lookup_host((host.as_str(), port)).await.map(Vec::from_iter);
            let mut found = found.map_err(|cause| Unresolved { host: host.clone(), cause })?;
            found.retain(|at| !loopback_only || at.ip().to_canonical().is_loopback());
            if found.is_empty() {
                let reason = if loopback_only { "it has no loopback address" } else { "it has no address" };
                return Err(Unresolved { host, cause: io::Error::new(io::ErrorKind::NotFound, reason) }.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// A name that leads nowhere.
#[derive(Debug, thiserror::Error)]
#[error("no address of {host} can be dialled")]
pub(super) struct Unresolved {
    pub(super) host: String,
    #[source]
    cause: io::Error,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(text: &str) -> ConnectTo {
        text.parse().unwrap()
    }

    #[track_caller]
    fn url(route: &Route, uri: &str) -> String {
        route.url(&uri.parse().unwrap()).unwrap().to_string()
    }

    #[test]
    fn without_another_address_the_url_stays_as_it_is() {
        let route = Route::plan(true, "store.example", Some(8443), None, false);
        assert_eq!(url(&route, "https://store.example:8443/a%20b?uploads"), "https://store.example:8443/a%20b?uploads");
        assert!(route.may_use_proxy());
        assert_eq!(route.place(), "store.example:8443");
    }

    #[test]
    fn another_address_takes_the_port_out_of_the_url_and_keeps_the_endpoints_port() {
        let route = Route::plan(true, "store.example", Some(8443), Some(&to("127.0.0.1")), false);
        assert_eq!(url(&route, "https://store.example:8443/k?uploads"), "https://store.example/k?uploads");
        assert_eq!(route.instead, Some(("127.0.0.1".to_owned(), 8443)));
        assert_eq!(route.place(), "127.0.0.1:8443");
        assert!(!route.may_use_proxy());
        let route = Route::plan(true, "store.example", None, Some(&to("127.0.0.1")), false);
        assert_eq!(route.instead, Some(("127.0.0.1".to_owned(), 443)));
        let route = Route::plan(false, "store.example", Some(8443), Some(&to("[::1]:9000")), false);
        assert_eq!(route.instead, Some(("::1".to_owned(), 9000)));
        assert_eq!(route.place(), "[::1]:9000");
    }

    #[test]
    fn an_endpoint_that_is_an_ip_address_gets_a_stand_in_only_where_another_is_dialled() {
        let route = Route::plan(true, "10.0.0.1", Some(8443), Some(&to("127.0.0.1:9000")), false);
        assert_eq!(url(&route, "https://10.0.0.1:8443/k"), "https://endpoint.invalid/k");
        assert_eq!(route.real_ip(), Some("10.0.0.1".parse().unwrap()));
        let route = Route::plan(true, "::1", Some(8443), None, false);
        assert_eq!(url(&route, "https://[::1]:8443/k"), "https://[::1]:8443/k");
        assert_eq!(route.real_ip(), None);
    }

    #[test]
    fn a_path_that_parsing_would_change_is_never_sent() {
        let route = Route::plan(true, "store.example", None, None, false);
        for path in ["/a/../b", "/a/./b", "/a/%2e%2e/b", "/.%2E/x", "/a?q='", "/a|b?x", "/a\\b"] {
            let Ok(uri) = format!("https://store.example{path}").parse() else { continue };
            let Err(error) = route.url(&uri) else {
                let sent = route.url(&uri).unwrap();
                assert_eq!(format!("{}?{}", sent.path(), sent.query().unwrap_or("")).trim_end_matches('?'), path);
                continue;
            };
            assert_eq!(error.kind(), ErrorKind::Internal, "{path}");
        }
        for path in ["/a/../b", "/a/./b", "/a/%2e%2e/b"] {
            assert!(route.url(&format!("https://store.example{path}").parse().unwrap()).is_err(), "{path}");
        }
        for path in ["/a//b", "//a", "/a%2Fb", "/%E8%85%BE?uploads", "/a?x=%27", "/a?partNumber=1&uploadId=x"] {
            let uri = format!("https://store.example{path}").parse().unwrap();
            assert_eq!(route.url(&uri).unwrap().as_str(), format!("https://store.example{path}"));
        }
    }

    #[test]
    fn a_proxy_is_named_without_its_credentials() {
        let rule = Matcher::builder().all("http://user:word@proxy.example:3128").no("inside.example").build();
        assert_eq!(proxy(&rule, "https://store.example/").as_deref(), Some("http://proxy.example:3128"));
        assert_eq!(proxy(&rule, "https://inside.example/"), None);
        assert_eq!(proxy(&Matcher::builder().build(), "https://store.example/"), None);
    }

    #[track_caller]
    fn keys(https: bool, host: &str, connect_to: Option<&str>, allow: bool, admitted: bool) {
        let connect_to = connect_to.map(to);
        let route = Route::plan(https, host, None, connect_to.as_ref(), allow);
        assert_eq!(route.admit_customer_key().is_ok(), admitted, "{https} {host} {connect_to:?} {allow}");
        assert!(https || !admitted || !route.may_use_proxy(), "a proxy would see the key");
    }

    #[test]
    fn customer_keys_go_over_tls_or_stay_on_this_machine() {
        keys(true, "store.example", None, false, true);
        keys(false, "store.example", None, false, false);
        keys(false, "store.example", None, true, false);
        keys(false, "127.0.0.1", None, false, false);
        keys(false, "127.0.0.1", None, true, true);
        keys(false, "127.9.9.9", None, true, true);
        keys(false, "::1", None, true, true);
        keys(false, "::ffff:127.0.0.1", None, true, true);
        keys(false, "localhost", None, true, true);
        keys(false, "bucket-1.LOCALHOST.", None, true, true);
        keys(false, "localhost.example", None, true, false);
        keys(false, "notlocalhost", None, true, false);
        keys(false, "127.0.0.1.example", None, true, false);
    }

    #[test]
    fn the_address_really_dialled_decides_about_customer_keys() {
        keys(false, "store.example", Some("127.0.0.1:9000"), true, true);
        keys(false, "store.example", Some("localhost"), true, true);
        keys(false, "store.example", Some("127.0.0.1:9000"), false, false);
        keys(false, "127.0.0.1", Some("10.0.0.1"), true, false);
        keys(false, "localhost", Some("store.example"), true, false);
    }

    #[tokio::test]
    async fn a_restricted_resolver_gives_loopback_addresses_only() {
        let route = Route::plan(false, "localhost", Some(9000), None, true);
        let found: Vec<_> = route.resolver().resolve("localhost".parse().unwrap()).await.unwrap().collect();
        assert!(!found.is_empty() && found.iter().all(|at| at.ip().is_loopback()), "{found:?}");
        let resolver = Resolver { instead: Some(("192.0.2.1".to_owned(), 80)), loopback_only: true };
        let Err(error) = resolver.resolve("localhost".parse().unwrap()).await else { panic!("dialled 192.0.2.1") };
        assert_eq!(error.source().unwrap().to_string(), "it has no loopback address");
    }
}
