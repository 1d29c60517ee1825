//! The memory that Completes may take, all together.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of lists that may be in memory at once, besides the short ones.
const LISTS: usize = 32 << 20;
/// Up to so many bytes a list is short: even one from each connection is little.
const SHORT: usize = 64 << 10;
/// Bytes that may be in use at once for what is made of them.
const WORK: usize = 32 << 20;
/// How much that is for each byte of a list: the parts that it names, as they are told and as they are, and the object.
const WORK_PER_BYTE: usize = 8;

/// Room for lists of parts and for the work on them. Who finds none waits: the longest lists take turns, also to come in,
/// so that clients which send such a list slowly keep other long ones waiting, until their time is over, and no short one.
#[derive(Debug)]
pub(in crate::emulator) struct Room {
    lists: Arc<Semaphore>,
    work: Arc<Semaphore>,
}

impl Default for Room {
    fn default() -> Self {
        Self { lists: Arc::new(Semaphore::new(LISTS)), work: Arc::new(Semaphore::new(WORK)) }
    }
}

/// A share of the room, until it is dropped; `None` if none is needed, or if the store is coming to its end.
pub(super) type Share = Option<OwnedSemaphorePermit>;

impl Room {
    /// Room for a list of so many bytes that is about to come in.
    pub(super) async fn list(&self, bytes: usize) -> Share {
        if bytes <= SHORT {
            return None;
        }
        take(&self.lists, bytes.min(LISTS)).await
    }

    /// Room for the work on a list that is there. Its share of the lists may be kept meanwhile: nobody who has one here
    /// waits for one there.
    pub(super) async fn work(&self, bytes: usize) -> Share {
        take(&self.work, bytes.saturating_mul(WORK_PER_BYTE).min(WORK)).await
    }
}

async fn take(room: &Arc<Semaphore>, bytes: usize) -> Share {
    Arc::clone(room).acquire_many_owned(u32::try_from(bytes).ok()?).await.ok()
}

#[cfg(test)]
mod tests {
    use futures::FutureExt as _;

    use super::*;

    #[test]
    fn slow_long_lists_keep_long_ones_waiting_and_no_short_one() {
        let room = Room::default();
        let slow = room.list(LISTS).now_or_never().unwrap();
        let mut next = Box::pin(room.list(SHORT + 1));
        assert!(next.as_mut().now_or_never().is_none());
        assert!(room.list(SHORT).now_or_never().is_some());
        // Its list has come in, and is worked on while the others come.
        let work = room.work(usize::MAX).now_or_never().unwrap();
        assert!(room.work(1).now_or_never().is_none());
        drop(slow);
        assert!(next.now_or_never().unwrap().is_some());
        drop(work);
        assert!(room.work(1).now_or_never().unwrap().is_some());
    }
}
