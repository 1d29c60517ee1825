//! `serve`: the embedded store as a server of its own.

mod faults;
mod settings;

use std::{
    env, fs, future, io,
    path::{Path, PathBuf},
    str,
};

use self::{faults::FaultFile, settings::Settings};
use super::{
    args::{ServeArgs, ServedDialect},
    console::{Console, one_line},
    signals::Signals,
};
use crate::{
    credentials::{self, Environment},
    dialect::Dialect,
    emulator::{Emulator, EmulatorOptions, Event, Guesses, Limits},
    error::{Error, ErrorKind, Result},
    ident::{Bucket, Region},
    signing::Credentials,
};

/// Serves until a signal comes.
pub(super) fn run(args: &ServeArgs, console: &Console) -> Result<()> {
    let (mut limits, mut guesses) = match args.dialect {
        ServedDialect::Cos => (Limits::default(), Guesses::default()),
        ServedDialect::S3 => (Limits::s3(), Guesses::s3()),
    };
    let asks = |settings: &[String]| settings.iter().any(|setting| setting == "help");
    if asks(&args.limit) || asks(&args.guess) {
        let limits = if asks(&args.limit) { limits.help() } else { String::new() };
        let guesses = if asks(&args.guess) { guesses.help() } else { String::new() };
        return console.data((limits + &guesses).as_bytes());
    }
    let Some(data) = &args.data else {
        return Err(Error::new(ErrorKind::Config, "the store needs a folder for its data: --data DIR"));
    };
    check_dialect(args)?;
    if args.allow_insecure_loopback && !args.listen.ip().to_canonical().is_loopback() {
        let message = format!("{} is no loopback address, so customer keys need HTTPS there", args.listen.ip());
        return Err(Error::new(ErrorKind::Config, message)
            .with_hint("listen on 127.0.0.1, or serve HTTPS with --tls instead of --allow-insecure-loopback"));
    }
    let wrong = |option: &'static str, hint: &'static str| {
        move |error: io::Error| Error::new(ErrorKind::Config, format!("{option}: {error}")).with_hint(hint)
    };
    args.limit
        .iter()
        .try_for_each(|setting| limits.set(setting))
        .map_err(wrong("--limit", "`--limit help` tells what each means"))?;
    args.guess
        .iter()
        .try_for_each(|setting| guesses.set(setting))
        .map_err(wrong("--guess", "`--guess help` tells what each means"))?;
    // Nobody can ask this process for its transcript but by the file.
    let mut options = as_asked(args, data)?.limits(limits).guesses(guesses).remember(0);
    if let Some(path) = &args.ready_file {
        // One of an earlier run would be taken for ours, while we start.
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed("remove the old ready file")(error));
            }
            _ => {}
        }
    }
    if let Some(path) = &args.faults {
        options = options.faults(faults::read(path)?);
    }
    check_folder(data)?;
    if let Some(path) = &args.transcript {
        fs::File::options().create(true).append(true).open(path).map_err(|error| {
            Error::new(ErrorKind::Config, format!("cannot write the transcript {}", path.display())).caused_by(error)
        })?;
        options = options.transcript(path);
    }
    options = options.watch(watch(console.clone(), data.clone()));
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(failed("start the threads"))?;
    runtime.block_on(async {
        let own = match args.dialect {
            ServedDialect::Cos => from_cos_variables().await?,
            ServedDialect::S3 => from_aws_variables()?,
        };
        let given = own.is_some();
        if let Some(own) = own {
            let token = own.token.map(|token| text(token.expose())).transpose()?;
            options = options.credentials(&own.id, &text(own.key.expose())?, token.as_deref());
        }
        let mut signals = Signals::listen(console)?;
        let mut faults = args.faults.as_deref().map(FaultFile::listen).transpose()?;
        let store = Emulator::start(options).await.map_err(|error| {
            let message = format!("cannot start a store on {} with its data in {}", args.listen, data.display());
            Error::new(ErrorKind::Config, message).caused_by(error)
        })?;
        let settings = Settings::of(&store)?;
        let shown = if given { settings.public() } else { settings.clone() };
        shown.print(console)?;
        if let Some(path) = &args.ready_file {
            settings.write(path).map_err(|error| {
                let message = format!("cannot write the ready file {}", path.display());
                Error::new(ErrorKind::Config, message).caused_by(error)
            })?;
        }
        console.note(&format!("serving {} at {}; Ctrl-C stops it", buckets(&store, args), store.endpoint()));
        let renewed = async {
            match &mut faults {
                Some(file) => file.follow(&store, console).await,
                None => future::pending().await,
            }
        };
        tokio::select! {
            () = signals.asked_to_stop() => {}
            () = renewed => {}
        }
        faults::tell_idle(&store, console);
        store.stop().await;
        Ok(())
    })
}

/// Refuses what the dialect does not have.
fn check_dialect(args: &ServeArgs) -> Result<()> {
    let refused = |message: String, hint: String| Err(Error::new(ErrorKind::Config, message).with_hint(hint));
    if args.dialect == ServedDialect::Cos {
        for name in &args.bucket {
            Bucket::new(Dialect::Cos, name)
                .map_err(|error| error.with_hint("a bucket is NAME-APPID, such as examplebucket-1250000000"))?;
        }
        if args.block_customer_keys {
            return refused(
                "COS has no buckets that block customer keys".to_owned(),
                "serve S3 with --dialect s3, or leave --block-customer-keys out".to_owned(),
            );
        }
        return Ok(());
    }
    let of_cos =
        [("--accelerated", args.accelerated), ("--old-buckets", args.old_buckets), ("--multi-az", args.multi_az)];
    match of_cos.iter().find(|(_, on)| *on) {
        None => Ok(()),
        Some((option, _)) => refused(
            format!("{option} is for buckets of COS"),
            format!("serve COS with --dialect cos, or leave {option} out"),
        ),
    }
}

/// A store as the options want it, but for what they name by files, limits and guesses.
fn as_asked(args: &ServeArgs, data: &Path) -> Result<EmulatorOptions> {
    let options = match args.dialect {
        ServedDialect::Cos => EmulatorOptions::new(data),
        ServedDialect::S3 => EmulatorOptions::s3(data),
    };
    let mut options = options
        .listen(args.listen)
        .tls(args.tls)
        .allow_insecure(args.allow_insecure_loopback)
        .strict(args.strict)
        .block_customer_keys(args.block_customer_keys)
        .accelerated(args.accelerated)
        .old_buckets(args.old_buckets)
        .multi_az(args.multi_az);
    for name in &args.bucket {
        options = options.bucket(name);
    }
    if let Some(region) = &args.region {
        options = options.region(Region::new(region)?.as_str());
    }
    Ok(options)
}

/// What is told while the store runs: each request with `-v`, and what nobody else would tell.
fn watch(console: Console, data: PathBuf) -> impl Fn(Event<'_>) + Send + Sync + 'static {
    move |event| match event {
        Event::Request(request) => {
            let name = |text: &str| if text.is_empty() { String::new() } else { format!(" {}", one_line(text)) };
            let part = request.part.map_or_else(String::new, |part| format!(" part {part}"));
            let code = request.code.as_deref().map_or_else(String::new, name);
            let fault = request.fault.as_deref().map_or_else(String::new, |fault| format!(" (fault: {fault})"));
            // Nothing is no status.
            let status = if request.status == 0 { "no answer".to_owned() } else { request.status.to_string() };
            tracing::info!("{}{}{part}: {status}{code}{fault}", request.operation, name(&request.key));
        }
        Event::TranscriptFailed(error) => {
            console.warn(&format!("the transcript lacks requests from now on, because it cannot be written: {error}"));
        }
        Event::FolderHeld => {
            console.note(&format!("another store is open in {}; waiting two seconds for its end", data.display()));
        }
    }
}

/// Refuses a folder with files of somebody else: a slip of the pen must not mix a store into them.
fn check_folder(data: &Path) -> Result<()> {
    let entries = match fs::read_dir(data) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries.map_err(|error| {
            failed("read the data folder")(error).with_hint("give --data a folder, new or of an earlier run")
        })?,
    };
    if data.join("master.key").exists() {
        return Ok(());
    }
    for entry in entries {
        let name = entry.map_err(failed("read the data folder"))?.file_name();
        // What a start leaves that was killed at once, and what a fresh file system has.
        if !["lock", "master.tmp", "lost+found"].iter().any(|own| name == *own) {
            let message = format!("{} holds {}, and no store", data.display(), name.display());
            return Err(Error::new(ErrorKind::Config, message)
                .with_hint("give --data a new or empty folder, or one of an earlier run"));
        }
    }
    Ok(())
}

fn buckets(store: &Emulator, args: &ServeArgs) -> String {
    if args.bucket.is_empty() { store.bucket().to_owned() } else { args.bucket.join(", ") }
}

/// A variable that is there and not empty.
fn set(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.is_empty())
}

/// The credentials in the usual variables, so that a test can choose what the store accepts; files are not looked at.
async fn from_cos_variables() -> Result<Option<Credentials>> {
    if !credentials::cos::variables().any(|name| set(name).is_some()) {
        return Ok(None);
    }
    let only_variables =
        move |name: &str| credentials::cos::variables().any(|known| known == name).then(|| set(name)).flatten();
    let places = Environment {
        var: Box::new(only_variables),
        home: None,
        etc: PathBuf::from("/nonexistent"),
        ..Environment::system()
    };
    credentials::cos::discover(places)?.credentials().await.map(Some)
}

/// The same for a store that speaks S3.
fn from_aws_variables() -> Result<Option<Credentials>> {
    let half = || Error::new(ErrorKind::Credentials, "of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY only one is set");
    match (set("AWS_ACCESS_KEY_ID"), set("AWS_SECRET_ACCESS_KEY")) {
        (None, None) => Ok(None),
        (Some(id), Some(key)) => {
            let own = Credentials::new(&id, key)?;
            Ok(Some(match set("AWS_SESSION_TOKEN") {
                None => own,
                Some(token) => own.with_token(token)?,
            }))
        }
        _ => Err(half()),
    }
}

fn text(bytes: &[u8]) -> Result<String> {
    let text =
        str::from_utf8(bytes).map_err(|_| Error::new(ErrorKind::Credentials, "the credentials are not UTF-8"))?;
    Ok(text.to_owned())
}

fn failed(what: &'static str) -> impl Fn(io::Error) -> Error {
    move |error| Error::new(ErrorKind::Config, format!("cannot {what}")).caused_by(error)
}
