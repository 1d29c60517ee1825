//! One connection's bytes, and what faults do to them: bandwidth, a cut within an answer, an end without a word.

use std::{
    io,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    task::{Context, Poll, ready},
    time::Duration,
};

use futures::task::AtomicWaker;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};
use tokio_rustls::server::TlsStream;

/// What is to happen to a connection; told by those who answer its requests.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// Bytes per second in each direction; 0 for as many as there are.
    rate: AtomicU64,
    /// Of the connection as a whole.
    own_rate: u64,
    /// After so many more bytes nothing is sent any more.
    cut: AtomicBool,
    left: AtomicU64,
    /// Whether its end is a TCP reset, which throws away what is under way.
    hard: AtomicBool,
    /// Whether it ends after the answer.
    last: AtomicBool,
    /// Whether the answer is on its way as a whole.
    answered: AtomicBool,
    /// Who waits for the next request, and is to hear of the end instead.
    reader: AtomicWaker,
}

impl Line {
    pub(super) fn new(own_rate: u64, hard: bool) -> Self {
        Self { rate: AtomicU64::new(own_rate), own_rate, hard: AtomicBool::new(hard), ..Self::default() }
    }

    /// A request begins; so many bytes per second are its own limit.
    pub(super) fn begin(&self, rate: Option<u64>, hard: bool) {
        let own = Some(self.own_rate).filter(|own| *own > 0);
        let least = own.into_iter().chain(rate).min().unwrap_or(0);
        self.rate.store(least, Ordering::Relaxed);
        self.hard.fetch_or(hard, Ordering::Relaxed);
    }

    /// Whether its end is a TCP reset.
    pub(super) fn is_hard(&self) -> bool {
        self.hard.load(Ordering::Relaxed)
    }

    /// Lets so many bytes of the answer through.
    pub(super) fn cut_after(&self, bytes: u64) {
        self.left.store(bytes, Ordering::Relaxed);
        self.cut.store(true, Ordering::Relaxed);
    }

    /// The connection is to end once the answer is sent, which nothing in it tells. The answer's body keeps the value.
    pub(super) fn end_after(self: &Arc<Self>) -> Answered {
        self.last.store(true, Ordering::Relaxed);
        Answered(Arc::clone(self))
    }
}

/// Tells when it is dropped that the whole answer was handed over.
#[derive(Debug)]
pub(super) struct Answered(Arc<Line>);

impl Drop for Answered {
    fn drop(&mut self) {
        self.0.answered.store(true, Ordering::Relaxed);
        self.0.reader.wake();
    }
}

/// A stream that can be told to end with a TCP reset.
pub(super) trait Resets {
    /// Lets the stream's end be a reset.
    fn reset_at_end(&self);
}

impl Resets for TcpStream {
    fn reset_at_end(&self) {
        // If the system refuses, it is an ordinary end.
        let _ = self.set_zero_linger();
    }
}

impl Resets for TlsStream<TcpStream> {
    fn reset_at_end(&self) {
        self.get_ref().0.reset_at_end();
    }
}

/// A stream under the orders of its line.
#[derive(Debug)]
pub(super) struct Ordered<S: Resets> {
    stream: S,
    line: Arc<Line>,
    reading: Pause,
    writing: Pause,
    /// Whether everything that was handed over has left.
    flushed: bool,
    /// For how long the client may take nothing of what is sent.
    patience: Duration,
    /// Until when it has to take something; only while it does not.
    stuck: Option<Pin<Box<Sleep>>>,
}

impl<S: Resets> Ordered<S> {
    pub(super) fn new(stream: S, line: Arc<Line>, patience: Duration) -> Self {
        let (reading, writing) = (Pause::default(), Pause::default());
        Self { stream, line, reading, writing, flushed: false, patience, stuck: None }
    }

    /// Gives a client up that has taken nothing for too long: others may be waiting for its connection.
    fn unless_stuck<T>(&mut self, context: &mut Context<'_>, sent: Poll<io::Result<T>>) -> Poll<io::Result<T>> {
        if sent.is_ready() {
            self.stuck = None;
            return sent;
        }
        let patience = self.patience;
        ready!(self.stuck.get_or_insert_with(|| Box::pin(sleep(patience))).as_mut().poll(context));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    /// How much may be written at once; `None` if nothing any more.
    fn room(&self) -> Option<usize> {
        let rate = self.line.rate.load(Ordering::Relaxed);
        let by_rate = if rate == 0 { usize::MAX } else { piece(rate) };
        if !self.line.cut.load(Ordering::Relaxed) {
            return Some(by_rate);
        }
        let left = usize::try_from(self.line.left.load(Ordering::Relaxed)).unwrap_or(usize::MAX);
        (left > 0).then_some(left.min(by_rate))
    }

    /// Whether the last answer has left.
    fn is_over(&self) -> bool {
        self.flushed && self.line.last.load(Ordering::Relaxed) && self.line.answered.load(Ordering::Relaxed)
    }

    fn wrote(&mut self, bytes: usize) {
        self.flushed = false;
        if self.line.cut.load(Ordering::Relaxed) {
            self.line.left.fetch_sub(bytes as u64, Ordering::Relaxed);
        }
        self.writing.after(bytes, self.line.rate.load(Ordering::Relaxed));
    }
}

impl<S: AsyncRead + Resets + Unpin> AsyncRead for Ordered<S> {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = &mut *self;
        this.line.reader.register(context.waker());
        if this.is_over() {
            // As if the client had gone.
            return Poll::Ready(Ok(()));
        }
        ready!(this.reading.poll(context));
        let rate = this.line.rate.load(Ordering::Relaxed);
        if rate == 0 {
            return Pin::new(&mut this.stream).poll_read(context, buf);
        }
        let mut piece = ReadBuf::new(buf.initialize_unfilled_to(buf.remaining().min(piece(rate))));
        ready!(Pin::new(&mut this.stream).poll_read(context, &mut piece))?;
        let read = piece.filled().len();
        buf.advance(read);
        this.reading.after(read, rate);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Resets + Unpin> AsyncWrite for Ordered<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let this = &mut *self;
        ready!(this.writing.poll(context));
        let Some(room) = this.room() else {
            ready!(Pin::new(&mut this.stream).poll_flush(context))?;
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        };
        let written = Pin::new(&mut this.stream).poll_write(context, &buf[..buf.len().min(room)]);
        let written = ready!(this.unless_stuck(context, written))?;
        this.wrote(written);
        Poll::Ready(Ok(written))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.room() != Some(usize::MAX) {
            let first = bufs.iter().find(|buf| !buf.is_empty()).map_or(&[][..], |buf| buf);
            return self.poll_write(context, first);
        }
        let this = &mut *self;
        ready!(this.writing.poll(context));
        let written = Pin::new(&mut this.stream).poll_write_vectored(context, bufs);
        let written = ready!(this.unless_stuck(context, written))?;
        this.wrote(written);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        ready!(self.unless_stuck(context, flushed))?;
        if !self.flushed {
            self.flushed = true;
            if self.is_over() {
                self.line.reader.wake();
            }
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(context);
        self.unless_stuck(context, shut)
    }
}

impl<S: Resets> Drop for Ordered<S> {
    fn drop(&mut self) {
        if self.line.hard.load(Ordering::Relaxed) {
            self.stream.reset_at_end();
        }
    }
}

/// How much goes at once under a limit: a twentieth of a second's worth, so that it is felt as a slow stream and not as
/// bursts.
fn piece(rate: u64) -> usize {
    usize::try_from((rate / 20).max(1)).unwrap_or(usize::MAX)
}

/// What is to be waited for before the next bytes.
#[derive(Debug, Default)]
struct Pause(Option<Pin<Box<Sleep>>>);

impl Pause {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Some(pause) = &mut self.0 {
            ready!(pause.as_mut().poll(context));
            self.0 = None;
        }
        Poll::Ready(())
    }

    fn after(&mut self, bytes: usize, rate: u64) {
        if rate > 0 && bytes > 0 {
            let nanos = u128::from(bytes as u64) * 1_000_000_000 / u128::from(rate);
            self.0 = Some(Box::pin(sleep(Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)))));
        }
    }
}
