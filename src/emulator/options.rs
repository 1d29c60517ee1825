//! How a store is set up.

use std::{net::SocketAddr, path::PathBuf};

use super::{fault::FaultPlan, verify::Account};
use crate::{clock::Clock, secret::Secret};

/// Settings of an [`Emulator`](super::Emulator).
#[derive(Clone, Debug)]
#[must_use]
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
pub struct EmulatorOptions {
    pub(super) dir: PathBuf,
    pub(super) tls: bool,
    pub(super) strict: bool,
    pub(super) allow_insecure: bool,
    pub(super) durable: bool,
    pub(super) listen: SocketAddr,
    pub(super) region: String,
    pub(super) buckets: Vec<String>,
    pub(super) domains: Vec<(String, String)>,
    pub(super) accounts: Vec<Account>,
    pub(super) faults: FaultPlan,
    pub(super) transcript: Option<PathBuf>,
    pub(super) min_part_size: u64,
    pub(super) clock: Clock,
    pub(super) guesses: Guesses,
}

/// Answers that the manuals do not tell. The defaults are our best guesses; each can be switched.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
pub struct Guesses {
    /// A customer key that is not the object's or upload's: 403 `AccessDenied`.
    pub wrong_key: (u16, String),
    /// No customer key where one is needed: 400 `InvalidArgument`.
    pub missing_key: (u16, String),
    /// A customer key, its MD5 or its algorithm is malformed: 400 `InvalidArgument`.
    pub malformed_key: (u16, String),
    /// A customer key where the object or upload has none: 400 `SSEHeaderNotAllowed`.
    pub needless_key: (u16, String),
    /// A customer key over plain HTTP: 400 `InvalidRequest`.
    pub key_over_http: (u16, String),
    /// The object exists and must not be overwritten: 409 `FileAlreadyExists`.
    pub exists: (u16, String),
    /// Whether part numbers may have gaps at Complete: no.
    pub gaps: bool,
    /// Whether Complete's answer has the object's CRC-64: yes.
    pub crc_on_complete: bool,
    /// Whether Initiate's answer confirms the encryption: yes.
    pub echo_on_initiate: bool,
    /// Whether Complete's answer confirms the encryption: yes.
    pub echo_on_complete: bool,
    /// Whether an XML declaration follows the white space of Complete's answer: no. A strict parser refuses it there,
    /// and the official Python SDK has one.
    pub declaration_after_space: bool,
    /// The id that is told where a KMS key was left to the service.
    pub default_kms_key_id: String,
    /// KMS keys that do not exist, `KmsKeyNotExist`; any other id is taken.
    pub absent_kms_keys: Vec<String>,
}

impl Default for Guesses {
    fn default() -> Self {
        let pair = |status, code: &str| (status, code.to_owned());
        Self {
            wrong_key: pair(403, "AccessDenied"),
            missing_key: pair(400, "InvalidArgument"),
            malformed_key: pair(400, "InvalidArgument"),
            needless_key: pair(400, "SSEHeaderNotAllowed"),
            key_over_http: pair(400, "InvalidRequest"),
            exists: pair(409, "FileAlreadyExists"),
            gaps: false,
            crc_on_complete: true,
            echo_on_initiate: true,
            echo_on_complete: true,
            declaration_after_space: false,
            default_kms_key_id: "8f2d9e4c-0b71-11ee-a1f5-5254006d0a2b".to_owned(),
            absent_kms_keys: Vec::new(),
        }
    }
}

impl EmulatorOptions {
    /// A store that keeps its data in `dir`, on a free port of 127.0.0.1, over TLS.
    ///
    /// It has the bucket `examplebucket-1250000000` in `ap-guangzhou` and made-up credentials that it keeps.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            tls: true,
            strict: false,
            allow_insecure: false,
            durable: true,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            region: "ap-guangzhou".to_owned(),
            buckets: Vec::new(),
            domains: Vec::new(),
            accounts: Vec::new(),
            faults: FaultPlan::new(),
            transcript: None,
            min_part_size: 1 << 20,
            clock: Clock::system(),
            guesses: Guesses::default(),
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
        self.accounts.push(Account { id: id.to_owned(), key: Secret::new(key), token: token.map(Secret::new) });
        self
    }

    /// What goes wrong.
    pub fn faults(self, plan: FaultPlan) -> Self {
        Self { faults: plan, ..self }
    }

    /// A file that gets one JSON line for each request.
    pub fn transcript(self, file: impl Into<PathBuf>) -> Self {
        Self { transcript: Some(file.into()), ..self }
    }

    /// The least size of a part that is not the last; 1 MiB.
    pub fn min_part_size(self, bytes: u64) -> Self {
        Self { min_part_size: bytes, ..self }
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
