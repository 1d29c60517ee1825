//! The fuzz targets: one for each reader of bytes that come from outside.
//!
//! `tests/fuzz/run TIME` runs them all; `SEALIFT_FUZZ=NAME` says which one a run of this program is. The readers
//! themselves, and what is demanded of them beyond not to panic, are in the `fuzzing` module beside each.

#![no_main]

use std::{env, process, sync::LazyLock};

use libfuzzer_sys::fuzz_target;
use sealift::{cli, credentials, emulator, transfer::journal, transport, wire};

/// A target: its name, and what it does with some bytes.
type Target = (&'static str, fn(&[u8]));

const TARGETS: [Target; 16] = [
    ("answers", wire::fuzzing::answers),
    ("refusals", wire::fuzzing::refusals),
    ("times", transport::fuzzing::times),
    ("connect-to", transport::fuzzing::connect_to),
    ("addresses", cli::fuzzing::addresses),
    ("units", cli::fuzzing::units),
    ("keys", cli::fuzzing::keys),
    ("cos-files", credentials::cos::fuzzing::files),
    ("aws-profiles", credentials::aws::fuzzing::profiles),
    ("aws-answers", credentials::aws::fuzzing::answers),
    ("journal", journal::fuzzing::journal),
    ("sealed-journal", journal::fuzzing::sealed_journal),
    ("authorization", emulator::fuzzing::authorization),
    ("chunks", emulator::fuzzing::chunks),
    ("complete", emulator::fuzzing::complete),
    ("faults", emulator::fuzzing::faults),
];

static TARGET: LazyLock<fn(&[u8])> = LazyLock::new(|| {
    let name = env::var("SEALIFT_FUZZ").unwrap_or_default();
    match TARGETS.iter().find(|(known, _)| *known == name) {
        Some((_, target)) => *target,
        None => {
            TARGETS.iter().for_each(|(known, _)| println!("{known}"));
            process::exit(2);
        }
    }
});

fuzz_target!(init: { LazyLock::force(&TARGET); }, |data: &[u8]| (*TARGET)(data));
