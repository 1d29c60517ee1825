//! PUT, HEAD, GET and DELETE of objects (/document/product/436/7749, /document/product/436/7745,
//! /document/product/436/7753).

use std::{io, sync::Arc};

use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http::{StatusCode, header};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use tokio::task::JoinHandle;

use super::{Core, Upstream, blocking, body, conflict, integrity, no_key, properties};
use crate::{
    emulator::{
        answer::{Answer, Body, Content, Refusal},
        dates,
        encryption::{self, Opens},
        number,
        request::Call,
        store::{Found, Object, Reader},
    },
    secret::Secret,
};

pub(super) async fn put(core: &Arc<Core>, call: &Call, upstream: &mut Upstream) -> Result<Answer, Refusal> {
    super::check_traffic_limit(call)?;
    let expected = body::expected(call, upstream, core.options.limits.max_part_size)?;
    let forbid_overwrite = super::forbids_overwrite(core, call).await?;
    let properties = properties::read(core, call)?;
    let asked = encryption::asked(call, &core.options)?;
    let (encryption, data_key) = asked.settle(call.dialect, &core.store.master)?;
    let checksums = integrity::of_object(call, expected.brought.as_ref());
    let at_rest = (&encryption, data_key.clone());
    let written = body::receive(core, call, upstream, (expected, checksums), at_rest).await?;

    let etag = encryption.etag(written.md5, data_key.as_ref(), written.crc64, written.blob.size)?;
    let answer = Answer::new(StatusCode::OK)
        .etag(&etag)
        .told(call.dialect, written.crc64, written.checksums.first())
        .echo(encryption.echo(call.dialect));
    let object = Object {
        key: call.key.clone(),
        upload_id: None,
        size: written.blob.size,
        etag,
        crc64: written.crc64,
        checksum: written.checksums.into_iter().next(),
        modified: core.options.clock.unix_seconds(),
        properties,
        encryption,
        blobs: vec![written.blob],
    };
    blocking(core, call, move |core, bucket| {
        bucket.put(&object, written.unkept, forbid_overwrite).map_err(|cause| conflict(core, cause))
    })
    .await?;
    Ok(answer)
}

pub(super) async fn head(core: &Arc<Core>, call: &Call) -> Result<Answer, Refusal> {
    let (Found { object, .. }, _) = find(core, call).await?;
    if let Some(answer) = precondition(call, &object)? {
        return Ok(answer);
    }
    let answer = |range: Option<(u64, u64)>| {
        let length = range.map_or(object.size, |(start, end)| end - start);
        let answer = ranged(describe(core, call, &object, range.is_some())?, &object, range);
        Ok(Answer { content: Content::Absent { length }, ..answer })
    };
    if call.dialect.rules().reads_parts { answer(range(core, call, &object)?) } else { answer(None) }
}

pub(super) async fn get(core: &Arc<Core>, call: &Call) -> Result<Answer, Refusal> {
    super::check_traffic_limit(call)?;
    let (object, (range, first, reader)) = loop {
        let (found, data_key) = find(core, call).await?;
        let object = Arc::clone(&found.object);
        super::check_state(core, &object)?;
        if let Some(answer) = precondition(call, &object)? {
            return Ok(answer);
        }
        let range = range(core, call, &object)?;
        let reader = blocking(core, call, move |_, bucket| {
            let span = range.unwrap_or((0, found.object.size));
            let Some(lease) = bucket.lease(&found)? else { return Ok(None) };
            let mut reader = bucket.reader(found.object, data_key, span, lease);
            // Before the answer begins, so that what goes wrong at once is told.
            Ok(Some((range, reader.next_batch()?, reader)))
        })
        .await?;
        // Replaced in between: look again.
        if let Some(reader) = reader {
            break (object, reader);
        }
    };
    let (start, end) = range.unwrap_or((0, object.size));
    let mut answer = ranged(describe(core, call, &object, range.is_some())?, &object, range);
    for (parameter, value) in &call.query {
        if let Some(name) = parameter.strip_prefix("response-").filter(|name| OVERRIDES.contains(name)) {
            answer.headers.remove(name);
            answer = answer.header(name, value);
        }
    }
    if call.by_default_domain() && !core.options.old_buckets {
        answer.headers.remove(header::CONTENT_DISPOSITION);
        answer = answer.header("x-cos-force-download", "true").header("content-disposition", "attachment");
    }
    Ok(Answer { content: Content::Stream { length: end - start, body: outgoing(first, reader) }, ..answer })
}

pub(super) async fn delete(core: &Arc<Core>, call: &Call) -> Result<Answer, Refusal> {
    let key = call.key.clone();
    let bound = if call.dialect.rules().deletes_if_match { call.header("if-match")?.map(str::to_owned) } else { None };
    let meant = move |object: &Object| bound.as_deref().is_none_or(|tags| lists(tags, object));
    let deleted = blocking(core, call, move |_, bucket| Ok(bucket.delete(&key, meant)?)).await?;
    if deleted { Ok(Answer::new(StatusCode::NO_CONTENT)) } else { Err(failed_condition()) }
}

/// Headers that a GET may override by parameters `response-…`.
const OVERRIDES: [&str; 6] =
    ["content-type", "content-language", "expires", "cache-control", "content-disposition", "content-encoding"];

/// The object, and the key to its bytes.
async fn find(core: &Arc<Core>, call: &Call) -> Result<(Found, Option<Secret>), Refusal> {
    let key = call.key.clone();
    let found = blocking(core, call, move |_, bucket| bucket.object(&key)?.ok_or_else(no_key)).await?;
    let customer = encryption::customer_key(call, &core.options.guesses)?;
    let data_key = found.object.encryption.unlock(customer, &core.store.master, &core.options, Opens::Object)?;
    Ok((found, data_key))
}

/// What headers tell of an object. With S3 the checksum is told to those who ask, and not with a part of the bytes.
fn describe(core: &Core, call: &Call, object: &Object, in_part: bool) -> Result<Answer, Refusal> {
    let (names, rules) = (call.dialect.names(), call.dialect.rules());
    let asked = call.header("x-amz-checksum-mode")?.is_some_and(|mode| mode.eq_ignore_ascii_case("enabled"));
    let checksum = object.checksum.as_ref().filter(|_| asked && !in_part);
    let mut answer = Answer::new(StatusCode::OK)
        .etag(&object.etag)
        .told(call.dialect, object.crc64, checksum)
        .echo(object.encryption.echo(call.dialect))
        .header("last-modified", &dates::http(object.modified))
        .header("accept-ranges", "bytes");
    if let Some(name) = rules.object_type {
        answer = answer.header(name, "normal");
    }
    for (name, value) in &object.properties.headers {
        answer = answer.header(name, value);
    }
    if !answer.headers.contains_key(header::CONTENT_TYPE) {
        answer = answer.header("content-type", rules.default_type);
    }
    if let Some(class) = object.properties.storage_class.as_deref().filter(|class| *class != "STANDARD") {
        answer = answer.header(names.storage_class, class);
    }
    if let (Some(name), Some(tagging)) = (rules.tag_count, &object.properties.tagging) {
        let count = tagging.split('&').filter(|tag| !tag.is_empty()).count();
        answer = answer.header(name, &count.to_string());
    }
    if part_number(core, call)?.is_some() {
        answer = answer.header("x-amz-mp-parts-count", &object.blobs.len().to_string());
    }
    Ok(answer)
}

/// The same for a part of the bytes.
fn ranged(answer: Answer, object: &Object, range: Option<(u64, u64)>) -> Answer {
    let Some((start, end)) = range else { return answer };
    let answer = answer.header("content-range", &format!("bytes {start}-{}/{}", end.saturating_sub(1), object.size));
    Answer { status: StatusCode::PARTIAL_CONTENT, ..answer }
}

/// Whether a list of tags has the object's.
fn lists(tags: &str, object: &Object) -> bool {
    tags.split(',')
        .map(|tag| tag.trim().trim_start_matches("W/").trim_matches('"'))
        .any(|tag| tag == "*" || tag == object.etag)
}

fn failed_condition() -> Refusal {
    Refusal::new(412, "PreconditionFailed", "a condition of the request does not hold")
}

/// The answer where a condition of the request does not hold.
fn precondition(call: &Call, object: &Object) -> Result<Option<Answer>, Refusal> {
    let names = |list: &str| lists(list, object);
    let date = |name: &str| Ok::<_, Refusal>(call.header(name)?.and_then(dates::parse_http));
    match call.header("if-match")? {
        Some(tags) if !names(tags) => return Err(failed_condition()),
        None if date("if-unmodified-since")?.is_some_and(|since| object.modified > since) => {
            return Err(failed_condition());
        }
        _ => {}
    }
    let unchanged = match call.header("if-none-match")? {
        Some(tags) => names(tags),
        None => date("if-modified-since")?.is_some_and(|since| object.modified <= since),
    };
    Ok(unchanged.then(|| Answer::new(StatusCode::NOT_MODIFIED).etag(&object.etag)))
}

/// The part of an object that S3 can be asked for instead of a range (API_GetObject.html).
fn part_number(core: &Core, call: &Call) -> Result<Option<u16>, Refusal> {
    let asked = call.dialect.rules().reads_parts && call.param("partNumber").is_some();
    asked.then(|| super::upload::part_number(core, call)).transpose()
}

/// The range asked for, as start and end; `None` for the whole object, which is also what an unreadable range gets.
fn range(core: &Core, call: &Call, object: &Object) -> Result<Option<(u64, u64)>, Refusal> {
    let size = object.size;
    if let Some(number) = part_number(core, call)? {
        if call.headers.contains_key(header::RANGE) {
            return Err(Refusal::new(400, "InvalidRequest", "Cannot specify both Range header and partNumber"));
        }
        if size == 0 {
            return Ok(None);
        }
        let invalid = || Refusal::new(416, "InvalidPartNumber", "The requested partnumber is not satisfiable");
        let before = object.blobs.get(..usize::from(number) - 1).ok_or_else(invalid)?;
        let part = object.blobs.get(before.len()).ok_or_else(invalid)?;
        let start = before.iter().map(|blob| blob.size).sum();
        return Ok(Some((start, start + part.size)));
    }
    let Some(spec) = call.header("range")?.and_then(|range| range.strip_prefix("bytes=")) else { return Ok(None) };
    let invalid = || Refusal::new(416, "InvalidRange", "the range is not within the object");
    let Some((first, last)) = spec.split_once('-') else { return Ok(None) };
    let (start, end) = match (number::read(first), number::read(last)) {
        (Some(first), Some(last)) if first <= last => (first, last.saturating_add(1).min(size)),
        (Some(first), None) if last.is_empty() => (first, size),
        (None, Some(last)) if first.is_empty() => (size.saturating_sub(last), size),
        _ => return Ok(None),
    };
    if start < end { Ok(Some((start, end))) } else { Err(invalid()) }
}

/// Sends the first batch, and what a reader reads after it; while one batch is on its way, the next one is read.
fn outgoing(first: Option<Bytes>, reader: Reader) -> Body {
    let first = stream::iter(first.map(|batch| Ok(Frame::data(batch))));
    let rest = stream::try_unfold(Some(read(reader)), |reading| async move {
        let Some(reading) = reading else { return Ok(None) };
        let (reader, batch) = reading.await.map_err(io::Error::other)??;
        Ok(batch.map(|batch| (Frame::data(batch), Some(read(reader)))))
    });
    StreamBody::new(first.chain(rest)).boxed_unsync()
}

fn read(mut reader: Reader) -> JoinHandle<io::Result<(Reader, Option<Bytes>)>> {
    tokio::task::spawn_blocking(move || {
        let batch = reader.next_batch()?;
        Ok((reader, batch))
    })
}
