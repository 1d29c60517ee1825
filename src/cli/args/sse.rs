//! Which encryption to ask for.

use std::ffi::OsString;

use clap::{Args, ValueEnum};

/// Options that say how the object is encrypted.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Encryption")]
pub(in crate::cli) struct SseArgs {
    /// The encryption mode [default: none, or customer with --sse-key].
    #[arg(long, value_name = "MODE", value_enum)]
    pub(in crate::cli) sse: Option<Mode>,
    /// The KMS key [default: the account's own for COS].
    #[arg(long, value_name = "ID")]
    pub(in crate::cli) sse_kms_key_id: Option<String>,
    /// The KMS encryption context: a JSON object of strings.
    #[arg(long, value_name = "JSON")]
    pub(in crate::cli) sse_kms_context: Option<String>,
    /// Where the customer key is: file:PATH, env:NAME, fd:N or command:CMD. Never the key itself.
    ///
    /// A command runs in `sh` without our credential and key variables; it may ask for a passphrase. What env: names
    /// stays in the environment of the shell that set it, so that file:, fd: and command: are better.
    // Text rather than a parsed source: clap quotes what it cannot parse, and it could be a key.
    #[arg(long, value_name = "SOURCE")]
    pub(in crate::cli) sse_key: Option<OsString>,
}

impl SseArgs {
    /// The variable that holds the customer key, if one does.
    pub(in crate::cli) fn variable(&self) -> Option<&str> {
        self.sse_key.as_ref()?.to_str()?.strip_prefix("env:")
    }
}

/// An encryption mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum Mode {
    /// As the bucket does by default.
    None,
    /// Under keys that the store manages (SSE-COS, SSE-S3).
    Managed,
    /// Under a key in the KMS (SSE-KMS).
    Kms,
    /// Under a key of your own, which the store never keeps (SSE-C).
    Customer,
}
