//! Places that a file can take, places that none can, and what is left behind: nothing.

use std::{error::Error as _, io::Read as _, os::unix::fs::symlink};

use tempfile::TempDir;

use super::*;

fn listing(dir: &TempDir) -> Vec<String> {
    let names = fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = names.collect();
    names.sort();
    names
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

async fn written(to: &Path, pieces: &[&'static [u8]]) -> Target {
    let mut target = Target::open(Some(to)).unwrap();
    for piece in pieces {
        target.write(Bytes::from_static(piece)).await.unwrap();
    }
    target
}

#[track_caller]
fn refused(to: &Path, kind: ErrorKind, says: &str) {
    let error = Target::open(Some(to)).unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.message().contains(says), "{error}");
    assert!(error.hint().is_some() || error.source().is_some());
}

#[tokio::test]
async fn a_file_takes_its_place_only_at_the_end() {
    let dir = TempDir::new().unwrap();
    let to = dir.path().join("object");
    let target = written(&to, &[b"one ", b"", b"two"]).await;
    assert!(!to.exists());
    assert_eq!(listing(&dir).len(), 1);
    target.finish().await.unwrap();
    assert_eq!(fs::read(&to).unwrap(), b"one two");
    assert_eq!(listing(&dir), ["object"]);
    assert_eq!(mode(&to) & 0o077, 0, "only its owner reads it");
}

#[tokio::test]
async fn the_end_of_a_file_has_one_point_to_wait_and_the_place_changes_only_after_it() {
    let dir = TempDir::new().unwrap();
    let to = dir.path().join("object");
    fs::write(&to, b"old").unwrap();
    let target = written(&to, &[b"new"]).await;
    let mut finish = std::pin::pin!(target.finish());
    let mut waited = 0;
    std::future::poll_fn(|cx| {
        let polled = finish.as_mut().poll(cx);
        if polled.is_pending() {
            waited += 1;
            assert_eq!(fs::read(&to).unwrap(), b"old", "dropped here, the download would have changed the place");
        }
        polled
    })
    .await
    .unwrap();
    assert!(waited > 0);
    assert_eq!(fs::read(&to).unwrap(), b"new");
}

#[tokio::test]
async fn an_old_file_stays_until_the_end_and_passes_its_permissions_on() {
    let dir = TempDir::new().unwrap();
    let to = dir.path().join("object");
    fs::write(&to, b"old").unwrap();
    fs::set_permissions(&to, fs::Permissions::from_mode(0o640)).unwrap();
    let target = written(&to, &[b"new"]).await;
    assert_eq!(fs::read(&to).unwrap(), b"old");
    target.finish().await.unwrap();
    assert_eq!((fs::read(&to).unwrap().as_slice(), mode(&to)), (b"new".as_slice(), 0o640));
}

#[tokio::test]
async fn what_is_dropped_leaves_nothing_behind() {
    let dir = TempDir::new().unwrap();
    let to = dir.path().join("object");
    fs::write(&to, b"old").unwrap();
    drop(written(&to, &[b"half"]).await);
    assert_eq!(listing(&dir), ["object"]);
    assert_eq!(fs::read(&to).unwrap(), b"old");
}

#[tokio::test]
async fn a_place_that_is_lost_under_way_leaves_nothing_behind() {
    let dir = TempDir::new().unwrap();
    let to = dir.path().join("object");
    let target = written(&to, &[b"bytes"]).await;
    fs::create_dir(&to).unwrap();
    assert_eq!(target.finish().await.unwrap_err().kind(), ErrorKind::Source);
    assert_eq!(listing(&dir), ["object"]);
}

#[tokio::test]
async fn a_link_is_followed_and_stays_a_link() {
    let (dir, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let (link, real) = (dir.path().join("link"), other.path().join("real"));
    fs::write(&real, b"old").unwrap();
    symlink(&real, &link).unwrap();
    written(&link, &[b"new"]).await.finish().await.unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(fs::read(&real).unwrap(), b"new");
}

#[test]
fn places_that_no_file_can_take_are_refused_at_once() {
    let dir = TempDir::new().unwrap();
    let at = |name: &str| dir.path().join(name);
    symlink(at("nowhere"), at("dangling")).unwrap();
    fs::write(at("file"), b"x").unwrap();
    fs::write(at("protected"), b"x").unwrap();
    fs::set_permissions(at("protected"), fs::Permissions::from_mode(0o444)).unwrap();

    refused(dir.path(), ErrorKind::Config, "is a folder");
    refused(Path::new("/"), ErrorKind::Config, "is a folder");
    refused(Path::new(""), ErrorKind::Config, "has no name");
    refused(Path::new("/dev/null"), ErrorKind::Config, "not a regular file");
    refused(&at("dangling"), ErrorKind::Config, "leads nowhere");
    refused(&at("missing/object"), ErrorKind::Config, "there is no folder");
    refused(&at("new/"), ErrorKind::Config, "is no folder yet");
    refused(&at("file/object"), ErrorKind::Source, "cannot look at");
    refused(&at("protected"), ErrorKind::Config, "write-protected");
    assert_eq!(listing(&dir), ["dangling", "file", "protected"]);
}

#[tokio::test]
async fn bytes_for_a_pipe_go_out_at_once_and_a_failure_says_so() {
    let (mut reader, writer) = io::pipe().unwrap();
    let mut target = Target::Pipe(Arc::new(File::from(std::os::fd::OwnedFd::from(writer))));
    target.write(Bytes::from_static(b"early")).await.unwrap();
    let mut out = [0; 5];
    reader.read_exact(&mut out).unwrap();
    assert_eq!(&out, b"early");
    let error = target.warn(Error::new(ErrorKind::Integrity, "wrong"));
    assert!(error.hint().unwrap().contains("discard"));

    drop(reader);
    assert_eq!(target.write(Bytes::from_static(b"late")).await.unwrap_err().kind(), ErrorKind::Source);
    target.finish().await.unwrap();
}

#[tokio::test]
async fn a_place_that_takes_no_bytes_is_told_with_a_remedy() {
    let dir = tempfile::tempdir().unwrap();
    let to = dir.path().join("object");
    let mut target = Target::open(Some(&to)).unwrap();
    // What is open for reading only stands for a disk that is full: the kernel refuses the write.
    if let Target::File(staged) = &mut target {
        staged.file = Arc::new(File::open(&staged.path).unwrap());
    }
    let error = target.write(Bytes::from_static(b"bytes")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Source);
    assert!(error.hint().is_some_and(|hint| hint.contains("name another file")), "{error:?}");
    let full = failed("cannot write", &to, io::ErrorKind::StorageFull.into());
    assert!(full.hint().is_some_and(|hint| hint.contains("make room")), "{full:?}");
}
