//! Percent-encoding as the signature page and the request line use it (/document/product/436/7778).

/// Encodes every byte but `A-Z a-z 0-9 - _ . ~`, with upper-case hex digits.
pub(super) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + 8);
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~') {
            text.push(char::from(byte));
        } else {
            text.push('%');
            text.push(DIGITS[usize::from(byte >> 4)]);
            text.push(DIGITS[usize::from(byte & 15)]);
        }
    }
    text
}

/// Decodes a path: `+` is a plus. `None` for a broken escape or text that is not UTF-8.
pub(super) fn decode(text: &str) -> Option<String> {
    decode_bytes(text, false)
}

/// Splits and decodes a query, in wire order: `+` is a space here, as every official server side reads it.
pub(super) fn decode_query(query: &str) -> Option<Vec<(String, String)>> {
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((decode_bytes(name, true)?, decode_bytes(value, true)?))
        })
        .collect()
}

fn decode_bytes(text: &str, plus_is_space: bool) -> Option<String> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        decoded.push(match byte {
            b'%' => digit(rest.next()?)? << 4 | digit(rest.next()?)?,
            b'+' if plus_is_space => b' ',
            other => other,
        });
    }
    String::from_utf8(decoded).ok()
}

fn digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'A', 'B', 'C', 'D', 'E', 'F'];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_unreserved_bytes_stay() {
        assert_eq!(encode("a-Z_0.~ /+*()'!腾".as_bytes()), "a-Z_0.~%20%2F%2B%2A%28%29%27%21%E8%85%BE");
    }

    #[test]
    fn a_plus_is_a_space_in_queries_only() {
        assert_eq!(decode("a+b%20c%2B").as_deref(), Some("a+b c+"));
        assert_eq!(
            decode_query("uploads&prefix=a+b%2Fc&x="),
            Some(vec![
                ("uploads".to_owned(), String::new()),
                ("prefix".to_owned(), "a b/c".to_owned()),
                ("x".to_owned(), String::new())
            ])
        );
    }

    #[test]
    fn broken_escapes_are_refused() {
        for broken in ["%", "%2", "%zz", "a%2", "%+1", "%ff"] {
            assert_eq!(decode(broken), None, "{broken}");
        }
    }
}
