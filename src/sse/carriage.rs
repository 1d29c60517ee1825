//! The carriage table: which call carries which encryption headers. Decided here and nowhere else.

use super::context::SseMode;
use crate::{dialect::Dialect, operation::Operation};

/// The encryption headers of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carries {
    /// None at all.
    Nothing,
    /// The mode; for a KMS also the key's id and the context, where they were given.
    Mode,
    /// A customer key's algorithm, the key, and its MD5.
    CustomerKey,
}

/// What a call carries for the object that it makes, reads or writes to.
///
/// COS: /document/product/436/7728 (headers), 18145 (modes and their calls), 7746 (Initiate), 7750 (UploadPart),
/// 7742 (Complete), 7745 (HEAD), 10881 (copy). A mode whose keys the store keeps is told once, when the object or
/// upload is made: on other calls it is refused with `SSEHeaderNotAllowed`. A customer key goes wherever the store
/// has to encrypt or decrypt; the samples of Complete, ListParts and Abort do without it.
///
/// S3: the API reference of each call. There Complete and ListParts want the customer key as well, where the upload was
/// opened with a checksum algorithm, and take it where it was not; Ceph's gateway refuses a Complete without it.
///
/// There is no catch-all arm: a new call, mode or dialect does not compile until someone has looked it up.
#[expect(clippy::match_same_arms, reason = "a table, to be read beside the manuals mode by mode")]
pub(super) const fn carries(dialect: Dialect, mode: SseMode, operation: Operation) -> Carries {
    use Dialect::{Cos, S3};
    use Operation as Op;
    use SseMode as Mode;
    match (mode, operation, dialect) {
        (Mode::None, _, Cos | S3) => Carries::Nothing,

        (Mode::Managed | Mode::Kms, Op::Initiate | Op::Put | Op::PutCopy, Cos | S3) => Carries::Mode,
        (
            Mode::Managed | Mode::Kms,
            Op::UploadPart
            | Op::UploadPartCopy
            | Op::Complete
            | Op::ListParts
            | Op::Abort
            | Op::ListUploads
            | Op::Head
            | Op::Get
            | Op::Delete,
            Cos | S3,
        ) => Carries::Nothing,

        (
            Mode::Customer,
            Op::Initiate | Op::UploadPart | Op::UploadPartCopy | Op::Head | Op::Get | Op::Put | Op::PutCopy,
            Cos | S3,
        ) => Carries::CustomerKey,
        (Mode::Customer, Op::Complete | Op::ListParts, Cos) => Carries::Nothing,
        (Mode::Customer, Op::Complete | Op::ListParts, S3) => Carries::CustomerKey,
        (Mode::Customer, Op::Abort | Op::ListUploads | Op::Delete, Cos | S3) => Carries::Nothing,
    }
}

/// Whether a call names a source object, whose customer key goes along under the names of a copy source.
///
/// HEAD and GET of a source are calls to that object, so they carry its key under the plain names.
pub(super) const fn has_source(operation: Operation) -> bool {
    use Operation as Op;
    match operation {
        Op::UploadPartCopy | Op::PutCopy => true,
        Op::Initiate
        | Op::UploadPart
        | Op::Complete
        | Op::ListParts
        | Op::Abort
        | Op::ListUploads
        | Op::Head
        | Op::Get
        | Op::Put
        | Op::Delete => false,
    }
}

/// What can be expected of a call's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answers {
    /// It took data in and must confirm how they were encrypted.
    MustConfirm,
    /// It hands data out and must confirm how they were kept.
    MustTell,
    /// It may say how the object is encrypted; servers differ.
    MayConfirm,
    /// It does not speak of one object's encryption at all.
    Nothing,
}

/// How much a call's answer says of the encryption, the same for every dialect.
///
/// UploadPart and PUT confirm on every real server that encrypted the bytes, and are silent where it did not.
/// Initiate and Complete are silent on some servers that encrypt; HEAD is no proof, as a server may just repeat
/// stored headers. The answers of copies are as strict as those of their plain forms.
///
/// GET proves no more than HEAD, and still has to speak: who names an encryption for a download wants to hear that the
/// object is under it, and there is no later answer that could say so. Who does not care names none. The manual has GET
/// answer with the object's encryption in every mode (/document/product/436/7753).
pub(super) const fn answers(operation: Operation) -> Answers {
    use Operation as Op;
    match operation {
        Op::UploadPart | Op::UploadPartCopy | Op::Put | Op::PutCopy => Answers::MustConfirm,
        Op::Initiate | Op::Complete | Op::Head => Answers::MayConfirm,
        Op::Get => Answers::MustTell,
        Op::ListParts | Op::Abort | Op::ListUploads | Op::Delete => Answers::Nothing,
    }
}
