//! GET of a whole object into a file or to standard output, proven by size, checksum and echo.
//!
//! It is one stream. When that breaks, the download goes on with a range, under the condition that the object is
//! still the same one. What is expected of the bytes and when to give up is decided in `pull`; where the bytes go is
//! the business of `target`.

mod pull;
mod target;

use std::{
    future::Future,
    path::PathBuf,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use serde::Serialize;
use tokio::{sync::watch, task::JoinHandle, time::Instant};
use tokio_util::sync::CancellationToken;

use self::{pull::Pull, target::Target};
use super::{
    Progress, ReceiptChecksum, ReceiptSse, Stage,
    part::must_confirm,
    throttle::Throttle,
    uploader::{Shared, internal},
};
use crate::{
    checksum::Algorithm,
    error::{Error, ErrorKind, Result},
    ident::{ObjectKey, VersionId},
    operation::Operation,
    sse::{Echo, Reported, SseContext},
    transport::{self, StoreClient},
    wire::{Get, ObjectInfo},
};

/// What to fetch, and where to put it.
///
/// # Examples
/// ```no_run
/// # async fn example(client: sealift::transport::StoreClient) -> sealift::error::Result<()> {
/// use sealift::{
///     dialect::COS,
///     ident::ObjectKey,
///     secret::Secret,
///     sse::{CustomerKey, SseContext},
///     transfer::{DownloadRequest, Uploader, UploaderOptions},
/// };
///
/// let key = CustomerKey::parse(Secret::new(std::fs::read("backup.key").expect("the key is there")))?;
/// let request = DownloadRequest::new(client, ObjectKey::new(COS, "backup.tar")?, "backup.tar")
///     .sse(SseContext::customer(COS, key));
/// let receipt = Uploader::new(UploaderOptions::default())?.download(request).await?;
/// println!("{} bytes, proved by {:?}", receipt.size, receipt.verified);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct DownloadRequest {
    client: StoreClient,
    key: ObjectKey,
    to: Option<PathBuf>,
    sse: SseContext,
    version: Option<VersionId>,
}

impl DownloadRequest {
    /// Fetches an object into a file, new or existing.
    ///
    /// A file is written beside its place and takes it only when all is proved, so that an old file stays until then
    /// and a failure leaves nothing behind. A new file can be read by its owner only; an old one passes its
    /// permissions on.
    pub fn new(client: StoreClient, key: ObjectKey, to: impl Into<PathBuf>) -> Self {
        Self::to(client, key, Some(to.into()))
    }

    /// Fetches an object to the standard output of the process.
    ///
    /// That cannot wait for the proof. If the download fails, discard what came out.
    pub fn to_stdout(client: StoreClient, key: ObjectKey) -> Self {
        Self::to(client, key, None)
    }

    fn to(client: StoreClient, key: ObjectKey, to: Option<PathBuf>) -> Self {
        let sse = SseContext::none(client.dialect());
        Self { client, key, to, sse, version: None }
    }

    /// The encryption that the object must have; without it, any that the store opens by itself is accepted.
    pub fn sse(self, sse: SseContext) -> Self {
        Self { sse, ..self }
    }

    /// Exactly this version; the latest one otherwise.
    pub fn version(self, version: VersionId) -> Self {
        Self { version: Some(version), ..self }
    }
}

/// Starts a download on the threads of an uploader, and keeps them alive until it has ended.
pub(crate) fn start(shared: &Arc<Shared>, request: DownloadRequest) -> Download {
    let (sender, progress) = watch::channel(Progress::default());
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    let alive = Arc::clone(shared);
    let task = shared.spawn(async move {
        let throttle = alive.throttle.clone();
        let result = tokio::select! {
            biased;
            () = stop.cancelled() => Err(Error::new(ErrorKind::Cancelled, "the download was cancelled")),
            result = run(request, throttle, &sender) => result,
        };
        sender.send_modify(|progress| progress.stage = Stage::Done);
        result
    });
    Download { task, progress, cancel }
}

/// A running download; resolves to its receipt.
///
/// # Cancellation
/// Dropping it stops the download and removes what it has written beside the target; that happens on the uploader's
/// threads and needs the process to live a moment longer. A process that is killed leaves a file `.sealift-….part`.
#[derive(Debug)]
#[must_use = "dropping a download stops it"]
pub struct Download {
    task: JoinHandle<Result<DownloadReceipt>>,
    progress: watch::Receiver<Progress>,
    cancel: CancellationToken,
}

impl Download {
    /// The latest snapshot, at most ten times a second: `sent` are the bytes received, and they are `confirmed` once
    /// all is proved.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// Asks to stop: the download removes what it has written, then resolves to an error of kind `Cancelled`.
    pub fn cancel(&self) {
        self.cancel.cancel();
    }
}

impl Future for Download {
    type Output = Result<DownloadReceipt>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.task).poll(cx).map(|ended| ended.unwrap_or_else(|error| Err(internal(&error))))
    }
}

impl Drop for Download {
    fn drop(&mut self) {
        self.cancel.cancel();
    }
}

/// The proof of a download. Field names are a contract: scripts read them.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct DownloadReceipt {
    /// The object's address.
    pub url: String,
    /// Bytes.
    pub size: u64,
    /// CRC-64/XZ of the bytes received, as the unsigned decimal that COS uses; absent where the store has another kind.
    pub crc64: Option<String>,
    /// The checksum that was compared with the store's, by its name.
    pub checksum: Option<ReceiptChecksum>,
    /// The object's entity tag: a version mark, not a digest.
    pub etag: Option<String>,
    /// The object's version, in a bucket that keeps them.
    pub version_id: Option<String>,
    /// The encryption as the store reported it.
    pub sse: ReceiptSse,
    /// From start to end.
    pub seconds: f64,
    /// The checks that were made and passed: `size`, `object-checksum`, and `echo:get` if encryption was asked for.
    pub verified: Vec<String>,
    /// What the user should know although the download succeeded.
    pub warnings: Vec<String>,
}

/// How often a snapshot is taken of the bytes received.
const LOOK_EVERY: Duration = Duration::from_millis(100);

async fn run(
    request: DownloadRequest,
    throttle: Option<Throttle>,
    board: &watch::Sender<Progress>,
) -> Result<DownloadReceipt> {
    let started = Instant::now();
    let source =
        Source { sse: request.sse.for_transfer(), client: request.client, key: request.key, version: request.version };
    let mut target = Target::open(request.to.as_deref())?;

    let (info, echo, mut stream) = source.open(None).await?;
    let reported = source.confirmed(&echo)?;
    let mut pull = Pull::begin(&info);
    board.send_modify(|progress| {
        *progress = Progress { stage: Stage::Sending, total: info.size, parts: 1, in_flight: 1, ..Progress::default() }
    });

    while let Err(broken) = pump(&mut stream, &mut pull, &mut target, throttle.as_ref(), board).await {
        board.send_modify(|progress| progress.sent = pull.received());
        let pause = pull.after_break(broken).map_err(|error| target.warn(error))?;
        board.send_modify(|progress| progress.retries += 1);
        tokio::time::sleep(pause).await;
        let (again, echo, rest) =
            source.open(Some(&pull)).await.map_err(|error| target.warn(Pull::not_resumed(error)))?;
        source.confirmed(&echo).map_err(|error| target.warn(error))?;
        pull.same_object(&again).map_err(|error| target.warn(error))?;
        stream = rest;
    }

    board.send_modify(|progress| {
        progress.stage = Stage::Verifying;
        progress.sent = pull.received();
    });
    let (checksum, compared) = pull.finish().map_err(|error| target.warn(error))?;
    target.finish().await?;
    board.send_modify(|progress| {
        progress.confirmed = progress.sent;
        progress.parts_done = 1;
        progress.in_flight = 0;
    });

    let mut verified = vec!["size".to_owned()];
    let mut warnings = Vec::new();
    if compared {
        verified.push("object-checksum".to_owned());
    } else {
        warnings.push("the store knows no checksum of this object, so only its size could be checked".to_owned());
    }
    if echo.is_confirmed() {
        verified.push("echo:get".to_owned());
    }
    Ok(DownloadReceipt {
        url: source.client.address().url_of(&source.key).to_string(),
        size: info.size,
        crc64: (checksum.algorithm() == Algorithm::Crc64Xz).then(|| checksum.to_string()),
        checksum: compared.then(|| ReceiptChecksum::new(checksum, true)),
        etag: info.etag.map(|etag| etag.to_string()),
        version_id: info.version_id.map(|version| version.to_string()),
        sse: ReceiptSse::new(&source.sse, reported.as_ref()),
        seconds: started.elapsed().as_secs_f64(),
        verified,
        warnings,
    })
}

/// The object that is fetched.
struct Source {
    client: StoreClient,
    key: ObjectKey,
    version: Option<VersionId>,
    sse: SseContext,
}

impl Source {
    /// Asks for all bytes, or for those that are still missing.
    async fn open(&self, rest: Option<&Pull>) -> Result<(ObjectInfo, Echo, transport::ObjectStream)> {
        let call = Get {
            key: self.key.clone(),
            version_id: self.version.clone(),
            range: rest.map(Pull::missing),
            if_match: rest.and_then(|pull| pull.etag().cloned()),
        };
        let (answered, stream) = self.client.get(&call, &self.sse).await?;
        Ok((answered.value, answered.echo, stream))
    }

    /// What the store reported; an object that was asked for as encrypted must be reported so.
    fn confirmed(&self, echo: &Echo) -> Result<Option<Reported>> {
        must_confirm(&self.sse, Operation::Get, echo)?;
        Ok(echo.reported().cloned())
    }
}

/// Moves bytes until none are missing; fails if the stream ends before that, or if the bytes cannot be kept.
async fn pump(
    stream: &mut transport::ObjectStream,
    pull: &mut Pull,
    target: &mut Target,
    throttle: Option<&Throttle>,
    board: &watch::Sender<Progress>,
) -> Result<()> {
    let mut next_look = Instant::now();
    while !pull.is_complete() {
        let bytes = stream.chunk().await?.ok_or_else(|| pull.ended_early())?;
        let len = bytes.len() as u64;
        pull.take(&bytes)?;
        target.write(bytes).await?;
        let now = Instant::now();
        if now >= next_look {
            board.send_modify(|progress| progress.sent = pull.received());
            next_look = now + LOOK_EVERY;
        }
        if let Some(throttle) = throttle {
            tokio::time::sleep(throttle.reserve(len, now)).await;
        }
    }
    Ok(())
}
