//! What goes wrong on purpose, as data: which call, which part, which attempt, and how.

mod file;
mod idle;
mod random;
mod strike;
#[cfg(test)]
mod tests;

use std::io;

pub(super) use self::strike::{CONNECTION, EchoFault, Effects, Faults};

/// What goes wrong, and when.
///
/// Every rule that fits a request takes part, so a delay and a wrong checksum can meet in one answer. A rule strikes
/// always, at some attempts, or by chance; what chance decides depends on the seed, the rule and the request (operation,
/// key, part, attempt) and on nothing else, so that the same seed strikes the same requests again.
///
/// # Examples
/// ```
/// use sealift::emulator::FaultPlan;
///
/// let plan = FaultPlan::new()
///     .on("UploadPart").part(3).times(1).answer(503, "SlowDown")
///     .on("Complete").attempt(1).lose_answer();
/// # let _ = plan;
/// ```
#[derive(Clone, Debug, Default)]
pub struct FaultPlan {
    rules: Vec<Written>,
    seed: u64,
}

impl FaultPlan {
    /// Nothing goes wrong.
    pub fn new() -> Self {
        Self::default()
    }

    /// A plan of faults that a good client survives, each of them seldom: of all requests about this share is struck, from
    /// 0 to 1. There are resets, lost answers, 503 and 500 with the work done and undone, cut requests and answers,
    /// errors inside a 200 and short delays.
    pub fn random(seed: u64, share: f64) -> Self {
        random::plan(seed, share)
    }

    /// What chance begins with.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Starts a rule: which operation (`UploadPart`, `Complete`, …; `*` for any), or `Connection`.
    ///
    /// A connection is struck when it is accepted, by [`delay`](Rule::delay), [`reset`](Rule::reset), [`hard`](Rule::hard)
    /// and [`limit_rate`](Rule::limit_rate); its attempt is its number.
    pub fn on(self, operation: &str) -> Rule {
        Rule {
            plan: self,
            when: When {
                operation: operation.to_owned(),
                key: None,
                part: None,
                attempt: None,
                times: None,
                chance: None,
            },
        }
    }

    fn add(&mut self, when: When, action: Action) {
        let number = self.rules.iter().filter_map(|rule| rule.number).max().unwrap_or_default() + 1;
        self.rules.push(Written { when, action, number: Some(number) });
    }

    /// The same plan, if each of its rules can strike at all.
    ///
    /// # Errors
    /// Names the first rule that never can, such as one for part 0, for a part of a call that has none, or for an error
    /// with the status 200.
    pub fn checked(self) -> io::Result<Self> {
        match self.rules.iter().find_map(|rule| Some((rule.title()?, idle::why_never(rule)?))) {
            None => Ok(self),
            Some((title, why)) => {
                Err(io::Error::new(io::ErrorKind::InvalidInput, format!("{title} can never strike: {why}")))
            }
        }
    }

    /// Reads a plan from JSON: a list of rules such as
    /// `{"on": "UploadPart", "part": 3, "attempt": 1, "times": 1, "do": "answer", "status": 503, "code": "SlowDown"}`, or
    /// `{"seed": 7, "random": 0.05, "rules": [{"on": "Get", "chance": 0.1, "do": "cut_body"}]}`, all of it optional.
    ///
    /// `do` is the name of one of the verbs of [`Rule`]; their arguments are `status`, `code`, `bytes` and `ms`.
    ///
    /// # Errors
    /// If the text is not such a list: unknown operations, verbs and fields are told, so that a slip of the pen does
    /// not pass for a store without faults.
    pub fn from_json(text: &str) -> io::Result<Self> {
        file::read(text)
    }
}

/// A rule being written; one of its verbs ends it.
#[derive(Debug)]
#[must_use]
pub struct Rule {
    plan: FaultPlan,
    when: When,
}

impl Rule {
    /// Only this object key.
    pub fn key(mut self, key: &str) -> Self {
        self.when.key = Some(key.to_owned());
        self
    }

    /// Only this part.
    pub fn part(mut self, number: u16) -> Self {
        self.when.part = Some(number);
        self
    }

    /// Only this attempt, counted from 1 for each operation, key and part.
    pub fn attempt(mut self, number: u32) -> Self {
        self.when.attempt = Some(number);
        self
    }

    /// Only by chance, from 0 for never to 1 for always.
    pub fn chance(mut self, share: f64) -> Self {
        self.when.chance = Some(share);
        self
    }

    /// At most so many times in all.
    pub fn times(mut self, count: u32) -> Self {
        self.when.times = Some(count);
        self
    }

    /// Answers this status and code, before the body is read.
    pub fn answer(self, status: u16, code: &str) -> FaultPlan {
        self.does(Action::Answer { status, code: code.to_owned() })
    }

    /// Does the work, then answers this status and code all the same.
    pub fn answer_after(self, status: u16, code: &str) -> FaultPlan {
        self.does(Action::AnswerAfter { status, code: code.to_owned() })
    }

    /// Does the work, then closes the connection without an answer.
    pub fn lose_answer(self) -> FaultPlan {
        self.does(Action::LoseAnswer)
    }

    /// Closes the connection before anything is done.
    pub fn reset(self) -> FaultPlan {
        self.does(Action::Reset)
    }

    /// Receives so many bytes of the request's body, then closes the connection.
    pub fn cut_request(self, bytes: u64) -> FaultPlan {
        self.does(Action::CutRequest { bytes })
    }

    /// Answers 200 with an error of this code in the body; the work is not done.
    pub fn error_in_200(self, code: &str) -> FaultPlan {
        self.does(Action::ErrorIn200 { code: code.to_owned() })
    }

    /// Does the work, then answers 200 with an error of this code in the body all the same.
    pub fn error_in_200_after(self, code: &str) -> FaultPlan {
        self.does(Action::ErrorIn200After { code: code.to_owned() })
    }

    /// Does the work, then closes the connection within the head of the answer.
    pub fn cut_head(self) -> FaultPlan {
        self.does(Action::CutHead)
    }

    /// Answers, then closes the connection, which nothing in the answer tells.
    pub fn close_after(self) -> FaultPlan {
        self.does(Action::CloseAfter)
    }

    /// Whatever ends the connection from now on, it ends with a TCP reset, and what is under way may get lost.
    pub fn hard(self) -> FaultPlan {
        self.does(Action::Hard)
    }

    /// At most so many bytes per second, in each direction.
    pub fn limit_rate(self, bytes: u64) -> FaultPlan {
        self.does(Action::LimitRate { bytes })
    }

    /// Complete: does the work, then breaks off within the leading white space.
    pub fn cut_stream(self) -> FaultPlan {
        self.does(Action::CutStream)
    }

    /// Breaks off after half of the answer's body.
    pub fn cut_body(self) -> FaultPlan {
        self.does(Action::CutBody)
    }

    /// Waits so many milliseconds before each piece of the answer's body.
    pub fn slow_body(self, ms: u64) -> FaultPlan {
        self.does(Action::SlowBody { ms })
    }

    /// Get: other bytes of the object, the first bit turned over, under the checksum of the right ones.
    pub fn alter_body(self) -> FaultPlan {
        self.does(Action::AlterBody)
    }

    /// No CRC-64 in the answer.
    pub fn drop_crc(self) -> FaultPlan {
        self.does(Action::DropCrc)
    }

    /// A wrong CRC-64 in the answer.
    pub fn wrong_crc(self) -> FaultPlan {
        self.does(Action::WrongCrc)
    }

    /// No encryption headers in the answer. With `on("*")`: a store that never confirms encryption.
    pub fn drop_echo(self) -> FaultPlan {
        self.does(Action::DropEcho)
    }

    /// Another mode in the answer: `AES256` where a customer or KMS key was asked for, none where `AES256` was.
    pub fn downgrade_echo(self) -> FaultPlan {
        self.does(Action::DowngradeEcho)
    }

    /// Another key MD5 or KMS key id in the answer.
    pub fn alter_echo(self) -> FaultPlan {
        self.does(Action::AlterEcho)
    }

    /// Waits so many milliseconds before anything.
    pub fn delay(self, ms: u64) -> FaultPlan {
        self.does(Action::Delay { ms })
    }

    /// Does the work, then waits so many milliseconds before it answers.
    pub fn answer_late(self, ms: u64) -> FaultPlan {
        self.does(Action::AnswerLate { ms })
    }

    /// Receives the request, closes the connection, and does the work so many milliseconds later. The bodies of all that
    /// wait are in memory, 20 MiB at the most; of what has no room nothing is done.
    pub fn linger(self, ms: u64) -> FaultPlan {
        self.does(Action::Linger { ms })
    }

    fn does(self, action: Action) -> FaultPlan {
        let Self { mut plan, when } = self;
        plan.add(when, action);
        plan
    }
}

/// When a rule fits.
#[derive(Clone, Debug)]
struct When {
    operation: String,
    key: Option<String>,
    part: Option<u16>,
    attempt: Option<u32>,
    times: Option<u32>,
    chance: Option<f64>,
}

#[derive(Clone, Debug)]
enum Action {
    Answer { status: u16, code: String },
    AnswerAfter { status: u16, code: String },
    LoseAnswer,
    Reset,
    CutRequest { bytes: u64 },
    ErrorIn200 { code: String },
    ErrorIn200After { code: String },
    CutHead,
    CloseAfter,
    Hard,
    LimitRate { bytes: u64 },
    CutStream,
    CutBody,
    AlterBody,
    SlowBody { ms: u64 },
    WrongCrc,
    DropCrc,
    DropEcho,
    DowngradeEcho,
    AlterEcho,
    Delay { ms: u64 },
    AnswerLate { ms: u64 },
    Linger { ms: u64 },
}

impl Action {
    /// What it is called in plans and transcripts.
    const fn name(&self) -> &'static str {
        match self {
            Self::Answer { .. } => "answer",
            Self::AnswerAfter { .. } => "answer_after",
            Self::LoseAnswer => "lose_answer",
            Self::Reset => "reset",
            Self::CutRequest { .. } => "cut_request",
            Self::ErrorIn200 { .. } => "error_in_200",
            Self::ErrorIn200After { .. } => "error_in_200_after",
            Self::CutHead => "cut_head",
            Self::CloseAfter => "close_after",
            Self::Hard => "hard",
            Self::LimitRate { .. } => "limit_rate",
            Self::CutStream => "cut_stream",
            Self::CutBody => "cut_body",
            Self::AlterBody => "alter_body",
            Self::SlowBody { .. } => "slow_body",
            Self::WrongCrc => "wrong_crc",
            Self::DropCrc => "drop_crc",
            Self::DropEcho => "drop_echo",
            Self::DowngradeEcho => "downgrade_echo",
            Self::AlterEcho => "alter_echo",
            Self::Delay { .. } => "delay",
            Self::AnswerLate { .. } => "answer_late",
            Self::Linger { .. } => "linger",
        }
    }
}

/// A rule as it is kept.
#[derive(Clone, Debug)]
struct Written {
    when: When,
    action: Action,
    /// Its place among those that somebody wrote, from 1; none for those that come by [`FaultPlan::random`].
    number: Option<usize>,
}

impl Written {
    /// How people are told of it.
    fn title(&self) -> Option<String> {
        Some(format!("rule {} ({} on {})", self.number?, self.action.name(), self.when.operation))
    }
}
