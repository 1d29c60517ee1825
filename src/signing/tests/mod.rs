//! The signer against the published vectors, against what the official SDKs sent, and against its own policy.

mod policy;
mod presigned;
mod vectors;
