//! What the records of a journal amount to. Pure: a fold, without I/O and without a clock.

use std::collections::BTreeMap;

use super::{
    identity::Identity,
    record::{Initiated, Part, Record},
};
use crate::{
    error::{Error, ErrorKind, Result},
    ident::PartNumber,
};

/// All that is known of an upload from its journal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Known {
    /// What is uploaded, where to and how.
    pub identity: Identity,
    /// The store's answer to Initiate, once it came.
    pub upload: Option<Initiated>,
    /// The finished parts.
    pub parts: BTreeMap<PartNumber, Part>,
    /// How far it has come.
    pub stage: Standing,
}

/// How far an upload has come.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Standing {
    /// Initiate may have been sent, and its answer is not known: an upload of this key may be in the store.
    Initiating,
    /// The upload is open.
    Open,
    /// Complete may have been sent, and its answer is not known.
    Completing,
    /// The object is there.
    Completed,
    /// The upload is gone.
    Ended(String),
}

impl Known {
    /// Folds records into what they amount to; `None` for no records.
    ///
    /// # Errors
    /// `Journal` if they contradict each other: no upload has gone that way.
    pub fn fold<'a>(records: impl IntoIterator<Item = &'a Record>) -> Result<Option<Self>> {
        let mut known = None;
        for (at, record) in records.into_iter().enumerate() {
            let next = match known.take() {
                None => Self::begin(record),
                Some(known) => Self::step(known, record),
            };
            known = Some(next.map_err(|why| contradiction(at + 1, why))?);
        }
        Ok(known)
    }

    /// Takes one more record, or says why it cannot follow.
    pub(super) fn step(mut self, record: &Record) -> Result<Self, &'static str> {
        use Standing::{Completed, Completing, Ended, Initiating, Open};
        // Only then: counting at every part would take the square of their number.
        let full = *record == Record::Completing && self.bytes() == self.identity.source.size;
        self.stage = match (self.stage, record) {
            (Completed | Ended(_), _) => return Err("something follows the end"),
            (_, Record::Initiating(_)) => return Err("it begins twice"),
            (Initiating, Record::Initiated(answer)) => {
                self.upload = Some(answer.clone());
                Open
            }
            (Initiating, Record::Part(_)) => return Err("it has a part before the upload was open"),
            // A part after a try to complete: the store was looked at, and the upload found alive without that part.
            (Open | Completing, Record::Part(part)) => {
                if self.identity.part_len(part.number) != Some(part.len) {
                    return Err("it has a part that the plan has not");
                }
                self.parts.insert(part.number, part.clone());
                Open
            }
            (Open | Completing, Record::Completing) if full => Completing,
            (_, Record::Completing) => return Err("it was to be completed before all parts were there"),
            (Completing, Record::Completed) => Completed,
            (_, Record::Completed) => return Err("it was completed without being asked to"),
            (Initiating | Open | Completing, Record::Ended { why }) => Ended(why.clone()),
            (_, Record::Initiated(_)) => return Err("it was opened twice"),
        };
        Ok(self)
    }

    /// How many bytes the finished parts have.
    pub fn bytes(&self) -> u64 {
        self.parts.values().map(|part| part.len).sum()
    }

    /// Whether nothing of it can be in the store any more but a finished object.
    pub fn is_over(&self) -> bool {
        matches!(self.stage, Standing::Completed | Standing::Ended(_))
    }

    fn begin(record: &Record) -> Result<Self, &'static str> {
        match record {
            Record::Initiating(identity) => Ok(Self {
                identity: (**identity).clone().placed(),
                upload: None,
                parts: BTreeMap::new(),
                stage: Standing::Initiating,
            }),
            _ => Err("its beginning is missing"),
        }
    }
}

pub(super) fn contradiction(at: usize, why: &'static str) -> Error {
    Error::new(ErrorKind::Journal, format!("the journal contradicts itself at record {at}: {why}"))
        .with_hint("start the upload anew; what it has left in the store can be listed and removed there")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::journal::sample;

    fn fold(records: &[Record]) -> Result<Option<Known>> {
        Known::fold(records)
    }

    #[track_caller]
    fn refused(records: &[Record], why: &str) {
        let error = fold(records).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Journal);
        assert!(error.message().contains(why), "{error}");
    }

    #[test]
    fn no_records_are_no_upload() {
        assert_eq!(fold(&[]).unwrap(), None);
    }

    #[test]
    fn each_record_moves_the_upload_on() {
        use Standing::{Completed, Completing, Initiating, Open};
        let records = sample::records();
        let expected = [Initiating, Open, Open, Open, Open, Completing, Completed];
        for (count, stage) in (1..).zip(expected) {
            let known = fold(&records[..count]).unwrap().unwrap();
            assert_eq!(known.stage, stage, "after {count} records");
            assert_eq!(known.upload.is_some(), count > 1);
            assert_eq!(known.parts.len(), count.clamp(2, 5) - 2);
            assert_eq!(known.is_over(), count == records.len());
        }
        let known = fold(&records).unwrap().unwrap();
        assert_eq!(known.bytes(), known.identity.source.size);
    }

    #[test]
    fn a_part_that_was_sent_again_counts_as_it_is_now() {
        let [initiating, initiated, first, ..] = sample::records();
        let again = Part { etag: crate::ident::ETag::new("again").unwrap(), ..sample::part(1) };
        let known = fold(&[initiating, initiated, first, Record::Part(again.clone())]).unwrap().unwrap();
        assert_eq!(known.parts.values().collect::<Vec<_>>(), [&again]);
    }

    #[test]
    fn a_part_after_a_try_to_complete_opens_the_upload_again() {
        let mut records = sample::records().to_vec();
        records.pop();
        records.push(Record::Part(sample::part(1)));
        assert_eq!(fold(&records).unwrap().unwrap().stage, Standing::Open);
        records.push(Record::Completing);
        records.push(Record::Completing);
        records.push(Record::Completed);
        assert!(fold(&records).unwrap().unwrap().is_over());
    }

    #[test]
    fn an_upload_can_end_at_any_moment_and_only_once() {
        let records = sample::records();
        let ended = || Record::Ended { why: "aborted".to_owned() };
        for count in 1..records.len() {
            let mut some = records[..count].to_vec();
            some.push(ended());
            assert_eq!(fold(&some).unwrap().unwrap().stage, Standing::Ended("aborted".to_owned()));
            some.push(ended());
            refused(&some, "follows the end");
        }
    }

    #[test]
    fn the_upload_of_a_stream_has_no_parts_and_comes_to_its_end_all_the_same() {
        use crate::transfer::journal::{SourceState, record};
        let [_, initiated, part, .., completing, completed] = sample::records();
        let mut identity = sample::identity();
        assert!(!identity.source.is_stream());
        identity.source = SourceState::stream();
        let initiating = Record::Initiating(Box::new(identity));
        let line = record::encode(&initiating);
        assert!(line.contains(r#""path":"-""#), "{line}");
        assert_eq!(record::decode(line.trim_end().as_bytes()), Ok(initiating.clone()));
        let known = fold(&[initiating.clone(), initiated.clone()]).unwrap().unwrap();
        assert!(known.identity.source.is_stream());
        refused(&[initiating.clone(), initiated.clone(), part], "the plan has not");
        let whole = [initiating, initiated, completing, completed];
        assert_eq!(fold(&whole[..3]).unwrap().unwrap().stage, Standing::Completing);
        assert!(fold(&whole).unwrap().unwrap().is_over());
    }

    #[test]
    fn what_no_upload_does_is_refused() {
        let [initiating, initiated, one, two, three, completing, completed] = sample::records();
        refused(std::slice::from_ref(&initiated), "beginning is missing");
        refused(&[initiating.clone(), initiating.clone()], "begins twice");
        refused(&[initiating.clone(), one.clone()], "before the upload was open");
        refused(&[initiating.clone(), initiated.clone(), initiated.clone()], "opened twice");
        refused(&[initiating.clone(), completing.clone()], "before all parts");
        refused(&[initiating.clone(), initiated.clone(), one.clone(), two.clone(), completing.clone()], "all parts");
        let open = [initiating, initiated, one, two, three];
        let with = |more: &[Record]| [&open[..], more].concat();
        refused(&with(std::slice::from_ref(&completed)), "without being asked");
        refused(&with(&[completing, completed.clone(), completed]), "follows the end");
        for part in [
            sample::part(4),
            Part { len: 1, ..sample::part(1) },
            Part { len: sample::PART_SIZE, ..sample::part(3) },
            sample::part(PartNumber::MAX),
        ] {
            refused(&with(&[Record::Part(part)]), "the plan has not");
        }
    }
}
