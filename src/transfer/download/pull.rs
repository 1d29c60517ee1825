//! What is expected of the bytes that come, and what follows when they stop coming. Pure: no I/O, no clock.

use std::time::Duration;

use crate::{
    checksum::{Algorithm, Checksum, Digest},
    error::{Error, ErrorKind, Result},
    ident::{ETag, VersionId},
    operation::Operation,
    wire::ObjectInfo,
};

/// So many broken streams in a row end the download.
const MOST_BREAKS: u32 = 8;

/// A stream that brought this many bytes was not in vain: the row of broken ones begins anew.
const PROGRESS: u64 = 1 << 20;

/// The pause after the first broken stream; it doubles with each that follows.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// One object on its way here.
#[derive(Debug)]
pub(super) struct Pull {
    size: u64,
    etag: Option<ETag>,
    version: Option<VersionId>,
    checksum: Option<Checksum>,
    /// See [`ObjectInfo::of_one_part`].
    of_one_part: Option<Checksum>,
    received: u64,
    digest: Digest,
    breaks: u32,
    /// What had been received at the latest break.
    broke_at: u64,
}

impl Pull {
    /// Expects the object that the first answer describes.
    pub(super) fn begin(info: &ObjectInfo) -> Self {
        let algorithm = info.checksum.or(info.of_one_part).map_or(Algorithm::Crc64Xz, Checksum::algorithm);
        Self {
            size: info.size,
            etag: info.etag.clone(),
            version: info.version_id.clone(),
            checksum: info.checksum,
            of_one_part: info.of_one_part,
            received: 0,
            digest: Digest::new(algorithm),
            breaks: 0,
            broke_at: 0,
        }
    }

    /// The first and the last byte that are still missing, both included.
    pub(super) fn missing(&self) -> (u64, u64) {
        (self.received, self.size.saturating_sub(1))
    }

    /// How many bytes have come.
    pub(super) fn received(&self) -> u64 {
        self.received
    }

    /// The tag that ties all streams to one and the same object.
    pub(super) fn etag(&self) -> Option<&ETag> {
        self.etag.as_ref()
    }

    /// Takes the next bytes.
    ///
    /// # Errors
    /// `Protocol` if they are more than the object has.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<()> {
        let received = self.received.saturating_add(bytes.len() as u64);
        if received > self.size {
            let message = format!("the store sends more than the {} bytes that it announced", self.size);
            return Err(Error::new(ErrorKind::Protocol, message)
                .with_hint("check the endpoint: it, or something on the way to it, does not keep to HTTP")
                .at(Operation::Get));
        }
        self.digest.update(bytes);
        self.received = received;
        Ok(())
    }

    /// Whether every byte is there.
    pub(super) fn is_complete(&self) -> bool {
        self.received == self.size
    }

    /// The failure of a stream that ended too early, as if all were well.
    pub(super) fn ended_early(&self) -> Error {
        let message = format!("the stream ended after {} of {} bytes", self.received, self.size);
        Error::new(ErrorKind::Unavailable, message).at(Operation::Get)
    }

    /// How long to wait before the missing bytes are asked for again, after a stream broke for this reason.
    ///
    /// # Errors
    /// The reason itself, if another try would not help or enough of them were made.
    pub(super) fn after_break(&mut self, why: Error) -> Result<Duration> {
        if why.kind() != ErrorKind::Unavailable {
            return Err(why);
        }
        if self.etag.is_none() {
            return Err(why.with_hint("the store gave no ETag, without which a download cannot be taken up again"));
        }
        if self.received - self.broke_at >= PROGRESS {
            self.breaks = 0;
        }
        self.broke_at = self.received;
        self.breaks += 1;
        if self.breaks > MOST_BREAKS {
            return Err(why.after_attempts(self.breaks).with_hint("the connection keeps breaking; try again later"));
        }
        Ok((FIRST_PAUSE * 2_u32.pow(self.breaks - 1)).min(LONGEST_PAUSE))
    }

    /// The error for missing bytes that the store refused.
    pub(super) fn not_resumed(refused: Error) -> Error {
        match refused.status() {
            Some(412) => replaced().caused_by(refused),
            _ => refused,
        }
    }

    /// Looks whether a later answer speaks of the same object.
    ///
    /// # Errors
    /// `Rejected` if it was replaced under way, although the store was asked to refuse in this case.
    pub(super) fn same_object(&self, info: &ObjectInfo) -> Result<()> {
        let same = info.size == self.size
            && info.etag == self.etag
            && info.version_id == self.version
            // With a range, S3 does not show that of the whole.
            && info.checksum.is_none_or(|checksum| Some(checksum) == self.checksum);
        if same { Ok(()) } else { Err(replaced()) }
    }

    /// The checksum of all bytes, and whether the store had one to compare it with.
    ///
    /// # Errors
    /// `Integrity` if the two differ.
    pub(super) fn finish(&self) -> Result<(Checksum, bool)> {
        let ours = self.digest.value();
        let (theirs, fits) = match (self.checksum, self.of_one_part) {
            (Some(theirs), _) => (theirs, theirs == ours),
            // The two readings of it that stores have; neither fits other bytes by chance.
            (None, Some(theirs)) => (theirs, theirs == ours || theirs == ours.of_itself()),
            (None, None) => return Ok((ours, false)),
        };
        if fits {
            return Ok((ours, true));
        }
        Err(Error::new(
            ErrorKind::Integrity,
            format!("the bytes received have the checksum {ours}, and the store says {theirs}"),
        )
        .at(Operation::Get)
        .with_hint("something on the way, or this machine's memory, changed them; download it again"))
    }
}

fn replaced() -> Error {
    Error::new(ErrorKind::Rejected, "the object was replaced while it was being downloaded")
        .at(Operation::Get)
        .with_hint("download it again; name a version if the bucket keeps them")
}

#[cfg(test)]
mod tests;
