//! Uploads to the store as it speaks S3: every mode, and every way in which such a store proves bytes.

use std::sync::Arc;

use sealift::{
    checksum::{Algorithm, Checksum},
    dialect::S3,
    emulator::{EmulatorOptions, FaultPlan, Request},
    error::ErrorKind,
    ident::{Bucket, Region},
    operation::Operation,
    signing::Credentials,
    sse::{CustomerKey, KmsContext, SseContext, SseMode},
    transfer::{ChecksumChoice, Clobber, Concurrency, Receipt, UploadRequest, journal::MemoryJournal},
    transport::{ClientOptions, StoreClient},
    wire::{Address, Addressing},
};

use super::rig::{MIB, Rig, encryption_headers};
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
        // Where nothing is asked, the store encrypts all the same, and says so.
        let mode = if sse.mode() == SseMode::None { SseMode::Managed } else { sse.mode() };
        assert_eq!((receipt.parts, receipt.sse.mode.as_str()), (3, mode.name()));
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
    // One that is given up is aborted, and looked for once more.
    let cancelled = rig.uploader.upload(request(&rig, &customer()));
    cancelled.cancel();
    assert_eq!(cancelled.await.unwrap_err().kind(), ErrorKind::Cancelled);
    rig.store.emulator.set_faults(FaultPlan::new().on("UploadPart").part(2).answer(403, "AccessDenied"));
    rig.uploader.upload(request(&rig, &customer())).await.unwrap_err();
    let carried = |operation: &str| {
        let seen = rig.seen(operation);
        assert!(!seen.is_empty(), "{operation} was not seen");
        let of = |request: &Request| encryption_headers(request).into_iter().map(str::to_owned).collect::<Vec<_>>();
        let first = of(&seen[0]);
        assert!(seen.iter().all(|request| of(request) == first), "{operation}: {seen:?}");
        first
    };
    for operation in ["Initiate", "UploadPart", "Complete", "Head", "ListParts"] {
        assert_eq!(carried(operation), TRIPLE, "{operation}");
    }
    for operation in ["ListUploads", "Abort"] {
        assert_eq!(carried(operation), [""; 0], "{operation}");
    }
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
        let asked = sse.mode() != SseMode::None;
        assert_eq!(receipt.verified.iter().any(|it| it == "echo:put"), asked, "{:?}", receipt.verified);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_head_says_of_the_encryption_of_an_empty_object_counts() {
    let asked = |sse: &SseContext| sse.mode() != SseMode::None;
    for sse in modes().into_iter().filter(asked) {
        // Where PUT tells no checksum, the object is looked at.
        let silent = || FaultPlan::new().on("Put").drop_crc();
        let rig = rig(0, |options| options.faults(silent())).await;
        let receipt = done(&rig, request(&rig, &sse), &sse).await;
        assert!(receipt.verified.iter().any(|it| it == "echo:head"), "{:?}", receipt.verified);
        rig.store.emulator.set_faults(silent().on("Head").alter_echo());
        let error = rig.uploader.upload(request(&rig, &sse)).await.unwrap_err();
        assert_eq!((error.kind(), error.operation()), (ErrorKind::Encryption, Some(Operation::Head)), "{error:?}");
        assert!(error.cleanup().is_none(), "{error:?}");
        rig.store.emulator.set_faults(FaultPlan::new());
        assert_eq!(rig.head(&to_read(&sse)).await.unwrap_err().status(), Some(404), "it does not stay");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_object_whose_md5_nobody_is_known_to_check_is_not_called_proved_by_it() {
    for choice in [ChecksumChoice::ContentMd5, ChecksumChoice::Auto] {
        let rig = rig(0, |options| options.faults(silent().on("Put").drop_crc())).await;
        let receipt = done(&rig, request(&rig, &none()).checksum(choice).content_md5(true), &none()).await;
        assert_eq!(receipt.verified, ["source-unchanged", "size", "head"], "{choice:?}");
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
async fn what_was_found_out_is_seen_again_with_one_wrong_byte() {
    let rig = rig(2 * PART, |options| options.faults(silent())).await;
    done(&rig, request(&rig, &none()), &none()).await;
    let first = rig.seen("UploadPart").len();
    done(&rig, request(&rig, &none()), &none()).await;
    let parts = rig.seen("UploadPart").split_off(first);
    assert_eq!(parts.iter().map(|part| part.status).collect::<Vec<_>>(), [400, 200, 200], "{parts:?}");
    assert_eq!(parts[0].code.as_deref(), Some("BadDigest"), "it still refuses a wrong one");
    // It says nothing of a PUT: a small file is one part, with its checksum behind it.
    std::fs::write(rig.file(), b"small").unwrap();
    let receipt = rig.uploader.upload(request(&rig, &none())).await.unwrap();
    assert_eq!((receipt.parts, receipt.upload_id.is_some()), (1, true));
    assert_eq!(rig.seen("UploadPart").len(), first + 5, "one wrong byte and the part");
    let part = rig.seen("UploadPart").pop().unwrap();
    let trailer = ("x-amz-trailer".to_owned(), "x-amz-checksum-crc64nvme".to_owned());
    assert!(part.headers.contains(&trailer), "{:?}", part.headers);
}

/// The parts that carried the file.
fn carriers(rig: &Rig, since: usize) -> usize {
    rig.seen("UploadPart").split_off(since).iter().filter(|part| part.received > 1000).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_tells_no_more_is_found_out_anew_before_the_file_leaves() {
    for sse in modes() {
        let rig = rig(2 * PART, |options| options).await;
        done(&rig, request(&rig, &sse), &sse).await;
        rig.store.emulator.set_faults(silent());
        let before = rig.seen("UploadPart").len();
        let receipt = done(&rig, request(&rig, &sse), &sse).await;
        assert!(receipt.verified.iter().any(|it| it == "part-checksums"), "{:?}", receipt.verified);
        assert_eq!(receipt.checksum.unwrap().kind, "sent");
        assert_eq!(carriers(&rig, before), 2, "the file was sent once");
        // What was found out now counts for the next one.
        let before = rig.seen("UploadPart").len();
        done(&rig, request(&rig, &sse), &sse).await;
        let probes = if sse.mode() == SseMode::None { 1 } else { 2 };
        assert_eq!(rig.seen("UploadPart").len() - before, 2 + probes);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lone_part_without_the_checksum_that_was_told_before_fails_once() {
    let rig = rig(1000, |options| options).await;
    done(&rig, request(&rig, &none()), &none()).await;
    let before = rig.seen("UploadPart").len();
    done(&rig, request(&rig, &none()), &none()).await;
    assert_eq!(rig.seen("UploadPart").len() - before, 1, "it is its own probe");
    rig.store.emulator.set_faults(silent());
    let error = rig.uploader.upload(request(&rig, &none())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity, "{error:?}");
    assert!(error.hint().unwrap().contains("is forgotten: upload again"), "{error:?}");
    let receipt = done(&rig, request(&rig, &none()), &none()).await;
    assert!(receipt.verified.iter().any(|it| it == "part-checksums"), "{:?}", receipt.verified);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_way_that_the_store_takes_no_more_is_forgotten() {
    let rig = rig(2 * PART, |options| options.faults(silent())).await;
    done(&rig, request(&rig, &none()), &none()).await;
    rig.store.emulator.set_faults(silent().on("UploadPart").part(2).answer(400, "InvalidRequest"));
    // One at a time: none is cut off, and seen later.
    let error = rig.uploader.upload(request(&rig, &none()).concurrency(Concurrency::Fixed(1))).await.unwrap_err();
    assert_eq!(error.code(), Some("InvalidRequest"));
    assert!(error.hint().unwrap().contains("is forgotten: upload again"), "{error:?}");
    rig.store.emulator.set_faults(silent());
    let before = rig.seen("UploadPart").len();
    done(&rig, request(&rig, &none()), &none()).await;
    let mut probes = rig.seen("UploadPart").split_off(before);
    probes.retain(|part| part.received <= 50);
    assert_eq!(probes.iter().map(|it| it.status).collect::<Vec<_>>(), [200, 400, 200], "untold, wrong, right");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_small_file_by_md5_is_one_part_and_no_put_that_nobody_could_try() {
    let rig = rig(1000, |options| options).await;
    for probes in [2, 1] {
        let before = rig.seen("UploadPart").len();
        let receipt = done(&rig, request(&rig, &none()).checksum(ChecksumChoice::ContentMd5), &none()).await;
        assert_eq!((receipt.parts, receipt.upload_id.is_some()), (1, true));
        assert!(receipt.verified.iter().any(|it| it == "part-md5"), "{:?}", receipt.verified);
        assert_eq!(rig.seen("UploadPart").len() - before, 1 + probes, "wrong, right: and then the file");
    }
    assert!(rig.seen("Put").is_empty());
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

/// A client that does not ask often, because each answer is the same.
fn impatient(rig: &Rig) -> StoreClient {
    let mut options = rig.store.client_options();
    options.attempts = 2;
    StoreClient::new(rig.store.address(), rig.store.credentials(), options).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_only_where_a_kms_key_is_asked_for_is_told_by_it_and_keeps_nothing() {
    for (id, told) in [(None, "none was given"), (Some("no-such-key".to_owned()), "given was no-such-key")] {
        let faults = FaultPlan::new().on("Initiate").drop_echo().on("UploadPart").answer(500, "InternalError");
        let rig = rig(2 * PART, |options| options.faults(faults)).await;
        let sse = SseContext::kms(S3, id, None).unwrap();
        let request = UploadRequest::new(impatient(&rig), key(super::rig::KEY), rig.file()).sse(sse);
        let outcome = rig.uploader.upload(request.journal(MemoryJournal::default())).await;
        let received: u64 = rig.seen("UploadPart").iter().map(|request| request.received).sum();
        assert!(received <= 2, "a byte for each attempt, and none of the file: {received}");
        let error = rig.failed_clean(outcome, ErrorKind::Encryption).await;
        assert!(!error.is_resumable() && error.code() == Some("InternalError"), "{error:?}");
        let hint = error.hint().unwrap();
        assert!(hint.contains("--sse-kms-key-id") && hint.contains(told), "{hint}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_at_other_calls_too_is_unavailable_and_the_upload_is_kept() {
    let down = || FaultPlan::new().on("UploadPart").answer(500, "InternalError");
    let kms = SseContext::kms(S3, None, None).unwrap();
    for (sse, faults) in [(kms, down().on("Abort").answer(500, "InternalError")), (none(), down())] {
        let faults = faults.on("Initiate").drop_echo();
        let rig = rig(2 * PART, |options| options.faults(faults)).await;
        let request = UploadRequest::new(impatient(&rig), key(super::rig::KEY), rig.file()).sse(sse);
        let error = rig.uploader.upload(request.journal(MemoryJournal::default())).await.unwrap_err();
        assert!(error.kind() == ErrorKind::Unavailable && error.is_resumable(), "{error:?}");
        assert_eq!(rig.unfinished().await, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_part_whose_checksum_is_wrong_is_sent_again_and_in_the_end_fails() {
    let once = FaultPlan::new().on("UploadPart").part(2).times(1).wrong_crc();
    let rig = rig(2 * PART, |options| options.faults(once)).await;
    done(&rig, request(&rig, &none()), &none()).await;
    assert_eq!(rig.seen("UploadPart").iter().filter(|request| request.part == Some(2)).count(), 2);
    rig.store.emulator.set_faults(FaultPlan::new().on("UploadPart").part(2).wrong_crc());
    let error = rig.uploader.upload(request(&rig, &none())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity, "{error:?}");
    assert_eq!(rig.unfinished().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_opened_without_a_checksum_is_gone_on_with_as_it_began() {
    let stop = FaultPlan::new().on("UploadPart").part(3).answer(503, "SlowDown");
    let rig = rig(3 * PART, |options| options.faults(stop)).await;
    let journal = MemoryJournal::default();
    let by_md5 = || request(&rig, &none()).concurrency(Concurrency::Fixed(1)).journal(journal.clone());
    let upload = rig.uploader.upload(by_md5().checksum(ChecksumChoice::ContentMd5));
    while upload.progress().borrow().parts_done < 2 {
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
    upload.pause();
    assert!(upload.await.unwrap_err().is_resumable());
    rig.store.emulator.set_faults(FaultPlan::new());
    let other = rig.uploader.upload(by_md5().checksum(ChecksumChoice::Only(Algorithm::Crc32c))).await.unwrap_err();
    assert_eq!(other.kind(), ErrorKind::Config, "{other:?}");
    let receipt = done(&rig, by_md5(), &none()).await;
    assert_eq!((receipt.parts, receipt.resumed_parts), (3, 2));
    assert!(
        rig.seen("Complete").iter().all(|request| !request.headers.iter().any(|(name, _)| name.contains("checksum")))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_word_about_checksums_is_passed_on() {
    let faults = FaultPlan::new().on("UploadPart").answer(400, "QuotaExceeded");
    let rig = rig(2 * PART, |options| options.faults(faults)).await;
    let outcome = rig.uploader.upload(request(&rig, &none())).await;
    let error = rig.failed_clean(outcome, ErrorKind::Rejected).await;
    assert_eq!(error.code(), Some("QuotaExceeded"));
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_of_any_length_are_proved_as_files_are() {
    for len in [0, 1, PART, 2 * PART + 17] {
        let rig = rig(len, |options| options).await;
        let stream = std::io::Cursor::new(rig.content.clone());
        let request = UploadRequest::from_reader(rig.client.clone(), key(super::rig::KEY), stream);
        let receipt = done(&rig, request.part_size(PART as u64).sse(customer()), &customer()).await;
        assert_eq!(receipt.size, len as u64);
        assert!(receipt.verified.iter().any(|it| it == "object-checksum"), "{len}: {:?}", receipt.verified);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_not_look_is_told_what_s3_calls_it() {
    let denied = || FaultPlan::new().on("Head").answer(403, "");
    let rig = rig(PART + 1, |options| options.faults(denied())).await;
    let error = rig.uploader.upload(request(&rig, &none()).clobber(Clobber::Never)).await.unwrap_err();
    let hint = error.hint().unwrap();
    assert!(hint.contains("(s3:GetObject, and s3:ListBucket to be told that there is none)"), "{hint}");
    rig.store.emulator.set_faults(denied().on("Complete").drop_crc());
    let error = rig.uploader.upload(request(&rig, &none())).await.unwrap_err();
    let hint = error.hint().unwrap();
    assert!(hint.contains("allow HEAD on the object (s3:GetObject)"), "{hint}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_object_goes_by_its_tag_where_the_store_documents_that() {
    let damage = FaultPlan::new().on("Put").times(1).wrong_crc();
    let rig = rig(1000, |options| options.faults(damage)).await;
    let emulator = &rig.store.emulator;
    let bucket = Bucket::new(S3, emulator.bucket()).unwrap();
    let region = Region::new(emulator.region()).unwrap();
    let address = Address::new(S3, &bucket, Some(&region), None, Addressing::Auto).unwrap();
    let (id, secret) = emulator.secret();
    let credentials = Arc::new(Credentials::new(id, secret).unwrap());
    let options = ClientOptions::default().ca_cert(emulator.ca_cert().unwrap());
    let options = options.connect_to(emulator.addr().to_string().parse().unwrap());
    let aws = StoreClient::new(address, credentials, options).unwrap();
    let receipt = rig.uploader.upload(UploadRequest::new(aws, key(super::rig::KEY), rig.file())).await.unwrap();
    assert_eq!(receipt.upload_id, None, "it was one PUT");
    let gone = rig.seen("Delete");
    assert_eq!((gone.len(), gone[0].status), (1, 204), "{gone:?}");
    assert!(gone[0].headers.iter().any(|(name, _)| name == "if-match"), "{gone:?}");
    rig.same(&rig.read(&none()).await.unwrap());
}
