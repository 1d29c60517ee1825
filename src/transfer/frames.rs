//! Recycled, page-aligned pieces of memory that file bytes pass through on their way out.
//!
//! A part is never held as a whole: its bytes are read frame by frame, and a frame comes back as soon as the network
//! has taken it. The kernel copies a file into memory several times slower when the target is a few bytes past the
//! beginning of a page, where allocators put large vectors; so each frame is cut out of a slightly larger one.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

/// Bytes per frame: large enough that a system call is cheap, small enough that the bytes are still in the
/// processor's cache when they are encrypted.
pub(crate) const FRAME: usize = 128 * 1024;

/// The alignment that matters to the kernel's copy.
const PAGE: usize = 4096;

/// Hands out frames and takes them back. Cheap to clone.
#[derive(Clone)]
pub(crate) struct FramePool(Arc<Idle>);

struct Idle {
    frames: Mutex<Vec<Box<[u8]>>>,
    keep: usize,
}

impl FramePool {
    /// A pool that keeps at most `keep` idle frames.
    pub(crate) fn new(keep: usize) -> Self {
        Self(Arc::new(Idle { frames: Mutex::new(Vec::new()), keep }))
    }

    /// An idle frame, or a new one. How many are out at once is limited by the budget, not here.
    pub(crate) fn take(&self) -> Frame {
        let idle = self.0.frames.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let memory = idle.unwrap_or_else(|| vec![0; FRAME + PAGE].into_boxed_slice());
        let start = memory.as_ptr().align_offset(PAGE).min(PAGE);
        Frame { memory, start, filled: 0, pool: self.clone() }
    }

    fn put_back(&self, memory: Box<[u8]>) {
        let mut frames = self.0.frames.lock().unwrap_or_else(PoisonError::into_inner);
        if frames.len() < self.0.keep {
            frames.push(memory);
        }
    }
}

impl fmt::Debug for FramePool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FramePool").field("keep", &self.0.keep).finish_non_exhaustive()
    }
}

/// One piece of aligned memory; goes back to its pool when dropped.
#[derive(Debug)]
pub(crate) struct Frame {
    memory: Box<[u8]>,
    start: usize,
    filled: usize,
    pool: FramePool,
}

impl Frame {
    /// The whole frame, to be written into; it holds old bytes.
    pub(crate) fn space(&mut self) -> &mut [u8] {
        &mut self.memory[self.start..self.start + FRAME]
    }

    /// Says how many bytes at the beginning are good.
    pub(crate) fn fill(&mut self, bytes: usize) {
        self.filled = bytes.min(FRAME);
    }
}

impl AsRef<[u8]> for Frame {
    fn as_ref(&self) -> &[u8] {
        &self.memory[self.start..self.start + self.filled]
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        self.pool.put_back(std::mem::take(&mut self.memory));
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    #[test]
    fn a_frame_begins_on_a_page_and_has_its_full_size() {
        let pool = FramePool::new(4);
        let mut frames: Vec<Frame> = (0..8).map(|_| pool.take()).collect();
        for frame in &mut frames {
            assert_eq!(frame.space().as_ptr().addr() % PAGE, 0);
            assert_eq!(frame.space().len(), FRAME);
        }
    }

    #[test]
    fn only_the_filled_bytes_are_seen() {
        let mut frame = FramePool::new(1).take();
        frame.space()[..5].copy_from_slice(b"hello");
        frame.fill(5);
        assert_eq!(Bytes::from_owner(frame), Bytes::from_static(b"hello"));
    }

    #[test]
    fn a_dropped_frame_is_used_again_and_the_pool_keeps_no_more_than_it_may() {
        let pool = FramePool::new(1);
        let (one, two) = (pool.take(), pool.take());
        let first = one.memory.as_ptr().addr();
        drop(Bytes::from_owner(one));
        drop(two);
        assert_eq!(pool.0.frames.lock().unwrap().len(), 1);
        assert_eq!(pool.take().memory.as_ptr().addr(), first);
    }
}
