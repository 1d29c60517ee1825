//! `demo`: the main job, end to end, against the embedded store in this process.
//!
//! The store is reached as the real one would be: by its real host name, over HTTPS, with signatures; only the address
//! that is dialled is this machine's.

mod proof;
mod sample;
mod stage;

use std::{
    fs::File,
    path::{Path, PathBuf},
    time::Instant,
};

use self::stage::Stage;
use super::{
    args::{DemoArgs, DemoMode},
    console::Console,
    drive, report,
    signals::Signals,
    stat,
    units::{show_rate, show_size},
};
use crate::{
    dialect::Dialect,
    error::{Error, ErrorKind, Result},
    sse::{CustomerKey, SseContext},
    transfer::Receipt,
};

/// Plays it all, prints the receipt, and leaves nothing behind.
pub(super) fn run(args: &DemoArgs, console: &Console) -> Result<()> {
    let folder = tempfile::Builder::new().prefix("sealift-demo-").tempdir().map_err(|error| {
        Error::new(ErrorKind::Source, "cannot make a temporary folder")
            .with_hint("TMPDIR says where it goes")
            .caused_by(error)
    })?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::new(ErrorKind::Internal, "cannot start the threads").caused_by(error))?;
    let outcome = runtime.block_on(async {
        let mut signals = Signals::listen(console)?.removing(folder.path());
        play(args, console, folder.path(), &mut signals).await
    });
    // Threads that still read or write in the folder end first.
    drop(runtime);
    let cleaned = folder.close();
    let receipt = outcome?;
    if let Err(error) = cleaned {
        console.warn(&format!("the temporary folder could not be removed: {error}"));
    }
    report::print_upload(&receipt, console)
}

async fn play(args: &DemoArgs, console: &Console, folder: &Path, signals: &mut Signals) -> Result<Receipt> {
    let file = args.file.as_deref().map(readable).transpose()?;
    let mut step = Steps { console, number: 0 };
    console.note("The main job, end to end, on a store inside this process. Nothing leaves this machine.\n");

    let name = file.as_ref().and_then(|(path, _)| path.file_name()?.to_str()).unwrap_or("sample.bin");
    let stage = Stage::set(folder, name).await?;
    step.say("store", &format!("{}, dialled at {}", stage.host(), stage.at()));

    step.add("HTTPS with its own authority; strict; every signature is checked");

    let sse = encryption_for(args.sse)?;
    step.say("key", &describe(&sse));

    let source = source(file, args.size, folder, signals).await?;
    step.say("file", &source.says);

    let began = Instant::now();
    let upload = stage.upload(&source.path, &sse)?;
    let receipt = drive::to_the_end(upload, console, signals).await?;
    let time = began.elapsed();
    let parts = match receipt.parts {
        0 | 1 => "in one request".to_owned(),
        parts => format!("in {parts} parts of {}", show_size(receipt.part_size)),
    };
    step.say(
        "upload",
        &format!("{} {parts}, {:.1} s, {}", show_size(receipt.size), time.as_secs_f64(), show_rate(receipt.size, time)),
    );

    let info = drive::or_stopped(stage.stat(&sse), signals).await?;
    step.say("stat", &format!("{}; encryption: {}", show_size(info.value.size), stat::encryption_reported(&info.echo)));

    step.say("carriage", "the encryption headers that the first call of each kind carried");
    for head in stage.carried() {
        step.add(&format!("{:<11} {}", head.operation.name(), stage::carriage(&head)));
    }

    if args.sse == DemoMode::Customer {
        step.say("refusals", "who lacks the key gets nothing");
        for (what, refusal) in drive::or_stopped(stage.refusals(), signals).await? {
            step.add(&format!("{what:<24} {refusal}"));
        }
        let stored = stage.data().to_owned();
        let found = proof::plain_text_in(&source.path, &stored, signals).await?;
        step.say("on disk", &found);
    }

    let copy = folder.join("read-back");
    let began = Instant::now();
    drive::to_the_end(stage.download(&copy, &sse), console, signals).await?;
    let time = began.elapsed();
    proof::same_bytes(&source.path, &copy, signals).await?;
    step.say(
        "read back",
        &format!("byte for byte the same, {:.1} s, {}", time.as_secs_f64(), show_rate(receipt.size, time)),
    );
    stage.strike().await;
    console.note("");
    Ok(receipt)
}

/// Numbered lines for people.
struct Steps<'a> {
    console: &'a Console,
    number: u32,
}

impl Steps<'_> {
    fn say(&mut self, name: &str, text: &str) {
        self.number += 1;
        self.console.note(format!("{:>2}. {name:<10} {text}", self.number).trim_end());
    }

    fn add(&self, text: &str) {
        self.console.note(&format!("{:15}{text}", ""));
    }
}

struct Source {
    path: PathBuf,
    says: String,
}

/// A file of the user with its size, if it can be read.
fn readable(path: &Path) -> Result<(&Path, u64)> {
    let size = path.metadata().and_then(|metadata| {
        // Whatever else it is, opening it could wait for ever; the upload refuses it.
        if metadata.is_file() { File::open(path).map(|_| metadata.len()) } else { Ok(metadata.len()) }
    });
    match size {
        Ok(size) => Ok((path, size)),
        Err(error) => Err(Error::new(ErrorKind::Source, format!("cannot read {}", path.display())).caused_by(error)),
    }
}

/// The file of the user, or a generated one.
async fn source(file: Option<(&Path, u64)>, size: u64, folder: &Path, signals: &mut Signals) -> Result<Source> {
    if let Some((path, size)) = file {
        sample::room_for(folder, size, 2)?;
        return Ok(Source { path: path.to_owned(), says: format!("{}, {}", path.display(), show_size(size)) });
    }
    sample::room_for(folder, size, 3)?;
    let path = folder.join("sample.bin");
    let began = Instant::now();
    sample::generate(&path, size, signals).await?;
    let says = format!("{} of random bytes, made in {:.1} s", show_size(size), began.elapsed().as_secs_f64());
    Ok(Source { path, says })
}

fn encryption_for(mode: DemoMode) -> Result<SseContext> {
    match mode {
        DemoMode::Managed => Ok(SseContext::managed(Dialect::Cos)),
        DemoMode::Kms => SseContext::kms(Dialect::Cos, Some(KMS_KEY.to_owned()), None),
        DemoMode::Customer => Ok(SseContext::customer(Dialect::Cos, CustomerKey::generate()?)),
    }
}

/// Made up: the embedded store knows every key.
const KMS_KEY: &str = "5e71f2d0-demo-4c7b-9d8e-0123456789ab";

fn describe(sse: &SseContext) -> String {
    match (sse.key_md5(), sse.kms_key_id()) {
        (Some(md5), _) => format!("a fresh customer key of 32 bytes, with MD5 {md5}"),
        (None, Some(id)) => format!("the key {id} in the store's KMS"),
        (None, None) => "keys that the store manages".to_owned(),
    }
}
