//! Everything that one upload knows about itself from beginning to end.

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::sync::watch;

use crate::{
    checksum::{Algorithm, Checksum},
    error::{Error, Result},
    ident::{ETag, ObjectKey, UploadId, VersionId},
    operation::Operation,
    sse::SseContext,
    transfer::{
        Clobber, Concurrency, EndpointProfiles, Plan, Progress, ProvedBy, Receipt, ReceiptChecksum, ReceiptSse, Span,
        StreamPlan, UploadRequest,
        body::{Meter, PartBody, Supply},
        budget::{Budget, Room},
        frames::FramePool,
        integrity::{Assurance, Integrity},
        journal::{self, JournalChoice, Target},
        ledger::Ledger,
        progress::Board,
        receipt::EchoLog,
        request::Opened,
        reread::Reader,
        source::Source,
        stop::Stop,
        throttle::Throttle,
        uploader::Shared,
    },
    transport::{Answered, StoreClient, Unjudged},
    wire::{Call, ObjectInfo, ObjectProperties},
};

/// How long a call that makes something in the store may go on after a cancel, so that what it made gets known.
const GRACE: Duration = Duration::from_secs(5);

/// One upload.
#[derive(Debug)]
pub(crate) struct Job {
    pub(crate) client: StoreClient,
    pub(crate) sse: SseContext,
    pub(crate) key: ObjectKey,
    /// With the mark of this upload.
    pub(crate) properties: ObjectProperties,
    pub(crate) nonce: String,
    pub(crate) content_md5: bool,
    /// Of the checksums that are compared with the store's.
    pub(crate) algorithm: Algorithm,
    /// What they are worth.
    pub(crate) assurance: Assurance,
    profiles: EndpointProfiles,
    pub(crate) clobber: Clobber,
    pub(crate) concurrency: Concurrency,
    pub(crate) source: Source,
    /// Of a file. A stream's parts are known only when they are read: here it has none, and the size of its first.
    pub(crate) plan: Plan,
    pub(crate) budget: Budget,
    pub(crate) frames: FramePool,
    pub(crate) throttle: Option<Throttle>,
    pub(crate) meter: Arc<Meter>,
    pub(crate) board: Board,
    pub(crate) stop: Stop,
    /// What a journal is compared with.
    pub(crate) wish: Wish,
    started: Instant,
    /// Calls of this upload that were sent again so far; its client serves others too.
    resent: AtomicU64,
}

/// What the user asked for, as far as an earlier upload is compared with it.
#[derive(Debug)]
pub(crate) struct Wish {
    pub(crate) journal: JournalChoice,
    pub(crate) restart: bool,
    /// Without the mark of this upload.
    pub(crate) properties: ObjectProperties,
    pub(crate) part_size: Option<u64>,
}

/// How much was sent, and in what parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Extent {
    pub(crate) size: u64,
    pub(crate) parts: u32,
    /// Bytes of the largest part.
    pub(crate) part_size: u64,
}

impl From<&Plan> for Extent {
    fn from(plan: &Plan) -> Self {
        Self { size: plan.size, parts: plan.parts, part_size: plan.part_size }
    }
}

/// What is proved of the finished object.
#[derive(Debug)]
pub(crate) struct Proof {
    pub(crate) extent: Extent,
    pub(crate) etag: ETag,
    pub(crate) version_id: Option<VersionId>,
    pub(crate) checksum: Checksum,
    /// Whether the store's checksum of the whole object was compared, or only those of its parts.
    pub(crate) of_whole: bool,
    pub(crate) upload_id: Option<UploadId>,
    pub(crate) echoes: EchoLog,
    pub(crate) verified: Vec<&'static str>,
    pub(crate) warnings: Vec<String>,
}

impl Job {
    /// Checks the request and opens its file, or plans its stream.
    pub(crate) fn new(
        request: UploadRequest,
        shared: &Shared,
        progress: watch::Sender<Progress>,
        stop: Stop,
    ) -> Result<Self> {
        let prepared = request.build()?;
        let request = prepared.request;
        let (source, plan) = match prepared.opened {
            Opened::File(file, plan) => (Source::File(file), plan),
            Opened::Stream(stream) => {
                let limits = request.client.dialect().limits();
                let plan = StreamPlan::new(shared.budget.bytes(), request.part_size, limits)?;
                let none = Plan { size: 0, part_size: plan.first_part, parts: 0, single: false };
                (Source::Stream { stream, plan }, none)
            }
        };
        let meter = Arc::new(Meter::default());
        let Integrity { algorithm, .. } = prepared.integrity;
        let job = Self {
            client: request.client,
            sse: request.sse.for_transfer(),
            key: request.key,
            properties: prepared.properties,
            nonce: prepared.nonce,
            content_md5: request.content_md5,
            algorithm,
            assurance: prepared.integrity.into(),
            profiles: request.profiles.unwrap_or_default(),
            clobber: request.clobber,
            concurrency: request.concurrency,
            source,
            plan,
            budget: shared.budget.clone(),
            frames: shared.frames.clone(),
            throttle: shared.throttle.clone(),
            board: Board::new(progress, Arc::clone(&meter)),
            meter,
            stop,
            wish: Wish {
                journal: request.journal,
                restart: request.restart,
                properties: request.properties,
                part_size: request.part_size,
            },
            started: Instant::now(),
            resent: AtomicU64::new(0),
        };
        job.show_plan();
        Ok(job)
    }

    /// Publishes the plan.
    pub(crate) fn show_plan(&self) {
        self.board.update(|progress| {
            progress.total = self.plan.size;
            progress.parts = self.plan.parts;
            if let Source::Stream { plan, .. } = &self.source {
                progress.open = true;
                progress.longest = Some(plan.longest);
            }
        });
    }

    /// The object as users write it.
    pub(crate) fn object(&self) -> String {
        self.client.address().url_of(&self.key).to_string()
    }

    /// The same, with its version where it has one.
    pub(crate) fn object_at(&self, version: Option<&VersionId>) -> String {
        match version {
            Some(version) => format!("{} (version {version})", self.object()),
            None => self.object(),
        }
    }

    /// The same as a journal knows it.
    pub(crate) fn target(&self) -> Target {
        Target::new(self.client.address(), &self.key)
    }

    /// Whether the store is told to keep an object that is there.
    pub(crate) fn forbids_overwrite(&self) -> bool {
        self.clobber != Clobber::Replace
    }

    /// The version of an answer, where it means that the store has ignored the condition.
    pub(crate) fn unenforced<'a>(&self, version: Option<&'a VersionId>) -> Option<&'a VersionId> {
        version.filter(|_| !self.client.dialect().names().forbid_overwrite.despite_versions)
    }

    /// Whether the store is documented to bind a DELETE to an object's tag.
    pub(crate) fn deletes_if_match(&self) -> bool {
        self.assurance.is_documented() && self.client.dialect().names().deletes_if_match
    }

    /// Notes how the store proves bytes.
    pub(crate) fn found(&self, proof: ProvedBy) {
        self.assurance.found(proof);
        if let Some(kind) = self.assurance.kind(self.algorithm) {
            self.profiles.note(self.client.address(), kind, proof, self.client.clock().unix_seconds());
        }
    }

    /// Drops what is known of how the store proves bytes, so that the next upload finds it out; says whether there could be
    /// anything.
    pub(crate) fn forget(&self) -> bool {
        if self.assurance.is_documented() {
            return false;
        }
        self.profiles.forget(self.client.address(), self.assurance.kind_before(self.algorithm));
        true
    }

    /// The store's name for the permission that a call needs.
    pub(crate) fn permission(&self, operation: Operation) -> &'static str {
        self.client.dialect().permission(operation)
    }

    /// How much was sent: of a file what was planned, of a stream what came.
    pub(crate) fn extent(&self, ledger: &Ledger) -> Extent {
        match &self.source {
            Source::File(_) => Extent::from(&self.plan),
            Source::Stream { .. } => {
                Extent { size: ledger.confirmed(), parts: ledger.done(), part_size: ledger.largest() }
            }
        }
    }

    /// The bytes of a part as a body.
    pub(crate) fn body(&self, supply: Supply) -> Arc<PartBody> {
        Arc::new(PartBody::new(supply, self.throttle.clone(), Arc::clone(&self.meter), self.algorithm))
    }

    /// A stretch of a file.
    pub(crate) fn stretch(&self, span: &Span, room: Room) -> Result<Supply> {
        let (source, frames) = (Arc::clone(self.source.file()?), self.frames.clone());
        Ok(Supply::File { source, offset: span.offset, len: span.len, frames, room })
    }

    /// For reading a file once more.
    pub(crate) fn reader(&self) -> Result<Reader> {
        let source = Arc::clone(self.source.file()?);
        Ok(Reader { source, frames: self.frames.clone(), stop: self.stop.clone(), algorithm: self.algorithm })
    }

    /// The path by which a journal knows the source.
    pub(crate) fn origin(&self) -> Result<PathBuf> {
        match &self.source {
            Source::File(file) => journal::absolute(file.path()),
            Source::Stream { .. } => Ok(journal::STREAM.into()),
        }
    }

    /// Whether this object was made by this upload.
    pub(crate) fn made(&self, object: &ObjectInfo) -> bool {
        object.nonce() == Some(self.nonce.as_str())
    }

    /// Calls that were sent again so far.
    pub(crate) fn retries(&self) -> u64 {
        self.resent.load(Ordering::Relaxed)
    }

    /// Sends a call under this encryption and counts how often it had to be sent again.
    pub(crate) async fn send_as<C: Call>(&self, call: &C, sse: &SseContext) -> Result<Answered<C::Answer>> {
        let outcome = self.client.send(call, sse).await;
        self.count(outcome.as_ref().map(|answer| answer.attempts));
        outcome
    }

    /// The same under the encryption of this upload.
    pub(crate) async fn send<C: Call>(&self, call: &C) -> Result<Answered<C::Answer>> {
        self.send_as(call, &self.sse).await
    }

    /// The same; a contradiction comes beside the answer.
    pub(crate) async fn send_unjudged<C: Call>(&self, call: &C) -> Result<Unjudged<C::Answer>> {
        let outcome = self.client.send_unjudged(call, &self.sse).await;
        self.count(outcome.as_ref().map(|answer| answer.attempts));
        outcome
    }

    fn count(&self, outcome: Result<u32, &Error>) {
        let attempts = outcome.unwrap_or_else(|error| error.attempts().unwrap_or(1));
        self.resent.fetch_add(u64::from(attempts.saturating_sub(1)), Ordering::Relaxed);
    }

    /// Waits for work that may be dropped at any time, unless the upload is cancelled.
    pub(crate) async fn unless_cancelled<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            biased;
            () = self.stop.asked() => Err(self.stop.error()),
            done = work => done,
        }
    }

    /// Waits for a call that makes something in the store: after a cancel it may still go on for a moment.
    pub(crate) async fn with_grace<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        tokio::select! {
            done = call => done,
            () = async {
                self.stop.asked().await;
                tokio::time::sleep(GRACE).await;
            } => Err(self.stop.error()),
        }
    }

    /// What the proof has cost.
    fn cost(&self) -> Option<String> {
        let proof = self.assurance.proof().filter(|proof| proof.reads_twice() && !self.source.is_stream())?;
        Some(format!("the file was read twice, because all that proves its bytes here is that {proof}"))
    }

    /// The receipt of an upload that is proved.
    pub(crate) fn receipt(&self, proof: Proof) -> Receipt {
        let checksum = proof.checksum;
        let verified = proof.verified.iter().map(|&name| name.to_owned()).chain(proof.echoes.verified()).collect();
        Receipt {
            url: self.object(),
            size: proof.extent.size,
            crc64: (checksum.algorithm() == Algorithm::Crc64Xz).then(|| checksum.to_string()),
            checksum: Some(ReceiptChecksum::new(checksum, proof.of_whole)),
            etag: proof.etag.as_str().to_owned(),
            version_id: proof.version_id.map(|version| version.as_str().to_owned()),
            parts: proof.extent.parts,
            part_size: proof.extent.part_size,
            upload_id: proof.upload_id.map(|id| id.as_str().to_owned()),
            sse: ReceiptSse::new(&self.sse, proof.echoes.reported()),
            resumed_parts: self.board.resumed_parts(),
            sent_bytes: self.meter.gross(),
            retries: self.retries(),
            seconds: self.started.elapsed().as_secs_f64(),
            verified,
            warnings: self.board.notes().into_iter().chain(proof.warnings).chain(self.cost()).collect(),
        }
    }
}
