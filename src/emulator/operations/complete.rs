//! Complete (/document/product/436/7742).

use std::sync::Arc;

use super::{Core, Upstream, blocking, body, conflict, no_upload};
use crate::emulator::{
    answer::{Answer, Refusal},
    crc, hex,
    request::Call,
    store::{Object, Part, Upload},
    xml::{self, Document},
};

/// The largest document taken: comments in two official SDKs tell 1 MB.
const MOST_XML: usize = 1 << 20;

pub(super) async fn complete(core: &Arc<Core>, call: &Call, upstream: &mut Upstream) -> Result<Answer, Refusal> {
    let upload = super::upload::find(core, call).await?;
    let forbid_overwrite = super::forbids_overwrite(core, call).await?;
    let text = upstream
        .whole(MOST_XML)
        .await?
        .ok_or_else(|| Refusal::new(400, "XMLSizeLimit", "the list of parts is longer than 1 MB"))?;
    body::check_md5(call, &text)?;
    let listed = xml::parse_complete(&text)?;
    let echo = if core.options.guesses.echo_on_complete { upload.encryption.echo() } else { Vec::new() };
    let object = blocking(core, call, move |core, bucket| {
        // Once more if a part was replaced between look and change.
        loop {
            if bucket.upload(&upload.id, &upload.key)?.is_none() {
                return Err(no_upload());
            }
            let parts = bucket.parts(&upload.id)?;
            let object = assemble(core, &upload, &parts, &listed)?;
            let done = bucket.complete(&upload, &object, &parts, forbid_overwrite);
            if done.map_err(|cause| conflict(core, cause))? {
                return Ok(object);
            }
        }
    })
    .await?;

    let host = call.header(http::header::HOST.as_str())?.unwrap_or_default();
    let mut document = Document::new("CompleteMultipartUploadResult");
    document
        .text("Location", &format!("http://{host}{}", call.path))
        .text("Bucket", &call.bucket)
        .text("Key", &call.key)
        .text("ETag", &format!("\"{}\"", object.etag));
    let crc64 = core.options.guesses.crc_on_complete.then_some(object.crc64);
    let answer = Answer::slow_xml(document.finish(), &core.options.guesses);
    Ok(Answer { crc64, echo, ..answer })
}

/// The object of the listed parts, if the list is right.
fn assemble(core: &Core, upload: &Upload, parts: &[Part], listed: &[(u32, String)]) -> Result<Object, Refusal> {
    if listed.windows(2).any(|pair| pair[0].0 >= pair[1].0) {
        return Err(Refusal::new(400, "InvalidPartOrder", "the parts are not in ascending order"));
    }
    let invalid = |number: u32, reason: &str| Refusal::new(400, "InvalidPart", format!("part {number} {reason}"));
    let (mut blobs, mut size, mut crc64) = (Vec::with_capacity(listed.len()), 0, 0);
    for (position, (number, etag)) in (1_u32..).zip(listed) {
        if *number != position && !core.options.guesses.gaps {
            return Err(invalid(*number, "follows a gap"));
        }
        let found = u16::try_from(*number)
            .ok()
            .and_then(|number| parts.binary_search_by_key(&number, |part| part.number).ok().map(|index| &parts[index]));
        let part = found.ok_or_else(|| invalid(*number, "was not uploaded"))?;
        if part.etag != *etag {
            return Err(invalid(*number, "has another ETag"));
        }
        if part.blob.size < core.options.min_part_size && position as usize != listed.len() {
            return Err(Refusal::new(
                400,
                "EntityTooSmall",
                format!("part {number} is too small for a part in between"),
            ));
        }
        size += part.blob.size;
        crc64 = crc::combine(crc64, part.crc64, part.blob.size);
        blobs.push(part.blob.clone());
    }
    Ok(Object {
        key: upload.key.clone(),
        upload_id: Some(upload.id.clone()),
        size,
        // Opaque: the service's own is not computed from the parts' either.
        etag: format!("{}-{}", hex::encode(&hex::random::<16>()?), listed.len()),
        crc64,
        modified: core.options.clock.unix_seconds(),
        properties: upload.properties.clone(),
        encryption: upload.encryption.clone(),
        blobs,
    })
}
