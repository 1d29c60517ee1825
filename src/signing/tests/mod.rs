//! The signers against the published vectors, against what the official SDKs sent, and against their own policy.

mod aws_vectors;
mod framing;
mod policy;
mod presigned;
mod s3_policy;
mod s3_presigned;
mod vectors;
