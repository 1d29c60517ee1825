//! `put`: a file or a stream becomes one encrypted, proven object.

mod rehearsal;
mod spool;
mod stdin;

use std::{
    env,
    ffi::OsStr,
    io,
    path::{Path, PathBuf},
    sync::Arc,
};

use self::{
    rehearsal::{Outline, Rehearsal},
    spool::Spool,
    stdin::Stdin,
};
use super::{
    args::{NoClobber, ObjectArgs, PutArgs, ResumeArgs, TuningArgs},
    block_on,
    console::Console,
    drive,
    explain::Explainer,
    report,
    signals::Signals,
    sse_key, store,
    units::show_size,
};
use crate::{
    error::{Error, ErrorKind, Result},
    ident::{ObjectKey, ObjectUrl},
    sse::SseContext,
    transfer::{
        Assurance, Clobber, EndpointProfiles, FileSource, OnChange, PreparedUpload, Receipt, StreamPlan, UploadRequest,
        Uploader, UploaderOptions,
        journal::{JournalChoice, StateDir, Target},
    },
    transport::{RequestObserver, StoreClient},
    wire::ObjectProperties,
};

/// Uploads a file or a stream.
pub(super) fn run(args: &PutArgs, console: &Console) -> Result<()> {
    let input = Input::of(args)?;
    let url: ObjectUrl = args.url.parse()?;
    let key = match input {
        Input::File(path) => {
            let key = key(&url, path)?;
            // Before anything is looked for that it would not need.
            FileSource::open(path)?;
            key
        }
        Input::Stream | Input::Spooled(_) => {
            sse_key::leaves_standard_input(&args.sse)?;
            stdin::key(&url)?
        }
    };
    let sse = sse_key::context(url.dialect, &args.sse, console)?;
    let options = uploader_options(&args.tuning, matches!(input, Input::Stream))?;
    let explainer = Explainer::new(args.explain && !args.dry_run, console);
    let observer = Some(Arc::clone(&explainer) as Arc<dyn RequestObserver>);
    let client = if args.dry_run {
        store::rehearsing(&url, &args.store, &args.sse, console)?
    } else {
        store::client(&url, &args.store, &args.sse, observer)?
    };
    let work = Work { args, console, client, key, sse, options, input };
    if args.dry_run {
        return work.rehearse(&url);
    }
    let outcome = work.upload();
    explainer.sum_up();
    report::print_upload(&outcome?, console)
}

/// What is uploaded.
#[derive(Clone, Copy, Debug)]
enum Input<'a> {
    File(&'a Path),
    /// Standard input, held in memory.
    Stream,
    /// Standard input, kept in a file of this directory first.
    Spooled(&'a Path),
}

impl<'a> Input<'a> {
    fn of(args: &'a PutArgs) -> Result<Self> {
        match (args.source == "-", &args.resume.spool) {
            (false, None) => Ok(Self::File(Path::new(&args.source))),
            (true, None) => Ok(Self::Stream),
            (true, Some(dir)) => Ok(Self::Spooled(dir)),
            (false, Some(_)) => Err(Error::new(ErrorKind::Config, "--spool is for standard input, and SRC is a file")
                .with_hint("leave --spool out: the upload of a file can be resumed as it is")),
        }
    }
}

/// One upload, as it was asked for.
struct Work<'a> {
    args: &'a PutArgs,
    console: &'a Console,
    client: StoreClient,
    key: ObjectKey,
    sse: SseContext,
    options: UploaderOptions,
    input: Input<'a>,
}

impl Work<'_> {
    /// Shows what would be sent. Of standard input nothing is read.
    fn rehearse(self, url: &ObjectUrl) -> Result<()> {
        let TuningArgs { part_size, content_md5, .. } = self.args.tuning;
        let (prepared, outline) = match self.input {
            Input::File(path) => {
                let prepared = self.of_file(path).build()?;
                let proof = Assurance::from(prepared.integrity).proof();
                let outline = Outline::of_file(&prepared, content_md5, proof)?;
                (prepared, outline)
            }
            Input::Stream => {
                let plan = StreamPlan::new(self.options.room(), part_size, url.dialect.limits())?;
                (self.of_reader(io::empty()).build()?, Outline::Stream { plan, content_md5 })
            }
            Input::Spooled(dir) => {
                (self.checked()?, Outline::Spool { dir: dir.to_owned(), part_size: part_size.unwrap_or(PART_SIZE) })
            }
        };
        let rehearsal = Rehearsal {
            client: self.client,
            key: self.key,
            sse: self.sse,
            properties: prepared.properties,
            outline,
            algorithm: prepared.integrity.algorithm,
            assurance: prepared.integrity.into(),
            forbid_overwrite: self.args.object.no_clobber.is_some(),
        };
        block_on(rehearsal.show(url, self.console))
    }

    /// Uploads it.
    fn upload(&self) -> Result<Receipt> {
        match self.input {
            Input::File(path) => {
                let prepared = self.of_file(path).build()?;
                let single = prepared.plan().is_some_and(|plan| plan.single);
                let request = UploadRequest::from(prepared).journal(journal(&self.args.resume, single)?);
                self.run(async |_| Ok(request))
            }
            Input::Stream => self.upload_stream(),
            Input::Spooled(dir) => self.upload_spooled(dir),
        }
    }

    /// Uploads standard input out of memory.
    fn upload_stream(&self) -> Result<Receipt> {
        let plan = StreamPlan::new(self.options.room(), self.args.tuning.part_size, self.client.dialect().limits())?;
        let stdin = Stdin::open()?;
        match stdin.left {
            Some(left) if left > plan.longest => return Err(plan.outgrown()),
            Some(_) => {}
            None => self.console.note(&longest(&plan)),
        }
        // A short one goes in one piece, but nobody knows that yet.
        let request = self.of_reader(stdin).build()?;
        let request = UploadRequest::from(request).journal(journal(&self.args.resume, false)?);
        self.run(async |_| Ok(request))
    }

    /// Uploads standard input out of a file that keeps it until the object is there.
    fn upload_spooled(&self, dir: &Path) -> Result<Receipt> {
        self.checked()?;
        let journal = journal(&self.args.resume, false)?;
        let target = Target::new(self.client.address(), &self.key);
        let restart = self.args.resume.restart;
        // Whoever cannot read the stream anew must not lose the one that is kept.
        let anew = restart.then(Stdin::open).transpose()?;
        let spool = Spool::open(dir, &target, restart, self.console)?;
        let found = spool.found().map(|bytes| spool.going_on(bytes));
        let stdin = match (anew, &found) {
            (Some(stdin), _) => Some(stdin),
            (None, None) => Some(Stdin::open()?),
            (None, Some(note)) => {
                self.console.note(note);
                None
            }
        };
        let outcome = self.run(async |signals| {
            if let Some(stdin) = stdin {
                drive::to_the_end(spool.fill(stdin)?, self.console, signals).await?;
            }
            Ok(self.of_file(spool.path()).journal(journal))
        });
        match outcome {
            Ok(mut receipt) => {
                receipt.warnings.extend(found);
                if let Err(error) = spool.remove() {
                    receipt.warnings.push(format!("the spooled stream is there still: {error}"));
                }
                Ok(receipt)
            }
            Err(error) if spool.path().exists() => Err(spool.kept(error)),
            Err(error) => Err(error),
        }
    }

    /// Runs an upload to its end, under signals from the beginning.
    fn run(&self, request: impl AsyncFnOnce(&mut Signals) -> Result<UploadRequest>) -> Result<Receipt> {
        let uploader = Uploader::new(self.options.clone())?;
        block_on(async {
            let mut signals = Signals::listen(self.console)?;
            let request = request(&mut signals).await?;
            drive::to_the_end(uploader.upload(request), self.console, &mut signals).await
        })
    }

    /// What can be checked without a source, before a long stream is read in vain.
    fn checked(&self) -> Result<PreparedUpload> {
        self.of_reader(io::empty()).on_change(OnChange::Fail).build()
    }

    fn of_file(&self, path: &Path) -> UploadRequest {
        self.with_options(UploadRequest::new(self.client.clone(), self.key.clone(), path))
    }

    fn of_reader(&self, reader: impl io::Read + Send + 'static) -> UploadRequest {
        self.with_options(UploadRequest::from_reader(self.client.clone(), self.key.clone(), reader))
    }

    fn with_options(&self, request: UploadRequest) -> UploadRequest {
        let PutArgs { object, tuning, resume, .. } = self.args;
        let named = match self.input {
            Input::File(path) => path,
            Input::Stream | Input::Spooled(_) => Path::new("-"),
        };
        let request = request
            .sse(self.sse.clone())
            .concurrency(tuning.concurrency)
            .properties(properties(object, named))
            .content_md5(tuning.content_md5)
            .checksum(tuning.checksum)
            .profiles(profiles())
            .clobber(clobber(object.no_clobber))
            .restart(resume.restart)
            .on_change(resume.on_change.into());
        match tuning.part_size {
            Some(bytes) => request.part_size(bytes),
            None => request,
        }
    }
}

/// What is said of a stream whose length nobody knows.
fn longest(plan: &StreamPlan) -> String {
    let parts = if plan.first_part == plan.largest_part {
        format!("parts of {}", show_size(plan.first_part))
    } else {
        format!("parts that grow from {} to {}", show_size(plan.first_part), show_size(plan.largest_part))
    };
    let more = if plan.first_part == plan.largest_part { "--part-size" } else { "--memory" };
    format!(
        "reading standard input: up to {} fit, in {parts}; for a longer stream use {more} or --spool DIR",
        show_size(plan.longest)
    )
}

/// What was found out about endpoints: in the user's folder for what can be found out again.
fn profiles() -> EndpointProfiles {
    let variable = |name: &str| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = variable("XDG_CACHE_HOME")
        .filter(|path| path.is_absolute())
        .or_else(|| env::home_dir().map(|home| home.join(".cache")));
    cache.map_or_else(EndpointProfiles::default, |cache| EndpointProfiles::at(cache.join("sealift/endpoints.json")))
}

/// Where the journal goes. An object that is sent in one piece needs none, and so no place for one.
fn journal(args: &ResumeArgs, single: bool) -> Result<JournalChoice> {
    match &args.place.state_dir {
        _ if args.no_resume => Ok(JournalChoice::none()),
        Some(path) => Ok(StateDir::at(path).into()),
        None => match StateDir::usual() {
            Err(_) if single => Ok(JournalChoice::none()),
            place => place.map(JournalChoice::from),
        },
    }
}

/// The key that the address means for this file.
fn key(url: &ObjectUrl, source: &Path) -> Result<ObjectKey> {
    if !(url.path.is_empty() || url.path.ends_with('/')) {
        return url.key();
    }
    let name = source.file_name().and_then(OsStr::to_str).ok_or_else(|| {
        Error::new(ErrorKind::Config, format!("{} has no name that could end the key", source.display()))
            .with_hint("give the whole key in the address")
    })?;
    url.key_for(name)
}

fn clobber(asked: Option<NoClobber>) -> Clobber {
    match asked {
        None => Clobber::Replace,
        Some(NoClobber::Strict) => Clobber::Never,
        Some(NoClobber::BestEffort) => Clobber::NeverBestEffort,
    }
}

fn properties(args: &ObjectArgs, source: &Path) -> ObjectProperties {
    let guessed = || mime_guess::from_path(source).first_or_octet_stream().essence_str().to_owned();
    ObjectProperties {
        content_type: Some(args.content_type.clone().unwrap_or_else(guessed)),
        storage_class: args.storage_class.clone(),
        acl: args.acl.clone(),
        meta: args.meta.clone(),
        tags: args.tag.clone(),
        headers: args.header.clone(),
        ..ObjectProperties::default()
    }
}

/// What the process takes besides the parts in flight. Measured over HTTPS: 9 MiB without a connection, and never more
/// than 13 MiB above the parts with 64 connections.
const BASE_MEMORY: u64 = 16 << 20;
/// Less than this for the parts in flight makes no sensible upload.
const LEAST_MEMORY: u64 = 4 << 20;
/// What a stream may take, with everything else: half a terabyte fits then, and eight parts at once at first.
const STREAM_MEMORY: u64 = 128 << 20;
/// A frame takes up a page more than its 32 of bytes. Where a few pass a file on, that is nothing.
const FRAME_PAGES: (u64, u64) = (32, 33);
/// What a file of middling size is cut into.
const PART_SIZE: u64 = 16 << 20;

fn uploader_options(args: &TuningArgs, holds_parts: bool) -> Result<UploaderOptions> {
    let mut options = UploaderOptions { limit_rate: args.limit_rate, ..UploaderOptions::default() };
    if let Some(total) = args.memory.or_else(|| holds_parts.then_some(STREAM_MEMORY)) {
        let rest = total.checked_sub(BASE_MEMORY).filter(|rest| *rest >= LEAST_MEMORY).ok_or_else(|| {
            let least = show_size(BASE_MEMORY + LEAST_MEMORY);
            Error::new(ErrorKind::Config, format!("--memory is too small: the least is {least}"))
                .with_hint("give it more, or leave it out")
        })?;
        options.memory = if holds_parts { rest / FRAME_PAGES.1 * FRAME_PAGES.0 } else { rest };
    }
    Ok(options)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_media_type_follows_the_extension_unless_given() {
        let of = |name: &str| properties(&ObjectArgs::default(), Path::new(name)).content_type.unwrap();
        assert_eq!(of("a.json"), "application/json");
        assert_eq!(of("a.tar"), "application/x-tar");
        assert_eq!(of("noextension"), "application/octet-stream");
        let given = ObjectArgs { content_type: Some("text/x-own".to_owned()), ..ObjectArgs::default() };
        assert_eq!(properties(&given, Path::new("a.json")).content_type.as_deref(), Some("text/x-own"));
    }

    #[test]
    fn the_files_name_ends_the_key_only_where_the_address_is_open() {
        let key_of = |url: &str, file: &str| key(&url.parse().unwrap(), Path::new(file)).map(|key| key.to_string());
        assert_eq!(key_of("cos://b-1/x", "/tmp/f.bin").unwrap(), "x");
        assert_eq!(key_of("cos://b-1/x/", "/tmp/f.bin").unwrap(), "x/f.bin");
        assert_eq!(key_of("cos://b-1", "f.bin").unwrap(), "f.bin");
        assert_eq!(key_of("cos://b-1/x/", "..").unwrap_err().kind(), ErrorKind::Config);
    }

    #[test]
    fn too_little_memory_is_refused_with_the_least() {
        let args = |memory| TuningArgs {
            part_size: None,
            concurrency: crate::transfer::Concurrency::Auto,
            memory,
            limit_rate: None,
            checksum: crate::transfer::ChecksumChoice::Auto,
            content_md5: false,
        };
        let error = uploader_options(&args(Some(1 << 20)), false).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("the least is 20 MiB"), "{error}");
    }
}
