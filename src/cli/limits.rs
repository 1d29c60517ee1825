//! Limits of the system that a process meets when it starts its threads and event loops: no defect, and to be raised.

use std::{error::Error as StdError, io};

use rustix::{
    io::Errno,
    process::{Resource, Rlimit, getrlimit, setrlimit},
};

use crate::error::{Error, ErrorKind};

/// More open files than any upload has; macOS takes no more.
const FILES: u64 = 10_240;

/// Raises the limit of open files as far as its owner may: many systems begin with 256 or 1024, for the sake of programs
/// that put descriptors into the sets of `select`, and each part at once has a connection. Where it cannot be raised, what
/// meets it says so.
pub(super) fn raise_open_files() {
    let now = getrlimit(Resource::Nofile);
    let wanted = now.maximum.map_or(FILES, |most| most.min(FILES));
    if now.current.is_some_and(|current| current < wanted) {
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), ..now });
    }
}

/// A limit, by the number of its error.
#[derive(Debug)]
pub(super) struct Limit {
    number: Errno,
    name: &'static str,
    remedy: &'static str,
}

/// What `pthread_create` and the calls that open descriptors answer at a limit.
const LIMITS: [Limit; 3] = [
    Limit {
        number: Errno::MFILE,
        name: "of open files of this process (EMFILE)",
        remedy: "raise it, such as with `ulimit -n 1024`",
    },
    Limit {
        number: Errno::NFILE,
        name: "of open files of this machine (ENFILE)",
        remedy: "raise it, such as with `sysctl fs.file-max`, or end what has so many open",
    },
    Limit {
        number: Errno::AGAIN,
        name: "of processes and threads (EAGAIN)",
        remedy: "raise it (`ulimit -u`, or TasksMax= and pids.max of the control group), or end other processes",
    },
];

impl Limit {
    /// The limit behind an error that passes for a defect.
    pub(super) fn behind(error: &Error) -> Option<&'static Self> {
        let mut cause = (error.kind() == ErrorKind::Internal).then(|| error.source()).flatten();
        while let Some(it) = cause {
            if let Some(number) = it.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error) {
                return LIMITS.iter().find(|limit| limit.number.raw_os_error() == number);
            }
            cause = it.source();
        }
        None
    }

    /// The limit that the message of a panic tells of: the event loop, and threads of the standard library, panic where
    /// they cannot begin. The two forms are those in which an `io::Error` shows itself.
    pub(super) fn told_by(panic: &str) -> Option<&'static Self> {
        LIMITS.iter().find(|limit| {
            let number = limit.number.raw_os_error();
            panic.contains(&format!("(os error {number})")) || panic.contains(&format!("Os {{ code: {number},"))
        })
    }

    /// What is said instead.
    pub(super) fn error(&self) -> Error {
        Error::new(ErrorKind::Config, format!("a limit of the system is reached: that {}", self.name))
            .with_hint(self.remedy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_known_by_its_number_in_every_form() {
        for (number, name) in [(Errno::MFILE, "EMFILE"), (Errno::NFILE, "ENFILE"), (Errno::AGAIN, "EAGAIN")] {
            let cause = || io::Error::from_raw_os_error(number.raw_os_error());
            let internal = Error::new(ErrorKind::Internal, "no threads").caused_by(cause());
            let shown = [format!("no worker: {}", cause()), format!("no socket: {:?}", cause())];
            for limit in [Limit::behind(&internal), Limit::told_by(&shown[0]), Limit::told_by(&shown[1])] {
                let error = limit.unwrap().error();
                assert_eq!(error.kind(), ErrorKind::Config);
                assert!(error.to_string().contains(name) && error.hint().is_some(), "{error}");
            }
            let other = Error::new(ErrorKind::Source, "no file").caused_by(cause());
            assert!(Limit::behind(&other).is_none());
        }
        assert!(Limit::told_by("index 11 of 24 (os error 240)").is_none());
        let defect = Error::new(ErrorKind::Internal, "a defect").caused_by(io::Error::other("of ours"));
        assert!(Limit::behind(&defect).is_none());
    }
}
