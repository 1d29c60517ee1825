//! Streams that come in any pieces, end anywhere, fail, panic and are silent.

use std::collections::VecDeque;

use futures::FutureExt as _;

use super::*;
use crate::checksum::Algorithm::Crc64Xz;
use crate::transfer::budget::Budget;

/// Gives out pieces as they were put in; an error where one was.
struct Pieces(VecDeque<io::Result<Vec<u8>>>);

impl Pieces {
    fn of(sizes: &[usize]) -> Self {
        let mut value = 0_u8;
        let mut piece = |len: &usize| {
            (0..*len)
                .map(|_| {
                    value = value.wrapping_mul(31).wrapping_add(7);
                    value
                })
                .collect::<Vec<u8>>()
        };
        Self(sizes.iter().map(|len| Ok(piece(len))).collect())
    }

    fn content(&self) -> Vec<u8> {
        self.0.iter().flatten().flatten().copied().collect()
    }
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(piece) = self.0.pop_front() else { return Ok(0) };
        let mut piece = piece?;
        let len = piece.len().min(buffer.len());
        buffer[..len].copy_from_slice(&piece[..len]);
        let rest = piece.split_off(len);
        if !rest.is_empty() {
            self.0.push_front(Ok(rest));
        }
        Ok(len)
    }
}

impl AsyncRead for Pieces {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let read = self.get_mut().read(buffer.initialize_unfilled())?;
        buffer.advance(read);
        Poll::Ready(Ok(()))
    }
}

const KINDS: [fn(Pieces) -> Feed; 2] = [|it| Feed::Async(Box::new(it)), |it| Feed::Blocking(Box::new(it))];

fn order(budget: &Budget, len: u64) -> Order {
    let room = budget.reserve(frames_of(len)).now_or_never().expect("there is room");
    Order { offset: 0, len, room, frames: FramePool::new(64), algorithm: Crc64Xz, md5: true, stop: Stop::default() }
}

fn budget() -> Budget {
    Budget::new(64 * FRAME as u64)
}

fn bytes(held: &Held) -> Vec<u8> {
    let mut all = Vec::new();
    while (all.len() as u64) < held.len {
        let frame = held.frame_at(all.len() as u64);
        assert!(!frame.is_empty());
        all.extend_from_slice(&frame);
    }
    all
}

#[tokio::test]
async fn parts_are_the_stream_whatever_pieces_it_comes_in() {
    const PART: usize = 2 * FRAME + 5;
    for make in KINDS {
        for sizes in [
            &[][..],
            &[1],
            &[PART],
            &[PART - 1],
            &[PART, 1],
            &[FRAME, FRAME, 5],
            &[FRAME - 1, 3, FRAME, FRAME],
            &[3 * PART + 17],
        ] {
            let pieces = Pieces::of(sizes);
            let content = pieces.content();
            let budget = budget();
            let mut feed = make(pieces);
            let mut came = Vec::new();
            loop {
                let (back, held) = feed.read(order(&budget, PART as u64)).await.unwrap();
                feed = back;
                let part = bytes(&held);
                assert_eq!(held.checksum, Checksum::of(Crc64Xz, &part));
                assert_eq!(held.md5.as_deref(), Some(&*BASE64_STANDARD.encode(Md5::digest(&part))));
                came.extend_from_slice(&part);
                if held.len < PART as u64 {
                    break;
                }
            }
            assert!(came == content, "{sizes:?}");
            assert!(budget.reserve(budget.frames()).now_or_never().is_some(), "all room comes home");
        }
    }
}

#[tokio::test]
async fn a_part_holds_its_room_until_its_last_frame_is_gone() {
    let budget = budget();
    let (_, held) = KINDS[0](Pieces::of(&[FRAME + 1])).read(order(&budget, 2 * FRAME as u64)).await.unwrap();
    assert!(budget.reserve(63).now_or_never().is_none());
    drop(held);
    assert!(budget.reserve(64).now_or_never().is_some());
}

#[tokio::test]
async fn a_stream_that_fails_says_where_and_why() {
    for make in KINDS {
        let mut pieces = Pieces::of(&[FRAME + 3]);
        pieces.0.push_back(Err(io::Error::from(io::ErrorKind::Interrupted)));
        pieces.0.push_back(Err(io::Error::other("the line is cut")));
        let budget = budget();
        let error = make(pieces).read(Order { offset: 100, ..order(&budget, 4 * FRAME as u64) }).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Source);
        assert!(error.message().contains(&format!("at byte {}", 100 + FRAME + 3)), "{error}");
        assert!(std::error::Error::source(&error).unwrap().to_string().contains("the line is cut"));
        assert!(budget.reserve(64).now_or_never().is_some());
    }
}

struct Panics;

impl Read for Panics {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        panic!("on purpose")
    }
}

impl AsyncRead for Panics {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        panic!("on purpose")
    }
}

#[tokio::test]
async fn a_reader_that_panics_is_a_source_that_failed() {
    for feed in [Feed::Async(Box::new(Panics)), Feed::Blocking(Box::new(Panics))] {
        let error = feed.read(order(&budget(), 5)).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Source, "{error}");
    }
}

struct Boasts;

impl Read for Boasts {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(buffer.len() + 1000)
    }
}

#[tokio::test]
async fn a_reader_that_claims_too_much_overruns_nothing() {
    let (_, held) = Feed::Blocking(Box::new(Boasts)).read(order(&budget(), FRAME as u64 + 5)).await.unwrap();
    assert_eq!(bytes(&held).len(), FRAME + 5);
}

#[tokio::test]
async fn a_stream_that_never_stops_hears_a_wish_to_stop() {
    for make in [|| Feed::Async(Box::new(tokio::io::repeat(7))), || Feed::Blocking(Box::new(io::repeat(7)))] {
        let mut feed: Feed = make();
        let stop = Stop::default();
        for _ in 0..3 {
            let (back, _) = feed.read(Order { stop: stop.clone(), ..order(&budget(), 5) }).await.unwrap();
            feed = back;
        }
        stop.cancel();
        let error = feed.read(Order { stop, ..order(&budget(), 5) }).await.err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
    }
}

#[test]
fn a_stream_can_be_taken_once() {
    let stream = Stream::new(Feed::Blocking(Box::new(io::empty())));
    stream.check().unwrap();
    assert!(stream.clone().take().is_ok());
    assert_eq!(stream.check().unwrap_err().kind(), ErrorKind::Config);
    assert_eq!(stream.take().err().unwrap().kind(), ErrorKind::Config);
    assert_eq!(format!("{stream:?}"), "Stream (taken)");
}
