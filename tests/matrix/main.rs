//! Every fault of the embedded store at every call of an upload, in every encryption mode, with a journal and without;
//! and at a download.
//!
//! Each cell is a transfer of its own, in this process, to a store of its own. What has to come of it is said by
//! [`expect`], from the design; what is true whatever comes of it, by [`judge`]. `RESULTS.md` is the table of it all.
//!
//! ```sh
//! cargo test --test matrix                                    # all cells, against the table
//! SEALIFT_MATRIX=write cargo test --test matrix               # writes the table
//! SEALIFT_MATRIX_ONLY='Complete, answer lost' cargo test --test matrix -- --nocapture   # cells by a piece of their name
//! ```

#![expect(clippy::unwrap_used, reason = "the helpers of tests may fail where they stand, as tests may")]

mod cell;
mod expect;
mod extent;
mod fault;
mod fetched;
mod judge;
mod place;
mod program;
mod proofs;
mod remedy;
mod sources;
mod table;

use std::{
    collections::BTreeSet,
    env, fs,
    path::Path,
    time::{Duration, Instant},
};

use futures::{StreamExt as _, stream};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use sealift::{Uploader, sse::SseMode, transfer::UploaderOptions};

use self::{
    cell::{Cell, Outcome},
    expect::{End, Left, expected},
    fault::FAULTS,
    sources::Sources,
    table::Entry,
};

/// Cells at the same time: those that send, and beside them those that mostly wait, a minute and longer.
const AT_ONCE: usize = 12;
const WAITING_AT_ONCE: usize = 300;
/// Between two of the latter at the beginning, because each sends something before it waits.
const APART: Duration = Duration::from_millis(100);
/// Files that all of them may have open: a store's listener, both ends of some connections, a journal and its lock.
const FILES: u64 = 8192;

const MODES: [SseMode; 4] = [SseMode::None, SseMode::Managed, SseMode::Kms, SseMode::Customer];

/// What is left depends on the journal where one is what keeps it.
fn without_journal(end: End) -> End {
    match end {
        End::Failed(kind, Left::Kept) => End::Failed(kind, Left::Nothing),
        End::Failed(kind, Left::Unproved) => End::Failed(kind, Left::Object),
        end => end,
    }
}

#[test]
fn every_fault_of_the_store_has_a_row() {
    let rows: BTreeSet<String> = FAULTS.iter().map(|fault| fault.verb.to_owned()).collect();
    let verbs: BTreeSet<String> = fault::verbs().into_iter().collect();
    assert_eq!(rows, verbs);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_fault_at_every_call_in_every_mode_ends_as_promised() {
    let only = env::var("SEALIFT_MATRIX_ONLY").unwrap_or_default();
    let cells: Vec<Cell> = extent::run().into_iter().filter(|cell| cell.to_string().contains(&only)).collect();
    assert!(!cells.is_empty(), "no cell has {only:?} in its name");
    let files = getrlimit(Resource::Nofile);
    let enough = files.maximum.map_or(FILES, |most| most.min(FILES)).max(files.current.unwrap_or(FILES));
    setrlimit(Resource::Nofile, Rlimit { current: Some(enough), ..files }).unwrap();
    let mut sources = Sources::new();
    for cell in &cells {
        sources.make_for(cell);
    }
    let uploader = Uploader::new(UploaderOptions::default().memory(64 << 20)).unwrap();
    let (began, sources, uploader) = (Instant::now(), &sources, &uploader);
    let run = async |cells: Vec<Cell>, at_once: usize, apart: Duration| {
        let cells = stream::iter(cells.into_iter().enumerate()).map(|(index, cell)| async move {
            if let Ok(place) = u32::try_from(index)
                && index < at_once
            {
                tokio::time::sleep(apart * place).await;
            }
            (cell, cell.run(uploader, sources).await)
        });
        cells.buffer_unordered(at_once).collect::<Vec<(Cell, Outcome)>>().await
    };
    let (slow, quick) = cells.into_iter().partition(Cell::is_slow);
    let (slow, quick) = futures::join!(run(slow, WAITING_AT_ONCE, APART), run(quick, AT_ONCE, Duration::ZERO));
    let mut ends = [slow, quick].concat();
    println!("{} cells in {:.0?}", ends.len(), began.elapsed());

    let mut unexpected: Vec<String> = Vec::new();
    for (cell, outcome) in &mut ends {
        let expected = expected(cell);
        let expected = if cell.journal { expected } else { without_journal(expected) };
        if outcome.end != expected {
            outcome.complaints.insert(0, format!("{:?} instead of {expected:?}", outcome.end));
        }
        if !outcome.complaints.is_empty() {
            unexpected.push(format!("{cell}:\n    {}", outcome.complaints.join("\n    ")));
        }
    }
    unexpected.sort();
    assert!(unexpected.is_empty(), "{} cells are unexpected:\n{}", unexpected.len(), unexpected.join("\n"));
    if only.is_empty() {
        let entries: Vec<Entry> = ends.into_iter().map(|(cell, outcome)| (cell, outcome.end)).collect();
        compare(&table::write(&entries));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_ends_as_the_table_says() {
    let only = env::var("SEALIFT_MATRIX_ONLY").unwrap_or_default();
    let sample: Vec<Cell> = program::sample().into_iter().filter(|cell| cell.to_string().contains(&only)).collect();
    let mut sources = Sources::new();
    for cell in &sample {
        sources.make_for(cell);
    }
    let sources = &sources;
    let running = stream::iter(&sample).map(|cell| async move { (cell, program::run(cell, sources).await) });
    let ends: Vec<(&Cell, Vec<String>)> = running.buffer_unordered(AT_ONCE).collect().await;
    println!("{} cells by the program", ends.len());
    let unexpected = ends.iter().filter(|(_, complaints)| !complaints.is_empty());
    let unexpected: Vec<String> =
        unexpected.map(|(cell, complaints)| format!("{cell}:\n    {}", complaints.join("\n    "))).collect();
    assert!(unexpected.is_empty(), "{} cells are unexpected:\n{}", unexpected.len(), unexpected.join("\n"));
}

/// Compares with the table in the repository, or writes it.
fn compare(table: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/matrix/RESULTS.md");
    if env::var_os("SEALIFT_MATRIX").is_some_and(|wish| wish == "write") {
        fs::write(&path, table).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == table, "tests/matrix/RESULTS.md is another table; write it anew with SEALIFT_MATRIX=write");
}
