//! The files that are uploaded; all cells read the same ones.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::cell::Cell;

/// Bytes of the last part, and of a small file.
const REST: usize = 17;

pub(crate) struct Sources {
    dir: TempDir,
    files: Vec<(PathBuf, Vec<u8>)>,
}

impl Sources {
    pub(crate) fn new() -> Self {
        Self { dir: tempfile::tempdir().unwrap(), files: Vec::new() }
    }

    /// Makes the file of a cell, unless it is there.
    pub(crate) fn make_for(&mut self, cell: &Cell) {
        let path = self.path(cell);
        if self.files.iter().all(|(known, _)| *known != path) {
            let smallest = usize::try_from(cell.dialect.limits().min_part).unwrap();
            let whole = if cell.place.is_small() { 0 } else { usize::from(cell.parts() - 1) * smallest };
            let content = pattern(whole + REST);
            std::fs::write(&path, &content).unwrap();
            self.files.push((path, content));
        }
    }

    /// The file of a cell, and what is in it.
    pub(crate) fn of(&self, cell: &Cell) -> (&Path, &[u8]) {
        let path = self.path(cell);
        let (path, content) = self.files.iter().find(|(known, _)| *known == path).unwrap();
        (path, content)
    }

    fn path(&self, cell: &Cell) -> PathBuf {
        let parts = if cell.place.is_small() { 1 } else { cell.parts() };
        self.dir.path().join(format!("{}-{parts}", cell.dialect))
    }
}

/// Bytes that do not repeat.
fn pattern(len: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        // xorshift64*
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        bytes.extend_from_slice(&state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}
