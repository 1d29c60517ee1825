//! The embedded store as it speaks S3.

mod checksums;
mod chunks;
mod copy;
mod encryption;
mod faults;
mod multipart;
mod objects;
mod raw;
mod restart;
mod signature;
