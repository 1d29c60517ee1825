//! What to upload, where to and how; and the checks that need no store.

use std::{io::Read, path::PathBuf, sync::Arc};

use tokio::io::AsyncRead;

use crate::{
    error::{Error, ErrorKind, Result},
    ident::ObjectKey,
    sse::SseContext,
    transfer::{
        ChecksumChoice, EndpointProfiles, Plan, StreamPlan,
        feed::{Feed, Stream},
        integrity::{Assurance, Integrity},
        journal::JournalChoice,
        source::FileSource,
    },
    transport::StoreClient,
    wire::ObjectProperties,
};

/// How many parts go at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Concurrency {
    /// Found by measuring: from 16 it grows while that pays, up to 64, and it shrinks when the store asks for less.
    #[default]
    Auto,
    /// Exactly this many.
    Fixed(u16),
}

/// What to do about an object that is there already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Clobber {
    /// Replace it.
    #[default]
    Replace,
    /// Refuse, and fail where the store cannot enforce that.
    ///
    /// The key is looked at first, and the condition is sent along. COS ignores the condition in a bucket that keeps
    /// versions, and nothing tells so before the object is there: only then the answer carries a version. Such an
    /// upload fails although nothing was lost; a small object that was made by it is removed again.
    Never,
    /// Refuse as well as the store can: where it ignores the condition, a warning says so.
    NeverBestEffort,
}

/// What to do about a file that changes while it is being uploaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnChange {
    /// Fail.
    #[default]
    Fail,
    /// Begin again with the file as it is then, at most three times: a file that is written to all the time fails.
    Restart,
}

/// What to upload, where to, how.
#[derive(Clone, Debug)]
#[must_use]
pub struct UploadRequest {
    pub(crate) client: StoreClient,
    pub(crate) key: ObjectKey,
    origin: Origin,
    pub(crate) sse: SseContext,
    pub(crate) part_size: Option<u64>,
    pub(crate) concurrency: Concurrency,
    pub(crate) properties: ObjectProperties,
    pub(crate) content_md5: bool,
    pub(crate) checksum: ChecksumChoice,
    pub(crate) profiles: Option<EndpointProfiles>,
    pub(crate) clobber: Clobber,
    pub(crate) on_change: OnChange,
    pub(crate) journal: JournalChoice,
    pub(crate) restart: bool,
    /// Whether it goes on where a token was taken.
    resumes: bool,
}

/// What a request names as its source.
#[derive(Clone, Debug)]
enum Origin {
    File {
        path: PathBuf,
        /// If an earlier check has opened it.
        opened: Option<Arc<FileSource>>,
    },
    Stream(Stream),
}

impl UploadRequest {
    /// A file to a key, without encryption and with defaults for everything else.
    pub fn new(client: StoreClient, key: ObjectKey, source: impl Into<PathBuf>) -> Self {
        Self::of(client, key, Origin::File { path: source.into(), opened: None })
    }

    /// A stream of any length to a key, without encryption and with defaults for everything else.
    ///
    /// The stream is read once, up to its end, by the uploader's own threads. Each part is held in memory until the
    /// store has proved it, so parts are no larger than the
    /// [memory of the uploader](crate::transfer::UploaderOptions::memory) allows; and they grow, because a store takes
    /// 10,000 of them. [`StreamPlan`] tells how, and which stream is the longest that fits; a longer one fails with
    /// `Config` when it gets there. A stream that ends within its first part is sent by a single PUT.
    ///
    /// Clones of the request share the stream: one upload takes it, and any other fails with `Config`. An upload of a
    /// stream cannot be gone on with, because what was read is gone: whatever stops it, it is removed from the store.
    /// So [`OnChange::Restart`] and [`Uploader::resume`](crate::transfer::Uploader::resume) are refused. A
    /// [`journal`](Self::journal) is worth having all the same: if the process is killed, it is the record of what is
    /// left in the store, and the next stream to the same key removes that first.
    ///
    /// **The end of the stream is taken for its whole.** A producer that dies midway must make the reader fail, and not
    /// end; then nothing is made.
    ///
    /// # Examples
    /// ```no_run
    /// # async fn example(client: sealift::StoreClient) -> Result<(), Box<dyn std::error::Error>> {
    /// use sealift::{UploadRequest, Uploader, dialect::COS, ident::ObjectKey, transfer::UploaderOptions};
    ///
    /// let connection = tokio::net::TcpStream::connect("127.0.0.1:9000").await?;
    /// let key = ObjectKey::new(COS, "recording.raw")?;
    /// let uploader = Uploader::new(UploaderOptions::default().memory(112 << 20))?;
    /// let receipt = uploader.upload(UploadRequest::from_stream(client, key, connection)).await?;
    /// println!("{} bytes in {} parts", receipt.size, receipt.parts);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Cancellation
    /// See [`Upload`](crate::transfer::Upload). While nothing comes from the stream, a wish to stop is heard at once.
    pub fn from_stream(client: StoreClient, key: ObjectKey, stream: impl AsyncRead + Send + Unpin + 'static) -> Self {
        Self::of(client, key, Origin::Stream(Stream::new(Feed::Async(Box::new(stream)))))
    }

    /// The same for a reader that blocks, such as a pipe, a compressor or an archive that is being made.
    ///
    /// It is read on a thread that may block, a part at a time.
    ///
    /// # Cancellation
    /// As for [`from_stream`](Self::from_stream); but nobody can interrupt a read that blocks. The upload ends without
    /// it, and the thread, with the room of the part that it was reading, when the read returns.
    pub fn from_reader(client: StoreClient, key: ObjectKey, reader: impl Read + Send + 'static) -> Self {
        Self::of(client, key, Origin::Stream(Stream::new(Feed::Blocking(Box::new(reader)))))
    }

    fn of(client: StoreClient, key: ObjectKey, origin: Origin) -> Self {
        let sse = SseContext::none(client.dialect());
        Self {
            client,
            key,
            origin,
            sse,
            part_size: None,
            concurrency: Concurrency::default(),
            properties: ObjectProperties::default(),
            content_md5: false,
            checksum: ChecksumChoice::default(),
            profiles: None,
            clobber: Clobber::default(),
            on_change: OnChange::default(),
            journal: JournalChoice::none(),
            restart: false,
            resumes: false,
        }
    }

    /// The encryption; default none.
    pub fn sse(mut self, sse: SseContext) -> Self {
        self.sse = sse;
        self
    }

    /// Bytes per part; default chosen from the file's size. A stream has parts of exactly this size then, which do not
    /// grow.
    pub fn part_size(mut self, bytes: u64) -> Self {
        self.part_size = Some(bytes);
        self
    }

    /// How many parts go at once; default [`Concurrency::Auto`]. Of a stream no more than fit into the memory.
    pub fn concurrency(mut self, concurrency: Concurrency) -> Self {
        self.concurrency = concurrency;
        self
    }

    /// What the store keeps beside the bytes: type, class, metadata, tags.
    pub fn properties(mut self, properties: ObjectProperties) -> Self {
        self.properties = properties;
        self
    }

    /// Whether every part carries its Content-MD5; default no, because a file is read once more for that.
    pub fn content_md5(mut self, on: bool) -> Self {
        self.content_md5 = on;
        self
    }

    /// By which checksum the upload is proved; default [`ChecksumChoice::Auto`].
    pub fn checksum(mut self, choice: ChecksumChoice) -> Self {
        self.checksum = choice;
        self
    }

    /// What was found out about endpoints; default what uploads of the same uploader have found out.
    pub fn profiles(mut self, profiles: EndpointProfiles) -> Self {
        self.profiles = Some(profiles);
        self
    }

    /// What to do about an object that is there already; default [`Clobber::Replace`].
    pub fn clobber(mut self, clobber: Clobber) -> Self {
        self.clobber = clobber;
        self
    }

    /// What to do about a file that changes under way; default [`OnChange::Fail`].
    pub fn on_change(mut self, on_change: OnChange) -> Self {
        self.on_change = on_change;
        self
    }

    /// Where the upload keeps its journal, such as a [`StateDir`](crate::transfer::journal::StateDir); default nowhere.
    ///
    /// With one, the same request goes on where an earlier run has ended, however that ended. Of a stream it says only
    /// what is left in the store.
    pub fn journal(mut self, journal: impl Into<JournalChoice>) -> Self {
        self.journal = journal.into();
        self
    }

    /// Whether an unfinished upload of this file to this key is removed, and a new one begun; default no.
    pub fn restart(mut self, on: bool) -> Self {
        self.restart = on;
        self
    }

    /// The same request for the file that its path leads to by now. What was to be removed is.
    pub(crate) fn reopened(mut self) -> Self {
        if let Origin::File { opened, .. } = &mut self.origin {
            *opened = None;
        }
        Self { restart: false, ..self }
    }

    /// The same request to go on where a token was taken.
    pub(crate) fn resuming(self) -> Self {
        Self { resumes: true, ..self }
    }

    /// Checks everything that can be checked before the first call: file, plan, properties.
    ///
    /// Blocks: a file is opened, and what was written to it just before is brought to the disk, which can take as long as
    /// that takes. On an asynchronous runtime call it where blocking is allowed.
    ///
    /// # Errors
    /// `Source` if the file cannot be read, `Config` if the request is impossible.
    pub fn build(mut self) -> Result<PreparedUpload> {
        if self.concurrency == Concurrency::Fixed(0) {
            return Err(Error::new(ErrorKind::Config, "no part can be sent with a concurrency of 0"));
        }
        let dialect = self.client.dialect();
        self.sse.must_be_for(dialect)?;
        let nonce = nonce()?;
        let properties = ObjectProperties { nonce: Some(nonce.clone()), ..self.properties.clone() };
        properties.check(dialect)?;
        let integrity = self.integrity()?;
        let opened = match &mut self.origin {
            Origin::File { path, opened } => {
                let file = match opened {
                    Some(file) => Arc::clone(file),
                    None => Arc::clone(opened.insert(Arc::new(FileSource::open(path)?))),
                };
                let plan = Plan::new(file.size(), self.part_size, dialect.limits())?;
                let provable = Assurance::from(integrity).proves_put(plan.size);
                let plan = if plan.single && !provable { plan.in_parts(dialect.limits()) } else { plan };
                Opened::File(file, plan)
            }
            Origin::Stream(stream) => {
                let stream = stream.clone();
                self.check_stream(&stream)?;
                Opened::Stream(stream)
            }
        };
        Ok(PreparedUpload { request: self, opened, integrity, properties, nonce })
    }

    /// How the bytes are proved, by what is known of the store.
    fn integrity(&self) -> Result<Integrity> {
        let now = self.client.clock().unix_seconds();
        Integrity::new(self.client.address(), self.checksum, self.profiles.as_ref(), now)
    }

    /// Refuses what needs a source that can be read again.
    fn check_stream(&self, stream: &Stream) -> Result<()> {
        let refused = |what: &str| {
            Err(Error::new(
                ErrorKind::Config,
                format!("an upload of a stream cannot {what}: what was read of it is gone"),
            )
            .with_hint("do not ask for that, or keep the stream in a file first (--spool DIR)"))
        };
        if self.on_change == OnChange::Restart {
            return refused("begin again by itself");
        }
        if self.resumes {
            return refused("be gone on with");
        }
        // How much memory there is the uploader knows; what the store does not take is known here.
        StreamPlan::new(u64::MAX, self.part_size, self.client.dialect().limits())?;
        stream.check()
    }
}

/// A source that is ready to be read.
#[derive(Clone, Debug)]
pub(crate) enum Opened {
    File(Arc<FileSource>, Plan),
    /// How it becomes parts depends on the memory of the uploader.
    Stream(Stream),
}

/// A request that was checked, with its plan.
#[derive(Debug)]
pub struct PreparedUpload {
    pub(crate) request: UploadRequest,
    pub(crate) opened: Opened,
    pub(crate) integrity: Integrity,
    /// The request's own and the mark of this upload.
    pub(crate) properties: ObjectProperties,
    pub(crate) nonce: String,
}

impl PreparedUpload {
    /// How the file becomes parts; `None` for a stream, of which [`StreamPlan`] tells.
    pub fn plan(&self) -> Option<&Plan> {
        match &self.opened {
            Opened::File(_, plan) => Some(plan),
            Opened::Stream(_) => None,
        }
    }
}

impl From<PreparedUpload> for UploadRequest {
    /// The request again; it keeps the file open, so that what was checked is what will be sent.
    fn from(prepared: PreparedUpload) -> Self {
        prepared.request
    }
}

/// 128 random bits in hexadecimal.
fn nonce() -> Result<String> {
    let mut bits = [0; 16];
    getrandom::fill(&mut bits)
        .map_err(|error| Error::new(ErrorKind::Internal, "the system gives no random bytes").caused_by(error))?;
    Ok(format!("{:032x}", u128::from_be_bytes(bits)))
}
