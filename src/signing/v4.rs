//! AWS Signature Version 4 as S3 reads it: pure functions from a head's parts to the text, the key and the signature.
//!
//! Facts: "Signature Calculations for the Authorization Header", docs.aws.amazon.com/AmazonS3/latest/API/
//! sig-v4-header-based-auth.html. Unlike other services, S3 takes a path as it is: dot segments and double slashes
//! are part of a key, and nothing is encoded twice. The canonical text holds customer keys and tokens when the
//! request carries them, so it is written once into a buffer that is wiped, with room enough never to be moved.

use std::{
    fmt,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use hmac::{Hmac, KeyInit as _, Mac as _};
use percent_encoding::{AsciiSet, percent_encode};
use sha2::{Digest as _, Sha256};
use zeroize::Zeroizing;

use super::{
    canonical::{ENCODED, decode_path, decode_query},
    head::hex,
};
use crate::secret::Secret;

/// The name of the method, in the header and in what is signed.
pub(super) const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// What ends a scope.
const TERMINATOR: &str = "aws4_request";

/// A path keeps its slashes: they separate the segments of a key.
const PATH: &AsciiSet = &ENCODED.remove(b'/');

/// Headers to sign, by name in lower case; the values of a name that comes more than once stay in their order.
pub(super) struct Headers<'a>(Vec<(&'a str, &'a [u8])>);

impl<'a> Headers<'a> {
    /// Takes names in lower case, and values as they are sent, in any order.
    pub(super) fn new(pairs: impl IntoIterator<Item = (&'a str, &'a [u8])>) -> Self {
        let mut pairs: Vec<_> = pairs.into_iter().collect();
        pairs.sort_by_key(|(name, _)| *name);
        Self(pairs)
    }

    /// The names, as `SignedHeaders` gives them.
    pub(super) fn list(&self) -> String {
        let mut names: Vec<_> = self.0.iter().map(|(name, _)| *name).collect();
        names.dedup();
        names.join(";")
    }

    /// The most bytes that [`Self::write`] adds.
    fn room(&self) -> usize {
        self.0.iter().map(|(name, value)| name.len() + value.len() + 2).sum()
    }

    /// `name:value` and a line end each; values of one name are joined with commas.
    fn write(&self, out: &mut Vec<u8>) {
        for fields in self.0.chunk_by(|(one, _), (other, _)| one == other) {
            out.extend_from_slice(fields[0].0.as_bytes());
            for (index, (_, value)) in fields.iter().enumerate() {
                out.push(if index == 0 { b':' } else { b',' });
                fold(value, out);
            }
            out.push(b'\n');
        }
    }
}

/// A value without the blanks around it, and with one space for each run of blanks inside.
///
/// The manual's `Trimall` speaks of spaces; botocore and the common runtime fold tabs and line ends as well.
fn fold(value: &[u8], out: &mut Vec<u8>) {
    for (index, word) in value.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).enumerate() {
        if index > 0 {
            out.push(b' ');
        }
        out.extend_from_slice(word);
    }
}

/// The text whose SHA-256 is signed.
///
/// `path` and `query` stand as on the wire. They are decoded once and encoded anew, because that is what the store
/// does with them: however the wire spells a `~` or a hex digit, both sides sign the same. `payload` is the value of
/// `x-amz-content-sha256`.
pub(super) fn canonical_request(
    method: &str,
    path: &str,
    query: &str,
    headers: &Headers<'_>,
    payload: &str,
) -> Zeroizing<Vec<u8>> {
    let list = headers.list();
    let mut parameters: Vec<(String, String)> = decode_query(query)
        .map(|(name, value)| (percent_encode(&name, ENCODED).to_string(), percent_encode(&value, ENCODED).to_string()))
        .collect();
    // By name, then by value, both as they are encoded.
    parameters.sort_unstable();

    // A byte becomes three at most, and a parameter may get its equals sign.
    let room = method.len() + (path.len() + query.len()) * 3 + parameters.len() + headers.room();
    let mut out = Zeroizing::new(Vec::with_capacity(room + list.len() + payload.len() + 8));
    out.extend_from_slice(method.as_bytes());
    out.push(b'\n');
    for piece in percent_encode(&decode_path(if path.is_empty() { "/" } else { path }), PATH) {
        out.extend_from_slice(piece.as_bytes());
    }
    out.push(b'\n');
    for (index, (name, value)) in parameters.iter().enumerate() {
        if index > 0 {
            out.push(b'&');
        }
        out.extend_from_slice(name.as_bytes());
        out.push(b'=');
        out.extend_from_slice(value.as_bytes());
    }
    out.push(b'\n');
    headers.write(&mut out);
    out.push(b'\n');
    out.extend_from_slice(list.as_bytes());
    out.push(b'\n');
    out.extend_from_slice(payload.as_bytes());
    out
}

/// A time as V4 writes it, such as `20130524T000000Z`.
///
/// What a clock cannot mean (before 1970, after 9999) becomes the nearest that can be written: the store's refusal
/// then says what is wrong with it.
pub(super) fn stamp(now: SystemTime) -> String {
    const LAST: Duration = Duration::from_secs(253_402_300_799);
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let now = UNIX_EPOCH + now.duration_since(UNIX_EPOCH).unwrap_or_default().min(LAST);
    // `Fri, 24 May 2013 00:00:00 GMT`: each field has its place.
    let text = httpdate::fmt_http_date(now);
    let month = MONTHS.find(&text[8..11]).map_or(0, |at| at / 3 + 1);
    format!("{}{month:02}{}T{}{}{}Z", &text[12..16], &text[5..7], &text[17..19], &text[20..22], &text[23..25])
}

/// Where and when a signature is good.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    stamp: String,
    region: String,
    service: &'static str,
}

impl Scope {
    /// The scope of requests to a service of a region at a time that [`stamp`] wrote.
    pub(super) fn new(stamp: String, region: &str, service: &'static str) -> Self {
        Self { stamp, region: region.to_owned(), service }
    }

    /// The time of the request.
    pub(super) fn stamp(&self) -> &str {
        &self.stamp
    }

    fn day(&self) -> &str {
        &self.stamp[..8]
    }

    /// What is signed of a text: its digest, or several, under the name of what they are.
    pub(super) fn string_to_sign(&self, algorithm: &str, digests: &[&str]) -> String {
        let mut text = format!("{algorithm}\n{}\n{self}", self.stamp);
        for digest in digests {
            text.push('\n');
            text.push_str(digest);
        }
        text
    }
}

/// `day/region/service/aws4_request`.
impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}/{TERMINATOR}", self.day(), self.region, self.service)
    }
}

/// The key of one day, region and service: ready to sign with, wiped when dropped.
#[derive(Clone)]
pub(super) struct SigningKey(Hmac<Sha256>);

impl SigningKey {
    /// Derives it from a secret key: four HMACs, one to two microseconds, a fifth of a seal: too little to keep a
    /// key between requests for.
    pub(super) fn derive(secret: &Secret, scope: &Scope) -> Self {
        let mut seed = Zeroizing::new(Vec::with_capacity(4 + secret.len()));
        seed.extend_from_slice(b"AWS4");
        seed.extend_from_slice(secret.expose());
        let day = keyed(&seed).digest(scope.day().as_bytes());
        let region = keyed(&*day).digest(scope.region.as_bytes());
        let service = keyed(&*region).digest(scope.service.as_bytes());
        keyed(&*keyed(&*service).digest(TERMINATOR.as_bytes()))
    }

    /// The signature of a text, in hex.
    pub(super) fn sign(&self, text: &str) -> String {
        hex(&*self.clone().digest(text.as_bytes()))
    }

    fn digest(mut self, text: &[u8]) -> Zeroizing<[u8; 32]> {
        self.0.update(text);
        Zeroizing::new(self.0.finalize().into_bytes().into())
    }
}

fn keyed(key: &[u8]) -> SigningKey {
    SigningKey(Hmac::new_from_slice(key).expect("HMAC takes keys of any length"))
}

/// The SHA-256 of some bytes, in hex.
pub(super) fn sha256(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check_request(path: &str, query: &str, expected: &str) {
        let text = canonical_request("GET", path, query, &Headers::new([("host", b"h".as_slice())]), "-");
        assert_eq!(str::from_utf8(&text).unwrap(), format!("GET\n{expected}\nhost:h\n\nhost\n-"));
    }

    #[test]
    fn a_path_signs_alike_however_the_wire_spells_it() {
        check_request("/a%7eb~c%2fd", "", "/a~b~c/d\n");
        check_request("/a+b%2Bc*d%2ae", "", "/a%2Bb%2Bc%2Ad%2Ae\n");
        check_request("/%e4%b8%96世", "", "/%E4%B8%96%E4%B8%96\n");
        check_request("/%2525 %", "", "/%2525%20%25\n");
        check_request("", "", "/\n");
    }

    #[test]
    fn a_path_is_never_normalised() {
        check_request("//a/../b/./c//", "", "//a/../b/./c//\n");
    }

    #[test]
    fn a_query_is_sorted_by_encoded_name_and_then_by_value() {
        check_request("/", "uploads", "/\nuploads=");
        check_request("/", "b=2&a=2&a=10&A=1&%7Ea=1&a%5B=3", "/\nA=1&a=10&a=2&a%5B=3&b=2&~a=1");
        check_request("/", "prefix=a+b%2Bc%20d%2525&", "/\nprefix=a%20b%2Bc%20d%2525");
        check_request("/", "a=b=c/d", "/\na=b%3Dc%2Fd");
    }

    #[test]
    fn header_values_are_trimmed_folded_and_joined() {
        let headers = Headers::new([
            ("x-b", b"  \"a   b\tc\" \t".as_slice()),
            ("x-a", b"2"),
            ("x-c", b""),
            ("x-a", b" 1  1 "),
            ("x-a", "é".as_bytes()),
        ]);
        let mut out = Vec::new();
        headers.write(&mut out);
        assert_eq!(str::from_utf8(&out).unwrap(), "x-a:2,1 1,é\nx-b:\"a b c\"\nx-c:\n");
        assert!(out.len() <= headers.room());
        assert_eq!(headers.list(), "x-a;x-b;x-c");
    }

    #[test]
    fn the_canonical_text_is_never_moved() {
        let headers =
            Headers::new([("host", b"store.example".as_slice()), ("x-amz-meta-a", b"1"), ("x-amz-meta-a", b"")]);
        for (path, query) in [("", ""), ("/", "a&b&c"), ("/世 界", "世=世&b"), ("/a", "\"\"\"&\"=\"")] {
            let text = canonical_request("DELETE", path, query, &headers, "UNSIGNED-PAYLOAD");
            // The room that was asked for at first, and no growth after it.
            let asked = 6 + (path.len() + query.len()) * 3 + query.split('&').filter(|it| !it.is_empty()).count();
            assert!(text.capacity() < asked + headers.room() + 17 + 16 + 8 + 16, "{path} {query}");
            assert!(text.len() <= asked + headers.room() + 17 + 16 + 8);
        }
    }

    #[test]
    fn a_stamp_is_the_time_in_basic_form() {
        let at = |seconds| stamp(UNIX_EPOCH + Duration::from_secs(seconds));
        assert_eq!(at(1_369_353_600), "20130524T000000Z");
        assert_eq!(at(1_709_251_199), "20240229T235959Z");
        assert_eq!(at(1_733_011_262), "20241201T000102Z");
        assert_eq!(at(u64::from(u32::MAX) * 100), "99991231T235959Z");
        assert_eq!(stamp(UNIX_EPOCH - Duration::from_secs(1)), "19700101T000000Z");
    }
}
