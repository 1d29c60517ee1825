//! How many parts go at once, found by measuring. Pure: the time is an argument.
//!
//! One connection over a long way carries little, whatever the client does, so the number of connections decides the
//! speed; and beyond what the line or the processor carries, more of them only cost memory. The search begins at
//! sixteen and tries a few more. Where those bring nothing, little memory was spent on the try, and each further try
//! waits longer. Where they pay, the number doubles as long as that pays. It halves when the store asks for less.

use std::time::{Duration, Instant};

use crate::transfer::Concurrency;

/// Where the search begins.
const START: u16 = 16;
/// Where it ends.
const MOST: u16 = 64;
/// How long one number is tried before it is judged.
const WINDOW: Duration = Duration::from_millis(600);
/// A larger number must bring this much, in per cent, to stay.
const GAIN: u64 = 10;
/// The first step, a quarter more, is believed at once if it brings this much, in per cent; below that a second window
/// has to confirm it, because the rate of a busy machine comes and goes.
const CLEAR_GAIN: u64 = 18;
/// What one connection carries on most ways, in bytes per second.
const RATE_OF_ONE: u64 = 8 << 20;
/// Judged windows before a settled number is tried again for the first time; each time twice as many.
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
    trial: Option<Trial>,
    /// Bytes per second in the latest window at a settled limit.
    settled: u64,
    /// Windows to wait until the next try.
    rest: u32,
    /// Windows to wait after the next try that fails.
    patience: u32,
    ceiling: u16,
}

/// A larger number that is being tried.
#[derive(Clone, Copy, Debug)]
struct Trial {
    /// Bytes per second before it, and the limit then.
    rate: u64,
    limit: u16,
    step: Step,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// A quarter more.
    Feeler,
    /// The same, which has brought something once.
    FeelerAgain,
    /// Twice as many, after a step that paid.
    Double,
}

impl Pace {
    /// A fixed number stays as it is; `Auto` searches, within what `ceiling` allows.
    ///
    /// Under a limit of so many bytes per second a few connections are enough, and finish their parts sooner: what is
    /// under way when an upload is stopped is lost.
    pub(crate) fn new(concurrency: Concurrency, ceiling: u16, limit_rate: Option<u64>) -> Self {
        match concurrency {
            Concurrency::Fixed(limit) => Self { limit: limit.max(1), search: None },
            Concurrency::Auto => {
                let enough = limit_rate.map_or(MOST, |rate| u16::try_from(rate / RATE_OF_ONE).unwrap_or(MOST).max(2));
                let ceiling = ceiling.clamp(1, MOST.min(enough));
                let search =
                    Search { window: None, full: true, trial: None, settled: 0, rest: 0, patience: PATIENCE, ceiling };
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
        if full {
            // Otherwise the limit was not what held the parts back, and the rate says nothing about it.
            self.limit = search.judge(rate, self.limit);
        }
    }

    /// The store asked for less: half as many, and a rest before the next try.
    pub(crate) fn slow_down(&mut self, now: Instant, sent: u64) {
        if let Some(search) = &mut self.search {
            self.limit = (self.limit / 2).max(1);
            search.trial = None;
            search.settled = 0;
            search.rest = PATIENCE;
            search.window = Some((now, sent));
        }
    }
}

impl Search {
    /// The next limit, after a window with this rate.
    fn judge(&mut self, rate: u64, limit: u16) -> u16 {
        let brought = |trial: Trial, gain: u64| rate.saturating_mul(100) >= trial.rate.saturating_mul(100 + gain);
        match self.trial.take() {
            Some(trial) if !brought(trial, GAIN) => {
                self.rest = self.patience;
                self.patience = self.patience.saturating_mul(2);
                self.settled = trial.rate;
                trial.limit
            }
            Some(trial) if trial.step == Step::Feeler && !brought(trial, CLEAR_GAIN) => {
                self.trial = Some(Trial { step: Step::FeelerAgain, ..trial });
                limit
            }
            Some(_) => {
                self.patience = PATIENCE;
                self.settled = rate;
                self.step(Step::Double, rate, limit)
            }
            None if self.rest > 0 => {
                self.rest -= 1;
                self.settled = rate;
                limit
            }
            // The better of two windows: a dip before a try would make the try look good.
            None => self.step(Step::Feeler, self.settled.max(rate), limit),
        }
    }

    /// Begins to try a larger number, if there is one.
    fn step(&mut self, step: Step, rate: u64, limit: u16) -> u16 {
        let larger = match step {
            Step::Feeler | Step::FeelerAgain => limit + limit.div_ceil(4),
            Step::Double => limit.saturating_mul(2),
        };
        if limit >= self.ceiling {
            self.settled = rate;
            return limit;
        }
        self.trial = Some(Trial { rate, limit, step });
        larger.min(self.ceiling)
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
        let mut pace = Pace::new(Concurrency::Fixed(3), 2, None);
        pace.slow_down(Instant::now(), 0);
        assert_eq!(after(20, &mut pace, 1 << 20, u64::MAX), 3);
    }

    #[test]
    fn it_grows_to_the_end_while_that_pays() {
        assert_eq!(after(8, &mut Pace::new(Concurrency::Auto, 64, None), 20 << 20, u64::MAX), 64);
        assert_eq!(after(8, &mut Pace::new(Concurrency::Auto, 24, None), 20 << 20, u64::MAX), 24);
        assert_eq!(Pace::new(Concurrency::Auto, 2, None).limit(), 2);
    }

    #[test]
    fn it_settles_where_more_bring_nothing() {
        assert_eq!(after(8, &mut Pace::new(Concurrency::Auto, 64, None), 20 << 20, 320 << 20), 16);
        assert_eq!(after(8, &mut Pace::new(Concurrency::Auto, 64, None), 20 << 20, 410 << 20), 20);
        assert_eq!(after(8, &mut Pace::new(Concurrency::Auto, 64, None), 20 << 20, 700 << 20), 40);
    }

    #[test]
    fn a_try_that_brings_nothing_is_small_and_gets_rarer() {
        let mut pace = Pace::new(Concurrency::Auto, 64, None);
        let start = Instant::now();
        let mut tries = Vec::new();
        for step in 0..2_000_u32 {
            pace.look(start + Duration::from_millis(600) * step, u64::from(step) << 26, pace.limit());
            assert!(pace.limit() <= 20, "after {step} windows");
            if pace.limit() == 20 {
                tries.push(step);
            }
        }
        assert_eq!(tries.len(), 7, "{tries:?}");
    }

    #[test]
    fn a_small_gain_has_to_come_twice() {
        let limits = |rates: &[u64]| {
            let mut pace = Pace::new(Concurrency::Auto, 64, None);
            let (mut now, mut sent) = (Instant::now(), 0);
            pace.look(now, sent, pace.limit());
            let mut limits = Vec::new();
            for rate in rates {
                (now, sent) = (now + WINDOW, sent + rate);
                pace.look(now, sent, pace.limit());
                limits.push(pace.limit());
            }
            limits
        };
        assert_eq!(limits(&[100, 112, 105]), [20, 20, 16], "it went as it had come");
        assert_eq!(limits(&[100, 112, 112]), [20, 20, 40]);
        assert_eq!(limits(&[100, 125]), [20, 40], "a clear gain counts at once");
    }

    #[test]
    fn under_a_limit_there_are_no_more_than_can_fill_it() {
        let limit = |rate| after(8, &mut Pace::new(Concurrency::Auto, 64, Some(rate)), 20 << 20, rate);
        assert_eq!(limit(1 << 20), 2);
        assert_eq!(limit(40 << 20), 5);
        assert_eq!(limit(10 << 30), 64);
    }

    #[test]
    fn it_halves_when_the_store_asks_for_less_and_never_stops() {
        let mut pace = Pace::new(Concurrency::Auto, 64, None);
        let now = Instant::now();
        let halves: Vec<u16> = (0..5)
            .map(|_| {
                pace.slow_down(now, 0);
                pace.limit()
            })
            .collect();
        assert_eq!(halves, [8, 4, 2, 1, 1]);
        assert!(after(60, &mut pace, 20 << 20, u64::MAX) > 1, "it tries again later");
    }

    #[test]
    fn a_limit_that_is_not_used_is_not_judged() {
        let mut pace = Pace::new(Concurrency::Auto, 64, None);
        let start = Instant::now();
        for step in 0..40_u32 {
            pace.look(start + Duration::from_millis(100) * step, u64::from(step) << 24, 3);
        }
        assert_eq!(pace.limit(), 16);
    }
}
