//! Stores that mean harm: whatever they send, memory and time are bounded, the error is the right one, and nothing secret
//! goes anywhere else.

mod answers;
mod downloads;
mod names;
mod parrot;
mod program;
mod server;
