//! The calls that sealift makes to a store.

use std::fmt;

/// One kind of call to a store, by the field's name for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Operation {
    /// `POST /key?uploads`: opens a multipart upload.
    Initiate,
    /// `PUT /key?partNumber=N&uploadId=ID`: sends one part.
    UploadPart,
    /// UploadPart with its bytes taken from another object.
    UploadPartCopy,
    /// `POST /key?uploadId=ID`: turns the parts into an object.
    Complete,
    /// `DELETE /key?uploadId=ID`: gives up an upload and its parts.
    Abort,
    /// `GET /key?uploadId=ID`: what the store holds of an upload.
    ListParts,
    /// `GET /?uploads`: the unfinished uploads of a bucket.
    ListUploads,
    /// `HEAD /key`: size, checksum and encryption of an object.
    Head,
    /// `GET /key`: the bytes of an object.
    Get,
    /// `PUT /key`: a whole object in one call.
    Put,
    /// PUT with its bytes taken from another object.
    PutCopy,
    /// `DELETE /key`: removes an object.
    Delete,
}

impl Operation {
    /// Every operation, in the order of the carriage table.
    pub const ALL: [Self; 12] = [
        Self::Initiate,
        Self::UploadPart,
        Self::UploadPartCopy,
        Self::Complete,
        Self::ListParts,
        Self::Abort,
        Self::ListUploads,
        Self::Head,
        Self::Get,
        Self::Put,
        Self::PutCopy,
        Self::Delete,
    ];

    /// The name that users, logs and transcripts see, such as `UploadPart`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Initiate => "Initiate",
            Self::UploadPart => "UploadPart",
            Self::UploadPartCopy => "UploadPartCopy",
            Self::Complete => "Complete",
            Self::Abort => "Abort",
            Self::ListParts => "ListParts",
            Self::ListUploads => "ListUploads",
            Self::Head => "Head",
            Self::Get => "Get",
            Self::Put => "Put",
            Self::PutCopy => "PutCopy",
            Self::Delete => "Delete",
        }
    }

    /// Whether the call only looks, and leaves the store as it is.
    pub const fn reads(self) -> bool {
        matches!(self, Self::Head | Self::Get | Self::ListParts | Self::ListUploads)
    }

    /// Whether sending the call twice does no harm, so that a lost answer may simply be asked for again.
    ///
    /// Initiate is: a second one leaves an orphan at worst. Complete is not: after success the upload is gone, and
    /// a second call reports `NoSuchUpload`. Nor is a conditional Put, which its caller must treat as doubtful.
    pub const fn replayable(self) -> bool {
        !matches!(self, Self::Complete)
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
