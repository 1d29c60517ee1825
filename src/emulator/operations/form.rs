//! Whether a request is well-formed, whatever it asks for.
//!
//! The manuals say nothing of what happens otherwise, so these answers are guesses. What is sure is that a store may not
//! choose by itself which of two values counts: the client, or what is between, may have chosen the other one.

use std::collections::BTreeSet;

use http::{header, uri::Authority};

use super::Core;
use crate::emulator::{answer::Refusal, request::Call};

/// Headers that are read here and have one value, besides the dialect's own. Those that HTTP lets come as a list are
/// among them: only a whole list could be judged.
const SINGLE: [&str; 18] = [
    "authorization",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "expect",
    "expires",
    "host",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-unmodified-since",
    "range",
    "transfer-encoding",
];

pub(super) fn check(core: &Core, call: &Call) -> Result<(), Refusal> {
    let guesses = &core.options.guesses;
    let malformed = |message: String| Err(Refusal::guessed(&guesses.malformed_request, message));
    if !has_host(call) {
        return malformed("the request does not name one host".to_owned());
    }
    if let Some(name) = repeated_header(call) {
        return malformed(format!("the header {name} comes more than once"));
    }
    let mut names = BTreeSet::new();
    if let Some((name, _)) = call.query.iter().find(|(name, _)| !names.insert(name)) {
        return malformed(format!("the parameter {name} comes more than once"));
    }
    if call.param("uploads").is_some() && call.param("uploadId").is_some() {
        return malformed("uploads and uploadId are of different calls".to_owned());
    }
    // RFC 9110, 10.1.1
    if call.headers.get(header::EXPECT).is_some_and(|value| !value.as_bytes().eq_ignore_ascii_case(b"100-continue")) {
        return Err(Refusal::guessed(&guesses.other_expectation, "nothing but 100-continue can be expected"));
    }
    Ok(())
}

/// RFC 9112, 3.2: a request without a valid Host is refused.
fn has_host(call: &Call) -> bool {
    let named = call.headers.get(header::HOST).and_then(|host| host.to_str().ok());
    named.and_then(|host| host.parse::<Authority>().ok()).is_some_and(|host| {
        let port = host.as_str().strip_prefix(host.host()).unwrap_or("@");
        !host.host().is_empty() && (port.is_empty() || port == ":" || host.port_u16().is_some())
    })
}

fn repeated_header(call: &Call) -> Option<&str> {
    let meta = call.dialect.names().meta;
    let own = meta.strip_suffix("meta-").unwrap_or(meta);
    // Of user metadata S3 makes a list (userguide/UsingMetadata.html).
    let lists = |name: &str| name.starts_with(meta) && !call.dialect.rules().plain_meta_names;
    call.headers.keys().map(http::HeaderName::as_str).find(|name| {
        let single = SINGLE.contains(name) || name.starts_with(own) && !lists(name);
        single && call.headers.get_all(*name).iter().nth(1).is_some()
    })
}
