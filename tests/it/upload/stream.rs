//! Streams of unknown length: what comes out of them is the object, and what cannot be one leaves nothing.

mod endings;
mod journals;

use std::{
    io::{Cursor, Read},
    pin::Pin,
    task::{Context, Poll},
};

use sealift::{
    emulator::FaultPlan,
    error::{ErrorKind, Result},
    sse::SseContext,
    transfer::{
        Concurrency, OnChange, Progress, Receipt, Stage, StreamPlan, UploadRequest, Uploader, UploaderOptions,
        journal::MemoryJournal,
    },
};
use tokio::io::{AsyncRead, AsyncWriteExt as _, ReadBuf};

use super::{
    model::{Dice, TROUBLE},
    rig::{KEY, MIB, Rig, customer, modes, none},
};
use crate::support::key;

/// A reader that gives out pieces of any length, as a network does.
struct Ragged {
    bytes: Cursor<Vec<u8>>,
    dice: Dice,
}

impl Read for Ragged {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let len = buffer.len().min(1 + self.dice.below(200_000));
        self.bytes.read(&mut buffer[..len])
    }
}

impl AsyncRead for Ragged {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<std::io::Result<()>> {
        let this = self.get_mut();
        if this.dice.below(3) == 0 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let read = this.read(buffer.initialize_unfilled())?;
        buffer.advance(read);
        Poll::Ready(Ok(()))
    }
}

/// The rig's content as a stream.
fn ragged(rig: &Rig) -> Ragged {
    Ragged { bytes: Cursor::new(rig.content.clone()), dice: Dice(rig.content.len() as u64) }
}

/// A request for the rig's content as a stream, in parts of 1 MiB.
fn request(rig: &Rig) -> UploadRequest {
    UploadRequest::from_stream(rig.client.clone(), key(KEY), ragged(rig)).part_size(MIB as u64)
}

async fn upload(rig: &Rig, sse: &SseContext) -> Result<Receipt> {
    rig.uploader.upload(request(rig).sse(sse.clone())).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_of_any_length_becomes_the_object_in_every_mode() {
    for sse in modes() {
        for (len, parts) in [(0, 1), (1, 1), (MIB - 1, 1), (MIB, 1), (MIB + 1, 2), (3 * MIB, 3), (3 * MIB + 5, 4)] {
            let rig = Rig::new(len).await;
            let receipt = upload(&rig, &sse).await.unwrap();
            rig.same(&rig.read(&sse).await.unwrap());
            let told = format!("{len} bytes, {:?}", sse.mode());
            assert_eq!((receipt.size, receipt.parts), (len as u64, parts), "{told}");
            assert_eq!(receipt.part_size, len.min(MIB) as u64, "{told}");
            assert_eq!(receipt.sent_bytes, len as u64, "{told}");
            let single = len < MIB;
            assert_eq!((rig.seen("Put").len(), receipt.upload_id.is_none()), (usize::from(single), single), "{told}");
            for check in ["object-checksum", if single { "object-checksum" } else { "size" }] {
                assert!(receipt.verified.iter().any(|it| it == check), "{told}: {:?}", receipt.verified);
            }
            assert!(!receipt.verified.contains(&"source-unchanged".to_owned()), "nothing can be said of it");
            assert!(receipt.warnings.is_empty(), "{:?}", receipt.warnings);
            let sent = rig.seen("UploadPart");
            assert!(sent.iter().all(|part| part.received > 0), "{told}: no part is empty");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_blocks_is_a_stream_too_and_each_part_may_carry_its_md5() {
    for len in [100, 2 * MIB + 7] {
        let rig = Rig::new(len).await;
        let request = UploadRequest::from_reader(rig.client.clone(), key(KEY), ragged(&rig)).part_size(MIB as u64);
        rig.uploader.upload(request.sse(customer()).content_md5(true)).await.unwrap();
        rig.same(&rig.read(&customer()).await.unwrap());
        let sent = [rig.seen("UploadPart"), rig.seen("Put")].concat();
        let carries = |name: &str| sent.iter().all(|call| call.headers.iter().any(|(header, _)| header == name));
        assert!(carries("content-md5"), "the store compares it: {sent:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_grow_so_that_long_streams_fit() {
    let rig = Rig::new(132 * MIB).await;
    let uploader = Uploader::new(UploaderOptions::default().memory(8 << 20)).unwrap();
    let request = UploadRequest::from_stream(rig.client.clone(), key(KEY), Cursor::new(rig.content.clone()));
    let receipt = uploader.upload(request.sse(customer())).await.unwrap();
    rig.same(&rig.read(&customer()).await.unwrap());
    let mut parts: Vec<(u16, u64)> =
        rig.seen("UploadPart").iter().map(|part| (part.part.unwrap(), part.received)).collect();
    parts.sort_unstable();
    let plan = StreamPlan::new(8 << 20, None, sealift::dialect::Dialect::Cos.limits()).unwrap();
    assert_eq!((plan.first_part, plan.largest_part), (1 << 20, 4 << 20));
    assert_eq!((parts[0].1, parts[124].1, parts[125].1), (1 << 20, 1 << 20, (1 << 20) + (128 << 10)));
    assert_eq!(receipt.part_size, (1 << 20) + (128 << 10), "the largest");
    assert_eq!(receipt.parts as usize, parts.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn parts_that_go_wrong_are_sent_again_from_memory() {
    let faults = FaultPlan::new()
        .on("UploadPart")
        .part(1)
        .times(2)
        .answer(503, "SlowDown")
        .on("UploadPart")
        .part(2)
        .times(1)
        .reset()
        .on("UploadPart")
        .part(3)
        .times(2)
        .wrong_crc()
        .on("Complete")
        .times(1)
        .lose_answer();
    let rig = Rig::with_faults(4 * MIB + 9, faults).await;
    let receipt = upload(&rig, &customer()).await.unwrap();
    rig.same(&rig.read(&customer()).await.unwrap());
    assert!(receipt.sent_bytes > 4 * MIB as u64 + 9, "what was sent again counts as sent");
    let rig = Rig::with_faults(100, FaultPlan::new().on("Put").times(1).wrong_crc()).await;
    upload(&rig, &customer()).await.unwrap();
    rig.same(&rig.read(&customer()).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_does_not_encrypt_gets_no_byte_of_the_stream() {
    let silent = FaultPlan::new().on("Initiate").drop_echo();
    let rig = Rig::with_faults(3 * MIB, silent.clone()).await;
    upload(&rig, &customer()).await.unwrap();
    assert_eq!(rig.seen("UploadPart")[0].received, 1, "one random byte goes first");
    let rig = Rig::with_faults(3 * MIB, silent.on("UploadPart").drop_echo()).await;
    let outcome = upload(&rig, &customer()).await;
    rig.failed_clean(outcome, ErrorKind::Encryption).await;
    assert_eq!(rig.seen("UploadPart").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_share_the_memory_of_their_uploader_and_all_end() {
    let rig = Rig::new(5 * MIB).await;
    // Two parts at once, for three uploads.
    let uploader = Uploader::new(UploaderOptions::default().memory(2 << 20)).unwrap();
    for concurrency in [Concurrency::Auto, Concurrency::Fixed(1), Concurrency::Fixed(16)] {
        let uploads = (1..=3).map(|n| {
            let stream = UploadRequest::from_stream(rig.client.clone(), key(&format!("object-{n}")), ragged(&rig));
            uploader.upload(stream.part_size(MIB as u64).sse(customer()).concurrency(concurrency))
        });
        for receipt in futures::future::join_all(uploads).await {
            assert_eq!(receipt.unwrap().parts, 5);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn progress_says_how_much_was_read_and_when_the_end_is_known() {
    let rig = Rig::new(0).await;
    let (mut pipe, stream) = tokio::io::duplex(64 << 10);
    let request = UploadRequest::from_stream(rig.client.clone(), key(KEY), stream).part_size(MIB as u64);
    let upload = rig.uploader.upload(request);
    let mut progress = upload.progress();
    let first: Progress = progress.wait_for(|now| now.stage == Stage::Reading).await.unwrap().clone();
    assert!(first.open && first.longest == Some(10_000 << 20), "{first:?}");
    pipe.write_all(&crate::support::pattern(2 * MIB + 5, 1)).await.unwrap();
    let open = progress.wait_for(|now| now.parts_done == 2).await.unwrap().clone();
    assert!(open.open && (open.total, open.parts) == (2 << 20, 2), "{open:?}");
    drop(pipe);
    upload.await.unwrap();
    let last = progress.borrow().clone();
    assert!(!last.open && (last.total, last.parts, last.confirmed) == ((2 << 20) + 5, 3, (2 << 20) + 5), "{last:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_a_source_that_can_be_read_again_is_refused() {
    let rig = Rig::new(3 * MIB).await;
    let error = rig.uploader.upload(request(&rig).on_change(OnChange::Restart)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.hint().unwrap().contains("file"), "{error:?}");
    let token = MemoryJournal::new().token();
    let error = rig.uploader.resume(request(&rig), &token).await.unwrap_err();
    assert_eq!((error.kind(), error.message().contains("gone on with")), (ErrorKind::Config, true));
    assert_eq!(request(&rig).part_size(1000).build().unwrap_err().kind(), ErrorKind::Config);
    let error = rig.uploader.upload(request(&rig).part_size(17 << 20)).await.unwrap_err();
    assert!(error.message().contains("does not fit into 16MiB"), "{error}");
    assert!(rig.store.emulator.transcript().is_empty(), "nothing was sent");

    let twice = request(&rig);
    rig.uploader.upload(twice.clone()).await.unwrap();
    let error = rig.uploader.upload(twice).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.message().contains("taken"), "{error}");
}

/// As the model of files: any mixture of lengths, modes and faults.
async fn try_seed(seed: u64) {
    let mut dice = Dice(seed);
    let len = dice.pick(&[0, 1, MIB - 1, MIB, MIB + 1, 3 * MIB + 5, 6 * MIB]);
    let sse: SseContext = dice.pick(&modes());
    let concurrency = dice.pick(&[Concurrency::Auto, Concurrency::Fixed(1), Concurrency::Fixed(4)]);
    let mut faults = FaultPlan::new();
    for _ in 0..dice.below(4) {
        let (operation, verb) = dice.pick(&TROUBLE);
        faults = verb(faults.on(operation).times(1 + u32::try_from(dice.below(2)).unwrap()));
    }
    let told = format!("seed {seed}: {len} bytes, {:?}, {concurrency:?}, {faults:?}", sse.mode());
    let rig = Rig::with_faults(len, faults).await;
    let uploader = Uploader::new(UploaderOptions::default().memory(3 << 20)).unwrap();
    let again = || request(&rig).sse(sse.clone()).concurrency(concurrency);
    let outcome = uploader.upload(again()).await;
    rig.store.emulator.set_faults(FaultPlan::new());
    match outcome {
        Ok(_) => rig.same(&rig.read(&sse).await.unwrap()),
        Err(error) => {
            let kinds = [ErrorKind::Encryption, ErrorKind::Integrity, ErrorKind::Rejected, ErrorKind::Unavailable];
            assert!(kinds.contains(&error.kind()) && !error.is_resumable(), "{told}: {error:?}");
        }
    }
    assert_eq!(rig.unfinished().await, 0, "{told}");
    // All room has come home.
    uploader.upload(again()).await.unwrap();
    rig.same(&rig.read(&sse).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_success_means_the_stream_and_failure_means_nothing_left() {
    futures::future::join_all((101..=116).map(try_seed)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_there_is_not_replaced_and_the_stream_not_read_in_vain() {
    let rig = Rig::new(3 * MIB).await;
    upload(&rig, &none()).await.unwrap();
    let never = || request(&rig).clobber(sealift::transfer::Clobber::Never);
    let error = rig.uploader.upload(never()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Rejected);
    assert_eq!(rig.seen("Initiate").len(), 1);
}
