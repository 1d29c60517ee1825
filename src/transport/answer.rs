//! Reads an answer's body: bounded in size and in time, so that no server can fill the memory or hold a call for ever.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::time::Instant;

use crate::{
    operation::Operation,
    wire::{LARGEST_ANSWER, LARGEST_REFUSAL},
};

/// The longest that an answer may take from its head to its end, however it moves.
///
/// Complete answers at once and then sends white space for as long as the object is assembled, "may take minutes"
/// (/document/product/436/7742); the longest time that an official client waits is twenty minutes. Copies do the same
/// (/document/product/436/10881). All others have their answer ready when it begins, and of a refusal the head says the
/// most.
fn longest(operation: Operation, refused: bool) -> Duration {
    match operation {
        _ if refused => Duration::from_mins(1),
        Operation::Complete | Operation::PutCopy | Operation::UploadPartCopy => Duration::from_hours(1),
        _ => Duration::from_mins(10),
    }
}

/// The most bytes of an answer that are of use. A page of a list can be long; all other documents name one object, and of a
/// refusal no more than this is looked at. What many connections hold at once has to stay within the memory of an upload.
fn most(operation: Operation, refused: bool) -> usize {
    match operation {
        _ if refused => LARGEST_REFUSAL,
        Operation::ListParts | Operation::ListUploads => LARGEST_ANSWER,
        _ => 256 << 10,
    }
}

/// The most white space that may come before an answer. Stores send a few bytes a second; this is a store that fills an
/// hour with a score of kilobytes a second.
const MOST_SPACE: usize = 64 << 20;

/// What was read of a body.
#[derive(Debug)]
pub(super) struct Collected {
    /// The bytes from the first that is not white space.
    pub(super) body: Bytes,
    /// How it ended.
    pub(super) end: End,
}

/// How a body ended.
#[derive(Debug)]
pub(super) enum End {
    /// As it should.
    Whole,
    /// The connection broke.
    Broken(reqwest::Error),
    /// Nothing came for too long, or it took too long altogether.
    Late,
    /// It is larger than any answer can be.
    TooLarge,
}

/// Reads the body to its end; `patience` is how long it may be silent.
pub(super) async fn collect(mut response: reqwest::Response, operation: Operation, patience: Duration) -> Collected {
    let refused = !response.status().is_success();
    let last = Instant::now() + longest(operation, refused);
    let most = most(operation, refused);
    let mut body = BytesMut::new();
    let mut space = 0;
    let end = loop {
        let deadline = last.min(Instant::now() + patience);
        let chunk = match tokio::time::timeout_at(deadline, response.chunk()).await {
            Ok(Ok(Some(chunk))) => chunk,
            Ok(Ok(None)) => break End::Whole,
            Ok(Err(cause)) => break End::Broken(cause),
            Err(_) => break End::Late,
        };
        // White space in front keeps the connection alive and means nothing: it costs no memory.
        let text = if body.is_empty() { chunk.trim_ascii_start() } else { &chunk };
        space += chunk.len() - text.len();
        if space > MOST_SPACE || body.len() + text.len() > most && !refused {
            break End::TooLarge;
        }
        let room = most - body.len();
        body.extend_from_slice(&text[..text.len().min(room)]);
        if body.len() == most && refused {
            // The code stands at the beginning.
            break End::Whole;
        }
    };
    Collected { body: body.freeze(), end }
}
