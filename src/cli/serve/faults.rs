//! The file of faults: read at the start, and anew whenever SIGHUP asks for it.

use std::{
    future, io,
    path::{Path, PathBuf},
};

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::{super::console::Console, failed};
use crate::{
    emulator::{Emulator, FaultPlan},
    error::{Error, ErrorKind, Result},
    small_file,
};

/// Reads the file.
///
/// # Errors
/// `Config` if it cannot be read, is no list of faults, or holds a rule that can never strike.
pub(super) fn read(path: &Path) -> Result<FaultPlan> {
    let failed = |error: io::Error| {
        Error::new(ErrorKind::Config, format!("cannot read the faults in {}", path.display()))
            .with_hint(r#"write a list such as [{"on": "UploadPart", "part": 3, "times": 1, "do": "answer", "status": 503, "code": "SlowDown"}]"#)
            .caused_by(error)
    };
    FaultPlan::from_json(&small_file::read_text(path).map_err(failed)?).and_then(FaultPlan::checked).map_err(failed)
}

/// Warns of the rules that have changed nothing so far.
pub(super) fn tell_idle(store: &Emulator, console: &Console) {
    let idle = store.idle_faults();
    if !idle.is_empty() {
        console.warn(&format!("these faults never struck: {}", idle.join(", ")));
    }
}

/// The file, and the signal that asks to read it anew.
#[derive(Debug)]
pub(super) struct FaultFile {
    path: PathBuf,
    asked: Signal,
}

impl FaultFile {
    /// From now on SIGHUP does not end the process.
    pub(super) fn listen(path: &Path) -> Result<Self> {
        let asked = signal(SignalKind::hangup()).map_err(failed("listen for SIGHUP"))?;
        Ok(Self { path: path.to_owned(), asked })
    }

    /// Replaces the store's faults by what the file says, each time that it is asked to. It does not end.
    ///
    /// A file that is no list of faults changes nothing, and is told.
    pub(super) async fn follow(&mut self, store: &Emulator, console: &Console) {
        while self.asked.recv().await.is_some() {
            let path = self.path.clone();
            match tokio::task::spawn_blocking(move || read(&path)).await {
                Ok(Ok(plan)) => {
                    tell_idle(store, console);
                    store.set_faults(plan);
                    console.note(&format!("the faults are now those in {}", self.path.display()));
                }
                Ok(Err(error)) => {
                    let cause =
                        std::error::Error::source(&error).map_or_else(String::new, |cause| format!(": {cause}"));
                    console.warn(&format!("the faults stay as they were: {error}{cause}"));
                }
                Err(error) => console.warn(&format!("the faults stay as they were: {error}")),
            }
        }
        future::pending::<()>().await;
    }
}
