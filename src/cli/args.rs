//! The command line's grammar. Nothing here reads a file, a key or the network.

mod object;
mod resume;
#[cfg(feature = "emulator")]
mod serve;
mod sse;
mod store;
mod uploads;

use std::ffi::OsString;

use clap::{Args, Parser, Subcommand, ValueHint};

use super::units;
use crate::{
    checksum::Algorithm,
    transfer::{ChecksumChoice, Concurrency},
};

#[cfg(feature = "emulator")]
pub(super) use self::serve::{ServeArgs, ServedDialect};
pub(super) use self::{
    object::{NoClobber, ObjectArgs},
    resume::{ResumeArgs, StateDirArgs},
    sse::{Mode, SseArgs},
    store::StoreArgs,
    uploads::{AbortArgs, KeyArgs, ListArgs, UploadsCommand, Which},
};

/// Moves very large files into object storage under your own encryption, and proves that it did.
#[derive(Debug, Parser)]
#[command(name = "sealift", version, max_term_width = 110, after_help = EXAMPLES, after_long_help = LONG_HELP)]
pub(super) struct Cli {
    #[command(flatten)]
    pub(super) global: Global,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// Options of every command.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct Global {
    /// Print results as JSON on stdout, and errors as one JSON object on stderr.
    #[arg(long, global = true, help_heading = "Output")]
    pub(super) json: bool,
    /// Print nothing but errors and warnings (with --json: the result too).
    #[arg(long, short, global = true, help_heading = "Output")]
    pub(super) quiet: bool,
    /// Log more to stderr; repeat for more (-vv, -vvv). Keys and secrets are never logged.
    #[arg(long, short, global = true, action = clap::ArgAction::Count, help_heading = "Output")]
    pub(super) verbose: u8,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Upload a file or a stream, verify it, and print the receipt; stopped or killed, the same command goes on.
    #[command(after_help = PUT_EXAMPLES)]
    Put(Box<PutArgs>),
    /// Download an object and check it.
    #[command(after_help = GET_EXAMPLES)]
    Get(Box<GetArgs>),
    /// Show an object's size, checksum and encryption, as the store reports them.
    #[command(after_help = STAT_EXAMPLES)]
    Stat(Box<ReadArgs>),
    /// Show or remove unfinished uploads, whose parts the store keeps and bills.
    #[command(subcommand, after_help = UPLOADS_EXAMPLES)]
    Uploads(UploadsCommand),
    /// Make a customer key, or show the fingerprint of one.
    #[command(subcommand, after_help = KEY_EXAMPLES)]
    Key(KeyCommand),
    /// Run the embedded COS store as a server, to try things and to test programs.
    #[cfg(feature = "emulator")]
    #[command(after_help = serve::EXAMPLES, override_usage = "sealift serve [OPTIONS] --data <DIR>")]
    Serve(Box<ServeArgs>),
    /// See the whole job done on the embedded store: encrypt, upload, verify, refuse, read back.
    #[cfg(feature = "emulator")]
    #[command(after_help = DEMO_EXAMPLES)]
    Demo(DemoArgs),
    /// Print a completion script for a shell.
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
}

/// Options of `put`.
#[derive(Args, Debug)]
pub(super) struct PutArgs {
    /// The file to upload, or `-` for standard input of any length, which must not be closed or /dev/null.
    #[arg(value_name = "SRC", value_hint = ValueHint::FilePath)]
    pub(super) source: OsString,
    /// Where to: cos://BUCKET-APPID/KEY or s3://BUCKET/KEY. The key is taken literally; after a trailing `/` the file's name is appended.
    #[arg(value_name = "URL", value_hint = ValueHint::Url)]
    pub(super) url: String,
    #[command(flatten)]
    pub(super) sse: SseArgs,
    #[command(flatten)]
    pub(super) object: ObjectArgs,
    #[command(flatten)]
    pub(super) tuning: TuningArgs,
    #[command(flatten)]
    pub(super) resume: ResumeArgs,
    #[command(flatten)]
    pub(super) store: StoreArgs,
    /// Show the plan and the headers of every kind of request, secrets masked; send nothing to the store.
    #[arg(long, help_heading = "Output")]
    pub(super) dry_run: bool,
    /// Show the headers of every kind of request on stderr as they leave, secrets masked.
    #[arg(long, help_heading = "Output")]
    pub(super) explain: bool,
}

/// How an upload uses the machine and the network.
#[derive(Args, Debug)]
#[command(next_help_heading = "Transfer")]
pub(super) struct TuningArgs {
    /// Bytes per part, such as 16MiB [default: chosen from the file's size; a stream's parts grow].
    #[arg(long, value_name = "SIZE", value_parser = units::size)]
    pub(super) part_size: Option<u64>,
    /// How many parts go at once: a number, or `auto` to find out by measuring.
    #[arg(long, value_name = "N|auto", value_parser = concurrency, default_value = "auto")]
    pub(super) concurrency: Concurrency,
    /// The most memory that the process may take, such as 48MiB (peak resident size) [default: 32MiB, for a stream
    /// 128MiB].
    #[arg(long, value_name = "SIZE", value_parser = units::size)]
    pub(super) memory: Option<u64>,
    /// Bytes per second over all connections together, such as 20MiB/s.
    #[arg(long, value_name = "RATE", value_parser = units::rate)]
    pub(super) limit_rate: Option<u64>,
    /// By which checksum the upload is proved: `auto` takes the store's own, and finds out what an S3 endpoint really
    /// checks; or crc64-ecma (COS), crc64-nvme, crc32c (S3), md5.
    #[arg(long, value_name = "KIND", value_parser = checksum, default_value = "auto")]
    pub(super) checksum: ChecksumChoice,
    /// Send the MD5 of every part for the store to check as well; costs an additional pass over a file.
    #[arg(long)]
    pub(super) content_md5: bool,
}

/// Options of `get`.
#[derive(Args, Debug)]
pub(super) struct GetArgs {
    #[command(flatten)]
    pub(super) of: ReadArgs,
    /// A file, a directory, or `-` for stdout. A file that exists is replaced, once the whole object is there and checked.
    #[arg(value_name = "DST", value_hint = ValueHint::AnyPath, help_heading = None::<&str>)]
    pub(super) target: OsString,
}

/// Options of `stat`, and of all that reads an object.
#[derive(Args, Debug)]
pub(super) struct ReadArgs {
    /// The object: cos://BUCKET-APPID/KEY or s3://BUCKET/KEY.
    #[arg(value_name = "URL", value_hint = ValueHint::Url)]
    pub(super) url: String,
    #[command(flatten)]
    pub(super) sse: SseArgs,
    #[command(flatten)]
    pub(super) store: StoreArgs,
    /// Show the headers of every kind of request on stderr as they leave, secrets masked.
    #[arg(long, help_heading = "Output")]
    pub(super) explain: bool,
}

/// What to do with keys.
#[derive(Debug, Subcommand)]
pub(super) enum KeyCommand {
    /// Make a fresh key of 32 random bytes, written as one line of base64.
    #[command(after_help = KEY_EXAMPLES)]
    New {
        /// A new file for the key, readable by you alone; an existing file is never overwritten.
        #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
        out: Option<std::path::PathBuf>,
    },
    /// Show the MD5 of a key, as stores report it, and its fingerprint; never the key.
    #[command(after_help = KEY_EXAMPLES)]
    Check {
        /// Where the key is: file:PATH, env:NAME, fd:N or command:CMD.
        #[arg(value_name = "SOURCE")]
        source: OsString,
    },
}

/// Options of `demo`.
#[cfg(feature = "emulator")]
#[derive(Args, Debug)]
pub(super) struct DemoArgs {
    /// The file to upload [default: a generated one].
    #[arg(value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(super) file: Option<std::path::PathBuf>,
    /// The encryption to show.
    #[arg(long, value_name = "MODE", value_enum, default_value_t = DemoMode::Customer)]
    pub(super) sse: DemoMode,
    /// The size of the generated file.
    #[arg(long, value_name = "SIZE", value_parser = units::size, default_value = "1GiB", conflicts_with = "file")]
    pub(super) size: u64,
}

/// The encryption modes that `demo` can show.
#[cfg(feature = "emulator")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum DemoMode {
    /// Keys that the store manages.
    Managed,
    /// A key in the KMS.
    Kms,
    /// A key of your own, which the store never keeps.
    Customer,
}

/// `auto`, the name of an algorithm, or `md5`.
fn checksum(text: &str) -> Result<ChecksumChoice, String> {
    match (text, Algorithm::from_name(text)) {
        ("auto", _) => Ok(ChecksumChoice::Auto),
        ("md5", _) => Ok(ChecksumChoice::ContentMd5),
        (_, Some(algorithm)) => Ok(ChecksumChoice::Only(algorithm)),
        _ => Err("it is none of auto, crc64-ecma, crc64-nvme, crc32c and md5".to_owned()),
    }
}

/// `auto`, or how many parts go at once.
fn concurrency(text: &str) -> Result<Concurrency, String> {
    if text == "auto" {
        return Ok(Concurrency::Auto);
    }
    match text.parse::<u16>() {
        Ok(number @ 1..=MAX_CONCURRENCY) => Ok(Concurrency::Fixed(number)),
        _ => Err(format!("give `auto` or a number from 1 to {MAX_CONCURRENCY}")),
    }
}

/// More connections than this help no link, and cost the store and this machine dearly.
const MAX_CONCURRENCY: u16 = 1024;

const EXAMPLES: &str = "\
Examples:
  sealift demo                      see it all work, on a store inside the program
  sealift key new --out my.key      make a key of your own
  export SEALIFT_REGION=ap-guangzhou
  sealift put big.tar cos://backup-1250000000/ --sse-key file:my.key
  sealift stat cos://backup-1250000000/big.tar --sse-key file:my.key
  sealift get cos://backup-1250000000/big.tar . --sse-key file:my.key

`sealift COMMAND --help` teaches each command by example.";

const LONG_HELP: &str = "\
Examples:
  sealift demo                      see it all work, on a store inside the program
  sealift key new --out my.key      make a key of your own
  export SEALIFT_REGION=ap-guangzhou
  sealift put big.tar cos://backup-1250000000/ --sse-key file:my.key
  sealift stat cos://backup-1250000000/big.tar --sse-key file:my.key
  sealift get cos://backup-1250000000/big.tar . --sse-key file:my.key

Credentials come from the environment (COS_SECRET_ID and COS_SECRET_KEY, or
TENCENTCLOUD_SECRET_ID and TENCENTCLOUD_SECRET_KEY), from the files of coscli,
coscmd, tccli and the Tencent Cloud SDKs, or from the role of a cloud machine;
for s3:// from AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, the profiles of the
AWS CLI, or the role of the container or machine; never from the command line.

Exit codes:
   0  done                             7  store unreachable, or no answer
   2  impossible or contradictory      8  bytes or checksums disagree
   3  file missing or changed          9  the store broke its protocol
   4  credentials missing or refused  10  the local journal is unusable
   5  not encrypted as asked          70  a defect of sealift
   6  the store refuses              130  stopped by a signal

`sealift COMMAND --help` teaches each command by example.";

const PUT_EXAMPLES: &str = "\
Examples:
  Under your own key, which the store never keeps, as backup/big.tar:
    sealift put big.tar cos://backup-1250000000/backup/ --sse-key file:my.key
  With the key from a password manager:
    sealift put big.tar cos://backup-1250000000/ --sse-key 'command:pass cos'
  Under a KMS key, with metadata, never replacing what is there:
    sealift put big.tar cos://backup-1250000000/ --sse kms \\
      --sse-kms-key-id KEY-ID --meta host=db1 --no-clobber
  See what would be sent, without sending it:
    sealift put big.tar cos://backup-1250000000/ --sse managed --dry-run
  Stopped or killed, the same command goes on; or begin anew:
    sealift put big.tar cos://backup-1250000000/ --sse managed --restart
  What another program writes, of any length:
    tar c home | sealift put - cos://backup-1250000000/home.tar
  The same, kept in a file first, so that the upload can be resumed:
    tar c home | sealift put - cos://b-1250000000/home.tar --spool /var/tmp
  To a store that speaks S3:
    sealift put big.tar s3://bucket/ --endpoint https://rgw.example
  For a script:
    sealift --json put big.tar cos://backup-1250000000/ | jq -r .crc64";

const GET_EXAMPLES: &str = "\
Examples:
  Into the current directory, under the object's own name:
    sealift get cos://backup-1250000000/big.tar . --sse-key file:my.key
  Into a file of another name:
    sealift get cos://backup-1250000000/big.tar /tmp/copy.tar
  Into a pipe (it is only proved once the command has ended with 0):
    sealift get cos://backup-1250000000/big.tar - | tar t";

const STAT_EXAMPLES: &str = "\
Examples:
  sealift stat cos://backup-1250000000/big.tar --region ap-guangzhou
  An object under a customer key is shown only to who has the key:
    sealift stat cos://backup-1250000000/big.tar --sse-key file:my.key
  Fail (exit 5) if the store reports another encryption than you expect:
    sealift stat cos://backup-1250000000/big.tar --sse kms
  For a script:
    sealift --json stat cos://backup-1250000000/big.tar | jq -r .sse.mode";

const UPLOADS_EXAMPLES: &str = "\
Examples:
  What is unfinished in the whole bucket, how old it is, and what can go on:
    sealift uploads list cos://backup-1250000000/
  Of one key, and of all keys below a folder:
    sealift uploads list cos://backup-1250000000/big.tar
    sealift uploads list cos://backup-1250000000/daily/
  Remove what nobody will go on with:
    sealift uploads abort cos://backup-1250000000/ --older-than 7d
  Remove one:
    sealift uploads abort cos://backup-1250000000/big.tar --upload-id ID

An upload whose journal in this state directory a living process holds is never
removed. Uploads with --no-resume, with another --state-dir, or of other
machines are not known here: --older-than is the careful choice.";

const KEY_EXAMPLES: &str = "\
Examples:
  sealift key new --out my.key              a new file, mode 0600
  sealift key new | gpg -er me > key.gpg    into another program, no terminal
  sealift key check file:my.key             its MD5 and fingerprint
  sealift key check 'command:gpg -qd key.gpg'

A key is kept as one line of base64 (44 characters). Accepted are also 64 hex
digits, or exactly 32 raw bytes. Keep a copy: without its key, an object cannot
be read by anybody, the store included.";

#[cfg(feature = "emulator")]
const DEMO_EXAMPLES: &str = "\
Examples:
  sealift demo                          1 GiB of generated data, customer key
  sealift demo big.tar                  a file of yours; it stays here
  sealift demo --sse kms --size 64MiB   another mode, a smaller file
  sealift --json demo | jq .verified    only the receipt";

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  sealift completions bash > ~/.local/share/bash-completion/completions/sealift
  sealift completions zsh > ~/.zfunc/_sealift
  sealift completions fish > ~/.config/fish/completions/sealift.fish";

#[cfg(test)]
mod tests;
