//! The two streams of the process: data on stdout, everything else on stderr.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use indicatif::{MultiProgress, ProgressDrawTarget};
use serde_json::{Value, json};

use crate::{
    error::{Error, ErrorKind, Result},
    wire::is_invisible,
};

/// Where messages go. Cheap to clone; all clones share the place of the progress bar.
#[derive(Clone, Debug)]
pub(super) struct Console {
    json: bool,
    quiet: bool,
    bars: MultiProgress,
    trouble: Arc<Mutex<Trouble>>,
}

/// What is wrong with the way to the store, and how it is told.
#[derive(Debug, Default)]
struct Trouble {
    /// There is a progress line that can tell it.
    line: bool,
    /// It was told as a line of its own.
    told: bool,
    now: Option<(String, Instant)>,
}

impl Console {
    /// `json`: data and errors as JSON. `quiet`: nothing but errors and warnings.
    pub(super) fn new(json: bool, quiet: bool) -> Self {
        // Hidden by indicatif itself where stderr is no terminal.
        let target = if quiet { ProgressDrawTarget::hidden() } else { ProgressDrawTarget::stderr() };
        Self { json, quiet, bars: MultiProgress::with_draw_target(target), trouble: Arc::default() }
    }

    /// Whether data and errors are JSON.
    pub(super) fn json(&self) -> bool {
        self.json
    }

    /// Whether only errors and warnings are wanted.
    pub(super) fn quiet(&self) -> bool {
        self.quiet
    }

    /// Where progress bars are drawn.
    pub(super) fn bars(&self) -> &MultiProgress {
        &self.bars
    }

    /// Writes data to stdout. A reader that has gone away is no failure.
    ///
    /// # Errors
    /// `Source` if stdout cannot be written, for example because the disk is full.
    pub(super) fn data(&self, bytes: &[u8]) -> Result<()> {
        let mut out = io::stdout().lock();
        match self.bars.suspend(|| out.write_all(bytes).and_then(|()| out.flush())) {
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                Err(Error::new(ErrorKind::Source, "cannot write to standard output").caused_by(error))
            }
            _ => Ok(()),
        }
    }

    /// Writes one JSON value as a line of stdout.
    pub(super) fn value(&self, value: &impl serde::Serialize) -> Result<()> {
        let line = printable_json(value)? + "\n";
        self.data(line.as_bytes())
    }

    /// Says something for people on stderr; a program that reads JSON does not see it.
    pub(super) fn note(&self, text: &str) {
        if !self.json && !self.quiet {
            self.complain(&format!("{text}\n"));
        }
    }

    /// Says that something is tried again after a pause: in the progress line if there is one, else once as a note.
    pub(super) fn trying_again(&self, text: String, pause: Duration) {
        let mut trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        if trouble.line {
            trouble.now = Some((text, Instant::now() + pause + SHOWN));
        } else if !std::mem::replace(&mut trouble.told, true) {
            drop(trouble);
            self.note(&text);
        }
    }

    /// What the progress line shall say of troubles.
    pub(super) fn trouble(&self) -> Option<String> {
        let trouble = self.trouble.lock().unwrap_or_else(PoisonError::into_inner);
        trouble
            .now
            .as_ref()
            .filter(|(_, until)| Instant::now() < *until)
            .map(|(text, _)| printable(text).replace(['\n', '\t'], " "))
    }

    /// Whether there is a progress line now.
    pub(super) fn line_drawn(&self, drawn: bool) {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).line = drawn;
    }

    /// Warns on stderr.
    pub(super) fn warn(&self, text: &str) {
        if self.json {
            self.complain_value(&json!({ "warning": text }));
        } else {
            self.complain(&format!("warning: {text}\n"));
        }
    }

    /// Writes text to stderr, above a progress bar if there is one.
    pub(super) fn complain(&self, text: &str) {
        // Nobody is left to hear that stderr is gone.
        let _ = self.bars.suspend(|| io::stderr().lock().write_all(printable(text).as_bytes()));
    }

    /// Writes a JSON value as a line of stderr.
    pub(super) fn complain_value(&self, value: &Value) {
        let line = printable_json(value).unwrap_or_default() + "\n";
        let _ = self.bars.suspend(|| io::stderr().lock().write_all(line.as_bytes()));
    }
}

/// How long a trouble is shown beyond the pause that it leads to: the next attempt takes its time to fail too.
const SHOWN: Duration = Duration::from_secs(2);

/// The text without control characters but line ends and tabs: a store's answer must not drive the terminal.
pub(super) fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        let obeyed = c.is_control() && c != '\n' && c != '\t';
        if obeyed || is_invisible(c) { out.extend(c.escape_default()) } else { out.push(c) }
    }
    out
}

/// JSON in which such characters are escaped too, where the format would let them stand. They can only be in strings.
fn printable_json(value: &impl serde::Serialize) -> Result<String> {
    let text = serde_json::to_string(value)
        .map_err(|error| Error::new(ErrorKind::Internal, "cannot write JSON").caused_by(error))?;
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || is_invisible(c) {
            let _ = write!(out, "\\u{:04x}", u32::from(c));
        } else {
            out.push(c);
        }
    }
    Ok(out)
}

/// The text as one line, without any control character: what a store lists must not look like lines of ours.
pub(super) fn one_line(text: &str) -> String {
    printable(text).replace('\n', "\\n").replace('\t', "\\t")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_listed_name_stays_on_its_line() {
        assert_eq!(one_line("a\nb\t\x1b]0;x\x07"), "a\\nb\\t\\u{1b}]0;x\\u{7}");
    }

    #[test]
    fn json_holds_nothing_that_a_terminal_obeys() {
        let text = "a\u{9b}b\u{202e}\n\"\u{7f}ü";
        let json = printable_json(&json!({ "key": text })).unwrap();
        assert_eq!(json, r#"{"key":"a\u009bb\u202e\n\"\u007fü"}"#);
        assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["key"], text);
    }

    #[test]
    fn directions_are_shown_not_obeyed() {
        assert_eq!(printable("k\u{202e}gpj"), "k\\u{202e}gpj");
    }

    #[test]
    fn control_characters_are_shown_not_obeyed() {
        assert_eq!(printable("a\x1b[31mb\u{9b}\r\n\tü"), "a\\u{1b}[31mb\\u{9b}\\r\n\tü");
    }
}
