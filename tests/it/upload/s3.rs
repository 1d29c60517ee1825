//! Uploads to the store as it speaks S3: every mode, and every way in which such a store proves bytes.

use sealift::{
    checksum::{Algorithm, Checksum},
    dialect::S3,
    emulator::{EmulatorOptions, FaultPlan},
    error::ErrorKind,
    sse::{CustomerKey, KmsContext, SseContext},
    transfer::{ChecksumChoice, Receipt, UploadRequest},
};

use super::rig::{MIB, Rig};
use crate::support::{self, key};

const PART: usize = 5 * MIB;
const TRIPLE: [&str; 3] = [
    "x-amz-server-side-encryption-customer-algorithm",
    "x-amz-server-side-encryption-customer-key",
    "x-amz-server-side-encryption-customer-key-md5",
];

async fn rig(len: usize, change: impl FnOnce(EmulatorOptions) -> EmulatorOptions) -> Rig {
    Rig::over(support::s3_store_with(change).await, len)
}

fn none() -> SseContext {
    SseContext::none(S3)
}

fn customer() -> SseContext {
    SseContext::customer(S3, CustomerKey::from_bytes([7; 32]))
}

fn modes() -> [SseContext; 4] {
    let context = KmsContext::parse(r#"{"purpose":"test"}"#).unwrap();
    let id = Some("1234abcd-12ab-34cd-56ef-1234567890ab".to_owned());
    [none(), SseContext::managed(S3), SseContext::kms(S3, id, Some(context)).unwrap(), customer()]
}

fn request(rig: &Rig, sse: &SseContext) -> UploadRequest {
    UploadRequest::new(rig.client.clone(), key(super::rig::KEY), rig.file()).part_size(PART as u64).sse(sse.clone())
}

/// What GET has to say: a mode whose keys the store keeps is no parameter of it.
fn to_read(sse: &SseContext) -> SseContext {
    if sse.is_customer() { sse.clone() } else { none() }
}

async fn done(rig: &Rig, request: UploadRequest, sse: &SseContext) -> Receipt {
    let receipt = rig.uploader.upload(request).await.unwrap();
    rig.same(&rig.read(&to_read(sse)).await.unwrap());
    assert_eq!(rig.unfinished().await, 0);
    receipt
}

#[tokio::test(flavor = "multi_thread")]
async fn every_mode_gives_the_object_that_the_file_was_and_its_proof() {
    for sse in modes() {
        let rig = rig(2 * PART + 17, |options| options).await;
        let receipt = done(&rig, request(&rig, &sse), &sse).await;
        let checksum = receipt.checksum.unwrap();
        let expected = Checksum::of(Algorithm::Crc64Nvme, &rig.content).to_string();
        assert_eq!(
            (checksum.algorithm.as_str(), checksum.value, checksum.kind),
            ("crc64-nvme", expected, "full-object".to_owned())
        );
        assert_eq!(receipt.crc64, None, "S3 does not speak the checksum of COS");
        assert_eq!(
            (receipt.parts, receipt.sse.mode.as_str()),
            (3, if sse.key_md5().is_some() { "customer" } else { receipt.sse.mode.as_str() })
        );
        for check in ["part-checksums", "object-checksum", "size", "source-unchanged", "head"] {
            assert!(receipt.verified.iter().any(|it| it == check), "{check} is missing: {:?}", receipt.verified);
        }
        assert_eq!(receipt.warnings, [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_key_rides_on_every_call_that_s3_wants_it_on_and_on_no_other() {
    let rig = rig(2 * PART, |options| options).await;
    done(&rig, request(&rig, &customer()), &customer()).await;
    let carries = |operation: &str| {
        let seen = rig.seen(operation);
        assert!(!seen.is_empty(), "{operation} was not seen");
        seen.iter().all(|request| TRIPLE.iter().all(|name| request.headers.iter().any(|(header, _)| header == name)))
    };
    for operation in ["Initiate", "UploadPart", "Complete", "Head"] {
        assert!(carries(operation), "{operation}");
    }
    assert!(!carries("ListUploads"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_file_goes_in_one_part_until_a_put_is_known_to_be_proved() {
    for sse in modes() {
        let rig = rig(1000, |options| options).await;
        let receipt = done(&rig, request(&rig, &sse), &sse).await;
        assert_eq!((receipt.parts, receipt.upload_id.is_some()), (1, true));
        assert!(receipt.verified.iter().any(|it| it == "object-checksum"), "{:?}", receipt.verified);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_file_is_one_put_in_every_mode() {
    for sse in modes() {
        let rig = rig(0, |options| options).await;
        let receipt = done(&rig, request(&rig, &sse), &sse).await;
        assert_eq!((receipt.size, receipt.upload_id), (0, None));
    }
}

/// A store that does not tell what it was not told, on any call.
fn silent() -> FaultPlan {
    FaultPlan::new().on("UploadPart").drop_crc().on("Complete").drop_crc().on("Head").drop_crc()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_tells_no_checksum_is_told_one_behind_each_part_and_refuses_a_wrong_one() {
    for sse in modes() {
        let rig = rig(2 * PART, |options| options.faults(silent())).await;
        let receipt = done(&rig, request(&rig, &sse), &sse).await;
        assert!(receipt.verified.iter().any(|it| it == "part-checksums"), "{:?}", receipt.verified);
        assert!(!receipt.verified.iter().any(|it| it == "object-checksum"), "nobody has told one");
        assert_eq!(receipt.checksum.unwrap().kind, "sent");
        let parts = rig.seen("UploadPart");
        let trailed = |number| {
            parts.iter().any(|request| {
                request.part == Some(number)
                    && request.status == 200
                    && request
                        .headers
                        .iter()
                        .any(|(name, value)| name == "x-amz-trailer" && value == "x-amz-checksum-crc64nvme")
            })
        };
        assert!(trailed(1) && trailed(2), "{parts:?}");
        // Untold, wrong, right: and then the file.
        assert!(parts.iter().filter(|request| request.part == Some(1)).count() >= 4);
        assert!(parts.iter().any(|request| request.status == 400), "a wrong checksum was refused");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_found_out_is_not_asked_again() {
    let rig = rig(2 * PART, |options| options.faults(silent())).await;
    done(&rig, request(&rig, &none()), &none()).await;
    let first = rig.seen("UploadPart").len();
    done(&rig, request(&rig, &none()), &none()).await;
    assert_eq!(rig.seen("UploadPart").len() - first, 2, "two parts and no probe");
    // And a small file is one PUT by now, with its checksum before it.
    std::fs::write(rig.file(), b"small").unwrap();
    let receipt = rig.uploader.upload(request(&rig, &none())).await.unwrap();
    assert_eq!(receipt.upload_id, None);
    let put = rig.seen("Put").pop().unwrap();
    let sum = Checksum::of(Algorithm::Crc64Nvme, b"small").to_string();
    assert!(put.headers.contains(&("x-amz-checksum-crc64nvme".to_owned(), sum)), "{:?}", put.headers);
}

#[tokio::test(flavor = "multi_thread")]
async fn another_algorithm_or_md5_can_be_asked_for() {
    let rig = rig(PART + 1, |options| options).await;
    let receipt = done(&rig, request(&rig, &none()).checksum(ChecksumChoice::Only(Algorithm::Crc32c)), &none()).await;
    let checksum = receipt.checksum.unwrap();
    assert_eq!((checksum.algorithm.as_str(), checksum.kind.as_str()), ("crc32c", "full-object"));
    let receipt = done(&rig, request(&rig, &none()).checksum(ChecksumChoice::ContentMd5), &none()).await;
    assert!(receipt.verified.iter().any(|it| it == "part-md5"), "{:?}", receipt.verified);
    assert!(receipt.warnings.iter().any(|it| it.contains("read twice")), "{:?}", receipt.warnings);
    let parts = rig.seen("UploadPart");
    assert!(parts.iter().rev().take(2).all(|request| request.headers.iter().any(|(name, _)| name == "content-md5")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_drops_the_customer_key_gets_a_random_byte_and_nothing_else() {
    let faults = FaultPlan::new().on("Initiate").drop_echo().on("UploadPart").drop_echo();
    let rig = rig(2 * PART, |options| options.faults(faults)).await;
    let outcome = rig.uploader.upload(request(&rig, &customer())).await;
    let received: u64 = rig.seen("UploadPart").iter().map(|request| request.received).sum();
    assert_eq!(received, 1);
    rig.failed_clean(outcome, ErrorKind::Encryption).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_checksum_of_a_part_is_sent_again_and_then_fails() {
    let faults = FaultPlan::new().on("UploadPart").part(2).times(1).wrong_crc();
    let rig = rig(2 * PART, |options| options.faults(faults)).await;
    done(&rig, request(&rig, &none()), &none()).await;
    assert_eq!(rig.seen("UploadPart").iter().filter(|request| request.part == Some(2)).count(), 2);
}
