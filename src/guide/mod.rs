//! Each store, page by page: what to give, what is proved there, what it does differently. Words only, no code.

#[doc = include_str!("cos.md")]
pub mod cos {}

#[doc = include_str!("aws.md")]
pub mod aws {}

#[doc = include_str!("ceph.md")]
pub mod ceph {}

#[doc = include_str!("seaweedfs.md")]
pub mod seaweedfs {}

#[doc = include_str!("garage.md")]
pub mod garage {}

#[doc = include_str!("minio.md")]
pub mod minio {}
