//! All that is known of an upload, as one text.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::{
    Known, Record, record,
    replay::{Rest, replay},
};
use crate::error::{Error, ErrorKind, Result};

/// All that is needed to go on with an upload, in another process or on another machine that has the same file.
///
/// Its text has the form of a journal: about 140 bytes for each finished part. It holds no key, no credential and no
/// signature: who goes on with the upload has to bring them. It does hold names: of the file, the bucket and the
/// object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResumeToken(Vec<Record>);

impl ResumeToken {
    pub(super) fn new(records: Vec<Record>) -> Self {
        Self(records)
    }

    pub(super) fn records(&self) -> &[Record] {
        &self.0
    }
}

impl fmt::Display for ResumeToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|record| f.write_str(&record::encode(record)))
    }
}

impl FromStr for ResumeToken {
    type Err = Error;

    /// Reads a token whole. Unlike a file that a crash has torn, one that was cut was kept badly.
    fn from_str(text: &str) -> Result<Self> {
        let found = replay(text.as_bytes());
        let why = match found.rest {
            Rest::Nothing => {
                Known::fold(&found.records)?;
                return Ok(Self(found.records));
            }
            Rest::Torn | Rest::Damaged => "it is cut or damaged",
            Rest::Unknown => "another version of sealift has written it",
        };
        Err(Error::new(ErrorKind::Journal, format!("the resume token cannot be used: {why}"))
            .with_hint("keep the text of a token exactly as it is, line ends included"))
    }
}

impl Serialize for ResumeToken {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ResumeToken {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        String::deserialize(from)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transfer::journal::{Journal as _, MemoryJournal, sample};

    #[test]
    fn a_token_goes_on_where_it_was_taken() {
        let mut journal = MemoryJournal::new();
        for record in &sample::records()[..4] {
            journal.append(record).unwrap();
        }
        let kept = serde_json::to_string(&journal.token()).unwrap();
        journal.append(&Record::Part(sample::part(2))).unwrap();
        let token: ResumeToken = serde_json::from_str(&kept).unwrap();
        let again = MemoryJournal::from_token(&token);
        assert_eq!(again.token(), token);
        assert_eq!(again.known().unwrap().unwrap().parts.len(), 2);
        assert_eq!(journal.known().unwrap().unwrap().parts.len(), 3);
        journal.remove().unwrap();
        assert_eq!(journal.known().unwrap(), None);
    }

    #[test]
    fn a_token_that_was_cut_or_changed_is_refused() {
        let text = sample::text();
        assert_eq!(text.parse::<ResumeToken>().unwrap().to_string(), text);
        for bad in
            [&text[..text.len() - 1], &text[1..], &text.replace("16777216", "16777217"), &text.replace('\n', " ")]
        {
            assert_eq!(bad.parse::<ResumeToken>().unwrap_err().kind(), ErrorKind::Journal);
        }
        let twice = text.repeat(2);
        assert!(twice.parse::<ResumeToken>().unwrap_err().message().contains("follows the end"));
    }
}
