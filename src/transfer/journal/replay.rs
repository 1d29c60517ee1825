//! From bytes that a crash may have torn to the records that are beyond doubt.

use super::record::{self, NoRecord, Record};

/// The longest prefix of a journal whose every line is whole and sound.
#[derive(Debug)]
pub(super) struct Replay {
    pub(super) records: Vec<Record>,
    /// How many bytes the records take.
    pub(super) sound: usize,
    pub(super) rest: Rest,
}

/// What comes after the sound lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rest {
    /// Nothing.
    Nothing,
    /// The beginning of a record that a crash has cut off, or space that was never written. It may be dropped.
    Torn,
    /// A damaged line, with sound lines behind it: no crash does that.
    Damaged,
    /// A sound line that this program does not know. It must not be dropped.
    Unknown,
}

/// Reads a journal. A crash can tear the last line; it must never invent a part.
pub(super) fn replay(bytes: &[u8]) -> Replay {
    let mut records = Vec::new();
    let mut sound = 0;
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let fault = match line.strip_suffix(b"\n").map(record::decode) {
            Some(Ok(record)) => {
                records.push(record);
                sound += line.len();
                continue;
            }
            Some(Err(fault)) => fault,
            None => NoRecord::Unsound,
        };
        let rest = match fault {
            NoRecord::Unknown => Rest::Unknown,
            NoRecord::Unsound if any_sound(&bytes[sound..]) => Rest::Damaged,
            NoRecord::Unsound => Rest::Torn,
        };
        return Replay { records, sound, rest };
    }
    Replay { records, sound, rest: Rest::Nothing }
}

/// Whether a line is whole. One without its end is not: the cut may have come just before it.
fn any_sound(bytes: &[u8]) -> bool {
    let mut lines = bytes.split_inclusive(|byte| *byte == b'\n').filter_map(|line| line.strip_suffix(b"\n"));
    lines.any(|line| record::decode(line) != Err(NoRecord::Unsound))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::transfer::journal::sample;

    fn journal() -> Vec<u8> {
        sample::text().into_bytes()
    }

    #[test]
    fn a_whole_journal_is_all_sound() {
        let bytes = journal();
        let whole = replay(&bytes);
        assert_eq!(whole.records, sample::records());
        assert_eq!((whole.sound, whole.rest), (bytes.len(), Rest::Nothing));
        let none = replay(b"");
        assert_eq!((none.records.len(), none.sound, none.rest), (0, 0, Rest::Nothing));
    }

    #[test]
    fn any_cut_yields_the_records_before_it_and_a_torn_tail() {
        let bytes = journal();
        let whole = sample::records();
        for cut in 0..=bytes.len() {
            let found = replay(&bytes[..cut]);
            let lines = bytes[..cut].split(|byte| *byte == b'\n').count() - 1;
            assert_eq!(found.records, whole[..lines], "cut at byte {cut}");
            let rest = if found.sound == cut { Rest::Nothing } else { Rest::Torn };
            assert_eq!(found.rest, rest, "cut at byte {cut}");
        }
    }

    #[test]
    fn any_flipped_bit_ends_the_prefix_at_its_line() {
        let mut bytes = journal();
        let whole = sample::records();
        for at in 0..bytes.len() {
            let before = bytes[..at].split(|byte| *byte == b'\n').count() - 1;
            for bit in 0..8 {
                let was = bytes[at];
                bytes[at] ^= 1 << bit;
                let found = replay(&bytes);
                assert_eq!(found.records, whole[..before], "bit {bit} of byte {at}");
                // A broken line end takes the next line along, so that the last but one leaves nothing sound behind.
                let last = before + 1 == whole.len() || was == b'\n' && before + 2 == whole.len();
                let rest = if last { Rest::Torn } else { Rest::Damaged };
                assert_eq!(found.rest, rest, "bit {bit} of byte {at}");
                bytes[at] ^= 1 << bit;
            }
        }
    }

    #[test]
    fn what_was_never_written_is_a_torn_tail() {
        let mut bytes = journal();
        let sound = bytes.len();
        bytes.extend([0; 4096]);
        let found = replay(&bytes);
        assert_eq!((found.records.len(), found.sound, found.rest), (sample::records().len(), sound, Rest::Torn));
    }

    #[test]
    fn a_line_of_a_later_version_is_told_from_damage() {
        let text = "2 {\"folded\":[1,2,3]}";
        let line = format!(
            "{text} {:016x}\n",
            crate::checksum::Checksum::of(crate::checksum::Algorithm::Crc64Xz, text.as_bytes()).get()
        );
        let mut bytes = journal();
        bytes.extend(line.as_bytes());
        assert_eq!(replay(&bytes).rest, Rest::Unknown);
        assert_eq!(replay(line.as_bytes()).rest, Rest::Unknown);
    }

    proptest! {
        #[test]
        fn any_records_read_as_they_were_written(records in prop::collection::vec(sample::any_record(), 0..20)) {
            let text: String = records.iter().map(record::encode).collect();
            let found = replay(text.as_bytes());
            prop_assert_eq!(found.records, records);
            prop_assert_eq!((found.sound, found.rest), (text.len(), Rest::Nothing));
        }

        #[test]
        fn any_bytes_are_read_without_inventing_a_record(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
            prop_assert!(replay(&bytes).records.is_empty());
        }
    }
}
