//! How a store is set up.

use std::{net::SocketAddr, path::PathBuf};

use super::{dialect::Dialect, fault::FaultPlan, signature::Account};
use crate::{clock::Clock, secret::Secret};

/// Settings of an [`Emulator`](super::Emulator).
#[derive(Clone, Debug)]
#[must_use]
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
pub struct EmulatorOptions {
    pub(super) dir: PathBuf,
    pub(super) dialect: Dialect,
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
    pub(super) min_part_size: u64,
    pub(super) clock: Clock,
    pub(super) guesses: Guesses,
}

/// Answers that the manuals do not tell. The defaults are our best guesses; each can be switched.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
#[expect(clippy::struct_excessive_bools, reason = "independent switches")]
pub struct Guesses {
    /// A customer key that is not the object's: 403 `AccessDenied`.
    pub wrong_key: (u16, String),
    /// A customer key that is not the upload's: COS 403 `AccessDenied`, S3 400 `InvalidRequest`.
    pub wrong_part_key: (u16, String),
    /// No customer key where one is needed: COS 400 `InvalidArgument`, S3 400 `InvalidRequest`.
    pub missing_key: (u16, String),
    /// A customer key, its MD5 or its algorithm is malformed: 400 `InvalidArgument`.
    pub malformed_key: (u16, String),
    /// A customer key where the object or upload has none: COS 400 `SSEHeaderNotAllowed`, S3 400 `InvalidRequest`.
    pub needless_key: (u16, String),
    /// A customer key over plain HTTP: 400 `InvalidRequest`.
    pub key_over_http: (u16, String),
    /// The object exists and must not be overwritten: COS 409 `FileAlreadyExists`; S3 412 `PreconditionFailed`, which
    /// is no guess.
    pub exists: (u16, String),
    /// Whether part numbers may have gaps at Complete: COS no, S3 yes.
    pub gaps: bool,
    /// Whether Complete's answer has the object's checksum: yes.
    pub crc_on_complete: bool,
    /// Whether Initiate's answer confirms the encryption: yes.
    pub echo_on_initiate: bool,
    /// Whether Complete's answer confirms the encryption: yes.
    pub echo_on_complete: bool,
    /// Whether an XML declaration follows the white space of Complete's answer: no. A strict parser refuses it there,
    /// and the official Python SDK has one. S3 sends the declaration before.
    pub declaration_after_space: bool,
    /// Whether S3 takes, and checks, a part's checksum of any algorithm although Initiate declared none: yes, because
    /// official SDKs send one by themselves. Otherwise 400 `InvalidRequest`, as S3 was once seen to answer, unless it is
    /// of the algorithm that S3 takes by itself, CRC64NVME.
    pub undeclared_part_checksums: bool,
    /// Whether S3 takes the checksum of a full object on Complete without its type: no, 400 `InvalidRequest`.
    pub checksum_without_type: bool,
    /// The id that is told where a KMS key was left to the service.
    pub default_kms_key_id: String,
    /// KMS keys that do not exist: COS `KmsKeyNotExist`, S3 `KMS.NotFoundException`; any other id is taken.
    pub absent_kms_keys: Vec<String>,
}

impl Default for Guesses {
    /// Those of COS.
    fn default() -> Self {
        let pair = |status, code: &str| (status, code.to_owned());
        Self {
            wrong_key: pair(403, "AccessDenied"),
            wrong_part_key: pair(403, "AccessDenied"),
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
            undeclared_part_checksums: false,
            checksum_without_type: false,
            default_kms_key_id: "8f2d9e4c-0b71-11ee-a1f5-5254006d0a2b".to_owned(),
            absent_kms_keys: Vec::new(),
        }
    }
}

impl Guesses {
    /// Those of S3.
    pub fn s3() -> Self {
        let invalid = (400, "InvalidRequest".to_owned());
        Self {
            wrong_part_key: invalid.clone(),
            missing_key: invalid.clone(),
            needless_key: invalid,
            exists: (412, "PreconditionFailed".to_owned()),
            gaps: true,
            undeclared_part_checksums: true,
            default_kms_key_id: "1b7f6c52-9d0e-4c1a-8a3e-7c5d9f20b6e4".to_owned(),
            ..Self::default()
        }
    }
}

impl EmulatorOptions {
    /// A store that speaks COS and keeps its data in `dir`, on a free port of 127.0.0.1, over TLS.
    ///
    /// It has the bucket `examplebucket-1250000000` in `ap-guangzhou` and made-up credentials that it keeps.
    pub fn new(dir: impl Into<PathBuf>) -> Self {
        Self {
            dir: dir.into(),
            dialect: Dialect::Cos,
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
            min_part_size: 1 << 20,
            clock: Clock::system(),
            guesses: Guesses::default(),
        }
    }

    /// The same for a store that speaks S3.
    ///
    /// It has the bucket `examplebucket` in `eu-central-1`, and its parts have at least 5 MiB.
    pub fn s3(dir: impl Into<PathBuf>) -> Self {
        Self {
            dialect: Dialect::S3,
            region: "eu-central-1".to_owned(),
            min_part_size: 5 << 20,
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

    /// The least size of a part that is not the last: 1 MiB with COS, 5 MiB with S3.
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
