//! The canonical text of a request, as COS signs it: pure functions from names and values to bytes.
//!
//! Facts: "Request Signature", /document/product/436/7778. The text holds customer keys and tokens when the request
//! carries them, so it is written once into a buffer that is wiped, with room enough never to be moved.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use zeroize::Zeroizing;

/// What is percent-encoded: every byte but letters, digits, `-`, `_`, `.` and `~`. The hex digits are upper case.
pub(super) const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// Headers or query parameters to sign, in the order in which they are signed.
pub(super) struct Fields<'a>(Vec<Field<'a>>);

struct Field<'a> {
    /// Percent-encoded, then in lower case: that order, so a hex digit of a name ends in lower case too.
    name: String,
    /// As meant, not percent-encoded for the wire.
    value: Cow<'a, [u8]>,
}

impl<'a> Fields<'a> {
    /// Takes decoded names and values in any order.
    ///
    /// # Errors
    /// The encoded name that comes twice: the manual does not say how to sign it, and clients differ.
    pub(super) fn new<N: AsRef<[u8]>>(pairs: impl IntoIterator<Item = (N, Cow<'a, [u8]>)>) -> Result<Self, String> {
        let mut fields: Vec<Field<'a>> = pairs
            .into_iter()
            .map(|(name, value)| Field {
                name: percent_encode(name.as_ref(), ENCODED).to_string().to_ascii_lowercase(),
                value,
            })
            .collect();
        fields.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        match fields.windows(2).find(|pair| pair[0].name == pair[1].name) {
            Some(pair) => Err(pair[0].name.clone()),
            None => Ok(Self(fields)),
        }
    }

    /// The names, as `q-header-list` and `q-url-param-list` give them.
    pub(super) fn list(&self) -> String {
        self.0.iter().map(|field| field.name.as_str()).collect::<Vec<_>>().join(";")
    }

    /// The most bytes that [`Self::write`] adds.
    fn room(&self) -> usize {
        self.0.iter().map(|field| field.name.len() + field.value.len() * 3 + 2).sum()
    }

    /// `name=value` joined with `&`; an empty value leaves `name=`.
    fn write(&self, out: &mut Vec<u8>) {
        for (index, field) in self.0.iter().enumerate() {
            if index > 0 {
                out.push(b'&');
            }
            out.extend_from_slice(field.name.as_bytes());
            out.push(b'=');
            for piece in percent_encode(&field.value, ENCODED) {
                out.extend_from_slice(piece.as_bytes());
            }
        }
    }
}

/// The text whose SHA-1 is signed; `path` is decoded and begins with `/`.
pub(super) fn http_string(
    method: &str,
    path: &[u8],
    parameters: &Fields<'_>,
    headers: &Fields<'_>,
) -> Zeroizing<Vec<u8>> {
    let room = method.len() + path.len() + parameters.room() + headers.room() + 4;
    let mut out = Zeroizing::new(Vec::with_capacity(room));
    out.extend(method.bytes().map(|byte| byte.to_ascii_lowercase()));
    out.push(b'\n');
    out.extend_from_slice(path);
    out.push(b'\n');
    parameters.write(&mut out);
    out.push(b'\n');
    headers.write(&mut out);
    out.push(b'\n');
    out
}

/// The path of a request target, decoded once.
pub(super) fn decode_path(raw: &str) -> Cow<'_, [u8]> {
    percent_decode_str(raw).into()
}

/// The parameters of a query, each name and value decoded once.
///
/// A bare `+` is a space, as the service reads it: the official Python SDK sends it so, and signs a space.
pub(super) fn decode_query(raw: &str) -> impl Iterator<Item = (Cow<'_, [u8]>, Cow<'_, [u8]>)> {
    raw.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode_form(name), decode_form(value))
    })
}

fn decode_form(raw: &str) -> Cow<'_, [u8]> {
    if raw.contains('+') {
        Cow::Owned(percent_decode_str(&raw.replace('+', " ")).collect())
    } else {
        percent_decode_str(raw).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pairs: &[(&str, &str)], list: &str, text: &str) {
        let fields = Fields::new(pairs.iter().map(|(name, value)| (name, Cow::Borrowed(value.as_bytes())))).unwrap();
        assert_eq!(fields.list(), list);
        let mut out = Vec::new();
        fields.write(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), text);
        assert!(fields.room() >= text.len(), "the buffer must never be moved");
    }

    #[test]
    fn values_keep_only_the_unreserved_characters() {
        check(&[("a", "AZaz09-_.~")], "a", "a=AZaz09-_.~");
        check(
            &[("a", " !\"#$&'()*+,/:;=?@[]%")],
            "a",
            "a=%20%21%22%23%24%26%27%28%29%2A%2B%2C%2F%3A%3B%3D%3F%40%5B%5D%25",
        );
        check(&[("a", "é世\u{7f}\n")], "a", "a=%C3%A9%E4%B8%96%7F%0A");
    }

    #[test]
    fn an_escape_in_a_value_is_opaque_text() {
        check(&[("x-cos-copy-source", "b/a%20b")], "x-cos-copy-source", "x-cos-copy-source=b%2Fa%2520b");
    }

    #[test]
    fn names_are_lowered_after_they_are_encoded() {
        check(&[("X-Cos-Meta-É", "v")], "x-cos-meta-%c3%89", "x-cos-meta-%c3%89=v");
        check(&[("uploadId", "A")], "uploadid", "uploadid=A");
    }

    #[test]
    fn order_follows_the_encoded_names() {
        // Decoded, '(' sorts before 'a'; encoded, '%' sorts before '-', and '~' after every letter.
        check(&[("x-a", "1"), ("x(a", "2"), ("x~a", "3"), ("X", "4")], "x;x%28a;x-a;x~a", "x=4&x%28a=2&x-a=1&x~a=3");
        check(&[("partNumber", "1"), ("PART", "2")], "part;partnumber", "part=2&partnumber=1");
    }

    #[test]
    fn an_empty_value_keeps_its_equals_sign() {
        check(&[("uploads", "")], "uploads", "uploads=");
        check(&[], "", "");
    }

    #[test]
    fn a_name_that_comes_twice_is_refused() {
        let twice = [("Prefix", "a"), ("prefix", "b")].map(|(name, value)| (name, Cow::Borrowed(value.as_bytes())));
        assert_eq!(Fields::new(twice).err().as_deref(), Some("prefix"));
    }

    #[test]
    fn a_query_is_decoded_once() {
        let text = |raw: &str| -> Vec<(String, String)> {
            decode_query(raw)
                .map(|(name, value)| {
                    (String::from_utf8(name.into()).unwrap(), String::from_utf8(value.into()).unwrap())
                })
                .collect()
        };
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(text("uploads"), [pair("uploads", "")]);
        assert_eq!(text("uploads=&prefix=a%2Bb+c%2520"), [pair("uploads", ""), pair("prefix", "a+b c%20")]);
        assert_eq!(text("a=b=c&&d"), [pair("a", "b=c"), pair("d", "")]);
        assert_eq!(text(""), []);
    }

    #[test]
    fn a_plus_in_a_path_is_a_plus() {
        assert_eq!(&*decode_path("/a+b%2Bc%20d%2525"), b"/a+b+c d%25");
    }
}
