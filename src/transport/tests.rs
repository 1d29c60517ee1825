//! Attempts against servers that say and do exactly what a test wants, byte for byte.

mod answers;
mod bodies;
mod keys;
mod names;
mod retries;
mod runtimes;
mod server;
#[cfg(feature = "emulator")]
mod trust;
