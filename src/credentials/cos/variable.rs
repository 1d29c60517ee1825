//! Credentials in environment variables.

use super::super::{half, unusable};
use crate::{error::Result, signing::Credentials};

/// Two names that are used together, and the names of the token that goes with them.
struct Pair {
    id: &'static str,
    key: &'static str,
    tokens: &'static [&'static str],
}

/// In the order of preference: what names the service, what names the cloud, what names neither.
///
/// A token is never taken from another family: it would not fit the keys. Sources: samples of the Python and
/// JavaScript SDKs; older samples; tccli and the common SDKs; the function runtime (`…SECRETID`); hadoop-cos; Go.
const PAIRS: &[Pair] = &[
    Pair { id: "COS_SECRET_ID", key: "COS_SECRET_KEY", tokens: &["COS_SESSION_TOKEN", "COS_TOKEN"] },
    Pair { id: "COS_SECRETID", key: "COS_SECRETKEY", tokens: &["COS_SESSIONTOKEN", "COS_SESSION_TOKEN", "COS_TOKEN"] },
    Pair {
        id: "TENCENTCLOUD_SECRET_ID",
        key: "TENCENTCLOUD_SECRET_KEY",
        tokens: &["TENCENTCLOUD_TOKEN", "TENCENTCLOUD_SESSION_TOKEN"],
    },
    Pair {
        id: "TENCENTCLOUD_SECRETID",
        key: "TENCENTCLOUD_SECRETKEY",
        tokens: &["TENCENTCLOUD_SESSIONTOKEN", "TENCENTCLOUD_SESSION_TOKEN"],
    },
    Pair { id: "COSN_SECRET_ID", key: "COSN_SECRET_KEY", tokens: &[] },
    Pair { id: "SECRETID", key: "SECRETKEY", tokens: &["SESSIONTOKEN"] },
];

/// The first pair that is set; `var` gives only what is not empty.
///
/// # Errors
/// `Credentials` if half a pair is set, or if a value cannot be one.
pub(super) fn read(var: &dyn Fn(&str) -> Option<String>) -> Result<Option<Credentials>> {
    for pair in PAIRS {
        let (id, key) = match (var(pair.id), var(pair.key)) {
            (None, None) => continue,
            (Some(id), Some(key)) => (id, key),
            (Some(_), None) => return Err(half(pair.id, pair.key)),
            (None, Some(_)) => return Err(half(pair.key, pair.id)),
        };
        let credentials =
            Credentials::new(id, key).map_err(|err| unusable(&err, &format!("{} and {}", pair.id, pair.key)))?;
        return match pair.tokens.iter().find_map(|name| Some((name, var(name)?))) {
            None => Ok(Some(credentials)),
            Some((name, token)) => match credentials.with_token(token) {
                Ok(credentials) => Ok(Some(credentials)),
                Err(err) => Err(unusable(&err, name)),
            },
        };
    }
    Ok(None)
}

/// Every pair's names.
pub(super) fn pairs() -> impl Iterator<Item = (&'static str, &'static str)> {
    PAIRS.iter().map(|pair| (pair.id, pair.key))
}

/// Every name, tokens included.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    PAIRS.iter().flat_map(|pair| [pair.id, pair.key].into_iter().chain(pair.tokens.iter().copied()))
}
