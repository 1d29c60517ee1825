//! The readers of journals and tokens, for the fuzz targets in `tests/fuzz`: built with `--cfg fuzzing` alone, and no
//! part of the library's contract.

use super::{Known, ResumeToken, record, replay::replay};

/// A journal as a crash or another program has left it.
pub fn journal(data: &[u8]) {
    let found = replay(data);
    assert!(found.sound <= data.len());
    let again = replay(&data[..found.sound]);
    assert_eq!(again.records, found.records, "the sound lines alone are the same journal");
    let known = Known::fold(&found.records);
    assert_eq!(known.is_ok(), Known::fold(&again.records).is_ok());
    if let Ok(text) = str::from_utf8(data)
        && let Ok(token) = text.parse::<ResumeToken>()
    {
        assert_eq!(token.to_string().parse::<ResumeToken>().ok(), Some(token));
    }
}

/// The same with the checksum of each line set right, which no chance would find.
pub fn sealed_journal(data: &[u8]) {
    let lines: Vec<String> =
        data.split(|byte| *byte == b'\n').filter_map(|line| str::from_utf8(line).ok()).map(record::sealed).collect();
    journal(lines.concat().as_bytes());
}
