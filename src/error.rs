//! The one public error: what went wrong, where, why, and what to do now.
//!
//! A module uses small private errors inside and converts at its edge, adding what only that layer knows.

use std::{borrow::Cow, error::Error as StdError, fmt};

use crate::{ident::PartNumber, operation::Operation};

/// The result of everything in this crate that can fail.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can be done about an [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// What was asked is impossible or contradicts itself. Remedy: change the options.
    Config,
    /// The local file cannot be read, or changed under way. Remedy: mend the source, then upload again.
    Source,
    /// Credentials are missing, expired or refused. Remedy: give valid ones.
    Credentials,
    /// The store did not encrypt as asked, or does not accept the key. Remedy: check the key and the store.
    Encryption,
    /// The store refuses the request for good. Remedy: read its code; a retry changes nothing.
    Rejected,
    /// The store could not be reached or did not answer in time. Remedy: try again later.
    Unavailable,
    /// Bytes or checksums disagree. Remedy: look for faulty memory, disk or network, then try again.
    Integrity,
    /// The store answered something that its protocol does not allow. Remedy: check the endpoint.
    Protocol,
    /// The local record of the upload cannot be used. Remedy: see the message; it names the file.
    Journal,
    /// The caller asked to stop. Remedy: none needed.
    Cancelled,
    /// A defect of sealift itself. Remedy: report it.
    Internal,
}

impl ErrorKind {
    /// Every kind, in the order of their exit codes.
    pub const ALL: [Self; 11] = [
        Self::Config,
        Self::Source,
        Self::Credentials,
        Self::Encryption,
        Self::Rejected,
        Self::Unavailable,
        Self::Integrity,
        Self::Protocol,
        Self::Journal,
        Self::Internal,
        Self::Cancelled,
    ];

    /// The exit status of the command line for this kind: a contract that scripts depend on.
    pub const fn exit_code(self) -> u8 {
        match self {
            Self::Config => 2,
            Self::Source => 3,
            Self::Credentials => 4,
            Self::Encryption => 5,
            Self::Rejected => 6,
            Self::Unavailable => 7,
            Self::Integrity => 8,
            Self::Protocol => 9,
            Self::Journal => 10,
            Self::Internal => 70,
            Self::Cancelled => 130,
        }
    }

    /// The kind's name in machine-readable output, such as `encryption`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Source => "source",
            Self::Credentials => "credentials",
            Self::Encryption => "encryption",
            Self::Rejected => "rejected",
            Self::Unavailable => "unavailable",
            Self::Integrity => "integrity",
            Self::Protocol => "protocol",
            Self::Journal => "journal",
            Self::Internal => "internal",
            Self::Cancelled => "cancelled",
        }
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A failure, with the place where it happened and its remedy.
///
/// `Display` says one level, in lower case, without its cause; the cause is [`source()`](StdError::source).
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    message: Cow<'static, str>,
    operation: Option<Operation>,
    part: Option<PartNumber>,
    attempts: Option<u32>,
    status: Option<u16>,
    code: Option<String>,
    request_id: Option<String>,
    hint: Option<Cow<'static, str>>,
    doubtful: bool,
    resumable: bool,
    cause: Option<Box<dyn StdError + Send + Sync>>,
    cleanup: Option<Error>,
}

impl Error {
    /// A failure of this kind; `message` is lower case, without a full stop and without the cause.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            operation: None,
            part: None,
            attempts: None,
            status: None,
            code: None,
            request_id: None,
            hint: None,
            doubtful: false,
            resumable: false,
            cause: None,
            cleanup: None,
        }))
    }

    /// What can be done about it.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// What happened, without the cause: the same text as `Display`.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// The call to the store that failed, if one did.
    pub fn operation(&self) -> Option<Operation> {
        self.0.operation
    }

    /// The part concerned, if one is.
    pub fn part(&self) -> Option<PartNumber> {
        self.0.part
    }

    /// How many times the call was sent before it was given up.
    pub fn attempts(&self) -> Option<u32> {
        self.0.attempts
    }

    /// The HTTP status of the last answer, if there was one.
    pub fn status(&self) -> Option<u16> {
        self.0.status
    }

    /// The store's own error code, such as `NoSuchUpload`.
    pub fn code(&self) -> Option<&str> {
        self.0.code.as_deref()
    }

    /// The store's identifier of the request, which its support asks for.
    pub fn request_id(&self) -> Option<&str> {
        self.0.request_id.as_deref()
    }

    /// What the user can do about it, in one sentence.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// Whether the call may have taken effect in the store although it failed here.
    pub fn is_doubtful(&self) -> bool {
        self.0.doubtful
    }

    /// Whether the upload is kept, in the store and in its journal, so that the same request goes on with it.
    pub fn is_resumable(&self) -> bool {
        self.0.resumable
    }

    /// A second failure, met while cleaning up after this one.
    pub fn cleanup(&self) -> Option<&Error> {
        self.0.cleanup.as_ref()
    }

    /// The same failure under another name: its place and what the store answered stay, and it is the cause itself.
    #[must_use]
    pub(crate) fn recast(self, kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        let mut error = Self::new(kind, message);
        error.0.operation = self.0.operation;
        error.0.part = self.0.part;
        error.0.attempts = self.0.attempts;
        error.0.status = self.0.status;
        error.0.code.clone_from(&self.0.code);
        error.0.request_id.clone_from(&self.0.request_id);
        error.caused_by(self)
    }

    /// Attaches the cause.
    #[must_use]
    pub fn caused_by(mut self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.0.cause = Some(cause.into());
        self
    }

    /// Replaces the hint.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds something behind the hint.
    #[must_use]
    pub(crate) fn hinting_also(self, more: &str) -> Self {
        let hint = self.hint().map_or_else(|| more.to_owned(), |hint| format!("{hint}; {more}"));
        self.with_hint(hint)
    }

    /// Adds the operation, unless a deeper layer already did.
    #[must_use]
    pub(crate) fn at(mut self, operation: Operation) -> Self {
        self.0.operation.get_or_insert(operation);
        self
    }

    /// Adds the part, unless a deeper layer already did.
    #[must_use]
    pub(crate) fn at_part(mut self, part: PartNumber) -> Self {
        self.0.part.get_or_insert(part);
        self
    }

    /// Says how many times the call was sent.
    #[must_use]
    pub(crate) fn after_attempts(mut self, attempts: u32) -> Self {
        self.0.attempts = Some(attempts);
        self
    }

    /// Adds what the store answered.
    #[must_use]
    pub(crate) fn answered(mut self, status: u16, code: Option<String>, request_id: Option<String>) -> Self {
        self.0.status = Some(status);
        self.0.code = code;
        self.0.request_id = request_id;
        self
    }

    /// Marks a call whose effect in the store is not known.
    #[must_use]
    pub(crate) fn doubtful(mut self) -> Self {
        self.0.doubtful = true;
        self
    }

    /// Marks the failure of an upload that is kept, and says behind the remedy how much of it is.
    ///
    /// `arrived`: the parts that the store has, and those of the whole, if they were counted.
    #[must_use]
    pub(crate) fn resumable(self, arrived: Option<(u32, u32)>) -> Self {
        let counted = arrived.map_or_else(String::new, |(arrived, parts)| format!(" ({arrived} of {parts} parts)"));
        let kept = format!("what has arrived{counted} is kept, and the same command goes on from there");
        self.repeatable().hinting_also(&kept)
    }

    /// Marks a failure after which the same command can bring the upload to its end, because nothing was lost.
    #[must_use]
    pub(crate) fn repeatable(mut self) -> Self {
        self.0.resumable = true;
        self
    }

    /// Attaches a failure met while cleaning up, after those that are there, so that none is lost.
    #[must_use]
    pub(crate) fn with_cleanup(mut self, cleanup: Error) -> Self {
        self.0.cleanup = Some(match self.0.cleanup.take() {
            Some(first) => first.with_cleanup(cleanup),
            None => cleanup,
        });
        self
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = &*self.0;
        f.debug_struct("Error")
            .field("kind", &inner.kind)
            .field("message", &inner.message)
            .field("operation", &inner.operation)
            .field("part", &inner.part)
            .field("attempts", &inner.attempts)
            .field("status", &inner.status)
            .field("code", &inner.code)
            .field("request_id", &inner.request_id)
            .field("doubtful", &inner.doubtful)
            .field("resumable", &inner.resumable)
            .field("cause", &inner.cause)
            .field("cleanup", &inner.cleanup)
            .finish_non_exhaustive()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.cause.as_deref().map(|cause| cause as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_has_its_own_name_and_exit_code() {
        let mut codes: Vec<u8> = ErrorKind::ALL.iter().map(|kind| kind.exit_code()).collect();
        codes.sort_unstable();
        assert_eq!(codes, [2, 3, 4, 5, 6, 7, 8, 9, 10, 70, 130]);
        let names: std::collections::BTreeSet<&str> = ErrorKind::ALL.iter().map(|kind| kind.name()).collect();
        assert_eq!(names.len(), ErrorKind::ALL.len());
    }

    #[test]
    fn display_says_one_level_and_the_cause_is_the_source() {
        let error = Error::new(ErrorKind::Source, "cannot read the file").caused_by(std::io::Error::other("disk gone"));
        assert_eq!(error.to_string(), "cannot read the file");
        assert_eq!(StdError::source(&error).map(ToString::to_string).as_deref(), Some("disk gone"));
    }

    #[test]
    fn a_second_failure_while_cleaning_up_does_not_replace_the_first() {
        let failed = |what: &'static str| Error::new(ErrorKind::Unavailable, what);
        let error = failed("upload").with_cleanup(failed("first")).with_cleanup(failed("second"));
        let first = error.cleanup().unwrap();
        assert_eq!((first.message(), first.cleanup().map(Error::message)), ("first", Some("second")));
    }

    #[test]
    fn a_kept_upload_adds_to_the_remedy_and_does_not_replace_it() {
        let error = Error::new(ErrorKind::Credentials, "refused");
        assert!(!error.is_resumable());
        let error = error.with_hint("give valid ones").resumable(None);
        assert!(error.is_resumable());
        assert!(error.hint().is_some_and(|hint| hint.starts_with("give valid ones; what has arrived")), "{error:?}");
        let counted = Error::new(ErrorKind::Unavailable, "no answer").resumable(Some((3, 512)));
        assert!(
            counted.hint().is_some_and(|hint| hint.starts_with("what has arrived (3 of 512 parts)")),
            "{counted:?}"
        );
    }

    #[test]
    fn the_deepest_layer_names_the_place() {
        let error = Error::new(ErrorKind::Unavailable, "no answer").at(Operation::UploadPart).at(Operation::Complete);
        assert_eq!(error.operation(), Some(Operation::UploadPart));
    }
}
