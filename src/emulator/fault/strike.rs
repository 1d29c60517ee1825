//! Fault plans at work: which rules fit a request, and which of them have had an effect.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::{Action, FaultPlan, random};

/// A plan at work: it counts attempts, how often each rule fired, and whether that ever changed anything.
#[derive(Debug, Default)]
pub(in crate::emulator) struct Faults(Mutex<Working>);

#[derive(Debug, Default)]
struct Working {
    plan: FaultPlan,
    /// How many plans there were before.
    number: u64,
    fired: Vec<u32>,
    struck: Vec<bool>,
    attempts: HashMap<u64, u32>,
}

impl Faults {
    pub(in crate::emulator) fn new(plan: FaultPlan) -> Self {
        let faults = Self::default();
        faults.replace(plan);
        faults
    }

    /// Starts over with another plan: counters begin at zero.
    pub(in crate::emulator) fn replace(&self, plan: FaultPlan) {
        let mut working = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (fired, struck) = (vec![0; plan.rules.len()], vec![false; plan.rules.len()]);
        *working = Working { plan, number: working.number + 1, fired, struck, attempts: HashMap::new() };
    }

    /// Remembers which rules have changed something.
    pub(in crate::emulator) fn came_of(&self, effects: &Effects) {
        let mut working = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if effects.plan != working.number {
            return;
        }
        for (name, rule) in &effects.chosen {
            working.struck[*rule] |= effects.acted.contains(name);
        }
    }

    /// The rules of the plan, as they were written, that have not changed anything yet.
    pub(in crate::emulator) fn idle(&self) -> Vec<String> {
        let working = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let idle = working.plan.rules.iter().zip(&working.struck).filter(|(_, struck)| !**struck);
        idle.filter_map(|(rule, _)| rule.title()).collect()
    }

    /// What is to go wrong with this request.
    pub(in crate::emulator) fn strike(&self, operation: &str, key: &str, part: Option<u16>) -> Effects {
        let mut working = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let working = &mut *working;
        if working.plan.rules.is_empty() {
            return Effects::default();
        }
        // By its hash, because keys are long and there can be millions.
        let mut call = DefaultHasher::new();
        (operation, key, part).hash(&mut call);
        let attempt = working.attempts.entry(call.finish()).or_default();
        *attempt += 1;
        let mut effects = Effects { plan: working.number, ..Effects::default() };
        let (seed, attempt) = (working.plan.seed, *attempt);
        for (index, (rule, fired)) in working.plan.rules.iter().zip(&mut working.fired).enumerate() {
            let when = &rule.when;
            let any = when.operation == "*" && operation != CONNECTION;
            let fits = (any || when.operation == operation)
                && when.key.as_ref().is_none_or(|wanted| wanted == key)
                && (when.part.is_none() || when.part == part)
                && when.attempt.is_none_or(|wanted| wanted == attempt)
                && when.times.is_none_or(|most| *fired < most)
                && when
                    .chance
                    .is_none_or(|share| random::strikes((seed, index), (operation, key, part, attempt), share));
            if fits {
                *fired += 1;
                effects.add(&rule.action, index);
            }
        }
        effects
    }
}

/// What a connection as such is called in plans.
pub(in crate::emulator) const CONNECTION: &str = "Connection";

/// What goes wrong with one request.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "independent faults, any of which may strike one request")]
pub(in crate::emulator) struct Effects {
    /// Which plan it is from, and the rules that fit, by name and place.
    plan: u64,
    chosen: Vec<(&'static str, usize)>,
    /// The names of what has changed anything.
    acted: Vec<&'static str>,
    pub(in crate::emulator) delay: Duration,
    pub(in crate::emulator) answer: Option<(u16, String)>,
    pub(in crate::emulator) answer_after: Option<(u16, String)>,
    pub(in crate::emulator) reset: bool,
    pub(in crate::emulator) hard: bool,
    pub(in crate::emulator) cut_head: bool,
    pub(in crate::emulator) close_after: bool,
    /// Bytes per second.
    pub(in crate::emulator) limit_rate: Option<u64>,
    pub(in crate::emulator) error_in_200: Option<String>,
    pub(in crate::emulator) error_in_200_after: Option<String>,
    pub(in crate::emulator) lose_answer: bool,
    pub(in crate::emulator) cut_stream: bool,
    pub(in crate::emulator) cut_body: bool,
    pub(in crate::emulator) alter_body: bool,
    pub(in crate::emulator) wrong_crc: bool,
    pub(in crate::emulator) drop_crc: bool,
    /// Receive at most so many bytes.
    pub(in crate::emulator) cut_request: Option<u64>,
    pub(in crate::emulator) slow_body: Option<Duration>,
    pub(in crate::emulator) echo: Option<EchoFault>,
    pub(in crate::emulator) answer_late: Duration,
    /// Do the work so much later, on a connection that is closed.
    pub(in crate::emulator) linger: Option<Duration>,
}

/// What goes wrong with the confirmation of the encryption.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::emulator) enum EchoFault {
    Drop,
    Downgrade,
    Alter,
}

impl EchoFault {
    /// What it is called in plans.
    pub(in crate::emulator) const fn name(self) -> &'static str {
        match self {
            Self::Drop => "drop_echo",
            Self::Downgrade => "downgrade_echo",
            Self::Alter => "alter_echo",
        }
    }
}

impl Effects {
    /// The names of the faults that have changed anything, for the transcript.
    pub(in crate::emulator) fn name(&self) -> Option<String> {
        (!self.acted.is_empty()).then(|| self.acted.join(","))
    }

    /// Notes that this fault has changed something, if it was chosen.
    pub(in crate::emulator) fn acts(&mut self, name: &'static str) {
        if self.chosen.iter().any(|(chosen, _)| *chosen == name) {
            self.note(name);
        }
    }

    /// The same for the manner in which a connection ends, which may have been told to the connection.
    pub(in crate::emulator) fn ends_connection(&mut self, hard: bool) {
        if hard {
            self.note("hard");
        }
    }

    /// Whether the answer that was spoilt breaks off, or the connection ends after it.
    pub(in crate::emulator) fn breaks_off(&self) -> bool {
        ["close_after", "cut_body", "cut_stream"].iter().any(|name| self.acted.contains(name))
    }

    /// What was noted so far.
    pub(in crate::emulator) fn noted(&self) -> usize {
        self.acted.len()
    }

    /// Takes back what was noted since: it did not leave.
    pub(in crate::emulator) fn forget_since(&mut self, noted: usize) {
        self.acted.truncate(noted);
    }

    fn note(&mut self, name: &'static str) {
        if !self.acted.contains(&name) {
            self.acted.push(name);
        }
    }

    fn add(&mut self, action: &Action, rule: usize) {
        match action {
            Action::Answer { status, code } => {
                self.answer = Some((*status, code.clone()));
            }
            Action::AnswerAfter { status, code } => {
                self.answer_after = Some((*status, code.clone()));
            }
            Action::ErrorIn200After { code } => {
                self.error_in_200_after = Some(code.clone());
            }
            Action::CutHead => {
                self.cut_head = true;
            }
            Action::CloseAfter => {
                self.close_after = true;
            }
            Action::Hard => {
                self.hard = true;
            }
            Action::LimitRate { bytes } => {
                self.limit_rate = Some(self.limit_rate.map_or(*bytes, |known| known.min(*bytes)));
            }
            Action::LoseAnswer => {
                self.lose_answer = true;
            }
            Action::Reset => {
                self.reset = true;
            }
            Action::ErrorIn200 { code } => {
                self.error_in_200 = Some(code.clone());
            }
            Action::CutStream => {
                self.cut_stream = true;
            }
            Action::CutBody => {
                self.cut_body = true;
            }
            Action::WrongCrc => {
                self.wrong_crc = true;
            }
            Action::DropCrc => {
                self.drop_crc = true;
            }
            Action::CutRequest { bytes } => {
                self.cut_request = Some(*bytes);
            }
            Action::AlterBody => {
                self.alter_body = true;
            }
            Action::SlowBody { ms } => {
                self.slow_body = Some(Duration::from_millis(*ms));
            }
            Action::DropEcho => {
                self.echo = Some(EchoFault::Drop);
            }
            Action::DowngradeEcho => {
                self.echo = Some(EchoFault::Downgrade);
            }
            Action::AlterEcho => {
                self.echo = Some(EchoFault::Alter);
            }
            Action::Delay { ms } => {
                self.delay += Duration::from_millis(*ms);
            }
            Action::AnswerLate { ms } => {
                self.answer_late += Duration::from_millis(*ms);
            }
            Action::Linger { ms } => {
                self.linger = Some(Duration::from_millis(*ms));
            }
        }
        self.chosen.push((action.name(), rule));
    }
}
