//! ListParts and ListMultipartUploads (/document/product/436/7747, /document/product/436/7736).

use std::{collections::BTreeSet, ops::ControlFlow, sync::Arc};

use super::{Core, blocking};
use crate::emulator::{
    answer::{Answer, Refusal},
    dates,
    dialect::Spoken,
    encryption, number, percent,
    request::Call,
    store::Upload,
    xml::Document,
};

pub(super) async fn parts(core: &Arc<Core>, call: &Call) -> Result<Answer, Refusal> {
    let upload = super::upload::find(core, call).await?;
    encryption::check_upload_key(call, &upload, &core.store.master, &core.options)?;
    let most = limit(core, call, "max-parts")?;
    let after: u32 = match call.filled("part-number-marker") {
        None => 0,
        Some(text) => number::read(text)
            .and_then(|marker| u32::try_from(marker).ok())
            .ok_or_else(|| Refusal::argument("part-number-marker is not a number"))?,
    };
    let encode = call.dialect.rules().encodes_parts && encoding(call)?;
    let id = upload.id.clone();
    let mut parts = blocking(core, call, move |_, bucket| {
        let parts = bucket.parts(&id, after, most + 1)?;
        bucket.settle_parts(&id)?;
        Ok(parts)
    })
    .await?;
    let truncated = parts.len() > most;
    parts.truncate(most);

    let mut document = Document::new(call.dialect, "ListPartsResult");
    document.text("Bucket", &call.bucket);
    if encode {
        document.text(encoding_element(core), "url");
    }
    document.text("Key", &text_of(core, &upload.key, encode)).text("UploadId", &upload.id);
    owners(&mut document, call.dialect);
    document
        .text("StorageClass", upload.properties.storage_class.as_deref().unwrap_or("STANDARD"))
        .text("PartNumberMarker", &after.to_string())
        .text("MaxParts", &most.to_string())
        .text("IsTruncated", if truncated { "true" } else { "false" });
    if let Some(last) = parts.last().filter(|_| truncated) {
        document.text("NextPartNumberMarker", &last.number.to_string());
    }
    planned(&mut document, &upload);
    for part in &parts {
        document
            .begin("Part")
            .text("PartNumber", &part.number.to_string())
            .text("LastModified", &dates::iso(part.modified))
            .text("ETag", &format!("\"{}\"", part.etag))
            .text("Size", &part.blob.size.to_string());
        if let Some(checksum) = part.checksums.first() {
            document.text(checksum.algorithm.element(), &checksum.value);
        }
        document.end();
    }
    Ok(Answer::xml(document.finish()))
}

pub(super) async fn uploads(core: &Arc<Core>, call: &Call) -> Result<Answer, Refusal> {
    let most = limit(core, call, "max-uploads")?;
    let encode = encoding(call)?;
    let prefix = call.param("prefix").unwrap_or_default().to_owned();
    let delimiter = call.filled("delimiter").unwrap_or_default();
    let key_marker = call.param("key-marker").unwrap_or_default();
    // It counts only with a key marker.
    let id_marker = if key_marker.is_empty() { "" } else { call.param("upload-id-marker").unwrap_or_default() };
    super::upload::expire(core, call).await?;

    let mut listed = Vec::new();
    let mut folders = BTreeSet::new();
    let mut last = None;
    let mut truncated = false;
    super::bucket(core, call)?.uploads(&prefix, (key_marker, id_marker), |upload| {
        let folder = (!delimiter.is_empty())
            .then(|| upload.key[prefix.len()..].find(delimiter))
            .flatten()
            .map(|at| upload.key[..prefix.len() + at + delimiter.len()].to_owned());
        let passed = match folder.as_deref() {
            // A folder that was listed is passed as a whole.
            Some(folder) => !key_marker.is_empty() && (folder <= key_marker || upload.key.as_str() <= key_marker),
            None if id_marker.is_empty() => !key_marker.is_empty() && upload.key.as_str() <= key_marker,
            None => (upload.key.as_str(), upload.id.as_str()) <= (key_marker, id_marker),
        };
        if passed || folder.as_ref().is_some_and(|folder| folders.contains(folder)) {
            return ControlFlow::Continue(());
        }
        if listed.len() + folders.len() == most {
            truncated = true;
            return ControlFlow::Break(());
        }
        if let Some(folder) = folder {
            last = Some((folder.clone(), String::new()));
            folders.insert(folder);
        } else {
            last = Some((upload.key.clone(), upload.id.clone()));
            listed.push(Arc::clone(upload));
        }
        ControlFlow::Continue(())
    });

    let mut document = Document::new(call.dialect, "ListMultipartUploadsResult");
    document.text("Bucket", &call.bucket);
    if encode {
        document.text(encoding_element(core), "url");
    }
    document
        .text("KeyMarker", &text_of(core, key_marker, encode))
        .text("UploadIdMarker", id_marker)
        .text("Prefix", &text_of(core, &prefix, encode))
        .text("Delimiter", &text_of(core, delimiter, encode))
        .text("MaxUploads", &most.to_string())
        .text("IsTruncated", if truncated { "true" } else { "false" });
    if let Some((key, id)) = last.filter(|_| truncated) {
        document.text("NextKeyMarker", &text_of(core, &key, encode)).text("NextUploadIdMarker", &id);
    }
    for upload in listed {
        document
            .begin("Upload")
            .text("Key", &text_of(core, &upload.key, encode))
            .text("UploadId", &upload.id)
            .text("StorageClass", upload.properties.storage_class.as_deref().unwrap_or("STANDARD"));
        owners(&mut document, call.dialect);
        document.text("Initiated", &dates::iso(upload.initiated));
        planned(&mut document, &upload);
        document.end();
    }
    for folder in folders {
        document.begin("CommonPrefixes").text("Prefix", &text_of(core, &folder, encode)).end();
    }
    Ok(Answer::xml(document.finish()))
}

/// The size of a page: 1 to 1000.
fn limit(core: &Core, call: &Call, name: &str) -> Result<usize, Refusal> {
    let longest = core.options.limits.max_list_entries;
    let Some(text) = call.filled(name) else { return Ok(longest) };
    match number::read(text).map(|most| usize::try_from(most).unwrap_or(usize::MAX)) {
        Some(most) if (1..=longest).contains(&most) => Ok(most),
        // Real S3 gives no more than it gives, whatever is asked for.
        Some(1..) if call.dialect.rules().shortens_pages => Ok(longest),
        _ => Err(Refusal::argument(format!("{name} must be from 1 to {longest}"))),
    }
}

/// Whether names are to be percent-encoded.
fn encoding(call: &Call) -> Result<bool, Refusal> {
    match call.filled("encoding-type") {
        None => Ok(false),
        Some("url") => Ok(true),
        Some(_) => Err(Refusal::argument("encoding-type must be url")),
    }
}

/// How the answer says that names are encoded.
fn encoding_element(core: &Core) -> &'static str {
    match core.options.guesses.encoding_element.as_str() {
        "EncodingType" => "EncodingType",
        "Encoding-Type" => "Encoding-Type",
        _ => "Encoding-type",
    }
}

/// A name, encoded if `encode` says so.
fn text_of(core: &Core, name: &str, encode: bool) -> String {
    if !encode {
        return name.to_owned();
    }
    // A slash stays, as in the samples.
    let encoded = percent::encode(name.as_bytes()).replace("%2F", "/");
    if core.options.guesses.plus_for_space { encoded.replace("%20", "+") } else { encoded }
}

fn owners(document: &mut Document, dialect: Spoken) {
    let (id, name) = dialect.rules().owner;
    for element in ["Initiator", "Owner"] {
        document.begin(element).text("ID", id).text("DisplayName", name).end();
    }
}

/// The checksum that an upload declared.
fn planned(document: &mut Document, upload: &Upload) {
    if let Some(planned) = upload.planned.filter(|planned| planned.declared) {
        document.text("ChecksumAlgorithm", planned.algorithm.name()).text("ChecksumType", planned.kind.name());
    }
}
