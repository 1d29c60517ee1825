//! `serve`: the embedded store as a server of its own.

use std::{
    env,
    fmt::Write as _,
    io::{self, Write as _},
    path::{Path, PathBuf},
    str,
};

use super::{
    args::{ServeArgs, ServedDialect},
    console::Console,
    signals::Signals,
};
use crate::{
    credentials::{self, Environment},
    dialect::Dialect,
    emulator::{self, Emulator, EmulatorOptions, FaultPlan, Guesses, Limits},
    error::{Error, ErrorKind, Result},
    ident::Bucket,
    signing::Credentials,
    small_file,
};

/// Serves until a signal comes.
pub(super) fn run(args: &ServeArgs, console: &Console) -> Result<()> {
    if args.dialect == ServedDialect::Cos {
        for name in &args.bucket {
            Bucket::new(Dialect::Cos, name)?;
        }
    }
    if args.allow_insecure_loopback && !args.listen.ip().to_canonical().is_loopback() {
        let message = format!("{} is no loopback address, so customer keys need HTTPS there", args.listen.ip());
        return Err(Error::new(ErrorKind::Config, message)
            .with_hint("listen on 127.0.0.1, or serve HTTPS with --tls instead of --allow-insecure-loopback"));
    }
    if args.block_customer_keys && args.dialect == ServedDialect::Cos {
        return Err(Error::new(ErrorKind::Config, "COS has no buckets that block customer keys")
            .with_hint("serve S3 with --dialect s3, or leave --block-customer-keys out"));
    }
    let options = match args.dialect {
        ServedDialect::Cos => EmulatorOptions::new(&args.data),
        ServedDialect::S3 => EmulatorOptions::s3(&args.data),
    };
    let mut options = options
        .listen(args.listen)
        .tls(args.tls)
        .allow_insecure(args.allow_insecure_loopback)
        .strict(args.strict)
        .block_customer_keys(args.block_customer_keys);
    for name in &args.bucket {
        options = options.bucket(name);
    }
    let (mut limits, mut guesses) = match args.dialect {
        ServedDialect::Cos => (Limits::default(), Guesses::default()),
        ServedDialect::S3 => (Limits::s3(), Guesses::s3()),
    };
    let wrong = |option: &'static str| {
        move |error: io::Error| Error::new(ErrorKind::Config, format!("{option} is not understood")).caused_by(error)
    };
    args.limit.iter().try_for_each(|setting| limits.set(setting)).map_err(wrong("--limit"))?;
    args.guess.iter().try_for_each(|setting| guesses.set(setting)).map_err(wrong("--guess"))?;
    // Nobody can ask this process for its transcript but by the file.
    options = options.limits(limits).guesses(guesses).remember(0);
    if let Some(path) = &args.ready_file {
        // One of an earlier run would be taken for ours, while we start.
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(failed("remove the old ready file")(error));
            }
            _ => {}
        }
    }
    if let Some(path) = &args.faults {
        options = options.faults(faults(path)?);
    }
    if let Some(path) = &args.transcript {
        options = options.transcript(path);
    }
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(failed("start the threads"))?;
    runtime.block_on(async {
        let own = match args.dialect {
            ServedDialect::Cos => from_cos_variables().await?,
            ServedDialect::S3 => from_aws_variables()?,
        };
        if let Some(own) = own {
            let token = own.token.map(|token| text(token.expose())).transpose()?;
            options = options.credentials(&own.id, &text(own.key.expose())?, token.as_deref());
        }
        let mut signals = Signals::listen(console)?;
        let store = Emulator::start(options).await.map_err(|error| {
            let message = format!("cannot start a store on {} with its data in {}", args.listen, args.data.display());
            Error::new(ErrorKind::Config, message).caused_by(error)
        })?;
        let settings = settings(&store)?;
        console.data(settings.as_bytes())?;
        if let Some(path) = &args.ready_file {
            write_whole(path, settings.as_bytes()).map_err(failed("write the ready file"))?;
        }
        console.note(&format!("serving {} at {}; Ctrl-C stops it", buckets(&store, args), store.endpoint()));
        signals.asked_to_stop().await;
        store.stop().await;
        Ok(())
    })
}

/// What a client needs to know, as lines that a shell can read.
fn settings(store: &Emulator) -> Result<String> {
    let (id, key) = store.secret();
    let mut lines = format!("SEALIFT_ENDPOINT={}\n", store.endpoint());
    if let Some(path) = store.ca_cert() {
        let path = path.canonicalize().map_err(failed("find the store's certificate"))?;
        // For a shell to read, whatever is in it.
        let path = path.to_string_lossy();
        let _ = writeln!(lines, "SEALIFT_CA_CERT={}", shlex::try_quote(&path).unwrap_or(path.clone()));
    }
    let _ = match store.dialect() {
        emulator::Spoken::Cos => writeln!(lines, "COS_SECRET_ID={id}\nCOS_SECRET_KEY={key}"),
        emulator::Spoken::S3 => writeln!(lines, "AWS_ACCESS_KEY_ID={id}\nAWS_SECRET_ACCESS_KEY={key}"),
    };
    let _ = writeln!(lines, "SEALIFT_BUCKET={}\nSEALIFT_REGION={}", store.bucket(), store.region());
    Ok(lines)
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

fn faults(path: &Path) -> Result<FaultPlan> {
    let failed = |error: io::Error| {
        Error::new(ErrorKind::Config, format!("cannot read the faults in {}", path.display()))
            .with_hint(r#"write a list such as [{"on": "UploadPart", "part": 3, "times": 1, "do": "answer", "status": 503, "code": "SlowDown"}]"#)
            .caused_by(error)
    };
    FaultPlan::from_json(&small_file::read_text(path).map_err(failed)?).map_err(failed)
}

/// Writes a file so that a reader sees it whole or not at all; only its owner can read it.
fn write_whole(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut file = tempfile::NamedTempFile::new_in(folder)?;
    file.write_all(bytes)?;
    file.persist(path)?;
    Ok(())
}

fn failed(what: &'static str) -> impl Fn(io::Error) -> Error {
    move |error| Error::new(ErrorKind::Config, format!("cannot {what}")).caused_by(error)
}
