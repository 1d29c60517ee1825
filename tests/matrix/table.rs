//! The table in the repository: what comes of every fault at every call.

use std::fmt::Write as _;

use sealift::{dialect::Dialect, error::ErrorKind};

use crate::{
    MODES, OF_S3,
    cell::Cell,
    expect::{End, Left},
    fault::FAULTS,
    place::Place,
};

/// A cell and its end.
pub(crate) type Entry = (Cell, End);

/// The whole document.
pub(crate) fn write(entries: &[Entry]) -> String {
    let mut text = INTRODUCTION.to_owned();
    let left_out = FAULTS.iter().filter(|fault| !OF_S3.contains(&fault.verb)).map(|fault| fault.name);
    let left_out = left_out.collect::<Vec<_>>().join("`, `");
    let _ = writeln!(text, "* S3: the rows `{left_out}`, which are faults of the connection and not of the dialect.");
    text.push_str(LEFT_OUT);
    for (dialect, name) in [(Dialect::Cos, "COS"), (Dialect::S3, "S3")] {
        let of: Vec<&Entry> = entries.iter().filter(|(cell, _)| cell.dialect == dialect).collect();
        let _ = writeln!(text, "\n## {name}: {} cells, none unexpected", of.len());
        for once in [true, false] {
            let _ = writeln!(text, "\n### The fault strikes {}\n", if once { "once" } else { "every time" });
            rows(&mut text, &of, once);
        }
    }
    text
}

fn rows(text: &mut String, of: &[&Entry], once: bool) {
    let of: Vec<&Entry> = of.iter().copied().filter(|(cell, _)| cell.once == once).collect();
    let there = |place: &Place| of.iter().any(|(cell, _)| cell.place == *place);
    let places: Vec<Place> = Place::ALL.into_iter().filter(there).collect();
    let titles: Vec<&str> = places.iter().map(|place| place.title()).collect();
    let _ = writeln!(text, "| fault | {} |", titles.join(" | "));
    let _ = writeln!(text, "|---|{}", "---|".repeat(places.len()));
    for fault in FAULTS {
        let row: Vec<String> = places
            .iter()
            .map(|place| {
                let ends = of.iter().filter(|(cell, _)| cell.place == *place && cell.fault.name == fault.name);
                field(ends.copied())
            })
            .collect();
        if row.iter().any(|field| !field.is_empty()) {
            let _ = writeln!(text, "| {} | {} |", fault.name, row.join(" | "));
        }
    }
}

/// The ends of one field: one word if all modes agree, else each with its modes.
fn field<'a>(ends: impl Iterator<Item = &'a Entry>) -> String {
    let mut by_mode: Vec<(usize, String)> = ends
        .filter(|(cell, _)| cell.journal)
        .map(|(cell, end)| (MODES.iter().position(|mode| *mode == cell.mode).unwrap(), word(*end)))
        .collect();
    by_mode.sort();
    let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
    for (mode, words) in by_mode {
        let mode = MODES[mode].name();
        match groups.iter_mut().find(|(known, _)| *known == words) {
            Some((_, modes)) => modes.push(mode),
            None => groups.push((words, vec![mode])),
        }
    }
    match &groups[..] {
        [] => String::new(),
        [(words, _)] => words.clone(),
        several => {
            let all: Vec<String> =
                several.iter().map(|(words, modes)| format!("{}: {words}", modes.join(", "))).collect();
            all.join("; ")
        }
    }
}

/// An end in as few signs as can be.
fn word(end: End) -> String {
    match end {
        End::Done => "done".to_owned(),
        End::Failed(kind, left) => format!("{}{}", code(kind), sign(left)),
    }
}

fn code(kind: ErrorKind) -> String {
    format!("{} {}", kind.exit_code(), kind.name())
}

fn sign(left: Left) -> &'static str {
    match left {
        Left::Nothing => "",
        Left::Orphan => " ○",
        Left::Kept => " ↻",
        Left::Unknown => " ?",
        Left::Named => " ⚑",
        Left::Object => " ■",
        Left::Unproved => " ■↻",
        Left::Perhaps => " □",
    }
}

const INTRODUCTION: &str = "\
# What comes of every fault

Written by `SEALIFT_MATRIX=write cargo test --test matrix`, which uploads once for each cell, and judged by
`cargo test --test matrix`, which fails if anything here is not so. A cell is one fault of the embedded store at one
call of an upload, in one encryption mode, with a journal, and where it fails, without one as well; or at the GET of a
download. S3 stores are those whose manual says how they prove a PUT; those that have to be asked get the probe.

`done`: the object in the store is the file, under the encryption that was asked for, and the receipt says only what is
so; of a download, that the file is the object. A download that fails leaves no file. Otherwise the exit code and the
kind of the error, which has a hint, names the call and its part, and leaves:

| sign | in the store |
|---|---|
| none | nothing |
| ↻ | the upload, if there is a journal, with which the same command goes on; else nothing |
| ○ | perhaps an empty upload whose id was lost with the answer to Initiate; the error says so |
| ? | the upload, named by the error: whether it becomes an object cannot be told |
| ⚑ | the upload, named by the error: the store would not remove it |
| ■ | the object, named by the error |
| □ | perhaps the object, now or later, because no answer came; the error says so |
| ■↻ | the same as ■, and with a journal the same command proves it |

After every failure with a journal the same upload was run again without the fault, and came to the right object.
Where the modes differ they are named. Complete is asked again for twenty minutes as long as the upload is alive; here
it is stopped (130) after the third time.

Left out are:

";

/// Below the rows.
const LEFT_OUT: &str = "\
* S3: the middle part, because a file of three takes longer and shows nothing new; and cells without a journal.
* The probe without encryption, because nobody asks for a proof of it.
* Without a journal, what succeeds with one, the list of parts on resume, and small objects, for which one makes no
  difference.
* Columns for ListUploads and for copies of objects and parts: see the other tests. So it is with faults of several calls
  at once.
";
