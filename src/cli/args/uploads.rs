//! Unfinished uploads: which, and what to do with them.

use std::{ffi::OsString, time::Duration};

use clap::{Args, Subcommand, ValueHint};

use super::{SseArgs, StateDirArgs, StoreArgs};
use crate::{cli::units, ident::UploadId};

/// What to do with unfinished uploads.
#[derive(Debug, Subcommand)]
pub(in crate::cli) enum UploadsCommand {
    /// Show them: age, parts, bytes, and whether a journal here can go on with them.
    #[command(after_help = super::UPLOADS_EXAMPLES)]
    List(Box<ListArgs>),
    /// Remove them from the store, with their journals here.
    #[command(after_help = super::UPLOADS_EXAMPLES)]
    Abort(Box<AbortArgs>),
}

/// Options of `uploads list`.
#[derive(Args, Debug)]
pub(in crate::cli) struct ListArgs {
    /// One exact key, or with a `/` at its end all keys that begin so; a bucket alone means all of it.
    #[arg(value_name = "URL", value_hint = ValueHint::Url)]
    pub(in crate::cli) url: String,
    #[command(flatten)]
    pub(in crate::cli) key: KeyArgs,
    #[command(flatten)]
    pub(in crate::cli) place: StateDirArgs,
    #[command(flatten)]
    pub(in crate::cli) store: StoreArgs,
}

/// Options of `uploads abort`.
#[derive(Args, Debug)]
pub(in crate::cli) struct AbortArgs {
    /// One exact key, or with a `/` at its end all keys that begin so; a bucket alone means all of it.
    #[arg(value_name = "URL", value_hint = ValueHint::Url)]
    pub(in crate::cli) url: String,
    #[command(flatten)]
    pub(in crate::cli) which: Which,
    #[command(flatten)]
    pub(in crate::cli) key: KeyArgs,
    #[command(flatten)]
    pub(in crate::cli) place: StateDirArgs,
    #[command(flatten)]
    pub(in crate::cli) store: StoreArgs,
}

/// The key that uploads may be under.
#[derive(Args, Clone, Debug)]
pub(in crate::cli) struct KeyArgs {
    /// Where the customer key of such uploads is, as for `put`: some stores list their parts only with it.
    #[arg(long, value_name = "SOURCE")]
    sse_key: Option<OsString>,
}

impl KeyArgs {
    /// The same as options of an encryption.
    pub(in crate::cli) fn sse(&self) -> SseArgs {
        SseArgs { sse_key: self.sse_key.clone(), ..SseArgs::default() }
    }
}

/// Which of the uploads that the address means.
#[derive(Args, Clone, Debug)]
#[group(required = true, multiple = false)]
pub(in crate::cli) struct Which {
    /// The one with this id.
    #[arg(long, value_name = "ID", value_parser = upload_id)]
    pub(in crate::cli) upload_id: Option<UploadId>,
    /// Those that were begun longer ago than this, such as 7d, 12h or 30m.
    #[arg(long, value_name = "AGE", value_parser = units::age)]
    pub(in crate::cli) older_than: Option<Duration>,
    /// All of them.
    #[arg(long)]
    pub(in crate::cli) all: bool,
}

fn upload_id(text: &str) -> Result<UploadId, &'static str> {
    UploadId::new(text).ok_or("this is not an upload's id")
}
