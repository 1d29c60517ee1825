//! The judge: does an answer say what was asked?
//!
//! Three things can come. A contradiction (another mode, another key) is an error at once, whatever the call. A
//! confirmation names everything that was asked. Anything less is silence, and [`SseContext::must_confirm`] says
//! which calls may not be silent; the caller decides what a silent answer of the others means.

use std::fmt;

use http::HeaderMap;

use super::{
    carriage::{self, Answers},
    context::{Asked, CUSTOMER_ALGORITHM, Kms, SseContext, SseMode},
    key::CustomerKey,
    kms,
};
use crate::{
    dialect::Dialect,
    error::{Error, ErrorKind, Result},
    operation::Operation,
};

/// What an answer said of the encryption.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Echo {
    /// It confirmed all that was asked.
    Confirmed(Reported),
    /// Encryption was asked, and the answer did not say that all of it was done; nor did it contradict.
    Silent,
    /// Nothing was asked, or the call's answer does not speak of encryption; this is what it reported, if anything.
    Unasked(Option<Reported>),
}

impl Echo {
    /// Whether it confirmed what was asked.
    pub fn is_confirmed(&self) -> bool {
        matches!(self, Self::Confirmed(_))
    }

    /// What the store reported, asked for or not.
    pub fn reported(&self) -> Option<&Reported> {
        match self {
            Self::Confirmed(reported) | Self::Unasked(Some(reported)) => Some(reported),
            Self::Silent | Self::Unasked(None) => None,
        }
    }
}

/// The encryption as the store reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reported {
    /// The mode that the headers amount to.
    pub mode: SseMode,
    /// The store's own word, such as `AES256`, `SM4` or `cos/kms`; empty if it gave none.
    pub algorithm: String,
    /// The KMS key.
    pub kms_key_id: Option<String>,
    /// Base64 of the MD5 of the customer key.
    pub key_md5: Option<String>,
}

impl SseContext {
    /// Compares an answer with what was asked.
    ///
    /// Lists, Abort and Delete ask for nothing and say nothing of one object's encryption, so their answers are
    /// [`Echo::Unasked`] whatever they hold: an odd header must not stop the removal of an upload.
    ///
    /// # Errors
    /// `Encryption` if the answer contradicts, saying what was asked and what came.
    pub(crate) fn judge(&self, operation: Operation, answer: &HeaderMap) -> Result<Echo> {
        if carriage::answers(operation) == Answers::Nothing {
            return Ok(Echo::Unasked(None));
        }
        let came = Reported::read(self.dialect, answer);
        let verdict = match (&self.asked, &came) {
            (Asked::None, _) => return Ok(Echo::Unasked(came)),
            (_, None) => Verdict::Silence,
            (Asked::Managed, Some(came)) => judge_managed(self.dialect, came),
            (Asked::Kms(kms), Some(came)) => judge_kms(self.dialect, kms, came),
            (Asked::Customer(key), Some(came)) => judge_customer(key, came),
        };
        match (verdict, came) {
            (Verdict::Contradiction, Some(came)) => Err(self.contradicted(operation, &came)),
            (Verdict::Confirmation, Some(came)) => Ok(Echo::Confirmed(came)),
            (Verdict::Silence | Verdict::Confirmation | Verdict::Contradiction, _) => Ok(Echo::Silent),
        }
    }

    /// Whether this call's answer has to confirm what was asked: nothing was, or the call moved no data, otherwise.
    pub(crate) fn must_confirm(&self, operation: Operation) -> bool {
        self.mode() != SseMode::None && matches!(carriage::answers(operation), Answers::MustConfirm | Answers::MustTell)
    }

    /// The error for an answer that had to confirm and did not.
    pub(crate) fn unconfirmed(&self, operation: Operation) -> Error {
        Error::new(
            ErrorKind::Encryption,
            format!("the store did not confirm the encryption: asked was {self}, and the answer does not say so"),
        )
        .with_hint(match carriage::answers(operation) {
            Answers::MustConfirm => {
                "this store, or a proxy before it, seems to ignore the encryption that is asked for: check the \
                 endpoint, and treat what it took as stored in the clear"
            }
            Answers::MustTell | Answers::MayConfirm | Answers::Nothing => {
                "the object may not be encrypted as you think: ask without an encryption mode to see what it has"
            }
        })
        .at(operation)
    }

    fn contradicted(&self, operation: Operation, came: &Reported) -> Error {
        let hint = match (&self.asked, came.mode) {
            (Asked::Customer(_), SseMode::Customer) => {
                "another key encrypted it: check that this is the key of this object, and that no proxy alters headers"
            }
            (Asked::Kms(_), SseMode::Kms) => {
                "check the KMS key id, and the default encryption of the bucket, which may name another key"
            }
            _ => "check that the store offers this mode, the bucket's default encryption, and proxies on the way",
        };
        Error::new(ErrorKind::Encryption, format!("the store encrypts otherwise: asked was {self}, and it says {came}"))
            .with_hint(hint)
            .at(operation)
    }
}

impl Reported {
    /// Reads an answer's encryption headers; `None` if it has none.
    fn read(dialect: Dialect, answer: &HeaderMap) -> Option<Self> {
        let names = dialect.names();
        let sse = text(answer, names.sse);
        let kms_key_id = text(answer, names.sse_kms_key_id);
        let customer_algorithm = text(answer, names.customer_algorithm);
        let key_md5 = text(answer, names.customer_key_md5);

        // The MD5 stands for a customer key. Its algorithm beside a mode does not: /document/product/436/7729
        // lists that header among the answers of SSE-KMS too.
        let customer = key_md5.is_some() || (customer_algorithm.is_some() && sse.is_none() && kms_key_id.is_none());
        let (mode, algorithm) = match (customer, sse) {
            (true, None) => (SseMode::Customer, customer_algorithm),
            // Both at once is no mode that anyone can ask for, and neither word alone may confirm one.
            (true, Some(sse)) => {
                (SseMode::Customer, Some(format!("{} and {sse}", customer_algorithm.unwrap_or_default())))
            }
            // Every store's word for it holds these letters.
            (false, Some(sse)) if sse.contains("kms") => (SseMode::Kms, Some(sse)),
            (false, Some(sse)) => (SseMode::Managed, Some(sse)),
            (false, None) if kms_key_id.is_some() => (SseMode::Kms, None),
            (false, None) => return None,
        };
        Some(Self { mode, algorithm: algorithm.unwrap_or_default(), kms_key_id, key_md5 })
    }
}

enum Verdict {
    Confirmation,
    Silence,
    Contradiction,
}

fn judge_managed(dialect: Dialect, came: &Reported) -> Verdict {
    let as_asked = came.mode == SseMode::Managed && came.algorithm == dialect.names().managed;
    if as_asked && came.kms_key_id.is_none() { Verdict::Confirmation } else { Verdict::Contradiction }
}

fn judge_kms(dialect: Dialect, asked: &Kms, came: &Reported) -> Verdict {
    let named = came.algorithm == dialect.names().kms;
    if came.mode != SseMode::Kms || !(named || came.algorithm.is_empty()) {
        return Verdict::Contradiction;
    }
    match (&asked.key_id, &came.kms_key_id) {
        (Some(asked_id), Some(came_id)) if !asked.accepts(asked_id, came_id) => Verdict::Contradiction,
        // Some stores name the key only where they were told one; an id that was asked for has to come back.
        (Some(_), None) => Verdict::Silence,
        _ if named => Verdict::Confirmation,
        _ => Verdict::Silence,
    }
}

impl Kms {
    /// Whether an answer's key can be the one that was asked for.
    ///
    /// What key an alias means is only known from an answer, so the first key named is held fast. An answer that
    /// repeats the alias itself is right and pins nothing.
    fn accepts(&self, asked: &str, came: &str) -> bool {
        match (kms::is_alias(asked), kms::is_alias(came)) {
            (true, false) => kms::same_key(self.pinned.get_or_init(|| came.to_owned()), came),
            (true, true) => kms::same_alias(asked, came),
            (false, _) => kms::same_key(asked, came),
        }
    }
}

fn judge_customer(asked: &CustomerKey, came: &Reported) -> Verdict {
    if came.mode != SseMode::Customer || came.kms_key_id.is_some() {
        return Verdict::Contradiction;
    }
    match (came.algorithm.as_str(), came.key_md5.as_deref()) {
        (_, Some(md5)) if md5 != asked.md5() => Verdict::Contradiction,
        (CUSTOMER_ALGORITHM, Some(_)) => Verdict::Confirmation,
        // Only one of the two came: neither a contradiction nor enough.
        ("" | CUSTOMER_ALGORITHM, _) => Verdict::Silence,
        _ => Verdict::Contradiction,
    }
}

/// All values of a header, cleaned for messages; `None` if it is missing or empty.
///
/// A header that comes twice gives both values, which then equal nothing that was asked for.
fn text(answer: &HeaderMap, name: &str) -> Option<String> {
    let mut values: Vec<String> = answer
        .get_all(name)
        .iter()
        .map(|value| String::from_utf8_lossy(value.as_bytes()).trim().chars().take(LONGEST).collect())
        .collect();
    values.dedup();
    let text = values.join(", ");
    (!text.is_empty()).then_some(text)
}

/// Longer than any value that a store echoes, so that cutting never makes a value equal to one that was asked for.
const LONGEST: usize = 4096;

/// What was asked, for messages: no key, only its MD5.
impl fmt::Display for SseContext {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.asked {
            Asked::None => f.write_str("no encryption"),
            Asked::Managed => write!(f, "{} with keys of the store", self.dialect.names().managed),
            Asked::Kms(Kms { key_id: None, .. }) => write!(f, "{} with the default key", self.dialect.names().kms),
            Asked::Kms(Kms { key_id: Some(id), pinned, .. }) => {
                write!(f, "{} with the key {id}", self.dialect.names().kms)?;
                pinned.get().map_or(Ok(()), |key| write!(f, " (which was {key} before)"))
            }
            Asked::Customer(key) => {
                write!(f, "{CUSTOMER_ALGORITHM} with the customer key of MD5 {}", key.md5())
            }
        }
    }
}

/// What the store reported, for messages.
impl fmt::Display for Reported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.algorithm.is_empty() {
            f.write_str("an unnamed algorithm")?;
        } else {
            write!(f, "{:?}", Short(&self.algorithm))?;
        }
        if let Some(md5) = &self.key_md5 {
            write!(f, " with the customer key of MD5 {:?}", Short(md5))?;
        }
        if let Some(id) = &self.kms_key_id {
            write!(f, " with the KMS key {:?}", Short(id))?;
        }
        Ok(())
    }
}

/// A value that came over the network, quoted and cut, as the inside of a message.
struct Short<'a>(&'a str);

impl fmt::Debug for Short<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.char_indices().nth(200) {
            Some((end, _)) => write!(f, "{:?}…", &self.0[..end]),
            None => write!(f, "{:?}", self.0),
        }
    }
}

#[cfg(test)]
mod tests;
