//! How an upload is asked to stop, and whether what it has sent is wanted still.

use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};

use tokio_util::sync::{CancellationToken, WaitForCancellationFuture};

use crate::error::{Error, ErrorKind};

/// A wish to stop, shared by an upload and its handle.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop {
    asked: CancellationToken,
    unwanted: Arc<AtomicBool>,
}

impl Stop {
    /// Stop, and keep what can be gone on with.
    pub(crate) fn pause(&self) {
        self.asked.cancel();
    }

    /// Stop, and remove what was begun; also after a pause, as long as that has not ended.
    pub(crate) fn cancel(&self) {
        self.unwanted.store(true, Ordering::Release);
        self.asked.cancel();
    }

    /// Whether what was begun is to be removed.
    pub(crate) fn is_unwanted(&self) -> bool {
        self.unwanted.load(Ordering::Acquire)
    }

    /// Whether anybody asked.
    pub(crate) fn is_asked(&self) -> bool {
        self.asked.is_cancelled()
    }

    /// Waits until somebody asks.
    pub(crate) fn asked(&self) -> WaitForCancellationFuture<'_> {
        self.asked.cancelled()
    }

    /// The error of an upload that was asked to stop.
    pub(crate) fn error(&self) -> Error {
        let how = if self.is_unwanted() { "the upload was cancelled" } else { "the upload was stopped" };
        Error::new(ErrorKind::Cancelled, how)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cancel_after_a_pause_counts() {
        let stop = Stop::default();
        assert!(!stop.is_asked());
        stop.pause();
        assert!(stop.is_asked() && !stop.is_unwanted());
        assert_eq!(stop.error().kind(), ErrorKind::Cancelled);
        stop.clone().cancel();
        assert!(stop.is_unwanted());
    }
}
