//! What has happened in folders but may not survive a power cut yet.

use std::{
    collections::HashMap,
    io,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use super::files;

/// Records that have appeared, were replaced or removed, and whose folders are being synced.
///
/// Others see them meanwhile, and from then on if the sync fails. Who tells what was seen syncs the folder first: else a
/// power cut could take back what a reader was shown, or bring back what a second DELETE called gone.
#[derive(Debug, Default)]
pub(super) struct Unsynced(Mutex<HashMap<PathBuf, usize>>);

impl Unsynced {
    /// A record is about to change, or not, if the value is just dropped.
    pub(super) fn begin(&self, record: &Path) -> Change<'_> {
        *self.counts().entry(record.to_owned()).or_default() += 1;
        Change { unsynced: self, record: record.to_owned() }
    }

    /// Makes sure that the record as it was just seen is permanent.
    pub(super) fn settle(&self, record: &Path, durable: bool) -> io::Result<()> {
        let changing = self.counts().contains_key(record);
        files::sync_parent(record, durable && changing)
    }

    fn counts(&self) -> MutexGuard<'_, HashMap<PathBuf, usize>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A change that is not permanent yet.
#[derive(Debug)]
pub(super) struct Change<'a> {
    unsynced: &'a Unsynced,
    record: PathBuf,
}

impl Change<'_> {
    /// Makes it permanent. If that fails, all who see the record from now on sync its folder before they tell of it.
    pub(super) fn settle(self, durable: bool) -> io::Result<()> {
        files::sync_parent(&self.record, durable).inspect_err(|_| {
            // One more than is ever taken away.
            *self.unsynced.counts().entry(self.record.clone()).or_default() += 1;
        })
    }
}

impl Drop for Change<'_> {
    fn drop(&mut self) {
        let mut counts = self.unsynced.counts();
        if let Some(count) = counts.get_mut(&self.record) {
            *count -= 1;
            if *count == 0 {
                counts.remove(&self.record);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_synced_by_who_sees_a_change_in_it_until_the_last_one_is_permanent() {
        let unsynced = Unsynced::default();
        // To sync a folder that is not there fails, which shows that it was tried.
        let syncs = |record: &str| unsynced.settle(Path::new(record), true).is_err();
        assert!(!syncs("/no such folder/a"));
        let first = unsynced.begin(Path::new("/no such folder/a"));
        let second = unsynced.begin(Path::new("/no such folder/a"));
        assert!(syncs("/no such folder/a") && !syncs("/no such folder/b"));
        drop(first);
        assert!(syncs("/no such folder/a"));
        assert!(unsynced.settle(Path::new("/no such folder/a"), false).is_ok(), "nothing has to be permanent");
        drop(second);
        assert!(!syncs("/no such folder/a"));
    }

    #[test]
    fn a_change_whose_sync_failed_is_synced_by_all_who_see_it_later() {
        let unsynced = Unsynced::default();
        let record = Path::new("/no such folder/a");
        unsynced.begin(record).settle(false).unwrap();
        assert!(unsynced.settle(record, true).is_ok());
        unsynced.begin(record).settle(true).unwrap_err();
        drop(unsynced.begin(record));
        assert!(unsynced.settle(record, true).is_err(), "it was tried again");
    }
}
