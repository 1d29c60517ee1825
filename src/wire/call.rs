//! What every call has in common: the trait, the body that goes out, the answer that comes back.

use std::{fmt, pin::Pin, sync::Arc};

use bytes::Bytes;
use http::{HeaderMap, StatusCode, request::Parts};

use super::Address;
use crate::{
    dialect::Dialect,
    error::{Error, Result},
    ident::PartNumber,
    operation::Operation,
    sse::SseContext,
};

/// One typed call to a store: how it is asked, and what its answer means.
///
/// It is sealed: the calls of this module are all there are.
pub trait Call: sealed::Sealed + Send + Sync {
    /// What the call answers.
    type Answer: Send;

    /// The kind of call.
    fn operation(&self) -> Operation;

    /// The part that it concerns, for errors.
    fn part(&self) -> Option<PartNumber> {
        None
    }

    /// Whether the call may simply be sent again after a lost answer. Not Complete, nor a conditional Put.
    fn replayable(&self) -> bool {
        self.operation().replayable()
    }

    /// Whether it carries a digest that does not fit its body, to see it refused: that is no damage on the way then, which
    /// another attempt might not meet.
    fn misfits(&self) -> bool {
        false
    }

    /// Method, absolute URI and all headers but those of the signature; the encryption headers are in.
    ///
    /// # Errors
    /// `Config` if a property cannot be sent.
    fn head(&self, at: &Address, sse: &SseContext) -> Result<Parts>;

    /// The body; its length is the head's Content-Length.
    fn payload(&self) -> Payload {
        Payload::Empty
    }

    /// The header that follows the body as a trailer, with the body's own [checksum](Replay::checksum) as its value.
    fn trailer(&self, _dialect: Dialect) -> Option<&'static str> {
        None
    }

    /// What a successful answer says; only for answers of status 2xx.
    ///
    /// # Errors
    /// The store's own refusal, if a 200 hides one; `Protocol` if the answer makes no sense.
    fn decode(&self, dialect: Dialect, answer: &RawAnswer) -> Result<Self::Answer>;
}

pub(super) mod sealed {
    /// Keeps others from adding calls, which the signer and the carriage table could not know.
    pub trait Sealed {}
}

/// What goes out as a body.
#[derive(Clone)]
pub enum Payload {
    /// No bytes. PUT and POST say so with a Content-Length of 0; GET, HEAD and DELETE have none.
    Empty,
    /// A small body in memory.
    Bytes(Bytes),
    /// A body that is opened anew for each attempt.
    Replay(Arc<dyn Replay>),
}

impl Payload {
    /// Its length in bytes.
    pub fn len(&self) -> u64 {
        match self {
            Self::Empty => 0,
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Replay(replay) => replay.len(),
        }
    }

    /// Whether it has no bytes.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl fmt::Debug for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Payload({} bytes)", self.len())
    }
}

/// An open body.
pub type BoxBody = Pin<Box<dyn http_body::Body<Data = Bytes, Error = Error> + Send + Sync>>;

/// A body that can be sent again from its start.
pub trait Replay: Send + Sync {
    /// Its exact length in bytes.
    fn len(&self) -> u64;

    /// Whether it has no bytes.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Starts over.
    fn open(&self) -> BoxBody;

    /// The checksum of all that the open body has given, as the store writes it; `None` until it was all.
    fn checksum(&self) -> Option<String> {
        None
    }

    /// Whether the open body waits for the network to take what it gave, rather than for bytes of its own.
    fn is_backed_up(&self) -> bool {
        false
    }

    /// Takes out the failure of the body itself, such as a read error; `None` if it was the network that failed.
    fn take_fault(&self) -> Option<Error> {
        None
    }
}

/// A complete answer: its head, and its bounded body.
#[derive(Clone, Debug)]
pub struct RawAnswer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}
