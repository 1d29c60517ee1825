//! `put`: a file becomes one encrypted, proven object.

mod rehearsal;

use std::{ffi::OsStr, path::Path, sync::Arc};

use self::rehearsal::Rehearsal;
use super::{
    args::{NoClobber, ObjectArgs, PutArgs, ResumeArgs, TuningArgs},
    block_on,
    console::Console,
    drive,
    explain::Explainer,
    report,
    signals::Signals,
    sse_key, store,
};
use crate::{
    error::{Error, ErrorKind, Result},
    ident::{ObjectKey, ObjectUrl},
    transfer::{
        Clobber, PreparedUpload, UploadRequest, Uploader, UploaderOptions,
        journal::{JournalChoice, StateDir},
    },
    transport::RequestObserver,
    wire::ObjectProperties,
};

/// Uploads a file.
pub(super) fn run(args: &PutArgs, console: &Console) -> Result<()> {
    if args.source == "-" {
        return Err(Error::new(ErrorKind::Config, "streams are not supported yet")
            .with_hint("write the data to a file first; for a file that is called `-`, say ./-"));
    }
    let source = Path::new(&args.source);
    let url: ObjectUrl = args.url.parse()?;
    let key = key(&url, source)?;
    let sse = sse_key::context(url.dialect, &args.sse, console)?;
    let options = uploader_options(&args.tuning)?;
    let explainer = Explainer::new(args.explain && !args.dry_run, console);
    let observer = Some(Arc::clone(&explainer) as Arc<dyn RequestObserver>);
    let client = if args.dry_run {
        store::rehearsing(&url, &args.store, console)?
    } else {
        store::client(&url, &args.store, observer)?
    };
    let mut request = UploadRequest::new(client.clone(), key.clone(), source)
        .sse(sse.clone())
        .concurrency(args.tuning.concurrency)
        .properties(properties(&args.object, source))
        .content_md5(args.tuning.content_md5)
        .clobber(clobber(args.object.no_clobber))
        .restart(args.resume.restart)
        .on_change(args.resume.on_change.into());
    if let Some(bytes) = args.tuning.part_size {
        request = request.part_size(bytes);
    }
    let prepared = request.build()?;
    if args.dry_run {
        let forbid_overwrite = args.object.no_clobber.is_some();
        let content_md5 = args.tuning.content_md5.then(|| rehearsal::first_md5(&prepared)).transpose()?;
        let PreparedUpload { properties, plan, .. } = prepared;
        let rehearsal = Rehearsal { client, key, sse, properties, plan, forbid_overwrite, content_md5 };
        return block_on(rehearsal.show(&url, console));
    }
    let single = prepared.plan().single;
    let request = UploadRequest::from(prepared).journal(journal(&args.resume, single)?);
    let uploader = Uploader::new(options)?;
    let outcome = block_on(async {
        let mut signals = Signals::listen(console)?;
        drive::to_the_end(uploader.upload(request), console, &mut signals).await
    });
    explainer.sum_up();
    report::print_upload(&outcome?, console)
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

fn uploader_options(args: &TuningArgs) -> Result<UploaderOptions> {
    let mut options = UploaderOptions { limit_rate: args.limit_rate, ..UploaderOptions::default() };
    if let Some(total) = args.memory {
        options.memory = total.checked_sub(BASE_MEMORY).filter(|rest| *rest >= LEAST_MEMORY).ok_or_else(|| {
            let least = super::units::show_size(BASE_MEMORY + LEAST_MEMORY);
            Error::new(ErrorKind::Config, format!("--memory is too small: the least is {least}"))
        })?;
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
            content_md5: false,
        };
        let error = uploader_options(&args(Some(1 << 20))).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.to_string().contains("the least is 20 MiB"), "{error}");
    }
}
