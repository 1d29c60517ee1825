//! How parts grow, and what they hold together.

use proptest::prelude::*;

use super::*;
use crate::{dialect::COS, transfer::plan::MIB};

const GIB: u64 = 1 << 30;

fn cos() -> Limits {
    COS.limits()
}

fn plan(memory: u64) -> StreamPlan {
    StreamPlan::new(memory, None, cos()).unwrap()
}

fn number(index: usize) -> PartNumber {
    PartNumber::at_index(index).unwrap()
}

/// Every part of a stream that never ends.
fn lens(plan: &StreamPlan) -> Vec<u64> {
    let mut before = 0;
    let mut lens = Vec::new();
    while let Some(len) = PartNumber::at_index(lens.len()).and_then(|number| plan.len(number, before)) {
        before += len;
        lens.push(len);
    }
    assert_eq!(before, plan.longest, "what is promised is what the parts hold");
    lens
}

#[test]
fn parts_double_steadily_until_two_fill_the_memory() {
    let lens = lens(&plan(112 * MIB));
    assert_eq!(lens.len(), 10_000);
    let sizes: Vec<u64> = [0, 500, 1000, 1500, 2000, 9999].iter().map(|index| lens[*index] / MIB).collect();
    assert_eq!(sizes, [14, 21, 28, 42, 56, 56]);
    assert!(lens.is_sorted());
}

#[test]
fn the_usual_memories_hold_streams_of_these_lengths() {
    for (memory, first, largest, longest) in [(4, 1, 2, 18), (16, 2, 8, 71), (32, 4, 16, 142), (112, 14, 56, 498)] {
        let plan = plan(memory * MIB);
        let found = (plan.first_part / MIB, plan.largest_part / MIB, plan.longest / GIB);
        assert_eq!(found, (first, largest, longest), "{memory} MiB");
    }
    // With the largest parts of the store, its largest object.
    let most = StreamPlan::new(16 * GIB, Some(5 * GIB), cos()).unwrap();
    assert_eq!((most.longest, most.parts), (50_000 * GIB, 10_000));
    assert_eq!(plan(1 << 40).largest_part, 5 * GIB);
}

#[test]
fn parts_of_a_size_that_was_asked_for_do_not_grow() {
    let plan = StreamPlan::new(16 * MIB, Some(5_000_000), cos()).unwrap();
    assert!(lens(&plan).iter().all(|len| *len == 5_000_000));
    assert_eq!(plan.longest, 50_000_000_000);
}

#[test]
fn an_object_is_never_longer_than_the_store_takes() {
    let limits = Limits { max_object: 10 * MIB + 5, ..cos() };
    let plan = StreamPlan::new(8 * MIB, Some(4 * MIB), limits).unwrap();
    assert_eq!(lens(&plan), [4 * MIB, 4 * MIB, 2 * MIB + 5]);
    assert_eq!(plan.len(number(3), plan.longest), None);
    assert_eq!(plan.len(number(0), u64::MAX), None);
}

#[test]
fn there_are_no_more_parts_than_the_store_takes() {
    let limits = Limits { max_parts: 3, ..cos() };
    assert_eq!(lens(&StreamPlan::new(8 * MIB, None, limits).unwrap()), [MIB; 3]);
}

#[track_caller]
fn refused(memory: u64, part_size: Option<u64>, message: &str, hint: &str) {
    let error = StreamPlan::new(memory, part_size, cos()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.message().contains(message), "{}", error.message());
    assert!(error.hint().unwrap_or_default().contains(hint), "{:?}", error.hint());
}

#[test]
fn a_part_that_does_not_fit_into_the_memory_is_refused() {
    refused(MIB - 1, None, "one of 1MiB does not fit", "--memory");
    refused(16 * MIB, Some(16 * MIB + 1), "does not fit into 16MiB", "smaller parts (--part-size)");
    // Room is handed out in whole frames.
    refused(MIB + 5, Some(MIB + 1), "does not fit into 1MiB", "--memory");
    refused(GIB, Some(1), "too small", "at least 1MiB");
    assert_eq!(lens(&StreamPlan::new(16 * MIB, Some(16 * MIB), cos()).unwrap())[0], 16 * MIB);
    assert_eq!(plan(MIB).largest_part, MIB);
}

#[test]
fn what_a_stream_has_outgrown_is_told_with_the_remedy() {
    let error = plan(16 * MIB).outgrown();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.hint().unwrap().contains("--memory") && error.hint().unwrap().contains("--spool"));
    let error = StreamPlan::new(16 * MIB, Some(MIB), cos()).unwrap().outgrown();
    assert!(error.message().contains("10000MiB"), "{error}");
    assert!(error.hint().unwrap().contains("--part-size"));
}

proptest! {
    /// Whatever the memory: parts never shrink, never exceed the limits or half of the memory, and two fit at once.
    #[test]
    fn any_memory_makes_a_sound_plan(memory in MIB..64 * GIB) {
        let plan = plan(memory);
        let lens = lens(&plan);
        prop_assert!(lens.is_sorted());
        prop_assert!(lens.iter().all(|len| (MIB..=5 * GIB).contains(len) && len.is_multiple_of(FRAME as u64)));
        prop_assert_eq!((lens[0], *lens.last().unwrap()), (plan.first_part, lens.iter().copied().max().unwrap()));
        prop_assert!(plan.largest_part <= (memory / 2).max(MIB));
        prop_assert!(plan.first_part <= (memory / 8).max(MIB));
        prop_assert!(lens.len() == 10_000);
    }

    #[test]
    fn any_wish_is_met_exactly_or_refused(memory in 0..64 * GIB, wish in 0..6 * GIB) {
        match StreamPlan::new(memory, Some(wish), cos()) {
            Ok(plan) => prop_assert!(wish <= memory && (0..9).all(|index| plan.len(number(index), 0) == Some(wish))),
            Err(error) => prop_assert_eq!(error.kind(), ErrorKind::Config),
        }
    }
}
