//! Which parts of an interrupted upload need not be sent again. Pure.

use std::collections::BTreeMap;

use super::record::Part;
use crate::{ident::PartNumber, wire::ListedPart};

/// The parts that both sides hold.
///
/// A part counts if the journal and the store agree on its number, its size and its ETag. Every other one is sent
/// again: what only the store has was never verified here, and what only the journal has is not there.
pub(crate) fn in_both<'a>(
    journal: &BTreeMap<PartNumber, Part>,
    store: impl IntoIterator<Item = &'a ListedPart>,
) -> BTreeMap<PartNumber, Part> {
    let same = |listed: &ListedPart| {
        let part = journal.get(&listed.number)?;
        (part.len == listed.size && part.etag == listed.etag).then(|| (part.number, part.clone()))
    };
    store.into_iter().filter_map(same).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ident::ETag, transfer::journal::sample};

    fn listed(number: u16) -> ListedPart {
        let part = sample::part(number);
        ListedPart { number: part.number, etag: part.etag, size: part.len }
    }

    #[track_caller]
    fn check(store: &[ListedPart], expected: &[u16]) {
        let journal = (1..=3).map(|number| (sample::part(number).number, sample::part(number))).collect();
        let kept = in_both(&journal, store);
        assert_eq!(
            kept.values().cloned().collect::<Vec<_>>(),
            expected.iter().map(|n| sample::part(*n)).collect::<Vec<_>>()
        );
    }

    #[test]
    fn a_part_counts_only_if_both_sides_have_the_same() {
        check(&[listed(1), listed(2), listed(3)], &[1, 2, 3]);
        check(&[], &[]);
        check(&[listed(2), listed(4)], &[2]);
        check(&[listed(1), ListedPart { size: 4, ..listed(3) }], &[1]);
        check(&[ListedPart { etag: ETag::new("other").unwrap(), ..listed(1) }, listed(3)], &[3]);
        check(&[ListedPart { number: sample::part(2).number, ..listed(1) }], &[]);
    }
}
