//! The beginning of an upload: what an earlier run has left is compared with the request, the store and the file.

use std::collections::BTreeMap;

use crate::{
    checksum::{Algorithm, Checksum},
    error::{Error, ErrorKind, Result},
    ident::{PartNumber, UploadId},
    sse::SseMode,
    transfer::{
        ChecksumChoice, Job, Plan, Stage,
        abort::abort_upload,
        ending,
        finish::{self, Made, Whereabouts},
        job::{Extent, Wish},
        journal::{
            Asked, Comparison, EchoSeen, Identity, Known, Part, Recorder, SourceState, Standing, Target, in_both,
        },
        keep::Phase,
        ledger::{DonePart, Ledger},
        receipt::EchoLog,
        scribe::Scribe,
        source::{Drift, Source},
        verify::Sent,
    },
    wire::{ListParts, ListedPart, is_upload_gone},
};

/// How an upload begins.
pub(crate) enum Beginning {
    /// Nothing is in the store.
    Anew,
    /// An earlier run has opened the upload.
    Open(Resumed),
    /// An earlier run has made the object.
    Made(Box<(Made, Sent)>),
}

/// An upload that is gone on with.
pub(crate) struct Resumed {
    pub(crate) upload: UploadId,
    /// With the parts that need not be sent again.
    pub(crate) ledger: Ledger,
    pub(crate) echoes: EchoLog,
}

/// Reads the journal, if one is to be kept, and finds out where to begin.
///
/// # Errors
/// `Journal` if it cannot be used or is of another object or source; `Config` if it is of an upload that differs from what is asked; and whatever the
/// store says.
pub(crate) async fn begin(job: &mut Job) -> Result<(Scribe, Beginning)> {
    let (choice, target, source) = (job.wish.journal.clone(), job.target(), job.origin()?);
    // One PUT leaves nothing unfinished behind, so a small file needs no journal; it may have been larger, though.
    let single = job.plan.single;
    let opened = tokio::task::spawn_blocking(move || choice.open(&target, &source, single));
    let Some(journal) = opened.await.unwrap_or_else(|error| Err(super::uploader::internal(&error)))? else {
        return Ok((Scribe::none(), Beginning::Anew));
    };
    let headless = journal.is_headless();
    let (recorder, known) = Recorder::open(journal).await?;
    let scribe = Scribe::new(recorder);
    let Some(known) = known else {
        if headless {
            job.board.note(format!(
                "an earlier run left no record that can be read, so an upload with parts may be in the store; to see \
                 it: sealift uploads list {}",
                job.object()
            ));
        }
        return Ok((scribe, Beginning::Anew));
    };
    match take_up(job, &scribe, known).await {
        Ok(beginning) => Ok((scribe, beginning)),
        Err(Stopped::Asks(error)) => {
            // Nothing was written, so there is nothing that could fail to get safe.
            let _ = scribe.close().await;
            Err(error)
        }
        Err(Stopped::Fails(upload, error)) => Err(ending::end(job, &upload, scribe, error, Phase::Resuming).await),
    }
}

/// Why an upload does not begin.
enum Stopped {
    /// The user has to decide, or the new beginning failed.
    Asks(Error),
    /// The old upload could not be gone on with this time.
    Fails(UploadId, Error),
}

impl From<Error> for Stopped {
    fn from(error: Error) -> Self {
        Self::Asks(error)
    }
}

/// What the old upload comes to.
enum Found {
    Beginning(Beginning),
    /// It is to be removed, if it is there still.
    Unusable(String),
    /// It is gone.
    Gone,
}

async fn take_up(job: &mut Job, scribe: &Scribe, known: Known) -> Result<Beginning, Stopped> {
    // Before all else: nothing may be done to an upload of another object under this one's name.
    if !known.identity.is_of(&job.target(), &job.origin()?) {
        return Err(Stopped::Asks(stray(job, &known.identity)?));
    }
    let Some(upload) = known.upload.as_ref().map(|answer| answer.upload_id.clone()) else {
        job.board.note(format!(
            "an earlier run ended while it opened an upload, so an empty one may be in the store; to see it: sealift \
             uploads list {}",
            job.object()
        ));
        scribe.start_anew().await?;
        return Ok(Beginning::Anew);
    };
    let copied = known.identity.source.is_copy();
    let found = if job.source.is_stream() && known.identity.source.is_stream() {
        Found::Unusable(cut_off(&known).to_owned())
    } else if job.wish.restart {
        Found::Unusable("a new beginning was asked for".to_owned())
    } else {
        let comparison = known.identity.compare(&asked(job, &job.target(), &source_state(job)?));
        let doubt = match comparison {
            Comparison::Match => false,
            Comparison::Doubt { what } => {
                job.board.note(format!("the parts that were sent are compared with the file again: {what}"));
                true
            }
            Comparison::SourceChanged { what } if copied => return Err(Stopped::Asks(no_copy(job, &upload, &what))),
            Comparison::SourceChanged { what } => {
                return remove(job, scribe, &upload, &format!("the file has changed since: {what}")).await;
            }
            Comparison::Refuse { .. } => {
                let refusal = comparison.refusal();
                return Err(Stopped::Asks(refusal.expect("a refusal has an error")));
            }
        };
        job.board.stage(Stage::Resuming);
        let fresh = (job.plan.clone(), job.nonce.clone(), job.algorithm, job.assurance.kept());
        let found = match adopt(job, &known) {
            Ok(()) => explore(job, known, &upload, doubt).await,
            Err(error) => Err(error),
        };
        let found = found.map_err(|error| Stopped::Fails(upload.clone(), error))?;
        if !matches!(found, Found::Beginning(_)) {
            let kept;
            (job.plan, job.nonce, job.algorithm, kept) = fresh;
            job.assurance.keep(kept);
            job.show_plan();
        }
        match found {
            Found::Unusable(_) if copied => return Err(Stopped::Asks(no_copy(job, &upload, "its bytes are others"))),
            found => found,
        }
    };
    match found {
        Found::Beginning(beginning) => Ok(beginning),
        Found::Unusable(why) => remove(job, scribe, &upload, &why).await,
        Found::Gone => {
            job.board.note(format!(
                "the unfinished upload {upload} is gone from the store, and its object is not there; a new one was begun"
            ));
            scribe.start_anew().await?;
            job.board.stage(Stage::Starting);
            Ok(Beginning::Anew)
        }
    }
}

/// The error for a journal of another object or source in the place of this one's, or for a token of one.
fn stray(job: &Job, identity: &Identity) -> Result<Error> {
    let Identity { target, source, .. } = identity;
    let source = if source.is_stream() { "a stream".to_owned() } else { source.path.display().to_string() };
    let realm = target.realm.as_ref().map(|realm| format!(" at {realm}")).unwrap_or_default();
    let (journal, hint) = match job.wish.journal.file(&job.target(), &job.origin()?) {
        Some(file) => {
            (file.display().to_string(), format!("look at `sealift uploads list {target}`, then move the journal away"))
        }
        None => (
            "the journal or token".to_owned(),
            "give it with the object, the endpoint and the kind of source that it was taken of; this upload needs one \
             of its own"
                .to_owned(),
        ),
    };
    let message = format!("{journal} is of another upload: of {source} to {target}{realm}");
    Ok(Error::new(ErrorKind::Journal, message).with_hint(hint))
}

/// The error for a file at another path that is no copy of the one that the upload was begun with. Whoever gives a token
/// with a wrong file must not lose what the right one has sent.
fn no_copy(job: &Job, upload: &UploadId, why: &str) -> Error {
    let object = job.object();
    let message = format!("this is not the file that the unfinished upload {upload} of {object} was begun with: {why}");
    Error::new(ErrorKind::Source, message).with_hint(format!(
        "give the same file, at whatever path; or upload this one without the token, and remove the other upload: \
         sealift uploads abort {object} --upload-id {upload}"
    ))
}

/// Why the upload of an earlier stream is of no use.
fn cut_off(known: &Known) -> &'static str {
    if known.stage == Standing::Completing {
        "an earlier stream to this key had arrived, but not the answer that its object was made"
    } else {
        "an earlier stream to this key was cut off"
    }
}

/// Removes the old upload from the store, so that a new one begins in its place.
async fn remove(job: &Job, scribe: &Scribe, upload: &UploadId, why: &str) -> Result<Beginning, Stopped> {
    job.board.stage(Stage::Aborting);
    let there = job.unless_cancelled(abort_upload(&job.client, &job.sse, &job.key, upload)).await.map_err(|error| {
        Error::new(error.kind(), format!("the unfinished upload {upload} of {} could not be removed", job.object()))
            .with_hint("a new one is begun only when the old one is gone; try again, or go without its journal")
            .caused_by(error)
    })?;
    scribe.start_anew().await?;
    job.board.stage(Stage::Starting);
    let became = if there { "the unfinished upload was removed" } else { "its upload is not in the store any more" };
    job.board.note(format!("{why}; {became}, and a new one begun"));
    Ok(Beginning::Anew)
}

/// Makes the job that of the old upload.
fn adopt(job: &mut Job, known: &Known) -> Result<()> {
    let Identity { part_size, nonce, checksum, keeps_checksum, .. } = &known.identity;
    if let Some(algorithm) = checksum.as_deref().and_then(Algorithm::from_name) {
        job.algorithm = algorithm;
        job.assurance.keep(*keeps_checksum);
    }
    let plan = Plan::new(job.plan.size, Some(*part_size), job.client.dialect().limits())?;
    job.plan = Plan { single: false, part_size: *part_size, ..plan };
    job.nonce.clone_from(nonce);
    if let Some(key) = known.upload.as_ref().and_then(|answer| answer.kms_key.as_deref()) {
        job.sse.pin_kms_key(key);
    }
    job.show_plan();
    Ok(())
}

/// Looks at what the store has of the old upload.
async fn explore(job: &Job, known: Known, upload: &UploadId, doubt: bool) -> Result<Found> {
    // Complete may be under way still, so its object is looked for before anything else.
    let listed = if known.stage == Standing::Completing { None } else { listing(job, upload).await? };
    let listed = match listed {
        Some(listed) => listed,
        None => match job.unless_cancelled(finish::whereabouts(job, upload)).await? {
            Whereabouts::Made(made) => return made_before(job, known, *made, upload, doubt).await,
            Whereabouts::Gone => return Ok(Found::Gone),
            Whereabouts::Alive => match listing(job, upload).await? {
                Some(listed) => listed,
                None => return Ok(Found::Gone),
            },
        },
    };
    let mut kept = in_both(&known.parts, &listed);
    kept.retain(|_, part| part.checksum.algorithm() == job.algorithm);
    if job.sse.mode() != SseMode::None {
        kept.retain(|_, part| part.echo == EchoSeen::Confirmed);
    }
    if doubt && !same_bytes(job, &kept).await? {
        return Ok(Found::Unusable("the file has changed since".to_owned()));
    }
    let mut ledger = Ledger::new(job.plan.parts);
    for part in kept.into_values() {
        let number = part.number;
        let done = DonePart { etag: part.etag, checksum: part.checksum, len: part.len, proved: !part.unproved };
        ledger.enter(number, done);
    }
    job.board.update(|progress| {
        progress.resumed_parts = ledger.done();
        progress.resumed = ledger.confirmed();
        progress.parts_done = ledger.done();
        progress.confirmed = ledger.confirmed();
    });
    let echoes = echoes(job, known.upload.and_then(|answer| answer.kms_key).as_deref(), ledger.done() > 0);
    Ok(Found::Beginning(Beginning::Open(Resumed { upload: upload.clone(), ledger, echoes })))
}

/// The parts that the store lists; `None` if it does not know the upload.
async fn listing(job: &Job, upload: &UploadId) -> Result<Option<Vec<ListedPart>>> {
    let mut parts = Vec::new();
    let mut after = None;
    loop {
        let call = ListParts { key: job.key.clone(), upload_id: upload.clone(), after };
        let page = match job.unless_cancelled(job.send(&call)).await {
            Ok(answer) => answer.value,
            Err(error) if is_upload_gone(&error) => return Ok(None),
            Err(error) => return Err(error),
        };
        parts.extend(page.parts);
        match page.next {
            Some(next) => after = Some(next),
            None => return Ok(Some(parts)),
        }
    }
}

/// Whether the file still has the bytes that were sent.
async fn same_bytes(job: &Job, parts: &BTreeMap<PartNumber, Part>) -> Result<bool> {
    let stretches = parts.values().filter_map(|part| Some((job.plan.span(part.number)?, Some(part.checksum))));
    let same = job.reader()?.read(stretches.collect()).await?.is_some();
    job.source.check()?;
    Ok(same)
}

/// Proves an object that an earlier run has made, as far as this side can: by the file as it is now.
async fn made_before(job: &Job, mut known: Known, made: Made, upload: &UploadId, doubt: bool) -> Result<Found> {
    known.parts.retain(|_, part| part.checksum.algorithm() == job.algorithm);
    if known.parts.is_empty() && job.sse.mode() != SseMode::None {
        // An echo on HEAD alone proves nothing.
        return Ok(Found::Gone);
    }
    let file = job.source.file()?;
    file.check_end()?;
    let touched = file.check()? != Drift::None;
    let parts_confirmed = known.parts.len() == job.plan.parts as usize && known.parts.values().all(|it| !it.unproved);
    let sums = if doubt || touched || known.parts.len() < job.plan.parts as usize {
        let expected = |number| known.parts.get(&number).map(|part| part.checksum);
        let stretches = job.plan.spans().map(|span| (span, expected(span.number))).collect();
        match job.reader()?.read(stretches).await? {
            Some(sums) => sums,
            None => return Ok(Found::Unusable("the file has changed since its object was made".to_owned())),
        }
    } else {
        known.parts.values().map(|part| part.checksum).collect()
    };
    let checksum =
        job.plan.spans().zip(sums).fold(Checksum::empty(job.algorithm), |whole, (span, sum)| whole.then(sum, span.len));
    job.board.note("an earlier run had finished this upload already; its object was compared with the file");
    job.board.update(|progress| {
        progress.resumed_parts = job.plan.parts;
        progress.resumed = job.plan.size;
        progress.parts_done = job.plan.parts;
        progress.confirmed = job.plan.size;
    });
    let echoes = echoes(job, known.upload.and_then(|answer| answer.kms_key).as_deref(), !known.parts.is_empty());
    let sent = Sent {
        extent: Extent::from(&job.plan),
        checksum,
        parts_confirmed,
        upload_id: upload.clone(),
        echoes,
        warnings: Vec::new(),
    };
    Ok(Found::Beginning(Beginning::Made(Box::new((made, sent)))))
}

fn echoes(job: &Job, kms_key: Option<&str>, confirmed: bool) -> EchoLog {
    if confirmed { EchoLog::resumed(&job.sse, kms_key) } else { EchoLog::default() }
}

/// The record of a new upload.
pub(crate) fn identity(job: &Job) -> Result<Identity> {
    let (target, source) = (job.target(), source_state(job)?);
    let asked = asked(job, &target, &source);
    let address = job.client.address();
    let endpoint = format!("{}://{}", if address.is_https() { "https" } else { "http" }, address.authority());
    let now = job.client.clock().unix_seconds();
    let identity = Identity::new(&asked, job.plan.part_size, &job.nonce, now, Some(&endpoint))?;
    if !job.client.dialect().checksum_is_a_choice() {
        return Ok(identity);
    }
    let checksum = Some(job.algorithm.name().to_owned());
    Ok(Identity { checksum, keeps_checksum: job.assurance.kept(), ..identity })
}

fn source_state(job: &Job) -> Result<SourceState> {
    match &job.source {
        Source::File(file) => SourceState::new(file.path(), file.identity()),
        Source::Stream { .. } => Ok(SourceState::stream()),
    }
}

fn asked<'a>(job: &'a Job, target: &'a Target, source: &'a SourceState) -> Asked<'a> {
    let checksum = match job.assurance.choice() {
        ChecksumChoice::Auto => None,
        ChecksumChoice::Only(algorithm) => Some((algorithm.name(), true)),
        ChecksumChoice::ContentMd5 => Some(("", false)),
    };
    let checksum = checksum.filter(|_| job.client.dialect().checksum_is_a_choice());
    let Wish { properties, part_size, .. } = &job.wish;
    Asked { target, source, sse: &job.sse, properties, part_size: *part_size, checksum }
}
