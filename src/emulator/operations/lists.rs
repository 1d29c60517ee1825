//! ListParts and ListMultipartUploads (/document/product/436/7747, /document/product/436/7736).

use std::{collections::BTreeSet, sync::Arc};

use super::{Core, blocking};
use crate::emulator::{
    answer::{Answer, Refusal},
    dates,
    dialect::Dialect,
    encryption, percent,
    request::Call,
    store::Upload,
    xml::Document,
};

pub(super) async fn parts(core: &Arc<Core>, call: &Call) -> Result<Answer, Refusal> {
    let upload = super::upload::find(core, call).await?;
    encryption::check_upload_key(call, &upload, &core.store.master, &core.options)?;
    let most = limit(call, "max-parts")?;
    let after: u32 = match call.filled("part-number-marker") {
        None => 0,
        Some(text) => text.parse().map_err(|_| Refusal::argument("part-number-marker is not a number"))?,
    };
    let encode = call.dialect.rules().encodes_parts && encoding(call)?;
    let id = upload.id.clone();
    let mut parts = blocking(core, call, move |_, bucket| Ok(bucket.parts(&id)?)).await?;
    parts.retain(|part| u32::from(part.number) > after);
    let truncated = parts.len() > most;
    parts.truncate(most);

    let mut document = Document::new(call.dialect, "ListPartsResult");
    document.text("Bucket", &call.bucket);
    if encode {
        document.text("EncodingType", "url");
    }
    document.text("Key", &text_of(&upload.key, encode)).text("UploadId", &upload.id);
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
    let most = limit(call, "max-uploads")?;
    let encode = encoding(call)?;
    let prefix = call.param("prefix").unwrap_or_default().to_owned();
    let delimiter = call.filled("delimiter").unwrap_or_default();
    let key_marker = call.param("key-marker").unwrap_or_default();
    // It counts only with a key marker.
    let id_marker = if key_marker.is_empty() { "" } else { call.param("upload-id-marker").unwrap_or_default() };
    let wanted = prefix.clone();
    let uploads = blocking(core, call, move |_, bucket| Ok(bucket.uploads(&wanted)?)).await?;

    let mut listed = Vec::new();
    let mut folders = BTreeSet::new();
    let mut last = None;
    let mut truncated = false;
    for upload in &uploads {
        let folder = (!delimiter.is_empty())
            .then(|| upload.key[prefix.len()..].find(delimiter))
            .flatten()
            .map(|at| &upload.key[..prefix.len() + at + delimiter.len()]);
        let passed = match folder {
            // A folder that was listed is passed as a whole.
            Some(folder) => !key_marker.is_empty() && (folder <= key_marker || upload.key.as_str() <= key_marker),
            None if id_marker.is_empty() => !key_marker.is_empty() && upload.key.as_str() <= key_marker,
            None => (upload.key.as_str(), upload.id.as_str()) <= (key_marker, id_marker),
        };
        if passed || folder.is_some_and(|folder| folders.contains(folder)) {
            continue;
        }
        if listed.len() + folders.len() == most {
            truncated = true;
            break;
        }
        if let Some(folder) = folder {
            folders.insert(folder);
            last = Some((folder, ""));
        } else {
            listed.push(upload);
            last = Some((upload.key.as_str(), upload.id.as_str()));
        }
    }

    let mut document = Document::new(call.dialect, "ListMultipartUploadsResult");
    document.text("Bucket", &call.bucket);
    if encode {
        document.text(call.dialect.names().encoding, "url");
    }
    document
        .text("KeyMarker", &text_of(key_marker, encode))
        .text("UploadIdMarker", id_marker)
        .text("Prefix", &text_of(&prefix, encode))
        .text("Delimiter", &text_of(delimiter, encode))
        .text("MaxUploads", &most.to_string())
        .text("IsTruncated", if truncated { "true" } else { "false" });
    if let Some((key, id)) = last.filter(|_| truncated) {
        document.text("NextKeyMarker", &text_of(key, encode)).text("NextUploadIdMarker", id);
    }
    for upload in listed {
        document
            .begin("Upload")
            .text("Key", &text_of(&upload.key, encode))
            .text("UploadId", &upload.id)
            .text("StorageClass", upload.properties.storage_class.as_deref().unwrap_or("STANDARD"));
        owners(&mut document, call.dialect);
        document.text("Initiated", &dates::iso(upload.initiated));
        planned(&mut document, upload);
        document.end();
    }
    for folder in folders {
        document.begin("CommonPrefixes").text("Prefix", &text_of(folder, encode)).end();
    }
    Ok(Answer::xml(document.finish()))
}

/// The size of a page: 1 to 1000.
fn limit(call: &Call, name: &str) -> Result<usize, Refusal> {
    match call.filled(name).map(str::parse::<usize>) {
        None => Ok(1000),
        Some(Ok(most)) if (1..=1000).contains(&most) => Ok(most),
        // Real S3 gives no more than it gives, whatever is asked for.
        Some(Ok(1001..)) if call.dialect.rules().shortens_pages => Ok(1000),
        Some(_) => Err(Refusal::argument(format!("{name} must be from 1 to 1000"))),
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

fn text_of(name: &str, encode: bool) -> String {
    // A slash stays, as in the samples.
    if encode { percent::encode(name.as_bytes()).replace("%2F", "/") } else { name.to_owned() }
}

fn owners(document: &mut Document, dialect: Dialect) {
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
