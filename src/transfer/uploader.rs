//! The owner of the I/O threads, on which all transfers run.

use std::{fmt, num::NonZeroUsize, pin::Pin, sync::Arc, task::Poll};

use tokio::{runtime::Runtime, sync::watch, task::JoinHandle};

use crate::{
    error::{Error, ErrorKind, Result},
    transfer::{
        Download, DownloadRequest, EndpointProfiles, Progress, Receipt, UploadRequest,
        budget::Budget,
        download, engine,
        frames::FramePool,
        journal::{JournalChoice, MemoryJournal, ResumeToken},
        stop::Stop,
        throttle::Throttle,
    },
};

/// Settings of an [`Uploader`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct UploaderOptions {
    /// Bytes of memory for parts on their way, over all uploads; default 16 MiB. What connections and TLS take comes
    /// on top.
    pub memory: u64,
    /// I/O threads; default as many as there are processors, from 2 to 8.
    pub threads: usize,
    /// Bytes per second over all connections; default no limit.
    pub limit_rate: Option<u64>,
}

impl Default for UploaderOptions {
    fn default() -> Self {
        let processors = std::thread::available_parallelism().map_or(2, NonZeroUsize::get);
        Self { memory: 16 << 20, threads: processors.clamp(2, 8), limit_rate: None }
    }
}

impl UploaderOptions {
    /// Bytes of memory for parts on their way, over all uploads.
    pub fn memory(mut self, bytes: u64) -> Self {
        self.memory = bytes;
        self
    }

    /// The memory that parts really get: whole frames, up to what can be counted.
    #[cfg(feature = "cli")]
    pub(crate) fn room(&self) -> u64 {
        Budget::new(self.memory).bytes()
    }

    /// How many I/O threads.
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Bytes per second over all connections.
    pub fn limit_rate(mut self, bytes_per_second: u64) -> Self {
        self.limit_rate = Some(bytes_per_second);
        self
    }
}

/// Owns the I/O threads and the memory budget. Cheap to clone.
///
/// Reading, checksums and encryption run on its own threads, so that they never block the caller's runtime. When the
/// last clone is gone and the last transfer has ended, the threads end in the background; dropping one is safe anywhere,
/// inside another runtime too.
#[derive(Clone)]
pub struct Uploader(pub(super) Arc<Shared>);

pub(crate) struct Shared {
    /// Taken out when dropped.
    runtime: Option<Runtime>,
    pub(crate) budget: Budget,
    pub(crate) frames: FramePool,
    pub(crate) throttle: Option<Throttle>,
    profiles: EndpointProfiles,
}

impl Uploader {
    /// Starts the I/O threads.
    ///
    /// # Errors
    /// `Config` for a rate limit of 0 or no threads, `Internal` if the system gives no threads.
    #[expect(clippy::needless_pass_by_value, reason = "options are made for one call, and may own more one day")]
    pub fn new(options: UploaderOptions) -> Result<Self> {
        if options.threads == 0 {
            return Err(Error::new(ErrorKind::Config, "transfers cannot run on 0 threads"));
        }
        let throttle = options.limit_rate.map(Throttle::new).transpose()?;
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(options.threads)
            .thread_name("sealift-io")
            .enable_all()
            .build()
            .map_err(|error| Error::new(ErrorKind::Internal, "the I/O threads do not start").caused_by(error))?;
        let budget = Budget::new(options.memory);
        let frames = FramePool::new(budget.frames() as usize);
        Ok(Self(Arc::new(Shared {
            runtime: Some(runtime),
            budget,
            frames,
            throttle,
            profiles: EndpointProfiles::default(),
        })))
    }

    /// Starts an upload; checks come first, as by [`UploadRequest::build`].
    ///
    /// # Cancellation
    /// See [`Upload`].
    pub fn upload(&self, mut request: UploadRequest) -> Upload {
        request.profiles.get_or_insert_with(|| self.0.profiles.clone());
        let (sender, progress) = watch::channel(Progress::default());
        let stop = Stop::default();
        let shared = Arc::clone(&self.0);
        let (journal, asked) = (request.journal.clone(), stop.clone());
        let task = self.0.spawn(async move { engine::run(request, &shared, sender, asked).await });
        Upload { task, progress, journal, stop: Some(stop) }
    }

    /// Goes on with the upload of a token, which another process or another machine with the same file may have begun.
    ///
    /// The request must ask for the same as the one that the token comes from, but for the path of the file: at another
    /// path the parts that have arrived are read and compared first, and with another file nothing is sent and nothing
    /// removed. Later tokens come from
    /// [`Upload::token`]; whoever wants to take them after the end too gives the request a
    /// [`MemoryJournal`] instead.
    ///
    /// # Cancellation
    /// See [`Upload`].
    pub fn resume(&self, request: UploadRequest, token: &ResumeToken) -> Upload {
        self.upload(request.resuming().journal(MemoryJournal::from_token(token)))
    }

    /// Starts a download.
    ///
    /// # Cancellation
    /// See [`Download`].
    pub fn download(&self, request: DownloadRequest) -> Download {
        download::start(&self.0, request)
    }

    /// Runs any work on the I/O threads.
    ///
    /// # Errors
    /// `Internal` if the work panics.
    ///
    /// # Cancellation
    /// Dropping the future stops the work where it waits.
    pub async fn run<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> Result<T> {
        let mut task = AbortOnDrop(self.0.spawn(work));
        std::future::poll_fn(|cx| Pin::new(&mut task.0).poll(cx)).await.map_err(|error| internal(&error))
    }
}

impl fmt::Debug for Uploader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Uploader").field("budget", &self.0.budget).finish_non_exhaustive()
    }
}

impl Shared {
    /// Starts work on the I/O threads; whoever holds the handle owns it.
    pub(crate) fn spawn<T: Send + 'static>(&self, work: impl Future<Output = T> + Send + 'static) -> JoinHandle<T> {
        self.runtime().spawn(work)
    }

    fn runtime(&self) -> &Runtime {
        self.runtime.as_ref().expect("the runtime is there until the last owner is dropped")
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Waiting for threads would panic inside an async context.
            runtime.shutdown_background();
        }
    }
}

struct AbortOnDrop<T>(JoinHandle<T>);

impl<T> Drop for AbortOnDrop<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A running upload; resolves to the receipt.
///
/// # Cancellation
/// Dropping it stops the upload at the next safe point, as [`pause`](Self::pause) does: with a journal it can be gone on
/// with; without one, what it has left in the store is removed. That runs on in the background, on the uploader's
/// threads, and needs the process to live a moment longer. Await the upload after [`pause`](Self::pause) or
/// [`cancel`](Self::cancel) to see the end of it. [`detach`](Self::detach) lets it run on.
///
/// Once the store has been asked to complete the object, there is no way back: the upload ends as if it had not been
/// cancelled. Only if the answer to that gets lost, a cancel ends the search for the outcome: the error then says that
/// it is not known, names the upload, and nothing is removed.
#[derive(Debug)]
#[must_use = "dropping an upload stops it"]
pub struct Upload {
    task: JoinHandle<Result<Receipt>>,
    progress: watch::Receiver<Progress>,
    journal: JournalChoice,
    /// Taken out by `detach`.
    stop: Option<Stop>,
}

impl Upload {
    /// The latest snapshot, again and again, at most ten times a second.
    pub fn progress(&self) -> watch::Receiver<Progress> {
        self.progress.clone()
    }

    /// Asks to stop: the upload is removed from the store, then it resolves to an error of kind `Cancelled`.
    pub fn cancel(&self) {
        if let Some(stop) = &self.stop {
            stop.cancel();
        }
    }

    /// Asks to stop and to keep what has arrived: then it resolves to an error of kind `Cancelled` that
    /// [is resumable](Error::is_resumable), and the same request goes on from there. An upload without a journal is
    /// removed, as by [`cancel`](Self::cancel).
    pub fn pause(&self) {
        if let Some(stop) = &self.stop {
            stop.pause();
        }
    }

    /// All that is needed to go on with the upload from here, if its journal is a [`MemoryJournal`].
    pub fn token(&self) -> Option<ResumeToken> {
        self.journal.token()
    }

    /// Lets the upload run on by itself.
    pub fn detach(mut self) {
        self.stop = None;
    }
}

impl Future for Upload {
    type Output = Result<Receipt>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut std::task::Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.task).poll(cx).map(|ended| ended.unwrap_or_else(|error| Err(internal(&error))))
    }
}

impl Drop for Upload {
    fn drop(&mut self) {
        self.pause();
    }
}

/// The error for a task that did not come to its end.
pub(crate) fn internal(error: &tokio::task::JoinError) -> Error {
    let what = if error.is_panic() { "a task panicked" } else { "a task was stopped from outside" };
    Error::new(ErrorKind::Internal, what).with_hint("this is a defect of sealift; please report it")
}

/// The frames that one part has out at once when there is plenty. A second one was measured to bring neither speed nor
/// processor time: the next frame is read by the same task, and the system's own buffers keep the line busy meanwhile.
pub(crate) const FRAMES_PER_PART: u32 = 1;
