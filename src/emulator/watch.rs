//! Whoever is told what a store does while it does it.

use std::{fmt, io, sync::Arc};

use super::transcript::Request;

/// What is told by a running store; see [`EmulatorOptions::watch`](super::EmulatorOptions::watch).
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A request has its entry in the transcript; its answer is about to leave, if there is one.
    Request(&'a Request),
    /// Another store is open in the data folder; for two seconds its end is waited for.
    FolderHeld,
    /// The transcript's file cannot be written. It is told once; later entries are tried all the same.
    TranscriptFailed(&'a io::Error),
}

/// The one who is told.
#[derive(Clone, Default)]
pub(super) struct Watcher(Option<Arc<Watch>>);

type Watch = dyn Fn(Event<'_>) + Send + Sync;

impl Watcher {
    pub(super) fn new(watch: impl Fn(Event<'_>) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(watch)))
    }

    pub(super) fn tell(&self, event: Event<'_>) {
        if let Some(watch) = &self.0 {
            watch(event);
        }
    }
}

impl fmt::Debug for Watcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Watcher({})", self.0.is_some())
    }
}
