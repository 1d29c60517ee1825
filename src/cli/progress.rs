//! How far a transfer is: a bar on a terminal, with rate and time left; elsewhere a line when it is asked for.

mod line;

use std::{
    fmt::{self, Write as _},
    io,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressState, ProgressStyle};
use serde_json::json;

use self::line::{Line, Pace};
use super::{console::Console, units::show_size};
use crate::transfer::{Progress, Stage};

/// A bar for one transfer; invisible where stderr is no terminal.
#[derive(Debug)]
pub(super) struct Bar {
    line: ProgressBar,
    seen: Arc<Mutex<Seen>>,
    moving: &'static str,
    console: Console,
}

/// The latest snapshot, and what came before it as far as it matters.
#[derive(Debug)]
struct Seen {
    now: Progress,
    name: &'static str,
    /// Since when this stage lasts.
    since: Instant,
    /// Rate and time left are those of the sending alone.
    pace: Pace,
}

impl Bar {
    /// Draws the line at once; `moving` says what is done while the bytes move.
    pub(super) fn new(console: &Console, moving: &'static str) -> Self {
        let seen = Seen {
            now: Progress::default(),
            name: name(Stage::Starting, moving),
            since: Instant::now(),
            pace: Pace::default(),
        };
        let seen = Arc::new(Mutex::new(seen));
        let bar = console.bars().add(ProgressBar::no_length());
        bar.set_style(style(&seen, console));
        // Redrawn between snapshots too, so that a stalled link is seen as a falling rate.
        bar.enable_steady_tick(Duration::from_millis(200));
        console.line_drawn(!bar.is_hidden());
        Self { line: bar, seen, moving, console: console.clone() }
    }

    /// Draws a snapshot.
    pub(super) fn show(&mut self, now: &Progress) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.now.stage != now.stage {
            seen.since = Instant::now();
            seen.pace = Pace::default();
            seen.name = name(now.stage, self.moving);
        }
        seen.now = now.clone();
    }

    /// Takes the bar off the screen.
    pub(super) fn finish(&self) {
        self.console.line_drawn(false);
        self.line.finish_and_clear();
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.finish();
    }
}

/// Says once how far a transfer is, on stderr, because somebody asked for it: with `--quiet` too.
pub(super) fn report(now: &Progress, moving: &'static str, console: &Console) {
    if console.json() {
        console.complain_value(&json!({ "progress": {
            "stage": name(now.stage, moving),
            "total": Some(now.total).filter(|_| !now.open),
            "longest": now.longest,
            "sent": now.sent,
            "confirmed": now.confirmed,
            "parts": Some(now.parts).filter(|_| !now.open),
            "parts_done": now.parts_done,
            "in_flight": now.in_flight,
            "retries": now.retries,
            "resumed_parts": now.resumed_parts,
        } }));
    } else {
        console.complain(&format!("{}\n", in_words(now, moving)));
    }
}

/// One line, such as `sending: 3 MiB of 12 MiB proved (25 %), 3/12 parts, 4 under way`. Of a stream it says how much was
/// read so far.
fn in_words(now: &Progress, moving: &'static str) -> String {
    let (confirmed, total) = (show_size(now.confirmed), show_size(now.total));
    let mut line = format!("{}: ", name(now.stage, moving));
    if now.open {
        let _ = write!(line, "{total} read");
        if now.confirmed > 0 {
            let _ = write!(line, ", {confirmed} proved");
        }
    } else {
        let _ = write!(line, "{confirmed} of {total}");
        let hundredths = u128::from(now.confirmed) * 100;
        if let Some(percent) = hundredths.checked_div(u128::from(now.total)) {
            let _ = write!(line, " proved ({percent} %)");
        }
    }
    let details = details(now);
    if !details.is_empty() {
        let _ = write!(line, ", {details}");
    }
    if now.in_flight > 0 {
        let _ = write!(line, ", {} under way", now.in_flight);
    }
    line
}

impl Seen {
    fn line(&mut self, at: Instant) -> Line {
        let now = &self.now;
        let sent = (now.resumed + now.sent).min(now.total);
        let sending = now.stage == Stage::Sending;
        Line {
            name: self.name,
            time: at.duration_since(self.since),
            bytes: sending.then_some((sent, (!now.open).then_some(now.total))),
            pace: if sending { self.pace.note(at, sent) } else { None },
            details: details(now),
            trouble: None,
        }
    }
}

fn name(stage: Stage, moving: &'static str) -> &'static str {
    match stage {
        Stage::Starting => "starting",
        Stage::Resuming => "resuming",
        Stage::Reading => "reading",
        Stage::Sending => moving,
        Stage::Completing => "completing",
        Stage::Verifying => "verifying",
        Stage::Aborting => "aborting",
        Stage::Done => "done",
    }
}

const TEMPLATE: &str = "{line}";

fn style(seen: &Arc<Mutex<Seen>>, console: &Console) -> ProgressStyle {
    let (seen, console) = (Arc::clone(seen), console.clone());
    let write = move |_: &ProgressState, out: &mut dyn fmt::Write| {
        let mut line = seen.lock().unwrap_or_else(PoisonError::into_inner).line(Instant::now());
        line.trouble = console.trouble();
        // Whoever draws cannot help it.
        let _ = out.write_str(&line.text(width()));
    };
    // An unsound template is caught by a test.
    ProgressStyle::with_template(TEMPLATE)
        .map_or_else(|_| ProgressStyle::default_bar(), |style| style.with_key("line", write))
}

/// The terminal's width now: its window may be resized.
fn width() -> usize {
    rustix::termios::tcgetwinsize(io::stderr())
        .ok()
        .filter(|size| size.ws_col > 0)
        .map_or(80, |size| size.ws_col.into())
}

fn details(now: &Progress) -> String {
    let mut details = String::new();
    if now.parts > 1 {
        details = if now.open {
            format!("{} parts", now.parts_done)
        } else {
            format!("{}/{} parts", now.parts_done, now.parts)
        };
    }
    if now.retries > 0 {
        let comma = if details.is_empty() { "" } else { ", " };
        details = format!("{details}{comma}{} sent again", now.retries);
    }
    details
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_template_is_sound() {
        assert!(ProgressStyle::with_template(TEMPLATE).is_ok());
    }

    #[test]
    fn a_line_says_how_far_it_is() {
        let mut now = Progress { total: 12 << 20, confirmed: 3 << 20, parts: 12, parts_done: 3, ..Progress::default() };
        assert_eq!(in_words(&now, "sending"), "starting: 3 MiB of 12 MiB proved (25 %), 3/12 parts");
        (now.stage, now.in_flight) = (Stage::Sending, 4);
        assert_eq!(in_words(&now, "sending"), "sending: 3 MiB of 12 MiB proved (25 %), 3/12 parts, 4 under way");
        assert_eq!(in_words(&Progress::default(), "sending"), "starting: 0 bytes of 0 bytes");
    }

    #[test]
    fn of_a_stream_it_says_what_was_read_so_far() {
        let mut now = Progress { total: 12 << 20, confirmed: 3 << 20, parts: 12, parts_done: 3, ..Progress::default() };
        (now.stage, now.open) = (Stage::Sending, true);
        assert_eq!(in_words(&now, "sending"), "sending: 12 MiB read, 3 MiB proved, 3 parts");
        let spooling = Progress { stage: Stage::Sending, open: true, total: 5, sent: 5, ..Progress::default() };
        assert_eq!(in_words(&spooling, "spooling"), "spooling: 5 bytes read");
    }

    #[test]
    fn details_say_what_is_worth_it() {
        let mut now = Progress { parts: 64, parts_done: 3, ..Progress::default() };
        assert_eq!(details(&now), "3/64 parts");
        now.retries = 2;
        assert_eq!(details(&now), "3/64 parts, 2 sent again");
        now.parts = 1;
        assert_eq!(details(&now), "2 sent again");
    }
}
