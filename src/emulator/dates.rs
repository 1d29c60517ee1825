//! Times as the service writes them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// `2024-05-01T12:00:00.000Z`, as in listings.
pub(super) fn iso(unix_seconds: u64) -> String {
    let (year, month, day) = civil(unix_seconds / 86_400);
    let second = unix_seconds % 86_400;
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}.000Z", second / 3600, second / 60 % 60, second % 60)
}

/// `2024-05-01T12:00:00.250Z`, with the milliseconds as they are.
pub(super) fn precise(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    iso(since.as_secs()).replace(".000Z", &format!(".{:03}Z", since.subsec_millis()))
}

/// `Wed, 01 May 2024 12:00:00 GMT`, as in headers.
pub(super) fn http(unix_seconds: u64) -> String {
    httpdate::fmt_http_date(UNIX_EPOCH + Duration::from_secs(unix_seconds))
}

/// `20130524T000000Z`, as in signatures of Version 4.
pub(super) fn basic(unix_seconds: u64) -> String {
    let (year, month, day) = civil(unix_seconds / 86_400);
    let second = unix_seconds % 86_400;
    format!("{year:04}{month:02}{day:02}T{:02}{:02}{:02}Z", second / 3600, second / 60 % 60, second % 60)
}

/// Seconds since 1970 of a time as [`basic`] writes it.
pub(super) fn parse_basic(text: &str) -> Option<u64> {
    let digits: Vec<u64> = text.bytes().map(|byte| u64::from(byte).wrapping_sub(u64::from(b'0'))).collect();
    let number =
        |from: usize, to: usize| digits.get(from..to)?.iter().try_fold(0, |n, &d| (d < 10).then(|| n * 10 + d));
    let (year, month, day) = (number(0, 4)?, number(4, 6)?, number(6, 8)?);
    let (hour, minute, second) = (number(9, 11)?, number(11, 13)?, number(13, 15)?);
    let seconds = days(year, month, day)? * 86_400 + hour * 3600 + minute * 60 + second;
    // A day or second that does not exist is written back otherwise.
    (basic(seconds) == text).then_some(seconds)
}

/// Seconds since 1970 of a date in a header.
pub(super) fn parse_http(text: &str) -> Option<u64> {
    let time = httpdate::parse_http_date(text).ok()?;
    Some(time.duration_since(UNIX_EPOCH).ok()?.as_secs())
}

/// Year, month and day of a count of days since 1970, in years that begin in March so that the leap day comes last.
fn civil(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let era = days / 146_097;
    let day_of_era = days % 146_097;
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// The inverse of [`civil`], from 1970 on.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    if !(1970..10_000).contains(&year) || !(1..=12).contains(&month) {
        return None;
    }
    let march_year = if month > 2 { year } else { year - 1 };
    let march_month = (month + 9) % 12;
    let day_of_year = (153 * march_month + 2) / 5 + day.checked_sub(1)?;
    let (era, year_of_era) = (march_year / 400, march_year % 400);
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era * 146_097 + day_of_era).checked_sub(719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_days_are_written_right() {
        assert_eq!(iso(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(iso(951_782_400), "2000-02-29T00:00:00.000Z");
        assert_eq!(iso(1_557_989_151), "2019-05-16T06:45:51.000Z");
        assert_eq!(iso(4_107_542_399), "2100-02-28T23:59:59.000Z");
        assert_eq!(http(1_557_989_151), "Thu, 16 May 2019 06:45:51 GMT");
        assert_eq!(parse_http("Thu, 16 May 2019 06:45:51 GMT"), Some(1_557_989_151));
    }

    #[test]
    fn a_basic_time_is_read_as_it_is_written_and_days_that_are_not_there_are_refused() {
        for seconds in [0, 951_782_400, 1_369_353_600, 1_557_989_151, 4_107_542_399] {
            assert_eq!(parse_basic(&basic(seconds)), Some(seconds));
        }
        assert_eq!(parse_basic("20130524T000000Z"), Some(1_369_353_600));
        let wrong = ["", "20130524", "20130524T000000", "20130230T000000Z", "20131301T000000Z", "20130524T240000Z"];
        for text in wrong.into_iter().chain([
            "20130524T000060Z",
            "20130524T00000*Z",
            "20130500T000000Z",
            "2013-05-24T00:00Z",
            "2013052é000000Z",
        ]) {
            assert_eq!(parse_basic(text), None, "{text}");
        }
    }
}
