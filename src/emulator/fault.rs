//! What goes wrong on purpose, as data: which call, which part, which attempt, and how.

mod file;
mod strike;
#[cfg(test)]
mod tests;

use std::io;

pub(super) use self::strike::{EchoFault, Effects, Faults};

/// What goes wrong, and when.
///
/// Every rule that fits a request takes part, so a delay and a wrong checksum can meet in one answer.
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
}

impl FaultPlan {
    /// Nothing goes wrong.
    pub fn new() -> Self {
        Self::default()
    }

    /// Starts a rule: which operation (`UploadPart`, `Complete`, …; `*` for any).
    pub fn on(self, operation: &str) -> Rule {
        Rule {
            plan: self,
            when: When { operation: operation.to_owned(), key: None, part: None, attempt: None, times: None },
        }
    }

    /// Reads a plan from JSON: a list of rules such as
    /// `{"on": "UploadPart", "part": 3, "attempt": 1, "times": 1, "do": "answer", "status": 503, "code": "SlowDown"}`.
    ///
    /// `do` is the name of one of the verbs of [`Rule`]; their arguments are `status`, `code`, `bytes` and `ms`.
    ///
    /// # Errors
    /// If the text is not such a list: unknown operations, verbs and fields are told, so that a slip of the pen does
    /// not pass for a store without faults.
    pub fn from_json(text: &str) -> io::Result<Self> {
        Ok(Self { rules: file::read(text)? })
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

    /// At most so many times in all.
    pub fn times(mut self, count: u32) -> Self {
        self.when.times = Some(count);
        self
    }

    /// Answers this status and code, before the body is read.
    pub fn answer(self, status: u16, code: &str) -> FaultPlan {
        self.does(Action::Answer { status, code: code.to_owned() })
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

    /// Complete: does the work, then breaks off within the leading white space.
    pub fn cut_stream(self) -> FaultPlan {
        self.does(Action::CutStream)
    }

    /// GET: breaks off after half of the body.
    pub fn cut_body(self) -> FaultPlan {
        self.does(Action::CutBody)
    }

    /// GET: waits so many milliseconds before each piece of the body.
    pub fn slow_body(self, ms: u64) -> FaultPlan {
        self.does(Action::SlowBody { ms })
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

    /// Receives the request, closes the connection, and does the work so many milliseconds later.
    pub fn linger(self, ms: u64) -> FaultPlan {
        self.does(Action::Linger { ms })
    }

    fn does(self, action: Action) -> FaultPlan {
        let Self { mut plan, when } = self;
        plan.rules.push(Written { when, action });
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
}

#[derive(Clone, Debug)]
enum Action {
    Answer { status: u16, code: String },
    LoseAnswer,
    Reset,
    CutRequest { bytes: u64 },
    ErrorIn200 { code: String },
    CutStream,
    CutBody,
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

/// A rule as it is kept.
#[derive(Clone, Debug)]
struct Written {
    when: When,
    action: Action,
}
