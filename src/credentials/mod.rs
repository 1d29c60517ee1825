//! Where credentials come from: the environment and files that the official tools use, and the machine's role.
//!
//! Each store has its own chain of places, and the first one that has credentials wins: [`cos`] and [`aws`]. A place
//! that is there but broken is an error, never skipped: else other credentials than those meant would be used.
//!
//! Variables are read once. A file is looked at again for every attempt and read again when it changed, so that an
//! upload outlives temporary keys that something else renews there; keys with an expiry are renewed before it.

pub mod aws;
pub mod cos;
mod fault;
mod file;
mod ini;
mod metadata;
mod renewed;
#[cfg(test)]
mod tests;

use std::{env, fmt, path::PathBuf};

use crate::{
    clock::Clock,
    error::{Error, ErrorKind},
};

/// Looks a variable up.
type Variables = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// The places to look at.
pub struct Environment {
    pub(crate) var: Variables,
    pub(crate) home: Option<PathBuf>,
    pub(crate) etc: PathBuf,
    /// The metadata service of a machine at Tencent.
    pub(crate) metadata: String,
    /// The service that gives keys to containers at AWS.
    pub(crate) containers: String,
    pub(crate) clock: Clock,
    /// Variables that no command gets to see, besides those of credentials.
    pub(crate) hidden: Vec<String>,
    /// Whether to ask a service that nothing names.
    pub(crate) guessing: bool,
}

impl Environment {
    /// The process's own variables, the user's home, and the machine's metadata services.
    pub fn system() -> Self {
        Self {
            var: Box::new(|name| env::var(name).ok()),
            home: env::home_dir(),
            etc: PathBuf::from("/etc"),
            metadata: "http://metadata.tencentyun.com".to_owned(),
            containers: "http://169.254.170.2".to_owned(),
            clock: Clock::system(),
            hidden: Vec::new(),
            guessing: true,
        }
    }

    /// Hides a variable, such as one that holds a customer key, from the commands that give out credentials.
    ///
    /// Those that hold credentials are hidden anyway.
    #[must_use]
    pub fn hide(mut self, variable: impl Into<String>) -> Self {
        self.hidden.push(variable.into());
        self
    }

    /// Asks no service that nothing names, such as the metadata service that a machine at AWS has.
    ///
    /// So whoever has no credentials hears of it at once, and without a question to the network.
    #[must_use]
    pub fn named_services_only(mut self) -> Self {
        self.guessing = false;
        self
    }

    /// A variable that is set and not empty: scripts often empty what they mean to unset.
    fn var(&self, name: &str) -> Option<String> {
        (self.var)(name).filter(|value| !value.is_empty())
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").field("home", &self.home).field("etc", &self.etc).finish_non_exhaustive()
    }
}

/// The names of all variables that may hold a part of credentials, for those who must not pass them on.
pub fn variables() -> impl Iterator<Item = &'static str> {
    cos::variables().chain(aws::variables())
}

/// One of two variables that belong together is not set.
fn half(set: &str, missing: &str) -> Error {
    Error::new(ErrorKind::Credentials, format!("{set} is set, but {missing} is not"))
        .with_hint("set both, or neither to look for credentials elsewhere")
}

/// What is wrong with a value, with the place where it stands.
fn unusable(cause: &Error, place: &str) -> Error {
    let error = Error::new(ErrorKind::Credentials, format!("in {place}: {cause}"));
    match cause.hint() {
        Some(hint) => error.with_hint(hint.to_owned()),
        None => error,
    }
}
