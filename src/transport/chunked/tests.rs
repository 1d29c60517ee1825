use std::time::{Duration, UNIX_EPOCH};

use futures::FutureExt as _;
use http_body_util::{BodyExt as _, Full, StreamBody};

use super::*;
use crate::{
    dialect::S3,
    signing::{self, Content, Credentials},
};

const TRAILER: &str = "x-amz-checksum-crc32c";

/// A body in frames of these sizes.
struct Pieces(Vec<usize>);

impl Replay for Pieces {
    fn len(&self) -> u64 {
        self.0.iter().sum::<usize>() as u64
    }

    fn open(&self) -> BoxBody {
        let frames: Vec<_> = self.0.iter().map(|len| Ok(Frame::data(Bytes::from(vec![7; *len])))).collect();
        Box::pin(StreamBody::new(futures::stream::iter(frames)))
    }

    fn checksum(&self) -> Option<String> {
        Some("AAAAAA==".to_owned())
    }
}

fn framing(scheme: &str, len: u64) -> Framing {
    let request = http::Request::put(format!("{scheme}://store.example/key")).body(()).unwrap();
    let (mut head, ()) = request.into_parts();
    let credentials = Credentials::new("id", "key").unwrap();
    let content = Content::Stream { len, trailer: Some(TRAILER) };
    let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    signing::seal(S3, "us-east-1", &mut head, content, &credentials, now).unwrap().unwrap()
}

/// What leaves, and how long that was announced to be.
fn sent(scheme: &str, pieces: &[usize]) -> (Vec<u8>, u64) {
    let replay: Arc<dyn Replay> = Arc::new(Pieces(pieces.to_vec()));
    let framing = framing(scheme, replay.len());
    let announced = framing.encoded_len(replay.len());
    let body = ChunkedBody::open(replay, framing);
    (body.collect().now_or_never().unwrap().unwrap().to_bytes().to_vec(), announced)
}

#[test]
fn what_leaves_is_as_long_as_announced_however_the_body_is_cut() {
    for scheme in ["http", "https"] {
        for pieces in [
            &[][..],
            &[1],
            &[CHUNK],
            &[CHUNK + 1],
            &[CHUNK, CHUNK, 5],
            &[3 * CHUNK + 17],
            &[1, CHUNK - 1, 2, CHUNK],
            &[100_000, 100_000, 100_000],
        ] {
            let (bytes, announced) = sent(scheme, pieces);
            assert_eq!(bytes.len() as u64, announced, "{scheme} {pieces:?}");
        }
    }
}

#[test]
fn a_small_body_is_framed_to_the_letter() {
    let (bytes, _) = sent("https", &[3]);
    assert_eq!(bytes, b"3\r\n\x07\x07\x07\r\n0\r\nx-amz-checksum-crc32c:AAAAAA==\r\n\r\n");
}

#[test]
fn every_cut_gives_the_same_signed_chunks() {
    let whole = sent("http", &[2 * CHUNK + 9]).0;
    assert_eq!(sent("http", &[CHUNK, CHUNK, 9]).0, whole);
    assert_eq!(sent("http", &[1, 2, 2 * CHUNK + 6]).0, whole);
}

#[test]
fn a_body_that_ends_early_does_not_get_the_end_of_a_whole_one() {
    struct Short;
    impl Replay for Short {
        fn len(&self) -> u64 {
            10
        }
        fn open(&self) -> BoxBody {
            Box::pin(Full::new(Bytes::from_static(b"short")).map_err(|never| match never {}))
        }
    }
    let body = ChunkedBody::open(Arc::new(Short), framing("https", 10));
    let bytes = body.collect().now_or_never().unwrap().unwrap().to_bytes();
    assert!(!bytes.ends_with(b"\r\n\r\n") && (bytes.len() as u64) < framing("https", 10).encoded_len(10));
}
