use std::{fs, path::PathBuf};

use futures::FutureExt as _;
use http_body_util::BodyExt as _;

use super::*;
use crate::{checksum::Algorithm::Crc64Xz, transfer::budget::Budget};

struct Setup {
    _dir: tempfile::TempDir,
    path: PathBuf,
    content: Vec<u8>,
    meter: Arc<Meter>,
}

fn setup(len: usize) -> Setup {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("source");
    let content: Vec<u8> = (0..len).map(|i| u8::try_from(i * 31 % 251).unwrap()).collect();
    fs::write(&path, &content).unwrap();
    Setup { _dir: dir, path, content, meter: Arc::new(Meter::default()) }
}

impl Setup {
    fn body(&self, offset: u64, len: u64, room: u32) -> PartBody {
        let source = Arc::new(FileSource::open(&self.path).unwrap());
        let room = Budget::new(u64::from(room) * FRAME as u64).reserve(room).now_or_never().unwrap();
        let supply = Supply::File { source, offset, len, frames: FramePool::new(2), room };
        PartBody::new(supply, None, Arc::clone(&self.meter), Crc64Xz)
    }
}

/// The next piece, if it is there at once.
fn next(body: &mut BoxBody) -> Option<Result<Bytes, Error>> {
    let frame = body.frame().now_or_never()?.expect("the body is not at its end");
    Some(frame.map(|frame| frame.into_data().unwrap()))
}

#[test]
fn every_attempt_gives_the_same_bytes_and_the_count_holds_one() {
    let setup = setup(3 * FRAME + 17);
    let body = setup.body(5, 2 * FRAME as u64 + 10, 2);
    for attempt in 1..=3_u64 {
        let mut open = body.open();
        assert_eq!(body.checksum(), None, "nothing is sent yet");
        assert_eq!(open.size_hint().exact(), Some(2 * FRAME as u64 + 10));
        let mut sent = Vec::new();
        while !open.is_end_stream() {
            sent.extend_from_slice(&next(&mut open).unwrap().unwrap());
            assert_eq!(open.size_hint().exact(), Some(body.len() - sent.len() as u64));
        }
        assert!(sent == setup.content[5..][..2 * FRAME + 10]);
        assert_eq!(body.checksum(), Some(Checksum::of(Crc64Xz, &sent)));
        assert_eq!(setup.meter.net(), body.len());
        assert_eq!(setup.meter.gross(), attempt * body.len());
    }
    body.take_back();
    assert_eq!(setup.meter.net(), 0);
}

#[test]
fn no_more_frames_are_out_than_there_is_room_for() {
    let setup = setup(4 * FRAME);
    let body = setup.body(0, 4 * FRAME as u64, 2);
    let mut open = body.open();
    let first = next(&mut open).unwrap().unwrap();
    let _second = next(&mut open).unwrap().unwrap();
    assert!(!body.is_backed_up());
    assert!(next(&mut open).is_none(), "a third frame waits");
    assert!(body.is_backed_up(), "and it is the network that it waits for");
    drop(first);
    assert!(next(&mut open).is_some());
    assert!(!body.is_backed_up());
}

#[test]
fn a_file_that_became_shorter_fails_the_body_and_says_why() {
    let setup = setup(2 * FRAME);
    let body = setup.body(0, 2 * FRAME as u64, 8);
    let mut open = body.open();
    assert!(next(&mut open).unwrap().is_ok());
    fs::File::options().write(true).open(&setup.path).unwrap().set_len(FRAME as u64 + 1).unwrap();
    assert_eq!(next(&mut open).unwrap().unwrap_err().kind(), ErrorKind::Source);
    let fault = body.take_fault().unwrap();
    assert!(fault.message().contains("became shorter"));
    assert!(body.take_fault().is_none(), "it is taken once");
    assert_eq!(body.checksum(), None);
}

#[test]
fn what_an_old_attempt_does_late_does_not_touch_the_new_one() {
    let setup = setup(FRAME);
    let body = setup.body(0, FRAME as u64, 1);
    let mut old = body.open();
    let _new = body.open();
    assert!(next(&mut old).unwrap().is_ok());
    assert_eq!(body.checksum(), None);
    assert_eq!(setup.meter.net(), 0);
}

#[test]
fn an_empty_body_has_its_checksum_without_being_polled() {
    let setup = setup(0);
    let body = setup.body(0, 0, 1);
    assert!(body.open().is_end_stream());
    assert_eq!(body.checksum(), Some(Checksum::empty(Crc64Xz)));
}
