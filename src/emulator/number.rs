//! Numbers in requests: digits and nothing else.

/// Reads decimal digits. A sign, a blank or nothing at all is no number, and one that is too large for us is the largest
/// there is, which is beyond every limit.
pub(super) fn read(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_digits_are_a_number() {
        for (text, number) in [("0", 0), ("10000", 10_000), ("007", 7), ("18446744073709551615", u64::MAX)] {
            assert_eq!(read(text), Some(number));
        }
        assert_eq!(read(&"9".repeat(40)), Some(u64::MAX));
        for text in ["", "+1", "-1", " 1", "1 ", "1.0", "0x1", "1e3", "١", "1_0"] {
            assert_eq!(read(text), None, "{text:?}");
        }
    }
}
