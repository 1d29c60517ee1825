//! A limit on bytes per second that all connections share. Pure: the time is an argument.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

use crate::error::{Error, ErrorKind, Result};

/// How much unused time counts later: a pause gives no more than this much of the rate at once.
///
/// Long enough that timers, which are late by a millisecond or so, cost no speed; short enough that the rate holds
/// over any second.
const BURST: Duration = Duration::from_millis(100);

/// A limit on bytes per second. Clones share it.
#[derive(Clone, Debug)]
pub(crate) struct Throttle(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    bytes_per_second: u64,
    /// When all bytes that were reserved so far will have gone at the rate; `None` before the first.
    booked_until: Mutex<Option<Instant>>,
}

impl Throttle {
    /// Lets this many bytes through per second.
    ///
    /// # Errors
    /// `Config` for a rate of nothing.
    pub(crate) fn new(bytes_per_second: u64) -> Result<Self> {
        if bytes_per_second == 0 {
            return Err(Error::new(ErrorKind::Config, "a rate limit of 0 lets nothing through")
                .with_hint("give a rate such as 20MiB, or leave the limit out"));
        }
        Ok(Self(Arc::new(Shared { bytes_per_second, booked_until: Mutex::new(None) })))
    }

    /// What it lets through.
    pub(crate) fn bytes_per_second(&self) -> u64 {
        self.0.bytes_per_second
    }

    /// Reserves room for `bytes` and says how long to wait before they may go; zero means now.
    ///
    /// Reservations are served in the order in which they are made, and each is made once for the bytes it names:
    /// reserve, wait, send. A reservation that is then not used, because its attempt was given up, is lost; so
    /// reserve one frame at a time.
    pub(crate) fn reserve(&self, bytes: u64, now: Instant) -> Duration {
        let mut booked = self.0.booked_until.lock().unwrap_or_else(PoisonError::into_inner);
        let begin = booked.map_or(now, |until| until.max(now));
        let until = begin + self.time_of(bytes);
        *booked = Some(until);
        until.saturating_duration_since(now).saturating_sub(BURST)
    }

    /// How long these bytes take, rounded up so that the rate is never exceeded.
    fn time_of(&self, bytes: u64) -> Duration {
        let nanos = (u128::from(bytes) * 1_000_000_000).div_ceil(u128::from(self.0.bytes_per_second));
        // A wait of a century is as good as any longer one, and can still be added to the time.
        Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)).min(Duration::from_hours(100 * 365 * 24))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const FRAME: u64 = 128 << 10;

    fn at(start: Instant, millis: u64) -> Instant {
        start + Duration::from_millis(millis)
    }

    #[test]
    fn a_steady_flow_goes_at_the_rate() {
        let throttle = Throttle::new(1000).unwrap();
        let start = Instant::now();
        // 100 bytes take 100 ms, and the first 100 ms are free.
        let waits: Vec<u128> = (0..5).map(|_| throttle.reserve(100, start).as_millis()).collect();
        assert_eq!(waits, [0, 100, 200, 300, 400]);
        assert_eq!(throttle.reserve(100, at(start, 500)).as_millis(), 0);
        assert_eq!(throttle.reserve(100, at(start, 500)).as_millis(), 100);
    }

    #[test]
    fn a_pause_saves_up_no_more_than_one_burst() {
        let throttle = Throttle::new(1000).unwrap();
        let start = Instant::now();
        throttle.reserve(100, start);
        let later = at(start, 3_600_000);
        let waits: Vec<u128> = (0..3).map(|_| throttle.reserve(100, later).as_millis()).collect();
        assert_eq!(waits, [0, 100, 200]);
    }

    #[test]
    fn a_frame_larger_than_a_second_of_the_rate_still_goes() {
        let throttle = Throttle::new(1).unwrap();
        let start = Instant::now();
        assert_eq!(throttle.reserve(5, start), Duration::from_millis(4900));
        assert_eq!(throttle.reserve(0, start), Duration::from_millis(4900), "the order of reservations is kept");
        assert!(throttle.reserve(u64::MAX, start) > Duration::from_hours(24));
        assert!(throttle.reserve(u64::MAX, start) > Duration::from_hours(24));
    }

    #[test]
    fn clones_share_one_rate_and_a_rate_of_nothing_is_refused() {
        let throttle = Throttle::new(1000).unwrap();
        let start = Instant::now();
        assert_eq!(throttle.reserve(100, start), Duration::ZERO);
        assert_eq!(throttle.clone().reserve(100, start), Duration::from_millis(100));
        assert_eq!(Throttle::new(0).unwrap_err().kind(), ErrorKind::Config);
    }

    #[test]
    fn a_clock_that_steps_back_harms_nothing() {
        let throttle = Throttle::new(1000).unwrap();
        let start = Instant::now() + Duration::from_secs(10);
        throttle.reserve(100, start);
        let wait = throttle.reserve(100, start - Duration::from_secs(1));
        assert_eq!(wait, Duration::from_millis(1100), "the room is still counted from the later time");
    }

    proptest! {
        /// Whoever waits as told sends, in any stretch of time, no more than rate × time, a burst, and one frame.
        #[test]
        fn no_stretch_of_time_carries_more_than_its_share(
            rate in 1_000_u64..1 << 32,
            steps in proptest::collection::vec((0_u64..FRAME, 0_u64..50_000), 1..60),
        ) {
            let throttle = Throttle::new(rate).unwrap();
            let start = Instant::now();
            let mut now = start;
            let mut sent: Vec<(Duration, u64)> = Vec::new();
            for (bytes, pause) in steps {
                now += Duration::from_micros(pause);
                sent.push((now + throttle.reserve(bytes, now) - start, bytes));
            }
            for (first, (begin, _)) in sent.iter().enumerate() {
                let mut total = 0;
                for (end, bytes) in &sent[first..] {
                    total += bytes;
                    let span = (end.checked_sub(*begin).unwrap() + BURST).as_nanos();
                    let share = u128::from(rate) * span / 1_000_000_000;
                    prop_assert!(u128::from(total) <= share + u128::from(FRAME), "{} {}", total, share);
                }
            }
        }
    }
}
