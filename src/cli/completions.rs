//! Completion scripts for shells.

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::{args::Cli, console::Console};
use crate::error::Result;

/// Prints the script for one shell.
pub(super) fn run(shell: Shell, console: &Console) -> Result<()> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "sealift", &mut script);
    console.data(&script)
}
