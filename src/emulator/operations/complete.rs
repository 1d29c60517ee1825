//! Complete (/document/product/436/7742, API_CompleteMultipartUpload.html).

use std::sync::Arc;

use md5::{Digest as _, Md5};

use super::{Core, Upstream, blocking, body, conflict, integrity::Claimed, no_upload};
use crate::emulator::{
    answer::{Answer, Refusal},
    checksum::{Checksum, Kind, Planned},
    crc, encryption, hex,
    request::Call,
    store::{AtRest, Object, Part, Upload},
    xml::{self, Document, Listed},
};

pub(super) async fn complete(core: &Arc<Core>, call: &Call, upstream: &mut Upstream) -> Result<Answer, Refusal> {
    let upload = super::upload::find(core, call).await?;
    encryption::check_upload_key(call, &upload, &core.store.master, &core.options)?;
    let forbid_overwrite = super::forbids_overwrite(core, call).await?;
    let claimed = Claimed::read(call)?;
    let most = core.options.limits.max_xml_bytes;
    let announced = upstream.announced().and_then(|length| usize::try_from(length).ok());
    let held = core.room.list(announced.unwrap_or(most).min(most)).await;
    let text = upstream.whole(most).await?;
    let text = text.ok_or_else(|| Refusal::from(call.dialect.refusals().long_xml))?;
    if text.is_empty()
        && let Some(missing) = call.dialect.refusals().missing_list
    {
        return Err(missing.into());
    }
    let md5 = body::content_md5(call)?;
    if core.options.guesses.complete_needs_md5 && md5.is_none() {
        return Err(Refusal::new(400, "InvalidDigest", "Complete needs a Content-MD5"));
    }
    let working = core.room.work(text.len()).await;
    let customer = matches!(upload.encryption, AtRest::Customer { .. });
    let echoes = core.options.guesses.echo_on_complete && (!customer || call.dialect.rules().complete_confirms_keys);
    let echo = if echoes { upload.encryption.echo(call.dialect) } else { Vec::new() };
    let object = blocking(core, call, move |core, bucket| {
        let _working = working;
        body::check_md5(md5, &text)?;
        let listed = xml::parse_complete(&text)?;
        drop((text, held));
        // Once more if a part was replaced between look and change.
        loop {
            let mark = bucket.look(&upload.id, &upload.key).ok_or_else(no_upload)?;
            // A list that is out of order is refused, whatever is found here.
            let is_listed = |part: &Part| listed.binary_search_by_key(&u32::from(part.number), |it| it.number).is_ok();
            let (parts, rest) = bucket.parts_and_rest(&upload.id, is_listed)?;
            let object = assemble(core, &upload, &parts, &listed)?;
            if let (Some(planned), Some(whole)) = (upload.planned, &object.checksum) {
                claimed.check(planned, whole, object.size, &core.options.guesses)?;
            }
            let done = bucket.complete(&upload, &object, (rest, mark), forbid_overwrite);
            if done.map_err(|cause| conflict(core, cause))? {
                core.held.forget(&upload.id);
                return Ok(object);
            }
        }
    })
    .await?;
    Ok(Answer { echo, ..answer(core, call, &object) })
}

fn answer(core: &Core, call: &Call, object: &Object) -> Answer {
    let host = call.header(http::header::HOST.as_str()).ok().flatten().unwrap_or_default();
    let mut document = Document::new(call.dialect, "CompleteMultipartUploadResult");
    document
        .text("Location", &format!("http://{host}{}", call.path))
        .text("Bucket", &call.bucket)
        .text("Key", &call.key)
        .text("ETag", &format!("\"{}\"", object.etag));
    let tells = core.options.guesses.crc_on_complete;
    let checksum = object.checksum.as_ref().filter(|_| tells);
    if let Some(checksum) = checksum {
        document.text(checksum.algorithm.element(), &checksum.value).text("ChecksumType", checksum.kind.name());
    }
    let answer = Answer::slow_xml(document.finish(), call.dialect, &core.options.guesses);
    if tells { answer.told_in_document(call.dialect, object.crc64, checksum) } else { answer }
}

/// The object of the listed parts, if the list is right.
fn assemble(core: &Core, upload: &Upload, parts: &[Part], listed: &[Listed]) -> Result<Object, Refusal> {
    if listed.windows(2).any(|pair| pair[0].number >= pair[1].number) {
        return Err(Refusal::new(400, "InvalidPartOrder", "the parts are not in ascending order"));
    }
    let invalid = |number: u32, reason: &str| Refusal::new(400, "InvalidPart", format!("part {number} {reason}"));
    let declared = upload.planned.filter(|planned| planned.declared);
    let mut used: Vec<&Part> = Vec::with_capacity(listed.len());
    for (position, Listed { number, etag, checksum }) in (1_u32..).zip(listed) {
        if *number != position && !core.options.guesses.gaps {
            let gap = &core.options.guesses.gap;
            return Err(Refusal::guessed(gap, format!("part {number} follows a gap")));
        }
        if *number != position && declared.is_some() {
            // Documented so: with additional checksums the numbers of parts must be consecutive.
            return Err(Refusal::new(500, "InternalError", "with checksums, the numbers of parts have no gaps"));
        }
        let found = u16::try_from(*number)
            .ok()
            .and_then(|number| parts.binary_search_by_key(&number, |part| part.number).ok().map(|index| &parts[index]));
        let part = found.ok_or_else(|| invalid(*number, "was not uploaded"))?;
        if part.etag != *etag {
            return Err(invalid(*number, "has another ETag"));
        }
        check_listed(*number, part, checksum.as_ref(), declared)?;
        if part.blob.size < core.options.limits.min_part_size && position as usize != listed.len() {
            return Err(super::upload::too_small(*number));
        }
        used.push(part);
    }
    let size = used.iter().map(|part| part.blob.size).sum();
    if size > core.options.limits.max_object_size {
        return Err(Refusal::new(400, "EntityTooLarge", "the object is too large"));
    }
    let crc64 = used.iter().fold(0, |sum, part| crc::combine(crc::XZ, sum, part.crc64, part.blob.size));
    Ok(Object {
        key: upload.key.clone(),
        upload_id: Some(upload.id.clone()),
        size,
        etag: etag(core, upload, &used)?,
        crc64,
        checksum: upload.planned.and_then(|planned| whole(planned, &used)),
        modified: core.options.clock.unix_seconds(),
        properties: upload.properties.clone(),
        encryption: upload.encryption.clone(),
        blobs: used.iter().map(|part| part.blob).collect(),
    })
}

/// Whether a part has the checksum that the list names, and the list names one where it must.
fn check_listed(number: u32, part: &Part, listed: Option<&Checksum>, declared: Option<Planned>) -> Result<(), Refusal> {
    match (listed, declared) {
        (Some(listed), _) if part.checksums.contains(listed) => Ok(()),
        (Some(_), _) => {
            let message = "One or more of the specified parts could not be found. The part may not have been uploaded, \
                           or the specified entity tag may not match the part's entity tag.";
            Err(Refusal::new(400, "InvalidPart", message))
        }
        (None, Some(Planned { algorithm, kind: Kind::Composite, .. })) => Err(Refusal::new(
            400,
            "InvalidRequest",
            format!(
                "The upload was created using a {} checksum. The complete request must include the checksum for each \
                 part. It was missing for part {number} in the request.",
                algorithm.name().to_ascii_lowercase()
            ),
        )),
        (None, _) => Ok(()),
    }
}

/// The checksum of the object, if each part has one of the algorithm.
fn whole(planned: Planned, parts: &[&Part]) -> Option<Checksum> {
    let values = parts
        .iter()
        .map(|part| {
            let checksum = part.checksums.iter().find(|checksum| checksum.algorithm == planned.algorithm)?;
            Some((checksum.value.as_str(), part.blob.size))
        })
        .collect::<Option<Vec<_>>>()?;
    planned.algorithm.of_parts(planned.kind, &values)
}

/// The MD5 of the parts' MD5s with S3, where these are; else opaque: with COS the service's own is not computed from the
/// parts' either.
fn etag(core: &Core, upload: &Upload, parts: &[&Part]) -> Result<String, Refusal> {
    let digests = parts.iter().map(|part| hex::decode(&part.etag)).collect::<Option<Vec<_>>>();
    let digest = match digests {
        Some(digests) if core.options.dialect.rules().tags_parts && upload.encryption.tags_by_md5() => {
            hex::encode(&Md5::digest(digests.concat()))
        }
        _ => hex::encode(&hex::random::<16>()?),
    };
    Ok(format!("{digest}-{}", parts.len()))
}
