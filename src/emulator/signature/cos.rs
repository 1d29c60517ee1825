//! The request signature as the service checks it (/document/product/436/7778): the client's own lists of headers and
//! parameters are taken as given, everything else is computed from the request as it stands on the wire.

use std::collections::BTreeSet;

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha1::{Digest as _, Sha1};

use super::{Account, SKEW, Signable};
use crate::{
    emulator::{answer::Refusal, dates, hex, number, percent},
    secret::Secret,
};

const TOKEN: &str = "x-cos-security-token";

/// Whether one of the accounts signed this request, and for this time.
pub(super) fn check(request: Signable<'_>, accounts: &[Account], now: u64) -> Result<(), Refusal> {
    let claim = Claim::read(request)?;
    let account = super::account(accounts, &claim.id)?;
    check_time(request, &claim, now)?;
    check_token(request, account)?;
    super::check_expiry(account, now)?;
    let expected = signature(request, &claim, account)?;
    // Both are digests that an attacker cannot steer byte by byte, yet a constant time costs nothing.
    if !Secret::new(expected).matches(&Secret::new(claim.signature)) {
        return Err(mismatch("the signature does not fit the request"));
    }
    Ok(())
}

/// What an authorization says.
struct Claim {
    id: String,
    sign_time: String,
    key_time: String,
    header_list: Vec<String>,
    param_list: Vec<String>,
    signature: String,
    presigned: bool,
}

impl Claim {
    fn read(request: Signable<'_>) -> Result<Self, Refusal> {
        let header = request.headers.get(http::header::AUTHORIZATION);
        let in_query = |wanted: &str| request.query.iter().find(|(name, _)| name == wanted).map(|(_, value)| value);
        let (pairs, presigned) = if let Some(header) = header {
            let text = header.to_str().map_err(|_| malformed())?;
            if text.starts_with("AWS4-") {
                return Err(foreign(request));
            }
            (split(text), false)
        } else if let Some(text) = in_query("sign") {
            (split(text), true)
        } else if in_query("q-signature").is_some() {
            (request.query.to_vec(), true)
        } else {
            return Err(Refusal::new(403, "AccessDenied", "the request is not signed"));
        };
        let field = |wanted: &str| {
            let mut found = pairs.iter().filter(|(name, _)| name == wanted);
            match (found.next(), found.next()) {
                (Some((_, value)), None) => Ok(value.clone()),
                _ => Err(malformed()),
            }
        };
        if field("q-sign-algorithm")? != "sha1" {
            return Err(Refusal::new(400, "VerifyAlgorithmNotSupported", "the signature's algorithm must be sha1"));
        }
        Ok(Self {
            id: field("q-ak")?,
            sign_time: field("q-sign-time")?,
            key_time: field("q-key-time")?,
            header_list: list(&field("q-header-list")?)?,
            param_list: list(&field("q-url-param-list")?)?,
            signature: field("q-signature")?,
            presigned,
        })
    }
}

/// Splits `a=b&c=d` as it stands: values in an Authorization header are not encoded.
fn split(text: &str) -> Vec<(String, String)> {
    text.split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (name.trim().to_owned(), value.to_owned()))
        .collect()
}

/// The names of a list. Each counts once: a repeated one could hide which value was signed.
fn list(text: &str) -> Result<Vec<String>, Refusal> {
    let names: Vec<String> = text.split(';').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    let distinct: BTreeSet<&String> = names.iter().collect();
    if distinct.len() == names.len() { Ok(names) } else { Err(malformed()) }
}

/// A signature counts between its times; a start far ahead says that the client's clock is wrong.
fn check_time(request: Signable<'_>, claim: &Claim, now: u64) -> Result<(), Refusal> {
    let skewed = || Refusal::new(403, "RequestTimeTooSkewed", "the clock of the client is more than 15 minutes off");
    let date = request.headers.get(http::header::DATE).and_then(|value| value.to_str().ok());
    if let Some(date) = date.and_then(dates::parse_http)
        && !claim.presigned
        && date.abs_diff(now) > SKEW
    {
        return Err(skewed());
    }
    for window in [&claim.key_time, &claim.sign_time] {
        let (start, end) = window
            .split_once(';')
            .and_then(|(start, end)| Some((number::read(start)?, number::read(end)?)))
            .filter(|(start, end)| start <= end)
            .ok_or_else(malformed)?;
        if start > now.saturating_add(SKEW) {
            return Err(skewed());
        }
        if now < start || now > end {
            return Err(Refusal::new(403, "AccessDenied", "Request has expired"));
        }
    }
    Ok(())
}

/// A token comes as a header, or as a parameter of a presigned address; it need not be signed.
fn check_token(request: Signable<'_>, account: &Account) -> Result<(), Refusal> {
    let in_header = request.headers.get(TOKEN).map(http::HeaderValue::as_bytes);
    let in_query = request.query.iter().find(|(name, _)| name == TOKEN).map(|(_, value)| value.as_bytes());
    match (&account.token, in_header.or(in_query).filter(|token| !token.is_empty())) {
        (None, None) => Ok(()),
        (Some(expected), Some(given)) if expected.matches(&Secret::new(given)) => Ok(()),
        (Some(_), None) => Err(Refusal::new(403, "AccessDenied", "temporary credentials need their security token")),
        _ => Err(Refusal::new(403, "AccessDenied", "the security token does not belong to the access key id")),
    }
}

fn signature(request: Signable<'_>, claim: &Claim, account: &Account) -> Result<String, Refusal> {
    let parameters: Vec<(String, String)> = request
        .query
        .iter()
        .map(|(name, value)| (signed_name(name.as_bytes()), percent::encode(value.as_bytes())))
        .collect();
    let headers: Vec<(String, String)> = request
        .headers
        .iter()
        .map(|(name, value)| (signed_name(name.as_str().as_bytes()), percent::encode(value.as_bytes())))
        .collect();
    let http_string = format!(
        "{}\n{}\n{}\n{}\n",
        request.method.to_ascii_lowercase(),
        request.path,
        canonical(&parameters, &claim.param_list)?,
        canonical(&headers, &claim.header_list)?,
    );
    let digest = hex::encode(&Sha1::digest(http_string.as_bytes()));
    let sign_key = hex::encode(&hmac(account.key.expose(), claim.key_time.as_bytes()));
    let string_to_sign = format!("sha1\n{}\n{digest}\n", claim.sign_time);
    Ok(hex::encode(&hmac(sign_key.as_bytes(), string_to_sign.as_bytes())))
}

/// The listed pairs as `name=value` in the order of names; values of a repeated name in their own order.
fn canonical(pairs: &[(String, String)], listed: &[String]) -> Result<String, Refusal> {
    let mut signed = Vec::with_capacity(listed.len());
    for wanted in listed {
        let before = signed.len();
        signed.extend(pairs.iter().filter(|(name, _)| name == wanted).map(|(name, value)| format!("{name}={value}")));
        if signed.len() == before {
            return Err(mismatch("the signature lists a header or parameter that the request does not have"));
        }
    }
    // '=' sorts after '-', '.' and the digits, which names may hold: so sort by name first.
    signed.sort_by(|a, b| a.split_once('=').cmp(&b.split_once('=')));
    Ok(signed.join("&"))
}

fn signed_name(name: &[u8]) -> String {
    percent::encode(name).to_ascii_lowercase()
}

fn hmac(key: &[u8], message: &[u8]) -> [u8; 20] {
    let mut mac = Hmac::<Sha1>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(message);
    mac.finalize().into_bytes().into()
}

/// The real service takes signatures of S3 too (/document/product/436/32537), but no chunks: what it says then is in
/// milvus-io/milvus#49978.
fn foreign(request: Signable<'_>) -> Refusal {
    let content = request.headers.get("x-amz-content-sha256").and_then(|value| value.to_str().ok());
    match content.filter(|content| content.starts_with("STREAMING-")) {
        Some(content) => {
            let message = format!("Aws MultiChunkedEncoding {content} is not supported");
            Refusal::new(400, "NotImplemented", message)
        }
        None => Refusal::new(501, "NotImplemented", "as COS, this store takes q-sign signatures only"),
    }
}

fn malformed() -> Refusal {
    Refusal::new(403, "AccessDenied", "the authorization is malformed")
}

fn mismatch(message: &'static str) -> Refusal {
    Refusal::new(403, "SignatureDoesNotMatch", message)
}

#[cfg(test)]
mod tests;
