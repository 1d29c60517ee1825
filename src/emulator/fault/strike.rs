//! Fault plans at work.

use std::{
    collections::HashMap,
    hash::{DefaultHasher, Hash as _, Hasher as _},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use super::{Action, FaultPlan, random};

/// A plan at work: it counts attempts and how often each rule fired.
#[derive(Debug, Default)]
pub(in crate::emulator) struct Faults(Mutex<Working>);

#[derive(Debug, Default)]
struct Working {
    plan: FaultPlan,
    fired: Vec<u32>,
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
        let fired = vec![0; plan.rules.len()];
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Working { plan, fired, attempts: HashMap::new() };
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
        let mut effects = Effects::default();
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
                effects.add(&rule.action);
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
    names: Vec<&'static str>,
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

impl Effects {
    /// The names of the faults, for the transcript.
    pub(in crate::emulator) fn name(&self) -> Option<String> {
        (!self.names.is_empty()).then(|| self.names.join(","))
    }

    fn add(&mut self, action: &Action) {
        let name = match action {
            Action::Answer { status, code } => {
                self.answer = Some((*status, code.clone()));
                "answer"
            }
            Action::AnswerAfter { status, code } => {
                self.answer_after = Some((*status, code.clone()));
                "answer_after"
            }
            Action::ErrorIn200After { code } => {
                self.error_in_200_after = Some(code.clone());
                "error_in_200_after"
            }
            Action::CutHead => {
                self.cut_head = true;
                "cut_head"
            }
            Action::CloseAfter => {
                self.close_after = true;
                "close_after"
            }
            Action::Hard => {
                self.hard = true;
                "hard"
            }
            Action::LimitRate { bytes } => {
                self.limit_rate = Some(self.limit_rate.map_or(*bytes, |known| known.min(*bytes)));
                "limit_rate"
            }
            Action::LoseAnswer => {
                self.lose_answer = true;
                "lose_answer"
            }
            Action::Reset => {
                self.reset = true;
                "reset"
            }
            Action::ErrorIn200 { code } => {
                self.error_in_200 = Some(code.clone());
                "error_in_200"
            }
            Action::CutStream => {
                self.cut_stream = true;
                "cut_stream"
            }
            Action::CutBody => {
                self.cut_body = true;
                "cut_body"
            }
            Action::WrongCrc => {
                self.wrong_crc = true;
                "wrong_crc"
            }
            Action::DropCrc => {
                self.drop_crc = true;
                "drop_crc"
            }
            Action::CutRequest { bytes } => {
                self.cut_request = Some(*bytes);
                "cut_request"
            }
            Action::SlowBody { ms } => {
                self.slow_body = Some(Duration::from_millis(*ms));
                "slow_body"
            }
            Action::DropEcho => {
                self.echo = Some(EchoFault::Drop);
                "drop_echo"
            }
            Action::DowngradeEcho => {
                self.echo = Some(EchoFault::Downgrade);
                "downgrade_echo"
            }
            Action::AlterEcho => {
                self.echo = Some(EchoFault::Alter);
                "alter_echo"
            }
            Action::Delay { ms } => {
                self.delay += Duration::from_millis(*ms);
                "delay"
            }
            Action::AnswerLate { ms } => {
                self.answer_late += Duration::from_millis(*ms);
                "answer_late"
            }
            Action::Linger { ms } => {
                self.linger = Some(Duration::from_millis(*ms));
                "linger"
            }
        };
        self.names.push(name);
    }
}
