//! The bytes of an object as they come.

use std::{fmt, time::Duration};

use bytes::Bytes;

use crate::{
    error::{Error, ErrorKind, Result},
    operation::Operation,
};

/// The bytes of an object as they come.
///
/// Dropping it closes the connection. It does not go on by itself after a break: its caller knows how much it has, and
/// asks for the rest with a range.
pub struct ObjectStream {
    response: reqwest::Response,
    stall_timeout: Duration,
    place: String,
}

impl ObjectStream {
    pub(super) fn new(response: reqwest::Response, stall_timeout: Duration, place: String) -> Self {
        Self { response, stall_timeout, place }
    }

    /// The next bytes; `None` at the end.
    ///
    /// # Errors
    /// `Unavailable` if nothing comes for the stall timeout, or the connection breaks before the announced end.
    ///
    /// # Cancellation
    /// No bytes are lost if the future is dropped before it is ready.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>> {
        let failed = |message| Error::new(ErrorKind::Unavailable, message).at(Operation::Get);
        match tokio::time::timeout(self.stall_timeout, self.response.chunk()).await {
            Ok(Ok(chunk)) => Ok(chunk),
            Ok(Err(cause)) => {
                Err(failed(format!("the connection to {} broke", self.place)).caused_by(cause.without_url()))
            }
            Err(_) => {
                let seconds = self.stall_timeout.as_secs_f32();
                Err(failed(format!("nothing came from {} for {seconds} s", self.place)))
            }
        }
    }
}

impl fmt::Debug for ObjectStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectStream").field("place", &self.place).finish_non_exhaustive()
    }
}
