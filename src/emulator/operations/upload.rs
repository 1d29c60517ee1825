//! Initiate, UploadPart and Abort (/document/product/436/7746, /document/product/436/7750, /document/product/436/7740).

use std::sync::Arc;

use http::StatusCode;

use super::{Core, Upstream, blocking, body, conflict, integrity, no_upload, properties};
use crate::{
    emulator::{
        answer::{Answer, Refusal, Told},
        encryption::{self, Opens},
        hex,
        request::{Call, Operation},
        store::{AtRest, Bucket, Part, Upload},
        xml::Document,
    },
    secret::Secret,
};

pub(super) async fn initiate(core: &Arc<Core>, call: &Call) -> Result<Answer, Refusal> {
    if call.dialect.rules().forbids_at_initiate {
        super::forbids_overwrite(core, call).await?;
    }
    let properties = properties::read(core, call)?;
    let planned = integrity::planned(call)?;
    let (encryption, data_key) = encryption::asked(call, &core.options)?.settle(call.dialect, &core.store.master)?;
    let initiated = core.options.clock.unix_seconds();
    // The shape of the ids in the manual's samples: ten digits of the time, then 64 hexadecimal ones.
    let id = format!("{initiated:010}{}", hex::encode(&hex::random::<32>()?));
    let echo = if core.options.guesses.echo_on_initiate { encryption.echo(call.dialect) } else { Vec::new() };
    let upload = Upload { id, key: call.key.clone(), initiated, properties, encryption, planned };
    let mut document = Document::new(call.dialect, "InitiateMultipartUploadResult");
    document.text("Bucket", &call.bucket).text("Key", &call.key).text("UploadId", &upload.id);
    let customer = matches!(upload.encryption, AtRest::Customer { .. });
    let held = data_key.filter(|_| customer && !core.options.guesses.part_copy_needs_key);
    blocking(core, call, move |core, bucket| {
        let id = upload.id.clone();
        bucket.open_upload(upload)?;
        if let Some(key) = held {
            core.held.hold(&id, key);
        }
        Ok(())
    })
    .await?;
    let answer = Answer::xml(document.finish()).echo(echo);
    Ok(match planned.filter(|planned| planned.declared) {
        None => answer,
        Some(planned) => answer
            .header("x-amz-checksum-algorithm", planned.algorithm.name())
            .header("x-amz-checksum-type", planned.kind.name()),
    })
}

pub(super) async fn part(core: &Arc<Core>, call: &Call, upstream: &mut Upstream) -> Result<Answer, Refusal> {
    let number = part_number(core, call)?;
    super::check_traffic_limit(call)?;
    let expected = body::expected(call, upstream, core.options.limits.max_part_size)?;
    let upload = find(core, call).await?;
    let data_key = unlock(core, call, &upload)?;
    let checksums = integrity::of_part(&upload, expected.brought.as_ref(), &core.options.guesses)?;
    let at_rest = (&upload.encryption, data_key.clone());
    let written = body::receive(core, call, upstream, (expected, checksums), at_rest).await?;

    refuse_small(core, call, &upload, (number, written.blob.size)).await?;
    let etag = upload.encryption.etag(written.md5, data_key.as_ref(), written.crc64, written.blob.size)?;
    let echo = upload.encryption.echo(call.dialect);
    let part = Part {
        number,
        blob: written.blob,
        etag: etag.clone(),
        crc64: written.crc64,
        checksums: written.checksums,
        modified: core.options.clock.unix_seconds(),
    };
    let answer = Answer::new(StatusCode::OK).etag(&etag).told(call.dialect, part.crc64, part.checksums.first());
    // A part has no type.
    let told = answer.told.map(|told| Told { kind: None, ..told });
    blocking(core, call, move |core, bucket| {
        bucket.put_part(&upload, &part, written.unkept).map_err(|cause| conflict(core, cause))
    })
    .await?;
    Ok(Answer { told, echo, ..answer })
}

pub(super) async fn abort(core: &Arc<Core>, call: &Call) -> Result<Answer, Refusal> {
    let (id, key) = (upload_id(call)?, call.key.clone());
    expire(core, call).await?;
    if blocking(core, call, move |core, bucket| drop_upload(core, bucket, &id, &key)).await? {
        Ok(Answer::new(StatusCode::NO_CONTENT))
    } else {
        Err(no_upload())
    }
}

/// The key to the bytes of an upload's parts.
pub(super) fn unlock(core: &Core, call: &Call, upload: &Upload) -> Result<Option<Secret>, Refusal> {
    let customer = encryption::customer_key(call, &core.options.guesses)?;
    if customer.is_none()
        && call.operation == Operation::UploadPartCopy
        && let Some(key) = core.held.of(&upload.id)
    {
        return Ok(Some(key));
    }
    upload.encryption.unlock(customer, &core.store.master, &core.options, Opens::Upload)
}

/// The number of the part that a call names.
pub(super) fn part_number(core: &Core, call: &Call) -> Result<u16, Refusal> {
    let most = core.options.limits.max_parts;
    let invalid = || Refusal::argument(format!("the part number must be an integer from 1 to {most}"));
    call.part.filter(|number| (1..=most).contains(number)).ok_or_else(invalid)
}

/// A part that is too small and cannot be the last one: refused here only if so guessed, else at Complete.
pub(super) async fn refuse_small(
    core: &Arc<Core>,
    call: &Call,
    upload: &Upload,
    (number, size): (u16, u64),
) -> Result<(), Refusal> {
    if !core.options.guesses.small_parts_refused_early || size >= core.options.limits.min_part_size {
        return Ok(());
    }
    let id = upload.id.clone();
    let later = blocking(core, call, move |_, bucket| Ok(bucket.parts(&id, number.into(), 1)?)).await?;
    if later.is_empty() { Ok(()) } else { Err(too_small(number.into())) }
}

pub(super) fn too_small(number: u32) -> Refusal {
    Refusal::new(400, "EntityTooSmall", format!("part {number} is too small for a part in between"))
}

/// The upload that a call names.
pub(super) async fn find(core: &Arc<Core>, call: &Call) -> Result<Arc<Upload>, Refusal> {
    let id = upload_id(call)?;
    expire(core, call).await?;
    super::bucket(core, call)?.upload(&id, &call.key).ok_or_else(no_upload)
}

/// Drops what has outlived its time, if there is such a time.
pub(super) async fn expire(core: &Arc<Core>, call: &Call) -> Result<(), Refusal> {
    let Some(lifetime) = core.options.guesses.upload_lifetime else { return Ok(()) };
    let before = core.options.clock.unix_seconds().saturating_sub(lifetime);
    blocking(core, call, move |core, bucket| {
        let old = bucket.opened_before(before);
        old.iter().try_for_each(|upload| drop_upload(core, bucket, &upload.id, &upload.key).map(drop))
    })
    .await
}

fn drop_upload(core: &Core, bucket: &Bucket, id: &str, key: &str) -> Result<bool, Refusal> {
    let dropped = bucket.abort(id, key)?;
    if dropped {
        core.held.forget(id);
    }
    Ok(dropped)
}

fn upload_id(call: &Call) -> Result<String, Refusal> {
    let id = call.filled("uploadId").map(str::to_owned);
    id.ok_or_else(|| call.dialect.refusals().no_upload_id.into())
}
