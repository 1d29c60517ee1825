//! PUT Object - Copy and Upload Part - Copy (/document/product/436/10881, /document/product/436/8287).

use std::sync::Arc;

use super::{Core, blocking, conflict, integrity, properties, upload};
use crate::{
    emulator::{
        answer::{Answer, Refusal},
        checksum::{Algorithm, Checksum},
        dates,
        encryption::{self, Asked, Opens},
        number, percent,
        request::{self, Call},
        store::{AtRest, Found, Object, Part, Properties, Wanted, Written},
        xml::Document,
    },
    secret::Secret,
};

/// A whole object from another.
pub(super) async fn object(core: &Arc<Core>, call: &Call) -> Result<Answer, Refusal> {
    let forbid_overwrite = super::forbids_overwrite(core, call).await?;
    let given = properties::read(core, call)?;
    let names = call.dialect.names();
    let asked = encryption::asked(call, &core.options)?;
    let rules = call.dialect.rules();
    let recodes = rules.copies_recode && (given.storage_class.is_some() || !matches!(asked, Asked::None));
    let (encryption, data_key) = asked.settle(call.dialect, &core.store.master)?;
    let source = Source::find(core, call).await?;
    let replaces = directive(call, names.metadata_directive)?;
    if !(replaces || recodes) && source.bucket == call.bucket && source.found.object.key == call.key {
        return Err(call.dialect.refusals().copy_onto_itself.into());
    }
    let asked = integrity::algorithm(call)?;
    let of_source = || source.found.object.checksum.as_ref().map(|checksum| checksum.algorithm);
    let algorithm = asked.or_else(of_source).unwrap_or(Algorithm::DEFAULT);
    let checksums = if rules.checksums { vec![algorithm] } else { Vec::new() };
    let properties = Properties {
        headers: if replaces { given.headers } else { source.found.object.properties.headers.clone() },
        tagging: if directive(call, names.tagging_directive)? {
            given.tagging
        } else {
            source.found.object.properties.tagging.clone()
        },
        ..given
    };
    let span = (0, source.found.object.size);
    let written = source.bytes(core, span, (&encryption, data_key.clone()), checksums).await?;
    let etag = encryption.etag(written.md5, data_key.as_ref(), written.crc64, written.blob.size)?;
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
    let sums = (object.crc64, object.checksum.as_ref());
    let answer = told(core, "CopyObjectResult", (&object.etag, object.modified), sums);
    let answer = answer.echo(object.encryption.echo(call.dialect));
    blocking(core, call, move |core, bucket| {
        bucket.put(&object, written.unkept, forbid_overwrite).map_err(|cause| conflict(core, cause))
    })
    .await?;
    Ok(answer)
}

/// One part from a range of another object.
pub(super) async fn part(core: &Arc<Core>, call: &Call) -> Result<Answer, Refusal> {
    let number = upload::part_number(core, call)?;
    let upload = upload::find(core, call).await?;
    let data_key = upload::unlock(core, call, &upload)?;
    let source = Source::find(core, call).await?;
    let span = range(call, source.found.object.size)?;
    let checksums = upload.planned.map(|planned| planned.algorithm).into_iter().collect();
    let written = source.bytes(core, span, (&upload.encryption, data_key.clone()), checksums).await?;
    upload::refuse_small(core, call, &upload, (number, written.blob.size)).await?;
    let etag = upload.encryption.etag(written.md5, data_key.as_ref(), written.crc64, written.blob.size)?;
    let modified = core.options.clock.unix_seconds();
    let part = Part { number, blob: written.blob, etag, crc64: written.crc64, checksums: written.checksums, modified };
    let sums = (part.crc64, part.checksums.first());
    let answer = told(core, "CopyPartResult", (&part.etag, part.modified), sums);
    let answer = answer.echo(upload.encryption.echo(call.dialect));
    blocking(core, call, move |core, bucket| {
        bucket.put_part(&upload, &part, written.unkept).map_err(|cause| conflict(core, cause))
    })
    .await?;
    Ok(answer)
}

/// The object that is copied from.
struct Source {
    bucket: String,
    found: Found,
    /// Keeps its bytes, also if it is replaced meanwhile.
    lease: Arc<()>,
    data_key: Option<Secret>,
}

impl Source {
    async fn find(core: &Arc<Core>, call: &Call) -> Result<Self, Refusal> {
        let refusals = call.dialect.refusals();
        let invalid = || Refusal::from(refusals.malformed_copy_source);
        let text = call.header(call.dialect.names().copy_source)?.ok_or_else(invalid)?;
        let (path, version) = text.split_once('?').map_or((text, None), |(path, query)| (path, Some(query)));
        let (bucket, key) = if call.dialect.rules().copies_by_host {
            by_host(core, call, path)?
        } else {
            let path = percent::decode(path.strip_prefix('/').unwrap_or(path)).ok_or_else(invalid)?;
            let (bucket, key) = path.split_once('/').filter(|(_, key)| !key.is_empty()).ok_or_else(invalid)?;
            (bucket.to_owned(), key.to_owned())
        };
        // Versions are not spoken, so one that is named cannot be found.
        match version.map(|query| query.split_once('=')) {
            None => {}
            Some(Some(("versionId", id))) if !id.is_empty() => {
                return Err(Refusal::new(404, "NoSuchVersion", "the version of the copy source does not exist"));
            }
            Some(_) => return Err(invalid()),
        }
        let absent = || Refusal::from(refusals.absent_copy_source);
        let (stored, name) = (Arc::clone(core), bucket.clone());
        let (found, lease) = blocking(core, call, move |_, _| {
            let bucket = stored.store.bucket(&name).ok_or_else(absent)?;
            loop {
                let found = bucket.object(&key)?.ok_or_else(absent)?;
                // Replaced in between: look again.
                if let Some(lease) = bucket.lease(&found)? {
                    return Ok((found, lease));
                }
            }
        })
        .await?;
        let object = &found.object;
        super::check_state(core, object)?;
        check_conditions(core, call, object)?;
        let given = encryption::source_key(call, &core.options.guesses)?;
        let customer = matches!(object.encryption, AtRest::Customer { .. });
        let data_key = object.encryption.unlock(given, &core.store.master, &core.options, Opens::Object);
        let renamed = refusals.copy_source_key.filter(|_| customer);
        let data_key = data_key.map_err(|refusal| renamed.map_or(refusal, Refusal::from))?;
        Ok(Self { bucket, found, lease, data_key })
    }

    /// Copies the bytes of a span to a new file, from one encryption to another.
    async fn bytes(
        self,
        core: &Arc<Core>,
        span: (u64, u64),
        (at_rest, to_key): (&AtRest, Option<Secret>),
        checksums: Vec<Algorithm>,
    ) -> Result<Written, Refusal> {
        if span.1 - span.0 > core.options.limits.max_part_size {
            return Err(Refusal::new(400, "EntityTooLarge", "one copy takes no more than one part"));
        }
        let (core, wanted) = (Arc::clone(core), Wanted { md5: at_rest.tags_by_md5(), checksums });
        let copied = tokio::task::spawn_blocking(move || {
            let absent = || Refusal::from(core.options.dialect.refusals().absent_copy_source);
            let bucket = core.store.bucket(&self.bucket).ok_or_else(absent)?;
            let mut reader = bucket.reader(self.found.object, self.data_key, span, self.lease);
            let mut writer = bucket.write_blob(to_key.as_ref(), &wanted)?;
            let mut batch = Vec::new();
            while let Some(bytes) = reader.next_batch()? {
                batch.extend_from_slice(&bytes);
                let whole = batch.len() - batch.len() % crate::emulator::crypt::CHUNK;
                writer.write(&mut batch[..whole])?;
                batch.drain(..whole);
            }
            writer.write(&mut batch)?;
            Ok(writer.finish()?)
        });
        copied.await.map_err(|_| Refusal::new(500, "InternalError", "the store's work was broken off"))?
    }
}

/// Bucket and key of a source that begins with a host: one of the bucket's, in this region, or in path style the host of
/// the request itself.
fn by_host(core: &Core, call: &Call, source: &str) -> Result<(String, String), Refusal> {
    let (options, refusals) = (&core.options, call.dialect.refusals());
    let invalid = || Refusal::from(refusals.malformed_copy_source);
    let (host, key) = source.split_once('/').ok_or_else(invalid)?;
    let path = percent::decode(&format!("/{key}")).ok_or_else(invalid)?;
    let (bucket, key) = request::locate(host, &path, options);
    let host = request::without_port(host).to_ascii_lowercase();
    let own = super::is_own_domain(core, &host);
    let known = own || host == call.host || call.dialect.bucket_of(&host, &options.region).is_some();
    if !known || bucket.is_empty() || key.is_empty() {
        return Err(invalid());
    }
    match call.dialect.service_host(&host).and_then(|host| host.region) {
        // There is no such bucket there.
        Some(region) if !own && region != options.region => Err(refusals.absent_copy_source.into()),
        _ => Ok((bucket, key)),
    }
}

/// `true` for `Replaced`, `false` for `Copy`, which is also the default.
fn directive(call: &Call, name: &str) -> Result<bool, Refusal> {
    let (copy, replace) = call.dialect.names().directives;
    match call.header(name)? {
        None | Some("") => Ok(false),
        Some(given) if given == copy => Ok(false),
        Some(given) if given == replace => Ok(true),
        Some(_) => Err(Refusal::argument(format!("{name} must be {copy} or {replace}"))),
    }
}

/// The range of the source, both ends named and within it; the whole source if there is none.
fn range(call: &Call, size: u64) -> Result<(u64, u64), Refusal> {
    let name = call.dialect.names().copy_source_range;
    let means_all = |text: &&str| text.is_empty() && call.dialect.rules().empty_range_is_whole;
    let text = call.header(name)?.filter(|text| !means_all(text));
    let Some(text) = text else { return Ok((0, size)) };
    let (first, last) = text
        .strip_prefix("bytes=")
        .and_then(|span| span.split_once('-'))
        .and_then(|(first, last)| Some((number::read(first)?, number::read(last)?)))
        .ok_or_else(|| Refusal::argument(format!("{name} must be bytes=FIRST-LAST")))?;
    if first > last || last >= size {
        return Err(call.dialect.refusals().copy_range.into());
    }
    Ok((first, last + 1))
}

fn check_conditions(core: &Core, call: &Call, object: &Object) -> Result<(), Refusal> {
    let names = |tags: &str| tags.trim_matches('"') == object.etag;
    let date = |name: &str| Ok::<_, Refusal>(call.header(name)?.and_then(dates::parse_http));
    let headers = call.dialect.names();
    let has = |names: [&str; 2]| names.iter().any(|name| call.headers.contains_key(*name));
    if call.dialect.rules().pairs_conditions
        && has([headers.copy_if_match, headers.copy_if_unmodified_since])
        && has([headers.copy_if_none_match, headers.copy_if_modified_since])
    {
        let guess = &core.options.guesses.mixed_conditions;
        return Err(Refusal::guessed(guess, "the conditions on the copy source exclude each other"));
    }
    let failed = call.header(headers.copy_if_match)?.is_some_and(|tags| !names(tags))
        || call.header(headers.copy_if_none_match)?.is_some_and(names)
        || date(headers.copy_if_unmodified_since)?.is_some_and(|since| object.modified > since)
        || date(headers.copy_if_modified_since)?.is_some_and(|since| object.modified <= since);
    if failed {
        return Err(Refusal::new(412, "PreconditionFailed", "a condition on the copy source does not hold"));
    }
    Ok(())
}

/// The answer comes in chunks, as it may take long and may still turn into an error.
fn told(
    core: &Core,
    root: &'static str,
    (etag, modified): (&str, u64),
    (crc64, checksum): (u64, Option<&Checksum>),
) -> Answer {
    let dialect = core.options.dialect;
    let mut document = Document::new(dialect, root);
    document.text("ETag", &format!("\"{etag}\""));
    if !dialect.rules().checksums {
        document.text("CRC64", &crc64.to_string());
    }
    document.text("LastModified", &dates::iso(modified));
    if let Some(checksum) = checksum {
        document.text(checksum.algorithm.element(), &checksum.value);
    }
    let answer = Answer::slow_xml(document.finish(), dialect, &core.options.guesses);
    answer.told_in_document(dialect, crc64, checksum)
}
