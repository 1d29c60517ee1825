//! `command:CMD`: what a shell command prints.

use std::{
    ffi::OsStr,
    io,
    process::{Child, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use rustix::{
    event::{PollFd, PollFlags, Timespec, poll},
    io::Errno,
};

use super::source::read_limited;
use crate::{
    credentials,
    error::{Error, ErrorKind, Result},
    secret::Secret,
};

/// How often it is looked whether the shell is there still.
const LOOK: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
/// How long what the shell has left behind may go on printing. Without an end, a daemon that inherited the pipe would
/// hold up the upload for as long as it lives.
const GRACE: Duration = Duration::from_secs(1);

/// Runs the command without our credentials and without standard input, which can be the data of an upload.
pub(super) fn run(command: &OsStr) -> Result<Secret> {
    // Neither the command nor its output is quoted: both can hold secrets.
    let failed = |error: io::Error| {
        Error::new(ErrorKind::Config, "cannot run the command for the key")
            .with_hint("it is run by sh, and prints the key and nothing else: 32 bytes, or their base64 or hex")
            .caused_by(error)
    };
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(command).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    for name in credentials::variables() {
        shell.env_remove(name);
    }
    let mut child = shell.spawn().map_err(failed)?;
    let output = match child.stdout.take() {
        Some(pipe) => read_limited(Output { pipe, child: &mut child, gone: None }),
        None => Ok(Secret::new([])),
    };
    if output.is_err() {
        // A command that prints without end would not end by itself.
        let _ = child.kill();
    }
    let status = child.wait().map_err(failed)?;
    let output = output.map_err(failed)?;
    if !status.success() {
        return Err(Error::new(ErrorKind::Config, format!("the command for the key failed: {status}")).with_hint(
            "what it prints on stderr is shown above; a passphrase prompt must use the terminal, not stdin",
        ));
    }
    Ok(output)
}

/// What the command prints, which ends soon after the shell at the latest.
struct Output<'a> {
    pipe: ChildStdout,
    child: &'a mut Child,
    /// Since when the shell is known to be gone.
    gone: Option<Instant>,
}

impl io::Read for Output<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match poll(&mut [PollFd::new(&self.pipe, PollFlags::IN)], Some(&LOOK)) {
                Ok(0) | Err(Errno::INTR) => {}
                Ok(_) => return io::Read::read(&mut self.pipe, buffer),
                Err(error) => return Err(error.into()),
            }
            if self.gone.is_none() && self.child.try_wait()?.is_some() {
                self.gone = Some(Instant::now());
            }
            if self.gone.is_some_and(|since| since.elapsed() >= GRACE) {
                return Ok(0);
            }
        }
    }
}
