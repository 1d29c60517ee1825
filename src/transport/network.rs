//! What a failure of the network means: which kind of error it is, and whether anything was sent.

use std::{error::Error as StdError, io, time::Duration};

use rustix::io::Errno;
use rustls::CertificateError;

use crate::{
    error::{Error, ErrorKind},
    transport::dial::Unresolved,
};

/// How far a request came before the network failed.
#[derive(Debug)]
pub(super) enum Reach {
    /// No connection, and trying again would not help.
    Hopeless(Error),
    /// No connection this time; nothing was sent.
    NotConnected(Error),
    /// The same, and there seems to be nobody at all at this address.
    Absent(Error),
    /// It broke somewhere under way.
    UnderWay(Error),
    /// What came back is not HTTP.
    Gibberish(Error),
}

const PROXY: &str = "check HTTPS_PROXY, HTTP_PROXY and ALL_PROXY in the environment; NO_PROXY lists what needs none";

/// The remedy for connections that find no place.
const FILES: &str = "raise the limit, such as with `ulimit -n 1024`, or send fewer parts at once";

/// The remedy for a line that breaks or stands still.
pub(super) const LINE: &str = "check the network between here and the store, then try again";

/// Reads an error of the HTTP client; `place` is the address of the store, and `proxy` what is dialled in its stead.
pub(super) fn read(cause: reqwest::Error, place: &str, proxy: Option<&str>, connect_timeout: Duration) -> Reach {
    // The URL would be said twice, and it names the key of the object.
    let cause = cause.without_url();
    if let Some(Unresolved { host, .. }) = find::<Unresolved>(&cause) {
        let error = Error::new(ErrorKind::Unavailable, format!("cannot resolve {host}"))
            .with_hint(proxy.map_or("check the endpoint, the region and this machine's network", |_| PROXY));
        return Reach::Absent(error.caused_by(cause));
    }
    match find::<rustls::Error>(&cause) {
        Some(rustls::Error::InvalidCertificate(problem)) => {
            let (problem, hint) = certificate(problem);
            // Nothing but another setting helps, so this is a matter of configuration.
            let message = format!("the certificate of {place} is not accepted: {problem}");
            return Reach::Hopeless(Error::new(ErrorKind::Config, message).with_hint(hint).caused_by(cause));
        }
        Some(rustls::Error::InvalidMessage(_)) if cause.is_connect() => {
            let message = format!("{place} does not speak TLS as expected");
            let hint = "check whether the endpoint is https:// or http://, and its port";
            return Reach::Hopeless(Error::new(ErrorKind::Protocol, message).with_hint(hint).caused_by(cause));
        }
        _ => {}
    }
    let unavailable = |message: String| Error::new(ErrorKind::Unavailable, message);
    if find::<hyper::Error>(&cause).is_some_and(hyper::Error::is_parse) {
        let error = Error::new(ErrorKind::Protocol, format!("{place} does not speak HTTP as expected"))
            .with_hint("check whether the endpoint is https:// or http://, and its port");
        return Reach::Gibberish(error.caused_by(cause));
    }
    if !cause.is_connect() {
        return Reach::UnderWay(
            unavailable(format!("the connection to {place} broke")).with_hint(LINE).caused_by(cause),
        );
    }
    if find::<io::Error>(&cause).is_some_and(is_limit) {
        // Another connection may end, so that this one finds a place; if none does, only another limit helps.
        let message = format!("cannot connect to {place}: the limit of open files is reached");
        return Reach::NotConnected(Error::new(ErrorKind::Config, message).with_hint(FILES).caused_by(cause));
    }
    let peer = proxy.map_or_else(|| place.to_owned(), |proxy| format!("the proxy {proxy}"));
    let refused = find::<io::Error>(&cause).is_some_and(|io| io.kind() == io::ErrorKind::ConnectionRefused);
    if refused {
        let error = unavailable(format!("{peer} refused the connection"))
            .with_hint(proxy.map_or("check the address and the port, and that the store is running", |_| PROXY));
        return Reach::Absent(error.caused_by(cause));
    }
    Reach::NotConnected(if cause.is_timeout() {
        let message = format!("{peer} did not take the connection within {} s", connect_timeout.as_secs());
        let hint = proxy.map_or("check the address, this machine's network and its firewall", |_| PROXY);
        unavailable(message).with_hint(hint).caused_by(cause)
    } else if proxy.is_some() {
        unavailable(format!("cannot connect to {place} through {peer}")).with_hint(PROXY).caused_by(cause)
    } else {
        unavailable(format!("cannot connect to {place}")).with_hint(LINE).caused_by(cause)
    })
}

/// Whether this process, or the machine, has as many files open as it may.
fn is_limit(error: &io::Error) -> bool {
    [Errno::MFILE, Errno::NFILE].iter().any(|limit| error.raw_os_error() == Some(limit.raw_os_error()))
}

/// Whether a connection ended because nothing came from its other end any more, as the kernel sees it.
pub(super) fn is_silence(error: &Error) -> bool {
    find::<io::Error>(error).is_some_and(|io| io.kind() == io::ErrorKind::TimedOut)
}

fn certificate(problem: &CertificateError) -> (String, &'static str) {
    const TRUST: &str = "if this store is yours, name its authority's PEM file with --ca-cert";
    const NAME: &str = "check the endpoint; --ca-cert can name other authorities, but not another name";
    const TIME: &str = "check this machine's clock; else the store, or the file given with --ca-cert, needs renewal";
    match problem {
        CertificateError::UnknownIssuer => ("it comes from an authority that is not trusted".to_owned(), TRUST),
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            ("it is for another name".to_owned(), NAME)
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => ("it has expired".to_owned(), TIME),
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            ("it is not valid yet".to_owned(), TIME)
        }
        other => (other.to_string(), TRUST),
    }
}

/// The first error of this type in a chain of causes, also inside of `io::Error`s, which hide what they wrap.
fn find<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        let wrapped = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        };
    }
    None
}
