//! What has to be known of bytes before they leave, because it stands in the head of their request.

use std::sync::Arc;

use base64::{Engine as _, prelude::BASE64_STANDARD};
use md5::{Digest as _, Md5};

use crate::{
    checksum::{Checksum, Digest},
    error::Result,
    transfer::{Job, ProvedBy, body::Supply, feed::Held, frames::FRAME, uploader::internal},
};

/// Digests of bytes that are still to be sent.
#[derive(Debug, Default)]
pub(crate) struct Ahead {
    pub(crate) checksum: Option<Checksum>,
    /// In base64.
    pub(crate) md5: Option<String>,
}

/// Takes what the head has to have. A file is read once for it, what is in memory only if it was not foreseen.
///
/// `checksum`: whether the checksum is needed.
pub(crate) async fn ahead(job: &Arc<Job>, supply: &Supply, checksum: bool) -> Result<Ahead> {
    let md5 = wants_md5(job);
    match supply {
        _ if !checksum && !md5 => Ok(Ahead::default()),
        Supply::Held(held) => {
            let text = || held.md5.clone().unwrap_or_else(|| md5_of(held));
            Ok(Ahead { checksum: checksum.then_some(held.checksum), md5: md5.then(text) })
        }
        Supply::File { source, offset, len, .. } => {
            let (job, source, stretch) = (Arc::clone(job), Arc::clone(source), *offset..*offset + *len);
            let read = tokio::task::spawn_blocking(move || {
                let mut frame = job.frames.take();
                let mut sum = checksum.then(|| Digest::new(job.algorithm));
                let mut digest = md5.then(Md5::new);
                source.read_through(stretch, &mut frame, &job.stop, |piece| {
                    if let Some(sum) = &mut sum {
                        sum.update(piece);
                    }
                    if let Some(digest) = &mut digest {
                        digest.update(piece);
                    }
                })?;
                let md5 = digest.map(|digest| BASE64_STANDARD.encode(digest.finalize()));
                Ok(Ahead { checksum: sum.map(|sum| sum.value()), md5 })
            });
            read.await.unwrap_or_else(|error| Err(internal(&error)))
        }
    }
}

/// Whether bytes carry their MD5: because it was asked for, or because nothing else proves them.
pub(crate) fn wants_md5(job: &Job) -> bool {
    job.content_md5 || job.assurance.proof() == Some(ProvedBy::ContentMd5)
}

fn md5_of(held: &Held) -> String {
    let mut digest = Md5::new();
    let mut place = 0;
    while place < held.len {
        digest.update(held.frame_at(place));
        place += FRAME as u64;
    }
    BASE64_STANDARD.encode(digest.finalize())
}
