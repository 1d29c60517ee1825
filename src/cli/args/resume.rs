//! Whether and how an upload goes on where an earlier one has stopped.

use std::path::PathBuf;

use clap::{Args, ValueEnum, ValueHint};

use crate::transfer::OnChange;

/// Options of going on.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Resuming")]
pub(in crate::cli) struct ResumeArgs {
    /// Keep no journal: an upload that fails is removed from the store, and the next one starts from the beginning.
    #[arg(long, conflicts_with_all = ["restart", "state_dir"])]
    pub(in crate::cli) no_resume: bool,
    /// Remove an unfinished upload of this file to this key, and what was spooled for it, and start from the beginning.
    #[arg(long)]
    pub(in crate::cli) restart: bool,
    /// Keep standard input in a file of this directory first, so that its upload can be resumed; the file is not
    /// encrypted, is readable by you alone, and is removed once the object is there.
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath)]
    pub(in crate::cli) spool: Option<PathBuf>,
    /// What to do about a file that changes while it is uploaded.
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = WhenChanged::Fail)]
    pub(in crate::cli) on_change: WhenChanged,
    #[command(flatten)]
    pub(in crate::cli) place: StateDirArgs,
}

/// What to do about a file that changes while it is uploaded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(in crate::cli) enum WhenChanged {
    /// Fail with exit code 3.
    #[default]
    Fail,
    /// Remove what was sent, and begin again with the file as it is then.
    Restart,
}

impl From<WhenChanged> for OnChange {
    fn from(when: WhenChanged) -> Self {
        match when {
            WhenChanged::Fail => Self::Fail,
            WhenChanged::Restart => Self::Restart,
        }
    }
}

/// Where the journals are.
#[derive(Args, Clone, Debug, Default)]
pub(in crate::cli) struct StateDirArgs {
    /// Where the journals of unfinished uploads are [default: $XDG_STATE_HOME/sealift or ~/.local/state/sealift].
    #[arg(long, value_name = "DIR", value_hint = ValueHint::DirPath, help_heading = "Resuming")]
    pub(in crate::cli) state_dir: Option<PathBuf>,
}
