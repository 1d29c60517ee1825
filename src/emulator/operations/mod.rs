//! The calls that the store speaks, each as its page in the manual tells.

mod body;
mod complete;
mod copy;
mod lists;
mod object;
mod properties;
mod upload;

use std::sync::{Arc, atomic::AtomicU64};

use bytes::Bytes;
use http::StatusCode;
use hyper::body::Incoming;

use super::{
    answer::{Answer, Refusal},
    encryption,
    options::EmulatorOptions,
    request::{Call, Operation},
    store::{Bucket, Conflict, Store},
    verify::{self, Account},
};

/// What every call works with.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) options: EmulatorOptions,
    pub(super) accounts: Vec<Account>,
    pub(super) store: Store,
}

/// The body of a request as it comes in; taken once.
#[derive(Debug)]
pub(super) struct Upstream {
    pub(super) incoming: Option<Incoming>,
    /// What was received already.
    pub(super) kept: Option<Bytes>,
    pub(super) received: Arc<AtomicU64>,
}

/// What was found out before an operation begins.
#[derive(Debug)]
pub(super) struct Admitted {
    /// Encryption headers that the operation does not take, but that were let through.
    pub(super) surplus: Vec<String>,
}

/// Whether a request may be carried out at all, by what its head tells.
pub(super) fn admit(core: &Core, call: &Call) -> Result<Admitted, Refusal> {
    verify::check(call.signable(), &core.accounts, core.options.clock.unix_seconds())?;
    bucket(core, call)?;
    if call.key.len() > 850 {
        return Err(Refusal::new(400, "KeyTooLong", "the key is longer than 850 bytes"));
    }
    // /document/product/436/13324
    if call.key.starts_with(['/', '\\']) || call.key.chars().any(|c| ('\u{18}'..='\u{1b}').contains(&c)) {
        return Err(Refusal::new(400, "InvalidObjectName", "the key begins with a slash or has a control character"));
    }
    let surplus = encryption::check_carriage(call, &core.options)?;
    Ok(Admitted { surplus })
}

/// Carries a call out.
pub(super) async fn carry_out(core: &Arc<Core>, call: &Call, upstream: &mut Upstream) -> Result<Answer, Refusal> {
    match call.operation {
        Operation::Initiate => upload::initiate(core, call).await,
        Operation::UploadPart => upload::part(core, call, upstream).await,
        Operation::Complete => complete::complete(core, call, upstream).await,
        Operation::Abort => upload::abort(core, call).await,
        Operation::ListParts => lists::parts(core, call).await,
        Operation::ListUploads => lists::uploads(core, call).await,
        Operation::Put => object::put(core, call, upstream).await,
        Operation::Head => object::head(core, call).await,
        Operation::Get => object::get(core, call).await,
        Operation::Delete => object::delete(core, call).await,
        Operation::HeadBucket => Ok(Answer::new(StatusCode::OK)),
        Operation::PutCopy => copy::object(core, call).await,
        Operation::UploadPartCopy => copy::part(core, call).await,
        Operation::Unknown => Err(Refusal::new(501, "NotImplemented", "this store does not speak that call")),
    }
}

fn bucket<'a>(core: &'a Core, call: &Call) -> Result<&'a Bucket, Refusal> {
    core.store.bucket(&call.bucket).ok_or_else(|| Refusal::new(404, "NoSuchBucket", "the bucket does not exist"))
}

/// Runs work on the store's files away from the tasks that serve connections.
async fn blocking<T: Send + 'static>(
    core: &Arc<Core>,
    call: &Call,
    work: impl FnOnce(&Core, &Bucket) -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Refusal> {
    let (core, name) = (Arc::clone(core), call.bucket.clone());
    let done = tokio::task::spawn_blocking(move || {
        let bucket =
            core.store.bucket(&name).ok_or_else(|| Refusal::new(404, "NoSuchBucket", "the bucket does not exist"))?;
        work(&core, bucket)
    });
    done.await.map_err(|_| Refusal::new(500, "InternalError", "the store's work was broken off"))?
}

fn conflict(core: &Core, conflict: Conflict) -> Refusal {
    match conflict {
        Conflict::NoUpload => no_upload(),
        Conflict::Exists => exists(core),
        Conflict::Io(cause) => cause.into(),
    }
}

fn no_upload() -> Refusal {
    Refusal::new(404, "NoSuchUpload", "the multipart upload does not exist")
}

fn no_key() -> Refusal {
    Refusal::new(404, "NoSuchKey", "the object does not exist")
}

fn exists(core: &Core) -> Refusal {
    let guess = &core.options.guesses.exists;
    Refusal::new(guess.0, guess.1.clone(), "the object exists and must not be overwritten")
}

/// `x-cos-forbid-overwrite`, checked early; the change itself checks again.
async fn forbids_overwrite(core: &Arc<Core>, call: &Call) -> Result<bool, Refusal> {
    let forbids = match call.header("x-cos-forbid-overwrite")? {
        None | Some("false" | "") => false,
        Some("true") => true,
        Some(_) => return Err(Refusal::argument("x-cos-forbid-overwrite must be true or false")),
    };
    if forbids {
        let key = call.key.clone();
        let found = blocking(core, call, move |_, bucket| Ok(bucket.object(&key)?.is_some())).await?;
        if found {
            return Err(exists(core));
        }
    }
    Ok(forbids)
}

/// The limit on one connection, in bits a second (/document/product/436/40140); checked, not applied.
fn check_traffic_limit(call: &Call) -> Result<(), Refusal> {
    let Some(limit) = call.header("x-cos-traffic-limit")?.or_else(|| call.param("x-cos-traffic-limit")) else {
        return Ok(());
    };
    match limit.parse::<u64>() {
        Ok(819_200..=838_860_800) => Ok(()),
        _ => Err(Refusal::argument("x-cos-traffic-limit must be from 819200 to 838860800 bits a second")),
    }
}
