//! Ctrl-C and SIGTERM: the first asks to stop, the second leaves at once. SIGUSR1 asks for the progress.

use std::{
    fs,
    path::PathBuf,
    process,
    sync::{Arc, atomic::AtomicBool},
};

use rustix::process::Signal as Number;
use tokio::signal::unix::{Signal, SignalKind, signal};

use super::console::Console;
use crate::error::{Error, ErrorKind, Result};

/// From now on two signals are survived that end a process otherwise, without a word.
///
/// A file that reaches the limit of its size becomes an error of the write, which names the remedy and cleans up; and
/// whoever asks for the progress before there is any is not punished for it. They are handled, not ignored, because
/// what is ignored stays so in the commands that are run for keys and credentials. Listening to them as below would need
/// an event loop before the first option is read.
///
/// # Errors
/// A sentence for the user, if the system refuses; the work can go on without.
pub(super) fn survive() -> Result<(), String> {
    for signal in [Number::XFSZ, Number::USR1] {
        signal_hook::flag::register(signal.as_raw(), Arc::new(AtomicBool::new(false)))
            .map_err(|error| format!("signals that ask for nothing can end this process: {error}"))?;
    }
    Ok(())
}

/// The signals that the process listens to.
#[derive(Debug)]
pub(super) struct Signals {
    interrupt: Signal,
    terminate: Signal,
    report: Signal,
    heard: bool,
    console: Console,
    remove: Option<PathBuf>,
}

impl Signals {
    /// From now on, signals no longer end the process by themselves.
    pub(super) fn listen(console: &Console) -> Result<Self> {
        let failed =
            |error: std::io::Error| Error::new(ErrorKind::Internal, "cannot listen for signals").caused_by(error);
        Ok(Self {
            interrupt: signal(SignalKind::interrupt()).map_err(failed)?,
            terminate: signal(SignalKind::terminate()).map_err(failed)?,
            report: signal(SignalKind::user_defined1()).map_err(failed)?,
            heard: false,
            console: console.clone(),
            remove: None,
        })
    }

    #[cfg(feature = "emulator")]
    /// A folder to remove even when a second signal ends the process.
    pub(super) fn removing(mut self, folder: impl Into<PathBuf>) -> Self {
        self.remove = Some(folder.into());
        self
    }

    /// Waits for the first signal that asks to stop. A second one ends the process, with the status of a stopped one.
    ///
    /// # Cancellation
    /// Nothing is lost: a signal that is not waited for stays pending.
    pub(super) async fn asked_to_stop(&mut self) {
        while self.next().await != Wish::Stop {}
    }

    /// Waits for the next signal; a second one that asks to stop ends the process.
    ///
    /// # Cancellation
    /// As for [`asked_to_stop`](Self::asked_to_stop).
    pub(super) async fn next(&mut self) -> Wish {
        tokio::select! {
            biased;
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.report.recv() => return Wish::Report,
        }
        if self.heard {
            // Whatever cannot be removed stays behind under its own name; there is no more time for it.
            let _ = self.remove.take().map(fs::remove_dir_all);
            process::exit(i32::from(ErrorKind::Cancelled.exit_code()));
        }
        self.heard = true;
        self.console.note("stopping; once more leaves at once");
        Wish::Stop
    }
}

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// To end in good order.
    Stop,
    /// To say how far it is.
    Report,
}

/// The error of work that was stopped by a signal.
pub(super) fn stopped() -> Error {
    Error::new(ErrorKind::Cancelled, "stopped by a signal")
}
