//! The readers of profiles and of answers with keys, for the fuzz targets in `tests/fuzz`: built with `--cfg fuzzing`
//! alone, and no part of the library's contract.

use super::{
    answer::{Answer, Needs},
    profile,
};
use crate::credentials::ini;

/// A file with profiles.
pub fn profiles(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    let Ok(sections) = ini::parse(text) else { return };
    for section in &sections {
        let _ = profile::profile_of(section.name);
        for (name, value) in section.settings() {
            assert!(section.get(name).is_some() && profile::without_comment(value).len() <= value.len());
        }
    }
    let _ = ini::find(&sections, "default", "aws_access_key_id");
}

/// An answer of a container's service, of a machine's, or of a command.
pub fn answers(data: &[u8]) {
    for needs in [Needs::Keys, Needs::Temporary] {
        let Some(answer) = Answer::parse(data) else { return };
        assert!(answer.refusal().is_none_or(|code| code.len() <= 64));
        if let Ok(fresh) = answer.keys(needs) {
            assert!(needs == Needs::Keys || fresh.expires.is_some());
        }
    }
}
