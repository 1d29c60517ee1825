//! Keys that a command gives out: `credential_process`.
//!
//! The command is split into words as the AWS CLI does it (and a word that begins with `#` begins a comment, as in a
//! shell). It is run without a shell, without standard input, which can be the data of an upload, and without the
//! variables that hold secrets of ours. What it prints on standard error goes to ours unseen. It is ended if it prints
//! without end, takes too long, or nobody waits for it any more; what it has started itself is not.
//!
//! Source: <https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-sourcing-external.html>.

use std::{
    fmt,
    io::{self, Read as _},
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use zeroize::Zeroizing;

use super::{
    super::{
        renewed::{Fresh, Source},
        variables,
    },
    answer::{Answer, Needs},
};
use crate::error::{Error, ErrorKind, Result};

/// Time to answer a question of a second factor.
const PATIENCE: Duration = Duration::from_mins(2);

/// An answer has about a kilobyte.
const LARGEST: usize = 64 << 10;

/// How often a command is looked at that does not print anything.
const GLANCE: Timespec = Timespec { tv_sec: 0, tv_nsec: 20_000_000 };

/// A command that gives keys out.
pub(in crate::credentials) struct Process {
    words: Arc<[Zeroizing<String>]>,
    profile: String,
    hidden: Arc<[String]>,
    patience: Duration,
}

impl Process {
    /// Splits the command; `hidden` are variables that it does not get to see, besides those of credentials.
    ///
    /// # Errors
    /// `Credentials` if it is no command.
    pub(in crate::credentials) fn new(command: &str, profile: &str, hidden: &[String]) -> Result<Self> {
        let words = shlex::split(command).filter(|words| words.first().is_some_and(|program| !program.is_empty()));
        let words = words.ok_or_else(|| {
            Error::new(
                ErrorKind::Credentials,
                format!("the credential_process of the profile {profile:?} is no command, or a quote is left open"),
            )
        })?;
        Ok(Self {
            words: words.into_iter().map(Zeroizing::new).collect(),
            profile: profile.to_owned(),
            hidden: variables().map(str::to_owned).chain(hidden.iter().cloned()).collect(),
            patience: PATIENCE,
        })
    }

    /// The same, for commands that must be quicker.
    #[cfg(test)]
    pub(in crate::credentials) fn within(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    // The command is never quoted: it can hold secrets.
    fn failed(&self, what: &str) -> Error {
        Error::new(ErrorKind::Credentials, format!("the credential_process of the profile {:?} {what}", self.profile))
    }
}

impl Source for Process {
    async fn fetch(&self) -> Result<Fresh> {
        let (words, hidden, patience) = (self.words.clone(), self.hidden.clone(), self.patience);
        let unwanted = Unwanted::default();
        let flag = unwanted.0.clone();
        let ended = tokio::task::spawn_blocking(move || run(&words, &hidden, patience, &flag))
            .await
            .map_err(|err| Error::new(ErrorKind::Internal, "the thread of a command is gone").caused_by(err))?;
        let output = match ended.map_err(|err| self.failed("cannot be run").caused_by(err))? {
            Ended::Well(output) => output,
            Ended::Badly(status) => {
                return Err(self
                    .failed(&format!("failed: {status}"))
                    .with_hint("what it prints on stderr is shown above; it must not ask anything on stdin"));
            }
            Ended::TooLong => return Err(self.failed("printed more than 64 KiB")),
            Ended::TooLate => {
                return Err(self.failed(&format!("took longer than {} seconds", patience.as_secs_f32().ceil())));
            }
        };
        let answer = Answer::parse(&output).ok_or_else(|| self.failed("printed something else than keys in JSON"))?;
        if answer.version != Some(1) {
            return Err(self.failed("did not say \"Version\": 1"));
        }
        answer.keys(Needs::Keys).map_err(|why| self.failed(&format!("printed unusable keys: {why}")))
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process").field("profile", &self.profile).finish_non_exhaustive()
    }
}

/// Set once nobody waits for the command any more.
#[derive(Default)]
struct Unwanted(Arc<AtomicBool>);

impl Drop for Unwanted {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// How a command ended.
enum Ended {
    Well(Zeroizing<Vec<u8>>),
    Badly(ExitStatus),
    TooLong,
    TooLate,
}

fn run(words: &[Zeroizing<String>], hidden: &[String], patience: Duration, unwanted: &AtomicBool) -> io::Result<Ended> {
    let (program, arguments) = words.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut command = Command::new(program.as_str());
    command.args(arguments.iter().map(|word| word.as_str()));
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    for name in hidden {
        command.env_remove(name);
    }
    let mut child = command.spawn()?;
    let stdout = child.stdout.take();
    let deadline = Instant::now() + patience;
    let may_go_on = || Instant::now() < deadline && !unwanted.load(Ordering::Relaxed);
    let ended = watch(&mut child, stdout, may_go_on);
    if !matches!(ended, Ok(Ended::Well(_) | Ended::Badly(_))) {
        let _ = child.kill();
        let _ = child.wait();
    }
    ended
}

/// Reads what the command prints, and waits for its end.
fn watch(child: &mut Child, stdout: Option<ChildStdout>, may_go_on: impl Fn() -> bool) -> io::Result<Ended> {
    // Room for all of it at once, so that no copy is left behind when it grows.
    let mut output = Zeroizing::new(vec![0; LARGEST + 1]);
    let mut filled = 0;
    if let Some(mut stdout) = stdout {
        let mut gone = false;
        loop {
            if !may_go_on() {
                return Ok(Ended::TooLate);
            }
            match poll(&mut [PollFd::new(&stdout, PollFlags::IN)], Some(&GLANCE)) {
                // What it has started, such as an agent, can hold the pipe open for ever.
                Ok(0) if gone => break,
                Ok(0) => {
                    gone = child.try_wait()?.is_some();
                    continue;
                }
                Err(rustix::io::Errno::INTR) => continue,
                Ok(_) => {}
                Err(err) => return Err(err.into()),
            }
            match stdout.read(&mut output[filled..])? {
                0 if filled == output.len() => return Ok(Ended::TooLong),
                0 => break,
                more => filled += more,
            }
        }
    }
    loop {
        if let Some(status) = child.try_wait()? {
            output.truncate(filled);
            return Ok(if status.success() { Ended::Well(output) } else { Ended::Badly(status) });
        }
        if !may_go_on() {
            return Ok(Ended::TooLate);
        }
        thread::sleep(Duration::from_millis(5));
    }
}
