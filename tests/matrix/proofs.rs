//! What a receipt may say that was proved, and what it has to say, by the answers that the store has given.

use sealift::{emulator::Request, sse::SseMode};

use crate::{
    cell::{Cell, Heard},
    expect,
    fault::Harm,
    place::Place,
};

/// Faults that keep an answer from being heard.
const UNHEARD: [&str; 8] =
    ["reset", "cut_request", "lose_answer", "cut_head", "cut_body", "cut_stream", "linger", "answer_late"];
/// Those after which an answer confirms no encryption.
const SILENT: [&str; 3] = ["drop_echo", "downgrade_echo", "alter_echo"];
/// Those after which it proves no bytes.
const UNSURE: [&str; 2] = ["drop_crc", "wrong_crc"];

/// What there is to prove, by the answers to which operation.
const PROOFS: [(&str, &str); 10] = [
    ("object-checksum", "Complete"),
    ("object-checksum", "Head"),
    ("object-checksum", "Put"),
    ("size", "Head"),
    ("head", "Head"),
    ("echo:initiate", "Initiate"),
    ("echo:complete", "Complete"),
    ("echo:head", "Head"),
    ("echo:put", "Put"),
    // In a second run those of the first count.
    ("echo:parts", "UploadPart"),
];

/// Whether the store has given a reason for what a receipt says.
pub(crate) fn proved(proof: &str, cell: &Cell, heard: &Heard) -> bool {
    match proof {
        "source-unchanged" => true,
        "part-md5" => refused(heard),
        // Where the answers have none, it is sent with each part.
        "part-checksums" => {
            every_part(cell, heard, &UNSURE) || refused(heard) && every_part(cell, heard, &["wrong_crc"])
        }
        "echo:parts" => cell.mode != SseMode::None && every_part(cell, heard, &SILENT),
        _ if proof.starts_with("echo:") && cell.mode == SseMode::None => false,
        _ => PROOFS.iter().any(|(known, operation)| {
            let tells = !proof.starts_with("echo:") || expect::speaks(cell, operation);
            *known == proof && tells && answered(cell, heard, operation, spoiling(proof))
        }),
    }
}

/// What a receipt has to say: all that the answers of the store have proved; and where the fault leaves each of them as it
/// is, all that there is to prove.
pub(crate) fn due(cell: &Cell, heard: &Heard) -> Vec<&'static str> {
    let known = ["source-unchanged", "part-checksums"].into_iter().chain(PROOFS.map(|(proof, _)| proof));
    // After a PUT HEAD is asked only where the answer has no checksum, or to find out what has become of it.
    let asked = |proof: &&str| !cell.place.is_small() || !["size", "head", "echo:head"].contains(proof);
    let mut due: Vec<&str> = known.filter(asked).filter(|proof| proved(proof, cell, heard)).collect();
    if expect::relevant(cell) == Harm::None {
        due.extend(all(cell));
    }
    due.sort_unstable();
    due.dedup();
    due
}

/// All that there is to prove, whether or not the client has asked.
fn all(cell: &Cell) -> Vec<&'static str> {
    let (mut bytes, mut echoes) = (vec!["source-unchanged", "object-checksum"], Vec::new());
    if cell.place.is_small() {
        echoes.push("echo:put");
    } else {
        bytes.extend(["part-checksums", "size", "head"]);
        echoes.extend(["echo:parts", "echo:head"]);
        // Of the probe the store was silent there, and of a second run another one has asked.
        if !matches!(cell.place, Place::Probe | Place::Resume) {
            echoes.push("echo:initiate");
        }
        if cell.place != Place::DoubtMade && expect::speaks(cell, "Complete") {
            echoes.push("echo:complete");
        }
    }
    if cell.mode != SseMode::None {
        bytes.extend(echoes);
    }
    bytes
}

/// Whether the store has refused a wrong checksum, so that it compares those that are sent.
fn refused(heard: &Heard) -> bool {
    both(heard).any(|seen| matches!(seen.code.as_deref(), Some("BadDigest" | "InvalidDigest")))
}

/// What spoils an answer for this proof.
fn spoiling(proof: &str) -> &'static [&'static str] {
    match proof {
        "object-checksum" => &UNSURE,
        "size" | "head" => &[],
        _ => &SILENT,
    }
}

fn both(heard: &Heard) -> impl Iterator<Item = &Request> {
    heard.earlier.iter().chain(&heard.now)
}

/// Whether an answer of this run is good.
fn answered(cell: &Cell, heard: &Heard, operation: &str, spoiled_by: &[&str]) -> bool {
    let mut answers = heard.now.iter().filter(|seen| seen.operation == operation);
    answers.any(|seen| is_heard(cell, seen) && is_good(cell, seen, spoiled_by))
}

/// Whether the last answer to each part of the object is good, whichever run has heard it.
fn every_part(cell: &Cell, heard: &Heard, spoiled_by: &[&str]) -> bool {
    !cell.place.is_small()
        && (1..=cell.parts()).all(|part| {
            let answers = both(heard).filter(|seen| seen.operation == "UploadPart" && seen.part == Some(part));
            let last = answers.filter(|seen| is_heard(cell, seen)).last();
            last.is_some_and(|seen| is_good(cell, seen, spoiled_by))
        })
}

/// Whether the answer has come.
fn is_heard(cell: &Cell, seen: &Request) -> bool {
    seen.status != 0 && !is_struck(cell, seen, &UNHEARD)
}

fn is_good(cell: &Cell, seen: &Request, spoiled_by: &[&str]) -> bool {
    seen.status == 200 && seen.code.is_none() && !is_struck(cell, seen, spoiled_by)
}

/// Whether one of these faults has done something to an answer. That of the cell may do nothing here.
fn is_struck(cell: &Cell, seen: &Request, by: &[&str]) -> bool {
    let harmless = |name: &str| name == cell.fault.verb && cell.fault.harm(&seen.operation) == Harm::None;
    let names = seen.fault.as_deref().unwrap_or_default().split(',');
    names.filter(|name| !harmless(name)).any(|name| by.contains(&name))
}
