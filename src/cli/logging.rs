//! The log on stderr, by the number of `-v`.
//!
//! Only this crate logs in full. Libraries are held at `debug` and only at `-vvvv`: their finer levels can hold bytes
//! of requests. No environment variable changes this, so that nobody else can turn a log on.

use std::io;

use tracing::level_filters::LevelFilter;
use tracing_subscriber::{filter::Targets, fmt, layer::SubscriberExt as _, util::SubscriberInitExt as _};

use super::console::Console;

/// Starts the log. Without `-v` only warnings are shown, like those of the command line itself.
pub(super) fn start(verbose: u8, console: &Console) {
    let console = console.clone();
    let registry = tracing_subscriber::registry().with(filter(verbose));
    let lines = fmt::layer().with_ansi(false);
    // The only way to fail is a second log in this process, which then is as good.
    let _ = if verbose == 0 {
        let bare = lines.without_time().with_target(false).with_level(false);
        registry.with(bare.with_writer(move || Warnings(console.clone()))).try_init()
    } else {
        registry.with(lines.with_writer(move || Lines(console.clone()))).try_init()
    };
}

fn filter(verbose: u8) -> Targets {
    let (ours, others) = match verbose {
        0 => (LevelFilter::WARN, LevelFilter::OFF),
        1 => (LevelFilter::INFO, LevelFilter::WARN),
        2 => (LevelFilter::DEBUG, LevelFilter::WARN),
        3 => (LevelFilter::TRACE, LevelFilter::WARN),
        _ => (LevelFilter::TRACE, LevelFilter::DEBUG),
    };
    Targets::new().with_default(others).with_target("sealift", ours)
}

/// Log lines go above the progress bar.
struct Lines(Console);

impl io::Write for Lines {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.complain(&String::from_utf8_lossy(line));
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Log lines become warnings; each comes in one piece.
struct Warnings(Console);

impl io::Write for Warnings {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.warn(String::from_utf8_lossy(line).trim());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn libraries_never_log_their_finest_level() {
        for verbose in 0..=u8::MAX {
            let filter = filter(verbose);
            assert!(!filter.would_enable("hyper_util::client", &Level::TRACE));
            assert!(!filter.would_enable("reqwest::connect", &Level::TRACE));
        }
        assert!(filter(3).would_enable("sealift::transport", &Level::TRACE));
    }

    #[test]
    fn our_own_warnings_are_always_shown() {
        assert!(filter(0).would_enable("sealift::credentials", &Level::WARN));
        assert!(!filter(0).would_enable("sealift::credentials", &Level::INFO));
        assert!(!filter(0).would_enable("reqwest", &Level::WARN));
    }
}
