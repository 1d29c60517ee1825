//! What was asked and what was answered, without the secrets: in memory, and as JSON lines in a file.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, Write as _},
    net::SocketAddr,
    path::Path,
    process,
    sync::{Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use http::HeaderMap;
use serde::Serialize;

use super::{
    dates,
    options::EmulatorOptions,
    watch::{Event, Watcher},
};

/// One request as the store saw it.
#[derive(Clone, Debug, Default, Serialize)]
#[non_exhaustive]
pub struct Request {
    /// When it came, by the store's clock: `2024-05-01T12:00:00.250Z`.
    pub time: String,
    /// The request id in its answer.
    pub request_id: String,
    /// The method.
    pub method: String,
    /// The operation's name, such as `UploadPart`; `Unknown` for what the store does not speak.
    pub operation: String,
    /// The bucket.
    pub bucket: String,
    /// The object key; empty for calls on the bucket.
    pub key: String,
    /// Names and values of the parameters, such as the upload's id; secret values and signatures are masked.
    pub query: Vec<(String, String)>,
    /// The part's number.
    pub part: Option<u16>,
    /// The status answered; 0 if the request ended without an answer.
    pub status: u16,
    /// The code of the error answered, also of one inside a 200.
    pub code: Option<String>,
    /// Bytes of the body received.
    pub received: u64,
    /// Names and values of the headers; secret values are masked.
    pub headers: Vec<(String, String)>,
    /// Encryption headers that official clients are seen to send here although the operation does not take them.
    pub surplus: Vec<String>,
    /// The faults that have changed something, with commas between them.
    pub fault: Option<String>,
}

impl Request {
    /// One of which nothing but its operation is known.
    pub(super) fn named(operation: &str) -> Self {
        Self { operation: operation.to_owned(), ..Self::default() }
    }
}

/// The line that marks where a run begins. It has the fields of a request too, so that readers need no second form.
#[derive(Serialize)]
struct Start<'a> {
    #[serde(flatten)]
    request: Request,
    version: &'static str,
    process: u32,
    address: String,
    buckets: &'a [String],
}

/// The latest requests, and the file they are also written to.
#[derive(Debug)]
pub(super) struct Transcript {
    kept: Mutex<Kept>,
    watcher: Watcher,
}

#[derive(Debug)]
struct Kept {
    latest: VecDeque<Request>,
    most: usize,
    file: Option<File>,
    /// Whether a line was not written, or not to its end.
    failed: bool,
}

impl Transcript {
    pub(super) fn open(file: Option<&Path>, most: usize, watcher: Watcher) -> io::Result<Self> {
        let open = |path: &Path| {
            File::options().create(true).append(true).open(path).map_err(|cause| {
                io::Error::new(cause.kind(), format!("cannot write the transcript {}: {cause}", path.display()))
            })
        };
        let file = file.map(open).transpose()?;
        Ok(Self { kept: Mutex::new(Kept { latest: VecDeque::new(), most, file, failed: false }), watcher })
    }

    /// Marks in the file that a run begins.
    pub(super) fn begin(&self, options: &EmulatorOptions, addr: SocketAddr) {
        let time = dates::precise(options.clock.now());
        let start = Start {
            request: Request { time, ..Request::named("Start") },
            version: env!("CARGO_PKG_VERSION"),
            process: process::id(),
            address: addr.to_string(),
            buckets: &options.buckets,
        };
        self.write(&start);
    }

    /// Marks in the file that something other than a request has happened.
    pub(super) fn mark(&self, name: &str, now: SystemTime) {
        self.write(&Request { time: dates::precise(now), ..Request::named(name) });
    }

    pub(super) fn add(&self, request: Request) {
        self.write(&request);
        // Not while the lock is held: whoever is told may ask for the transcript.
        self.watcher.tell(Event::Request(&request));
        let mut kept = self.kept();
        if kept.latest.len() >= kept.most {
            kept.latest.pop_front();
        }
        if kept.most > 0 {
            kept.latest.push_back(request);
        }
    }

    /// Appends a line. A transcript is a witness, not a service: a full disk must not fail the request.
    fn write(&self, line: &impl Serialize) {
        let failed = self.kept().write(line);
        if let Err(cause) = failed {
            self.watcher.tell(Event::TranscriptFailed(&cause));
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn latest(&self) -> Vec<Request> {
        self.kept().latest.iter().cloned().collect()
    }
}

impl Kept {
    /// Appends a line to the file. Only the first failure is told.
    fn write(&mut self, line: &impl Serialize) -> io::Result<()> {
        let Some(file) = &mut self.file else { return Ok(()) };
        // What a failure has cut off ends before the next line.
        let mut bytes = if self.failed { vec![b'\n'] } else { Vec::new() };
        serde_json::to_writer(&mut bytes, line)?;
        bytes.push(b'\n');
        match file.write_all(&bytes) {
            Err(cause) if !std::mem::replace(&mut self.failed, true) => Err(cause),
            // A transcript is a witness, not a service: a full disk must not fail the request.
            _ => Ok(()),
        }
    }
}

/// Names and values, with everything masked that is a secret or could be used as one.
pub(super) fn mask(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| masked(name.as_str(), text(value))).collect()
}

/// The same for the parameters of a request; those of a presigned one sign it.
pub(super) fn mask_query(query: &[(String, String)]) -> Vec<(String, String)> {
    query.iter().map(|(name, value)| masked(name, value.clone())).collect()
}

fn masked(name: &str, value: String) -> (String, String) {
    let secrets = ["authorization", "signature", "sign", "token", "customer-key", "encryption-context"];
    let lower = name.to_ascii_lowercase();
    let secret = secrets.iter().any(|secret| lower.ends_with(secret));
    (name.to_owned(), if secret { "***".to_owned() } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_could_be_used_is_masked() {
        let query = |name: &str| mask_query(&[(name.to_owned(), "value".to_owned())])[0].1.clone();
        for secret in ["q-signature", "X-Amz-Signature", "X-Amz-Security-Token", "x-cos-security-token", "sign"] {
            assert_eq!(query(secret), "***", "{secret}");
        }
        for open in ["uploadId", "partNumber", "q-ak", "X-Amz-Credential", "X-Amz-Date"] {
            assert_eq!(query(open), "value", "{open}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_written_is_told_once_and_the_requests_go_on() {
        use std::sync::atomic::{AtomicU32, Ordering};
        static TOLD: AtomicU32 = AtomicU32::new(0);
        let watcher = Watcher::new(|event| {
            if matches!(event, Event::TranscriptFailed(_)) {
                TOLD.fetch_add(1, Ordering::Relaxed);
            }
        });
        let transcript = Transcript::open(Some(Path::new("/dev/full")), 10, watcher).unwrap();
        transcript.add(Request::named("Put"));
        transcript.add(Request::named("Get"));
        assert_eq!((TOLD.load(Ordering::Relaxed), transcript.latest().len()), (1, 2));
    }
}
