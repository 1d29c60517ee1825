//! What the headers tell of a body, and whether it is so.

use std::sync::Arc;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use http::header;
use md5::{Digest as _, Md5};

use super::{
    Core, Upstream,
    integrity::{self, Brought},
};
use crate::{
    emulator::{
        answer::Refusal,
        checksum::Algorithm,
        hex, number,
        request::Call,
        store::{AtRest, Wanted, Written},
    },
    secret::Secret,
};

/// What the headers tell of a body to come.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    length: u64,
    md5: Option<[u8; 16]>,
    /// Hexadecimal digits.
    sha1: Option<String>,
    pub(super) brought: Option<Brought>,
}

/// Checks the headers of a body: its length must be told, at most `most`, and its digests well-formed.
pub(super) fn expected(call: &Call, upstream: &Upstream, most: u64) -> Result<Expected, Refusal> {
    let told = call.header(header::CONTENT_LENGTH.as_str())?.and_then(number::read);
    let length = upstream.decoded_length().or(told).ok_or_else(no_length)?;
    if length > most {
        return Err(Refusal::new(400, "EntityTooLarge", format!("the body is longer than {most} bytes")));
    }
    let sha1 = call.dialect.rules().content_sha1.map(|name| call.header(name)).transpose()?.flatten();
    let sha1 = sha1.map(str::to_ascii_lowercase);
    if sha1.as_ref().is_some_and(|sha1| hex::decode(sha1).is_none_or(|sha1| sha1.len() != 20)) {
        return Err(bad_sha1());
    }
    Ok(Expected { length, md5: content_md5(call)?, sha1, brought: integrity::brought(call)? })
}

/// `Content-MD5`, if it is there.
pub(super) fn content_md5(call: &Call) -> Result<Option<[u8; 16]>, Refusal> {
    let Some(text) = call.header("content-md5")? else { return Ok(None) };
    STANDARD
        .decode(text)
        .ok()
        .and_then(|digest| digest.try_into().ok())
        .map(Some)
        .ok_or_else(|| Refusal::new(400, "InvalidDigest", "the Content-MD5 is not base64 of 16 bytes"))
}

/// Brings a body to disk and compares it with the digests that came with it.
pub(super) async fn receive(
    core: &Arc<Core>,
    call: &Call,
    upstream: &mut Upstream,
    (expected, mut checksums): (Expected, Vec<Algorithm>),
    (at_rest, data_key): (&AtRest, Option<Secret>),
) -> Result<Written, Refusal> {
    // Only where the dialect has no checksums of its own.
    checksums.extend(expected.sha1.is_some().then_some(Algorithm::Sha1));
    // MD5 is slower than everything else together, so it is taken only where someone can see it.
    let wanted = Wanted { md5: expected.md5.is_some() || at_rest.tags_by_md5(), checksums };
    let writer =
        super::blocking(core, call, move |_, bucket| Ok(bucket.write_blob(data_key.as_ref(), &wanted)?)).await?;
    let mut written = upstream.store(writer).await?;
    if written.blob.size != expected.length {
        return Err(Refusal::new(400, "IncompleteBody", "the body is shorter than its Content-Length"));
    }
    if expected.md5.is_some_and(|md5| written.md5 != Some(md5)) {
        return Err(bad_digest());
    }
    if let Some(expected) = expected.sha1 {
        let sha1 = written.checksums.pop().and_then(|sha1| STANDARD.decode(sha1.value).ok()).unwrap_or_default();
        if hex::encode(&sha1) != expected {
            return Err(bad_sha1());
        }
    }
    integrity::check(expected.brought.as_ref(), upstream, &written)?;
    Ok(written)
}

/// Compares a body in memory with its `Content-MD5`.
pub(super) fn check_md5(told: Option<[u8; 16]>, body: &[u8]) -> Result<(), Refusal> {
    match told {
        Some(md5) if <[u8; 16]>::from(Md5::digest(body)) != md5 => Err(bad_digest()),
        _ => Ok(()),
    }
}

pub(super) fn no_length() -> Refusal {
    Refusal::new(411, "MissingContentLength", "the Content-Length is missing")
}

fn bad_sha1() -> Refusal {
    Refusal::new(400, "InvalidSHA1Digest", "the SHA-1 does not fit the body")
}

fn bad_digest() -> Refusal {
    Refusal::new(400, "BadDigest", "the Content-MD5 does not fit the body")
}
