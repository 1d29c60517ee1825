//! How the bytes of an upload are proved to have arrived: by which checksum, and by whose word.
//!
//! COS computes a CRC-64 over all it takes and answers with it. S3 stores differ. The best of them do the same, once an
//! upload was opened with a checksum algorithm: what they answer was never told to them, so that it cannot be an echo.
//! Others want to be told, and refuse what does not fit; whether they really do is found out with one byte and a wrong
//! checksum, because some take anything. An endpoint that proves nothing gets no upload.
//!
//! What was found out is a hint for the next upload and no proof of it: stores are exchanged and updated. Each upload sees
//! for itself that it still holds, before a byte of its source counts.

mod probe;
mod profiles;

use std::{
    fmt,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
};

use serde::{Deserialize, Serialize};

pub(crate) use self::probe::{probe, refuses_the_way};
pub use self::profiles::EndpointProfiles;
use crate::{
    checksum::Algorithm,
    error::{Error, ErrorKind, Result},
    wire::{Address, knows, usual_algorithm},
};

/// What proves the bytes of a part, or of an object sent by one PUT.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ProvedBy {
    /// The store computes a checksum, unasked, and answers with it.
    Told,
    /// The store refuses bytes that do not fit the checksum behind them. They are read once.
    Trailer,
    /// The store refuses bytes that do not fit the checksum before them. They are read twice.
    Header,
    /// The store refuses bytes that do not fit their Content-MD5. They are read twice.
    ContentMd5,
}

impl ProvedBy {
    /// Whether the store is told a checksum, which it then keeps.
    pub(crate) fn tells_the_store(self) -> bool {
        matches!(self, Self::Trailer | Self::Header)
    }

    /// Whether the bytes are read once more for it.
    pub(crate) fn reads_twice(self) -> bool {
        matches!(self, Self::Header | Self::ContentMd5)
    }
}

impl fmt::Display for ProvedBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Told => "the store computes checksums and tells them",
            Self::Trailer => "the store checks the checksum that follows a body",
            Self::Header => "the store checks the checksum in a head",
            Self::ContentMd5 => "the store checks Content-MD5",
        })
    }
}

/// Which checksum an upload is to be proved by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChecksumChoice {
    /// The store's usual one, or what it offers in its place.
    #[default]
    Auto,
    /// This one, or failure.
    Only(Algorithm),
    /// Content-MD5 alone, without finding out what else the store offers.
    ContentMd5,
}

impl ChecksumChoice {
    /// By which findings about an endpoint are kept apart.
    fn kind(self, usual: Algorithm) -> &'static str {
        match self {
            Self::Auto => usual.name(),
            Self::Only(algorithm) => algorithm.name(),
            Self::ContentMd5 => "md5",
        }
    }
}

/// How the bytes of one upload are proved, as far as it is known before its first call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Integrity {
    choice: ChecksumChoice,
    /// Of the checksums that are taken here.
    pub(crate) algorithm: Algorithm,
    /// Whether the store is to keep a checksum by it of the whole object.
    kept: bool,
    /// `None`: it has to be found out.
    proof: Option<ProvedBy>,
    /// Whether the manual of the store says so: of parts, of a PUT, and of the whole object at Complete.
    documented: bool,
}

impl Integrity {
    /// The beginning of an upload to this address; `profiles` has what earlier ones have found out by `now`.
    ///
    /// # Errors
    /// `Config` if the store does not know the checksum that is asked for.
    pub(crate) fn new(
        address: &Address,
        choice: ChecksumChoice,
        profiles: Option<&EndpointProfiles>,
        now: u64,
    ) -> Result<Self> {
        let usual = usual_algorithm(address.dialect());
        let algorithm = match choice {
            ChecksumChoice::Only(algorithm) => algorithm,
            ChecksumChoice::Auto | ChecksumChoice::ContentMd5 => usual,
        };
        if !knows(address.dialect(), algorithm) {
            return Err(unknown(algorithm, usual));
        }
        let md5 = choice == ChecksumChoice::ContentMd5;
        if !address.dialect().checksum_is_a_choice() {
            let proof = Some(ProvedBy::Told);
            return Ok(Self { choice, algorithm, kept: true, proof, documented: true });
        }
        let documented = address.dialect().is_documented_at(address.host());
        let proof = if documented {
            Some(if md5 { ProvedBy::ContentMd5 } else { ProvedBy::Trailer })
        } else {
            profiles.and_then(|profiles| profiles.lookup(address, choice.kind(usual), now))
        };
        let kept = !md5 && proof != Some(ProvedBy::ContentMd5);
        Ok(Self { choice, algorithm, kept, proof, documented })
    }
}

/// The same under way, when more of it gets known.
#[derive(Debug)]
pub(crate) struct Assurance {
    choice: ChecksumChoice,
    kept: AtomicBool,
    proof: Mutex<Option<ProvedBy>>,
    documented: bool,
    /// Whether the store has shown it in this upload.
    shown: AtomicBool,
}

impl Assurance {
    /// Whether the store keeps a checksum of the whole object.
    pub(crate) fn kept(&self) -> bool {
        self.kept.load(Ordering::Relaxed)
    }

    /// Says whether it does.
    pub(crate) fn keep(&self, kept: bool) {
        self.kept.store(kept, Ordering::Relaxed);
    }

    /// What was asked for.
    pub(crate) fn choice(&self) -> ChecksumChoice {
        self.choice
    }

    /// What proves the bytes; `None` if it was not found out yet. An upload that was opened without a checksum gets none
    /// along the way, whatever the store would do with one.
    pub(crate) fn proof(&self) -> Option<ProvedBy> {
        let proof = *self.proof.lock().unwrap_or_else(PoisonError::into_inner);
        proof.filter(|proof| self.kept() || *proof == ProvedBy::ContentMd5)
    }

    /// Whether the manual of the store says so.
    pub(crate) fn is_documented(&self) -> bool {
        self.documented
    }

    /// Whether that is known of this upload, and not only of an earlier one.
    pub(crate) fn is_certain(&self) -> bool {
        self.proof().is_some() && (self.documented || self.shown.load(Ordering::Relaxed))
    }

    /// Whether parts may leave. A store that tells checksums shows with each part whether it still does; of a lone part it
    /// need not be asked before.
    pub(crate) fn lets_parts_go(&self, lone: bool) -> bool {
        self.is_certain() || lone && self.proof() == Some(ProvedBy::Told)
    }

    /// Says what was found out.
    pub(crate) fn found(&self, proof: ProvedBy) {
        *self.proof.lock().unwrap_or_else(PoisonError::into_inner) = Some(proof);
        self.shown.store(true, Ordering::Relaxed);
    }

    /// Says that what was known holds no more.
    pub(crate) fn lose(&self) {
        *self.proof.lock().unwrap_or_else(PoisonError::into_inner) = None;
        self.shown.store(false, Ordering::Relaxed);
    }

    /// In what ways the store may be told a digest, so that it refuses what does not fit.
    pub(crate) fn ways(&self) -> &'static [ProvedBy] {
        match self.choice {
            _ if !self.kept() => &[ProvedBy::ContentMd5],
            ChecksumChoice::Auto => &[ProvedBy::Trailer, ProvedBy::Header, ProvedBy::ContentMd5],
            ChecksumChoice::Only(_) => &[ProvedBy::Trailer, ProvedBy::Header],
            ChecksumChoice::ContentMd5 => &[ProvedBy::ContentMd5],
        }
    }

    /// Whether the store is told the checksum of the whole object, at Complete or with its only PUT.
    ///
    /// Only one that is documented to refuse a wrong one. What is found out of the others holds of parts: one that has
    /// checked them all may repeat what Complete tells it without a look at it, and that would pass for its own.
    pub(crate) fn tells_whole(&self) -> bool {
        self.documented && self.proof().is_some_and(ProvedBy::tells_the_store)
    }

    /// Whether one PUT of so many bytes would be proved. Nothing has to be said of the bytes of an empty object.
    ///
    /// A store that tells checksums of parts, or refuses wrong ones, need not do so of a PUT: Ceph's gateway refuses a
    /// part whose CRC-32C is wrong, and takes such a PUT (measured of 20.2). Nor can it be tried: a wrong PUT that is taken
    /// is an object.
    pub(crate) fn proves_put(&self, size: u64) -> bool {
        size == 0 || self.of_put().is_some()
    }

    /// What proves the bytes of one PUT.
    pub(crate) fn of_put(&self) -> Option<ProvedBy> {
        self.proof().filter(|_| self.documented)
    }

    /// The kind under which a finding is kept, if it says something of other uploads too.
    pub(crate) fn kind(&self, usual: Algorithm) -> Option<&'static str> {
        let usable = self.kept() || self.choice == ChecksumChoice::ContentMd5;
        usable.then(|| self.choice.kind(usual))
    }

    /// The kind under which a finding may be known that this upload began with.
    pub(crate) fn kind_before(&self, usual: Algorithm) -> &'static str {
        self.choice.kind(usual)
    }
}

impl From<Integrity> for Assurance {
    fn from(integrity: Integrity) -> Self {
        let Integrity { choice, kept, proof, documented, .. } = integrity;
        Self {
            choice,
            kept: AtomicBool::new(kept),
            proof: Mutex::new(proof),
            documented,
            shown: AtomicBool::new(false),
        }
    }
}

fn unknown(asked: Algorithm, usual: Algorithm) -> Error {
    Error::new(ErrorKind::Config, format!("the store has no checksums by {}", asked.name()))
        .with_hint(format!("leave the choice to sealift, which takes {} here", usual.name()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        dialect::{COS, Dialect, S3},
        ident::{Bucket, Region},
        wire::Addressing,
    };

    fn at(dialect: Dialect, bucket: &str, endpoint: Option<&str>) -> Address {
        let region = Region::new("eu-west-1").unwrap();
        let bucket = Bucket::new(dialect, bucket).unwrap();
        Address::new(dialect, &bucket, Some(&region), endpoint, Addressing::Auto).unwrap()
    }

    fn of(address: &Address, choice: ChecksumChoice) -> Result<Assurance> {
        Integrity::new(address, choice, None, 0).map(Assurance::from)
    }

    #[test]
    fn cos_tells_by_itself_and_knows_one_algorithm() {
        let address = at(COS, "examplebucket-1250000000", None);
        let integrity = Integrity::new(&address, ChecksumChoice::Auto, None, 0).unwrap();
        assert_eq!((integrity.algorithm, integrity.proof), (Algorithm::Crc64Xz, Some(ProvedBy::Told)));
        assert!(Assurance::from(integrity).proves_put(1));
        let other = of(&address, ChecksumChoice::Only(Algorithm::Crc32c));
        assert_eq!(other.unwrap_err().kind(), ErrorKind::Config);
    }

    #[test]
    fn what_an_s3_endpoint_does_is_found_out_unless_its_manual_says_it() {
        let strange = at(S3, "bucket", Some("https://s3.example"));
        let unknown = of(&strange, ChecksumChoice::Auto).unwrap();
        assert!(unknown.proof().is_none() && unknown.kept());
        assert!(!unknown.proves_put(1) && unknown.proves_put(0));
        assert_eq!(of(&strange, ChecksumChoice::ContentMd5).unwrap().proof(), None, "not even that is believed");
        let aws = at(S3, "bucket", None);
        assert_eq!(of(&aws, ChecksumChoice::Auto).unwrap().proof(), Some(ProvedBy::Trailer));
        assert!(of(&aws, ChecksumChoice::Auto).unwrap().proves_put(1));
        assert_eq!(of(&aws, ChecksumChoice::ContentMd5).unwrap().proof(), Some(ProvedBy::ContentMd5));
        let liar = at(S3, "bucket", Some("https://amazonaws.com.example"));
        assert_eq!(of(&liar, ChecksumChoice::Auto).unwrap().proof(), None);
    }

    #[test]
    fn what_was_found_out_before_counts_for_the_same_kind() {
        let address = at(S3, "bucket", Some("https://s3.example"));
        let known = |proof, choice| {
            let profiles = EndpointProfiles::default();
            profiles.note(&address, "crc64-nvme", proof, 5);
            Assurance::from(Integrity::new(&address, choice, Some(&profiles), 6).unwrap())
        };
        let told = known(ProvedBy::Told, ChecksumChoice::Auto);
        assert!(told.proof().is_some() && !told.proves_put(1), "checksums of parts say nothing of a PUT's");
        let header = known(ProvedBy::Header, ChecksumChoice::Auto);
        assert!(!header.proves_put(1) && header.kept(), "nor does what is refused of parts");
        assert!(!known(ProvedBy::ContentMd5, ChecksumChoice::Auto).proves_put(1), "and a PUT cannot be tried");
        assert!(!known(ProvedBy::ContentMd5, ChecksumChoice::Auto).kept());
        assert_eq!(known(ProvedBy::Header, ChecksumChoice::Only(Algorithm::Crc32c)).proof(), None);
        assert_eq!(known(ProvedBy::Header, ChecksumChoice::ContentMd5).proof(), None);
    }

    #[test]
    fn what_an_earlier_upload_found_out_is_not_certain_before_it_is_seen_again() {
        let address = at(S3, "bucket", Some("https://s3.example"));
        for proof in [ProvedBy::Told, ProvedBy::Trailer, ProvedBy::Header, ProvedBy::ContentMd5] {
            let profiles = EndpointProfiles::default();
            profiles.note(&address, "crc64-nvme", proof, 5);
            let integrity = Integrity::new(&address, ChecksumChoice::Auto, Some(&profiles), 6).unwrap();
            let assurance = Assurance::from(integrity);
            assert!(assurance.proof() == Some(proof) && !assurance.is_certain() && !assurance.lets_parts_go(false));
            assert_eq!(assurance.lets_parts_go(true), proof == ProvedBy::Told, "a lone part tells it by itself");
            assurance.found(proof);
            assert!(assurance.is_certain() && assurance.lets_parts_go(false));
            assurance.lose();
            assert!(assurance.proof().is_none() && !assurance.lets_parts_go(true));
        }
        assert!(of(&at(S3, "bucket", None), ChecksumChoice::Auto).unwrap().is_certain());
        assert!(of(&at(COS, "examplebucket-1250000000", None), ChecksumChoice::Auto).unwrap().is_certain());
    }

    #[test]
    fn only_a_documented_store_is_told_the_checksum_of_the_whole() {
        assert!(of(&at(S3, "bucket", None), ChecksumChoice::Auto).unwrap().tells_whole());
        assert!(!of(&at(S3, "bucket", None), ChecksumChoice::ContentMd5).unwrap().tells_whole());
        assert!(!of(&at(COS, "examplebucket-1250000000", None), ChecksumChoice::Auto).unwrap().tells_whole());
        let strange = of(&at(S3, "bucket", Some("https://s3.example")), ChecksumChoice::Auto).unwrap();
        for proof in [ProvedBy::Told, ProvedBy::Trailer, ProvedBy::Header] {
            strange.found(proof);
            assert!(!strange.tells_whole(), "{proof}");
        }
    }

    #[test]
    fn an_upload_that_was_opened_without_a_checksum_is_not_told_one() {
        let aws = of(&at(S3, "bucket", None), ChecksumChoice::Auto).unwrap();
        aws.keep(false);
        assert_eq!(aws.proof(), None);
        assert_eq!(aws.ways(), [ProvedBy::ContentMd5]);
        assert_eq!(aws.kind(Algorithm::Crc64Nvme), None, "other uploads are opened with one");
        aws.found(ProvedBy::ContentMd5);
        assert_eq!(aws.proof(), Some(ProvedBy::ContentMd5));
    }

    #[test]
    fn a_choice_is_kept_to() {
        let address = at(S3, "bucket", Some("https://s3.example"));
        let chosen = |choice| of(&address, choice);
        let only = chosen(ChecksumChoice::Only(Algorithm::Crc32c)).unwrap();
        assert!(!only.ways().contains(&ProvedBy::ContentMd5));
        assert_eq!(chosen(ChecksumChoice::Only(Algorithm::Crc64Xz)).unwrap_err().kind(), ErrorKind::Config);
    }
}
