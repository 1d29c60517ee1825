//! The embedded store's own behaviour, tried with a plain HTTP client that signs for itself.

mod codes;
mod conditions;
mod copy;
mod crowd;
mod encryption;
mod faults;
mod form;
mod full;
mod go_sdk;
mod guesses;
mod kills;
mod lists;
mod longest;
mod many;
mod memory;
mod multipart;
mod noted;
mod objects;
mod raw;
mod readme;
mod refusals;
mod restart;
mod s3;
mod served;
mod signature;
mod slow;
