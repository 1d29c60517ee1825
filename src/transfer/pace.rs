//! How many parts go at once, found by measuring. Pure: the time is an argument.
//!
//! One connection over a long way carries little, whatever the client does, so the number of connections decides the
//! speed; and beyond what the line or the processor carries, more of them only cost memory. The search begins at
//! sixteen and feels with a quarter fewer, which costs nothing: where fewer carry as much, more would bring nothing. The
//! rate of a busy machine comes and goes by itself, so a loss is believed only if it comes and goes with the number,
//! twice; then the number doubles as long as that pays. Each try without success makes the next one wait longer. The
//! number halves when the store asks for less.

use std::time::{Duration, Instant};

use crate::transfer::Concurrency;

/// Where the search begins.
const START: u16 = 16;
/// Where it ends.
const MOST: u16 = 64;
/// How long one number is tried before it is judged.
const WINDOW: Duration = Duration::from_millis(600);
/// The larger of two numbers must bring this much more, in per cent, to be worth it.
const GAIN: u64 = 10;
/// How often a loss has to come and go with the feeler. Where the rate halves and doubles by itself every second or two, one
/// time would be mistaken in 77 of 1000 uploads of half a minute, two are in 3 (the test below).
const PROOFS: u8 = 2;
/// What one connection carries on most ways, in bytes per second.
const RATE_OF_ONE: u64 = 8 << 20;
/// Windows at the beginning that are not judged, because connections are still opening and finding their speed.
const WARM_UP: u32 = 1;
/// Judged windows before a settled number is tried again for the first time; each time twice as many.
const PATIENCE: u32 = 8;

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

/// Another number that is being tried.
#[derive(Clone, Copy, Debug)]
struct Trial {
    /// The limit before it, and bytes per second then.
    limit: u16,
    rate: u64,
    step: Step,
}

#[derive(Clone, Copy, Debug)]
enum Step {
    /// A quarter fewer, which have been slower so often.
    Fewer { proofs: u8 },
    /// As many as before: does the speed come back that a quarter fewer had lost? They carried this many bytes per second.
    Back { fewer: u64, proofs: u8 },
    /// Twice as many.
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
                let search = Search {
                    window: None,
                    full: true,
                    trial: None,
                    settled: 0,
                    rest: WARM_UP,
                    patience: PATIENCE,
                    ceiling,
                };
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
        if in_flight > self.limit {
            // Parts of the larger number before are still on their way.
            search.window = None;
            return;
        }
        let Some((since, sent_before)) = search.window else {
            search.window = Some((now, sent));
            search.full = in_flight == self.limit;
            return;
        };
        search.full &= in_flight == self.limit;
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
        let Some(trial) = self.trial.take() else {
            if self.rest > 0 {
                self.rest -= 1;
                self.settled = rate;
                return limit;
            }
            // The lower of two windows: a peak before a try would make the try look bad.
            return self.feel(limit, rate.min(self.settled), 0);
        };
        match trial.step {
            Step::Fewer { proofs } if pays(rate, trial.rate) => {
                self.begin(Trial { step: Step::Back { fewer: rate, proofs: proofs + 1 }, ..trial }, trial.limit)
            }
            // They carry as much; and those beyond the first sixteen were tried in vain, or are needed no more.
            Step::Fewer { .. } => self.settle(rate, if trial.limit > START { limit.max(START) } else { trial.limit }),
            Step::Back { fewer, proofs } if pays(fewer, rate) => {
                if proofs < PROOFS {
                    self.feel(limit, rate, proofs)
                } else {
                    self.double(limit, rate)
                }
            }
            Step::Double if pays(trial.rate, rate) => {
                self.patience = PATIENCE;
                self.double(limit, rate)
            }
            Step::Back { .. } | Step::Double => self.settle(trial.rate, trial.limit),
        }
    }

    /// Goes on with a quarter fewer, unless nothing could come of it.
    fn feel(&mut self, limit: u16, rate: u64, proofs: u8) -> u16 {
        match limit - limit.div_ceil(4) {
            0 => self.double(limit, rate),
            _ if limit >= self.ceiling && limit <= START => self.settle(rate, limit),
            fewer => self.begin(Trial { limit, rate, step: Step::Fewer { proofs } }, fewer),
        }
    }

    fn double(&mut self, limit: u16, rate: u64) -> u16 {
        if limit >= self.ceiling {
            return self.settle(rate, limit);
        }
        self.begin(Trial { limit, rate, step: Step::Double }, limit.saturating_mul(2).min(self.ceiling))
    }

    fn begin(&mut self, trial: Trial, limit: u16) -> u16 {
        self.trial = Some(trial);
        limit
    }

    fn settle(&mut self, rate: u64, limit: u16) -> u16 {
        self.settled = rate;
        self.rest = self.patience;
        self.patience = self.patience.saturating_mul(2);
        limit
    }
}

/// Whether the rate with more is enough above the rate with fewer.
fn pays(fewer: u64, more: u64) -> bool {
    more.saturating_mul(100) >= fewer.saturating_mul(100 + GAIN)
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
        assert_eq!(after(9, &mut Pace::new(Concurrency::Auto, 64, None), 20 << 20, u64::MAX), 64);
        assert_eq!(after(9, &mut Pace::new(Concurrency::Auto, 24, None), 20 << 20, u64::MAX), 24);
        assert_eq!(Pace::new(Concurrency::Auto, 2, None).limit(), 2);
    }

    #[test]
    fn it_settles_where_more_bring_nothing() {
        let pace = || Pace::new(Concurrency::Auto, 64, None);
        assert_eq!(after(8, &mut pace(), 20 << 20, 200 << 20), 16);
        assert_eq!(after(8, &mut pace(), 20 << 20, 400 << 20), 32);
        assert_eq!(after(60, &mut pace(), 20 << 20, 400 << 20), 24, "and sheds what it does not need");
    }

    #[test]
    fn where_fewer_carry_as_much_there_are_never_more_and_tries_get_rarer() {
        let mut pace = Pace::new(Concurrency::Auto, 64, None);
        let start = Instant::now();
        let mut tries = Vec::new();
        for step in 0..2_000_u32 {
            pace.look(start + Duration::from_millis(600) * step, u64::from(step) << 26, pace.limit());
            assert!(pace.limit() <= 16, "after {step} windows");
            if pace.limit() == 12 {
                tries.push(step);
            }
        }
        assert_eq!(tries, [2, 12, 30, 64, 130, 260, 518, 1032]);
    }

    #[test]
    fn parts_of_the_larger_number_before_are_not_counted_for_the_smaller() {
        let mut pace = Pace::new(Concurrency::Auto, 64, None);
        let start = Instant::now();
        let mut in_flight = 16;
        for step in 0..=60_u32 {
            pace.look(start + Duration::from_millis(100) * step, u64::from(step) << 24, in_flight);
            // One part ends every three seconds only.
            in_flight = if step % 30 == 0 { in_flight - 1 } else { in_flight }.max(pace.limit());
        }
        assert_eq!(pace.limit(), 12, "still waiting for its window");
    }

    /// The limits after windows with these rates; the first is not judged.
    fn limits(rates: impl IntoIterator<Item = u64>) -> Vec<u16> {
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
    }

    #[test]
    fn a_loss_has_to_come_and_go_with_the_feeler_twice() {
        assert_eq!(limits([100, 100, 95]), [16, 12, 16], "fewer carry as much");
        assert_eq!(limits([100, 100, 80, 80]), [16, 12, 16, 16], "it went on by itself");
        assert_eq!(limits([100, 100, 80, 100, 95]), [16, 12, 16, 12, 16], "it came once only");
        assert_eq!(limits([100, 100, 80, 100, 80, 100]), [16, 12, 16, 12, 16, 32], "it came and went with the feeler");
        assert_eq!(limits([100, 100, 80, 100, 80, 100, 105])[5..], [32, 16], "and more brought no more");
        assert_eq!(limits([50, 100, 54]), [16, 12, 16], "the connections had only found their speed");
    }

    #[test]
    fn a_rate_that_comes_and_goes_by_itself_is_hardly_ever_taken_for_a_gain() {
        // Somebody else takes up to half of the machine, for some windows at a time.
        let mut state = 1_u64;
        let mut random = |below: u64| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) % below
        };
        let mut level = 1000;
        let mut rate = || {
            if random(3) == 0 {
                level = 500 + random(500);
            }
            level - random(50)
        };
        let mistaken = (0..1000).filter(|_| limits((0..50).map(|_| rate())).iter().any(|&it| it > 20)).count();
        assert!(mistaken < 10, "in {mistaken} of 1000 uploads");
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
