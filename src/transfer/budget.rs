//! The memory that may be in use for bytes on their way out, in frames.
//!
//! A file part reserves the frames that pass its bytes on, never its whole length, so that memory depends neither on
//! the size of the file nor on that of a part. A part of a stream, which cannot be read again, reserves all its bytes.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::transfer::frames::FRAME;

/// A number of frames that all uploads of one uploader share. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Budget {
    free: Arc<Semaphore>,
    frames: u32,
}

/// Frames reserved for one part; they come home when it is dropped.
#[derive(Debug)]
pub(crate) struct Room {
    frames: u32,
    _permit: Option<OwnedSemaphorePermit>,
}

impl Budget {
    /// As many whole frames as fit into this memory, and at least one.
    pub(crate) fn new(memory: u64) -> Self {
        let frames = u32::try_from(memory / FRAME as u64).unwrap_or(u32::MAX).clamp(1, Self::MOST);
        Self { free: Arc::new(Semaphore::new(frames as usize)), frames }
    }

    /// 8 GiB of frames: far beyond any use, and within what a semaphore counts.
    const MOST: u32 = 1 << 16;

    /// How many frames there are in all.
    pub(crate) fn frames(&self) -> u32 {
        self.frames
    }

    /// The same in bytes.
    pub(crate) fn bytes(&self) -> u64 {
        u64::from(self.frames) * FRAME as u64
    }

    /// Waits for this many frames; a wish for more than there are gets them all, instead of waiting for ever.
    pub(crate) fn reserve(&self, frames: u32) -> impl Future<Output = Room> + Send + use<> {
        let frames = frames.clamp(1, self.frames);
        let free = Arc::clone(&self.free);
        // The semaphore is never closed, so there always is a permit in the end.
        async move { Room { frames, _permit: free.acquire_many_owned(frames).await.ok() } }
    }
}

impl Room {
    /// How many frames may be out at once.
    pub(crate) fn frames(&self) -> u32 {
        self.frames
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn a_reservation_waits_until_room_comes_home() {
        let budget = Budget::new(3 * FRAME as u64 + 1);
        assert_eq!(budget.frames(), 3);
        let first = budget.reserve(2).now_or_never().unwrap();
        let mut second = Box::pin(budget.reserve(2));
        assert!(second.as_mut().now_or_never().is_none());
        drop(first);
        assert_eq!(second.now_or_never().unwrap().frames(), 2);
        assert_eq!(budget.free.available_permits(), 3, "all permits come home");
    }

    #[test]
    fn a_wish_beyond_the_budget_does_not_wait_for_ever() {
        let budget = Budget::new(0);
        let room = budget.reserve(9).now_or_never().unwrap();
        assert_eq!(room.frames(), 1);
        assert!(budget.reserve(1).now_or_never().is_none());
    }
}
