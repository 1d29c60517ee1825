//! The encryption that is asked for: one value, threaded through every call of an upload.
//!
//! [`SseContext`] is the only type that knows modes, keys and their headers. Calls ask it; nobody copies its fields.
//! Which call carries what is the table in `carriage`; what an answer proves is judged in `echo`. There is no I/O
//! here, and no key ever gets into an error or a `Debug` dump.

mod carriage;
mod context;
mod echo;
mod key;
mod kms;

pub(crate) use self::kms::may_be_same_kms_key;
pub use self::{
    context::{SseContext, SseMode},
    echo::{Echo, Reported},
    key::CustomerKey,
    kms::KmsContext,
};
