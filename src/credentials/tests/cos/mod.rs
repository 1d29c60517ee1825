//! The chain of COS.

mod files;
mod places;
mod role;
