//! What to upload, where to and how; and the checks that need no store.

use std::{path::PathBuf, sync::Arc};

use crate::{
    error::{Error, ErrorKind, Result},
    ident::ObjectKey,
    sse::SseContext,
    transfer::{Plan, journal::JournalChoice, source::FileSource},
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
    pub(crate) source: PathBuf,
    pub(crate) sse: SseContext,
    pub(crate) part_size: Option<u64>,
    pub(crate) concurrency: Concurrency,
    pub(crate) properties: ObjectProperties,
    pub(crate) content_md5: bool,
    pub(crate) clobber: Clobber,
    pub(crate) on_change: OnChange,
    pub(crate) journal: JournalChoice,
    pub(crate) restart: bool,
    /// The file, if an earlier check has opened it.
    opened: Option<Arc<FileSource>>,
}

impl UploadRequest {
    /// A file to a key, without encryption and with defaults for everything else.
    pub fn new(client: StoreClient, key: ObjectKey, source: impl Into<PathBuf>) -> Self {
        let sse = SseContext::none(client.dialect());
        Self {
            client,
            key,
            source: source.into(),
            sse,
            part_size: None,
            concurrency: Concurrency::default(),
            properties: ObjectProperties::default(),
            content_md5: false,
            clobber: Clobber::default(),
            on_change: OnChange::default(),
            journal: JournalChoice::none(),
            restart: false,
            opened: None,
        }
    }

    /// The encryption; default none.
    pub fn sse(mut self, sse: SseContext) -> Self {
        self.sse = sse;
        self
    }

    /// Bytes per part; default chosen from the file's size.
    pub fn part_size(mut self, bytes: u64) -> Self {
        self.part_size = Some(bytes);
        self
    }

    /// How many parts go at once; default [`Concurrency::Auto`].
    pub fn concurrency(mut self, concurrency: Concurrency) -> Self {
        self.concurrency = concurrency;
        self
    }

    /// What the store keeps beside the bytes: type, class, metadata, tags.
    pub fn properties(mut self, properties: ObjectProperties) -> Self {
        self.properties = properties;
        self
    }

    /// Whether every part carries its Content-MD5; default no, because it is read once more for that.
    pub fn content_md5(mut self, on: bool) -> Self {
        self.content_md5 = on;
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
    /// With one, the same request goes on where an earlier run has ended, however that ended.
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
    pub(crate) fn reopened(self) -> Self {
        Self { opened: None, restart: false, ..self }
    }

    /// Checks everything that can be checked before the first call: file, plan, properties.
    ///
    /// # Errors
    /// `Source` if the file cannot be read, `Config` if the request is impossible.
    pub fn build(self) -> Result<PreparedUpload> {
        if self.concurrency == Concurrency::Fixed(0) {
            return Err(Error::new(ErrorKind::Config, "no part can be sent with a concurrency of 0"));
        }
        let dialect = self.client.dialect();
        let nonce = nonce()?;
        let properties = ObjectProperties { nonce: Some(nonce.clone()), ..self.properties.clone() };
        properties.check(dialect)?;
        let source = match &self.opened {
            Some(source) => Arc::clone(source),
            None => Arc::new(FileSource::open(&self.source)?),
        };
        let plan = Plan::new(source.size(), self.part_size, dialect.limits())?;
        Ok(PreparedUpload {
            request: Self { opened: Some(Arc::clone(&source)), ..self },
            source,
            plan,
            properties,
            nonce,
        })
    }
}

/// A request that was checked, with its plan.
#[derive(Debug)]
pub struct PreparedUpload {
    pub(crate) request: UploadRequest,
    pub(crate) source: Arc<FileSource>,
    pub(crate) plan: Plan,
    /// The request's own and the mark of this upload.
    pub(crate) properties: ObjectProperties,
    pub(crate) nonce: String,
}

impl PreparedUpload {
    /// How the file becomes parts.
    pub fn plan(&self) -> &Plan {
        &self.plan
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
