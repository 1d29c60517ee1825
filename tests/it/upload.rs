//! Uploads of a file, from the first call to the receipt.

mod cleanup;
mod doubt;
mod faults;
pub(crate) mod model;
mod modes;
mod requests;
pub(crate) mod rig;
mod source;
