//! A body on its way through the framing of its signature: lines between the chunks, and the checksum behind them.

use std::{
    collections::VecDeque,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll, ready},
};

use bytes::{Bytes, BytesMut};
use http_body::{Body, Frame};

use crate::{
    error::{Error, ErrorKind, Result},
    signing::Framing,
    wire::{BoxBody, Replay},
};

/// A chunk's bytes.
#[expect(clippy::cast_possible_truncation, reason = "128 KiB fit into any usize")]
const CHUNK: usize = Framing::CHUNK as usize;

/// An open body in its framing.
///
/// A frame of the body that is one chunk passes through uncopied, and so do those of files. Others are put together.
pub(super) struct ChunkedBody {
    inner: BoxBody,
    replay: Arc<dyn Replay>,
    framing: Framing,
    /// Pieces that may go at once.
    ready: VecDeque<Bytes>,
    /// Bytes of a chunk that is not full yet.
    partial: BytesMut,
    /// Bytes of the inner body that have not come yet.
    left: u64,
    ended: bool,
}

impl ChunkedBody {
    /// Opens a body anew.
    pub(super) fn open(replay: Arc<dyn Replay>, framing: Framing) -> Self {
        Self {
            inner: replay.open(),
            left: replay.len(),
            replay,
            framing,
            ready: VecDeque::new(),
            partial: BytesMut::new(),
            ended: false,
        }
    }

    /// Takes bytes in, and cuts what is a whole chunk by now.
    fn take(&mut self, data: Bytes) {
        self.left = self.left.saturating_sub(data.len() as u64);
        if self.partial.is_empty() && (data.len() == CHUNK || (self.left == 0 && data.len() < CHUNK)) {
            return self.chunk(data);
        }
        self.partial.extend_from_slice(&data);
        while self.partial.len() >= CHUNK || (self.left == 0 && !self.partial.is_empty()) {
            let chunk = self.partial.split_to(self.partial.len().min(CHUNK)).freeze();
            self.chunk(chunk);
        }
    }

    fn chunk(&mut self, bytes: Bytes) {
        if !bytes.is_empty() {
            self.ready.push_back(self.framing.chunk_head(&bytes));
            self.ready.push_back(bytes);
        }
    }

    fn end(&mut self) -> Result<()> {
        let checksum = match self.framing.trailer() {
            None => None,
            Some(name) => Some(self.replay.checksum().ok_or_else(|| {
                Error::new(ErrorKind::Internal, format!("the body has ended without a checksum for {name}"))
            })?),
        };
        self.ready.push_back(self.framing.end(checksum.as_deref()));
        self.ended = true;
        Ok(())
    }
}

impl Body for ChunkedBody {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>>>> {
        let this = self.get_mut();
        loop {
            if let Some(piece) = this.ready.pop_front() {
                return Poll::Ready(Some(Ok(Frame::data(piece))));
            }
            if this.ended {
                return Poll::Ready(None);
            }
            if this.left == 0 {
                if let Err(fault) = this.end() {
                    return Poll::Ready(Some(Err(fault)));
                }
                continue;
            }
            match ready!(this.inner.as_mut().poll_frame(cx)) {
                Some(Ok(frame)) => {
                    if let Ok(data) = frame.into_data() {
                        this.take(data);
                    }
                }
                Some(Err(fault)) => return Poll::Ready(Some(Err(fault))),
                // It ended early, which whoever counts the bytes reports.
                None => return Poll::Ready(None),
            }
        }
    }
}

#[cfg(test)]
mod tests;
