//! What has to come of each cell, by what the design promises and not by what the code does.
//!
//! * A call that can be sent again is, as long as the trouble may pass; if it does not, the upload is kept with its
//!   journal, and removed without one.
//! * What no run can mend ends the upload and leaves nothing: a store that refuses for good, that does not encrypt as
//!   asked, that has other bytes.
//! * Complete happens once: after a doubtful end it is looked, and asked again only if the upload was seen alive.
//! * An object that was made is never removed, and an error about it names it. That of a PUT is.
//! * An upload whose outcome nobody can tell stays as it is, and is named.

use sealift::{
    error::ErrorKind::{self, Cancelled, Credentials, Encryption, Integrity, Protocol, Rejected, Unavailable},
    sse::SseMode,
};

use crate::{cell::Cell, fault::Harm, place::Place};

/// The end of an upload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The object is there, and proved.
    Done,
    /// It failed with this kind, and this was left.
    Failed(ErrorKind, Left),
}

/// What a failed upload has left in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    /// Nothing.
    Nothing,
    /// Perhaps an empty upload whose id was lost, and the error says so.
    Orphan,
    /// The upload: kept where there is a journal, else removed.
    Kept,
    /// The upload, journal or not: whether it became an object is not known, and the error names it.
    Unknown,
    /// The upload could not be removed, and the error names it.
    Named,
    /// The object, which the error names; nobody can go on with it.
    Object,
    /// The object, which the error names; with a journal the next run proves it.
    Unproved,
    /// Perhaps the object, now or later, and the error says so.
    Perhaps,
}

/// The outcome of a cell.
pub(crate) fn expected(cell: &Cell) -> End {
    let harm = relevant(cell);
    match cell.place {
        Place::Initiate => initiate(cell, harm),
        Place::Probe | Place::First | Place::Middle | Place::Last => part(cell, harm),
        Place::Complete => complete(cell, harm),
        Place::Head => head(cell, harm),
        Place::DoubtMade => doubt_made(cell, harm),
        Place::DoubtAlive => doubt_alive(cell, harm),
        Place::Resume => resume(cell, harm),
        Place::Abort => removal(cell, harm, Rejected),
        Place::Put => put(cell, harm),
        Place::Get => get(cell, harm),
        Place::Delete => removal(cell, harm, if cell.mode == SseMode::None { Integrity } else { Encryption }),
    }
}

/// Whether answers to this operation carry the checksum.
pub(crate) fn checks(operation: &str) -> bool {
    matches!(operation, "UploadPart" | "Complete" | "Head" | "Put" | "Get")
}

/// Whether answers to this operation tell of the encryption that was asked for.
pub(crate) fn speaks(cell: &Cell, operation: &str) -> bool {
    let speaks = matches!(operation, "Initiate" | "UploadPart" | "Complete" | "Head" | "Put" | "Get");
    // S3's answer to Complete has no word for customer keys (API_CompleteMultipartUpload.html).
    speaks && !(operation == "Complete" && cell.is_s3() && cell.mode == SseMode::Customer)
}

/// Faults of an answer are none where the answer has nothing of the kind, or nothing was asked.
pub(crate) fn relevant(cell: &Cell) -> Harm {
    let operation = cell.place.operation();
    let harm = cell.fault.harm(operation);
    let (checks, speaks) = (checks(operation), speaks(cell, operation));
    let changes = !matches!(operation, "Head" | "ListParts" | "Get");
    match harm {
        // There is no work to be done.
        Harm::Late(status, code) if !changes => Harm::Refusal(status, code),
        Harm::HiddenLate(code) if !changes => Harm::Hidden(code),
        Harm::NoEcho | Harm::WeakEcho | Harm::OtherEcho if !speaks || cell.mode == SseMode::None => Harm::None,
        // There is nothing weaker than the store's own keys but nothing.
        Harm::WeakEcho if cell.mode == SseMode::Managed => Harm::NoEcho,
        Harm::WrongChecksum | Harm::NoChecksum if !checks => Harm::None,
        harm => harm,
    }
}

/// Whether the store may think better of it.
fn passes(harm: Harm) -> bool {
    match harm {
        Harm::Silence { .. } => true,
        Harm::Refusal(status, _) | Harm::Late(status, _) => status >= 500 || status == 409,
        Harm::Hidden(code) | Harm::HiddenLate(code) => code == "InternalError",
        _ => false,
    }
}

/// The kind of a refusal, or of a store that does not answer.
fn kind(harm: Harm) -> ErrorKind {
    match harm {
        Harm::Silence { .. }
        | Harm::Refusal(500.., _)
        | Harm::Late(500.., _)
        | Harm::Hidden("InternalError")
        | Harm::HiddenLate("InternalError") => Unavailable,
        Harm::Refusal(403, _) | Harm::Hidden("AccessDenied") => Credentials,
        Harm::WrongChecksum | Harm::NoChecksum | Harm::OtherBytes => Integrity,
        Harm::NoEcho | Harm::WeakEcho | Harm::OtherEcho => Encryption,
        Harm::None | Harm::Refusal(..) | Harm::Late(..) | Harm::Hidden(_) | Harm::HiddenLate(_) => Rejected,
    }
}

/// A failure under way: what may pass is kept, and the rest removed.
fn under_way(harm: Harm) -> End {
    let kind = kind(harm);
    End::Failed(kind, if matches!(kind, Unavailable | Credentials) { Left::Kept } else { Left::Nothing })
}

fn initiate(cell: &Cell, harm: Harm) -> End {
    match harm {
        // A store that says nothing has to prove it with the first byte.
        Harm::None | Harm::NoEcho => End::Done,
        harm if cell.once && passes(harm) => End::Done,
        // It may be the checksum that was asked for, which such stores need not know.
        Harm::Refusal(400, _) if cell.once && cell.is_s3() => End::Done,
        Harm::Refusal(400..=499, _) | Harm::WeakEcho | Harm::OtherEcho => End::Failed(kind(harm), Left::Nothing),
        harm => End::Failed(kind(harm), Left::Orphan),
    }
}

fn part(cell: &Cell, harm: Harm) -> End {
    match harm {
        // The whole object's is compared in its place.
        Harm::None | Harm::NoChecksum => End::Done,
        harm if cell.once && (passes(harm) || harm == Harm::WrongChecksum) => End::Done,
        // The first byte is sent in several ways, because such a store may take it in one of them only.
        Harm::Refusal(400, _) if cell.once && cell.is_s3() && cell.place == Place::Probe => End::Done,
        // A store that fails where the key is to be used, and removes the upload when told to, lacks the key.
        Harm::Refusal(500, "InternalError") | Harm::Late(500, "InternalError")
            if cell.mode == SseMode::Kms && cell.place == Place::Probe =>
        {
            End::Failed(Encryption, Left::Nothing)
        }
        harm => under_way(harm),
    }
}

fn complete(cell: &Cell, harm: Harm) -> End {
    match harm {
        Harm::None | Harm::NoChecksum | Harm::NoEcho => End::Done,
        harm if is_done(harm) => End::Done,
        Harm::WrongChecksum | Harm::WeakEcho | Harm::OtherEcho => End::Failed(kind(harm), Left::Object),
        Harm::Refusal(400 | 403, _) => under_way(harm),
        // Doubtful, whatever it says: the next one is answered well, or we stop it after some.
        _ if cell.once => End::Done,
        _ => End::Failed(Cancelled, Left::Unknown),
    }
}

fn head(cell: &Cell, harm: Harm) -> End {
    match harm {
        // Of a customer key, S3's answer to Complete has confirmed nothing.
        Harm::Refusal(403, _) if cell.is_s3() && cell.mode == SseMode::Customer => {
            End::Failed(Credentials, Left::Unproved)
        }
        // Complete has confirmed all but the size.
        Harm::None | Harm::NoChecksum | Harm::NoEcho | Harm::Refusal(403, _) => End::Done,
        // A HEAD has no body, so nothing says what is meant.
        Harm::Hidden(_) => End::Failed(Protocol, Left::Unproved),
        // An object that is not there yet is looked for again.
        Harm::Refusal(404, _) if cell.once => End::Done,
        Harm::Refusal(409, _) => End::Failed(Rejected, Left::Object),
        harm if cell.once && passes(harm) => End::Done,
        Harm::Refusal(400, _) if cell.mode == SseMode::Customer => End::Failed(Encryption, Left::Object),
        harm if passes(harm) => End::Failed(Unavailable, Left::Unproved),
        harm => End::Failed(kind(harm), Left::Object),
    }
}

/// The object is there, and Complete's answer was lost.
fn doubt_made(cell: &Cell, harm: Harm) -> End {
    match harm {
        Harm::None | Harm::NoEcho => End::Done,
        // Neither answer has given one. Stores that speak S3 need not keep one; then those of the parts count.
        Harm::NoChecksum if cell.is_s3() => End::Done,
        Harm::NoChecksum => End::Failed(Integrity, Left::Object),
        Harm::WrongChecksum | Harm::WeakEcho | Harm::OtherEcho => End::Failed(kind(harm), Left::Object),
        _ if cell.once => End::Done,
        // The store says that neither the upload nor the object is there.
        Harm::Refusal(404, _) => End::Failed(Rejected, Left::Object),
        Harm::Refusal(400 | 403, _) if cell.mode == SseMode::Customer => End::Failed(Encryption, Left::Unproved),
        Harm::Silence { patient: true, .. } => End::Failed(Cancelled, Left::Unproved),
        Harm::Hidden(_) => End::Failed(Protocol, Left::Unproved),
        harm => End::Failed(kind(harm), Left::Unproved),
    }
}

/// The upload is there, and Complete did not arrive.
fn doubt_alive(cell: &Cell, harm: Harm) -> End {
    match harm {
        _ if cell.once || kind_of_list(harm).is_none() => End::Done,
        // The store says that neither the upload nor the object is there.
        Harm::Refusal(404, _) => End::Failed(Rejected, Left::Named),
        Harm::Silence { patient: true, .. } => End::Failed(Cancelled, Left::Unknown),
        harm => End::Failed(kind(harm), Left::Unknown),
    }
}

fn resume(cell: &Cell, harm: Harm) -> End {
    match harm {
        _ if kind_of_list(harm).is_none() || cell.once && passes(harm) => End::Done,
        // A list is not believed to be the end: the object is looked for, and the list asked for again; at last a new
        // upload is begun, and the receipt names the old one.
        Harm::Refusal(404, _) => End::Done,
        harm => End::Failed(kind(harm), Left::Kept),
    }
}

fn kind_of_list(harm: Harm) -> Option<ErrorKind> {
    use Harm::{Hidden, HiddenLate, Late, Refusal, Silence};
    matches!(harm, Refusal(..) | Late(..) | Silence { .. } | Hidden(_) | HiddenLate(_)).then(|| kind(harm))
}

/// Whether the work was done, whatever the answer says.
fn is_done(harm: Harm) -> bool {
    matches!(harm, Harm::Silence { done: true, .. } | Harm::Late(..) | Harm::HiddenLate(_))
}

/// An upload or object that has to go, after a failure of this kind.
fn removal(cell: &Cell, harm: Harm, failure: ErrorKind) -> End {
    let removed = match harm {
        _ if kind_of_list(harm).is_none() || cell.once && passes(harm) => true,
        // The damaged object was to be replaced, so that another DELETE follows another PUT.
        _ if cell.once && failure == Integrity => true,
        // The last look shows that it is gone.
        harm if is_done(harm) && failure == Integrity => true,
        // Asked again, the store says that there is no such upload, and the list says so too.
        Harm::Late(..) | Harm::HiddenLate(_) if cell.place == Place::Abort => true,
        // The store is asked again whether it is gone.
        Harm::Refusal(404, _) if cell.once && cell.place == Place::Abort => true,
        _ => false,
    };
    let named = if cell.place == Place::Abort { Left::Named } else { Left::Object };
    End::Failed(failure, if removed { Left::Nothing } else { named })
}

fn put(cell: &Cell, harm: Harm) -> End {
    match harm {
        // HEAD gives it instead.
        Harm::None | Harm::NoChecksum => End::Done,
        harm if cell.once && (passes(harm) || harm == Harm::WrongChecksum) => End::Done,
        // What was not to be encrypted is proved by HEAD alone.
        harm if is_done(harm) && cell.mode == SseMode::None => End::Done,
        harm if is_done(harm) => End::Failed(kind(harm), Left::Perhaps),
        // Such an end can hide a success, or one that is still to come.
        Harm::Silence { .. } | Harm::Hidden(_) | Harm::Refusal(500.., _) => End::Failed(kind(harm), Left::Perhaps),
        harm => End::Failed(kind(harm), Left::Nothing),
    }
}

/// A download takes its place when all is proved, and leaves nothing before.
fn get(cell: &Cell, harm: Harm) -> End {
    let failed = |kind| End::Failed(kind, Left::Nothing);
    match harm {
        // Its size is compared, and a warning says that nothing else was.
        Harm::None | Harm::NoChecksum => End::Done,
        harm if cell.once && matches!(harm, Harm::Silence { .. } | Harm::Refusal(..)) && passes(harm) => End::Done,
        // An object may be anything; but it has a length.
        Harm::Hidden(_) => failed(Protocol),
        // The key may be another one.
        Harm::Refusal(400 | 403, _) if cell.mode == SseMode::Customer => failed(Encryption),
        harm => failed(kind(harm)),
    }
}
