//! The unfinished uploads that an address means, as the store lists them.

use std::time::{Duration, UNIX_EPOCH};

use futures::{StreamExt as _, TryStreamExt as _, stream};

use super::journals::Journals;
use crate::{
    error::{Error, ErrorKind, Result},
    ident::{ObjectKey, ObjectUrl, UploadId},
    sse::SseContext,
    transfer::journal::{StateDir, Target},
    transport::StoreClient,
    wire::{Address, ListParts, ListUploads, ListedUpload, is_upload_gone},
};

/// Which keys an address means.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    pub(super) url: ObjectUrl,
    /// See [`Target::realm`].
    realm: Option<String>,
    /// Whether it means all keys that begin so, and not one exact key.
    open: bool,
}

impl Scope {
    /// What an address means at the store of a bucket.
    pub(super) fn new(url: ObjectUrl, bucket: &Address) -> Result<Self> {
        let open = url.path.is_empty() || url.path.ends_with('/');
        if !open {
            url.key()?;
        }
        let realm = bucket.dialect().realm(bucket.store()).map(str::to_owned);
        Ok(Self { url, realm, open })
    }

    /// The key, if the address means exactly one.
    pub(super) fn key(&self) -> Option<ObjectKey> {
        if self.open { None } else { self.url.key().ok() }
    }

    /// Whether the target of a journal is in this scope.
    pub(super) fn means(&self, target: &Target) -> bool {
        self.realm == target.realm && self.reads_like(target)
    }

    /// Whether it would be if this store were its.
    pub(super) fn reads_like(&self, target: &Target) -> bool {
        let ObjectUrl { dialect, bucket, .. } = &self.url;
        target.store == dialect.scheme() && target.bucket == bucket.as_str() && self.holds(&target.key)
    }

    fn holds(&self, key: &str) -> bool {
        if self.open { key.starts_with(&self.url.path) } else { key == self.url.path }
    }

    /// Whether no further page can hold anything: keys come in the order of their bytes.
    fn is_past(&self, key: &str) -> bool {
        !self.open && key > self.url.path.as_str()
    }

    /// The address of a key in this bucket.
    pub(super) fn url_of(&self, key: &str) -> String {
        self.url.with_path(key).to_string()
    }
}

/// An unfinished upload.
#[derive(Clone, Debug)]
pub(super) struct Open {
    pub(super) upload: ListedUpload,
    /// Its parts, if the store lets us list them.
    pub(super) content: Option<Content>,
    /// Whether they were listed with the customer key that was given.
    pub(super) under_key: bool,
}

/// What an upload holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Content {
    pub(super) parts: u64,
    pub(super) bytes: u64,
}

impl Open {
    /// When it was begun, in seconds since 1970; `None` if the store writes it in no known form.
    pub(super) fn began(&self) -> Option<u64> {
        let began = humantime::parse_rfc3339(&self.upload.initiated).ok()?;
        Some(began.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs())
    }

    /// How old it is when the store's clock says `now`; an upload from the future is new.
    pub(super) fn age(&self, now: u64) -> Option<Duration> {
        self.began().map(|began| Duration::from_secs(now.saturating_sub(began)))
    }
}

/// All that is unfinished, in the store and here.
#[derive(Debug)]
pub(super) struct Survey {
    pub(super) uploads: Vec<Open>,
    pub(super) journals: Journals,
    /// Places in `journals.known` of those whose upload is not in the store.
    pub(super) left: Vec<usize>,
    /// Whether the store had more than was asked for.
    pub(super) cut: bool,
    /// Why the parts of some upload could not be listed, for a reader.
    pub(super) silent: Option<String>,
    /// Whether a customer key, or another one, may be what is missing for that.
    pub(super) wants_key: bool,
}

/// No more pages than this are asked for: 20,000 uploads where a page has 1000, and an end where a store has none.
const PAGES: usize = 20;

/// How many uploads' parts are asked for at once.
const AT_ONCE: usize = 8;

impl Survey {
    /// Asks the store, then the journals. One upload of one key is asked for by itself: not everybody may list a bucket.
    ///
    /// # Cancellation
    /// Nothing is changed anywhere.
    pub(super) async fn take(
        client: StoreClient,
        sse: SseContext,
        scope: Scope,
        dir: Option<StateDir>,
        only: Option<UploadId>,
    ) -> Result<Self> {
        let named = scope.key().zip(only).map(|(key, upload_id)| {
            let key = key.as_str().to_owned();
            ListedUpload { key, upload_id, initiated: String::new(), storage_class: None }
        });
        let is_listed = named.is_none();
        let (listed, cut) = match named {
            Some(upload) => (vec![upload], false),
            None => list(&client, &scope).await?,
        };
        let journals = read(dir, scope).await?;
        let (mut silent, mut wants_key) = (None, false);
        let counted = stream::iter(listed).map(|upload| count(&client, &sse, upload)).buffered(AT_ONCE);
        let mut uploads: Vec<Open> = Vec::new();
        for (open, why) in counted.try_collect::<Vec<_>>().await? {
            // What the store lists is never hidden: it may only be that its list writes the key in another way.
            if is_listed || !why.as_ref().is_some_and(is_upload_gone) {
                uploads.push(open);
                wants_key |= why.as_ref().is_some_and(may_want_a_key);
                silent = silent.or_else(|| why.map(|error| error.to_string()));
            }
        }
        let mut left = Vec::new();
        for (at, told) in journals.known.iter().enumerate() {
            let Some(id) = told.upload_id() else {
                let owned = |open: &Open| open.upload.key == told.known.identity.target.key;
                if !uploads.iter().any(owned) {
                    left.push(at);
                }
                continue;
            };
            if uploads.iter().any(|open| open.upload.upload_id == *id) {
                continue;
            }
            // The list may be cut, or a moment old: the upload itself decides.
            let upload = ListedUpload {
                key: told.known.identity.target.key.clone(),
                upload_id: id.clone(),
                initiated: told.initiated(),
                storage_class: None,
            };
            match count(&client, &sse, upload).await? {
                (open, None) => uploads.push(open),
                (_, Some(error)) if is_upload_gone(&error) => left.push(at),
                // It is looked at before what is said of its parts.
                (open, Some(error)) if may_want_a_key(&error) => {
                    uploads.push(open);
                    wants_key = true;
                    silent = silent.or_else(|| Some(error.to_string()));
                }
                (_, Some(error)) => return Err(error),
            }
        }
        Ok(Self { uploads, journals, left, cut, silent, wants_key })
    }
}

/// Reads the journals where it may block.
async fn read(dir: Option<StateDir>, scope: Scope) -> Result<Journals> {
    let reading = tokio::task::spawn_blocking(move || Journals::read(dir.as_ref(), &scope));
    reading.await.map_err(|error| Error::new(ErrorKind::Internal, "the journals could not be read").caused_by(error))?
}

/// The uploads of the scope, and whether there are more.
async fn list(client: &StoreClient, scope: &Scope) -> Result<(Vec<ListedUpload>, bool)> {
    let none = SseContext::none(client.dialect());
    let mut found = Vec::new();
    let mut call = ListUploads { prefix: scope.url.path.clone(), after: None };
    for _ in 0..PAGES {
        let page = client.send(&call, &none).await?.value;
        let past = page.uploads.iter().any(|upload| scope.is_past(&upload.key));
        found.extend(page.uploads.into_iter().filter(|upload| scope.holds(&upload.key)));
        match page.next {
            Some(next) if !past => call.after = Some(next),
            _ => return Ok((found, false)),
        }
    }
    Ok((found, true))
}

/// Counts the parts of an upload. Where the store does not tell, the reason comes as well: the upload is gone, its key
/// cannot be sent, or a permission is missing. The list is worth having without it.
///
/// The key that was given is tried where it may be what is missing: an upload that is under none is refused with one.
async fn count(client: &StoreClient, sse: &SseContext, upload: ListedUpload) -> Result<(Open, Option<Error>)> {
    let mut under_key = false;
    let mut content = content_of(client, &SseContext::none(client.dialect()), &upload).await;
    if sse.is_customer() && content.as_ref().is_err_and(may_want_a_key) {
        content = content_of(client, sse, &upload).await;
        under_key = content.is_ok();
    }
    match content {
        Ok(content) => Ok((Open { upload, content: Some(content), under_key }, None)),
        Err(error) if error.kind() == ErrorKind::Unavailable => Err(error),
        Err(error) => Ok((Open { upload, content: None, under_key }, Some(error))),
    }
}

/// Whether the parts of an upload may be told only to those who have its customer key: "ListParts" of S3 wants it where
/// the upload was opened with a checksum, and is a bad request without.
fn may_want_a_key(error: &Error) -> bool {
    error.status() == Some(400)
}

async fn content_of(client: &StoreClient, sse: &SseContext, upload: &ListedUpload) -> Result<Content> {
    let key = ObjectKey::new(client.dialect(), &upload.key)?;
    let mut call = ListParts { key, upload_id: upload.upload_id.clone(), after: None };
    let mut sum = Content::default();
    loop {
        let mut page = client.send(&call, sse).await?.value;
        sum.bytes = page.parts.iter().fold(sum.bytes, |sum, part| sum.saturating_add(part.size));
        // A store may keep what it was sent before of the same part.
        page.parts.dedup_by_key(|part| part.number);
        sum.parts += page.parts.len() as u64;
        match page.next {
            // Every page begins at a higher number, of which there are 10,000.
            Some(next) => call.after = Some(next),
            None => return Ok(sum),
        }
    }
}
