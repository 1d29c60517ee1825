//! `--dry-run`: the plan, and what every kind of request would carry. Nothing is sent to the store.

use std::{fmt::Write as _, path::PathBuf, sync::Arc};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use http_body_util::{BodyExt as _, Empty};
use md5::{Digest as _, Md5};
use serde_json::{Value, json};

use crate::{
    checksum::{self, Algorithm, Checksum},
    cli::{
        console::{Console, printable},
        explain,
        report::{row, size},
        units::show_size,
    },
    error::{Error, ErrorKind, Result},
    ident::{ETag, ObjectKey, ObjectUrl, PartNumber, UploadId},
    operation::Operation,
    sse::SseContext,
    transfer::{Assurance, Opened, Plan, PreparedUpload, ProvedBy, StreamPlan},
    transport::{MaskedHead, StoreClient},
    wire::{
        Abort, BoxBody, Complete, Head, Initiate, ObjectProperties, Payload, Put, Replay, SentChecksum, UploadPart,
    },
};

/// Everything that an upload would be made of.
pub(super) struct Rehearsal {
    pub(super) client: StoreClient,
    pub(super) key: ObjectKey,
    pub(super) sse: SseContext,
    /// As the upload would send them, with the mark that it gives to its object.
    pub(super) properties: ObjectProperties,
    pub(super) outline: Outline,
    /// By which its bytes are summed, and what that is worth.
    pub(super) algorithm: Algorithm,
    pub(super) assurance: Assurance,
    pub(super) forbid_overwrite: bool,
}

/// What is known of the parts.
pub(super) enum Outline {
    /// All; and of the first part what each is to carry: its Content-MD5, its checksum.
    File { plan: Plan, content_md5: Option<String>, checksum: Option<Checksum> },
    /// How they grow; and whether each is to carry its Content-MD5, which nobody knows yet.
    Stream { plan: StreamPlan, content_md5: bool },
    /// Nothing, before the stream is in a file of this directory.
    Spool { dir: PathBuf, part_size: u64 },
}

impl Outline {
    /// That of a file. For what stands in the head of its first part, that is read.
    pub(super) fn of_file(prepared: &PreparedUpload, content_md5: bool, proof: Option<ProvedBy>) -> Result<Self> {
        let Opened::File(file, plan) = &prepared.opened else {
            return Err(Error::new(ErrorKind::Internal, "the rehearsal of a file has none"));
        };
        let first = plan.part_size.min(plan.size);
        let read = |piece: &mut [u8], place| file.read_exact_at(piece, place);
        let content_md5 = content_md5 || proof == Some(ProvedBy::ContentMd5);
        let content_md5 = content_md5.then(|| md5_of(first, read)).transpose()?;
        let algorithm = prepared.integrity.algorithm;
        let checksum = (proof == Some(ProvedBy::Header)).then(|| sum_of(algorithm, first, read)).transpose()?;
        Ok(Self::File { plan: plan.clone(), content_md5, checksum })
    }

    /// Whether one PUT sends everything.
    fn is_single(&self) -> bool {
        matches!(self, Self::File { plan: Plan { single: true, .. }, .. })
    }

    /// Whether there is one part, and surely no more.
    fn is_lone(&self) -> bool {
        matches!(self, Self::File { plan: Plan { parts: 1, .. }, .. })
    }

    /// Bytes of the first part, and how many parts are known to come.
    fn parts(&self) -> (u64, u32) {
        match self {
            Self::File { plan, .. } => (plan.part_size.min(plan.size), plan.parts),
            Self::Stream { plan, .. } => (plan.first_part, 1),
            Self::Spool { part_size, .. } => (*part_size, 1),
        }
    }

    fn content_md5(&self) -> Option<String> {
        match self {
            Self::File { content_md5, .. } => content_md5.clone(),
            Self::Stream { .. } | Self::Spool { .. } => None,
        }
    }

    fn checksum(&self) -> Option<Checksum> {
        match self {
            Self::File { checksum, .. } => *checksum,
            Self::Stream { .. } | Self::Spool { .. } => None,
        }
    }

    fn as_json(&self) -> Value {
        match self {
            Self::File { plan, .. } => json!(plan),
            Self::Stream { plan, .. } => json!(plan),
            Self::Spool { dir, .. } => json!({ "spool": dir.to_string_lossy() }),
        }
    }

    /// Size and plan in words.
    fn in_words(&self) -> (String, String) {
        match self {
            Self::File { plan, .. } if plan.single => (size(plan.size), "one PUT".to_owned()),
            Self::File { plan, .. } => {
                let Plan { parts, part_size, .. } = *plan;
                let last = plan.size.saturating_sub(u64::from(parts - 1) * part_size);
                let last = if last < part_size { format!(", the last of {}", show_size(last)) } else { String::new() };
                (size(plan.size), format!("{parts} parts of {}{last}", show_size(part_size)))
            }
            Self::Stream { plan, content_md5 } => {
                let parts = if plan.first_part == plan.largest_part {
                    format!("parts of {}", show_size(plan.first_part))
                } else {
                    format!("parts that grow from {} to {}", show_size(plan.first_part), show_size(plan.largest_part))
                };
                let md5 = if *content_md5 { "; with the content-md5 of each part, once it is read" } else { "" };
                (
                    format!("not known before the end; at most {}", size(plan.longest)),
                    format!("{parts}; one PUT if the stream ends within the first{md5}"),
                )
            }
            Self::Spool { dir, .. } => (
                "not known before the end".to_owned(),
                format!("kept in {} first, and then sent as a file of its size", dir.display()),
            ),
        }
    }
}

impl Rehearsal {
    /// Prints the plan and the requests.
    pub(super) async fn show(&self, url: &ObjectUrl, console: &Console) -> Result<()> {
        let target = url.with_path(self.key.as_str()).to_string();
        let requests = self.requests().await?;
        if console.json() {
            let requests: Vec<_> = requests.iter().map(explain::as_json).collect();
            return console.value(&json!({
                "dry_run": true,
                "url": target,
                "plan": self.outline.as_json(),
                "sse": {
                    "mode": self.sse.mode().name(),
                    "kms_key_id": self.sse.kms_key_id(),
                    "key_md5": self.sse.key_md5(),
                },
                "requests": requests,
            }));
        }
        let mut text = format!("{target}\n");
        let (size, plan) = self.outline.in_words();
        row(&mut text, "size", &size);
        row(&mut text, "plan", &plan);
        let mode = self.sse.mode().name();
        let encryption = match (self.sse.key_md5(), self.sse.kms_key_id()) {
            (Some(md5), _) => format!("customer key with MD5 {md5}"),
            (None, Some(id)) => format!("{mode}, key {id}"),
            (None, None) => mode.to_owned(),
        };
        row(&mut text, "encryption", &encryption);
        text.push_str("\nThese requests would be sent (the first of each kind; secrets masked):\n");
        if !self.assurance.lets_parts_go(self.outline.is_lone()) && !self.outline.is_single() {
            text.push_str(
                "\nAfter the first of them, one random byte goes as part 1, to find out what this endpoint checks.\n",
            );
        }
        for head in &requests {
            if head.operation == Operation::Abort {
                text.push_str("\nAnd only if the upload fails:\n");
            }
            let _ = write!(text, "\n{}", explain::for_people(head));
        }
        text.push_str("\nNothing was sent.\n");
        console.data(printable(&text).as_bytes())
    }

    /// The requests in the order in which they would leave, of the parts the first; Abort leaves only after a failure.
    async fn requests(&self) -> Result<Vec<MaskedHead>> {
        let mut heads = Vec::new();
        let head = Head { key: self.key.clone(), version_id: None };
        if self.forbid_overwrite {
            // The object that may be there is asked for without encryption, whatever it is under.
            heads.push(self.client.explain(&head, &SseContext::none(self.client.dialect())).await?);
        }
        let (first_part, _) = self.outline.parts();
        if self.outline.is_single() {
            let put = Put {
                key: self.key.clone(),
                properties: self.properties.clone(),
                payload: announced(first_part),
                content_md5: self.outline.content_md5(),
                checksum: self.sent_checksum(),
                forbid_overwrite: self.forbid_overwrite,
                traffic_limit: None,
            };
            heads.push(self.client.explain(&put, &self.sse).await?);
            return Ok(heads);
        }
        let upload_id = UploadId::new("UPLOAD-ID").ok_or_else(unnamed)?;
        let initiate = Initiate {
            key: self.key.clone(),
            properties: self.properties.clone(),
            checksum: self.assurance.kept().then_some(self.algorithm),
            forbid_overwrite: self.forbid_overwrite,
        };
        heads.push(self.client.explain(&initiate, &self.sse).await?);
        let part = UploadPart {
            key: self.key.clone(),
            upload_id: upload_id.clone(),
            part: PartNumber::FIRST,
            payload: announced(first_part),
            content_md5: self.outline.content_md5(),
            checksum: self.sent_checksum(),
            traffic_limit: None,
        };
        heads.push(self.client.explain(&part, &self.sse).await?);
        let complete = Complete {
            key: self.key.clone(),
            upload_id: upload_id.clone(),
            parts: self.parts().ok_or_else(unnamed)?,
            keeps_checksum: self.assurance.kept(),
            // That of the whole goes along where the store is documented to check it; nobody knows it yet.
            checksum: None,
            forbid_overwrite: self.forbid_overwrite,
        };
        heads.push(self.client.explain(&complete, &self.sse).await?);
        heads.push(self.client.explain(&head, &self.sse).await?);
        heads.push(self.client.explain(&Abort { key: self.key.clone(), upload_id }, &self.sse).await?);
        Ok(heads)
    }

    /// How a checksum would go along with the first part.
    fn sent_checksum(&self) -> Option<SentChecksum> {
        let single = self.outline.is_single();
        match if single { self.assurance.of_put() } else { self.assurance.proof() } {
            Some(ProvedBy::Trailer) => Some(SentChecksum::Trailer(self.algorithm)),
            _ => self.outline.checksum().map(SentChecksum::Header),
        }
    }

    /// The list that Complete would carry, with tags of the usual length.
    fn parts(&self) -> Option<Vec<(PartNumber, ETag)>> {
        let tag = ETag::new(&"0".repeat(32))?;
        let count = usize::try_from(self.outline.parts().1).ok()?;
        (0..count).map(|index| Some((PartNumber::at_index(index)?, tag.clone()))).collect()
    }
}

/// The base64 of the MD5 of so many bytes.
fn md5_of(len: u64, read: impl Fn(&mut [u8], u64) -> Result<()>) -> Result<String> {
    let mut digest = Md5::new();
    in_pieces(len, read, |piece| digest.update(piece))?;
    Ok(BASE64_STANDARD.encode(digest.finalize()))
}

/// The checksum of so many bytes.
fn sum_of(algorithm: Algorithm, len: u64, read: impl Fn(&mut [u8], u64) -> Result<()>) -> Result<Checksum> {
    let mut digest = checksum::Digest::new(algorithm);
    in_pieces(len, read, |piece| digest.update(piece))?;
    Ok(digest.value())
}

fn in_pieces(len: u64, read: impl Fn(&mut [u8], u64) -> Result<()>, mut each: impl FnMut(&[u8])) -> Result<()> {
    let mut buffer = vec![0; 1 << 20];
    let mut place = 0;
    while place < len {
        let size = usize::try_from(len - place).unwrap_or(usize::MAX).min(buffer.len());
        let piece = &mut buffer[..size];
        read(piece, place)?;
        each(piece);
        place += size as u64;
    }
    Ok(())
}

fn unnamed() -> Error {
    Error::new(ErrorKind::Internal, "the rehearsal could not name its parts")
}

/// A body of a known length that is never sent.
fn announced(bytes: u64) -> Payload {
    Payload::Replay(Arc::new(Announced(bytes)))
}

struct Announced(u64);

impl Replay for Announced {
    fn len(&self) -> u64 {
        self.0
    }

    fn open(&self) -> BoxBody {
        Box::pin(Empty::new().map_err(|never| match never {}))
    }
}
