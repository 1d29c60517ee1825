//! What was found out about endpoints, kept so that the next upload need not try every way.

use std::{
    collections::BTreeMap,
    io::Write as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use serde::{Deserialize, Serialize};

use super::ProvedBy;
use crate::{small_file, wire::Address};

/// How long a finding counts, in seconds: a week. Stores are exchanged and updated.
const LIFE: u64 = 7 * 24 * 3600;

/// What was found out about endpoints. Clones share it.
///
/// It is a cache: where it cannot be read or written, things are found out again. Nothing in it is a proof: each upload sees
/// for itself that it still holds.
#[derive(Clone, Debug, Default)]
pub struct EndpointProfiles(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    file: Option<PathBuf>,
    known: Mutex<BTreeMap<String, Finding>>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Finding {
    proof: ProvedBy,
    /// Unix seconds.
    at: u64,
}

impl EndpointProfiles {
    /// Findings that outlive the process, in this file.
    pub fn at(file: impl Into<PathBuf>) -> Self {
        let file = file.into();
        let known = read(&file);
        Self(Arc::new(Shared { file: Some(file), known: Mutex::new(known) }))
    }

    /// How an endpoint proves bytes, if that was found out lately. `now`: Unix seconds.
    pub(crate) fn lookup(&self, address: &Address, kind: &str, now: u64) -> Option<ProvedBy> {
        let finding = self.known().get(&name(address, kind)).copied()?;
        (finding.at <= now && now - finding.at < LIFE).then_some(finding.proof)
    }

    /// Notes a finding.
    pub(crate) fn note(&self, address: &Address, kind: &str, proof: ProvedBy, now: u64) {
        let mut known = self.known();
        known.retain(|_, finding| now.saturating_sub(finding.at) < LIFE);
        known.insert(name(address, kind), Finding { proof, at: now });
        self.keep(&known);
    }

    /// Drops a finding that holds no more.
    pub(crate) fn forget(&self, address: &Address, kind: &str) {
        let mut known = self.known();
        if known.remove(&name(address, kind)).is_some() {
            self.keep(&known);
        }
    }

    /// Writes them down, where there is a file for them.
    fn keep(&self, known: &BTreeMap<String, Finding>) {
        if let Some(file) = &self.0.file
            && let Err(error) = write(file, known)
        {
            tracing::debug!(%error, "what was found out about the endpoint is not kept");
        }
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, Finding>> {
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The endpoint, and what was asked of it. Several buckets of one host may be served by different stores.
fn name(address: &Address, kind: &str) -> String {
    let scheme = if address.is_https() { "https" } else { "http" };
    format!("{scheme}://{}/{} {kind}", address.authority(), address.bucket())
}

fn read(file: &Path) -> BTreeMap<String, Finding> {
    let text = small_file::read_text(file).ok();
    text.and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
}

/// Replaces the file as a whole, so that another process never reads half of it.
fn write(file: &Path, known: &BTreeMap<String, Finding>) -> std::io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::create_dir_all(folder)?;
    let mut fresh = tempfile::NamedTempFile::new_in(folder)?;
    fresh.write_all(&serde_json::to_vec_pretty(known)?)?;
    fresh.persist(file).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{dialect::S3, ident::Bucket, wire::Addressing};

    fn at(endpoint: &str) -> Address {
        Address::new(S3, &Bucket::new(S3, "bucket").unwrap(), None, Some(endpoint), Addressing::Path).unwrap()
    }

    #[test]
    fn a_finding_counts_for_its_endpoint_and_for_a_week() {
        let profiles = EndpointProfiles::default();
        let (one, other) = (at("https://one.example"), at("https://other.example"));
        profiles.note(&one, "crc64-nvme", ProvedBy::Header, 1_000);
        let lookup = |address, kind, now| profiles.lookup(address, kind, now);
        assert_eq!(lookup(&one, "crc64-nvme", 1_000), Some(ProvedBy::Header));
        assert_eq!(lookup(&one, "crc64-nvme", 1_000 + LIFE), None);
        assert_eq!(lookup(&one, "crc64-nvme", 999), None, "it would be from the future");
        assert_eq!(lookup(&one, "crc32c", 1_000), None);
        assert_eq!(lookup(&other, "crc64-nvme", 1_000), None);
        assert_eq!(lookup(&at("http://one.example"), "crc64-nvme", 1_000), None);
    }

    #[test]
    fn what_holds_no_more_is_forgotten_in_the_file_too() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("endpoints.json");
        let (profiles, at) = (EndpointProfiles::at(&file), at("https://one.example"));
        profiles.note(&at, "crc32c", ProvedBy::Trailer, 5);
        profiles.note(&at, "md5", ProvedBy::ContentMd5, 5);
        profiles.forget(&at, "crc32c");
        for profiles in [profiles, EndpointProfiles::at(&file)] {
            assert_eq!(profiles.lookup(&at, "crc32c", 6), None);
            assert_eq!(profiles.lookup(&at, "md5", 6), Some(ProvedBy::ContentMd5));
        }
    }

    #[test]
    fn a_file_keeps_it_and_a_broken_one_is_as_good_as_none() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("new").join("endpoints.json");
        EndpointProfiles::at(&file).note(&at("https://one.example"), "crc32c", ProvedBy::Trailer, 5);
        let again = EndpointProfiles::at(&file);
        assert_eq!(again.lookup(&at("https://one.example"), "crc32c", 6), Some(ProvedBy::Trailer));
        std::fs::write(&file, "{").unwrap();
        assert_eq!(EndpointProfiles::at(&file).lookup(&at("https://one.example"), "crc32c", 6), None);
    }
}
