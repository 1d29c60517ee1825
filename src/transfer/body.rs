//! The bytes of one part on their way out: read, summed and counted as the network asks for them.
//!
//! Reading a file happens inside the poll of the body, on the uploader's own threads: a detour over a thread pool for
//! every frame costs several times the reading itself, and would put the bytes out of the processor's cache. A part of
//! a stream is in memory already, and summed.

use std::{
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering},
    },
    task::{Context, Poll},
};

use bytes::Bytes;
use futures::task::AtomicWaker;
use http_body::SizeHint;
use tokio::time::{Instant, Sleep, sleep};

use crate::{
    checksum::{Algorithm, Checksum, Digest},
    error::{Error, ErrorKind},
    transfer::{
        budget::Room,
        feed::Held,
        frames::{FRAME, FramePool},
        source::FileSource,
        throttle::Throttle,
        uploader::FRAMES_PER_PART,
    },
    wire::{BoxBody, Replay},
};

/// What all bodies of one upload count together.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    /// Bytes handed to the network, less those of attempts that were given up.
    net: AtomicU64,
    /// Bytes handed to the network.
    gross: AtomicU64,
}

impl Meter {
    pub(crate) fn net(&self) -> u64 {
        self.net.load(Ordering::Relaxed)
    }

    pub(crate) fn gross(&self) -> u64 {
        self.gross.load(Ordering::Relaxed)
    }

    fn count(&self, bytes: u64) {
        self.net.fetch_add(bytes, Ordering::Relaxed);
        self.gross.fetch_add(bytes, Ordering::Relaxed);
    }

    fn take_back(&self, bytes: u64) {
        self.net.fetch_sub(bytes, Ordering::Relaxed);
    }
}

/// Where the bytes of a part are, and the room that it takes on its way.
#[derive(Debug)]
pub(crate) enum Supply {
    /// In a file, from where they are read into as many frames at once as there is room for.
    File { source: Arc<FileSource>, offset: u64, len: u64, frames: FramePool, room: Room },
    /// In memory.
    Held(Held),
}

impl Supply {
    /// How many bytes they are.
    pub(crate) fn len(&self) -> u64 {
        match self {
            Self::File { len, .. } => *len,
            Self::Held(held) => held.len,
        }
    }
}

/// A part as a body that can be sent again.
#[derive(Debug)]
pub(crate) struct PartBody(Arc<Stretch>);

#[derive(Debug)]
struct Stretch {
    supply: Supply,
    len: u64,
    /// How many frames may be out at once.
    room: u32,
    throttle: Option<Throttle>,
    meter: Arc<Meter>,
    algorithm: Algorithm,
    attempt: Mutex<Attempt>,
    /// Whether some attempt has sent everything.
    left_whole: AtomicBool,
}

/// What is known of the latest attempt.
#[derive(Debug, Default)]
struct Attempt {
    number: u32,
    counted: u64,
    checksum: Option<Checksum>,
    fault: Option<Error>,
    /// All frames that may be out are.
    backed_up: bool,
}

impl PartBody {
    /// A body of these bytes.
    pub(crate) fn new(supply: Supply, throttle: Option<Throttle>, meter: Arc<Meter>, algorithm: Algorithm) -> Self {
        let attempt = Mutex::new(Attempt::default());
        let room = match &supply {
            Supply::File { room, .. } => room.frames().max(1),
            Supply::Held(_) => FRAMES_PER_PART,
        };
        let (len, left_whole) = (supply.len(), AtomicBool::new(false));
        Self(Arc::new(Stretch { supply, len, room, throttle, meter, algorithm, attempt, left_whole }))
    }

    /// The checksum of what the latest attempt sent; `None` unless it sent everything.
    pub(crate) fn checksum(&self) -> Option<Checksum> {
        self.0.attempt().checksum
    }

    /// Whether any attempt has sent everything, so that the store may have acted on it.
    pub(crate) fn has_left_whole(&self) -> bool {
        self.0.left_whole.load(Ordering::Relaxed)
    }

    /// Takes the bytes of the latest attempt out of the count, because they have to be sent again.
    pub(crate) fn take_back(&self) {
        self.0.begin();
    }
}

impl Stretch {
    fn attempt(&self) -> MutexGuard<'_, Attempt> {
        self.attempt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a new attempt and says its number.
    fn begin(&self) -> u32 {
        let mut attempt = self.attempt();
        self.meter.take_back(attempt.counted);
        let number = attempt.number + 1;
        *attempt = Attempt { number, ..Attempt::default() };
        number
    }

    /// Notes something of an attempt, unless it is over.
    fn note(&self, number: u32, what: impl FnOnce(&mut Attempt)) {
        let mut attempt = self.attempt();
        if attempt.number == number {
            what(&mut attempt);
        }
    }
}

impl Replay for PartBody {
    fn len(&self) -> u64 {
        self.0.len
    }

    fn open(&self) -> BoxBody {
        let number = self.0.begin();
        if self.0.len == 0 {
            // An empty body may never be polled.
            self.0.note(number, |attempt| attempt.checksum = Some(Checksum::empty(self.0.algorithm)));
            self.0.left_whole.store(true, Ordering::Relaxed);
        }
        Box::pin(Reading {
            stretch: Arc::clone(&self.0),
            number,
            sent: 0,
            digest: Digest::new(self.0.algorithm),
            window: Arc::new(Window::default()),
            turn: Turn::Unasked,
        })
    }

    fn checksum(&self) -> Option<String> {
        Self::checksum(self).map(|checksum| checksum.to_string())
    }

    fn is_backed_up(&self) -> bool {
        self.0.attempt().backed_up
    }

    fn take_fault(&self) -> Option<Error> {
        self.0.attempt().fault.take()
    }
}

/// One attempt.
struct Reading {
    stretch: Arc<Stretch>,
    number: u32,
    sent: u64,
    digest: Digest,
    window: Arc<Window>,
    turn: Turn,
}

/// Where the next frame stands with the limit on bytes per second.
enum Turn {
    /// No room is reserved for it.
    Unasked,
    /// Its time has not come.
    Waits(Pin<Box<Sleep>>),
    /// It may go.
    Granted,
}

/// Counts the frames that the network has not taken yet.
#[derive(Debug, Default)]
struct Window {
    out: AtomicU32,
    waker: AtomicWaker,
}

/// A frame that is out.
struct Lease<T> {
    frame: T,
    window: Arc<Window>,
}

impl<T: AsRef<[u8]>> AsRef<[u8]> for Lease<T> {
    fn as_ref(&self) -> &[u8] {
        self.frame.as_ref()
    }
}

impl<T> Drop for Lease<T> {
    fn drop(&mut self) {
        self.window.out.fetch_sub(1, Ordering::AcqRel);
        self.window.waker.wake();
    }
}

impl Reading {
    /// Bytes of the next frame.
    fn wanted(&self) -> usize {
        usize::try_from(self.stretch.len - self.sent).unwrap_or(FRAME).min(FRAME)
    }

    /// Waits until the limit on bytes per second lets the next frame go.
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(throttle) = &self.stretch.throttle else { return Poll::Ready(()) };
        loop {
            self.turn = match &mut self.turn {
                Turn::Unasked => match throttle.reserve(self.wanted() as u64, Instant::now()) {
                    wait if wait.is_zero() => Turn::Granted,
                    wait => Turn::Waits(Box::pin(sleep(wait))),
                },
                Turn::Waits(until) => match until.as_mut().poll(cx) {
                    Poll::Ready(()) => Turn::Granted,
                    Poll::Pending => return Poll::Pending,
                },
                Turn::Granted => return Poll::Ready(()),
            };
        }
    }

    fn next(&mut self) -> Result<Bytes, Error> {
        self.turn = Turn::Unasked;
        let wanted = self.wanted();
        let stretch = Arc::clone(&self.stretch);
        match &stretch.supply {
            Supply::File { source, offset, frames, .. } => {
                let mut frame = frames.take();
                if let Err(fault) = source.read_exact_at(&mut frame.space()[..wanted], offset + self.sent) {
                    let brief = Error::new(ErrorKind::Source, fault.message().to_owned());
                    stretch.note(self.number, |attempt| attempt.fault = Some(fault));
                    return Err(brief);
                }
                frame.fill(wanted);
                self.digest.update(frame.as_ref());
                Ok(self.pass_on(frame, wanted, Digest::value))
            }
            Supply::Held(held) => {
                let (frame, sum) = (held.frame_at(self.sent), held.checksum);
                Ok(self.pass_on(frame, wanted, |_| sum))
            }
        }
    }

    /// Counts a frame of `len` bytes that goes out; `sum` is asked for behind the last.
    fn pass_on<T>(&mut self, frame: T, len: usize, sum: impl FnOnce(&Digest) -> Checksum) -> Bytes
    where
        T: AsRef<[u8]> + Send + 'static,
    {
        let stretch = &self.stretch;
        self.sent += len as u64;
        let done = (self.sent == stretch.len).then(|| sum(&self.digest));
        if done.is_some() {
            stretch.left_whole.store(true, Ordering::Relaxed);
        }
        stretch.note(self.number, |attempt| {
            attempt.counted += len as u64;
            attempt.checksum = done;
            stretch.meter.count(len as u64);
        });
        self.window.out.fetch_add(1, Ordering::AcqRel);
        Bytes::from_owner(Lease { frame, window: Arc::clone(&self.window) })
    }
}

impl http_body::Body for Reading {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<http_body::Frame<Bytes>, Error>>> {
        if self.sent == self.stretch.len {
            return Poll::Ready(None);
        }
        if self.window.out.load(Ordering::Acquire) >= self.stretch.room {
            self.window.waker.register(cx.waker());
            // A frame may have come back before the waker was in place.
            if self.window.out.load(Ordering::Acquire) >= self.stretch.room {
                self.stretch.note(self.number, |attempt| attempt.backed_up = true);
                return Poll::Pending;
            }
        }
        self.stretch.note(self.number, |attempt| attempt.backed_up = false);
        if self.poll_turn(cx).is_pending() {
            return Poll::Pending;
        }
        Poll::Ready(Some(self.next().map(http_body::Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.sent == self.stretch.len
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.stretch.len - self.sent)
    }
}

#[cfg(test)]
mod tests;
