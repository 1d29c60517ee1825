//! Where the fault strikes: one call of an upload, and what has to happen so that the call comes.

use serde_json::{Value, json};

/// A column of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Opening the upload.
    Initiate,
    /// Part 1, as the random byte that is sent first to a store that was silent at Initiate.
    Probe,
    /// The first part, of S3 behind the random byte that has its number.
    First,
    /// One in the middle.
    Middle,
    /// The last one.
    Last,
    /// Making the object.
    Complete,
    /// The look at the object after it was made.
    Head,
    /// The look at the object after the answer to Complete was lost; the object is there.
    DoubtMade,
    /// The look at the upload after a Complete that did not arrive; the upload is there.
    DoubtAlive,
    /// The list of parts, when a second run goes on with an upload.
    Resume,
    /// Removing the upload, after a part was refused for good.
    Abort,
    /// A small file in one call.
    Put,
    /// Removing the object of a PUT whose answer was not what it had to be.
    Delete,
    /// A download of a small file.
    Get,
}

impl Place {
    pub(crate) const ALL: [Self; 14] = [
        Self::Initiate,
        Self::Probe,
        Self::First,
        Self::Middle,
        Self::Last,
        Self::Complete,
        Self::Head,
        Self::DoubtMade,
        Self::DoubtAlive,
        Self::Resume,
        Self::Abort,
        Self::Put,
        Self::Delete,
        Self::Get,
    ];

    /// The head of its column.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::Initiate => "Initiate",
            Self::Probe => "UploadPart 1, probe",
            Self::First => "UploadPart, first",
            Self::Middle => "UploadPart, middle",
            Self::Last => "UploadPart, last",
            Self::Complete => "Complete",
            Self::Head => "HEAD after",
            Self::DoubtMade => "HEAD in doubt",
            Self::DoubtAlive => "ListParts in doubt",
            Self::Resume => "ListParts on resume",
            Self::Abort => "Abort",
            Self::Put => "PUT",
            Self::Delete => "DELETE after PUT",
            Self::Get => "GET",
        }
    }

    /// The operation that the fault strikes.
    pub(crate) fn operation(self) -> &'static str {
        match self {
            Self::Initiate => "Initiate",
            Self::Probe | Self::First | Self::Middle | Self::Last => "UploadPart",
            Self::Complete => "Complete",
            Self::Head | Self::DoubtMade => "Head",
            Self::DoubtAlive | Self::Resume => "ListParts",
            Self::Abort => "Abort",
            Self::Put => "Put",
            Self::Delete => "Delete",
            Self::Get => "Get",
        }
    }

    /// Its part, of an upload of so many.
    pub(crate) fn part(self, parts: u16) -> Option<u16> {
        match self {
            Self::Probe | Self::First => Some(1),
            Self::Middle => Some(2),
            Self::Last => Some(parts),
            _ => None,
        }
    }

    /// Whether the file is small enough for one PUT.
    pub(crate) fn is_small(self) -> bool {
        matches!(self, Self::Put | Self::Delete | Self::Get)
    }

    /// The rules without which its call would not come.
    pub(crate) fn stage(self, encrypted: bool) -> Vec<Value> {
        match self {
            Self::Probe => vec![json!({"on": "Initiate", "do": "drop_echo"})],
            Self::DoubtMade => vec![json!({"on": "Complete", "do": "lose_answer", "times": 1})],
            Self::DoubtAlive => vec![json!({"on": "Complete", "do": "reset", "times": 1})],
            Self::Abort => {
                vec![json!({"on": "UploadPart", "part": 2, "do": "answer", "status": 400, "code": "InvalidDigest"})]
            }
            Self::Delete if encrypted => vec![json!({"on": "Put", "do": "drop_echo"})],
            Self::Delete => vec![json!({"on": "Put", "do": "wrong_crc"})],
            _ => Vec::new(),
        }
    }

    /// The rules of a first run, which the fault does not strike.
    pub(crate) fn first_run(self) -> Option<Vec<Value>> {
        (self == Self::Resume).then(|| {
            vec![json!({"on": "UploadPart", "part": 2, "do": "answer", "status": 403, "code": "AccessDenied"})]
        })
    }
}
