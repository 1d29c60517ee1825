//! `--dry-run`: the plan, and what every kind of request would carry. Nothing is sent to the store.

use std::{fmt::Write as _, sync::Arc};

use base64::prelude::{BASE64_STANDARD, Engine as _};
use http_body_util::{BodyExt as _, Empty};
use md5::{Digest as _, Md5};
use serde_json::json;

use crate::{
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
    transfer::{Plan, PreparedUpload},
    transport::{MaskedHead, StoreClient},
    wire::{
        Abort, BoxBody, Complete, Head, Initiate, ObjectProperties, Payload, Put, Replay, UploadPart, usual_algorithm,
    },
};

/// Everything that an upload would be made of.
pub(super) struct Rehearsal {
    pub(super) client: StoreClient,
    pub(super) key: ObjectKey,
    pub(super) sse: SseContext,
    /// As the upload would send them, with the mark that it gives to its object.
    pub(super) properties: ObjectProperties,
    pub(super) plan: Plan,
    pub(super) forbid_overwrite: bool,
    /// The Content-MD5 of the file's first part, if each part is to carry its own.
    pub(super) content_md5: Option<String>,
}

impl Rehearsal {
    /// Prints the plan and the requests.
    pub(super) async fn show(&self, url: &ObjectUrl, console: &Console) -> Result<()> {
        let target = format!("{}://{}/{}", url.dialect, url.bucket, self.key);
        let requests = self.requests().await?;
        if console.json() {
            let requests: Vec<_> = requests.iter().map(explain::as_json).collect();
            return console.value(&json!({
                "dry_run": true,
                "url": target,
                "plan": self.plan,
                "sse": {
                    "mode": self.sse.mode().name(),
                    "kms_key_id": self.sse.kms_key_id(),
                    "key_md5": self.sse.key_md5(),
                },
                "requests": requests,
            }));
        }
        let mut text = format!("{target}\n");
        row(&mut text, "size", &size(self.plan.size));
        let parts = if self.plan.single {
            "one PUT".to_owned()
        } else {
            let last = self.plan.size.saturating_sub(u64::from(self.plan.parts - 1) * self.plan.part_size);
            let last =
                if last < self.plan.part_size { format!(", the last of {}", show_size(last)) } else { String::new() };
            format!("{} parts of {}{last}", self.plan.parts, show_size(self.plan.part_size))
        };
        row(&mut text, "plan", &parts);
        let mode = self.sse.mode().name();
        let encryption = match (self.sse.key_md5(), self.sse.kms_key_id()) {
            (Some(md5), _) => format!("customer key with MD5 {md5}"),
            (None, Some(id)) => format!("{mode}, key {id}"),
            (None, None) => mode.to_owned(),
        };
        row(&mut text, "encryption", &encryption);
        text.push_str("\nThese requests would be sent (the first of each kind; secrets masked):\n");
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
        if self.plan.single {
            let put = Put {
                key: self.key.clone(),
                properties: self.properties.clone(),
                payload: announced(self.plan.size),
                content_md5: self.content_md5.clone(),
                checksum: None,
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
            checksum: Some(usual_algorithm(self.client.dialect())),
            forbid_overwrite: self.forbid_overwrite,
        };
        heads.push(self.client.explain(&initiate, &self.sse).await?);
        let part = UploadPart {
            key: self.key.clone(),
            upload_id: upload_id.clone(),
            part: PartNumber::FIRST,
            payload: announced(self.plan.part_size.min(self.plan.size)),
            content_md5: self.content_md5.clone(),
            checksum: None,
            traffic_limit: None,
        };
        heads.push(self.client.explain(&part, &self.sse).await?);
        let complete = Complete {
            key: self.key.clone(),
            upload_id: upload_id.clone(),
            parts: self.parts().ok_or_else(unnamed)?,
            keeps_checksum: true,
            checksum: None,
            forbid_overwrite: self.forbid_overwrite,
        };
        heads.push(self.client.explain(&complete, &self.sse).await?);
        heads.push(self.client.explain(&head, &self.sse).await?);
        heads.push(self.client.explain(&Abort { key: self.key.clone(), upload_id }, &self.sse).await?);
        Ok(heads)
    }

    /// The list that Complete would carry, with tags of the usual length.
    fn parts(&self) -> Option<Vec<(PartNumber, ETag)>> {
        let tag = ETag::new(&"0".repeat(32))?;
        let count = usize::try_from(self.plan.parts).ok()?;
        (0..count).map(|index| Some((PartNumber::at_index(index)?, tag.clone()))).collect()
    }
}

/// The base64 of the MD5 of the file's first part, or of all of a file that goes in one.
pub(super) fn first_md5(prepared: &PreparedUpload) -> Result<String> {
    let PreparedUpload { source, plan, .. } = prepared;
    let len = plan.part_size.min(plan.size);
    let mut digest = Md5::new();
    let mut buffer = vec![0; 1 << 20];
    let mut place = 0;
    while place < len {
        let size = usize::try_from(len - place).unwrap_or(usize::MAX).min(buffer.len());
        let piece = &mut buffer[..size];
        source.read_exact_at(piece, place)?;
        digest.update(&*piece);
        place += size as u64;
    }
    Ok(BASE64_STANDARD.encode(digest.finalize()))
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
