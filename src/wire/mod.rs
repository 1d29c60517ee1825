//! Typed calls ↔ HTTP. Nothing here does I/O, waits, or knows the time.
//!
//! A [`Call`] says how it is asked ([`Call::head`], [`Call::payload`]) and what its answer means ([`Call::decode`]).
//! Names and limits come from the dialect's table; the encryption headers from the `SseContext`, at one place for
//! all calls; the signature is added later, by others. Answers are hostile until read: everything is bounded, and
//! what makes no sense is an error, never a panic.

mod abort;
mod address;
mod answer;
mod call;
mod checksum;
mod complete;
mod delete;
mod draft;
mod encode;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod get;
mod head;
mod initiate;
mod list_parts;
mod list_uploads;
pub(crate) mod naming;
mod object_info;
mod properties;
mod put;
mod refusal;
mod store_error;
mod upload_part;
mod xml;

pub use self::{
    abort::Abort,
    address::{Address, Addressing},
    call::{BoxBody, Call, Payload, RawAnswer, Replay},
    checksum::SentChecksum,
    complete::{Complete, Completed},
    delete::Delete,
    get::Get,
    head::Head,
    initiate::Initiate,
    list_parts::{ListParts, ListedPart, PartPage},
    list_uploads::{ListUploads, ListedUpload, UploadPage},
    object_info::ObjectInfo,
    properties::ObjectProperties,
    put::{ObjectReceipt, Put},
    store_error::StoreError,
    upload_part::{PartReceipt, UploadPart},
};
pub(crate) use address::without;
pub(crate) use answer::{SENSELESS, expected, origin};
pub(crate) use checksum::{knows, usual_algorithm};
pub(crate) use complete::NO_TAG;
pub(crate) use refusal::{fails_under_kms, is_upload_gone, may_be_the_key, over_plain_http, refusal, under_a_token};
#[cfg(feature = "cli")]
pub(crate) use store_error::is_invisible;
pub(crate) use store_error::{LARGEST_REFUSAL, request_id, unescaped};
pub(crate) use upload_part::MisfitPart;
pub(crate) use xml::LARGEST_ANSWER;

#[cfg(test)]
mod tests;
