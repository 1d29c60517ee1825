//! Whether what came of a cell is what the design promises, whatever was expected of it in particular.

use std::{error::Error as _, fmt::Write as _};

use sealift::{
    Error, Receipt, Result, SseContext, Uploader,
    checksum::{Algorithm, Checksum},
    error::ErrorKind,
    operation::Operation,
    sse::SseMode,
    wire::{Get, Head, ListParts, ListUploads, ListedUpload, ObjectInfo},
};

use crate::{
    cell::{Bench, Heard, KEY, KMS_KEY, Outcome},
    expect::{End, Left},
    place::Place,
    proofs,
    remedy::{self, Told},
};

/// Says that the id of an upload was lost with the answer to Initiate.
const ORPHAN: &str = "an answer to Initiate was lost";
/// Says that an object may come that is not there.
const APPEARS: &str = "may be in the store, or appear there yet";
/// The same as the first, from a journal that an earlier run has left.
const EARLIER_ORPHAN: &str = "an earlier run ended while it opened an upload";

pub(crate) async fn judge(bench: &Bench<'_>, uploader: &Uploader, outcome: Result<Receipt>, heard: Heard) -> Outcome {
    let mut court = Court { bench, complaints: Vec::new() };
    let end = match outcome {
        Ok(receipt) => {
            court.success(&receipt, &heard).await;
            End::Done
        }
        Err(error) => {
            let left = court.failure(&error).await;
            if bench.cell.journal {
                court.second_run(uploader, &error, left, heard).await;
            }
            End::Failed(error.kind(), left)
        }
    };
    Outcome { end, complaints: court.complaints }
}

struct Court<'a> {
    bench: &'a Bench<'a>,
    complaints: Vec<String>,
}

impl Court<'_> {
    fn insist(&mut self, fact: bool, complaint: impl FnOnce() -> String) {
        if !fact {
            self.complaints.push(complaint());
        }
    }

    async fn success(&mut self, receipt: &Receipt, heard: &Heard) {
        let info = self.object_is_the_source().await;
        self.receipt(receipt, heard);
        if let Some(info) = info {
            let same = info.etag.is_some_and(|etag| etag.as_str() == receipt.etag);
            self.insist(same, || format!("the receipt has the ETag {}", receipt.etag));
        }
        self.nothing_unnamed(&receipt.warnings.join("\n")).await;
        let kept = self.bench.kept();
        self.insist(kept == 0, || format!("{kept} files are left where journals are"));
    }

    /// The object under the encryption that was asked for, and nobody else's.
    async fn object_is_the_source(&mut self) -> Option<ObjectInfo> {
        let Bench { cell, client, .. } = self.bench;
        let call = Get { key: self.bench.key(), version_id: None, range: None, if_match: None };
        let read = async {
            let (_, mut stream) = client.get(&call, &cell.sse()).await?;
            let mut bytes = Vec::new();
            while let Some(chunk) = stream.chunk().await? {
                bytes.extend_from_slice(&chunk);
            }
            Ok::<_, Error>(bytes)
        };
        match read.await {
            Ok(bytes) => {
                let (stored, sent) = (bytes.len(), self.bench.content.len());
                self.insist(bytes == self.bench.content, || format!("{stored} other bytes are stored than the {sent}"));
            }
            Err(error) => self.complaints.push(format!("the object cannot be read: {error:?}")),
        }
        let head = client.send(&Head { key: self.bench.key(), version_id: None }, &cell.sse()).await;
        // Whoever asks under an encryption is answered by an object that has it, or not at all.
        match head {
            Ok(answer) => {
                let confirmed = answer.echo.is_confirmed() || cell.mode == SseMode::None;
                self.insist(confirmed, || "the object is not encrypted as asked".to_owned());
                Some(answer.value)
            }
            Err(error) => {
                self.complaints.push(format!("the object does not open as asked: {error:?}"));
                None
            }
        }
    }

    /// What the receipt says, against what is known of the source and what the store saw.
    fn receipt(&mut self, receipt: &Receipt, heard: &Heard) {
        let Bench { cell, content, .. } = self.bench;
        let parts = if cell.place.is_small() { 1 } else { u32::from(cell.parts()) };
        let sse = cell.sse();
        let checksum = Checksum::of(if cell.is_s3() { Algorithm::Crc64Nvme } else { Algorithm::Crc64Xz }, content);
        let told = receipt.checksum.as_ref().map(|told| told.value.clone());
        self.insist(receipt.size == content.len() as u64 && receipt.parts == parts, || {
            format!("the receipt tells of {} bytes in {} parts", receipt.size, receipt.parts)
        });
        self.insist(told == Some(checksum.to_string()), || format!("the receipt has the checksum {told:?}"));
        let key = (cell.mode == SseMode::Kms).then_some(KMS_KEY);
        let as_asked = receipt.sse.mode == cell.told_mode()
            && receipt.sse.key_md5 == sse.key_md5()
            && receipt.sse.kms_key_id.as_deref().is_none_or(|id| key.is_some_and(|key| id.ends_with(key)))
            && receipt.sse.kms_key_id.is_some() == key.is_some();
        self.insist(as_asked, || format!("the receipt tells of the encryption {:?}", receipt.sse));
        let url = format!("{}://{}/{KEY}", cell.dialect.scheme(), self.bench.emulator.bucket());
        self.insist(receipt.url == url, || format!("the receipt is of {}", receipt.url));
        for proof in &receipt.verified {
            let true_of = proofs::proved(proof, cell, heard);
            self.insist(true_of, || format!("the receipt says {proof:?} of an upload that does not have it"));
        }
        for proof in proofs::due(cell, heard) {
            // A store that keeps no checksums of parts may prove them by refusing wrong ones.
            let same = if proof == "part-checksums" { "part-md5" } else { proof };
            let said = receipt.verified.iter().any(|said| said == proof || said == same);
            self.insist(said, || format!("the receipt does not say {proof:?}, only {:?}", receipt.verified));
        }
        let confirmed = receipt.verified.iter().any(|said| said.starts_with("echo:"));
        self.insist(confirmed || cell.mode == SseMode::None, || "nothing has confirmed the encryption".to_owned());
        // The store does not write down what it never answered; and where the client is in a hurry, a busy machine is
        // trouble enough.
        let trouble = cell.is_silent() || heard.now.iter().any(|request| request.fault.is_some());
        self.insist(receipt.retries == 0 || trouble, || format!("the receipt tells of {} retries", receipt.retries));
        let whole = receipt.verified.iter().any(|proof| proof == "object-checksum");
        let parts = receipt.verified.iter().any(|proof| proof == "part-checksums" || proof == "part-md5");
        self.insist(whole || parts, || "nothing proves the bytes".to_owned());
    }

    async fn failure(&mut self, error: &Error) -> Left {
        let cell = self.bench.cell;
        let text = whole_text(error);
        self.insist(error.kind() != ErrorKind::Internal, || format!("a defect: {error:?}"));
        let operation = error.operation();
        self.insist(may_name(cell.place).contains(&operation), || format!("it names {operation:?}: {error:?}"));
        let part = match cell.place {
            Place::Abort => Some(2),
            place => place.part(cell.parts()),
        };
        let named = error.part().map(sealift::ident::PartNumber::get);
        self.insist(named == part, || format!("it names part {named:?}, not {part:?}: {error:?}"));
        self.insist(!error.is_resumable() || cell.journal, || format!("it cannot be gone on with: {error:?}"));
        let uploads = self.nothing_unnamed(&text).await;
        let object = self.object_exists().await;
        self.insist(!object || text.contains(KEY), || format!("the object is there, and not named: {error:?}"));
        let left = self.left(error, &text, !uploads.is_empty(), object);
        let told = Told { kind: error.kind(), operation, code: error.code(), hint: error.hint().unwrap_or_default() };
        // Who has no journal, and cannot see the object, is told the same as who has one.
        let in_doubt = left == Left::Object && error.is_doubtful();
        self.complaints.extend(remedy::complaint(cell, &told, if in_doubt { Left::Unproved } else { left }));
        left
    }

    fn left(&self, error: &Error, text: &str, alive: bool, object: bool) -> Left {
        let cell = self.bench.cell;
        if text.contains(ORPHAN) {
            Left::Orphan
        } else if text.contains(APPEARS) {
            Left::Perhaps
        } else if error.cleanup().is_some() {
            if cell.place.is_small() { Left::Object } else { Left::Named }
        } else if object {
            if error.is_resumable() { Left::Unproved } else { Left::Object }
        } else if alive && error.is_doubtful() && error.operation() == Some(Operation::Complete) {
            Left::Unknown
        } else if alive && error.is_resumable() {
            Left::Kept
        } else if alive {
            Left::Named
        } else {
            Left::Nothing
        }
    }

    /// Whether an object is under the key, whoever may open it.
    async fn object_exists(&self) -> bool {
        let call = Head { key: self.bench.key(), version_id: None };
        for sse in [self.bench.cell.sse(), SseContext::none(self.bench.cell.dialect)] {
            match self.bench.client.send(&call, &sse).await {
                Err(error) if error.status() == Some(404) => {}
                _ => return true,
            }
        }
        false
    }

    /// Every upload in the store is known to a journal or named; one without parts may be told of without its id.
    async fn nothing_unnamed(&mut self, text: &str) -> Vec<ListedUpload> {
        let plain = SseContext::none(self.bench.cell.dialect);
        let listed = self.bench.client.send(&ListUploads { prefix: String::new(), after: None }, &plain).await;
        let uploads = listed.unwrap().value.uploads;
        let (journalled, initiating) = self.bench.journalled();
        for upload in &uploads {
            let id = upload.upload_id.as_str();
            if journalled.contains(id) || text.contains(id) {
                continue;
            }
            let told = initiating || text.contains(ORPHAN) || text.contains(EARLIER_ORPHAN);
            let call = ListParts { key: self.bench.key(), upload_id: upload.upload_id.clone(), after: None };
            let empty = self.bench.client.send(&call, &self.bench.cell.sse()).await.unwrap().value.parts.is_empty();
            self.insist(told && empty, || format!("the upload {id} is left, and nothing tells of it: {text}"));
        }
        uploads
    }

    /// The same request without the fault comes to a good end.
    async fn second_run(&mut self, uploader: &Uploader, first: &Error, left: Left, heard: Heard) {
        // What the judge has asked in between proves nothing.
        let before = self.bench.emulator.transcript().len();
        let outcome = self.bench.upload(uploader).await;
        let now = self.bench.emulator.transcript().split_off(before);
        // What the first run has heard counts, where this one went on with it.
        let heard = Heard { earlier: [heard.earlier, heard.now].concat(), now };
        match outcome {
            Ok(receipt) => {
                self.object_is_the_source().await;
                self.receipt(&receipt, &heard);
                let again = self.resumed(left);
                self.insist(again.is_none_or(|parts| parts == receipt.resumed_parts), || {
                    format!("the second run goes on with {} parts, not with {again:?}", receipt.resumed_parts)
                });
                let told = format!("{}\n{}", whole_text(first), receipt.warnings.join("\n"));
                let uploads = self.nothing_unnamed(&told).await.len();
                let gone_on = again.is_some() && uploads > 0;
                self.insist(!gone_on, || {
                    format!("{uploads} uploads are left after the second run has gone on with one")
                });
                let kept = self.bench.kept();
                self.insist(kept == 0, || format!("{kept} files are left where journals are, after the second run"));
            }
            Err(error) => self.complaints.push(format!("the second run fails: {error:?}")),
        }
    }

    /// With how many parts the second run has to go on, if it goes on with anything.
    fn resumed(&self, left: Left) -> Option<u32> {
        let parts = self.bench.cell.parts();
        let sent = match (left, self.bench.cell.place) {
            (Left::Unproved, _) | (Left::Kept | Left::Unknown, Place::Complete | Place::DoubtAlive) => parts,
            (Left::Kept, Place::Resume) => 1,
            // All before the one that the fault has struck.
            (Left::Kept, place) => place.part(parts)? - 1,
            _ => return None,
        };
        Some(u32::from(sent))
    }
}

/// The operations that an error may name.
fn may_name(place: Place) -> &'static [Option<Operation>] {
    match place {
        Place::Initiate => &[Some(Operation::Initiate)],
        Place::Probe | Place::First | Place::Middle | Place::Last | Place::Abort => &[Some(Operation::UploadPart)],
        Place::Complete | Place::DoubtAlive => &[Some(Operation::Complete)],
        Place::Head => &[Some(Operation::Head)],
        Place::DoubtMade => &[Some(Operation::Head), Some(Operation::Complete)],
        Place::Resume => &[Some(Operation::ListParts)],
        Place::Get => &[Some(Operation::Get)],
        Place::Put | Place::Delete => &[Some(Operation::Put)],
    }
}

/// All that an error says, with its causes and what failed while it was cleaned up after.
pub(crate) fn whole_text(error: &Error) -> String {
    let mut text = format!("{error}; {}", error.hint().unwrap_or_default());
    let mut cause = error.source();
    while let Some(inner) = cause {
        let _ = write!(text, "\n{inner}");
        cause = inner.source();
    }
    if let Some(cleanup) = error.cleanup() {
        let _ = write!(text, "\n{}", whole_text(cleanup));
    }
    text
}
