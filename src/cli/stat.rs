//! `stat`: what the store says of an object.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::json;

use super::{
    args::ReadArgs,
    block_on,
    console::{Console, printable},
    drive,
    explain::Explainer,
    report::{checksum_label, maybe, row, size},
    signals::Signals,
    sse_key, store,
};
use crate::{
    checksum::{Algorithm, Checksum},
    error::{Error, ErrorKind, Result},
    ident::{ETag, ObjectUrl, VersionId},
    operation::Operation,
    sse::{Echo, Reported, SseContext},
    transfer::{Uploader, UploaderOptions},
    transport::{Answered, RequestObserver},
    wire::{Head, ObjectInfo, may_be_the_key},
};

/// Asks for an object's head, and shows it.
pub(super) fn run(args: &ReadArgs, console: &Console) -> Result<()> {
    let url: ObjectUrl = args.url.parse()?;
    let key = url.key()?;
    let sse = sse_key::context(url.dialect, &args.sse, console)?;
    let explainer = Explainer::new(args.explain, console);
    let observer = Some(Arc::clone(&explainer) as Arc<dyn RequestObserver>);
    let client = store::client(&url, &args.store, &args.sse, observer)?;
    let uploader = Uploader::new(UploaderOptions::default())?;
    let (call, asked) = (Head { key, version_id: None }, sse.clone());
    let outcome = block_on(async {
        let mut signals = Signals::listen(console)?;
        let work = uploader.run(async move { client.send(&call, &asked).await });
        drive::or_stopped(async { work.await? }, &mut signals).await
    });
    explainer.sum_up();
    let answer = outcome.map_err(|error| perhaps_encrypted(error, &sse))?;
    if let Echo::Silent = answer.echo {
        if !sse.is_customer() {
            return Err(sse.unconfirmed(Operation::Head));
        }
        // The key may have been taken or ignored; some stores do not tell on HEAD.
        console.warn("the store does not say that the object is under this key");
    }
    if console.json() {
        return console.value(&as_json(&url, &answer));
    }
    console.data(printable(&for_people(&url, &answer)).as_bytes())
}

/// Adds the usual reason for a refused HEAD or GET where no key was given.
///
/// For an object under a customer key a store answers 400 or 403 (the manuals do not say which), and HEAD has no body
/// that could tell the reason.
pub(super) fn perhaps_encrypted(error: Error, sse: &SseContext) -> Error {
    // What is known of a code, or of who answered, is said already.
    let untold = error.kind() == ErrorKind::Rejected && error.request_id().is_some();
    if untold && !sse.is_customer() && may_be_the_key(&error) {
        return error
            .with_hint("if the object is under a customer key, name it with --sse-key; else check the permissions");
    }
    error
}

/// What the store reports of the encryption.
fn reported(echo: &Echo) -> Option<&Reported> {
    match echo {
        Echo::Confirmed(reported) => Some(reported),
        Echo::Unasked(reported) => reported.as_ref(),
        Echo::Silent => None,
    }
}

fn as_json(url: &ObjectUrl, answer: &Answered<ObjectInfo>) -> serde_json::Value {
    let info = &answer.value;
    let sse = reported(&answer.echo);
    let meta: BTreeMap<&str, &str> = info.meta.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    json!({
        "url": url.to_string(),
        "size": info.size,
        "crc64": info.checksum.filter(is_crc64).map(|checksum| checksum.to_string()),
        "checksum": info.checksum.map(|checksum| {
            json!({"algorithm": checksum.algorithm().name(), "value": checksum.to_string(), "type": "full-object"})
        }),
        "etag": info.etag.as_ref().map(ETag::as_str),
        "version_id": info.version_id.as_ref().map(VersionId::as_str),
        "content_type": info.content_type,
        "storage_class": info.storage_class,
        "last_modified": info.last_modified,
        "sse": {
            "mode": sse.map_or("none", |sse| sse.mode.name()),
            "algorithm": sse.map(|sse| &sse.algorithm),
            "kms_key_id": sse.and_then(|sse| sse.kms_key_id.as_ref()),
            "key_md5": sse.and_then(|sse| sse.key_md5.as_ref()),
        },
        "meta": meta,
        "request_id": answer.request_id,
    })
}

fn for_people(url: &ObjectUrl, answer: &Answered<ObjectInfo>) -> String {
    let info = &answer.value;
    let mut text = format!("{url}\n");
    row(&mut text, "size", &size(info.size));
    row(&mut text, "encryption", &encryption_reported(&answer.echo));
    if let Some(checksum) = info.checksum {
        row(&mut text, checksum_label(checksum.algorithm().name()), &checksum.to_string());
    }
    maybe(&mut text, "etag", info.etag.as_ref().map(ETag::as_str));
    maybe(&mut text, "version", info.version_id.as_ref().map(VersionId::as_str));
    maybe(&mut text, "type", info.content_type.as_deref());
    maybe(&mut text, "class", info.storage_class.as_deref());
    maybe(&mut text, "modified", info.last_modified.as_deref());
    for (name, value) in &info.meta {
        row(&mut text, "meta", &format!("{name}={value}"));
    }
    text
}

/// The one that has a field of its own, for scripts that know COS.
fn is_crc64(checksum: &Checksum) -> bool {
    checksum.algorithm() == Algorithm::Crc64Xz
}

/// The encryption in words, as the store reports it.
pub(super) fn encryption_reported(echo: &Echo) -> String {
    let Some(sse) = reported(echo) else { return "none reported".to_owned() };
    let (mode, algorithm) = (sse.mode.name(), &sse.algorithm);
    match (&sse.kms_key_id, &sse.key_md5) {
        (Some(id), _) => format!("{mode} ({algorithm}), KMS key {id}"),
        (None, Some(md5)) => format!("{mode} ({algorithm}), key with MD5 {md5}"),
        (None, None) => format!("{mode} ({algorithm})"),
    }
}
