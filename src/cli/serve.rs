//! `serve`: the embedded store as a server of its own.

use std::{
    env,
    fmt::Write as _,
    io::{self, Write as _},
    path::{Path, PathBuf},
    str,
};

use super::{args::ServeArgs, console::Console, signals::Signals};
use crate::{
    credentials::{self, Environment},
    dialect::Dialect,
    emulator::{Emulator, EmulatorOptions, FaultPlan},
    error::{Error, ErrorKind, Result},
    ident::Bucket,
    signing::Credentials,
    small_file,
};

/// Serves until a signal comes.
pub(super) fn run(args: &ServeArgs, console: &Console) -> Result<()> {
    for name in &args.bucket {
        Bucket::new(Dialect::Cos, name)?;
    }
    if args.allow_insecure_loopback && !args.listen.ip().to_canonical().is_loopback() {
        let message = format!("{} is no loopback address, so customer keys need HTTPS there", args.listen.ip());
        return Err(Error::new(ErrorKind::Config, message)
            .with_hint("listen on 127.0.0.1, or serve HTTPS with --tls instead of --allow-insecure-loopback"));
    }
    let mut options = EmulatorOptions::new(&args.data)
        .listen(args.listen)
        .tls(args.tls)
        .allow_insecure(args.allow_insecure_loopback)
        .strict(args.strict)
        .region(REGION);
    for name in &args.bucket {
        options = options.bucket(name);
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
        if let Some(own) = from_environment().await? {
            options = options.credentials(
                &own.id,
                &text(own.key.expose())?,
                own.token.map(|token| text(token.expose())).transpose()?.as_deref(),
            );
        }
        let mut signals = Signals::listen(console)?;
        let store = Emulator::start(options).await.map_err(|error| {
            let message = format!("cannot start a store on {} with its data in {}", args.listen, args.data.display());
            Error::new(ErrorKind::Config, message).caused_by(error)
        })?;
        let settings = settings(&store, args)?;
        console.data(settings.as_bytes())?;
        if let Some(path) = &args.ready_file {
            write_whole(path, settings.as_bytes()).map_err(failed("write the ready file"))?;
        }
        console.note(&format!("serving {} at {}; Ctrl-C stops it", args.bucket.join(", "), store.endpoint()));
        signals.asked_to_stop().await;
        store.stop().await;
        Ok(())
    })
}

/// The region that the store plays.
const REGION: &str = "ap-guangzhou";

/// What a client needs to know, as lines that a shell can read.
fn settings(store: &Emulator, args: &ServeArgs) -> Result<String> {
    let (id, key) = store.secret();
    let mut lines = format!("SEALIFT_ENDPOINT={}\n", store.endpoint());
    if let Some(path) = store.ca_cert() {
        let path = path.canonicalize().map_err(failed("find the store's certificate"))?;
        let _ = writeln!(lines, "SEALIFT_CA_CERT={}", path.display());
    }
    let _ = writeln!(lines, "COS_SECRET_ID={id}\nCOS_SECRET_KEY={key}");
    let bucket = args.bucket.first().map_or("", String::as_str);
    let _ = writeln!(lines, "SEALIFT_BUCKET={bucket}\nSEALIFT_REGION={REGION}");
    Ok(lines)
}

/// The credentials in the usual variables, so that a test can choose what the store accepts; files are not looked at.
async fn from_environment() -> Result<Option<Credentials>> {
    let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
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
    credentials::discover(places)?.credentials().await.map(Some)
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
