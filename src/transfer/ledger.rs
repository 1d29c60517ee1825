//! Which parts the store holds, with the facts that prove them. Pure: no I/O, no clock.

use crate::{
    checksum::{Algorithm, Checksum},
    ident::{ETag, PartNumber},
};

/// A part whose answer was checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DonePart {
    pub(crate) etag: ETag,
    /// Of the bytes that were sent.
    pub(crate) checksum: Checksum,
    pub(crate) len: u64,
    /// Whether the store has told the same checksum, or has refused wrong ones; `false` if its answer was silent.
    pub(crate) proved: bool,
}

/// What is done of an upload, part by part.
#[derive(Debug)]
pub(crate) struct Ledger {
    parts: Vec<Option<DonePart>>,
    done: u32,
    confirmed: u64,
}

impl Ledger {
    /// An upload of `parts` parts, of which none is done.
    pub(crate) fn new(parts: u32) -> Self {
        Self { parts: vec![None; parts as usize], done: 0, confirmed: 0 }
    }

    /// Makes room for a part that was read of a stream: how many there will be is not known before.
    pub(crate) fn expect(&mut self, number: PartNumber) {
        let needed = self.parts.len().max(number.index() + 1);
        self.parts.resize(needed, None);
    }

    /// Enters a part. A number beyond the plan is ignored and says `false`, as does a part that was in already.
    pub(crate) fn enter(&mut self, number: PartNumber, part: DonePart) -> bool {
        match self.parts.get_mut(number.index()) {
            Some(place @ None) => {
                self.done += 1;
                self.confirmed += part.len;
                *place = Some(part);
                true
            }
            _ => false,
        }
    }

    /// Whether a part is done.
    pub(crate) fn has(&self, number: PartNumber) -> bool {
        matches!(self.parts.get(number.index()), Some(Some(_)))
    }

    /// The first part that is not done, or would be the next of a stream.
    pub(crate) fn first_missing(&self) -> Option<PartNumber> {
        let missing = self.parts.iter().position(Option::is_none);
        match missing {
            None if self.parts.is_empty() => Some(PartNumber::FIRST),
            missing => missing.and_then(PartNumber::at_index),
        }
    }

    /// Whether there is one part, and surely no more.
    pub(crate) fn is_lone(&self) -> bool {
        self.parts.len() == 1
    }

    /// How many parts are done.
    pub(crate) fn done(&self) -> u32 {
        self.done
    }

    /// How many bytes the done parts have.
    pub(crate) fn confirmed(&self) -> u64 {
        self.confirmed
    }

    /// Bytes of the largest part.
    pub(crate) fn largest(&self) -> u64 {
        self.parts.iter().flatten().map(|part| part.len).max().unwrap_or(0)
    }

    /// Whether every part is done.
    pub(crate) fn is_full(&self) -> bool {
        self.done as usize == self.parts.len()
    }

    /// Whether every part was proved by itself.
    pub(crate) fn all_proved(&self) -> bool {
        self.parts.iter().flatten().all(|part| part.proved)
    }

    /// The done parts, in order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (PartNumber, &DonePart)> {
        self.parts.iter().enumerate().filter_map(|(index, part)| Some((PartNumber::at_index(index)?, part.as_ref()?)))
    }

    /// What Complete is told.
    pub(crate) fn listing(&self) -> Vec<(PartNumber, ETag)> {
        self.iter().map(|(number, part)| (number, part.etag.clone())).collect()
    }

    /// The checksum of the whole object, from those of its parts.
    pub(crate) fn combined(&self, algorithm: Algorithm) -> Checksum {
        self.iter().fold(Checksum::empty(algorithm), |sum, (_, part)| sum.then(part.checksum, part.len))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(bytes: &[u8], etag: &str) -> DonePart {
        DonePart {
            etag: ETag::new(etag).unwrap(),
            checksum: Checksum::of(Algorithm::Crc64Xz, bytes),
            len: bytes.len() as u64,
            proved: true,
        }
    }

    fn number(n: u16) -> PartNumber {
        PartNumber::new(n).unwrap()
    }

    #[test]
    fn parts_entered_in_any_order_combine_in_their_own() {
        let mut ledger = Ledger::new(3);
        assert!(ledger.enter(number(3), part(b"789", "c")));
        assert!(ledger.enter(number(1), part(b"1234", "a")));
        assert!(!ledger.is_full());
        assert!(ledger.enter(number(2), part(b"56", "b")));
        assert!(ledger.is_full());
        assert_eq!(ledger.combined(Algorithm::Crc64Xz), Checksum::of(Algorithm::Crc64Xz, b"123456789"));
        assert_eq!(ledger.confirmed(), 9);
        let listing: Vec<String> = ledger.listing().iter().map(|(n, tag)| format!("{n}{tag}")).collect();
        assert_eq!(listing, ["1a", "2b", "3c"]);
    }

    #[test]
    fn a_part_counts_once_and_only_if_it_is_planned() {
        let mut ledger = Ledger::new(1);
        assert!(!ledger.enter(number(2), part(b"x", "b")));
        assert!(ledger.enter(number(1), part(b"x", "a")));
        assert!(!ledger.enter(number(1), part(b"x", "z")));
        assert_eq!((ledger.done(), ledger.confirmed()), (1, 1));
        assert_eq!(ledger.listing()[0].1.as_str(), "a");
    }

    #[test]
    fn the_parts_of_a_stream_are_expected_one_by_one() {
        let mut ledger = Ledger::new(0);
        assert!(ledger.is_full());
        ledger.expect(number(1));
        ledger.expect(number(2));
        ledger.expect(number(1));
        assert!(ledger.enter(number(2), part(b"34", "b")) && !ledger.is_full());
        assert!(ledger.enter(number(1), part(b"12", "a")) && ledger.is_full());
        assert_eq!(ledger.combined(Algorithm::Crc64Xz), Checksum::of(Algorithm::Crc64Xz, b"1234"));
    }

    #[test]
    fn one_silent_part_takes_the_part_checksums_off_the_proof() {
        let mut ledger = Ledger::new(2);
        ledger.enter(number(1), part(b"x", "a"));
        assert!(ledger.all_proved());
        ledger.enter(number(2), DonePart { proved: false, ..part(b"y", "b") });
        assert!(!ledger.all_proved());
    }
}
