//! What sealift promises, tried from outside against the embedded store.

#![expect(clippy::unwrap_used, reason = "the helpers of tests may fail where they stand, as tests may")]

mod architecture;
mod bad_input;
mod canary;
mod cli;
mod download;
mod echo;
mod emulator;
mod hostile;
mod resume;
mod support;
mod transport;
mod upload;
mod uploads;
