//! One cell: an upload to a store of its own, one fault, and what became of it.

use std::{
    collections::BTreeSet,
    fmt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
    time::Duration,
};

use sealift::{
    CustomerKey, KmsContext, Receipt, SseContext, StoreClient, Upload, UploadRequest, Uploader,
    dialect::{COS, Dialect, S3},
    emulator::{Emulator, EmulatorOptions, FaultPlan, Request},
    error::Result,
    ident::{Bucket, ObjectKey, Region},
    operation::Operation,
    signing::Credentials,
    sse::SseMode,
    transfer::{Concurrency, Download, DownloadRequest, EndpointProfiles, journal::StateDir},
    transport::{ClientOptions, ConnectTo, MaskedHead, RequestObserver},
    wire::{Address, Addressing},
};
use serde_json::Value;
use tempfile::TempDir;

use crate::{
    expect::End,
    fault::{self, Fault, Harm},
    fetched, judge,
    place::Place,
    sources::Sources,
};

/// The key of all objects.
pub(crate) const KEY: &str = "folder/object.bin";
/// The KMS key of all objects.
pub(crate) const KMS_KEY: &str = "key-of-the-matrix";
/// The context of that one.
pub(crate) const KMS_CONTEXT: &str = r#"{"purpose":"test"}"#;
/// The customer key of all objects: no bytes that turn up by chance.
pub(crate) const CUSTOMER_KEY: [u8; 32] = *b"v8Qz!kT3#mW6^pR1&xN5*bJ9(hD2)cF4";
/// A call may be sent so often. Three is what the client allows for silence, which takes the longest.
const ATTEMPTS: u32 = 3;
/// The same where a silent call comes three times.
const FEW_ATTEMPTS: u32 = 2;
/// Where nothing is silent on purpose, a machine that is busy must not be taken for it.
const STALL: Duration = Duration::from_mins(1);
/// Where it is, so long; the client waits twice as long for an answer.
const SHORT_STALL: Duration = Duration::from_secs(4);

/// What is tried.
#[derive(Clone, Copy)]
pub(crate) struct Cell {
    pub(crate) dialect: Dialect,
    pub(crate) place: Place,
    pub(crate) fault: &'static Fault,
    /// The fault strikes once, else every time.
    pub(crate) once: bool,
    pub(crate) mode: SseMode,
    pub(crate) journal: bool,
}

impl fmt::Display for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { dialect, place, fault, once, mode, journal } = self;
        let (times, journal) = (if *once { "once" } else { "always" }, if *journal { "journal" } else { "no journal" });
        write!(f, "{dialect}, {}, {} {times}, {}, {journal}", place.title(), fault.name, mode.name())
    }
}

/// What came of it.
#[derive(Clone)]
pub(crate) struct Outcome {
    pub(crate) end: End,
    /// What is not as the design promises; empty if all is.
    pub(crate) complaints: Vec<String>,
}

impl Cell {
    pub(crate) fn is_s3(&self) -> bool {
        self.dialect == S3
    }

    /// One PUT is sent to an S3 store only if it is known how that proves one: by its manual, as of the first of them.
    pub(crate) fn is_documented(&self) -> bool {
        self.is_s3() && self.place.is_small()
    }

    /// How many parts the file has, of the smallest size that the store takes.
    pub(crate) fn parts(&self) -> u16 {
        // With two there is none in the middle; those of S3 are five times as large.
        if self.is_s3() && self.place != Place::Middle { 2 } else { 3 }
    }

    pub(crate) fn sse(&self) -> SseContext {
        match self.mode {
            SseMode::None => SseContext::none(self.dialect),
            SseMode::Managed => SseContext::managed(self.dialect),
            SseMode::Kms => {
                let context = KmsContext::parse(KMS_CONTEXT).unwrap();
                SseContext::kms(self.dialect, Some(KMS_KEY.to_owned()), Some(context)).unwrap()
            }
            SseMode::Customer => SseContext::customer(self.dialect, CustomerKey::from_bytes(CUSTOMER_KEY)),
            other => panic!("the matrix lacks the mode {}", other.name()),
        }
    }

    /// The encryption that a receipt has to tell of: S3 encrypts what was not to be encrypted too, and says so.
    pub(crate) fn told_mode(&self) -> &'static str {
        let asked = matches!(self.place, Place::Put | Place::Get);
        let unsaid = asked && matches!(self.fault.verb, "drop_echo" | "downgrade_echo");
        if self.mode == SseMode::None && self.is_s3() && !unsaid { "managed" } else { self.mode.name() }
    }

    /// Whether nobody could tell a run of it from one that hangs, so that it is stopped after so many faults.
    fn patience(&self) -> Option<usize> {
        match self.place {
            _ if self.once => None,
            // An upload that is alive is completed again for twenty minutes.
            Place::Complete => Some(3),
            Place::DoubtMade | Place::DoubtAlive if self.is_silent() => Some(4),
            _ => None,
        }
    }

    /// Whether its store falls silent.
    pub(crate) fn is_silent(&self) -> bool {
        matches!(self.fault.harm(self.place.operation()), Harm::Silence { patient: true, .. })
    }

    /// Whether it mostly waits. A download that breaks off is taken up again several times.
    pub(crate) fn is_slow(&self) -> bool {
        let long = matches!(self.place, Place::Complete | Place::DoubtMade | Place::DoubtAlive | Place::Get);
        self.is_silent() || !self.once && long
    }

    /// Runs it.
    pub(crate) async fn run(&self, uploader: &Uploader, sources: &Sources) -> Outcome {
        let bench = Bench::new(self, sources).await;
        let mut earlier = Vec::new();
        if let Some(rules) = self.place.first_run() {
            bench.emulator.set_faults(fault::plan(&rules));
            let stopped = bench.upload(uploader).await.unwrap_err();
            assert!(stopped.is_resumable(), "{self}: {stopped:?}");
            earlier = bench.emulator.transcript();
        }
        if self.place == Place::Get {
            bench.upload(uploader).await.unwrap();
        }
        bench.emulator.set_faults(fault::plan(&self.rules()));
        let before = bench.emulator.transcript().len();
        bench.sent.0.lock().unwrap().clear();
        if self.place == Place::Get {
            let outcome = bench.download(uploader).await;
            let seen = bench.emulator.transcript().split_off(before);
            bench.emulator.set_faults(FaultPlan::new());
            let missed = self.missed(&bench, &seen);
            let mut end = fetched::judge(&bench, uploader, outcome, &seen).await;
            end.complaints.extend(missed);
            bench.emulator.stop().await;
            return end;
        }
        let upload = bench.upload(uploader);
        let outcome = match self.patience() {
            Some(times) => bench.stopped_after(upload, times).await,
            None => upload.await,
        };
        let seen = bench.emulator.transcript().split_off(before);
        bench.emulator.set_faults(FaultPlan::new());
        if self.fault.verb == "linger" {
            // What goes on unheard is to end before anything is said of it.
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        let missed = self.missed(&bench, &seen);
        let mut end = judge::judge(&bench, uploader, outcome, Heard { earlier, now: seen }).await;
        end.complaints.extend(missed);
        bench.emulator.stop().await;
        end
    }

    /// What goes wrong in it: what brings its call about, and the fault.
    pub(crate) fn rules(&self) -> Vec<Value> {
        let mut rules = self.place.stage(self.mode != SseMode::None);
        let faults = self.fault.rules(self.place.operation(), self.place.part(self.parts()), self.once);
        if self.place == Place::First && self.is_s3() {
            // The first attempt of that part is the random byte.
            rules.extend(faults.flat_map(|rule| behind_the_byte(&rule, self.once)));
        } else {
            rules.extend(faults);
        }
        rules
    }

    /// What is wrong if the fault did not strike: then whatever came of the cell says nothing of it.
    fn missed(&self, bench: &Bench<'_>, seen: &[Request]) -> Option<String> {
        let operation = self.place.operation();
        let part = self.place.part(self.parts());
        // Of an upload whose parts go one by one.
        let sent = bench.struck() >= usize::from(part.unwrap_or(1));
        let came = |verb: &str| {
            seen.iter().any(|request| {
                let fault = request.fault.as_deref().unwrap_or_default();
                request.operation == operation
                    && (part.is_none() || request.part == part)
                    && fault.split(',').any(|name| name == verb)
            })
        };
        // The store may not have written down yet what it leaves without an answer.
        let silent = matches!(self.fault.harm(operation), Harm::Silence { patient: true, .. });
        if self.fault.is_idle(self) {
            let struck = self.fault.all_verbs().any(came);
            return struck.then(|| format!("the fault has struck {operation}, which is said to have nothing for it"));
        }
        let struck = silent || self.fault.may_miss(self) || self.fault.all_verbs().all(came);
        (!sent || !struck).then(|| format!("the fault has not struck: {operation} was sent {} times", bench.struck()))
    }
}

/// The same rule for the attempts of a part that follow its first.
fn behind_the_byte(rule: &Value, once: bool) -> Vec<Value> {
    let last = if once { 2 } else { ATTEMPTS + 2 };
    let at = |attempt: u32| {
        let mut rule = rule.clone();
        rule["attempt"] = attempt.into();
        rule
    };
    (2..=last).map(at).collect()
}

/// What the store has seen of a cell.
pub(crate) struct Heard {
    /// In a first run, which the fault does not strike.
    pub(crate) earlier: Vec<Request>,
    /// Since.
    pub(crate) now: Vec<Request>,
}

/// The calls that have left.
#[derive(Debug, Default)]
struct Sent(Mutex<Vec<Operation>>);

impl RequestObserver for Sent {
    fn request(&self, head: &MaskedHead) {
        self.0.lock().unwrap().push(head.operation);
    }
}

/// A store, a client of it and a place for journals.
pub(crate) struct Bench<'a> {
    pub(crate) cell: &'a Cell,
    pub(crate) emulator: Emulator,
    pub(crate) client: StoreClient,
    pub(crate) content: &'a [u8],
    pub(crate) source: &'a Path,
    sent: Arc<Sent>,
    dir: TempDir,
}

impl<'a> Bench<'a> {
    pub(crate) async fn new(cell: &'a Cell, sources: &'a Sources) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let options =
            if cell.dialect == COS { EmulatorOptions::new(dir.path()) } else { EmulatorOptions::s3(dir.path()) };
        let emulator = Emulator::start(options.strict(true).durable(false)).await.unwrap();
        let bucket = Bucket::new(cell.dialect, emulator.bucket()).unwrap();
        let region = Region::new(emulator.region()).unwrap();
        let endpoint = emulator.endpoint();
        let documented = cell.is_documented();
        let (endpoint, way) = if documented { (None, Addressing::Auto) } else { (Some(&*endpoint), Addressing::Path) };
        let address = Address::new(cell.dialect, &bucket, Some(&region), endpoint, way).unwrap();
        let (id, key) = emulator.secret();
        let credentials = Arc::new(Credentials::new(id, key).unwrap());
        let sent = Arc::new(Sent::default());
        let stall = if cell.is_silent() { SHORT_STALL } else { STALL };
        let attempts = if cell.is_silent() && cell.place == Place::Delete { FEW_ATTEMPTS } else { ATTEMPTS };
        let options = ClientOptions::default().attempts(attempts).stall_timeout(stall).observer(sent.clone());
        let here = emulator.addr().to_string().parse::<ConnectTo>().unwrap();
        let options = if documented { options.connect_to(here) } else { options };
        let client = StoreClient::new(address, credentials, options.ca_cert(emulator.ca_cert().unwrap())).unwrap();
        let (source, content) = sources.of(cell);
        Self { cell, emulator, client, content, source, sent, dir }
    }

    /// The request that is tried, and tried again: parts of the smallest size, one at a time.
    pub(crate) fn upload(&self, uploader: &Uploader) -> Upload {
        let smallest = self.cell.dialect.limits().min_part;
        let request = UploadRequest::new(self.client.clone(), self.key(), self.source)
            .sse(self.cell.sse())
            .part_size(smallest)
            .concurrency(Concurrency::Fixed(1))
            .profiles(EndpointProfiles::default());
        uploader.upload(if self.cell.journal { request.journal(self.state()) } else { request })
    }

    /// The download that is tried, and tried again.
    pub(crate) fn download(&self, uploader: &Uploader) -> Download {
        std::fs::create_dir_all(self.folder()).unwrap();
        let to = self.folder().join("object");
        uploader.download(DownloadRequest::new(self.client.clone(), self.key(), to).sse(self.cell.sse()))
    }

    /// The folder of all that belongs to this cell.
    pub(crate) fn home(&self) -> &Path {
        self.dir.path()
    }

    /// Where nothing is but what was downloaded.
    pub(crate) fn folder(&self) -> PathBuf {
        self.dir.path().join("fetched")
    }

    pub(crate) fn key(&self) -> ObjectKey {
        ObjectKey::new(self.cell.dialect, KEY).unwrap()
    }

    pub(crate) fn state(&self) -> StateDir {
        StateDir::at(self.dir.path().join("state"))
    }

    /// Stops the upload once the fault has struck so often.
    async fn stopped_after(&self, mut upload: Upload, times: usize) -> Result<Receipt> {
        loop {
            match tokio::time::timeout(Duration::from_millis(50), &mut upload).await {
                Ok(outcome) => return outcome,
                Err(_) if self.struck() >= times => {
                    upload.pause();
                    return upload.await;
                }
                Err(_) => {}
            }
        }
    }

    /// How often the call was sent. The store writes down what it has answered; this knows of more.
    fn struck(&self) -> usize {
        let operation = self.cell.place.operation();
        self.sent.0.lock().unwrap().iter().filter(|sent| sent.to_string() == operation).count()
    }

    /// The ids that journals here know, and whether one of them waits for the answer to an Initiate.
    pub(crate) fn journalled(&self) -> (BTreeSet<String>, bool) {
        let (mut ids, mut initiating) = (BTreeSet::new(), false);
        for listed in self.state().list().unwrap() {
            match listed.known.unwrap().map(|known| known.upload) {
                Some(Some(upload)) => {
                    ids.insert(upload.upload_id.as_str().to_owned());
                }
                Some(None) => initiating = true,
                None => {}
            }
        }
        (ids, initiating)
    }

    /// How many files are kept where journals are.
    pub(crate) fn kept(&self) -> usize {
        std::fs::read_dir(self.state().path()).map_or(0, Iterator::count)
    }
}
