//! Which cells there are, which of them are run, and why the others are not: none is silently absent.

use sealift::{
    dialect::{COS, Dialect, S3},
    sse::SseMode,
};

use crate::{
    MODES,
    cell::Cell,
    expect::{End, expected},
    fault::FAULTS,
    place::Place,
};

/// Why a cell is not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Why {
    /// There is no such call.
    NotAsked,
    /// The fault finds nothing to change.
    Idle,
    /// A journal makes no difference to it.
    OneCall,
    /// It succeeds with a journal.
    Succeeds,
    /// The same cell in another mode stands for it.
    StoodFor,
}

impl Why {
    pub(crate) const ALL: [Self; 5] = [Self::NotAsked, Self::Idle, Self::OneCall, Self::Succeeds, Self::StoodFor];

    /// The reason as the table gives it.
    pub(crate) fn reason(self) -> &'static str {
        match self {
            Self::NotAsked => "the probe without encryption: nobody asks for a proof of it",
            Self::Idle => {
                "–: the fault finds nothing to change in the answer to this call. It is run every time, in one of the \
                 modes that have nothing, and must not strike"
            }
            Self::OneCall => {
                "without a journal, a call of a small object, for which one makes no difference, and the list of parts \
                 on resume, which needs one"
            }
            Self::Succeeds => "without a journal, what succeeds with one: it is read by nobody before the end",
            Self::StoodFor => {
                "another mode stands for it, which the table names in brackets: S3's faults of the connection, its \
                 middle part and its cells without a journal, as far as all modes are to have the same end. The modes \
                 take turns from cell to cell; COS runs all of them"
            }
        }
    }
}

/// Every cell that can be thought of: each fault at each call in each mode, once and always, with a journal and without.
pub(crate) fn all(dialect: Dialect) -> impl Iterator<Item = Cell> {
    let places = Place::ALL.into_iter().flat_map(|place| FAULTS.iter().map(move |fault| (place, fault)));
    let ways = [true, false].into_iter().flat_map(|once| [true, false].map(|journal| (once, journal)));
    places.flat_map(move |(place, fault)| {
        ways.clone()
            .flat_map(move |(once, journal)| MODES.map(move |mode| Cell { dialect, place, fault, once, mode, journal }))
    })
}

/// Those that are run.
pub(crate) fn run() -> Vec<Cell> {
    [COS, S3].into_iter().flat_map(all).filter(|cell| left_out(cell).is_none()).collect()
}

/// Why this one is not run, if it is not.
pub(crate) fn left_out(cell: &Cell) -> Option<Why> {
    let modes = || MODES.into_iter().map(|mode| Cell { mode, ..*cell }).filter(is_asked);
    if !is_asked(cell) {
        return Some(Why::NotAsked);
    }
    if cell.fault.is_idle(cell) {
        let idle = modes().filter(|other| other.fault.is_idle(other));
        return (cell.once || !cell.journal || !takes_its_turn(cell, idle)).then_some(Why::Idle);
    }
    if !cell.journal && (cell.place == Place::Resume || cell.place.is_small()) {
        return Some(Why::OneCall);
    }
    if !cell.journal && expected(cell) == End::Done {
        return Some(Why::Succeeds);
    }
    let same = modes().filter(|other| !other.fault.is_idle(other)).all(|other| expected(&other) == expected(cell));
    let alike = cell.is_s3() && (cell.fault.is_of_the_connection() || cell.place == Place::Middle || !cell.journal);
    let others = modes().filter(|other| !other.fault.is_idle(other));
    (same && alike && !takes_its_turn(cell, others)).then_some(Why::StoodFor)
}

/// A store that is silent at Initiate is asked for a proof only where encryption was.
fn is_asked(cell: &Cell) -> bool {
    cell.place != Place::Probe || cell.mode != SseMode::None
}

/// Whether it is this cell's turn to be run for all of these.
fn takes_its_turn(cell: &Cell, alike: impl Iterator<Item = Cell>) -> bool {
    let alike: Vec<Cell> = alike.collect();
    let fault = FAULTS.iter().position(|fault| fault.name == cell.fault.name).unwrap();
    let place = Place::ALL.iter().position(|place| *place == cell.place).unwrap();
    let turn = fault + place + usize::from(cell.once) + 2 * usize::from(cell.journal);
    alike[turn % alike.len()].mode == cell.mode
}
