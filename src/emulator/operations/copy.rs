//! PUT Object - Copy and Upload Part - Copy (/document/product/436/10881, /document/product/436/8287).

use std::sync::Arc;

use super::{Core, blocking, conflict, properties, upload};
use crate::{
    emulator::{
        answer::{Answer, Refusal},
        dates, encryption, percent,
        request::{self, Call},
        store::{AtRest, Object, Part, Properties, Written},
        xml::Document,
    },
    secret::Secret,
};

const SOURCE: &str = "x-cos-copy-source";

/// A whole object from another.
pub(super) async fn object(core: &Arc<Core>, call: &Call) -> Result<Answer, Refusal> {
    let forbid_overwrite = super::forbids_overwrite(core, call).await?;
    let given = properties::read(call)?;
    let (encryption, data_key) = encryption::asked(call, &core.options.guesses)?.settle(&core.store.master)?;
    let source = Source::find(core, call).await?;
    let replaces = directive(call, "x-cos-metadata-directive")?;
    if !replaces && source.bucket == call.bucket && source.object.key == call.key {
        return Err(Refusal::new(400, "InvalidRequest", "a copy onto itself needs the metadata directive Replaced"));
    }
    let properties = Properties {
        headers: if replaces { given.headers } else { source.object.properties.headers.clone() },
        tagging: if directive(call, "x-cos-tagging-directive")? {
            given.tagging
        } else {
            source.object.properties.tagging.clone()
        },
        ..given
    };
    let span = (0, source.object.size);
    let written = source.bytes(core, span, (&encryption, data_key.clone())).await?;
    let etag = encryption.etag(written.md5, data_key.as_ref(), written.crc64, written.blob.size)?;
    let object = Object {
        key: call.key.clone(),
        upload_id: None,
        size: written.blob.size,
        etag,
        crc64: written.crc64,
        modified: core.options.clock.unix_seconds(),
        properties,
        encryption,
        blobs: vec![written.blob],
    };
    let answer =
        told(core, "CopyObjectResult", (&object.etag, object.crc64, object.modified), object.encryption.echo());
    blocking(core, call, move |core, bucket| {
        bucket.put(&object, written.unkept, forbid_overwrite).map_err(|cause| conflict(core, cause))
    })
    .await?;
    Ok(answer)
}

/// One part from a range of another object.
pub(super) async fn part(core: &Arc<Core>, call: &Call) -> Result<Answer, Refusal> {
    let number = upload::part_number(call)?;
    let upload = upload::find(core, call).await?;
    let customer = encryption::customer_key(call, &core.options.guesses)?;
    let data_key = upload.encryption.unlock(customer, &core.store.master, &core.options.guesses)?;
    let source = Source::find(core, call).await?;
    let span = range(call, source.object.size)?;
    let written = source.bytes(core, span, (&upload.encryption, data_key.clone())).await?;
    let etag = upload.encryption.etag(written.md5, data_key.as_ref(), written.crc64, written.blob.size)?;
    let modified = core.options.clock.unix_seconds();
    let part = Part { number, blob: written.blob, etag, crc64: written.crc64, modified };
    let answer = told(core, "CopyPartResult", (&part.etag, part.crc64, part.modified), upload.encryption.echo());
    blocking(core, call, move |core, bucket| {
        bucket.put_part(&upload, &part, written.unkept).map_err(|cause| conflict(core, cause))
    })
    .await?;
    Ok(answer)
}

/// The object that is copied from.
struct Source {
    bucket: String,
    object: Object,
    data_key: Option<Secret>,
}

impl Source {
    async fn find(core: &Arc<Core>, call: &Call) -> Result<Self, Refusal> {
        let invalid =
            || Refusal::new(400, "InvalidCopySource", "the copy source is not BUCKET.cos.REGION.myqcloud.com/KEY");
        let text = call.header(SOURCE)?.ok_or_else(invalid)?;
        // Versions are not spoken, so one that is named cannot be found.
        let (path, version) = text.split_once('?').map_or((text, None), |(path, query)| (path, Some(query)));
        if version.is_some() {
            return Err(Refusal::new(404, "NoSuchVersion", "the version of the copy source does not exist"));
        }
        let (host, key) = path.split_once('/').ok_or_else(invalid)?;
        let path = percent::decode(&format!("/{key}")).ok_or_else(invalid)?;
        let (bucket, key) = request::locate(host, &path, &core.options);
        let absent = || Refusal::new(404, "NoSuchCopySource", "the copy source does not exist");
        let (stored, name) = (Arc::clone(core), bucket.clone());
        let object = blocking(core, call, move |_, _| {
            stored.store.bucket(&name).ok_or_else(absent)?.object(&key)?.ok_or_else(absent)
        })
        .await?;
        check_conditions(call, &object)?;
        let given = encryption::source_key(call, &core.options.guesses)?;
        let customer = matches!(object.encryption, AtRest::Customer { .. });
        let data_key = object.encryption.unlock(given, &core.store.master, &core.options.guesses);
        let data_key = data_key.map_err(|refusal| {
            let message = "the copy source needs the customer key that it was encrypted with";
            if customer { Refusal::new(400, "SsecDecryptHeaderInvalid", message) } else { refusal }
        })?;
        Ok(Self { bucket, object, data_key })
    }

    /// Copies the bytes of a span to a new file, from one encryption to another.
    async fn bytes(
        self,
        core: &Arc<Core>,
        span: (u64, u64),
        (at_rest, to_key): (&AtRest, Option<Secret>),
    ) -> Result<Written, Refusal> {
        if span.1 - span.0 > upload::MOST_BYTES {
            return Err(Refusal::new(400, "EntityTooLarge", "one copy takes at most 5 GB"));
        }
        let (core, want_md5) = (Arc::clone(core), at_rest.tags_by_md5());
        let copied = tokio::task::spawn_blocking(move || {
            let gone = || Refusal::new(404, "NoSuchCopySource", "the copy source was just replaced");
            let bucket = core.store.bucket(&self.bucket).ok_or_else(gone)?;
            let lease = bucket.lease(&self.object)?.ok_or_else(gone)?;
            let mut reader = bucket.reader(self.object, self.data_key, span, lease);
            let mut writer = bucket.write_blob(to_key.as_ref(), want_md5)?;
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

/// `true` for `Replaced`, `false` for `Copy`, which is also the default.
fn directive(call: &Call, name: &str) -> Result<bool, Refusal> {
    match call.header(name)? {
        None | Some("" | "Copy") => Ok(false),
        Some("Replaced") => Ok(true),
        Some(_) => Err(Refusal::argument(format!("{name} must be Copy or Replaced"))),
    }
}

/// The range of the source, both ends named and within it; the whole source if there is none.
fn range(call: &Call, size: u64) -> Result<(u64, u64), Refusal> {
    let Some(text) = call.header("x-cos-copy-source-range")? else { return Ok((0, size)) };
    let (first, last) = text
        .strip_prefix("bytes=")
        .and_then(|span| span.split_once('-'))
        .and_then(|(first, last)| Some((first.parse::<u64>().ok()?, last.parse::<u64>().ok()?)))
        .ok_or_else(|| Refusal::argument("x-cos-copy-source-range must be bytes=FIRST-LAST"))?;
    if first > last || last >= size {
        return Err(Refusal::new(416, "InvalidRange", "the range is not within the copy source"));
    }
    Ok((first, last + 1))
}

fn check_conditions(call: &Call, object: &Object) -> Result<(), Refusal> {
    let names = |tags: &str| tags.trim_matches('"') == object.etag;
    let date = |name: &str| Ok::<_, Refusal>(call.header(name)?.and_then(dates::parse_http));
    let failed = call.header("x-cos-copy-source-if-match")?.is_some_and(|tags| !names(tags))
        || call.header("x-cos-copy-source-if-none-match")?.is_some_and(names)
        || date("x-cos-copy-source-if-unmodified-since")?.is_some_and(|since| object.modified > since)
        || date("x-cos-copy-source-if-modified-since")?.is_some_and(|since| object.modified <= since);
    if failed {
        return Err(Refusal::new(412, "PreconditionFailed", "a condition on the copy source does not hold"));
    }
    Ok(())
}

/// The answer comes in chunks, as it may take long and may still turn into an error.
fn told(
    core: &Core,
    root: &'static str,
    (etag, crc64, modified): (&str, u64, u64),
    echo: Vec<(&'static str, String)>,
) -> Answer {
    let mut document = Document::new(root);
    document
        .text("ETag", &format!("\"{etag}\""))
        .text("CRC64", &crc64.to_string())
        .text("LastModified", &dates::iso(modified));
    Answer::slow_xml(document.finish(), &core.options.guesses).crc64(crc64).echo(echo)
}
