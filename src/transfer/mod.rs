//! From a file, or a stream of unknown length, to one encrypted, proven object.
//!
//! ```text
//! file ─▶ Plan ─▶ journal ─▶ Initiate ─▶ journal        or: journal + ListParts + file ─▶ what is missing
//!           │                                           or: stream ─▶ StreamPlan ─▶ first part ─▶ Initiate, or PUT
//!   engine: one task; room from the budget first, then a part task:
//!     read into aligned, recycled frames ─▶ CRC-64 while hot ─▶ UploadPart (again from memory, if of a stream)
//!     answer: checksum, encryption ─▶ ledger, journal ─▶ progress
//!           │
//!   ledger full ─▶ combine checksums ─▶ file unchanged? ─▶ journal ─▶ Complete, once ─▶ HEAD ─▶ receipt
//! ```
//!
//! What is decided is decided in pure code: the plan, the pace, the ledger, the outcome of a doubtful Complete, whether
//! an earlier upload is the one that is asked for, whether one that failed is kept. Memory depends neither on the size
//! of the file nor on that of a part; the parts of a stream, which cannot be read again, are as large as the memory
//! allows. Every byte is read once, unless a file's digests have to go before its bytes, or it was touched meanwhile.
//!
//! With a [`journal`], the same request goes on where an earlier run has ended, whether that failed, was stopped or was
//! killed; of a stream the journal tells only what is left. What no run can bring to a good end is removed from the
//! store, and so is every upload without a journal that fails; a finished object never is.
//!
//! # Examples
//!
//! A file goes up under a customer key:
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use std::sync::Arc;
//!
//! use sealift::{
//!     dialect::COS,
//!     ident::{Bucket, ObjectKey, Region},
//!     signing::Credentials,
//!     sse::{CustomerKey, SseContext},
//!     transfer::{UploadRequest, Uploader, UploaderOptions},
//!     transport::{ClientOptions, StoreClient},
//!     wire::{Address, Addressing},
//! };
//!
//! let bucket = Bucket::new(COS, "examplebucket-1250000000")?;
//! let region = Region::new("ap-guangzhou")?;
//! let address = Address::new(COS, &bucket, Some(&region), None, Addressing::Auto)?;
//! let credentials = Arc::new(Credentials::new("AKIDexample", "secret")?);
//! let client = StoreClient::new(address, credentials, ClientOptions::default())?;
//!
//! let key = CustomerKey::generate()?;
//! key.save_new("backup.key")?; // without it the object cannot be read
//! let request = UploadRequest::new(client, ObjectKey::new(COS, "backup.tar")?, "backup.tar")
//!     .sse(SseContext::customer(COS, key));
//!
//! let uploader = Uploader::new(UploaderOptions::default())?;
//! let receipt = uploader.upload(request).await?;
//! println!("{} has checksum {:?}, proved by {:?}", receipt.url, receipt.crc64, receipt.verified);
//! # Ok(())
//! # }
//! ```

mod abort;
mod ahead;
mod body;
mod budget;
mod download;
mod ending;
mod engine;
mod feed;
mod finish;
mod frames;
mod integrity;
mod job;
pub mod journal;
mod keep;
mod ledger;
mod pace;
mod part;
mod plan;
mod progress;
mod queue;
mod receipt;
mod request;
mod reread;
mod resume;
mod scribe;
mod sending;
mod settle;
mod single;
mod source;
mod stop;
mod throttle;
mod uploader;
mod verify;

use self::job::Job;
#[cfg(feature = "cli")]
pub(crate) use self::{abort::abort_upload, source::FileSource};
// What a dry run looks into.
pub use self::{
    download::{Download, DownloadReceipt, DownloadRequest},
    integrity::{ChecksumChoice, EndpointProfiles, ProvedBy},
    plan::{Plan, Span, StreamPlan},
    progress::{Progress, Stage},
    receipt::{Receipt, ReceiptChecksum, ReceiptSse},
    request::{Clobber, Concurrency, OnChange, PreparedUpload, UploadRequest},
    uploader::{Upload, Uploader, UploaderOptions},
};
#[cfg(feature = "cli")]
pub(crate) use self::{integrity::Assurance, request::Opened};
