//! The embedded store's own behaviour, tried with a plain HTTP client that signs for itself.

mod conditions;
mod copy;
mod encryption;
mod faults;
mod lists;
mod multipart;
mod objects;
mod raw;
mod restart;
mod s3;
mod signature;
