//! Whose an upload is: the journals here, matched with what the store lists.

use std::{
    path::PathBuf,
    time::{Duration, UNIX_EPOCH},
};

use serde_json::{Value, json};

use super::survey::Scope;
use crate::{
    error::Result,
    ident::UploadId,
    transfer::journal::{Holder, Known, Listed, Standing, StateDir},
};

/// The journals of a scope.
#[derive(Debug, Default)]
pub(super) struct Journals {
    /// Those that tell of an upload in the scope.
    pub(super) known: Vec<Told>,
    /// Those that would be in the scope if their host were another name of this store, which may be so.
    elsewhere: Vec<Told>,
    /// Those that tell nothing, each with the reason.
    pub(super) unreadable: Vec<String>,
    /// The holder of a journal that tells nothing, if one is held: any upload may be its.
    stranger: Option<Holder>,
}

/// A journal that tells of an upload.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) known: Known,
    pub(super) file: Listed,
}

/// What the journals here say of an upload in the store.
#[derive(Clone, Copy, Debug)]
pub(super) enum Owner<'a> {
    /// Nothing.
    Nobody,
    /// A journal here can go on with it.
    Here(&'a Told),
    /// The answer to an Initiate of this journal was lost; this may be the upload that it made.
    Perhaps(&'a Told),
    /// A living process is or may be at work on it.
    Held(Holder, Option<&'a Told>),
}

impl Journals {
    /// Reads them all. Blocks on the disk.
    pub(super) fn read(dir: Option<&StateDir>, scope: &Scope) -> Result<Self> {
        let mut found = Self::default();
        for mut file in dir.map(StateDir::list).transpose()?.unwrap_or_default() {
            match std::mem::replace(&mut file.known, Ok(None)) {
                Ok(Some(known)) if scope.reads_like(&known.identity.target) && !known.is_over() => {
                    let here = scope.means(&known.identity.target);
                    let place = if here { &mut found.known } else { &mut found.elsewhere };
                    place.push(Told { known, file });
                }
                // Its records are gone, or are about to come.
                Ok(None) => found.stranger = found.stranger.or(file.holder),
                Ok(Some(_)) => {}
                Err(error) => {
                    found.stranger = found.stranger.or(file.holder);
                    found.unreadable.push(error.to_string());
                }
            }
        }
        Ok(found)
    }

    /// Whose an upload is. `began` is in seconds since 1970, by the store's clock.
    ///
    /// No two stores give the same name to two uploads of one object, so a journal that was begun under another name of
    /// the host shows by that.
    pub(super) fn owner(&self, key: &str, upload: &UploadId, began: Option<u64>) -> Owner<'_> {
        let is_of_key = |told: &&Told| told.known.identity.target.key == key;
        let of_key = || self.known.iter().filter(is_of_key);
        let elsewhere = self.elsewhere.iter().filter(is_of_key);
        if let Some(told) = of_key().chain(elsewhere).find(|told| told.upload_id() == Some(upload)) {
            return told.file.holder.map_or(Owner::Here(told), |holder| Owner::Held(holder, Some(told)));
        }
        let lost = of_key().filter(|told| told.may_have_begun(began));
        match (lost.max_by_key(|told| told.file.holder.is_some()), self.stranger) {
            (Some(told @ Told { file: Listed { holder: Some(holder), .. }, .. }), _) => {
                Owner::Held(*holder, Some(told))
            }
            (_, Some(holder)) => Owner::Held(holder, None),
            (Some(told), None) => Owner::Perhaps(told),
            (None, None) => Owner::Nobody,
        }
    }
}

/// How far the clocks of the store and of this machine may be apart: it refuses requests that are further off.
const CLOCKS: u64 = 15 * 60;

impl Told {
    /// The upload's name, if the store has told it.
    pub(super) fn upload_id(&self) -> Option<&UploadId> {
        self.known.upload.as_ref().map(|answer| &answer.upload_id)
    }

    /// When the upload was begun, in seconds since 1970 by this machine's clock.
    pub(super) fn began(&self) -> u64 {
        self.known.identity.started_at
    }

    /// The file that is uploaded.
    pub(super) fn source(&self) -> &PathBuf {
        &self.known.identity.source.path
    }

    /// The same in words.
    pub(super) fn source_in_words(&self) -> String {
        if self.is_stream() { "a stream".to_owned() } else { self.source().display().to_string() }
    }

    /// Whether it is the upload of a stream, which nobody can go on with.
    pub(super) fn is_stream(&self) -> bool {
        self.known.identity.source.is_stream()
    }

    /// When the store opened the upload, in the form in which stores write it.
    pub(super) fn initiated(&self) -> String {
        let at = self.known.upload.as_ref().map_or(self.began(), |answer| answer.at);
        let at = UNIX_EPOCH.checked_add(Duration::from_secs(at)).unwrap_or(UNIX_EPOCH);
        humantime::format_rfc3339_seconds(at).to_string()
    }

    /// Whether an upload of its key may be what its Initiate has made. Of a living process any may be, whatever the
    /// clocks say: a clock can be wrong.
    fn may_have_begun(&self, began: Option<u64>) -> bool {
        let soon = || began.is_none_or(|began| began.saturating_add(CLOCKS) >= self.began());
        self.known.stage == Standing::Initiating && (self.file.holder.is_some() || soon())
    }

    fn as_json(&self, state: &str) -> Value {
        json!({
            "state": state,
            "pid": self.file.holder.and_then(|holder| holder.pid),
            "file": self.file.path.to_string_lossy(),
            "source": self.source().to_string_lossy(),
            "parts": self.known.parts.len(),
            "bytes": self.known.bytes(),
        })
    }

    /// The journal of an upload that the store has not.
    pub(super) fn as_leftover(&self) -> Value {
        let mut value = self.as_json(if self.file.holder.is_some() { "held" } else { "gone" });
        value["url"] = json!(self.known.identity.target.to_string());
        value["upload_id"] = json!(self.upload_id().map(UploadId::as_str));
        value
    }
}

impl Owner<'_> {
    /// How many parts and bytes the store has confirmed of this upload, by its own journal.
    pub(super) fn confirmed(&self) -> Option<(usize, u64)> {
        match self {
            Self::Here(told) | Self::Held(_, Some(told)) if told.upload_id().is_some() => {
                Some((told.known.parts.len(), told.known.bytes()))
            }
            Self::Nobody | Self::Here(_) | Self::Perhaps(_) | Self::Held(..) => None,
        }
    }

    /// For programs; null for nobody.
    pub(super) fn as_json(&self) -> Value {
        match self {
            Self::Nobody => Value::Null,
            Self::Here(told) if told.is_stream() => told.as_json("cut-off"),
            Self::Here(told) => told.as_json("resumable"),
            Self::Perhaps(told) => told.as_json("candidate"),
            Self::Held(_, Some(told)) => told.as_json("held"),
            Self::Held(holder, None) => json!({
                "state": "held", "pid": holder.pid, "file": null, "source": null, "parts": null, "bytes": null,
            }),
        }
    }

    /// For people.
    pub(super) fn in_words(&self) -> String {
        match self {
            Self::Nobody => "none here: it cannot be resumed from this machine".to_owned(),
            Self::Here(told) if told.is_stream() => {
                "of a stream that was cut off: the next stream to this key removes it, and so does `uploads abort`"
                    .to_owned()
            }
            Self::Here(told) => format!("the same `put` of {} goes on with it", told.source_in_words()),
            Self::Perhaps(told) => {
                format!("perhaps of {}, whose first answer was lost; it is never resumed", told.source_in_words())
            }
            Self::Held(holder, Some(told)) => format!("{} is at work on {}", process(*holder), told.source_in_words()),
            Self::Held(holder, None) => {
                format!("{} may be at work on it: its journal is gone or cannot be read", process(*holder))
            }
        }
    }
}

/// The holder of a journal in words.
pub(super) fn process(holder: Holder) -> String {
    holder.pid.map_or_else(|| "another process".to_owned(), |pid| format!("process {pid}"))
}
