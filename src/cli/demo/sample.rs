//! Something to upload.

use std::{
    fs::File,
    io::{self, Write as _},
    path::{Path, PathBuf},
};

use super::proof::{Stopped, aside};
use crate::{
    cli::{signals::Signals, units::show_size},
    error::{Error, ErrorKind, Result},
};

/// Refuses what the temporary folder cannot hold.
pub(super) fn room_for(folder: &Path, bytes: u64, copies: u64) -> Result<()> {
    let Ok(room) = rustix::fs::statvfs(folder) else { return Ok(()) };
    let free = room.f_bavail.saturating_mul(room.f_frsize);
    let needed = bytes.saturating_mul(copies).saturating_add(16 << 20);
    if free < needed {
        let place = folder.parent().unwrap_or(folder).display();
        let message = format!("{} are needed in {place}, and {} are free", show_size(needed), show_size(free));
        return Err(
            Error::new(ErrorKind::Source, message).with_hint("set TMPDIR to a larger disk, or give a smaller --size")
        );
    }
    Ok(())
}

/// Fills a file with bytes that look random and differ in every run.
pub(super) async fn generate(path: &Path, bytes: u64, signals: &mut Signals) -> Result<()> {
    let path: PathBuf = path.to_owned();
    aside(signals, "cannot make the sample", move |stopped| fill(&path, bytes, &stopped)).await
}

fn fill(path: &Path, bytes: u64, stopped: &Stopped) -> io::Result<()> {
    let mut random = fastrand::Rng::with_seed(getrandom::u64().map_err(io::Error::other)?);
    let mut file = File::create_new(path)?;
    let mut block = vec![0_u8; 1 << 20];
    let mut left = bytes;
    while left > 0 {
        stopped.check()?;
        random.fill(&mut block);
        let now = usize::try_from(left).unwrap_or(usize::MAX).min(block.len());
        file.write_all(&block[..now])?;
        left -= now as u64;
    }
    file.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_has_its_exact_size_and_never_repeats() {
        let folder = tempfile::tempdir().unwrap();
        let (one, two) = (folder.path().join("one"), folder.path().join("two"));
        for path in [&one, &two] {
            fill(path, (1 << 20) + 3, &Stopped::default()).unwrap();
        }
        let (one, two) = (std::fs::read(one).unwrap(), std::fs::read(two).unwrap());
        assert_eq!(one.len(), (1 << 20) + 3);
        assert_ne!(one, two);
        assert!(one.chunks(64).all(|stretch| stretch.iter().any(|byte| *byte != 0)));
    }
}
