//! The same faults as with COS, seen through S3.

use sealift::emulator::FaultPlan;

use super::{
    super::raw::headers,
    raw::{Raw, UNSIGNED, customer, kms, managed, named, store},
};

const MODE: &str = "x-amz-server-side-encryption";
const KEY_ID: &str = "x-amz-server-side-encryption-aws-kms-key-id";
const KEY_MD5: &str = "x-amz-server-side-encryption-customer-key-md5";
const CRC: &str = "x-amz-checksum-crc64nvme";

#[tokio::test(flavor = "multi_thread")]
async fn a_confirmation_can_be_left_out_lowered_and_changed() {
    let store = store().await;
    let raw = Raw::new(&store);
    for (sse, name) in [(managed(), MODE), (kms("key"), KEY_ID), (customer(&[1; 32]), KEY_MD5)] {
        store.emulator.set_faults(FaultPlan::new());
        let truth = raw.put("k", &sse, b"bytes").await.ok().header(name).to_owned();
        store.emulator.set_faults(FaultPlan::new().on("Put").drop_echo());
        let dropped = raw.put("k", &sse, b"bytes").await.ok();
        assert!(!dropped.headers.keys().any(|name| name.as_str().contains("encryption")));
        store.emulator.set_faults(FaultPlan::new().on("Put").alter_echo());
        assert_ne!(raw.put("k", &sse, b"bytes").await.ok().header(name), truth);
        store.emulator.set_faults(FaultPlan::new().on("Put").downgrade_echo());
        let lowered = raw.put("k", &sse, b"bytes").await.ok();
        let expected = (sse != managed()).then_some("AES256");
        assert_eq!(lowered.headers.get(MODE).map(|value| value.to_str().unwrap()), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_checksum_can_be_wrong_or_missing_in_headers_and_in_documents() {
    let store = store().await;
    let raw = Raw::new(&store);
    let truth = raw.put("k", &[], b"bytes").await.ok().header(CRC).to_owned();
    let mut told = Vec::new();
    for plan in [FaultPlan::new(), FaultPlan::new().on("*").wrong_crc(), FaultPlan::new().on("*").drop_crc()] {
        store.emulator.set_faults(plan);
        let put = raw.put("k", &[], b"bytes").await.ok();
        let head = raw.head("k", &headers(&[("x-amz-checksum-mode", "ENABLED")])).await.ok();
        let id = raw.initiate("m", &[]).await;
        let part = raw.part("m", &id, 1, &[], b"bytes").await.ok();
        let done = raw.complete("m", &id, &[named(1, &part)], &[]).await.ok();
        let in_header =
            [put, head, part].map(|said| said.headers.get(CRC).map(|value| value.to_str().unwrap().to_owned()));
        told.push([&in_header[..], &[done.element("ChecksumCRC64NVME")]].concat());
    }
    assert!(told[0].iter().all(|value| value.as_deref() == Some(&truth)), "{told:?}");
    assert!(told[1].iter().all(|value| value.as_ref().is_some_and(|value| *value != truth)), "{told:?}");
    assert!(told[2].iter().all(Option::is_none), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_fail_get_lost_and_turn_into_errors() {
    let store = store().await;
    let raw = Raw::new(&store);
    let plan = FaultPlan::new()
        .on("Put")
        .times(1)
        .answer(503, "SlowDown")
        .on("Complete")
        .attempt(1)
        .error_in_200("InternalError");
    store.emulator.set_faults(plan.on("Complete").attempt(2).lose_answer());
    raw.put("k", &[], b"bytes").await.refused(503, "SlowDown");
    raw.put("k", &[], b"bytes").await.ok();
    let id = raw.initiate("m", &[]).await;
    let part = named(1, &raw.part("m", &id, 1, &[], b"bytes").await.ok());
    let said = raw.complete("m", &id, std::slice::from_ref(&part), &[]).await;
    assert_eq!((said.status.as_u16(), said.element("Code").as_deref()), (200, Some("InternalError")));
    assert!(said.element("HostId").is_some());
    let body = format!(
        "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>{}</ETag></Part></CompleteMultipartUpload>",
        part.1
    );
    assert!(raw.try_send("POST", "m", &[("uploadId", &id)], (&[], UNSIGNED), body.as_bytes()).await.is_none());
    assert_eq!(raw.get("m", &[]).await.ok().body, b"bytes");
    let codes: Vec<_> = store.emulator.transcript().into_iter().filter_map(|request| request.fault).collect();
    assert_eq!(codes, ["answer", "error_in_200", "lose_answer"]);
}
