//! Notices when an answer repeats a secret of its request.
//!
//! A store has no reason to; whoever does it is not the store, or shows what it was given to others. Such an answer is
//! refused before any part of it can become an error's text, a request id, an entity tag or a receipt.

use std::borrow::Cow;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use http::{HeaderMap, header::HeaderName};
use zeroize::Zeroizing;

use crate::{
    error::{Error, ErrorKind, Result},
    secret::Secret,
    wire,
};

/// So many letters and digits in a row give a secret away: some sixty bits, which nothing else repeats by accident.
///
/// Shorter secrets are not looked for. No store gives out such.
const WINDOW: usize = 12;
/// A window of fewer different characters is filling, such as the zeros of a structure in base64.
const LEAST_DIFFERENT: usize = 6;
/// The lowest bits of a window.
const MASK: u128 = (1 << (8 * WINDOW)) - 1;
/// How much of a header's name is shown.
const LONGEST_NAME: usize = 64;

/// The secrets that a request carried or was signed with, cut into all their windows.
///
/// Only letters and digits count, in either case: a secret whose pieces are set apart by blanks or quotes is found too.
pub(super) struct OwnSecrets(Zeroizing<Vec<u128>>);

impl OwnSecrets {
    /// The customer keys in `headers` under any of `key_names`, in base64 and hex, and the further `secrets` as they are.
    pub(super) fn of<'a>(
        headers: &HeaderMap,
        key_names: &[&'static str],
        secrets: impl IntoIterator<Item = &'a Secret>,
    ) -> Self {
        let mut windows = Zeroizing::new(Vec::new());
        for value in key_names.iter().filter_map(|name| headers.get(HeaderName::from_static(name))) {
            cut(value.as_bytes(), &mut windows);
            if let Ok(key) = BASE64_STANDARD.decode(value.as_bytes()).map(Zeroizing::new) {
                let mut hex = Zeroizing::new(Vec::with_capacity(2 * key.len()));
                for byte in key.iter() {
                    hex.extend([byte >> 4, byte & 0xf].map(|digit| b"0123456789abcdef"[usize::from(digit)]));
                }
                cut(&hex, &mut windows);
            }
        }
        for secret in secrets {
            cut(secret.expose(), &mut windows);
        }
        windows.sort_unstable();
        Self(windows)
    }

    /// # Errors
    /// `Protocol` if a header repeats a secret.
    pub(super) fn check_headers(&self, headers: &HeaderMap) -> Result<()> {
        for (name, value) in headers {
            if self.occur_in(name.as_str().as_bytes()) {
                return Err(repeated("the name of a header"));
            }
            if self.occur_in(value.as_bytes()) {
                let name: String = name.as_str().chars().take(LONGEST_NAME).collect();
                return Err(repeated(&format!("the header {name}")));
            }
        }
        Ok(())
    }

    /// # Errors
    /// `Protocol` if the text of a body repeats a secret, be it in character references.
    pub(super) fn check_body(&self, body: &[u8]) -> Result<()> {
        let plain = if body.contains(&b'&') {
            Cow::Owned(wire::unescaped(&String::from_utf8_lossy(body)).into_bytes())
        } else {
            Cow::Borrowed(body)
        };
        if self.occur_in(body) || self.occur_in(&plain) { Err(repeated("its body")) } else { Ok(()) }
    }

    fn occur_in(&self, text: &[u8]) -> bool {
        windows(text).any(|window| self.0.binary_search(&window).is_ok())
    }
}

fn cut(secret: &[u8], into: &mut Vec<u128>) {
    into.extend(windows(secret).filter(|window| {
        let mut bytes: Vec<u8> = window.to_be_bytes()[16 - WINDOW..].to_vec();
        bytes.sort_unstable();
        bytes.dedup();
        bytes.len() >= LEAST_DIFFERENT
    }));
}

/// Every run of [`WINDOW`] letters and digits in lower case, as a number; what stands between them is passed over.
fn windows(text: &[u8]) -> impl Iterator<Item = u128> {
    let significant = text.iter().filter(|byte| byte.is_ascii_alphanumeric()).map(u8::to_ascii_lowercase);
    let rolling = significant.scan(0_u128, |window, byte| {
        *window = (*window << 8 | u128::from(byte)) & MASK;
        Some(*window)
    });
    rolling.skip(WINDOW - 1)
}

fn repeated(place: &str) -> Error {
    Error::new(ErrorKind::Protocol, format!("the answer repeats a secret of the request in {place}")).with_hint(
        "this is not the store: check the endpoint and the proxy, and treat the key as known to who answered",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "x-cos-server-side-encryption-customer-key";

    fn own() -> OwnSecrets {
        let mut headers = HeaderMap::new();
        headers.insert(KEY, "q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4k=".parse().unwrap());
        OwnSecrets::of(&headers, &[KEY], [&Secret::new("Gu5t9xGARNpq86cd98joQYCN3Cozk1qA"), &Secret::new("short")])
    }

    #[track_caller]
    fn body(text: &str, found: bool) {
        assert_eq!(own().check_body(text.as_bytes()).is_err(), found, "{text}");
    }

    #[test]
    fn a_customer_key_is_found_in_any_form_and_in_pieces() {
        body("<Message>bad key q83vASNFZ4mrze8BI0VniavN7wEjRWeJq83vASNFZ4k=</Message>", true);
        body("abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789", true);
        body("ABCDEF0123456789ABCDEF", true);
        body("q83v ASNF Z4mr ze8B", true);
        body("\"q83vASNFZ\" + \"4mrze8\"", true);
        body("&#113;&#56;&#51;&#118;&#65;&#83;&#78;&#70;&#90;&#52;&#109;&#114;", true);
    }

    #[test]
    fn a_secret_key_is_found_and_nothing_else() {
        body("AuthFailure: Gu5t9xGARNpq86cd98joQYCN3Cozk1qA", true);
        body("QYCN3Cozk1qA", true);
        body("it is short, the request id is NWNhNDAyMzBfMTljMDQwXzJhOTJhXzQ3ZTU1NQ==", false);
        body("", false);
    }

    #[test]
    fn filling_gives_nothing_away() {
        let own = OwnSecrets::of(&HeaderMap::new(), &[], [&Secret::new("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB")]);
        assert!(own.check_body(b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB").is_ok());
    }

    #[test]
    fn the_header_is_named_but_not_its_value() {
        let mut headers = HeaderMap::new();
        headers.insert("etag", "\"q83vASNFZ4mrze8BI0Vni\"".parse().unwrap());
        let error = own().check_headers(&headers).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol);
        assert_eq!(error.message(), "the answer repeats a secret of the request in the header etag");
        let mut headers = HeaderMap::new();
        headers.insert("x-cos-meta-abcdef0123456789", "1".parse().unwrap());
        assert!(own().check_headers(&headers).unwrap_err().message().ends_with("in the name of a header"));
    }
}
