//! Streams that break off, are silent, or are stopped: nothing stays behind, and the uploader can go on.

use std::{
    io::{self, Read, Write as _},
    time::Duration,
};

use sealift::{
    error::{Error, ErrorKind},
    transfer::{Stage, Upload, UploadRequest, Uploader, UploaderOptions},
    transport::StoreClient,
};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::{
    super::rig::{KEY, MIB, Rig, customer, none},
    ragged,
};
use crate::support::{key, pattern};

/// What comes before the line is cut.
struct Cut(io::Cursor<Vec<u8>>);

impl Read for Cut {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match Read::read(&mut self.0, buffer) {
            Ok(0) => Err(io::Error::other("the line is cut")),
            read => read,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_fails_anywhere_leaves_nothing() {
    for len in [0, 100, MIB, 4 * MIB + 100] {
        let rig = Rig::new(0).await;
        let request = UploadRequest::from_reader(rig.client.clone(), key(KEY), Cut(io::Cursor::new(pattern(len, 3))));
        let outcome = rig.uploader.upload(request.part_size(MIB as u64).sse(customer())).await;
        let error: Error = rig.failed_clean(outcome, ErrorKind::Source).await;
        assert!(error.message().contains(&format!("at byte {len}")), "{error}");
        assert!(!error.is_resumable());
        assert!(rig.seen("Complete").is_empty() && rig.seen("Put").is_empty());
    }
}

/// How long a wish to stop may take: far more than it does, and far less than for ever.
const SOON: Duration = Duration::from_secs(20);

async fn stopped(rig: &Rig, upload: Upload, pause: bool) -> Error {
    if pause {
        upload.pause();
    } else {
        upload.cancel();
    }
    let outcome = tokio::time::timeout(SOON, upload).await.expect("a silent stream holds nobody up");
    let error = rig.failed_clean(outcome, ErrorKind::Cancelled).await;
    assert!(!error.is_resumable(), "what was read is gone");
    error
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_stream_can_be_stopped_and_all_room_comes_home() {
    for (len, pause) in [(0, true), (100, false), (2 * MIB, true), (2 * MIB + 100, false)] {
        let rig = Rig::new(3 * MIB).await;
        let uploader = Uploader::new(UploaderOptions::default().memory(2 << 20)).unwrap();
        let (mut pipe, stream) = tokio::io::duplex(64 << 10);
        let request = UploadRequest::from_stream(rig.client.clone(), key(KEY), stream).part_size(MIB as u64);
        let upload = uploader.upload(request.sse(customer()));
        pipe.write_all(&pattern(len, 3)).await.unwrap();
        let parts = u32::try_from(len / MIB).unwrap();
        upload.progress().wait_for(|now| now.stage != Stage::Starting && now.parts_done == parts).await.unwrap();
        stopped(&rig, upload, pause).await;
        assert_eq!(rig.seen("Initiate").len(), usize::from(len >= MIB));
        // Two parts, which is all the memory.
        let again = UploadRequest::from_stream(rig.client.clone(), key(KEY), ragged(&rig)).part_size(2 << 20);
        uploader.upload(again).await.unwrap();
        rig.same(&rig.read(&none()).await.unwrap());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_that_blocks_holds_up_neither_the_end_of_the_upload_nor_the_process() {
    let rig = Rig::new(0).await;
    let (read, mut write) = io::pipe().unwrap();
    let request = UploadRequest::from_reader(rig.client.clone(), key(KEY), read).part_size(MIB as u64);
    let upload = rig.uploader.upload(request);
    let feed = tokio::task::spawn_blocking(move || {
        write.write_all(&pattern(MIB + 100, 3)).unwrap();
        write
    });
    upload.progress().wait_for(|now| now.parts_done == 1).await.unwrap();
    let write = feed.await.unwrap();
    let error = stopped(&rig, upload, false).await;
    assert!(error.hint().unwrap().contains("--spool"), "{error:?}");
    drop(write);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dropped_upload_of_a_stream_is_removed_in_the_background() {
    let rig = Rig::new(0).await;
    let (mut pipe, stream) = tokio::io::duplex(64 << 10);
    let request = UploadRequest::from_stream(rig.client.clone(), key(KEY), stream).part_size(MIB as u64);
    let upload = rig.uploader.upload(request);
    pipe.write_all(&pattern(MIB + 1, 3)).await.unwrap();
    let mut progress = upload.progress();
    progress.wait_for(|now| now.parts_done == 1).await.unwrap();
    drop(upload);
    while progress.changed().await.is_ok() {}
    assert_eq!((rig.unfinished().await, rig.seen("Abort").len()), (0, 1));
    let gone = pipe.read(&mut [0]).await;
    assert!(matches!(gone, Ok(0) | Err(_)), "the other end hears of it");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_is_silent_for_longer_than_any_patience_harms_no_connection() {
    let rig = Rig::new(0).await;
    let patience = Duration::from_millis(200);
    let options = rig.store.client_options().stall_timeout(patience).attempts(1);
    let client = StoreClient::new(rig.store.address(), rig.store.credentials(), options).unwrap();
    let (mut pipe, stream) = tokio::io::duplex(64 << 10);
    let request = UploadRequest::from_stream(client, key(KEY), stream).part_size(MIB as u64);
    let upload = rig.uploader.upload(request.sse(customer()));
    let content = pattern(2 * MIB + 1, 3);
    for piece in content.chunks(MIB / 2 + 1) {
        pipe.write_all(piece).await.unwrap();
        tokio::time::sleep(4 * patience).await;
    }
    drop(pipe);
    assert_eq!(upload.await.unwrap().retries, 0);
    assert!(rig.read(&customer()).await.unwrap() == content);
}
