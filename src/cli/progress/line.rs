//! The words of the progress line: as many as the terminal has room for.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use crate::cli::units::{show_rate, show_size};

/// What the line says.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    /// What is being done.
    pub(super) name: &'static str,
    /// How long that has been going on.
    pub(super) time: Duration,
    /// How many bytes of how many, if bytes are moving and if that is known.
    pub(super) bytes: Option<(u64, Option<u64>)>,
    /// Bytes in how much time, lately.
    pub(super) pace: Option<(u64, Duration)>,
    /// The rest, such as how many parts are done.
    pub(super) details: String,
    /// What is wrong just now.
    pub(super) trouble: Option<String>,
}

impl Line {
    /// The line for a terminal of this width. What matters least is left out first.
    pub(super) fn text(&self, width: usize) -> String {
        // The words with their rank: the lowest go first where room is short.
        let mut words = vec![(u8::MAX, self.name.to_owned())];
        let seconds = self.time.as_secs();
        match self.bytes {
            Some((done, None)) => words.push((u8::MAX, show_size(done))),
            Some((done, Some(total))) => {
                let percent = percent(done, total);
                words.push((3, bar(percent)));
                words.push((u8::MAX, format!("{percent:>3} %")));
                words.push((1, show_size(done)));
            }
            None if seconds > 0 => words.push((1, format!("{seconds} s"))),
            None => {}
        }
        if let Some(trouble) = &self.trouble {
            words.push((u8::MAX, trouble.clone()));
        } else {
            if let Some((bytes, time)) = self.pace {
                words.push((6, show_rate(bytes, time)));
            }
            words.extend(self.left().map(|left| (5, left)));
            if !self.details.is_empty() {
                words.push((4, self.details.clone()));
            }
        }
        // The last column stays free: some terminals begin a new line when it is filled.
        let room = width.saturating_sub(1 + INDENT.len());
        while length(&words) > room && words.iter().any(|(rank, _)| *rank != u8::MAX) {
            let least = words.iter().map(|(rank, _)| *rank).min();
            words.retain(|(rank, _)| Some(*rank) != least);
        }
        let text = words.into_iter().map(|(_, word)| word).collect::<Vec<_>>().join(GAP);
        let text: String = text.chars().take(room).collect();
        format!("{INDENT}{}", text.trim_end())
    }

    /// The time left at this pace, coarsely: it is an estimate.
    fn left(&self) -> Option<String> {
        let ((done, total), (bytes, time)) = (self.bytes?, self.pace?);
        let total = total?;
        let missing = u128::from(total.saturating_sub(done));
        let seconds = (missing * time.as_millis()).checked_div(u128::from(bytes) * 1000)?;
        Some(match seconds {
            0..100 => format!("{seconds} s left"),
            100..6_000 => format!("{} min left", seconds / 60),
            6_000..360_000 => format!("{} h left", seconds / 3_600),
            _ => format!("{} days left", seconds / 86_400),
        })
    }
}

const INDENT: &str = "    ";
const GAP: &str = "  ";
const BAR: u64 = 16;

fn length(words: &[(u8, String)]) -> usize {
    words.iter().map(|(_, word)| word.chars().count()).sum::<usize>() + GAP.len() * words.len().saturating_sub(1)
}

fn percent(done: u64, total: u64) -> u64 {
    let percent = (u128::from(done) * 100).checked_div(u128::from(total)).unwrap_or(100);
    u64::try_from(percent).unwrap_or(100).min(100)
}

fn bar(percent: u64) -> String {
    (0..BAR).map(|step| if step * 100 < percent * BAR { '━' } else { '─' }).collect()
}

/// The pace of the last seconds, so that a stalled link is seen as a falling rate.
#[derive(Debug, Default)]
pub(super) struct Pace {
    samples: VecDeque<(Instant, u64)>,
}

impl Pace {
    const WINDOW: Duration = Duration::from_secs(10);
    /// In less time than this, buffers are filled and nothing is measured.
    const LEAST: Duration = Duration::from_secs(1);

    /// Notes how many bytes there are by now; the bytes in how much time, once that says something.
    pub(super) fn note(&mut self, now: Instant, bytes: u64) -> Option<(u64, Duration)> {
        self.samples.push_back((now, bytes));
        while self.samples.get(1).is_some_and(|(at, _)| now.duration_since(*at) >= Self::WINDOW) {
            self.samples.pop_front();
        }
        let (since, before) = *self.samples.front()?;
        let time = now.duration_since(since);
        (time >= Self::LEAST).then(|| (bytes.saturating_sub(before), time))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn long() -> Line {
        Line {
            name: "sending",
            bytes: Some((1023 << 30, Some(2047 << 30))),
            pace: Some((999 << 20, Duration::from_secs(1))),
            details: "4999/10000 parts, 12 sent again".to_owned(),
            ..Line::default()
        }
    }

    #[test]
    fn the_line_fits_and_leaves_out_what_matters_least() {
        let line = |width| long().text(width);
        assert_eq!(
            line(120),
            "    sending  ━━━━━━━━────────   49 %  1023 GiB  999.0 MiB/s  17 min left  4999/10000 parts, 12 sent again"
        );
        assert_eq!(line(80), "    sending   49 %  999.0 MiB/s  17 min left  4999/10000 parts, 12 sent again");
        assert_eq!(line(50), "    sending   49 %  999.0 MiB/s  17 min left");
        assert_eq!(line(30), "    sending   49 %");
        assert_eq!(line(10), "    sendi");
        assert_eq!(line(0), "    ");
        let parts = Line { details: "19/19 parts".to_owned(), ..long() };
        assert_eq!(parts.text(80), "    sending  ━━━━━━━━────────   49 %  999.0 MiB/s  17 min left  19/19 parts");
        for width in 5..130 {
            assert!(line(width).chars().count() < width, "{width}");
        }
    }

    #[test]
    fn without_an_end_in_sight_the_line_says_how_much_and_how_fast() {
        let open = Line { bytes: Some((1023 << 30, None)), details: "4999 parts".to_owned(), ..long() };
        assert_eq!(open.text(80), "    sending  1023 GiB  999.0 MiB/s  4999 parts");
        assert_eq!(open.text(24), "    sending  1023 GiB");
    }

    #[test]
    fn a_trouble_is_said_instead_of_the_pace() {
        let trouble = Some("127.0.0.1:1 refused the connection; trying again (2 of 5)".to_owned());
        let line = Line { trouble, ..long() };
        assert_eq!(line.text(80), "    sending   49 %  127.0.0.1:1 refused the connection; trying again (2 of 5)");
        assert_eq!(line.text(40), "    sending   49 %  127.0.0.1:1 refused");
    }

    #[test]
    fn what_moves_no_bytes_says_how_long_it_takes() {
        let line = |seconds| Line { name: "verifying", time: Duration::from_secs(seconds), ..Line::default() };
        assert_eq!(line(0).text(80), "    verifying");
        assert_eq!(line(3).text(80), "    verifying  3 s");
    }

    #[test]
    fn there_is_no_pace_before_a_second_of_data_and_it_falls_when_nothing_moves() {
        let start = Instant::now();
        let at = |millis| start + Duration::from_millis(millis);
        let mut pace = Pace::default();
        assert_eq!(pace.note(at(0), 0), None);
        assert_eq!(pace.note(at(200), 72 << 30), None);
        assert_eq!(pace.note(at(1_000), 100), Some((100, Duration::from_secs(1))));
        assert_eq!(pace.note(at(12_000), 100), Some((0, Duration::from_secs(11))));
        assert_eq!(pace.note(at(13_000), 50), Some((0, Duration::from_secs(12))), "what is lost counts as nothing");
        let mut line = long();
        line.pace = Some((0, Duration::from_secs(11)));
        assert_eq!(line.left(), None);
    }
}
