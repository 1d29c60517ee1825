//! How long to wait before the next attempt, and how much all calls together may wait for.

use std::time::{Duration, SystemTime};

/// The longest that a first pause may be.
const BASE: Duration = Duration::from_millis(200);
/// The same after an answer that asks for less.
const SLOW_BASE: Duration = Duration::from_secs(1);
/// The longest that any pause may be.
const CAP: Duration = Duration::from_secs(20);
/// The longest that a store may ask for: beyond it, a fresh attempt is the better question.
const LONGEST_WISH: Duration = Duration::from_mins(1);

/// Makes pauses differ; they need not be secret.
#[derive(Clone, Debug)]
pub(super) struct Jitter(fastrand::Rng);

impl Jitter {
    /// The same seed gives the same pauses.
    pub(super) fn seeded(seed: u64) -> Self {
        Self(fastrand::Rng::with_seed(seed))
    }

    /// A duration of at most `limit`, all equally likely.
    fn up_to(&mut self, limit: Duration) -> Duration {
        let nanos = u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.0.u64(..=nanos))
    }
}

/// What an answer or the state of the client says about the next pause.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    /// The store asked for less.
    pub(super) slow: bool,
    /// The retry budget of the client is spent.
    pub(super) exhausted: bool,
    /// The store's own wish.
    pub(super) wish: Option<Duration>,
}

/// The pause before the retry of this number, counted from 0: full jitter under a limit that doubles up to 20 s.
///
/// With an exhausted budget the limit is at its end from the start, and the pause at least half of it.
pub(super) fn pause(retry: u32, pace: Pace, jitter: &mut Jitter) -> Duration {
    let base = if pace.slow { SLOW_BASE } else { BASE };
    let own = if pace.exhausted {
        CAP / 2 + jitter.up_to(CAP / 2)
    } else {
        jitter.up_to(base.saturating_mul(1_u32.checked_shl(retry).unwrap_or(u32::MAX)).min(CAP))
    };
    own.max(pace.wish.unwrap_or_default().min(LONGEST_WISH))
}

/// Reads `Retry-After`: seconds or a date. Anything else is as good as absent.
pub(super) fn retry_after(value: &str, now: SystemTime) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    httpdate::parse_http_date(value).ok().map(|at| at.duration_since(now).unwrap_or_default())
}

/// The retries that all calls of a client have in common: a retry costs, a success pays back.
///
/// In an outage it is soon spent. Calls then still have their attempts, but far apart, so that a store that is down
/// is not met by all connections at the pace of the first.
#[derive(Clone, Debug)]
pub(super) struct RetryBudget {
    tokens: u32,
}

impl RetryBudget {
    const FULL: u32 = 500;
    const COST: u32 = 5;
    const PAYBACK: u32 = 1;

    /// A full one: enough for a hundred retries in a row.
    pub(super) fn full() -> Self {
        Self { tokens: Self::FULL }
    }

    /// Takes the price of a retry; says whether it was there.
    pub(super) fn spend(&mut self) -> bool {
        let left = self.tokens.checked_sub(Self::COST);
        self.tokens = left.unwrap_or(self.tokens);
        left.is_some()
    }

    /// Pays back after a success: the price of the last retry if it took one, else a little.
    pub(super) fn pay_back(&mut self, after_retry: bool) {
        let amount = if after_retry { Self::COST } else { Self::PAYBACK };
        self.tokens = (self.tokens + amount).min(Self::FULL);
    }
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn pauses_stay_under_a_limit_that_doubles_up_to_the_cap() {
        let mut jitter = Jitter::seeded(1);
        for retry in [0, 1, 2, 5, 6, 7, 31, 32, 1_000] {
            let limit = (0.2 * 2_f64.powi(i32::try_from(retry).unwrap())).min(20.0);
            let longest = (0..2_000).map(|_| pause(retry, Pace::default(), &mut jitter)).max().unwrap();
            assert!(longest.as_secs_f64() <= limit, "retry {retry}: {longest:?}");
            assert!(longest.as_secs_f64() > limit * 0.95, "retry {retry}: {longest:?} is not full jitter");
        }
    }

    #[test]
    fn a_store_that_asks_for_less_gets_longer_pauses() {
        let mut jitter = Jitter::seeded(2);
        let slow = Pace { slow: true, ..Pace::default() };
        let longest = (0..2_000).map(|_| pause(0, slow, &mut jitter)).max().unwrap();
        assert!(longest > Duration::from_millis(900) && longest <= Duration::from_secs(1), "{longest:?}");
    }

    #[test]
    fn an_exhausted_budget_spreads_the_attempts() {
        let mut jitter = Jitter::seeded(3);
        let exhausted = Pace { exhausted: true, ..Pace::default() };
        for _ in 0..100 {
            let pause = pause(0, exhausted, &mut jitter);
            assert!(pause >= CAP / 2 && pause <= CAP, "{pause:?}");
        }
    }

    #[test]
    fn the_stores_wish_is_heard_within_bounds() {
        let mut jitter = Jitter::seeded(4);
        let mut wish = |seconds| {
            pause(0, Pace { wish: Some(Duration::from_secs(seconds)), ..Pace::default() }, &mut jitter).as_secs()
        };
        assert_eq!(wish(7), 7);
        assert_eq!(wish(86_400), 60);
    }

    #[test]
    fn retry_after_is_seconds_or_a_date_and_nothing_else() {
        let now = UNIX_EPOCH + Duration::from_secs(784_111_777);
        assert_eq!(retry_after(" 3 ", now), Some(Duration::from_secs(3)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:47 GMT", now), Some(Duration::from_secs(10)));
        assert_eq!(retry_after("Sun, 06 Nov 1994 08:49:27 GMT", now), Some(Duration::ZERO));
        for garbage in ["", "-1", "1.5", "soon", "99999999999999999999999"] {
            assert_eq!(retry_after(garbage, now), None, "{garbage:?}");
        }
    }

    #[test]
    fn an_outage_spends_the_budget_and_successes_fill_it() {
        let mut budget = RetryBudget::full();
        assert_eq!((0..1_000).filter(|_| budget.spend()).count(), 100);
        budget.pay_back(true);
        assert!(budget.spend());
        assert!(!budget.spend());
        for _ in 0..5 {
            budget.pay_back(false);
        }
        assert!(budget.spend());
        for _ in 0..10_000 {
            budget.pay_back(true);
        }
        assert_eq!((0..1_000).filter(|_| budget.spend()).count(), 100);
    }
}
