//! The memory that Completes may take, all together.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Bytes of lists that may be in memory at once.
const LISTS: usize = 32 << 20;
/// Bytes that may be in use at once for what is made of them.
const WORK: usize = 32 << 20;
/// How much that is for each byte of a list: the parts that it names, those on disk, and the object.
const WORK_PER_BYTE: usize = 8;

/// Room for lists of parts and for the work on them. Who finds none waits: short lists hardly ever do, and the longest
/// ones take turns.
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

/// A share of the room, until it is dropped; `None` only if the store is coming to its end.
pub(super) type Share = Option<OwnedSemaphorePermit>;

impl Room {
    /// Room for a list of so many bytes that is about to come in.
    pub(super) async fn list(&self, bytes: usize) -> Share {
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
