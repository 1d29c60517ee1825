//! Signature Version 4 as S3 checks it (docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html):
//! in the Authorization header, or in the parameters of a presigned address.

use http::{HeaderMap, HeaderValue, header};
use ring::{digest, hmac};

use super::{Account, Decoder, Payload, SKEW, Signable, chunked};
use crate::{
    emulator::{answer::Refusal, dates, hex, number, percent},
    secret::Secret,
};

const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const DATE: &str = "x-amz-date";
const CONTENT: &str = "x-amz-content-sha256";
const TOKEN: &str = "x-amz-security-token";
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
/// A presigned address lives for seven days at most.
const LONGEST: u64 = 7 * 24 * 3600;

/// Whether one of the accounts signed this request, and for this time; and what that says of the body.
pub(super) fn check(request: Signable<'_>, accounts: &[Account], region: &str, now: u64) -> Result<Payload, Refusal> {
    let claim = Claim::read(request)?;
    let account = super::account(accounts, &claim.id)?;
    claim.check_scope(region)?;
    claim.check_time(now)?;
    check_token(request, account)?;
    super::check_expiry(account, now)?;
    check_coverage(request, &claim)?;
    let key = SigningKey::derive(account.key.expose(), &claim.scope);
    let signature = key.sign(claim.string_to_sign(request).as_bytes());
    // Both are digests that an attacker cannot steer byte by byte, yet a constant time costs nothing.
    if !Secret::new(signature.as_str()).matches(&Secret::new(claim.signature.as_str())) {
        return Err(mismatch());
    }
    payload(request, claim, key)
}

/// What the signature says of the body.
fn payload(request: Signable<'_>, claim: Claim, key: SigningKey) -> Result<Payload, Refusal> {
    if claim.payload == UNSIGNED {
        return Ok(Payload::Unsigned);
    }
    if let Some(form) = chunked::Form::named(&claim.payload) {
        let chain = chunked::Chain { key, time: claim.time, scope: claim.scope.text(), previous: claim.signature };
        return Ok(Payload::Chunked(Box::new(Decoder::new(form, chain, request.headers)?)));
    }
    hex::decode(&claim.payload)
        .and_then(|digest| digest.try_into().ok())
        .filter(|_| !claim.payload.bytes().any(|byte| byte.is_ascii_uppercase()))
        .map(Payload::Sha256)
        .ok_or_else(|| {
            Refusal::argument(
                "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, a STREAMING- name or the SHA-256 of the body",
            )
        })
}

/// The key of one day, region and service.
#[derive(Debug)]
pub(super) struct SigningKey(hmac::Key);

impl SigningKey {
    fn derive(secret: &[u8], scope: &Scope) -> Self {
        let mut key = Secret::new([b"AWS4", secret].concat());
        for step in [&scope.date, &scope.region, &scope.service, "aws4_request"] {
            let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key.expose()), step.as_bytes());
            key = Secret::new(tag.as_ref());
        }
        Self(hmac::Key::new(hmac::HMAC_SHA256, key.expose()))
    }

    pub(super) fn sign(&self, text: &[u8]) -> String {
        hex::encode(hmac::sign(&self.0, text).as_ref())
    }
}

/// Day, region and service of a signature.
#[derive(Debug)]
struct Scope {
    date: String,
    region: String,
    service: String,
}

impl Scope {
    fn text(&self) -> String {
        format!("{}/{}/{}/aws4_request", self.date, self.region, self.service)
    }
}

/// What an authorization says.
#[derive(Debug)]
struct Claim {
    id: String,
    scope: Scope,
    /// `20130524T000000Z`, and the same in seconds since 1970.
    time: String,
    seconds: u64,
    /// For how long a presigned address counts.
    lifetime: Option<u64>,
    signed_headers: Vec<String>,
    signature: String,
    /// The last line of the canonical request.
    payload: String,
}

impl Claim {
    fn read(request: Signable<'_>) -> Result<Self, Refusal> {
        let presigned = request.query.iter().any(|(name, _)| name == "X-Amz-Algorithm");
        match (request.headers.get(header::AUTHORIZATION), presigned) {
            (Some(_), true) => Err(Refusal::argument("a request is signed by its header or its address, not by both")),
            (Some(value), false) => Self::from_header(request, value),
            (None, true) => Self::from_query(request),
            (None, false) => Err(Refusal::new(403, "AccessDenied", "the request is not signed")),
        }
    }

    fn from_header(request: Signable<'_>, value: &HeaderValue) -> Result<Self, Refusal> {
        let malformed = |message| Refusal::new(400, "AuthorizationHeaderMalformed", message);
        let text = value.to_str().map_err(|_| malformed("the authorization is not text"))?;
        let (algorithm, fields) = text.split_once(' ').ok_or_else(|| malformed("the authorization has no fields"))?;
        if algorithm != ALGORITHM {
            return Err(Refusal::new(400, "InvalidRequest", "the authorization must be AWS4-HMAC-SHA256"));
        }
        let field = |wanted: &str| {
            let mut found = fields.split(',').filter_map(|field| field.trim().strip_prefix(wanted)?.strip_prefix('='));
            match (found.next(), found.next()) {
                (Some(value), None) => Ok(value),
                _ => Err(malformed("the authorization needs Credential, SignedHeaders and Signature, each once")),
            }
        };
        let (id, scope) = credential(field("Credential")?).ok_or_else(|| malformed("the credential is malformed"))?;
        let no_date = || Refusal::new(403, "AccessDenied", "the request needs a valid Date or x-amz-date header");
        let (time, seconds) = signing_time(request.headers).ok_or_else(no_date)?;
        let payload = text_of(request.headers, CONTENT)
            .ok_or_else(|| Refusal::new(400, "InvalidRequest", "the header x-amz-content-sha256 is missing"))?;
        Ok(Self {
            id,
            scope,
            time,
            seconds,
            lifetime: None,
            signed_headers: list(field("SignedHeaders")?),
            signature: field("Signature")?.to_owned(),
            payload,
        })
    }

    fn from_query(request: Signable<'_>) -> Result<Self, Refusal> {
        let malformed = |message| Refusal::new(400, "AuthorizationQueryParametersError", message);
        let field = |wanted: &str| {
            let mut found = request.query.iter().filter(|(name, _)| name == wanted);
            match (found.next(), found.next()) {
                (Some((_, value)), None) => Ok(value.as_str()),
                _ => Err(malformed(
                    "a presigned address needs X-Amz-Algorithm, -Credential, -Date, -Expires, -SignedHeaders and \
                     -Signature, each once",
                )),
            }
        };
        if field("X-Amz-Algorithm")? != ALGORITHM {
            return Err(malformed("X-Amz-Algorithm must be AWS4-HMAC-SHA256"));
        }
        let (id, scope) =
            credential(field("X-Amz-Credential")?).ok_or_else(|| malformed("X-Amz-Credential is malformed"))?;
        let time = field("X-Amz-Date")?.to_owned();
        let seconds = dates::parse_basic(&time).ok_or_else(|| malformed("X-Amz-Date must be as 20130524T000000Z"))?;
        let lifetime = number::read(field("X-Amz-Expires")?)
            .filter(|lifetime| (1..=LONGEST).contains(lifetime))
            .ok_or_else(|| malformed("X-Amz-Expires must be from 1 to 604800 seconds"))?;
        Ok(Self {
            id,
            scope,
            time,
            seconds,
            lifetime: Some(lifetime),
            signed_headers: list(field("X-Amz-SignedHeaders")?),
            signature: field("X-Amz-Signature")?.to_owned(),
            payload: text_of(request.headers, CONTENT).unwrap_or_else(|| UNSIGNED.to_owned()),
        })
    }

    fn check_scope(&self, region: &str) -> Result<(), Refusal> {
        let code = match self.lifetime {
            None => "AuthorizationHeaderMalformed",
            Some(_) => "AuthorizationQueryParametersError",
        };
        let malformed = |message| Err(Refusal::new(400, code, message));
        if self.scope.service != "s3" {
            return malformed("the credential's service must be s3".to_owned());
        }
        if self.scope.region != region {
            return malformed(format!("the region '{}' is wrong; expecting '{region}'", self.scope.region));
        }
        if !self.time.starts_with(&self.scope.date) {
            return malformed("the credential's day is not that of the request".to_owned());
        }
        Ok(())
    }

    fn check_time(&self, now: u64) -> Result<(), Refusal> {
        let denied = |message| Err(Refusal::new(403, "AccessDenied", message));
        match self.lifetime {
            None if self.seconds.abs_diff(now) > SKEW => Err(Refusal::new(
                403,
                "RequestTimeTooSkewed",
                "The difference between the request time and the current time is too large.",
            )),
            Some(_) if self.seconds > now.saturating_add(SKEW) => denied("Request is not valid yet"),
            Some(lifetime) if now > self.seconds.saturating_add(lifetime) => denied("Request has expired"),
            _ => Ok(()),
        }
    }

    fn string_to_sign(&self, request: Signable<'_>) -> String {
        let canonical = canonical(request, self);
        let digest = hex::encode(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
        format!("{ALGORITHM}\n{}\n{}\n{digest}", self.time, self.scope.text())
    }
}

/// `ID/20130524/us-east-1/s3/aws4_request`; an id may hold slashes itself.
fn credential(text: &str) -> Option<(String, Scope)> {
    let mut parts = text.rsplitn(5, '/');
    let last = parts.next()?;
    let (service, region, date) = (parts.next()?.to_owned(), parts.next()?.to_owned(), parts.next()?.to_owned());
    let id = parts.next()?.to_owned();
    let day = date.len() == 8 && date.bytes().all(|byte| byte.is_ascii_digit());
    (last == "aws4_request" && day && !id.is_empty()).then_some((id, Scope { date, region, service }))
}

/// The time that was signed: `x-amz-date`, or else `Date`, in either form.
fn signing_time(headers: &HeaderMap) -> Option<(String, u64)> {
    let text = text_of(headers, DATE).or_else(|| text_of(headers, "date"))?;
    match dates::parse_basic(&text) {
        Some(seconds) => Some((text, seconds)),
        None => dates::parse_http(&text).map(|seconds| (dates::basic(seconds), seconds)),
    }
}

fn text_of(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(|text| text.trim().to_owned())
}

fn list(text: &str) -> Vec<String> {
    text.split(';').filter(|name| !name.is_empty()).map(str::to_ascii_lowercase).collect()
}

/// The host, and every header of the store's own, must be signed.
fn check_coverage(request: Signable<'_>, claim: &Claim) -> Result<(), Refusal> {
    let mut unsigned = request
        .headers
        .keys()
        .map(http::HeaderName::as_str)
        .filter(|name| *name == "host" || name.starts_with("x-amz-"))
        .filter(|name| !claim.signed_headers.iter().any(|signed| signed == name))
        .collect::<Vec<_>>();
    unsigned.sort_unstable();
    if unsigned.is_empty() {
        return Ok(());
    }
    let message = format!("There were headers present in the request which were not signed: {}", unsigned.join(", "));
    Err(Refusal::new(403, "AccessDenied", message))
}

/// A token comes as a header, or as a parameter of a presigned address.
fn check_token(request: Signable<'_>, account: &Account) -> Result<(), Refusal> {
    let in_header = text_of(request.headers, TOKEN);
    let in_query = || request.query.iter().find(|(name, _)| name == "X-Amz-Security-Token").map(|(_, value)| value);
    match (&account.token, in_header.or_else(|| in_query().cloned())) {
        (None, None) => Ok(()),
        (Some(expected), Some(given)) if expected.matches(&Secret::new(given.as_str())) => Ok(()),
        (Some(_), None) => Err(Refusal::new(403, "InvalidAccessKeyId", "temporary credentials need their token")),
        _ => Err(Refusal::new(400, "InvalidToken", "the token does not belong to the access key id")),
    }
}

fn canonical(request: Signable<'_>, claim: &Claim) -> String {
    let path = percent::encode(request.path.as_bytes()).replace("%2F", "/");
    let mut query: Vec<(String, String)> = request
        .query
        .iter()
        .filter(|(name, _)| name != "X-Amz-Signature")
        .map(|(name, value)| (percent::encode(name.as_bytes()), percent::encode(value.as_bytes())))
        .collect();
    query.sort();
    let query: Vec<String> = query.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mut headers = String::new();
    for name in &claim.signed_headers {
        let values: Vec<String> =
            request.headers.get_all(name).iter().map(|value| collapsed(value.as_bytes())).collect();
        headers.extend([name, ":", &values.join(","), "\n"]);
    }
    format!(
        "{}\n{path}\n{}\n{headers}\n{}\n{}",
        request.method,
        query.join("&"),
        claim.signed_headers.join(";"),
        claim.payload
    )
}

/// A header's value without spaces around it, and with single ones within.
fn collapsed(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    text.split([' ', '\t']).filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

fn mismatch() -> Refusal {
    let message = "The request signature we calculated does not match the signature you provided.";
    Refusal::new(403, "SignatureDoesNotMatch", message)
}

#[cfg(test)]
pub(super) mod tests;
