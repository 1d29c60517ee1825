//! The difference between this machine's clock and the store's, learned from the date of its answers.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, header::DATE};

/// Below this a difference is noise: signatures allow for minutes.
const NOTICEABLE: i64 = 30;

/// Seconds to add to this machine's time to get the store's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Offset(i64);

impl Offset {
    /// An offset of so many seconds.
    pub(super) fn from_seconds(seconds: i64) -> Self {
        Self(seconds)
    }

    /// The offset in seconds.
    pub(super) fn seconds(self) -> i64 {
        self.0
    }

    /// The store's time when this machine's is `now`.
    pub(super) fn apply(self, now: SystemTime) -> SystemTime {
        let distance = Duration::from_secs(self.0.unsigned_abs());
        let shifted = if self.0 < 0 { now.checked_sub(distance) } else { now.checked_add(distance) };
        shifted.unwrap_or(now)
    }
}

/// When the store answered, by its own clock.
pub(super) fn date(headers: &HeaderMap) -> Option<SystemTime> {
    httpdate::parse_http_date(headers.get(DATE)?.to_str().ok()?).ok()
}

/// The offset that an answer of this date teaches, if it differs noticeably from the one that was used.
pub(super) fn correction(date: SystemTime, now: SystemTime, used: Offset) -> Option<Offset> {
    let learned = difference(date, now)?;
    (learned.abs_diff(used.0) >= NOTICEABLE.unsigned_abs()).then_some(Offset(learned))
}

/// Seconds from this machine's time to the store's.
pub(super) fn difference(date: SystemTime, now: SystemTime) -> Option<i64> {
    let seconds = |distance: Duration| i64::try_from(distance.as_secs()).ok();
    match date.duration_since(now) {
        Ok(ahead) => seconds(ahead),
        Err(behind) => seconds(behind.duration()).map(|behind| -behind),
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    fn at(seconds: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(seconds)
    }

    #[test]
    fn only_a_noticeable_difference_is_learned() {
        assert_eq!(correction(at(10_029), at(10_000), Offset::default()), None);
        assert_eq!(correction(at(10_030), at(10_000), Offset::default()), Some(Offset(30)));
        assert_eq!(correction(at(6_400), at(10_000), Offset::default()), Some(Offset(-3_600)));
    }

    #[test]
    fn what_is_already_known_is_not_learned_again() {
        assert_eq!(correction(at(13_600), at(10_000), Offset(3_590)), None);
        assert_eq!(correction(at(10_000), at(10_000), Offset(3_600)), Some(Offset(0)));
    }

    #[test]
    fn an_offset_moves_both_ways_and_never_overflows() {
        assert_eq!(Offset(60).apply(at(100)), at(160));
        assert_eq!(Offset(-60).apply(at(100)), at(40));
        assert_eq!(Offset(i64::MAX).apply(at(100)), at(100));
        assert!(Offset(i64::MIN).apply(at(100)) <= at(100));
    }

    #[test]
    fn the_date_is_read_from_the_answer() {
        let mut headers = HeaderMap::new();
        assert_eq!(date(&headers), None);
        headers.insert(DATE, "yesterday".parse().unwrap());
        assert_eq!(date(&headers), None);
        headers.insert(DATE, "Sun, 06 Nov 1994 08:49:37 GMT".parse().unwrap());
        assert_eq!(date(&headers), Some(at(784_111_777)));
    }
}
