//! Moves very large files into object storage under the user's own encryption, and proves that it did.
//!
//! *A file or a stream becomes one encrypted object: plan the parts, send them within a budget, carry the encryption
//! on every call that needs it, prove every byte, complete once.*
//!
//! Start at [`Uploader`] and [`UploadRequest`]; [`StoreClient`] sends single calls; [`SseContext`] says how the
//! store is to encrypt.
//!
//! # Map
//!
//! A module uses only rows below its own; modules of one row do not see each other, except in row 0. A test reads
//! every path in the sources and fails on any other.
//!
//! | row | modules | job |
//! |---|---|---|
//! | 5 | `cli` | flags → [`UploadRequest`]; progress → stderr; error → exit code |
//! | 4 | [`transfer`] | plan, source, budget, engine, ledger, journal, resume, progress |
//! | 3 | [`transport`], [`credentials`] | one call: build → sign → send → decode → verify → maybe again; who signs |
//! | 2 | [`wire`], [`signing`] | typed calls ↔ HTTP; seal a request head |
//! | 1 | [`checksum`], [`sse`] | checksums and their combining; the encryption context, its carriage and its echo |
//! | 0 | [`ident`], [`operation`], [`dialect`], [`secret`], [`clock`], [`error`], `small_file` | the vocabulary |
//! | – | [`guide`] | pages on each store; no code |
//! | – | `emulator` | a store written from the manuals, not from the client: uses `secret` and `clock` only |
//!
//! # Invariants that the code does not show
//!
//! * Which call carries which encryption header is decided in one table, in [`sse`]. Nothing else adds or removes one.
//! * `wire` and `signing` do no I/O and read no clock. `transfer::plan`, the ledger and the retry verdict are pure.
//! * Below `transport` nothing is async but the asking for credentials.
//! * A request is signed inside each attempt, so that a retry has a fresh date and fresh credentials.
//! * Room in the byte budget comes first, bytes second: the memory of an upload does not depend on its size.
//! * ETags are opaque. What proves the bytes is a checksum, taken as they leave.
//! * Complete is never plainly retried: after a doubtful end the store is looked at.
//! * A step is in the journal before the call that it speaks of leaves; a part is, only after its answer was verified.
//! * The emulator shares no signing, XML, encryption or CRC-combining code with the client, so that a bug in one
//!   cannot hide a bug in the other.
//!
//! Deliberately absent: adopting uploads that somebody else initiated; following redirects; comparing digests with
//! ETags; a customer key in any text that is printed, logged or stored.
//!
//! # Features
//!
//! `cli` (default): the `sealift` command. `emulator` (default): the embedded store, for tests and for the
//! command's `serve` and `demo`. The library alone builds with `--no-default-features`.

pub mod checksum;
#[cfg(feature = "cli")]
pub mod cli;
pub mod clock;
pub mod credentials;
pub mod dialect;
#[cfg(feature = "emulator")]
pub mod emulator;
pub mod error;
pub mod guide;
pub mod ident;
pub mod operation;
pub mod secret;
pub mod signing;
mod small_file;
pub mod sse;
pub mod transfer;
pub mod transport;
pub mod wire;

pub use self::{
    error::{Error, ErrorKind, Result},
    sse::{CustomerKey, KmsContext, SseContext},
    transfer::{Receipt, Upload, UploadRequest, Uploader},
    transport::StoreClient,
};

/// The README's examples compile.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
