use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    time::{Duration, SystemTime},
};

use tempfile::TempDir;

use super::*;

fn file(content: &[u8]) -> (TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("source.bin");
    fs::write(&path, content).unwrap();
    (dir, path)
}

#[track_caller]
fn fails_with(outcome: Result<impl std::fmt::Debug>, part_of_message: &str) {
    let error = outcome.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Source);
    assert!(error.message().contains(part_of_message), "{}", error.message());
}

fn set_modified(path: &Path, to: SystemTime) {
    File::options().write(true).open(path).unwrap().set_modified(to).unwrap();
}

#[test]
fn only_a_regular_file_is_opened() {
    let dir = tempfile::tempdir().unwrap();
    fails_with(FileSource::open(dir.path()), "is a directory");
    fails_with(FileSource::open(&dir.path().join("none")), "cannot open");
    let pipe = dir.path().join("pipe");
    rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RUSR).unwrap();
    fails_with(FileSource::open(&pipe), "not a regular file");
    fails_with(FileSource::open(Path::new("/dev/null")), "not a regular file");
}

#[test]
fn it_reads_from_anywhere_and_says_when_the_end_came_too_early() {
    let (_dir, path) = file(b"0123456789");
    let source = FileSource::open(&path).unwrap();
    let mut buffer = [0; 4];
    source.read_exact_at(&mut buffer, 6).unwrap();
    assert_eq!(&buffer, b"6789");
    fails_with(source.read_exact_at(&mut buffer, 7), "became shorter");
}

#[test]
fn growing_shrinking_and_writing_are_seen() {
    let (_dir, path) = file(b"0123456789");
    let source = FileSource::open(&path).unwrap();
    assert_eq!(source.check().unwrap(), Drift::None);
    fs::write(&path, b"0123456789A").unwrap();
    fails_with(source.check(), "grew");
    fs::write(&path, b"012").unwrap();
    fails_with(source.check(), "became shorter");
    fs::write(&path, b"0123456780").unwrap();
    set_modified(&path, SystemTime::UNIX_EPOCH + Duration::from_secs(9));
    fails_with(source.check(), "was modified");
}

#[test]
fn another_file_in_its_place_is_seen() {
    let (dir, path) = file(b"0123456789");
    let source = FileSource::open(&path).unwrap();
    let other = dir.path().join("other");
    fs::write(&other, b"0123456789").unwrap();
    fs::rename(&other, &path).unwrap();
    fails_with(source.check(), "was replaced");
    fs::remove_file(&path).unwrap();
    fails_with(source.check(), "was removed");
}

#[test]
fn a_changed_mode_is_a_touch_and_so_is_a_time_set_back() {
    let (_dir, path) = file(b"0123456789");
    let source = FileSource::open(&path).unwrap();
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    // The clock of a file system may tick only every few milliseconds.
    while source.check().unwrap() == Drift::None {
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    }
    fs::write(&path, b"012345678X").unwrap();
    set_modified(&path, modified);
    assert!(matches!(source.check().unwrap(), Drift::Touched(_)), "{}", path.display());
}

#[test]
fn bytes_behind_the_told_size_are_found() {
    let source = FileSource::open(Path::new("/proc/self/status")).unwrap();
    assert_eq!(source.size(), 0);
    fails_with(source.check_end(), "more bytes");
    let (_dir, path) = file(b"0123456789");
    FileSource::open(&path).unwrap().check_end().unwrap();
}
