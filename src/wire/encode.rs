//! Percent encoding as the store reads it; the signature is taken over the decoded text.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, PercentEncode, utf8_percent_encode};

/// All but the unreserved bytes `A-Z a-z 0-9 - _ . ~` (/document/product/436/7778).
const VALUE: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// A key keeps its slashes: they separate the segments of the path.
const PATH: &AsciiSet = &VALUE.remove(b'/');

/// A key as it stands in a request's path.
pub(super) fn path(key: &str) -> PercentEncode<'_> {
    utf8_percent_encode(key, PATH)
}

/// A value of the query, or a tag.
pub(super) fn value(text: &str) -> PercentEncode<'_> {
    utf8_percent_encode(text, VALUE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_keeps_slashes_and_a_value_does_not() {
        assert_eq!(path("a/b c+d%/é").to_string(), "a/b%20c%2Bd%25/%C3%A9");
        assert_eq!(value("a/b c+d%/é").to_string(), "a%2Fb%20c%2Bd%25%2F%C3%A9");
    }

    #[test]
    fn only_the_unreserved_bytes_stay() {
        let all: String = (0u8..128).map(char::from).collect();
        let kept: String = value(&all).to_string().split('%').map(|run| run.get(2..).unwrap_or(run)).collect();
        assert_eq!(kept, "-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~");
    }
}
