//! Uploads of a file or a stream, from the first call to the receipt.

mod cleanup;
mod doubt;
mod faults;
pub(crate) mod model;
mod modes;
mod requests;
pub(crate) mod rig;
mod s3;
mod source;
mod stream;
