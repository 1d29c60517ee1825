//! Who asks: the signatures of both dialects, checked from the request as it stands on the wire.

mod chunked;
mod cos;
mod v4;

use http::HeaderMap;

pub(super) use self::chunked::Decoder;
use super::{answer::Refusal, dialect::Spoken};
use crate::secret::Secret;

/// Someone who may use the store.
#[derive(Clone, Debug)]
pub(super) struct Account {
    pub(super) id: String,
    pub(super) key: Secret,
    /// For temporary credentials: what each request must carry as well.
    pub(super) token: Option<Secret>,
    /// And until when, in seconds since 1970.
    pub(super) expires: Option<u64>,
}

/// The parts of a request that can be signed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Signable<'a> {
    pub(super) method: &'a str,
    /// The whole path, decoded.
    pub(super) path: &'a str,
    /// Decoded, in wire order.
    pub(super) query: &'a [(String, String)],
    pub(super) headers: &'a HeaderMap,
}

/// What a signature says of the body to come.
#[derive(Debug, Default)]
pub(super) enum Payload {
    /// Nothing.
    #[default]
    Unsigned,
    /// Its SHA-256.
    Sha256([u8; 32]),
    /// It is in chunks that are to be decoded.
    Chunked(Box<Decoder>),
}

/// Whether one of the accounts signed this request, and for this time.
pub(super) fn check(
    dialect: Spoken,
    request: Signable<'_>,
    accounts: &[Account],
    region: &str,
    now: u64,
) -> Result<Payload, Refusal> {
    match dialect {
        Spoken::Cos => cos::check(request, accounts, now).map(|()| Payload::Unsigned),
        Spoken::S3 => v4::check(request, accounts, region, now),
    }
}

/// How far a client's clock may be off, in seconds; the same in both dialects.
const SKEW: u64 = 15 * 60;

/// Whether temporary credentials, whose token is right, are still good; told in the same way by both dialects.
fn check_expiry(account: &Account, now: u64) -> Result<(), Refusal> {
    if account.expires.is_some_and(|end| end <= now) {
        return Err(Refusal::new(400, "ExpiredToken", "the security token has expired"));
    }
    Ok(())
}

/// The account of this id, in words that both dialects use.
fn account<'a>(accounts: &'a [Account], id: &str) -> Result<&'a Account, Refusal> {
    accounts
        .iter()
        .find(|account| account.id == id)
        .ok_or_else(|| Refusal::new(403, "InvalidAccessKeyId", "the access key id is not known here"))
}
