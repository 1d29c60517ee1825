//! A stream of unknown length, read once: each part goes into frames as a whole, and stays there until the store has it.
//!
//! Room for the part is there before its first byte is read. The checksum is taken while a frame is still in the
//! processor's cache, and never again: a part that has to be sent once more is the same memory.

use std::{
    fmt,
    future::poll_fn,
    io::{self, Read},
    panic::{AssertUnwindSafe, catch_unwind},
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use bytes::Bytes;
use md5::{Digest as _, Md5};
use tokio::io::{AsyncRead, ReadBuf};

use crate::{
    checksum::{Algorithm, Checksum, Digest},
    error::{Error, ErrorKind, Result},
    transfer::{
        budget::Room,
        frames::{FRAME, Frame, FramePool},
        stop::Stop,
        uploader::internal,
    },
};

/// A stream that one upload may take. Clones share it.
#[derive(Clone)]
pub(crate) struct Stream(Arc<Mutex<Option<Feed>>>);

/// Where the bytes of a stream come from.
pub(crate) enum Feed {
    /// Read by the task of the upload.
    Async(Box<dyn AsyncRead + Send + Unpin>),
    /// Read on a thread that may block.
    Blocking(Box<dyn Read + Send>),
}

impl Stream {
    pub(crate) fn new(feed: Feed) -> Self {
        Self(Arc::new(Mutex::new(Some(feed))))
    }

    /// Takes the stream, for good.
    ///
    /// # Errors
    /// `Config` if another upload has taken it.
    pub(crate) fn take(&self) -> Result<Feed> {
        self.place().take().ok_or_else(taken)
    }

    /// Makes sure that nobody has taken it yet.
    pub(crate) fn check(&self) -> Result<()> {
        if self.place().is_some() { Ok(()) } else { Err(taken()) }
    }

    fn place(&self) -> MutexGuard<'_, Option<Feed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn taken() -> Error {
    Error::new(ErrorKind::Config, "the stream of this request was taken by an earlier upload")
        .with_hint("a stream can be read only once; make a request with a new one")
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.place().is_some() { "Stream" } else { "Stream (taken)" })
    }
}

/// A part of a stream in memory. Its room comes home with its last frame.
#[derive(Debug)]
pub(crate) struct Held {
    /// Whole frames, but for the last.
    frames: Vec<Bytes>,
    pub(crate) len: u64,
    pub(crate) checksum: Checksum,
    /// In base64, if it was asked for.
    pub(crate) md5: Option<String>,
    _room: Room,
}

impl Held {
    /// The frame that begins here, a multiple of [`FRAME`] from the part's beginning.
    pub(crate) fn frame_at(&self, place: u64) -> Bytes {
        let frame = usize::try_from(place / FRAME as u64).ok().and_then(|index| self.frames.get(index));
        frame.cloned().unwrap_or_default()
    }
}

/// How many frames a part takes.
pub(crate) fn frames_of(len: u64) -> u32 {
    u32::try_from(len.div_ceil(FRAME as u64)).unwrap_or(u32::MAX)
}

/// How a part is to be read.
#[derive(Debug)]
pub(crate) struct Order {
    /// Where it begins in the stream, for errors.
    pub(crate) offset: u64,
    /// The most that it may have.
    pub(crate) len: u64,
    /// For all of it.
    pub(crate) room: Room,
    pub(crate) frames: FramePool,
    /// By which its checksum is taken.
    pub(crate) algorithm: Algorithm,
    /// Whether its MD5 is wanted.
    pub(crate) md5: bool,
    pub(crate) stop: Stop,
}

impl Feed {
    /// Reads the next part: as many bytes as were ordered, and fewer only at the end of the stream.
    ///
    /// # Errors
    /// `Source` if the stream cannot be read.
    ///
    /// # Cancellation
    /// Dropping the future loses the stream. A read that blocks cannot be interrupted: its thread ends when the read
    /// returns, and the room of the part comes home with it.
    pub(crate) async fn read(self, order: Order) -> Result<(Self, Held)> {
        let mut filling = Filling::new(order);
        match self {
            Self::Async(mut reader) => {
                while let Some(space) = filling.space() {
                    let read = poll_fn(|cx| poll_read(&mut *reader, space, cx)).await;
                    match filling.take(read)? {
                        Took::Some => {}
                        // A reader that always has something must not keep the engine from its other work.
                        Took::Frame => tokio::task::yield_now().await,
                        Took::End => break,
                    }
                }
                Ok((Self::Async(reader), filling.finish()))
            }
            Self::Blocking(mut reader) => {
                let reading = tokio::task::spawn_blocking(move || {
                    while let Some(space) = filling.space() {
                        let read = reader.read(space);
                        if matches!(filling.take(read)?, Took::End) {
                            break;
                        }
                    }
                    Ok((Self::Blocking(reader), filling.finish()))
                });
                reading.await.unwrap_or_else(|error| {
                    Err(if error.is_panic() { Error::new(ErrorKind::Source, PANICKED) } else { internal(&error) })
                })
            }
        }
    }
}

const PANICKED: &str = "the reader of the stream panicked";

/// Reads what is there. A panic of the reader must not take the engine along, which has an upload to end.
fn poll_read(
    reader: &mut (dyn AsyncRead + Send + Unpin),
    space: &mut [u8],
    cx: &mut Context<'_>,
) -> Poll<io::Result<usize>> {
    let mut buffer = ReadBuf::new(space);
    let polled = catch_unwind(AssertUnwindSafe(|| Pin::new(reader).poll_read(cx, &mut buffer)));
    ready!(polled.unwrap_or_else(|_| Poll::Ready(Err(io::Error::other(PANICKED)))))?;
    Poll::Ready(Ok(buffer.filled().len()))
}

/// A part that is being read.
struct Filling {
    order: Order,
    full: Vec<Bytes>,
    /// The frame that is being filled, and how far it is.
    frame: Option<(Frame, usize)>,
    len: u64,
    checksum: Digest,
    md5: Option<Md5>,
}

/// What a read has brought.
enum Took {
    /// Some bytes.
    Some,
    /// The last bytes of a frame.
    Frame,
    /// The end of the stream.
    End,
}

impl Filling {
    fn new(order: Order) -> Self {
        let md5 = order.md5.then(Md5::new);
        let checksum = Digest::new(order.algorithm);
        Self { order, full: Vec::new(), frame: None, len: 0, checksum, md5 }
    }

    /// Where the next bytes go; `None` if the part is full.
    fn space(&mut self) -> Option<&mut [u8]> {
        let missing = usize::try_from(self.order.len - self.len).unwrap_or(usize::MAX);
        if missing == 0 {
            return None;
        }
        let (frame, filled) = self.frame.get_or_insert_with(|| (self.order.frames.take(), 0));
        let filled = *filled;
        let end = FRAME.min(filled.saturating_add(missing));
        Some(&mut frame.space()[filled..end])
    }

    /// Counts what a read into [`space`](Self::space) has brought.
    fn take(&mut self, read: io::Result<usize>) -> Result<Took> {
        if self.order.stop.is_asked() {
            return Err(self.order.stop.error());
        }
        let read = match read {
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(Took::Some),
            Err(error) => {
                let place = self.order.offset + self.len;
                return Err(Error::new(ErrorKind::Source, format!("the stream cannot be read at byte {place}"))
                    .caused_by(error));
            }
        };
        if read == 0 {
            return Ok(Took::End);
        }
        // A reader that claims more than it was given room for has not brought it.
        let read = self.space().map_or(0, |space| read.min(space.len()));
        self.len += read as u64;
        if let Some((_, filled)) = &mut self.frame {
            *filled += read;
            if *filled < FRAME && self.len < self.order.len {
                return Ok(Took::Some);
            }
        }
        self.put_by();
        Ok(Took::Frame)
    }

    /// Sums the frame while its bytes are hot, and puts it to the others.
    fn put_by(&mut self) {
        let Some((mut frame, filled)) = self.frame.take().filter(|(_, filled)| *filled > 0) else { return };
        frame.fill(filled);
        self.checksum.update(frame.as_ref());
        if let Some(md5) = &mut self.md5 {
            md5.update(frame.as_ref());
        }
        self.full.push(Bytes::from_owner(frame));
    }

    fn finish(mut self) -> Held {
        self.put_by();
        Held {
            frames: self.full,
            len: self.len,
            checksum: self.checksum.value(),
            md5: self.md5.map(|md5| BASE64_STANDARD.encode(md5.finalize())),
            _room: self.order.room,
        }
    }
}

#[cfg(test)]
mod tests;
