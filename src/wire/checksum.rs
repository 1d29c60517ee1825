//! Checksums in the heads of requests and answers.

use http::HeaderName;

use super::{answer::Reading, xml::Element};
use crate::{
    checksum::{Algorithm, Checksum},
    dialect::Dialect,
    error::Result,
};

/// How the checksum of a part goes along with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SentChecksum {
    /// In the head: it is known before the bytes leave.
    Header(Checksum),
    /// Behind the body, by this algorithm.
    Trailer(Algorithm),
}

impl SentChecksum {
    /// The checksum that stands in the head.
    pub(super) fn before(sent: Option<Self>) -> Option<Checksum> {
        match sent {
            Some(Self::Header(checksum)) => Some(checksum),
            Some(Self::Trailer(_)) | None => None,
        }
    }

    /// The header that follows the body.
    pub(super) fn behind(sent: Option<Self>, dialect: Dialect) -> Option<&'static str> {
        match sent {
            Some(Self::Trailer(algorithm)) => header(dialect, algorithm),
            Some(Self::Header(_)) | None => None,
        }
    }
}

/// The algorithm by which a store tells checksums, unless another one is asked for.
pub(crate) fn usual_algorithm(dialect: Dialect) -> Algorithm {
    let mut known = Algorithm::ALL.into_iter().filter(|algorithm| header(dialect, *algorithm).is_some());
    known.next().expect("each dialect's table names a checksum")
}

/// Whether a store has checksums by this algorithm.
pub(crate) fn knows(dialect: Dialect, algorithm: Algorithm) -> bool {
    header(dialect, algorithm).is_some()
}

/// The header of a checksum, if the store knows the algorithm.
pub(super) fn header(dialect: Dialect, algorithm: Algorithm) -> Option<&'static str> {
    let names = dialect.names();
    match algorithm {
        Algorithm::Crc64Xz => names.crc64_xz,
        Algorithm::Crc64Nvme => names.crc64_nvme,
        Algorithm::Crc32c => names.crc32c,
    }
}

/// The store's word for an algorithm, where an upload has to name it.
pub(super) fn word(dialect: Dialect, algorithm: Algorithm) -> Option<&'static str> {
    let (nvme, crc32c) = dialect.names().checksum_wish?.words;
    match algorithm {
        Algorithm::Crc64Xz => None,
        Algorithm::Crc64Nvme => Some(nvme),
        Algorithm::Crc32c => Some(crc32c),
    }
}

impl Reading<'_> {
    /// The checksum of the whole part or object that the answer's head gives.
    ///
    /// # Errors
    /// `Protocol` if it is there, but malformed.
    pub(super) fn checksum(self) -> Result<Option<Checksum>> {
        for algorithm in Algorithm::ALL {
            let Some(name) = header(self.dialect(), algorithm) else { continue };
            if let Some(text) = self.header(&HeaderName::from_static(name))?
                && let Some(found) = self.whole(algorithm, text)?
            {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// The checksum of the parts' checksums, if the head gives one of a single part.
    pub(super) fn checksum_of_one_part(self) -> Result<Option<Checksum>> {
        for algorithm in Algorithm::ALL.into_iter().filter(|_| self.dialect().checksum_is_a_choice()) {
            let Some(name) = header(self.dialect(), algorithm) else { continue };
            let text = self.header(&HeaderName::from_static(name))?;
            if let Some(found) = text.and_then(|text| algorithm.parse(text.strip_suffix("-1")?)) {
                return Ok(Some(found));
            }
        }
        Ok(None)
    }

    /// That of the whole from the elements of an answer's body, or else from its head.
    pub(super) fn checksum_in(self, root: &Element) -> Result<Option<Checksum>> {
        for algorithm in Algorithm::ALL {
            let Some(word) = word(self.dialect(), algorithm) else { continue };
            if let Some(text) = root.text(&format!("Checksum{word}"))
                && let Some(found) = self.whole(algorithm, text)?
            {
                return Ok(Some(found));
            }
        }
        self.checksum()
    }

    /// A checksum of the parts' checksums, which ends in their number, is none of the object's bytes.
    fn whole(self, algorithm: Algorithm, text: &str) -> Result<Option<Checksum>> {
        if text.contains('-') && self.dialect().checksum_is_a_choice() {
            return Ok(None);
        }
        algorithm
            .parse(text)
            .map(Some)
            .ok_or_else(|| self.protocol(format!("{}'s answer has a malformed checksum", self.operation())))
    }
}
