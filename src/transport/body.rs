//! The request's body on its way out, and the pulse by which the client notices that nothing moves any more.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep};

use crate::{
    error::{Error, ErrorKind, Result},
    signing::Framing,
    transport::chunked::ChunkedBody,
    wire::{BoxBody, Payload, Replay},
};

/// What a piece of a body in memory may measure, so that its progress can be seen.
const PIECE: usize = 64 << 10;
/// The slowest connection that still counts as moving, in bytes per second: what a frame may add to the stall timeout.
///
/// Only whole frames can be seen to move. A frame of 256 KiB on one of sixty connections over a thin line takes minutes.
/// A connection that is really dead is found sooner by the kernel, which watches for acknowledgements.
const CRAWL: u64 = 1 << 10;
/// The longest that sending may add to the wait for the answer: data still lies in buffers when the body has ended.
const LONGEST_TAIL: Duration = Duration::from_mins(5);

/// When an attempt last moved. Shared by the body, which is in the hands of the HTTP client, and the attempt.
#[derive(Clone, Debug)]
pub(super) struct Pulse(Arc<Mutex<State>>);

#[derive(Debug)]
struct State {
    started: Instant,
    moved: Instant,
    phase: Phase,
    /// The body's own failure.
    fault: Option<Error>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The body was not asked for yet: the connection is being made.
    Connecting,
    /// A frame of so many bytes was handed over last.
    Sending(u64),
    /// The body itself is what is waited for; that is not the network's fault.
    Source,
    /// All was handed over.
    Sent,
}

impl Pulse {
    /// Starts to watch an attempt.
    pub(super) fn start(has_body: bool) -> Self {
        let now = Instant::now();
        let phase = if has_body { Phase::Connecting } else { Phase::Sent };
        Self(Arc::new(Mutex::new(State { started: now, moved: now, phase, fault: None })))
    }

    /// Whether all of the body was handed over.
    pub(super) fn whole(&self) -> bool {
        self.state().phase == Phase::Sent
    }

    /// The body's own failure, taken out.
    pub(super) fn take_fault(&self) -> Option<Error> {
        self.state().fault.take()
    }

    /// Ends when nothing has moved for too long. `connect` is what making a connection may take on top.
    pub(super) async fn stalled(&self, stall: Duration, connect: Duration) {
        loop {
            let now = Instant::now();
            match self.deadline(stall, connect) {
                Some(deadline) if deadline <= now => return,
                Some(deadline) => tokio::time::sleep_until(deadline).await,
                None => tokio::time::sleep(stall).await,
            }
        }
    }

    fn deadline(&self, stall: Duration, connect: Duration) -> Option<Instant> {
        let state = self.state();
        let patience = match state.phase {
            Phase::Connecting => connect + stall,
            Phase::Sending(frame) => stall + Duration::from_secs(frame / CRAWL),
            Phase::Source => return None,
            Phase::Sent => {
                let sending = state.moved - state.started;
                let connect = if sending.is_zero() { connect } else { Duration::ZERO };
                connect + answer_patience(stall) + sending.min(LONGEST_TAIL)
            }
        };
        Some(state.moved + patience)
    }

    /// Notes that something moved, and says what was before.
    fn enter(&self, phase: Phase) -> (Instant, Phase) {
        let mut state = self.state();
        let before = (state.moved, state.phase);
        state.moved = Instant::now();
        state.phase = phase;
        before
    }

    /// Takes [`Self::enter`] back.
    fn back_to(&self, before: (Instant, Phase)) {
        let mut state = self.state();
        (state.moved, state.phase) = before;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How long the store may be silent once the request has left.
pub(super) fn answer_patience(stall: Duration) -> Duration {
    stall * 2
}

/// A body that shows its progress, keeps its own failures apart from the network's, and can be held back.
pub(super) struct PacedBody {
    source: Source,
    left: u64,
    pulse: Pulse,
    hold: Option<Pin<Box<Sleep>>>,
    /// The hold is counted from the first poll, which comes when the head is about to leave.
    hold_for: Option<Duration>,
}

enum Source {
    Memory(Bytes),
    Replay(BoxBody, Arc<dyn Replay>),
}

impl PacedBody {
    /// The body of a payload from its start; `None` if there is none to send.
    pub(super) fn open(
        payload: &Payload,
        framing: Option<Framing>,
        pulse: &Pulse,
        hold_for: Option<Duration>,
    ) -> Option<Self> {
        let (source, left) = match (payload, framing) {
            (Payload::Empty, _) => return None,
            (Payload::Bytes(bytes), _) => (Source::Memory(bytes.clone()), bytes.len() as u64),
            (Payload::Replay(replay), None) => (Source::Replay(replay.open(), Arc::clone(replay)), replay.len()),
            (Payload::Replay(replay), Some(framing)) => {
                let left = framing.encoded_len(replay.len());
                let body = ChunkedBody::open(Arc::clone(replay), framing);
                (Source::Replay(Box::pin(body), Arc::clone(replay)), left)
            }
        };
        (left > 0).then(|| Self { source, left, pulse: pulse.clone(), hold: None, hold_for })
    }

    fn poll_source(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>>>> {
        match &mut self.source {
            Source::Memory(bytes) => {
                let piece = bytes.split_to(bytes.len().min(PIECE));
                Poll::Ready((!piece.is_empty()).then(|| Ok(Frame::data(piece))))
            }
            Source::Replay(body, _) => body.as_mut().poll_frame(cx),
        }
    }

    fn fail(&self, fault: Error) -> BodyFault {
        self.pulse.state().fault.get_or_insert(fault);
        BodyFault
    }
}

impl Body for PacedBody {
    type Data = Bytes;
    type Error = BodyFault;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyFault>>> {
        let this = self.get_mut();
        if let Some(hold_for) = this.hold_for.take() {
            this.hold = Some(Box::pin(tokio::time::sleep(hold_for)));
        }
        let before = this.pulse.enter(Phase::Source);
        if let Some(hold) = &mut this.hold {
            ready!(hold.as_mut().poll(cx));
            this.hold = None;
        }
        let Poll::Ready(frame) = this.poll_source(cx) else {
            if matches!(&this.source, Source::Replay(_, replay) if replay.is_backed_up()) {
                // Nothing has moved: what was handed over last is still on its way.
                this.pulse.back_to(before);
            }
            return Poll::Pending;
        };
        let frame = match frame {
            None if this.left == 0 => return Poll::Ready(None),
            None => {
                let message = format!("the body of the request ended {} bytes early", this.left);
                return Poll::Ready(Some(Err(this.fail(Error::new(ErrorKind::Internal, message)))));
            }
            Some(Err(fault)) => return Poll::Ready(Some(Err(this.fail(fault)))),
            Some(Ok(frame)) => frame,
        };
        let length = frame.data_ref().map_or(0, |data| data.len() as u64);
        let Some(left) = this.left.checked_sub(length) else {
            let fault = Error::new(ErrorKind::Internal, "the body of the request is longer than announced");
            return Poll::Ready(Some(Err(this.fail(fault))));
        };
        this.left = left;
        this.pulse.enter(if left == 0 { Phase::Sent } else { Phase::Sending(length) });
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

/// What the HTTP client sees of a body's own failure; the failure itself waits in the [`Pulse`].
#[derive(Debug, thiserror::Error)]
#[error("the body of the request failed")]
pub(super) struct BodyFault;
