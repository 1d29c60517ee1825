//! Any mixture of sizes, modes and faults: success means that the store holds the file, failure that it holds nothing
//! unknown.

use sealift::{
    emulator::{FaultPlan, Rule},
    error::ErrorKind,
    sse::SseContext,
    transfer::{Concurrency, Uploader, UploaderOptions},
};

use super::rig::{MIB, Rig, modes};

/// A sequence of choices that a seed decides.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        // SplitMix64.
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        usize::try_from((mixed ^ (mixed >> 31)) % limit as u64).unwrap()
    }

    pub(crate) fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())].clone()
    }
}

pub(crate) type Verb = fn(Rule) -> FaultPlan;

/// What may go wrong with which call.
pub(crate) const TROUBLE: [(&str, Verb); 22] = [
    ("Initiate", |rule| rule.answer(503, "SlowDown")),
    ("Initiate", |rule| rule.drop_echo()),
    ("Initiate", |rule| rule.alter_echo()),
    ("UploadPart", |rule| rule.answer(503, "SlowDown")),
    ("UploadPart", |rule| rule.answer(400, "InvalidArgument")),
    ("UploadPart", |rule| rule.reset()),
    ("UploadPart", |rule| rule.lose_answer()),
    ("UploadPart", |rule| rule.wrong_crc()),
    ("UploadPart", |rule| rule.drop_crc()),
    ("UploadPart", |rule| rule.drop_echo()),
    ("UploadPart", |rule| rule.downgrade_echo()),
    ("Complete", |rule| rule.answer(500, "InternalError")),
    ("Complete", |rule| rule.answer(400, "InvalidPart")),
    ("Complete", |rule| rule.error_in_200("InternalError")),
    ("Complete", |rule| rule.lose_answer()),
    ("Complete", |rule| rule.cut_stream()),
    ("Complete", |rule| rule.alter_echo()),
    ("Put", |rule| rule.lose_answer()),
    ("Put", |rule| rule.wrong_crc()),
    ("Put", |rule| rule.alter_echo()),
    ("Head", |rule| rule.reset()),
    ("Abort", |rule| rule.answer(503, "SlowDown")),
];

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
    let options = UploaderOptions::default().memory(1 << 20);
    let uploader = Uploader::new(options).unwrap();
    let request = || rig.request().sse(sse.clone()).concurrency(concurrency);
    let outcome = uploader.upload(request()).await;
    rig.store.emulator.set_faults(FaultPlan::new());
    match outcome {
        Ok(receipt) => {
            rig.same(&rig.read(&sse).await.unwrap());
            assert!(receipt.verified.contains(&"object-checksum".to_owned()), "{told}");
        }
        Err(error) => {
            let kinds = [ErrorKind::Encryption, ErrorKind::Integrity, ErrorKind::Rejected, ErrorKind::Unavailable];
            assert!(kinds.contains(&error.kind()), "{told}: {error:?}");
            let made = rig.seen("Complete").iter().any(|request| request.status == 200 && request.code.is_none());
            if !made {
                assert_eq!(rig.head(&sse).await.unwrap_err().status(), Some(404), "{told}: {error:?}");
            }
        }
    }
    assert_eq!(rig.unfinished().await, 0, "{told}");
    // All room has come home: the same uploader can do it once more with all of it.
    uploader.upload(request()).await.unwrap();
    rig.same(&rig.read(&sse).await.unwrap());
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_goes_wrong_success_means_the_file_and_failure_means_nothing_left() {
    futures::future::join_all((1..=24).map(try_seed)).await;
}
