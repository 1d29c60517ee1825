//! The COS signature `q-sign-algorithm=sha1`, as a header and as a presigned URL.
//!
//! Facts: "Request Signature", /document/product/436/7778. The functions at the end take explicit lists of what to
//! sign; [`seal`] and [`presign`] add the policy: everything that a bucket's "strict signature" rules may ask for.

use std::{
    borrow::Cow,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use hmac::{Hmac, KeyInit as _, Mac as _};
use http::{HeaderMap, HeaderName, header::AUTHORIZATION, request::Parts};
use sha1::{Digest as _, Sha1};
use zeroize::Zeroizing;

use super::{
    Credentials,
    canonical::{Fields, decode_path, decode_query, http_string},
    head::{append_query, hex, sensitive, set_host, unusable_token},
};
use crate::{
    dialect::Dialect,
    error::{Error, ErrorKind, Result},
    secret::Secret,
};

/// A signature is valid from so long ago, because a clock that is a little ahead would else be refused
/// ("Request has expired" is also the answer to a signature from the future). The Python SDK does the same.
const EARLY: Duration = Duration::from_mins(1);

/// And for so long, as in the Go and Java SDKs: the store judges it when the head arrives, but a slow proxy or a
/// clock that is behind must not make it stale. Each attempt is signed anew, so it need not outlive one.
const VALID: Duration = Duration::from_hours(1);

const TOKEN: &str = Dialect::Cos.names().security_token;

/// Adds `Host` (if it is missing), the token and `Authorization`.
pub(super) fn seal(head: &mut Parts, credentials: &Credentials, now: SystemTime) -> Result<()> {
    set_host(head)?;
    match &credentials.token {
        Some(token) => head.headers.insert(HeaderName::from_static(TOKEN), sensitive(token.expose())?),
        // A token of other credentials, from an earlier attempt, would not fit these.
        None => head.headers.remove(TOKEN),
    };
    let time = key_time(now, VALID);
    let signed = sign(head, &credentials.key, &time)?;
    let authorization = Zeroizing::new(format!(
        "q-sign-algorithm=sha1&q-ak={id}&q-sign-time={time}&q-key-time={time}&q-header-list={headers}\
         &q-url-param-list={parameters}&q-signature={signature}",
        id = credentials.id,
        headers = signed.headers,
        parameters = signed.parameters,
        signature = signed.signature,
    ));
    head.headers.insert(AUTHORIZATION, sensitive(authorization.as_bytes())?);
    Ok(())
}

/// Replaces the head's URI by its presigned form.
pub(super) fn presign(head: &mut Parts, credentials: &Credentials, now: SystemTime, seconds: u64) -> Result<()> {
    if seconds == 0 {
        return Err(Error::new(ErrorKind::Config, "a presigned address must be valid for a second at least"));
    }
    for (name, _) in decode_query(head.uri.query().unwrap_or_default()) {
        let name = String::from_utf8_lossy(&name).to_ascii_lowercase();
        if name.contains("server-side-encryption") {
            return Err(Error::new(ErrorKind::Config, format!("{name} must not be a query parameter"))
                .with_hint("whoever uses the presigned address sends the encryption headers"));
        }
        if name.starts_with("q-") || name == TOKEN {
            return Err(Error::new(ErrorKind::Config, format!("the address is signed already: it has {name}")));
        }
    }
    set_host(head)?;
    head.headers.remove(AUTHORIZATION);
    head.headers.remove(TOKEN);
    if let Some(token) = &credentials.token {
        let token = std::str::from_utf8(token.expose()).map_err(|_| unusable_token())?;
        append_query(head, &[(TOKEN, token)])?;
    }
    let time = key_time(now, Duration::from_secs(seconds));
    let signed = sign(head, &credentials.key, &time)?;
    append_query(
        head,
        &[
            ("q-sign-algorithm", "sha1"),
            ("q-ak", &credentials.id),
            ("q-sign-time", &time),
            ("q-key-time", &time),
            ("q-header-list", &signed.headers),
            ("q-url-param-list", &signed.parameters),
            ("q-signature", &signed.signature),
        ],
    )
}

/// Whether a header is signed: all that the official SDKs sign, and all that says what is asked of the store.
///
/// What proxies and HTTP libraries add or change on the way (`connection`, `user-agent`, `transfer-encoding`) is not.
fn is_signed(name: &str) -> bool {
    name.starts_with(Dialect::Cos.names().prefix)
        || name.starts_with("if-")
        || matches!(
            name,
            "cache-control"
                | "content-disposition"
                | "content-encoding"
                | "content-length"
                | "content-md5"
                | "content-type"
                | "expires"
                | "host"
                | "origin"
                | "range"
        )
}

/// What goes into `Authorization` or the query.
struct Signed {
    headers: String,
    parameters: String,
    signature: String,
}

fn sign(head: &Parts, key: &Secret, key_time: &str) -> Result<Signed> {
    let twice = |what: &'static str| {
        move |name: String| Error::new(ErrorKind::Config, format!("the {what} {name} is given more than once"))
    };
    let headers = Fields::new(signed_headers(&head.headers)).map_err(twice("header"))?;
    let parameters =
        Fields::new(decode_query(head.uri.query().unwrap_or_default())).map_err(twice("query parameter"))?;
    let text = http_string(head.method.as_str(), &decode_path(head.uri.path()), &parameters, &headers);
    let signature = signature(&sign_key(key, key_time), &string_to_sign(key_time, &text));
    Ok(Signed { headers: headers.list(), parameters: parameters.list(), signature })
}

/// Values without surrounding blanks, because HTTP drops them on the way.
fn signed_headers(headers: &HeaderMap) -> impl Iterator<Item = (&HeaderName, Cow<'_, [u8]>)> {
    headers
        .iter()
        .filter(|(name, _)| is_signed(name.as_str()))
        .map(|(name, value)| (name, Cow::Borrowed(value.as_bytes().trim_ascii())))
}

/// `start;end` in Unix seconds.
fn key_time(now: SystemTime, valid: Duration) -> String {
    let now = now.duration_since(UNIX_EPOCH).unwrap_or_default();
    format!("{};{}", now.saturating_sub(EARLY).as_secs(), now.saturating_add(valid).as_secs())
}

/// The key of one time window, in hex: this text, not the bytes it stands for, is the key of the last step.
pub(super) fn sign_key(key: &Secret, key_time: &str) -> Zeroizing<String> {
    Zeroizing::new(hmac_sha1(key.expose(), key_time.as_bytes()))
}

/// What the last step signs.
pub(super) fn string_to_sign(key_time: &str, http_string: &[u8]) -> String {
    format!("sha1\n{key_time}\n{}\n", hex(&Sha1::digest(http_string)))
}

/// The signature, in hex.
pub(super) fn signature(sign_key: &str, string_to_sign: &str) -> String {
    hmac_sha1(sign_key.as_bytes(), string_to_sign.as_bytes())
}

fn hmac_sha1(key: &[u8], message: &[u8]) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    hex(&mac.finalize().into_bytes())
}
