//! How a store is set up.

use std::{net::SocketAddr, path::PathBuf};

use super::{
    dialect::Spoken,
    fault::FaultPlan,
    guesses::Guesses,
    limits::Limits,
    signature::Account,
    watch::{Event, Watcher},
};
use crate::{clock::Clock, secret::Secret};

/// Settings of an [`Emulator`](super::Emulator).
#[derive(Clone, Debug)]
#[must_use]
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
pub struct EmulatorOptions {
    pub(super) dir: PathBuf,
    pub(super) dialect: Spoken,
    pub(super) tls: bool,
    pub(super) strict: bool,
    pub(super) allow_insecure: bool,
    pub(super) block_customer_keys: bool,
    pub(super) durable: bool,
    pub(super) listen: SocketAddr,
    pub(super) region: String,
    pub(super) buckets: Vec<String>,
    pub(super) domains: Vec<(String, String)>,
    pub(super) accounts: Vec<Account>,
    pub(super) faults: FaultPlan,
    pub(super) transcript: Option<PathBuf>,
    pub(super) watcher: Watcher,
    pub(super) remembered: usize,
    pub(super) limits: Limits,
    pub(super) multi_az: bool,
    pub(super) old_buckets: bool,
    pub(super) accelerated: bool,
    pub(super) clock: Clock,
    pub(super) guesses: Guesses,
}

impl EmulatorOptions {
    /// A store that speaks COS and keeps its data in `dir`, on a free port of 127.0.0.1, over TLS.
    ///
    /// It has the bucket `examplebucket-1250000000` in `ap-guangzhou` and made-up credentials that it keeps.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            dialect: Spoken::Cos,
            tls: true,
            strict: false,
            allow_insecure: false,
            block_customer_keys: false,
            durable: true,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            region: "ap-guangzhou".to_owned(),
            buckets: Vec::new(),
            domains: Vec::new(),
            accounts: Vec::new(),
            faults: FaultPlan::new(),
            transcript: None,
            watcher: Watcher::default(),
            remembered: 24_000,
            limits: Limits::default(),
            multi_az: false,
            old_buckets: false,
            accelerated: false,
            clock: Clock::system(),
            guesses: Guesses::default(),
        }
    }

    /// The same for a store that speaks S3.
    ///
    /// It has the bucket `examplebucket` in `eu-central-1`, and its parts have at least 5 MiB.
    pub fn s3(dir: impl Into<PathBuf>) -> Self {
        Self {
            dialect: Spoken::S3,
            region: "eu-central-1".to_owned(),
            limits: Limits::s3(),
            guesses: Guesses::s3(),
            ..Self::new(dir)
        }
    }

    /// Whether it speaks TLS, with an authority of its own.
    pub fn tls(self, on: bool) -> Self {
        Self { tls: on, ..self }
    }

    /// Whether surplus encryption headers are refused instead of recorded.
    pub fn strict(self, on: bool) -> Self {
        Self { strict: on, ..self }
    }

    /// Whether customer keys are taken over plain HTTP.
    pub fn allow_insecure(self, on: bool) -> Self {
        Self { allow_insecure: on, ..self }
    }

    /// Whether writes under customer keys are refused, 403 `AccessDenied`, as by buckets of S3 that were made since April
    /// 2026 and not told otherwise (userguide/blocking-unblocking-s3-c-encryption-gpb.html). Reads go on.
    pub fn block_customer_keys(self, on: bool) -> Self {
        Self { block_customer_keys: on, ..self }
    }

    /// Whether everything is synced to disk before it is confirmed. Off: it survives a killed process, not a power cut.
    pub fn durable(self, on: bool) -> Self {
        Self { durable: on, ..self }
    }

    /// Where it listens; port 0 takes a free one.
    pub fn listen(self, at: SocketAddr) -> Self {
        Self { listen: at, ..self }
    }

    /// The region in its host names.
    pub fn region(self, name: &str) -> Self {
        Self { region: name.to_owned(), ..self }
    }

    /// Adds a bucket; the first call replaces the default one.
    pub fn bucket(mut self, name: &str) -> Self {
        self.buckets.push(name.to_owned());
        self
    }

    /// Adds a host name that stands for one bucket, as a CNAME does.
    pub fn domain(mut self, host: &str, bucket: &str) -> Self {
        self.domains.push((host.to_ascii_lowercase(), bucket.to_owned()));
        self
    }

    /// Adds credentials: id, key, and the token of temporary ones. The first call replaces the made-up ones.
    pub fn credentials(mut self, id: &str, key: &str, token: Option<&str>) -> Self {
        let (key, token) = (Secret::new(key), token.map(Secret::new));
        self.accounts.push(Account { id: id.to_owned(), key, token, expires: None });
        self
    }

    /// Adds temporary credentials, which end at this time, in seconds since 1970 of the store's clock: 400 `ExpiredToken`
    /// from then on.
    pub fn temporary_credentials(mut self, id: &str, key: &str, token: &str, ends: u64) -> Self {
        let (key, token) = (Secret::new(key), Some(Secret::new(token)));
        self.accounts.push(Account { id: id.to_owned(), key, token, expires: Some(ends) });
        self
    }

    /// What goes wrong.
    pub fn faults(self, plan: FaultPlan) -> Self {
        Self { faults: plan, ..self }
    }

    /// A file that gets one JSON line for each request, after what is in it already; and one with the operation `Start`
    /// at each start.
    pub fn transcript(self, file: impl Into<PathBuf>) -> Self {
        Self { transcript: Some(file.into()), ..self }
    }

    /// Who is told of each request, and of a transcript that cannot be written. It is called between a request and its
    /// answer, so it should be quick.
    pub fn watch(self, watch: impl Fn(Event<'_>) + Send + Sync + 'static) -> Self {
        Self { watcher: Watcher::new(watch), ..self }
    }

    /// How many of the latest requests [`Emulator::transcript`](super::Emulator::transcript) tells: 24,000, two uploads of
    /// 10,000 parts. Each takes about 2 KB of memory.
    pub fn remember(self, requests: usize) -> Self {
        Self { remembered: requests, ..self }
    }

    /// The least size of a part that is not the last: 1 MiB with COS, 5 MiB with S3.
    pub fn min_part_size(mut self, bytes: u64) -> Self {
        self.limits.min_part_size = bytes;
        self
    }

    /// How large and how many things may be; by default what the real service allows.
    pub fn limits(self, limits: Limits) -> Self {
        Self { limits, ..self }
    }

    /// With COS, whether the buckets are in several zones, and so take the storage classes `MAZ_…` and no others.
    pub fn multi_az(self, on: bool) -> Self {
        Self { multi_az: on, ..self }
    }

    /// With COS, whether the buckets were made before 2024, and so can be reached in path style at the service's own host
    /// names, and hand out installers (/document/product/436/57456). Path style at any other host name or address works
    /// in any case.
    pub fn old_buckets(self, on: bool) -> Self {
        Self { old_buckets: on, ..self }
    }

    /// With COS, whether global acceleration is enabled for the buckets, so that they are reached at
    /// `BUCKET.cos.accelerate.myqcloud.com` (/document/product/436/33409). It takes no copies there.
    pub fn accelerated(self, on: bool) -> Self {
        Self { accelerated: on, ..self }
    }

    /// The store's time of day.
    pub fn clock(self, clock: Clock) -> Self {
        Self { clock, ..self }
    }

    /// What it answers where the manuals are silent.
    pub fn guesses(self, guesses: Guesses) -> Self {
        Self { guesses, ..self }
    }
}
