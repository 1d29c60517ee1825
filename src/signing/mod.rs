//! Who signs, and the seal on a request head: method, path, query and headers cannot be changed afterwards.
//!
//! Pure: no I/O and no clock. Each attempt is sealed anew, with credentials that its provider gave just before.
//! The signers exist once per dialect; this file is where one is chosen.

mod canonical;
mod cos;
mod framing;
mod head;
mod s3;
#[cfg(test)]
mod tests;
mod v4;

use std::{fmt, future::Future, pin::Pin, time::SystemTime};

use http::request::Parts;

pub(crate) use self::framing::Framing;
use crate::{
    dialect::Dialect,
    error::{Error, ErrorKind, Result},
    secret::Secret,
};

/// An account's key pair, with the token if they are temporary.
#[derive(Clone, Debug)]
pub struct Credentials {
    /// The SecretId or access key id: a name, not a secret.
    pub(crate) id: String,
    /// The SecretKey or secret access key.
    pub(crate) key: Secret,
    /// The token of temporary credentials.
    pub(crate) token: Option<Secret>,
}

impl Credentials {
    /// Credentials without a token.
    ///
    /// # Errors
    /// `Credentials` if one of the two is empty, or has blanks around it or characters that no key has: a slip
    /// that the store would only call a wrong signature. The message never shows the value.
    pub fn new(id: impl Into<String>, key: impl Into<Vec<u8>>) -> Result<Self> {
        let (id, key) = (id.into(), Secret::new(key));
        check("key id", id.as_bytes())?;
        check("secret key", key.expose())?;
        if id.contains('&') {
            return Err(unusable("key id", "has a '&' in it"));
        }
        Ok(Self { id, key, token: None })
    }

    /// The same credentials with the token that came with them.
    ///
    /// # Errors
    /// `Credentials` as for [`Credentials::new`].
    pub fn with_token(mut self, token: impl Into<Vec<u8>>) -> Result<Self> {
        let token = Secret::new(token);
        check("token", token.expose())?;
        self.token = Some(token);
        Ok(self)
    }

    /// The SecretId or access key id, which names the key pair and may be shown.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Whether both are the same keys with the same token.
    pub(crate) fn matches(&self, other: &Self) -> bool {
        let tokens = match (&self.token, &other.token) {
            (Some(token), Some(others)) => token.matches(others),
            (None, None) => true,
            _ => false,
        };
        tokens && self.id == other.id && self.key.matches(&other.key)
    }
}

fn check(field: &str, value: &[u8]) -> Result<()> {
    if value.is_empty() {
        Err(unusable(field, "is empty"))
    } else if value.trim_ascii().len() != value.len() {
        Err(unusable(field, "has blanks around it"))
    } else if !value.iter().all(u8::is_ascii_graphic) {
        Err(unusable(field, "has a blank, a control character or a non-ASCII character in it"))
    } else {
        Ok(())
    }
}

fn unusable(field: &str, why: &str) -> Error {
    Error::new(ErrorKind::Credentials, format!("the {field} {why}"))
        .with_hint("copy it again from the console, without quotes, blanks or line ends")
}

/// A boxed future of credentials.
pub type CredentialFuture<'a> = Pin<Box<dyn Future<Output = Result<Credentials>> + Send + 'a>>;

/// Gives the credentials for one attempt; it is asked before each, and keeps what is still valid by itself.
pub trait CredentialProvider: fmt::Debug + Send + Sync {
    /// Credentials that are valid now.
    ///
    /// # Errors
    /// `Credentials` if there are none, `Unavailable` if their source may have some at another try.
    fn credentials(&self) -> CredentialFuture<'_>;

    /// Hears that the store says of these credentials, which have a token, that they have expired.
    ///
    /// The next question follows at once. Whoever keeps credentials should look for others before it answers that one;
    /// by default nothing happens.
    fn refused(&self, _credentials: &Credentials) {}
}

impl CredentialProvider for Credentials {
    fn credentials(&self) -> CredentialFuture<'_> {
        let own = self.clone();
        Box::pin(async move { Ok(own) })
    }
}

/// What is signed of a body.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Content<'a> {
    /// No body, or one that is in memory: its SHA-256 is signed.
    Bytes(&'a [u8]),
    /// A body that is streamed, after its head is signed.
    Stream {
        /// How many bytes it has, without any framing.
        len: u64,
        /// The header name of the checksum that follows as a trailer, if one does: `x-amz-checksum-crc64nvme` and the
        /// like.
        trailer: Option<&'static str>,
    },
}

/// Adds the authorization and token headers to a head whose absolute URI and other headers are final.
///
/// `now` is the store's time as far as it is known. Signed are all query parameters and every header that says what
/// is asked of the store, so that no bucket rule finds one missing and nobody can change one on the way.
///
/// A streamed body may have to be framed; then the head tells the framed length, and the body must be sent through the
/// framing that comes back. COS needs neither region nor content, and never frames.
///
/// # Errors
/// `Config` if a header or parameter to be signed comes twice where that has no one meaning.
pub(crate) fn seal(
    dialect: Dialect,
    region: &str,
    head: &mut Parts,
    content: Content<'_>,
    credentials: &Credentials,
    now: SystemTime,
) -> Result<Option<Framing>> {
    match dialect {
        Dialect::Cos => cos::seal(head, credentials, now).map(|()| None),
        Dialect::S3 => s3::seal(region, head, content, credentials, now),
    }
}

/// Turns the head's URI into a presigned one, which anybody can use for `seconds` from `now`.
///
/// The head needs an absolute URI. A header that the head has is signed, so whoever uses the address must send it
/// with the same value; on a head without headers only the host is signed. Encryption headers are never part of the
/// address: for an object under a customer key, whoever uses it must have that key and send the three headers.
///
/// `region` is the bucket's; COS does not ask for it.
///
/// # Errors
/// `Config` if `seconds` is 0 or more than the store allows, if the query has encryption parameters or a signature, or
/// if something comes twice.
///
/// # Examples
/// ```
/// use sealift::{dialect::Dialect, signing::{Credentials, presign}};
/// use std::time::{Duration, UNIX_EPOCH};
///
/// let (mut head, ()) = http::Request::get("https://examplebucket-1250000000.cos.ap-beijing.myqcloud.com/report.txt")
///     .body(())?
///     .into_parts();
/// let credentials = Credentials::new("SAMPLEID", "SAMPLEKEY")?;
/// let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
/// presign(Dialect::Cos, "ap-beijing", &mut head, &credentials, now, 600)?;
/// assert!(head.uri.query().is_some_and(|query| query.contains("q-header-list=host&")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn presign(
    dialect: Dialect,
    region: &str,
    head: &mut Parts,
    credentials: &Credentials,
    now: SystemTime,
    seconds: u64,
) -> Result<()> {
    match dialect {
        Dialect::Cos => cos::presign(head, credentials, now, seconds),
        Dialect::S3 => s3::presign(region, head, credentials, now, seconds),
    }
}
