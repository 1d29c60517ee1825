//! `uploads abort`: what nobody will go on with is removed, in the store and here.

use serde_json::{Value, json};

use super::{
    Place, Scope,
    journals::{Owner, Told, process},
    list::warn,
    survey::{Content, Open, Survey},
    until_stopped,
};
use crate::{
    cli::{
        args::{AbortArgs, Which},
        console::{Console, one_line},
        units::show_size,
    },
    error::{Error, ErrorKind, Result},
    ident::{ObjectKey, UploadId},
    sse::SseContext,
    transfer::{
        abort_upload,
        journal::{FileJournal, Holder, Journal as _, Record, StateDir},
    },
    transport::StoreClient,
};

/// Removes what was chosen. All of it is tried; the first failure is the outcome.
pub(super) fn run(args: &AbortArgs, console: &Console) -> Result<()> {
    let Place { scope, client, journals, sse } = Place::new(&args.url, &args.key, &args.place, &args.store, console)?;
    let work = Work { client, sse, scope, journals, which: args.which.clone() };
    let scope = work.scope.clone();
    if args.which.all {
        console.warn(
            "uploads that run without a journal (--no-resume), with another --state-dir or on another machine are not \
             known here, and are removed as well",
        );
    }
    let (survey, ends) = until_stopped(work.run(), console)?;
    warn(&survey, console);
    if console.json() {
        console.value(&as_json(&ends, &scope))?;
    } else {
        for end in &ends {
            console.data(format!("{}\n", one_line(&end.in_words(&scope))).as_bytes())?;
        }
        // Whoever names an upload is told that it is not there.
        if ends.is_empty() && args.which.upload_id.is_none() {
            console.note("nothing to remove");
        }
    }
    outcome(ends, &args.which)
}

/// What became of one upload, or of the journal of one that the store has not.
#[derive(Debug)]
struct End {
    key: String,
    upload: Option<UploadId>,
    content: Option<Content>,
    fate: Fate,
    /// Whether a journal here was removed with it.
    journal: bool,
}

#[derive(Debug)]
enum Fate {
    Aborted,
    /// The store had it no more.
    Gone,
    /// A living process holds it.
    Held(Holder),
    /// A living process whose journal tells nothing may hold it.
    Doubtful(Holder),
    /// It was not touched, since nobody knows how old it is.
    Ageless,
    Failed(Error),
}

struct Work {
    client: StoreClient,
    sse: SseContext,
    scope: Scope,
    journals: Option<StateDir>,
    which: Which,
}

impl Work {
    async fn run(self) -> Result<(Survey, Vec<End>)> {
        let survey = self.survey().await?;
        let now = self.now()?;
        let mut ends = Vec::new();
        for open in &survey.uploads {
            let age = open.age(now).map(|age| age.as_secs());
            if self.chosen(Some(&open.upload.upload_id), age) {
                ends.push(self.end(open, &survey).await);
            } else if self.which.older_than.is_some() && age.is_none() {
                ends.push(End { fate: Fate::Ageless, ..End::of(open) });
            }
        }
        for told in survey.left.iter().filter_map(|at| survey.journals.known.get(*at)) {
            let age = now.saturating_sub(told.began());
            if self.chosen(told.upload_id(), Some(age)) {
                ends.push(self.end_journal(told));
            }
        }
        Ok((survey, ends))
    }

    async fn survey(&self) -> Result<Survey> {
        let (scope, journals) = (self.scope.clone(), self.journals.clone());
        Survey::take(self.client.clone(), self.sse.clone(), scope, journals, self.which.upload_id.clone()).await
    }

    /// The time by the store's clock, which has written when each upload was begun: a clock that is wrong here must not
    /// make a new upload an old one.
    fn now(&self) -> Result<u64> {
        match self.client.store_time() {
            Some(now) => Ok(now),
            None if self.which.older_than.is_none() => Ok(self.client.clock().unix_seconds()),
            None => Err(Error::new(
                ErrorKind::Config,
                "the store does not tell the time, and the clock here may be wrong, so that no upload's age is known",
            )
            .with_hint("look at `sealift uploads list`, and name what is to be removed: --upload-id ID")),
        }
    }

    fn chosen(&self, upload: Option<&UploadId>, age: Option<u64>) -> bool {
        let Which { upload_id, older_than, all } = &self.which;
        *all || upload_id.as_ref().is_some_and(|id| Some(id) == upload)
            || older_than.is_some_and(|least| age.is_some_and(|age| age >= least.as_secs()))
    }

    /// Ends an upload, with its journal locked meanwhile, so that no process takes it up under our hands.
    async fn end(&self, open: &Open, survey: &Survey) -> End {
        let mut end = End::of(open);
        let told = match survey.journals.owner(&open.upload.key, &open.upload.upload_id, open.began()) {
            // Nobody knows which upload is that process's; who names one exactly does.
            Owner::Held(_, None) if self.which.upload_id.is_some() => None,
            Owner::Held(holder, None) => return End { fate: Fate::Doubtful(holder), ..end },
            Owner::Held(holder, Some(_)) => return End { fate: Fate::Held(holder), ..end },
            Owner::Here(told) | Owner::Perhaps(told) => Some(told),
            Owner::Nobody => None,
        };
        let locked = match told.map(|told| self.lock(told)).transpose() {
            Ok(locked) => locked,
            Err(fate) => return End { fate, ..end },
        };
        end.fate = match self.abort(open).await {
            Ok(fate) => fate,
            Err(error) => Fate::Failed(error),
        };
        if let (Some(journal), Fate::Aborted | Fate::Gone) = (locked, &end.fate) {
            match finish(journal) {
                Ok(()) => end.journal = true,
                Err(error) => end.fate = Fate::Failed(error),
            }
        }
        end
    }

    /// Ends the journal of an upload that the store has not.
    fn end_journal(&self, told: &Told) -> End {
        let fate = match self.lock(told).and_then(|journal| finish(journal).map_err(Fate::Failed)) {
            Ok(()) => Fate::Gone,
            Err(fate) => fate,
        };
        let journal = matches!(fate, Fate::Gone);
        let key = told.known.identity.target.key.clone();
        End { key, upload: told.upload_id().cloned(), content: None, fate, journal }
    }

    fn lock(&self, told: &Told) -> Result<FileJournal, Fate> {
        if let Some(holder) = told.file.holder {
            return Err(Fate::Held(holder));
        }
        let dir = self.journals.as_ref().ok_or_else(|| {
            Fate::Failed(Error::new(ErrorKind::Internal, "a journal was found where none was looked for"))
        })?;
        dir.open_listed(&told.file).map_err(|error| match dir.list() {
            // A process has taken it up since it was read.
            Ok(now) => match now.into_iter().find(|file| file.path == told.file.path).and_then(|file| file.holder) {
                Some(holder) => Fate::Held(holder),
                None => Fate::Failed(error),
            },
            Err(_) => Fate::Failed(error),
        })
    }

    async fn abort(&self, open: &Open) -> Result<Fate> {
        let dialect = self.client.dialect();
        let (key, none) = (ObjectKey::new(dialect, &open.upload.key)?, SseContext::none(dialect));
        let sse = if open.under_key { &self.sse } else { &none };
        let there = abort_upload(&self.client, sse, &key, &open.upload.upload_id).await?;
        Ok(if there { Fate::Aborted } else { Fate::Gone })
    }
}

/// Says in the journal that its upload has ended, and takes it away.
fn finish(mut journal: FileJournal) -> Result<()> {
    if !journal.records()?.is_empty() {
        journal.append(&Record::Ended { why: "aborted by hand".to_owned() })?;
    }
    journal.remove()
}

impl End {
    fn of(open: &Open) -> Self {
        let Open { upload, content, .. } = open;
        Self {
            key: upload.key.clone(),
            upload: Some(upload.upload_id.clone()),
            content: *content,
            fate: Fate::Gone,
            journal: false,
        }
    }

    fn in_words(&self, scope: &Scope) -> String {
        let what = match &self.upload {
            Some(id) => format!("upload {id} of {}", scope.url_of(&self.key)),
            None => format!("an upload of {} that was never opened", scope.url_of(&self.key)),
        };
        let size = self.content.map(|content| format!(", {}", show_size(content.bytes))).unwrap_or_default();
        let journal = if self.journal { ", with its journal" } else { "" };
        match &self.fate {
            Fate::Aborted => format!("removed: {what}{size}{journal}"),
            Fate::Gone => format!("gone already: {what}{journal}"),
            Fate::Held(holder) => format!("not touched: {what}; {} is at work on it", process(*holder)),
            Fate::Doubtful(holder) => format!(
                "not touched: {what}; {} may be at work on it, and its journal is gone or cannot be read: end that \
                 process, or name the upload with --upload-id",
                process(*holder)
            ),
            Fate::Ageless => format!("not touched: {what}; the store does not say how old it is"),
            Fate::Failed(error) => format!("not removed: {what}; {error}"),
        }
    }

    fn as_json(&self, scope: &Scope) -> Value {
        let (state, pid, error) = match &self.fate {
            Fate::Aborted => ("aborted", None, None),
            Fate::Gone => ("gone", None, None),
            Fate::Held(holder) | Fate::Doubtful(holder) => ("held", holder.pid, None),
            Fate::Ageless => ("age-unknown", None, None),
            Fate::Failed(error) => ("failed", None, Some(error.to_string())),
        };
        json!({
            "url": scope.url_of(&self.key),
            "upload_id": self.upload.as_ref().map(UploadId::as_str),
            "bytes": self.content.map(|content| content.bytes),
            "state": state,
            "pid": pid,
            "journal_removed": self.journal,
            "error": error,
        })
    }
}

fn as_json(ends: &[End], scope: &Scope) -> Value {
    json!({
        "url": scope.url.to_string(),
        "uploads": ends.iter().map(|end| end.as_json(scope)).collect::<Vec<_>>(),
    })
}

/// A failure is one; so is an upload that was named and could not be removed. One that is held and was only among many
/// is left in peace.
fn outcome(ends: Vec<End>, which: &Which) -> Result<()> {
    if let Some(id) = &which.upload_id {
        match ends.first() {
            None => {
                return Err(Error::new(ErrorKind::Rejected, format!("there is no unfinished upload {id} here"))
                    .with_hint("see `sealift uploads list` for the same address"));
            }
            Some(End { fate: Fate::Held(holder), .. }) => {
                let message = format!("{} is at work on the upload {id}", process(*holder));
                return Err(Error::new(ErrorKind::Journal, message).with_hint("end that process first"));
            }
            Some(_) => {}
        }
    }
    match ends.into_iter().find_map(|end| if let Fate::Failed(error) = end.fate { Some(error) } else { None }) {
        Some(error) => Err(error),
        None => Ok(()),
    }
}
