//! Options of `serve`.

use std::{net::SocketAddr, path::PathBuf};

use clap::{Args, ValueEnum, ValueHint};

use crate::emulator::Spoken;

/// Options of `serve`.
#[derive(Args, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own on the command line")]
pub(in crate::cli) struct ServeArgs {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:0")]
    pub(in crate::cli) listen: SocketAddr,
    /// The folder that keeps the objects: new, empty, or of an earlier run, whose objects are served again.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, required_unless_present_any = ["limit", "guess"])]
    pub(in crate::cli) data: Option<PathBuf>,
    /// What the store speaks: cos with q-sign signatures, or s3 with Signature Version 4.
    #[arg(long, value_enum, value_name = "DIALECT", default_value = "cos")]
    pub(in crate::cli) dialect: ServedDialect,
    /// A bucket to have; may be given several times [default: examplebucket-1250000000; with s3: examplebucket]
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) bucket: Vec<String>,
    /// The region that the store is in [default: ap-guangzhou; with s3: eu-central-1].
    #[arg(long, value_name = "NAME")]
    pub(in crate::cli) region: Option<String>,
    /// Serve HTTPS, with an own certificate authority that SEALIFT_CA_CERT names.
    #[arg(long)]
    pub(in crate::cli) tls: bool,
    /// Take customer keys over plain HTTP, as long as only this very machine can connect.
    #[arg(long, conflicts_with = "tls")]
    pub(in crate::cli) allow_insecure_loopback: bool,
    /// Refuse encryption headers where the manuals have none, instead of noting them only.
    #[arg(long)]
    pub(in crate::cli) strict: bool,
    /// Refuse customer keys, as new buckets of AWS do since April 2026; s3 only.
    #[arg(long)]
    pub(in crate::cli) block_customer_keys: bool,
    /// Have global acceleration enabled for the buckets, so that they are reached at
    /// BUCKET.cos.accelerate.myqcloud.com too; cos only.
    #[arg(long)]
    pub(in crate::cli) accelerated: bool,
    /// Have buckets made before 2024, which take path style at the service's own host names, and hand out .apk and .ipa
    /// there; cos only.
    #[arg(long)]
    pub(in crate::cli) old_buckets: bool,
    /// Have buckets in several zones, which take the storage classes MAZ_… and no others; cos only.
    #[arg(long)]
    pub(in crate::cli) multi_az: bool,
    /// Another limit than the service's, such as min_part_size=1; may be given several times. `--limit help` lists them all.
    #[arg(long, value_name = "NAME=VALUE")]
    pub(in crate::cli) limit: Vec<String>,
    /// Another answer where the manuals are silent, such as wrong_key=400:InvalidRequest or gaps=true; may be given
    /// several times. `--guess help` lists them all.
    #[arg(long, value_name = "NAME=VALUE")]
    pub(in crate::cli) guess: Vec<String>,
    /// Write the KEY=VALUE lines to this file too, once the store answers.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) ready_file: Option<PathBuf>,
    /// Faults to play, as JSON; the long help describes the form.
    ///
    /// A list of rules: [{"on": "UploadPart", "part": 3, "times": 1, "do": "answer", "status": 503, "code":
    /// "SlowDown"}, {"on": "Complete", "attempt": 1, "do": "lose_answer"}]. Or an object {"seed": 7, "random": 0.05,
    /// "rules": [...]}: about 5 % of all requests are struck by something that a good client survives, and the same seed
    /// strikes the same requests again.
    ///
    /// `on`: Initiate, UploadPart, UploadPartCopy, Complete, Abort, ListParts, ListUploads, Head, Get, Put, PutCopy,
    /// Delete, HeadBucket, BucketLocation, or * for any; or Connection, for one as it is accepted. Narrowed by `key`,
    /// `part`, `attempt` (counted from 1 for each operation, key and part), `times` (at most so often) and `chance` (from 0
    /// to 1).
    ///
    /// `do`, instead of the work: answer (`status`, `code`), error_in_200 (`code`), reset, cut_request (after `bytes`).
    /// After the work: answer_after (`status`, `code`), error_in_200_after (`code`), lose_answer, cut_head, cut_body,
    /// cut_stream (in the white space of Complete and of copies), close_after (the answer is whole, then the connection
    /// ends). In the answer: wrong_crc, drop_crc (the checksum); alter_body (of Get: other bytes under the checksum of the
    /// right ones); drop_echo, downgrade_echo, alter_echo (the echo is what confirms the encryption: the mode, and the
    /// key's MD5 or id). In time: delay, answer_late (`ms`), slow_body (`ms`
    /// before each piece), limit_rate (`bytes` per second), linger (the request is received, the connection closed, and
    /// the work done `ms` later, so that nobody hears what came of it; what waits at once has 20 MiB for its bodies, and
    /// what has no room is not done). hard: whatever ends the connection, it is a TCP reset. A connection has delay,
    /// reset, hard and limit_rate.
    ///
    /// Faults come before the signature is checked: `answer` strikes requests of anybody. Those that do the work, or
    /// change its answer, strike only what is not refused. A rule that can never strike is refused at the start; those
    /// that never did are told at the end, and before SIGHUP has the file read anew: each test can have faults of its own.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) faults: Option<PathBuf>,
    /// Write one JSON line per request to this file, secrets masked, and one with the operation Start at each start,
    /// or Faults when they were read anew.
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(in crate::cli) transcript: Option<PathBuf>,
}

/// What the store speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum ServedDialect {
    Cos,
    S3,
}

impl From<ServedDialect> for Spoken {
    fn from(served: ServedDialect) -> Self {
        match served {
            ServedDialect::Cos => Self::Cos,
            ServedDialect::S3 => Self::S3,
        }
    }
}

pub(super) const EXAMPLES: &str = "\
Examples:
  A store for tests of any COS client, its settings in a file:
    sealift serve --data /tmp/store --ready-file /tmp/store.env
  Over HTTPS, strict, with a record of every request:
    sealift serve --data /tmp/store --tls --strict --transcript /tmp/log.jsonl
  Customer keys need HTTPS, or this option here and at `put` and `get`:
    sealift serve --data /tmp/store --allow-insecure-loopback
  A store that speaks S3, for any S3 client:
    sealift serve --dialect s3 --data /tmp/store --tls
  One line on stderr for each request:
    sealift -v serve --data /tmp/store
  With credentials of your own choice (for s3 in the variables AWS_…):
    COS_SECRET_ID=AKIDx COS_SECRET_KEY=x sealift serve --data /tmp/store
  Then, in another shell:
    set -a; . /tmp/store.env; set +a
    sealift put big.tar cos://examplebucket-1250000000/ --sse managed
  Or, to the one that speaks S3:
    sealift put big.tar s3://examplebucket/ --sse managed";
