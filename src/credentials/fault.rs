//! Why the text of a file cannot be used.

use std::{borrow::Cow, path::Path};

use crate::error::{Error, ErrorKind};

/// Why a text cannot be used; never with a value from it.
#[derive(Debug)]
pub(super) struct Fault {
    pub(super) line: Option<usize>,
    pub(super) reason: Cow<'static, str>,
    pub(super) hint: Option<Cow<'static, str>>,
}

impl Fault {
    pub(super) fn new(reason: impl Into<Cow<'static, str>>) -> Self {
        Self { line: None, reason: reason.into(), hint: None }
    }

    pub(super) fn at(mut self, line: Option<usize>) -> Self {
        self.line = line.filter(|line| *line > 0);
        self
    }

    pub(super) fn with_hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// The error that names the file.
    pub(super) fn in_file(self, path: &Path) -> Error {
        let place = match self.line {
            Some(line) => format!("{}, line {line}", path.display()),
            None => path.display().to_string(),
        };
        let error = Error::new(ErrorKind::Credentials, format!("{place}: {}", self.reason));
        match self.hint {
            Some(hint) => error.with_hint(hint),
            None => error,
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        Self {
            line: None,
            reason: error.message().to_owned().into(),
            hint: error.hint().map(|it| it.to_owned().into()),
        }
    }
}
