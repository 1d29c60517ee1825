//! Whether a hint is the remedy for what has gone wrong, and tells what is left; that there is one is not enough.

use sealift::{
    error::ErrorKind,
    operation::Operation::{self, Complete, Get, Head, UploadPart},
};

use crate::{cell::Cell, expect::Left};

/// An error, from the library or as the program has printed it.
#[derive(Debug)]
pub(crate) struct Told<'a> {
    pub(crate) kind: ErrorKind,
    pub(crate) operation: Option<Operation>,
    pub(crate) code: Option<&'a str>,
    pub(crate) hint: &'a str,
}

/// What is wrong with a hint, if anything is.
pub(crate) fn complaint(cell: &Cell, told: &Told<'_>, left: Left) -> Option<String> {
    let lacks = |words: &[&str]| (!words.iter().any(|word| told.hint.contains(word))).then(|| format!("{words:?}"));
    let kept = matches!(left, Left::Kept | Left::Unknown | Left::Unproved) && cell.journal;
    if kept && told.hint.contains("abort the upload") {
        return Some(format!("the hint wants what is kept to be aborted: {told:?}"));
    }
    let lacking = [lacks(remedy(told, left)), lacks(remains(cell, told, left))];
    let lacking: Vec<String> = lacking.into_iter().flatten().collect();
    (!lacking.is_empty()).then(|| format!("the hint has none of {}, for {left:?}: {told:?}", lacking.join(", ")))
}

/// What to do about it, of which a hint has to say some.
fn remedy(told: &Told<'_>, left: Left) -> &'static [&'static str] {
    match (told.kind, told.operation) {
        // Whatever has kept it from being known.
        (_, Some(Complete)) if matches!(left, Left::Unknown | Left::Unproved) => {
            &["look at the object in a while (sealift stat)"]
        }
        (ErrorKind::Cancelled, _) => &["look at the object in a while (sealift stat)"],
        (ErrorKind::Unavailable, _) => {
            &["try again later", "check the network between here and the store, then try again"]
        }
        (ErrorKind::Credentials, Some(Head)) => &["allow HEAD on the object"],
        (ErrorKind::Credentials, _) => &["check that these credentials may do this to this bucket and key"],
        (ErrorKind::Encryption, Some(Complete | Head)) => {
            &["the object exists; delete it unless it is as it should be", "allow HEAD on the object"]
        }
        (ErrorKind::Encryption, Some(Get)) => &[
            "ask without an encryption mode to see what it has",
            "check the customer key",
            "check that this is the key of this object",
            "check the KMS key id",
            "check that the store offers this mode",
        ],
        (ErrorKind::Encryption, _) => &[
            "check that the store offers this mode",
            "seems to ignore the encryption that is asked for: check the endpoint",
            "check that this is the key of this object",
            "check the KMS key id",
            "check --sse-kms-key-id",
        ],
        (ErrorKind::Integrity, Some(UploadPart)) => {
            &["look for faulty memory or a device in between that changes data"]
        }
        (ErrorKind::Integrity, Some(Get)) => &["something on the way, or this machine's memory, changed them"],
        (ErrorKind::Integrity, _) => &["do not trust this object", "read it back to be sure"],
        (ErrorKind::Protocol, _) => &["check the endpoint"],
        (ErrorKind::Rejected, operation) => match (told.code, operation) {
            (_, Some(Complete)) if left == Left::Nothing => &["look the code up", "upload again"],
            (_, Some(Complete)) => &["somebody aborted it, or a rule of the bucket did; upload again"],
            (Some("PathConflict"), _) => &["somebody else writes the same key; try again when they are done"],
            (Some("NoSuchUpload"), _) => &["the upload was completed or aborted, or has expired", "upload again"],
            // What has no body to say its code in.
            (None, Some(Head)) => &["somebody removed it", "sealift stat"],
            _ => &["look the code up in the store's manual"],
        },
        _ => &["a remedy for an error that has no place here"],
    }
}

/// What is left, and how to go on with it, of which a hint has to say some.
fn remains(cell: &Cell, told: &Told<'_>, left: Left) -> &'static [&'static str] {
    let uploads = !cell.place.is_small();
    match left {
        Left::Kept => &["is kept, and the same command goes on from there"],
        Left::Unknown | Left::Unproved if cell.journal => &["is kept, and the same command goes on from there"],
        Left::Perhaps => &["look again later"],
        Left::Nothing if uploads && told.operation == Some(UploadPart) => &["the upload was aborted"],
        _ => &[""],
    }
}
