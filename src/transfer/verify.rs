//! Comparing the finished object with what was sent. It is never deleted here: an error names it.

use std::time::Duration;

use crate::{
    checksum::Checksum,
    error::{Error, ErrorKind, Result},
    ident::{ETag, UploadId, VersionId},
    operation::Operation,
    sse::{SseContext, SseMode},
    transfer::{
        Clobber, Job, ProvedBy, Stage,
        finish::{self, Made, Seen},
        job::{Extent, Proof},
        part::FORGOTTEN,
        receipt::EchoLog,
        settle,
    },
    wire::{Head, may_be_the_key},
};

/// What was sent, as a whole.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) extent: Extent,
    pub(crate) checksum: Checksum,
    /// Whether each part's own answer carried its checksum.
    pub(crate) parts_confirmed: bool,
    pub(crate) upload_id: UploadId,
    pub(crate) echoes: EchoLog,
    pub(crate) warnings: Vec<String>,
}

/// Compares, by Complete's answer and a look at the object.
pub(crate) async fn verify(job: &Job, made: Made, sent: Sent) -> Result<Proof> {
    job.board.stage(Stage::Verifying);
    let Sent { extent, checksum, parts_confirmed, upload_id, mut echoes, mut warnings } = sent;
    let object = job.object_at(made.version_id.as_ref());
    let misnamed = !made.warnings.is_empty();
    warnings.extend(made.warnings);
    let complete_confirmed = match made.echo {
        Some(Ok(echo)) => {
            let noted = echoes.note("complete", &echo).map_err(|error| error.at(Operation::Complete));
            noted.map_err(|other_key| after(&object, other_key, ErrorKind::Encryption))?;
            job.sse.mode() == SseMode::None || echo.is_confirmed()
        }
        Some(Err(contradiction)) => return Err(after(&object, contradiction, ErrorKind::Encryption)),
        None => false,
    };
    let at_complete = checksum.comparable(made.checksum);
    if at_complete.is_some_and(|stored| stored != checksum) {
        return Err(damaged(&object).at(Operation::Complete));
    }
    let seen = match made.seen {
        Some(seen) => Ok(seen),
        None => shown(job, made.version_id.as_ref()).await,
    };
    let seen = match seen {
        Ok(seen) => Some(compare(job, &object, seen, (extent.size, checksum), &mut echoes)?),
        Err(error) if is_forbidden(&error) && at_complete.is_some() && complete_confirmed && !misnamed => {
            warnings.push(
                "these credentials may not look at the object (HEAD), so its size was not compared; the answer to \
                 Complete confirmed its checksum and encryption"
                    .to_owned(),
            );
            None
        }
        Err(error) => return Err(unseen(job, &object, error)),
    };
    if seen.is_some() && !echoes.has("head") {
        warnings.extend(silent(job, &object, made.version_id.clone()).await?);
    }
    let of_whole = at_complete.or(seen.as_ref().and_then(|seen| checksum.comparable(seen.checksum))).is_some();
    // Where the dialect leaves it to the store to keep one, the parts' own are enough, each of which was proved.
    let by_parts = parts_confirmed && job.client.dialect().checksum_is_a_choice();
    if !of_whole && !by_parts {
        let unsure = "the object exists, but nothing proves that it is whole; read it back to be sure";
        // A part without its checksum has shown it, of this run or of an earlier one.
        let hint = if job.forget() { format!("{unsure}; {FORGOTTEN}") } else { unsure.to_owned() };
        return Err(Error::new(ErrorKind::Integrity, format!("the store gives no checksum of {object}"))
            .with_hint(hint)
            .at(Operation::Head));
    }
    let version_id = made.version_id.or_else(|| seen.as_ref().and_then(|seen| seen.version_id.clone()));
    let shown = seen.as_ref().and_then(|seen| seen.etag.clone());
    warnings.extend(other_tag(&object, made.etag.as_ref(), shown.as_ref()));
    // What the store shows is what others will see.
    let etag = shown.or(made.etag).ok_or_else(|| {
        Error::new(ErrorKind::Protocol, format!("the store gives no ETag for {object}"))
            .with_hint("the object exists; check the endpoint, and look at it with: sealift stat")
            .at(Operation::Head)
    })?;
    warnings.extend(versions(job.clobber, &job.object(), job.unenforced(version_id.as_ref()))?);
    let mut verified = Vec::new();
    if of_whole {
        verified.push("object-checksum");
    } else {
        warnings.push("the store keeps no checksum of the whole object; each part was proved by itself".to_owned());
    }
    if !job.source.is_stream() {
        verified.push("source-unchanged");
    }
    if parts_confirmed {
        let md5 = job.assurance.proof() == Some(ProvedBy::ContentMd5);
        verified.insert(0, if md5 { "part-md5" } else { "part-checksums" });
    } else {
        warnings.push("the store gave no checksum for some parts; that of the whole object was compared".to_owned());
    }
    if seen.is_some() {
        verified.extend(["size", "head"]);
    }
    Ok(Proof { extent, etag, version_id, checksum, of_whole, upload_id: Some(upload_id), echoes, verified, warnings })
}

/// HEAD, of what was made a moment ago: where nothing is there it is looked at again, because stores that keep copies can
/// show an object later.
async fn shown(job: &Job, version_id: Option<&VersionId>) -> Result<Seen> {
    for round in 2..=settle::CALM_ROUNDS {
        match finish::head(job, version_id.cloned()).await {
            Err(error) if error.status() == Some(404) => {}
            seen => return seen,
        }
        let pause = async {
            tokio::time::sleep(Duration::from_millis(settle::pause(round))).await;
            Ok(())
        };
        if job.unless_cancelled(pause).await.is_err() {
            break;
        }
    }
    finish::head(job, version_id.cloned()).await
}

/// Says that the object has another tag than Complete has answered. It bears the mark of this upload, so that nobody else
/// has made it.
fn other_tag(object: &str, answered: Option<&ETag>, shown: Option<&ETag>) -> Option<String> {
    // A proxy that compresses answers makes tags weak.
    let plain = |tag: &ETag| tag.as_str().trim_start_matches("W/").trim_matches('"').to_owned();
    let (answered, shown) = (plain(answered?), plain(shown?));
    (answered != shown).then(|| {
        format!(
            "{object} has the ETag {shown}, and Complete has answered {answered}: the store contradicts itself, or \
            somebody has copied the object onto itself"
        )
    })
}

/// Compares what HEAD shows.
fn compare(
    job: &Job,
    object: &str,
    seen: Seen,
    (size, checksum): (u64, Checksum),
    echoes: &mut EchoLog,
) -> Result<crate::wire::ObjectInfo> {
    let Seen { info, echo } = seen;
    echoes.note_head(echo).map_err(|contradiction| after(object, contradiction, ErrorKind::Encryption))?;
    if !job.made(&info) {
        return Err(Error::new(
            ErrorKind::Integrity,
            format!("{object} was completed, but the object that is there now does not carry its mark"),
        )
        .with_hint("somebody wrote to the same key; upload again if yours is to be there")
        .at(Operation::Head));
    }
    if info.size != size {
        return Err(Error::new(
            ErrorKind::Integrity,
            format!("{object} has {} bytes in the store, and {size} were sent", info.size),
        )
        .with_hint("do not trust this object; delete it and upload again")
        .at(Operation::Head));
    }
    if checksum.comparable(info.checksum).is_some_and(|stored| stored != checksum) {
        return Err(damaged(object).at(Operation::Head));
    }
    Ok(info)
}

/// Judges a finished object of which HEAD does not say that it is encrypted, although the answers before it have.
///
/// One under a customer key is looked at without the key: a store that shows it then has it under another encryption, or
/// in the clear. Of the other modes nothing more can be seen.
async fn silent(job: &Job, object: &str, version_id: Option<VersionId>) -> Result<Option<String>> {
    let untold = format!("the store does not say that {object} is encrypted as asked");
    if job.sse.mode() == SseMode::None {
        return Ok(None);
    }
    if !job.sse.is_customer() {
        return Ok(Some(format!("{untold}; the answers to the calls before did")));
    }
    let plain = SseContext::none(job.client.dialect());
    match job.send_as(&Head { key: job.key.clone(), version_id }, &plain).await {
        Ok(_) => {
            let shown = format!("{object} was completed, but the store shows it without the customer key");
            Err(Error::new(ErrorKind::Encryption, shown)
                .with_hint("it is not under that key, and may be in the clear: delete it, and do not trust this store")
                .at(Operation::Head))
        }
        // What opens with the key and not without it is under it.
        Err(error) if may_be_the_key(&error) => Ok(None),
        Err(_) => Ok(Some(untold)),
    }
}

/// Judges a version that an answer reveals, if nothing may be replaced, of a store that ignores the condition in a bucket
/// that keeps versions, or has kept them.
///
/// The inner `Some` is a warning.
pub(crate) fn versions(clobber: Clobber, object: &str, version: Option<&VersionId>) -> Result<Option<String>> {
    let Some(version) = version else { return Ok(None) };
    let ignored = "the bucket keeps versions, so the store does not enforce that no object is replaced";
    match clobber {
        Clobber::Replace => Ok(None),
        Clobber::NeverBestEffort => Ok(Some(format!("{ignored}; none was there when the upload began"))),
        Clobber::Never => Err(Error::new(
            ErrorKind::Rejected,
            format!("{ignored}; {object} was made as version {version}, and none was there before"),
        )
        .with_hint("allow it with best-effort; older versions are never lost in such a bucket")),
    }
}

/// The error for a checksum of the whole object that is not what was sent.
pub(crate) fn damaged(object: &str) -> Error {
    Error::new(
        ErrorKind::Integrity,
        format!("the store's checksum of {object} is not that of the bytes that were sent"),
    )
    .with_hint("do not trust this object; delete it and upload again")
}

fn after(object: &str, cause: Error, kind: ErrorKind) -> Error {
    let operation = cause.operation();
    let error = Error::new(kind, format!("{object} was completed, but {}", cause.message()))
        .with_hint("the object exists; delete it unless it is as it should be");
    match operation {
        Some(operation) => error.at(operation),
        None => error,
    }
    .caused_by(cause)
}

/// The error for a finished object that cannot be looked at.
fn unseen(job: &Job, object: &str, error: Error) -> Error {
    let (kind, message) = match error.status() {
        _ if job.sse.is_customer() && may_be_the_key(&error) => {
            let kind = if is_forbidden(&error) { ErrorKind::Credentials } else { ErrorKind::Encryption };
            let why = "it does not open with its key, or these credentials may not look";
            (kind, format!("{object} exists, but cannot be looked at to compare it: {why}"))
        }
        _ if is_forbidden(&error) => {
            (ErrorKind::Credentials, format!("{object} exists, but these credentials may not look at it to compare it"))
        }
        Some(404) => (ErrorKind::Rejected, format!("{object} was completed, but is not there any more")),
        _ => (error.kind(), format!("{object} was completed, but could not be looked at to compare it")),
    };
    Error::new(kind, message).with_hint(remedy(job, kind, &error)).at(Operation::Head).caused_by(error)
}

/// What to do about a finished object that cannot be looked at.
fn remedy(job: &Job, kind: ErrorKind, error: &Error) -> String {
    let check = "then check it with: sealift stat";
    if matches!(kind, ErrorKind::Credentials | ErrorKind::Encryption) {
        return format!("allow HEAD on the object ({}), {check}", job.permission(Operation::Head));
    }
    match (error.status(), error.hint()) {
        (Some(404), _) => {
            "somebody removed it, or a rule of the bucket did; upload again if it is to be there".to_owned()
        }
        (_, Some(hint)) => format!("{hint}; {check}"),
        (_, None) => format!("try again later; {check}"),
    }
}

fn is_forbidden(error: &Error) -> bool {
    matches!(error.status(), Some(401 | 403))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_says_that_nothing_was_enforced() {
        let judge = |clobber, version: &str| versions(clobber, "cos://b/k", VersionId::new(version).as_ref());
        assert_eq!(judge(Clobber::Never, "").unwrap(), None);
        assert_eq!(judge(Clobber::Replace, "v1").unwrap(), None);
        assert!(judge(Clobber::NeverBestEffort, "v1").unwrap().is_some_and(|warning| warning.contains("versions")));
        // "null" is the version in a bucket that has stopped keeping them; the condition is ignored there too.
        for version in ["v1", "null"] {
            let error = judge(Clobber::Never, version).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Rejected);
            assert!(error.message().contains("cos://b/k") && error.message().contains(version), "{error}");
        }
    }
}
