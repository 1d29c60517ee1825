//! The table in the repository: what comes of every fault at every call.

use std::fmt::Write as _;

use sealift::{dialect::Dialect, error::ErrorKind};

use crate::{
    MODES,
    cell::Cell,
    expect::{End, Left},
    extent::{self, Why},
    fault::FAULTS,
    place::Place,
};

/// A cell and its end.
pub(crate) type Entry = (Cell, End);

/// The whole document.
pub(crate) fn write(entries: &[Entry]) -> String {
    let mut text = INTRODUCTION.to_owned();
    for (dialect, name) in [(Dialect::Cos, "COS"), (Dialect::S3, "S3")] {
        let of: Vec<&Entry> = entries.iter().filter(|(cell, _)| cell.dialect == dialect).collect();
        let _ = writeln!(text, "\n## {name}: {} cells, none unexpected", of.len());
        for once in [true, false] {
            let _ = writeln!(text, "\n### The fault strikes {}\n", if once { "once" } else { "every time" });
            rows(&mut text, &of, dialect, once);
        }
    }
    text.push_str("\n## What is not run\n\n");
    extent(&mut text, entries);
    text.push_str(ELSEWHERE);
    text
}

fn rows(text: &mut String, of: &[&Entry], dialect: Dialect, once: bool) {
    let titles = Place::ALL.map(Place::title);
    let _ = writeln!(text, "| fault | {} |", titles.join(" | "));
    let _ = writeln!(text, "|---|{}", "---|".repeat(titles.len()));
    for fault in FAULTS {
        let row = Place::ALL.map(|place| {
            let cells = MODES.map(|mode| Cell { dialect, place, fault, once, mode, journal: true });
            field(&cells.map(|cell| (cell, end_of(&cell, of))))
        });
        let _ = writeln!(text, "| {} | {} |", fault.name, row.join(" | "));
    }
}

fn end_of(cell: &Cell, of: &[&Entry]) -> Option<End> {
    let is_it = |other: &Cell| {
        (other.place, other.fault.name, other.once, other.mode, other.journal)
            == (cell.place, cell.fault.name, cell.once, cell.mode, cell.journal)
    };
    of.iter().find(|(other, _)| is_it(other)).map(|(_, end)| *end)
}

/// The ends of one field: one word if all modes agree, else each with its modes; and in brackets those that were run, where
/// they stand for others.
fn field(ends: &[(Cell, Option<End>)]) -> String {
    let mut groups: Vec<(String, Vec<&str>)> = Vec::new();
    let mut for_others = false;
    for (cell, end) in ends {
        let words = match (extent::left_out(cell), end) {
            _ if cell.fault.is_idle(cell) => "–".to_owned(),
            (None, Some(end)) => word(*end),
            (Some(Why::StoodFor), None) => {
                for_others = true;
                continue;
            }
            (Some(Why::NotAsked), None) => continue,
            (why, _) => panic!("{cell} has neither an end nor a reason: {why:?}"),
        };
        match groups.iter_mut().find(|(known, _)| *known == words) {
            Some((_, modes)) => modes.push(cell.mode.name()),
            None => groups.push((words, vec![cell.mode.name()])),
        }
    }
    match &groups[..] {
        [(words, modes)] if for_others => format!("{words} ({})", modes.join(", ")),
        [(words, _)] => words.clone(),
        several => {
            let brackets =
                |modes: &[&str]| if for_others { format!("({})", modes.join(", ")) } else { modes.join(", ") };
            let all = several.iter().map(|(words, modes)| format!("{}: {words}", brackets(modes)));
            all.collect::<Vec<String>>().join("; ")
        }
    }
}

/// How many cells there are of each reason, and that they add up.
fn extent(text: &mut String, entries: &[Entry]) {
    text.push_str("| cells | COS | S3 |\n|---|---|---|\n");
    let dialects = [Dialect::Cos, Dialect::S3];
    let line = |text: &mut String, name: &str, counts: [usize; 2]| {
        let _ = writeln!(text, "| {name} | {} | {} |", counts[0], counts[1]);
    };
    let all = dialects.map(|dialect| extent::all(dialect).count());
    let run = dialects.map(|dialect| entries.iter().filter(|(cell, _)| cell.dialect == dialect).count());
    line(text, "each fault at each call in each mode, once and always, with a journal and without", all);
    line(text, "run", run);
    let mut accounted = run;
    for why in Why::ALL {
        let of =
            dialects.map(|dialect| extent::all(dialect).filter(|cell| extent::left_out(cell) == Some(why)).count());
        accounted = [accounted[0] + of[0], accounted[1] + of[1]];
        line(text, why.reason(), of);
    }
    assert_eq!(accounted, all, "a cell has neither an end nor a reason");
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
kind of the error, whose hint is the remedy for it and for what it leaves, which names the call and its part, and leaves:

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
Two or three cells of each call are run by the program as well: its exit code, the error that it prints, the same command
again, and no key in what it prints or keeps.
Where the modes differ they are named. Complete is asked again for twenty minutes as long as the upload is alive; here
it is stopped (130) after the third time.

`–`: the fault finds nothing to change in the answer to this call. A mode in brackets stands for the others, see the end.
";

/// At the end.
const ELSEWHERE: &str = "
ListUploads, copies of objects and parts, and faults of several calls at once have no columns: see the other tests.
";
