//! Sizes, rates and ages as people write them, read strictly, and written back.

use std::time::Duration;

use parse_size::Config;

/// Bytes from text such as `16MiB`, `1.5GiB`, `500MB` or `4096`. `K`, `M`, `G` and `KB`, `MB`, `GB` are powers of 1000.
pub(super) fn size(text: &str) -> Result<u64, String> {
    let nonsense = || format!("{text:?} is not a size; write it as 16MiB, 1.5GiB, 500MB or 4096");
    // The parser skips spaces and underscores anywhere and takes exponents; one way of writing is enough here.
    let foreign = |c: char| !(c.is_ascii_alphanumeric() || c == '.') || c.eq_ignore_ascii_case(&'e');
    // More digits overflow within the parser (parse-size 1.1.0), which rounds them up unchecked.
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    if !text.starts_with(|c: char| c.is_ascii_digit()) || text.contains(foreign) || digits > 19 {
        return Err(nonsense());
    }
    match Config::new().with_decimal().parse_size(text) {
        Ok(0) => Err("a size must be more than nothing".to_owned()),
        Ok(bytes) => Ok(bytes),
        Err(_) => Err(nonsense()),
    }
}

/// Bytes per second from text such as `20MiB/s` or `20MiB`.
pub(super) fn rate(text: &str) -> Result<u64, String> {
    size(text.strip_suffix("/s").unwrap_or(text))
        .map_err(|_| format!("{text:?} is not a rate in bytes per second; write it as 20MiB/s, 500KB/s or 1000000"))
}

/// A size for people: `1.5 GiB`, `16 MiB`, `17 bytes`.
pub(super) fn show_size(bytes: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match UNITS.iter().find(|(unit, _)| bytes >= *unit) {
        None if bytes == 1 => "1 byte".to_owned(),
        None => format!("{bytes} bytes"),
        Some((unit, name)) if bytes.is_multiple_of(*unit) => format!("{} {name}", bytes / unit),
        Some((unit, name)) => {
            let digits = format!("{:.2}", ratio(bytes, *unit));
            format!("{} {name}", digits.strip_suffix(".00").unwrap_or(&digits))
        }
    }
}

/// A rate for people, such as `87.2 MiB/s`; `12.5 KiB/s` only where there would be little left of a MiB.
pub(super) fn show_rate(bytes: u64, time: Duration) -> String {
    let rate = ratio(bytes, 1 << 10) / time.as_secs_f64().max(0.001);
    if rate < 102.4 { format!("{rate:.1} KiB/s") } else { format!("{:.1} MiB/s", rate / 1024.0) }
}

/// An age from text such as `7d`, `12h` or `1h30m`.
pub(super) fn age(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text).map_err(|_| format!("{text:?} is not an age; write it as 7d, 12h or 30m"))
}

/// An age for people, in its two largest units: `3d 4h`, `17m 2s`.
pub(super) fn show_age(age: Duration) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let mut left = age.as_secs();
    let first = UNITS.iter().position(|(unit, _)| left >= *unit).unwrap_or(UNITS.len() - 1);
    let mut words = Vec::new();
    for (unit, name) in UNITS.iter().skip(first).take(2) {
        if words.is_empty() || left >= *unit {
            words.push(format!("{}{name}", left / unit));
        }
        left %= unit;
    }
    words.join(" ")
}

#[expect(clippy::cast_precision_loss, reason = "a few significant digits for people")]
fn ratio(value: u64, unit: u64) -> f64 {
    value as f64 / unit as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_exactly() {
        for (text, bytes) in [
            ("1", 1),
            ("4096", 4096),
            ("16MiB", 16 << 20),
            ("16mib", 16 << 20),
            ("16Mi", 16 << 20),
            ("1.5GiB", 3 << 29),
            ("500MB", 500_000_000),
            ("2k", 2000),
            ("48.82TB", 48_820_000_000_000),
            ("7b", 7),
            ("5.", 5),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for text in [
            "",
            " ",
            "0",
            "0MiB",
            "-1",
            "+1",
            "MiB",
            ".5MiB",
            "1 6",
            "16 MiB",
            "1_000",
            "1e3",
            "16MiBs",
            "16M1B",
            "1.2.3",
            "16Mbit",
            "nan",
            "inf",
            "0x10",
            "99999999999999999999",
            "17000000TiB",
            "0.0184467440737095516159",
            "１６",
        ] {
            assert!(size(text).is_err(), "{text:?} gave {:?}", size(text));
        }
    }

    #[test]
    fn rates_are_sizes_per_second() {
        assert_eq!(rate("20MiB/s"), Ok(20 << 20));
        assert_eq!(rate("500KB"), Ok(500_000));
        for text in ["20MiB/h", "20MiB/s/s", "/s", "0/s", "20Mbit/s"] {
            assert!(rate(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn ages_are_read_and_written_back() {
        for (text, seconds, shown) in [
            ("7d", 604_800, "7d"),
            ("12h", 43_200, "12h"),
            ("30m", 1_800, "30m"),
            ("0s", 0, "0s"),
            ("1day 3h 20m", 98_400, "1d 3h"),
            ("1d 59s", 86_459, "1d"),
            ("61s", 61, "1m 1s"),
        ] {
            assert_eq!(age(text).map(|age| age.as_secs()), Ok(seconds), "{text}");
            assert_eq!(show_age(Duration::from_secs(seconds)), shown);
        }
        for text in ["", "7", "-1d", "d", "7x", "1.2.3d", "99999999999999999999d", "7d;"] {
            assert!(age(text).is_err(), "{text:?} gave {:?}", age(text));
        }
    }

    #[test]
    fn people_read_short_numbers() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (1, "1 byte"),
            (1023, "1023 bytes"),
            (1024, "1 KiB"),
            (16 << 20, "16 MiB"),
            ((1 << 30) + (1 << 28), "1.25 GiB"),
            ((16 << 20) + 1, "16 MiB"),
        ] {
            assert_eq!(show_size(bytes), text);
        }
        assert_eq!(show_rate(100 << 20, Duration::from_secs(4)), "25.0 MiB/s");
        assert_eq!(show_rate(5 << 10, Duration::from_secs(2)), "2.5 KiB/s");
    }
}
