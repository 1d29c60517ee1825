//! Flags in, exit code out.
//!
//! Data goes to stdout, everything else to stderr. This layer reads options, keys and nothing else by itself: what it
//! does to a store, it does through the same public API that any program can use.

mod again;
mod args;
mod completions;
mod console;
#[cfg(feature = "emulator")]
mod demo;
mod drive;
mod explain;
mod failure;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod get;
mod harden;
mod key;
mod limits;
mod logging;
mod panics;
mod progress;
mod put;
mod report;
#[cfg(feature = "emulator")]
mod serve;
mod signals;
mod sse_key;
mod stat;
mod store;
mod units;
mod uploads;

use std::process::ExitCode;

use clap::Parser as _;

use self::{
    args::{Cli, Command, KeyCommand},
    console::Console,
};
use crate::error::{Error, ErrorKind, Result};

/// Runs the command line with the process's arguments.
pub fn main() -> ExitCode {
    let survives = signals::survive();
    let hardened = harden::process();
    limits::raise_open_files();
    panics::hide_values();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return failure::usage(&error),
    };
    let console = Console::new(cli.global.json, cli.global.quiet);
    for reason in [survives, hardened].into_iter().filter_map(Result::err) {
        console.warn(&reason);
    }
    logging::start(cli.global.verbose, &console);
    let outcome = panics::caught(|| run(cli.command, &console));
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            failure::report(&error, &console);
            ExitCode::from(error.kind().exit_code())
        }
    }
}

fn run(command: Command, console: &Console) -> Result<()> {
    match command {
        Command::Put(args) => put::run(&args, console),
        Command::Get(args) => get::run(&args, console),
        Command::Stat(args) => stat::run(&args, console),
        Command::Uploads(command) => uploads::run(&command, console),
        Command::Key(KeyCommand::New { out }) => key::new(out.as_deref(), console),
        Command::Key(KeyCommand::Check { source }) => key::check(&source, console),
        #[cfg(feature = "emulator")]
        Command::Serve(args) => serve::run(&args, console),
        #[cfg(feature = "emulator")]
        Command::Demo(args) => demo::run(&args, console),
        Command::Completions { shell } => completions::run(shell, console),
    }
}

/// Runs the command's own waiting; the transfers themselves have threads of their own.
fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::new(ErrorKind::Internal, "cannot start the event loop").caused_by(error))?;
    runtime.block_on(work)
}
