//! Moves very large files into object storage under the user's own encryption, and proves that it did.

pub mod checksum;
#[cfg(feature = "cli")]
pub mod cli;
pub mod clock;
pub mod credentials;
pub mod dialect;
#[cfg(feature = "emulator")]
pub mod emulator;
pub mod error;
pub mod ident;
pub mod operation;
pub mod secret;
pub mod signing;
mod small_file;
pub mod sse;
pub mod transfer;
pub mod transport;
pub mod wire;
