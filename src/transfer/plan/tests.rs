//! Plans of every size, and wishes that cannot be met.

use proptest::prelude::*;

use super::*;
use crate::dialect::COS;

const KIB: u64 = 1 << 10;
const GIB: u64 = 1 << 30;

fn cos() -> Limits {
    COS.limits()
}

fn plan(size: u64, part_size: Option<u64>) -> Plan {
    Plan::new(size, part_size, cos()).unwrap()
}

#[track_caller]
fn refused(size: u64, part_size: Option<u64>, message: &str, hint: &str) {
    let error = Plan::new(size, part_size, cos()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.message().contains(message), "{}", error.message());
    assert!(error.hint().unwrap_or_default().contains(hint), "{:?}", error.hint());
}

#[test]
fn an_empty_source_is_one_put_of_nothing() {
    for part_size in [None, Some(MIB)] {
        let plan = plan(0, part_size);
        assert_eq!((plan.single, plan.parts, plan.part_size), (true, 1, 0));
        let spans: Vec<Span> = plan.spans().collect();
        assert_eq!(spans, [Span { number: PartNumber::FIRST, offset: 0, len: 0 }]);
    }
}

#[test]
fn what_fits_into_one_part_is_one_put() {
    assert!(plan(1, None).single);
    assert!(plan(STEP, None).single);
    let larger = plan(STEP + 1, None);
    assert_eq!((larger.single, larger.parts, larger.part_size), (false, 2, STEP));

    assert!(plan(5 * GIB, Some(5 * GIB)).single);
    assert!(plan(3 * MIB, Some(GIB)).single);
    assert_eq!(plan(3 * MIB, Some(MIB)).parts, 3);
}

#[test]
fn a_part_too_large_for_one_put_is_a_multipart_upload_of_one_part() {
    let limits = Limits { max_put: GIB, ..cos() };
    let plan = Plan::new(2 * GIB, Some(4 * GIB), limits).unwrap();
    assert_eq!((plan.single, plan.parts), (false, 1));
    assert_eq!(plan.span(PartNumber::FIRST).unwrap().len, 2 * GIB);
}

#[test]
fn the_part_grows_step_by_step_only_when_ten_thousand_are_not_enough() {
    assert_eq!(plan(10_000 * STEP, None).part_size, STEP);
    assert_eq!(plan(10_000 * STEP, None).parts, 10_000);
    assert_eq!(plan(10_000 * STEP + 1, None).part_size, 2 * STEP);
    assert_eq!(plan(20_000 * STEP + 1, None).part_size, 3 * STEP);
    assert_eq!(plan(8 * GIB, None), Plan { size: 8 * GIB, part_size: STEP, parts: 512, single: false });
}

#[test]
fn the_largest_object_is_ten_thousand_of_the_largest_parts() {
    let largest = plan(50_000 * GIB, None);
    assert_eq!((largest.part_size, largest.parts), (5 * GIB, 10_000));
    assert_eq!(largest.spans().last().unwrap().number.get(), PartNumber::MAX);
    refused(50_000 * GIB + 1, None, "53687091200001 bytes, more than an object may have: 50000GiB", "");
    refused(u64::MAX, Some(5 * GIB), "more than an object may have", "");
}

#[test]
fn a_part_size_outside_the_stores_limits_is_refused_whatever_the_file() {
    for size in [0, 1, 100 * GIB] {
        refused(size, Some(0), "of 0 bytes is too small", "at least 1MiB");
        refused(size, Some(MIB - 1), "of 1048575 bytes is too small", "at least 1MiB");
        refused(size, Some(512 * KIB), "of 512KiB is too small", "at least 1MiB");
        refused(size, Some(5 * GIB + 1), "too large", "at most 5GiB");
    }
}

#[test]
fn too_many_parts_are_refused_with_the_size_that_works() {
    assert_eq!(plan(10_000 * MIB, Some(MIB)).parts, 10_000);
    refused(10_000 * MIB + 1, Some(MIB), "makes 10001 parts, and the store takes 10000", "works is 2MiB");
    refused(1000 * GIB, Some(16 * MIB), "makes 64000 parts", "works is 103MiB");
    assert!(Plan::new(1000 * GIB, Some(103 * MIB), cos()).is_ok());
    assert!(Plan::new(1000 * GIB, Some(102 * MIB), cos()).is_err());
    refused(50_000 * GIB, Some(5 * GIB - 1), "makes 10001 parts", "works is 5GiB");
}

#[test]
fn there_is_no_span_beyond_the_last() {
    let plan = plan(3 * MIB - 1, Some(MIB));
    let numbers = [1, 2, 3, 4, 10_000].map(|number| plan.span(PartNumber::new(number).unwrap()));
    assert_eq!(numbers[2].unwrap().len, MIB - 1);
    assert_eq!(numbers[3..], [None, None]);
}

/// Sizes around every boundary as well as in the wide middle.
fn sizes() -> impl Strategy<Value = u64> {
    prop_oneof![
        0..100 * MIB,
        0..=50_000 * GIB,
        (0_u64..=10_000, -2_i64..=2).prop_map(|(parts, off)| { (parts * STEP).saturating_add_signed(off) })
    ]
}

fn holds(plan: &Plan, size: u64) -> Result<(), TestCaseError> {
    let limits = cos();
    let largest = if plan.single { limits.max_put } else { limits.max_part };
    let mut end = 0;
    let mut last = 0;
    for (index, span) in plan.spans().enumerate() {
        prop_assert_eq!(span.number.index(), index);
        prop_assert_eq!(span.offset, end, "no gap and no overlap");
        prop_assert!(index == 0 || last == plan.part_size, "all but the last are equal");
        prop_assert!(span.len > 0 || size == 0);
        prop_assert!(span.len <= largest);
        prop_assert_eq!(plan.span(span.number), Some(span));
        end += span.len;
        last = span.len;
    }
    prop_assert_eq!(end, size, "the file is covered exactly");
    prop_assert_eq!(plan.spans().count(), plan.parts as usize);
    prop_assert!(plan.parts >= 1 && plan.parts <= u32::from(limits.max_parts));
    prop_assert!(plan.single || plan.part_size >= limits.min_part && plan.part_size <= limits.max_part);
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn parts_cover_any_file_exactly(size in sizes()) {
        holds(&plan(size, None), size)?;
    }

    #[test]
    fn a_wish_is_kept_or_refused(size in sizes(), wish in prop_oneof![0..6 * GIB, 0..64 * MIB]) {
        match Plan::new(size, Some(wish), cos()) {
            Ok(plan) => {
                holds(&plan, size)?;
                prop_assert!(plan.single || plan.part_size == wish);
                prop_assert_eq!(plan.single, size <= wish);
            }
            Err(error) => {
                prop_assert_eq!(error.kind(), ErrorKind::Config);
                let fits = (MIB..=5 * GIB).contains(&wish) && size.div_ceil(wish) <= 10_000;
                prop_assert!(!fits, "{} {}", size, wish);
            }
        }
    }
}
