//! What to make of a Complete whose outcome is in doubt. Pure: decides from what two looks at the store have shown.

use std::time::Duration;

/// How often the store is looked at in vain before an outcome is called unknown.
const ROUNDS: u32 = 7;

/// How often an upload that is alive is looked at: for [`LONGEST`], if the store answers at once.
const ALIVE_ROUNDS: u32 = 47;

/// No look begins later: twenty minutes are the longest time that an official client waits for Complete, which "may take
/// minutes" (/document/product/436/7742).
pub(crate) const LONGEST: Duration = Duration::from_mins(20);

/// How often the same must be seen before anything is made of it: an object can appear a moment later.
pub(crate) const CALM_ROUNDS: u32 = 3;

/// What HEAD showed under the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Object {
    /// The object of this upload.
    Ours,
    /// An object that this upload did not make.
    Another,
    /// No object.
    Absent,
    /// Nothing: the store refuses to show it. Our customer key may not open it, or these credentials may not look.
    Locked,
    /// Nothing: the store did not answer, or not with sense.
    Unseen,
}

/// What ListParts showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alive {
    /// The upload is there.
    Yes,
    /// It is not.
    No,
    /// The store did not say.
    Unseen,
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The object is there and ours.
    Done,
    /// The upload is alive and not completed: ask again.
    CompleteAgain,
    /// Wait, and look again.
    LookAgain,
    /// An object is there that must not be replaced.
    Occupied,
    /// The upload is gone, and the key holds what somebody else made.
    Foreign,
    /// The upload is gone, and there is no object.
    Gone,
    /// Nobody knows.
    Unknown,
}

/// How many looks there were.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Looks {
    pub(crate) all: u32,
    /// Since one that showed the upload.
    pub(crate) since_alive: u32,
    /// Whether the time is up, so that this one was the last.
    pub(crate) late: bool,
}

impl Looks {
    /// Another one is about to be taken.
    pub(crate) fn next(&mut self) {
        self.all += 1;
        self.since_alive += 1;
    }

    /// It showed this of the upload.
    pub(crate) fn saw(&mut self, alive: Alive) {
        if alive == Alive::Yes {
            self.since_alive = 0;
        }
    }
}

/// Decides after a look. `answered` says that the latest Complete had an answer, if a doubtful one.
pub(crate) fn verdict(object: Object, alive: Alive, looks: Looks, answered: bool, may_replace: bool) -> Verdict {
    match in_time(object, alive, looks, answered, may_replace) {
        Verdict::LookAgain | Verdict::CompleteAgain if looks.late => Verdict::Unknown,
        verdict => verdict,
    }
}

fn in_time(object: Object, alive: Alive, looks: Looks, answered: bool, may_replace: bool) -> Verdict {
    match (object, alive) {
        (Object::Ours, _) => Verdict::Done,
        (Object::Another | Object::Locked, Alive::Yes) if !may_replace => Verdict::Occupied,
        // A store that lost its connection to us may still put the parts together, and lists the upload meanwhile.
        (_, Alive::Yes) if !answered && looks.all < CALM_ROUNDS => Verdict::LookAgain,
        (_, Alive::Yes) if looks.all < ALIVE_ROUNDS => Verdict::CompleteAgain,
        (_, Alive::No) if looks.since_alive < CALM_ROUNDS => Verdict::LookAgain,
        (Object::Another, Alive::No) => Verdict::Foreign,
        (Object::Absent, Alive::No) => Verdict::Gone,
        // More looks would not show more.
        (_, Alive::Yes) | (Object::Locked, Alive::No) => Verdict::Unknown,
        _ if looks.since_alive < ROUNDS => Verdict::LookAgain,
        _ => Verdict::Unknown,
    }
}

/// Milliseconds to wait before look number `round`, counted from 1: half a minute for the first [`ROUNDS`], because
/// COS's front end tries again by itself after about 31 seconds (seen by the hadoop-cos connector).
pub(crate) fn pause(round: u32) -> u64 {
    match round {
        0 | 1 => 0,
        round => (125_u64 << round.min(8)).min(30_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OBJECTS: [Object; 5] = [Object::Ours, Object::Another, Object::Absent, Object::Locked, Object::Unseen];

    fn nth(all: u32) -> Looks {
        Looks { all, since_alive: all, late: false }
    }

    #[test]
    fn our_object_settles_it_whatever_else_is_seen() {
        for alive in [Alive::Yes, Alive::No, Alive::Unseen] {
            for round in 1..=ALIVE_ROUNDS {
                assert_eq!(verdict(Object::Ours, alive, nth(round), round % 2 == 0, false), Verdict::Done);
            }
        }
    }

    #[test]
    fn it_is_completed_again_only_if_the_upload_was_seen_alive() {
        for object in OBJECTS {
            for alive in [Alive::Yes, Alive::No, Alive::Unseen] {
                for round in 1..=ALIVE_ROUNDS {
                    let again = verdict(object, alive, nth(round), true, true) == Verdict::CompleteAgain;
                    assert_eq!(again, alive == Alive::Yes && object != Object::Ours && round < ALIVE_ROUNDS);
                }
            }
        }
    }

    #[test]
    fn after_a_lost_answer_a_living_upload_is_given_time() {
        for round in 1..CALM_ROUNDS {
            assert_eq!(verdict(Object::Absent, Alive::Yes, nth(round), false, true), Verdict::LookAgain);
            assert_eq!(verdict(Object::Absent, Alive::Yes, nth(round), true, true), Verdict::CompleteAgain);
        }
        assert_eq!(verdict(Object::Absent, Alive::Yes, nth(CALM_ROUNDS), false, true), Verdict::CompleteAgain);
    }

    #[test]
    fn an_upload_that_lives_on_and_on_is_unknown_and_never_gone() {
        for answered in [true, false] {
            let last = Looks { all: ALIVE_ROUNDS, since_alive: 0, late: false };
            assert_eq!(verdict(Object::Absent, Alive::Yes, last, answered, true), Verdict::Unknown);
        }
        let patience: u64 = (1..=ALIVE_ROUNDS).map(pause).sum();
        assert!(Duration::from_millis(patience) >= LONGEST, "{patience} ms");
    }

    #[test]
    fn a_store_that_answers_slowly_is_not_looked_at_for_longer() {
        for round in 1..=ALIVE_ROUNDS {
            for object in OBJECTS {
                for alive in [Alive::Yes, Alive::No, Alive::Unseen] {
                    let verdict = verdict(object, alive, Looks { late: true, ..nth(round) }, true, true);
                    let goes_on = matches!(verdict, Verdict::LookAgain | Verdict::CompleteAgain);
                    assert!(!goes_on, "{object:?} {alive:?} {round}");
                }
            }
        }
        let one = Looks { late: true, ..nth(1) };
        assert_eq!(verdict(Object::Ours, Alive::Unseen, one, false, true), Verdict::Done);
        assert_eq!(verdict(Object::Absent, Alive::No, one, true, true), Verdict::Unknown, "once seen is not gone");
    }

    #[test]
    fn looks_that_show_nothing_are_counted_anew_once_the_upload_was_seen() {
        let mut looks = Looks::default();
        for _ in 0..10 {
            looks.next();
            looks.saw(Alive::Yes);
        }
        for _ in 1..ROUNDS {
            looks.next();
            looks.saw(Alive::Unseen);
            assert_eq!(verdict(Object::Unseen, Alive::Unseen, looks, false, true), Verdict::LookAgain);
        }
        looks.next();
        assert_eq!(verdict(Object::Unseen, Alive::Unseen, looks, false, true), Verdict::Unknown);
    }

    #[test]
    fn an_object_that_must_stay_ends_it_at_once() {
        assert_eq!(verdict(Object::Another, Alive::Yes, nth(1), true, false), Verdict::Occupied);
        assert_eq!(verdict(Object::Locked, Alive::Yes, nth(1), true, false), Verdict::Occupied);
        assert_eq!(verdict(Object::Absent, Alive::Yes, nth(1), true, false), Verdict::CompleteAgain);
    }

    #[test]
    fn a_vanished_upload_is_looked_for_again_before_it_is_given_up() {
        assert_eq!(verdict(Object::Absent, Alive::No, nth(1), true, true), Verdict::LookAgain);
        assert_eq!(verdict(Object::Absent, Alive::No, nth(CALM_ROUNDS), true, true), Verdict::Gone);
        assert_eq!(verdict(Object::Another, Alive::No, nth(CALM_ROUNDS), true, true), Verdict::Foreign);
    }

    #[test]
    fn what_nobody_can_see_is_unknown_in_the_end_and_never_gone_or_foreign() {
        for alive in [Alive::No, Alive::Unseen] {
            assert_eq!(verdict(Object::Unseen, alive, nth(ROUNDS - 1), true, true), Verdict::LookAgain);
            assert_eq!(verdict(Object::Unseen, alive, nth(ROUNDS), true, true), Verdict::Unknown);
            assert_eq!(verdict(Object::Locked, alive, nth(ROUNDS), true, true), Verdict::Unknown);
        }
        assert_eq!(verdict(Object::Absent, Alive::Unseen, nth(ROUNDS), true, true), Verdict::Unknown);
    }

    #[test]
    fn the_first_pauses_add_up_to_half_a_minute() {
        let total: u64 = (1..=ROUNDS).map(pause).sum();
        assert!((25_000..40_000).contains(&total), "{total} ms");
        assert_eq!(pause(1), 0);
    }
}
