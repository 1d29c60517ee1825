//! One call: build → sign → send → decode → verify → maybe again.
//!
//! A call is built and signed anew for every attempt, so that each has a fresh date and valid credentials. What happens
//! after a failed one is decided by pure functions (`verdict`, `backoff`, `skew`); the rest only acts.
//!
//! What it never does: follow a redirect, send a customer key where it could be read, send a call again that may have
//! taken effect and cannot be repeated, or believe a success before it has decoded it and compared the encryption that
//! the store reports with what was asked.

mod answer;
mod attempt;
mod backoff;
mod body;
mod chunked;
mod client;
mod dial;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod masked;
mod network;
mod object_stream;
mod options;
mod pools;
mod reflection;
mod skew;
mod tls;
mod verdict;

#[cfg(test)]
mod tests;

pub(crate) use client::Unjudged;
pub use client::{Answered, StoreClient};
pub use masked::MaskedHead;
pub use object_stream::ObjectStream;
pub use options::{ClientOptions, ConnectTo, RequestObserver, Retry};
