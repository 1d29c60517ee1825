//! How many parts go at once, found by measuring. Pure: the time is an argument.
//!
//! One connection over a long way carries little, whatever the client does, so the number of connections decides the
//! speed; and beyond what the line or the processor carries, more of them only cost memory. The search begins at
//! eight, doubles as long as that pays, keeps the number when it does not, and halves when the store asks for less.

use std::time::{Duration, Instant};

use crate::transfer::Concurrency;

/// Where the search begins.
const START: u16 = 8;
/// Where it ends.
const MOST: u16 = 64;
/// How long one number is tried before it is judged.
const WINDOW: Duration = Duration::from_millis(600);
/// A larger number must bring this much, in per cent, to stay.
const GAIN: u64 = 8;
/// Judged windows before a settled number is tried again.
const PATIENCE: u32 = 16;

/// The number of parts at once, now.
#[derive(Debug)]
pub(crate) struct Pace {
    limit: u16,
    search: Option<Search>,
}

#[derive(Debug)]
struct Search {
    /// The beginning of the window, and what had been sent by then.
    window: Option<(Instant, u64)>,
    /// Whether the limit was in full use all through the window.
    full: bool,
    /// Bytes per second before the last step, and the limit then.
    before: Option<(u64, u16)>,
    /// Windows to wait until the next try.
    rest: u32,
    ceiling: u16,
}

impl Pace {
    /// A fixed number stays as it is; `Auto` searches, within what `ceiling` allows.
    pub(crate) fn new(concurrency: Concurrency, ceiling: u16) -> Self {
        match concurrency {
            Concurrency::Fixed(limit) => Self { limit: limit.max(1), search: None },
            Concurrency::Auto => {
                let ceiling = ceiling.clamp(1, MOST);
                let search = Search { window: None, full: true, before: None, rest: 0, ceiling };
                Self { limit: START.min(ceiling), search: Some(search) }
            }
        }
    }

    /// How many parts may go at once.
    pub(crate) fn limit(&self) -> u16 {
        self.limit
    }

    /// Takes a look at `now`: `sent` bytes so far, `in_flight` parts.
    pub(crate) fn look(&mut self, now: Instant, sent: u64, in_flight: u16) {
        let Some(search) = &mut self.search else { return };
        search.full &= in_flight >= self.limit;
        let Some((since, sent_before)) = search.window else {
            search.window = Some((now, sent));
            return;
        };
        let elapsed = now.saturating_duration_since(since);
        if elapsed < WINDOW {
            return;
        }
        let millis = u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).max(1);
        let rate = sent.saturating_sub(sent_before).saturating_mul(1000) / millis;
        let full = std::mem::replace(&mut search.full, true);
        search.window = Some((now, sent));
        self.limit = search.judge(rate, full, self.limit);
    }

    /// The store asked for less: half as many, and a rest before the next try.
    pub(crate) fn slow_down(&mut self, now: Instant, sent: u64) {
        if let Some(search) = &mut self.search {
            self.limit = (self.limit / 2).max(1);
            search.before = None;
            search.rest = PATIENCE;
            search.window = Some((now, sent));
        }
    }
}

impl Search {
    /// The next limit, after a window with this rate.
    fn judge(&mut self, rate: u64, full: bool, limit: u16) -> u16 {
        if !full {
            // The limit was not what held the parts back, so the rate says nothing about it.
            return limit;
        }
        if let Some((old_rate, old_limit)) = self.before.take() {
            if rate.saturating_mul(100) < old_rate.saturating_mul(100 + GAIN) {
                self.rest = PATIENCE;
                return old_limit;
            }
        } else if self.rest > 0 {
            self.rest -= 1;
            return limit;
        }
        if limit >= self.ceiling {
            return limit;
        }
        self.before = Some((rate, limit));
        limit.saturating_mul(2).min(self.ceiling)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs windows against a line that carries `per_part` bytes per second and part, and `line` in all.
    fn after(windows: u32, pace: &mut Pace, per_part: u64, line: u64) -> u16 {
        let start = Instant::now();
        let mut sent = 0;
        for step in 0..=windows * 7 {
            let now = start + Duration::from_millis(100) * step;
            pace.look(now, sent, pace.limit());
            sent += (per_part * u64::from(pace.limit())).min(line) / 10;
        }
        pace.limit()
    }

    #[test]
    fn a_fixed_number_is_exact_whatever_happens() {
        let mut pace = Pace::new(Concurrency::Fixed(3), 2);
        pace.slow_down(Instant::now(), 0);
        assert_eq!(after(20, &mut pace, 1 << 20, u64::MAX), 3);
    }

    #[test]
    fn it_grows_to_the_end_while_that_pays() {
        assert_eq!(after(8, &mut Pace::new(Concurrency::Auto, 64), 20 << 20, u64::MAX), 64);
        assert_eq!(after(8, &mut Pace::new(Concurrency::Auto, 24), 20 << 20, u64::MAX), 24);
        assert_eq!(Pace::new(Concurrency::Auto, 2).limit(), 2);
    }

    #[test]
    fn it_settles_where_more_bring_nothing() {
        assert_eq!(after(8, &mut Pace::new(Concurrency::Auto, 64), 20 << 20, 160 << 20), 8);
        assert_eq!(after(8, &mut Pace::new(Concurrency::Auto, 64), 20 << 20, 300 << 20), 16);
    }

    #[test]
    fn it_halves_when_the_store_asks_for_less_and_never_stops() {
        let mut pace = Pace::new(Concurrency::Auto, 64);
        let now = Instant::now();
        let halves: Vec<u16> = (0..5)
            .map(|_| {
                pace.slow_down(now, 0);
                pace.limit()
            })
            .collect();
        assert_eq!(halves, [4, 2, 1, 1, 1]);
        assert!(after(60, &mut pace, 20 << 20, u64::MAX) > 1, "it tries again later");
    }

    #[test]
    fn a_limit_that_is_not_used_is_not_judged() {
        let mut pace = Pace::new(Concurrency::Auto, 64);
        let start = Instant::now();
        for step in 0..40_u32 {
            pace.look(start + Duration::from_millis(100) * step, u64::from(step) << 24, 3);
        }
        assert_eq!(pace.limit(), 8);
    }
}
