//! Looks at the bytes themselves: are they the same, and does the store hold any of them in the clear?

use std::{
    fs::{self, File},
    io::{self, Read, Seek as _, SeekFrom},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use memchr::memmem::Finder;

use crate::{
    cli::{drive, signals::Signals, units::show_size},
    error::{Error, ErrorKind, Result},
};

/// Whether work aside should stop.
#[derive(Clone, Debug, Default)]
pub(super) struct Stopped(Arc<AtomicBool>);

impl Stopped {
    /// Fails once it should.
    pub(super) fn check(&self) -> io::Result<()> {
        if self.0.load(Ordering::Relaxed) { Err(io::ErrorKind::Interrupted.into()) } else { Ok(()) }
    }
}

/// Ends the work aside when the one who waits for it is dropped.
struct StopOnDrop(Stopped);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

/// Runs blocking work on a thread of its own; a signal stops it.
pub(super) async fn aside<T: Send + 'static>(
    signals: &mut Signals,
    failed: &'static str,
    work: impl FnOnce(Stopped) -> io::Result<T> + Send + 'static,
) -> Result<T> {
    let stopped = Stopped::default();
    let _guard = StopOnDrop(stopped.clone());
    let thread = tokio::task::spawn_blocking(move || work(stopped));
    let outcome = async {
        thread
            .await
            .map_err(|error| Error::new(ErrorKind::Internal, failed).caused_by(error))?
            .map_err(|error| Error::new(ErrorKind::Source, failed).caused_by(error))
    };
    drive::or_stopped(outcome, signals).await
}

/// Fails unless both files hold the same bytes.
pub(super) async fn same_bytes(one: &Path, two: &Path, signals: &mut Signals) -> Result<()> {
    let (one, two) = (one.to_owned(), two.to_owned());
    match aside(signals, "cannot compare the files", move |stopped| first_difference(&one, &two, &stopped)).await? {
        None => Ok(()),
        Some(at) => Err(Error::new(ErrorKind::Integrity, format!("what was read back differs at byte {at}"))),
    }
}

/// Says that no sample of the file is in the store's folder.
///
/// # Errors
/// `Encryption` if one is.
pub(super) async fn plain_text_in(file: &Path, stored: &Path, signals: &mut Signals) -> Result<String> {
    let (file, stored) = (file.to_owned(), stored.to_owned());
    let search = aside(signals, "cannot search the store's folder", move |stopped| {
        let samples = samples(&file)?;
        if samples.is_empty() {
            return Ok(None);
        }
        let mut search = Search { samples: samples.iter().map(Finder::new).collect(), bytes: 0, found: None };
        search.folder(&stored, &stopped)?;
        Ok(Some((search.samples.len(), search.bytes, search.found)))
    });
    match search.await? {
        None => Ok("the file is too short to be told from chance".to_owned()),
        Some((count, bytes, None)) => {
            Ok(format!("none of {count} samples of the file is in the {} that the store keeps", show_size(bytes)))
        }
        Some((_, _, Some(path))) => Err(Error::new(
            ErrorKind::Encryption,
            format!("the store keeps the file's bytes in the clear, in {}", path.display()),
        )),
    }
}

/// Samples shorter than this could be met by chance.
const SAMPLE: usize = 32;

/// Some stretches of the file, from its start to its end.
fn samples(path: &Path) -> io::Result<Vec<[u8; SAMPLE]>> {
    const COUNT: u64 = 8;
    let mut file = File::open(path)?;
    let Some(last) = file.metadata()?.len().checked_sub(SAMPLE as u64) else { return Ok(Vec::new()) };
    let mut samples = Vec::new();
    for index in 0..COUNT {
        file.seek(SeekFrom::Start(last / (COUNT - 1) * index))?;
        let mut sample = [0; SAMPLE];
        file.read_exact(&mut sample)?;
        if !samples.contains(&sample) {
            samples.push(sample);
        }
    }
    Ok(samples)
}

struct Search<'a> {
    samples: Vec<Finder<'a>>,
    bytes: u64,
    found: Option<PathBuf>,
}

impl Search<'_> {
    fn folder(&mut self, folder: &Path, stopped: &Stopped) -> io::Result<()> {
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            let kind = entry.file_type()?;
            if kind.is_dir() {
                self.folder(&entry.path(), stopped)?;
            } else if kind.is_file() {
                self.file(&entry.path(), stopped)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path, stopped: &Stopped) -> io::Result<()> {
        let mut file = File::open(path)?;
        let mut block = vec![0_u8; 1 << 20];
        // What might be the start of a sample stays in front of the next block.
        let mut kept = 0;
        loop {
            stopped.check()?;
            let read = file.read(&mut block[kept..])?;
            if read == 0 {
                return Ok(());
            }
            self.bytes += read as u64;
            let filled = kept + read;
            if self.samples.iter().any(|sample| sample.find(&block[..filled]).is_some()) {
                self.found = Some(path.to_owned());
                return Ok(());
            }
            kept = filled.min(SAMPLE - 1);
            block.copy_within(filled - kept..filled, 0);
        }
    }
}

fn first_difference(one: &Path, two: &Path, stopped: &Stopped) -> io::Result<Option<u64>> {
    let (mut one, mut two) = (File::open(one)?, File::open(two)?);
    let (mut left, mut right) = (vec![0; 1 << 20], vec![0; 1 << 20]);
    let mut at = 0;
    loop {
        stopped.check()?;
        let (here, there) = (read_full(&mut one, &mut left)?, read_full(&mut two, &mut right)?);
        if left[..here] != right[..there] {
            let same = left[..here].iter().zip(&right[..there]).take_while(|(left, right)| left == right).count();
            return Ok(Some(at + same as u64));
        }
        if here == 0 {
            return Ok(None);
        }
        at += here as u64;
    }
}

fn read_full(file: &mut File, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match file.read(&mut buffer[filled..])? {
            0 => break,
            more => filled += more,
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
        let path = folder.join(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    #[test]
    fn the_first_difference_is_found_wherever_it_is() {
        let folder = tempfile::tempdir().unwrap();
        let bytes = vec![7; (1 << 20) + 10];
        let one = file(folder.path(), "one", &bytes);
        let difference = |other: &[u8]| {
            let two = file(folder.path(), "two", other);
            first_difference(&one, &two, &Stopped::default()).unwrap()
        };
        assert_eq!(difference(&bytes), None);
        assert_eq!(difference(&bytes[1..]), Some((1 << 20) + 9));
        assert_eq!(difference(&[]), Some(0));
        let mut other = bytes.clone();
        other[1 << 20] = 8;
        assert_eq!(difference(&other), Some(1 << 20));
    }

    #[test]
    fn a_sample_is_found_even_across_two_blocks() {
        let folder = tempfile::tempdir().unwrap();
        let secret: Vec<u8> = (0..=255).collect();
        let source = file(folder.path(), "source", &secret);
        let store = folder.path().join("store");
        fs::create_dir_all(store.join("deep")).unwrap();
        let samples = samples(&source).unwrap();
        assert_eq!(samples.len(), 8);
        let found = || {
            let mut search = Search { samples: samples.iter().map(Finder::new).collect(), bytes: 0, found: None };
            search.folder(&store, &Stopped::default()).unwrap();
            search.found
        };
        let mut kept = vec![0; (1 << 20) + 500];
        file(&store.join("deep"), "object", &kept);
        assert_eq!(found(), None);
        let last = samples.last().unwrap();
        kept[(1 << 20) - 16..][..SAMPLE].copy_from_slice(last);
        let path = file(&store.join("deep"), "object", &kept);
        assert_eq!(found(), Some(path));
    }
}
