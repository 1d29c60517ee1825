//! Whether an upload that failed is kept, to be gone on with, or removed. Pure.

use crate::error::ErrorKind;

/// How far the upload had come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// An earlier upload was being compared with the store and the file.
    Resuming,
    /// Parts were being sent, or the upload was being opened.
    Sending,
    /// Complete was asked for, or was about to be.
    Completing,
    /// The object was made, and its proof failed.
    Made,
}

/// What is known of a failure.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Facts<'a> {
    pub(crate) kind: ErrorKind,
    /// The store's own code; empty if there is none.
    pub(crate) code: &'a str,
    /// An answer refused the call, and nothing in it shows that it came from the store.
    pub(crate) stranger: bool,
    /// Nothing says that the file has changed.
    pub(crate) unchanged: bool,
    /// Whoever asked to stop wants nothing to be kept.
    pub(crate) unwanted: bool,
}

/// What becomes of the upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It stays in the store and in its journal.
    Kept,
    /// It is removed from the store, and its journal ends.
    Removed,
}

/// Decides.
///
/// Kept is what another run may bring to a good end. Removed is what no run can: the store does not encrypt as asked,
/// the file is another one, the bytes are damaged, the store refuses for good. Without a journal nobody would find what
/// was kept; `journal` says that there is one, that it works, and that the source can be read again.
pub(crate) fn fate(journal: bool, phase: Phase, facts: Facts<'_>) -> Fate {
    let keep = journal
        && match facts.kind {
            ErrorKind::Cancelled => !facts.unwanted,
            // Only a look was taken, perhaps at the wrong place or with the wrong rights.
            _ if phase == Phase::Resuming => true,
            ErrorKind::Unavailable
            | ErrorKind::Credentials
            | ErrorKind::Protocol
            | ErrorKind::Journal
            | ErrorKind::Config
            | ErrorKind::Internal => true,
            ErrorKind::Source => facts.unchanged,
            // A key that was disabled can be enabled again; an encryption that contradicts cannot be mended.
            ErrorKind::Encryption => facts.code.starts_with("Kms"),
            // The next run sees in the list which part the store has lost or changed.
            ErrorKind::Rejected => facts.stranger || facts.code == "InvalidPart",
            ErrorKind::Integrity => false,
        };
    if keep { Fate::Kept } else { Fate::Removed }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PHASES: [Phase; 4] = [Phase::Resuming, Phase::Sending, Phase::Completing, Phase::Made];

    fn facts(kind: ErrorKind) -> Facts<'static> {
        Facts { kind, code: "", stranger: false, unchanged: false, unwanted: false }
    }

    #[track_caller]
    fn check(facts: Facts<'_>, expected: Fate) {
        for phase in [Phase::Sending, Phase::Completing, Phase::Made] {
            assert_eq!(fate(true, phase, facts), expected, "{phase:?} {facts:?}");
        }
    }

    #[test]
    fn every_kind_has_its_fate() {
        use ErrorKind::{
            Cancelled, Config, Credentials, Encryption, Integrity, Internal, Journal, Protocol, Rejected, Source,
            Unavailable,
        };
        for kind in [Unavailable, Credentials, Protocol, Internal, Journal, Config, Cancelled] {
            check(facts(kind), Fate::Kept);
        }
        for kind in [Encryption, Source, Integrity, Rejected] {
            check(facts(kind), Fate::Removed);
        }
    }

    #[test]
    fn without_a_journal_nothing_is_kept() {
        for kind in ErrorKind::ALL {
            for phase in PHASES {
                let facts = Facts { unchanged: true, stranger: true, ..facts(kind) };
                assert_eq!(fate(false, phase, facts), Fate::Removed, "{phase:?} {kind}");
            }
        }
    }

    #[test]
    fn a_cancel_removes_whatever_the_phase_and_a_look_removes_nothing_else() {
        for phase in PHASES {
            assert_eq!(fate(true, phase, Facts { unwanted: true, ..facts(ErrorKind::Cancelled) }), Fate::Removed);
        }
        for kind in ErrorKind::ALL {
            assert_eq!(fate(true, Phase::Resuming, facts(kind)), Fate::Kept, "{kind}");
        }
    }

    #[test]
    fn what_may_pass_is_kept_even_if_its_kind_is_removed() {
        check(Facts { unchanged: true, ..facts(ErrorKind::Source) }, Fate::Kept);
        check(Facts { code: "KmsKeyDisabled", ..facts(ErrorKind::Encryption) }, Fate::Kept);
        check(Facts { stranger: true, ..facts(ErrorKind::Rejected) }, Fate::Kept);
        check(Facts { code: "InvalidPart", ..facts(ErrorKind::Rejected) }, Fate::Kept);
        check(Facts { code: "NoSuchUpload", ..facts(ErrorKind::Rejected) }, Fate::Removed);
    }
}
