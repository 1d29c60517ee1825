//! The customer keys of unfinished uploads, kept in memory only where a guess needs them.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use crate::secret::Secret;

/// By upload. They are never written down: a store that was started anew has none.
#[derive(Debug, Default)]
pub(in crate::emulator) struct HeldKeys(Mutex<HashMap<String, Secret>>);

impl HeldKeys {
    pub(super) fn hold(&self, upload: &str, key: Secret) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(upload.to_owned(), key);
    }

    pub(super) fn of(&self, upload: &str) -> Option<Secret> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(upload).cloned()
    }

    pub(super) fn forget(&self, upload: &str) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(upload);
    }
}
