//! The calls that the store speaks, each as its page in the manual tells.

mod body;
mod complete;
mod copy;
mod form;
mod held;
mod integrity;
mod lists;
mod object;
mod properties;
mod room;
mod upload;
mod upstream;

use std::sync::Arc;

use http::StatusCode;

pub(super) use self::{held::HeldKeys, room::Room, upstream::Upstream};
use super::{
    answer::{Answer, Refusal},
    dialect::OWNER_OF_S3,
    encryption, number,
    options::EmulatorOptions,
    request::{Call, Operation},
    signature::{self, Account, Payload},
    store::{Bucket, Conflict, Object, Store},
    xml::Document,
};

/// What every call works with.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) options: EmulatorOptions,
    pub(super) accounts: Vec<Account>,
    pub(super) store: Store,
    pub(super) held: HeldKeys,
    /// For Completes.
    pub(super) room: Room,
}

/// What was found out before an operation begins.
#[derive(Debug)]
pub(super) struct Admitted {
    /// Encryption headers that the operation does not take, but that were let through.
    pub(super) surplus: Vec<String>,
    /// What the signature says of the body.
    pub(super) payload: Payload,
}

/// Whether a request may be carried out at all, by what its head tells.
pub(super) fn admit(core: &Core, call: &Call) -> Result<Admitted, Refusal> {
    form::check(core, call)?;
    let (region, now) = (&core.options.region, core.options.clock.unix_seconds());
    let payload = signature::check(call.dialect, call.signable(), &core.accounts, region, now)?;
    if is_about_buckets(call) {
        return Err(Refusal::new(501, "NotImplemented", "this store does not list, make or remove buckets"));
    }
    check_domain(core, call)?;
    check_region(core, call)?;
    bucket(core, call)?;
    check_key(core, call)?;
    check_version(call)?;
    check_features(call)?;
    check_body(call)?;
    let surplus = encryption::check_carriage(call, &core.options)?;
    Ok(Admitted { surplus, payload })
}

/// Whether the host is a domain of a bucket's own.
fn is_own_domain(core: &Core, host: &str) -> bool {
    core.options.domains.iter().any(|(domain, _)| domain == host)
}

/// What the service's own host names do not do for new buckets (/document/product/436/57456).
fn check_domain(core: &Core, call: &Call) -> Result<(), Refusal> {
    if core.options.old_buckets || !call.by_default_domain() {
        return Ok(());
    }
    if !is_own_domain(core, &call.host) && call.dialect.bucket_of(&call.host, &core.options.region).is_none() {
        return Err(Refusal::new(403, "PathStyleDomainForbidden", "the bucket belongs in the host name"));
    }
    if call.operation == Operation::Get && [".apk", ".ipa"].iter().any(|end| call.key.ends_with(end)) {
        let guess = &core.options.guesses.download_forbidden;
        return Err(Refusal::guessed(guess, "installers need a domain of the bucket's own"));
    }
    Ok(())
}

/// Whether a call lists, makes or removes buckets, so that the bucket need not be there.
fn is_about_buckets(call: &Call) -> bool {
    let lists = call.bucket.is_empty() && call.method == http::Method::GET;
    let changes = call.method == http::Method::PUT || call.method == http::Method::DELETE;
    call.key.is_empty() && (lists || changes && !call.bucket.is_empty() && call.query.is_empty())
}

/// A bucket is known in its own region only; and where the nearest place answers, if that was switched on for it
/// (/document/product/436/33409).
fn check_region(core: &Core, call: &Call) -> Result<(), Refusal> {
    let Some(host) = call.dialect.service_host(&call.host).filter(|_| !is_own_domain(core, &call.host)) else {
        return Ok(());
    };
    if host.website {
        return Err(Refusal::new(501, "NotImplemented", "this store does not show websites"));
    }
    match host.region {
        None if host.bucket.is_none() => Ok(()),
        None if !core.options.accelerated => {
            Err(Refusal::new(400, "BucketAccelerateNotEnabled", "global acceleration is not enabled for the bucket"))
        }
        None if !ACCELERATED.contains(&call.operation) => {
            Err(Refusal::new(400, "ActionAccelerateNotSupported", "the operation has no global acceleration"))
        }
        Some(region) if region.bytes().any(|byte| !(byte.is_ascii_alphanumeric() || byte == b'-')) => {
            Err(Refusal::new(400, "InvalidRegionName", "this cannot be the name of a region"))
        }
        Some(region) if region != core.options.region => {
            let guess = &core.options.guesses.other_region;
            let message = format!("the bucket is in {}, and the host is of {region}", core.options.region);
            Err(Refusal::guessed(guess, message))
        }
        _ => Ok(()),
    }
}

/// What there is of global acceleration, according to the manual's questions and answers on it.
const ACCELERATED: [Operation; 9] = [
    Operation::Put,
    Operation::Get,
    Operation::Head,
    Operation::Initiate,
    Operation::UploadPart,
    Operation::ListParts,
    Operation::Complete,
    Operation::Abort,
    Operation::ListUploads,
];

/// Most calls have no body, and a body has a length.
fn check_body(call: &Call) -> Result<(), Refusal> {
    use Operation::{Complete, Put, Unknown, UploadPart};
    // Where both are told, only the chunks count, and the length is gone (RFC 9112, 6.3).
    let chunked = call.headers.contains_key(http::header::TRANSFER_ENCODING);
    if chunked && call.operation == Complete {
        return Err(body::no_length());
    }
    let Some(refusal) = call.dialect.refusals().needless_body else { return Ok(()) };
    let length = call.header(http::header::CONTENT_LENGTH.as_str())?.and_then(number::read);
    let takes_one = matches!(call.operation, Complete | Put | Unknown | UploadPart);
    if takes_one || !chunked && length.is_none_or(|length| length == 0) { Ok(()) } else { Err(refusal.into()) }
}

fn check_key(core: &Core, call: &Call) -> Result<(), Refusal> {
    let (key, rules) = (&call.key, call.dialect.rules());
    if key.len() > core.options.limits.max_key_bytes {
        return Err(call.dialect.refusals().long_key.into());
    }
    // /document/product/436/13324
    let odd = key.starts_with(['/', '\\']) || key.chars().any(|c| ('\u{18}'..='\u{1b}').contains(&c));
    if odd && !rules.odd_keys {
        return Err(Refusal::new(400, "InvalidObjectName", "the key begins with a slash or has a control character"));
    }
    Ok(())
}

/// Without versioning each object has the version `null` only.
fn check_version(call: &Call) -> Result<(), Refusal> {
    let by_version = matches!(call.operation, Operation::Get | Operation::Head | Operation::Delete);
    match call.filled("versionId") {
        Some(version) if by_version && version != "null" => {
            Err(Refusal::new(404, "NoSuchVersion", "the version does not exist"))
        }
        _ => Ok(()),
    }
}

fn check_features(call: &Call) -> Result<(), Refusal> {
    let rules = call.dialect.rules();
    let ignored = |name: &&str| rules.other_headers.iter().any(|start| name.starts_with(start));
    if let Some(name) = call.headers.keys().map(http::HeaderName::as_str).find(ignored) {
        return Err(Refusal::new(501, "NotImplemented", format!("this store does not know {name}")));
    }
    let expected = rules.expected_owner.map(|name| call.header(name)).transpose()?.flatten();
    if expected.is_some_and(|owner| owner != OWNER_OF_S3) {
        return Err(Refusal::new(403, "AccessDenied", "Access Denied"));
    }
    Ok(())
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
        Operation::HeadBucket => {
            let answer = Answer::new(StatusCode::OK);
            let name = call.dialect.rules().bucket_region;
            Ok(if let Some(name) = name { answer.header(name, &core.options.region) } else { answer })
        }
        Operation::BucketLocation => Ok(location(core, call)),
        Operation::PutCopy => copy::object(core, call).await,
        Operation::UploadPartCopy => copy::part(core, call).await,
        Operation::Unknown if !["DELETE", "GET", "HEAD", "POST", "PUT"].contains(&call.method.as_str()) => {
            Err(Refusal::new(405, "MethodNotAllowed", "the method is not allowed"))
        }
        Operation::Unknown => Err(Refusal::new(501, "NotImplemented", "this store does not speak that call")),
    }
}

/// API_GetBucketLocation.html
fn location(core: &Core, call: &Call) -> Answer {
    // The oldest region is the one without a name.
    let region = Some(core.options.region.as_str()).filter(|region| *region != "us-east-1");
    let mut document = Document::new(call.dialect, "LocationConstraint");
    document.content(region.unwrap_or_default());
    Answer::xml(document.finish())
}

fn bucket<'a>(core: &'a Core, call: &Call) -> Result<&'a Bucket, Refusal> {
    core.store.bucket(&call.bucket).ok_or_else(|| {
        if call.bucket.is_empty() || call.dialect.allows_bucket(&call.bucket) {
            Refusal::new(404, "NoSuchBucket", "the bucket does not exist")
        } else {
            Refusal::new(400, "InvalidBucketName", "this cannot be the name of a bucket")
        }
    })
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

/// Whether the bytes of an object can be had: nothing is ever restored from the archive.
fn check_state(core: &Core, object: &Object) -> Result<(), Refusal> {
    let archives = core.options.dialect.rules().archives;
    match &object.properties.storage_class {
        Some(class) if archives.contains(&class.as_str()) => {
            Err(Refusal::guessed(&core.options.guesses.archived, "the object is archived and was not restored"))
        }
        _ => Ok(()),
    }
}

fn exists(core: &Core) -> Refusal {
    let guess = &core.options.guesses.exists;
    Refusal::guessed(guess, core.options.dialect.refusals().exists)
}

/// Whether an object may not be replaced, checked early; the change itself checks again.
async fn forbids_overwrite(core: &Arc<Core>, call: &Call) -> Result<bool, Refusal> {
    let (rules, refusals) = (call.dialect.rules(), call.dialect.refusals());
    let forbids = match call.header(call.dialect.names().forbid_overwrite)? {
        None => false,
        Some(value) if value == rules.forbidding.0 => true,
        Some(value) if rules.forbidding.1.contains(&value) => false,
        Some(_) => return Err(refusals.other_condition.into()),
    };
    if rules.other_conditions.iter().any(|name| call.headers.contains_key(*name)) {
        return Err(refusals.other_condition.into());
    }
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
    let Some(name) = call.dialect.rules().traffic_limit else { return Ok(()) };
    let Some(limit) = call.header(name)?.or_else(|| call.param(name)) else { return Ok(()) };
    match number::read(limit) {
        Some(819_200..=838_860_800) => Ok(()),
        _ => Err(Refusal::argument("the traffic limit must be from 819200 to 838860800 bits a second")),
    }
}
