//! How the bytes of an upload are proved to have arrived: by which checksum, and by whose word.
//!
//! COS computes a CRC-64 over all it takes and answers with it. S3 stores differ. The best of them do the same, once an
//! upload was opened with a checksum algorithm: what they answer was never told to them, so that it cannot be an echo.
//! Others want to be told, and refuse what does not fit; whether they really do is found out with one byte and a wrong
//! checksum, because some take anything. An endpoint that proves nothing gets no upload.

mod probe;
mod profiles;

use std::{
    fmt,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use serde::{Deserialize, Serialize};

pub(crate) use self::probe::probe;
pub use self::profiles::EndpointProfiles;
use crate::{
    checksum::Algorithm,
    error::{Error, ErrorKind, Result},
    wire::{Address, usual_algorithm},
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

/// How the bytes of one upload are proved, as far as it is known before its first call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Integrity {
    /// Of the checksums that are taken here.
    pub(crate) algorithm: Algorithm,
    /// Whether the store is to keep a checksum by it of the whole object.
    pub(crate) kept: bool,
    /// `None`: it has to be found out.
    pub(crate) proof: Option<ProvedBy>,
    /// Whether the store is known to refuse a PUT whose checksum does not fit, or to answer with its own.
    pub(crate) puts: bool,
}

/// The same under way, when more of it gets known.
#[derive(Debug)]
pub(crate) struct Assurance {
    kept: AtomicBool,
    proof: OnceLock<ProvedBy>,
    puts: bool,
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

    /// What proves the bytes; `None` if it was not found out yet.
    pub(crate) fn proof(&self) -> Option<ProvedBy> {
        self.proof.get().copied()
    }

    /// Says what was found out. The first finding counts.
    pub(crate) fn found(&self, proof: ProvedBy) {
        let _ = self.proof.set(proof);
    }

    /// Whether one PUT of so many bytes would be proved. Nothing has to be said of the bytes of an empty object.
    pub(crate) fn proves_put(&self, size: u64) -> bool {
        self.puts || size == 0
    }
}

impl From<Integrity> for Assurance {
    fn from(integrity: Integrity) -> Self {
        let Integrity { kept, proof, puts, .. } = integrity;
        let kept = AtomicBool::new(kept);
        Self { kept, proof: proof.map_or_else(OnceLock::new, OnceLock::from), puts }
    }
}

impl Integrity {
    /// The beginning of an upload to this address. `known`: what an earlier one has found out.
    ///
    /// # Errors
    /// `Config` if the store does not know the checksum that is asked for.
    pub(crate) fn new(address: &Address, choice: ChecksumChoice, known: Option<ProvedBy>) -> Result<Self> {
        let dialect = address.dialect();
        let usual = usual_algorithm(dialect);
        let Some(wish) = dialect.names().checksum_wish else {
            return match choice {
                ChecksumChoice::Only(other) if other != usual => Err(unknown(other, usual)),
                ChecksumChoice::Auto | ChecksumChoice::Only(_) | ChecksumChoice::ContentMd5 => {
                    Ok(Self { algorithm: usual, kept: true, proof: Some(ProvedBy::Told), puts: true })
                }
            };
        };
        let algorithm = match choice {
            ChecksumChoice::ContentMd5 => {
                return Ok(Self { algorithm: usual, kept: false, proof: Some(ProvedBy::ContentMd5), puts: true });
            }
            ChecksumChoice::Only(Algorithm::Crc64Xz) => return Err(unknown(Algorithm::Crc64Xz, usual)),
            ChecksumChoice::Only(algorithm) => algorithm,
            ChecksumChoice::Auto => usual,
        };
        let documented = wish.documented_at.iter().any(|domain| address.host().ends_with(domain));
        let proof = if documented { Some(ProvedBy::Trailer) } else { known };
        // A store that tells checksums of parts need not tell that of a PUT, nor check the one before it.
        let puts = proof.is_some_and(|proof| proof != ProvedBy::Told);
        Ok(Self { algorithm, kept: proof != Some(ProvedBy::ContentMd5), proof, puts })
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

    #[test]
    fn cos_tells_by_itself_and_knows_one_algorithm() {
        let address = at(COS, "examplebucket-1250000000", None);
        let integrity = Integrity::new(&address, ChecksumChoice::Auto, None).unwrap();
        assert_eq!((integrity.algorithm, integrity.proof), (Algorithm::Crc64Xz, Some(ProvedBy::Told)));
        assert!(Assurance::from(integrity).proves_put(1));
        let other = Integrity::new(&address, ChecksumChoice::Only(Algorithm::Crc32c), None);
        assert_eq!(other.unwrap_err().kind(), ErrorKind::Config);
    }

    #[test]
    fn what_an_s3_endpoint_does_is_found_out_unless_its_manual_says_it() {
        let unknown =
            Integrity::new(&at(S3, "bucket", Some("https://s3.example")), ChecksumChoice::Auto, None).unwrap();
        assert_eq!((unknown.algorithm, unknown.proof, unknown.kept), (Algorithm::Crc64Nvme, None, true));
        let unknown = Assurance::from(unknown);
        assert!(!unknown.proves_put(1) && unknown.proves_put(0));
        let aws = Integrity::new(&at(S3, "bucket", None), ChecksumChoice::Auto, None).unwrap();
        assert_eq!(aws.proof, Some(ProvedBy::Trailer));
        assert!(Assurance::from(aws).proves_put(1));
        let liar = at(S3, "bucket", Some("https://amazonaws.com.example"));
        assert_eq!(Integrity::new(&liar, ChecksumChoice::Auto, None).unwrap().proof, None);
    }

    #[test]
    fn what_was_found_out_before_counts() {
        let address = at(S3, "bucket", Some("https://s3.example"));
        let known = |proof| Integrity::new(&address, ChecksumChoice::Auto, Some(proof)).unwrap();
        assert!(!known(ProvedBy::Told).puts, "checksums of parts say nothing of a PUT's");
        assert!(known(ProvedBy::Header).puts && known(ProvedBy::Header).kept);
        assert!(!known(ProvedBy::ContentMd5).kept);
    }

    #[test]
    fn a_choice_is_kept_to() {
        let address = at(S3, "bucket", Some("https://s3.example"));
        let chosen = |choice| Integrity::new(&address, choice, None);
        assert_eq!(chosen(ChecksumChoice::Only(Algorithm::Crc32c)).unwrap().algorithm, Algorithm::Crc32c);
        assert_eq!(chosen(ChecksumChoice::ContentMd5).unwrap().proof, Some(ProvedBy::ContentMd5));
        assert_eq!(chosen(ChecksumChoice::Only(Algorithm::Crc64Xz)).unwrap_err().kind(), ErrorKind::Config);
    }
}
