//! Streams of every length against a plan of three parts.

use std::{io::Cursor, sync::Arc};

use tokio::sync::watch;

use super::*;
use crate::{
    dialect::{COS, Limits},
    ident::{Bucket, ObjectKey, Region},
    signing::Credentials,
    transfer::{Progress, UploadRequest, Uploader, UploaderOptions, stop::Stop},
    transport::{ClientOptions, StoreClient},
    wire::{Address, Addressing},
};

const PART: usize = 1 << 20;

/// A job that no call is made for.
fn job(uploader: &Uploader) -> Arc<Job> {
    let bucket = Bucket::new(COS, "b-1").unwrap();
    let region = Region::new("ap-guangzhou").unwrap();
    let address = Address::new(COS, &bucket, Some(&region), None, Addressing::Auto).unwrap();
    let credentials = Arc::new(Credentials::new("AKIDexample", "secret").unwrap());
    let client = StoreClient::new(address, credentials, ClientOptions::default()).unwrap();
    let request = UploadRequest::from_reader(client, ObjectKey::new(COS, "k").unwrap(), std::io::empty());
    let progress = watch::channel(Progress::default()).0;
    Arc::new(Job::new(request, &uploader.0, progress, Stop::default()).unwrap())
}

/// The lengths of the parts that a stream of this length becomes.
async fn parts(job: &Arc<Job>, len: usize) -> Result<Vec<u64>> {
    let limits = Limits { max_parts: 3, ..COS.limits() };
    let plan = StreamPlan::new(4 << 20, Some(PART as u64), limits).unwrap();
    let mut flow = Flow::new(job, plan, Feed::Async(Box::new(Cursor::new(vec![7; len]))));
    let mut lens = Vec::new();
    while let Some((back, number, held)) = flow.next().await? {
        assert_eq!(number.index(), lens.len());
        lens.push(held.len);
        flow = back;
    }
    Ok(lens)
}

#[tokio::test]
async fn the_last_part_is_never_empty_unless_it_is_the_only_one() {
    let uploader = Uploader::new(UploaderOptions::default().memory(4 << 20)).unwrap();
    let job = job(&uploader);
    let full = PART as u64;
    for (len, expected) in [
        (0, vec![0]),
        (1, vec![1]),
        (PART, vec![full]),
        (PART + 1, vec![full, 1]),
        (2 * PART, vec![full, full]),
        (3 * PART - 1, vec![full, full, full - 1]),
        (3 * PART, vec![full; 3]),
    ] {
        assert_eq!(parts(&job, len).await.unwrap(), expected, "{len} bytes");
    }
}

#[tokio::test]
async fn one_byte_too_many_is_noticed_and_gives_all_room_back() {
    let uploader = Uploader::new(UploaderOptions::default().memory(4 << 20)).unwrap();
    let job = job(&uploader);
    for len in [3 * PART + 1, 9 * PART] {
        let error = parts(&job, len).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().contains("longer than 3MiB"), "{error}");
    }
    job.budget.reserve(job.budget.frames()).await;
}

#[tokio::test]
async fn what_was_read_first_is_the_first_part_again() {
    let uploader = Uploader::new(UploaderOptions::default().memory(4 << 20)).unwrap();
    let job = job(&uploader);
    let plan = StreamPlan::new(4 << 20, Some(PART as u64), COS.limits()).unwrap();
    let flow = Flow::new(&job, plan, Feed::Async(Box::new(Cursor::new(vec![7; PART + 5]))));
    let (flow, _, first) = flow.next().await.unwrap().unwrap();
    assert!(!flow.has_ended());
    let (flow, number, first) = flow.unread(first).next().await.unwrap().unwrap();
    assert_eq!((number, first.len), (PartNumber::FIRST, PART as u64));
    let (flow, number, last) = flow.next().await.unwrap().unwrap();
    assert_eq!((number.get(), last.len, flow.has_ended()), (2, 5, true));
    assert!(flow.next().await.unwrap().is_none());
}
