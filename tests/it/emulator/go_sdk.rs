//! What cos-go-sdk-v5 sends otherwise than the SDKs that are tried as they are.
//!
//! From a reading of its version 0.7.75 (`object.go`, `helper.go`): neither run nor recorded.

use super::raw::{Headers, Raw, Said, customer, headers, kms, managed};
use crate::support::{Store, store_with};

const KEY: [u8; 32] = [1; 32];
const OTHER: [u8; 32] = [2; 32];

/// A store as it is by default, and a strict one.
async fn stores() -> [(Store, bool); 2] {
    [
        (store_with(|options| options.strict(false)).await, false),
        (store_with(|options| options.strict(true)).await, true),
    ]
}

/// `Upload`: the customer key goes with each part, and all that Initiate was given beginning with `x-` goes with Complete
/// again: encryption, storage class and metadata.
async fn upload(raw: &Raw, mode: &Headers, part: &[(String, String)]) -> Said {
    let given = [mode.clone(), headers(&[("x-cos-storage-class", "STANDARD_IA"), ("x-cos-meta-a", "b")])].concat();
    let id = raw.initiate("k", &given).await;
    let mut parts = Vec::new();
    for (number, body) in [(1, vec![1; 1 << 20]), (2, vec![2; 17])] {
        parts.push((number, raw.part("k", &id, number, part, &body).await.ok().etag().to_owned()));
    }
    raw.complete("k", &id, &parts, &given).await
}

#[tokio::test(flavor = "multi_thread")]
async fn its_upload_passes_in_every_mode_unless_the_store_is_strict() {
    for (store, strict) in stores().await {
        let raw = Raw::new(&store);
        upload(&raw, &Vec::new(), &[]).await.ok();
        for (mode, reading) in [(managed(), Vec::new()), (kms("key"), Vec::new()), (customer(&KEY), customer(&KEY))] {
            let said = upload(&raw, &mode, &reading).await;
            if strict {
                said.refused(400, "SSEHeaderNotAllowed");
                continue;
            }
            said.ok();
            let got = raw.get("k", &reading).await.ok();
            assert_eq!(got.body, [vec![1; 1 << 20], vec![2; 17]].concat());
            assert_eq!((got.header("x-cos-meta-a"), got.header("x-cos-storage-class")), ("b", "STANDARD_IA"));
            if !reading.is_empty() {
                raw.get("k", &[]).await.refused(400, "InvalidArgument");
                raw.get("k", &customer(&OTHER)).await.refused(403, "AccessDenied");
            }
        }
    }
}

/// `MultiCopy`: the parts carry the key of the source and none of their own, and no key of it goes with its HEAD.
#[tokio::test(flavor = "multi_thread")]
async fn its_copy_in_parts_fails_under_a_customer_key_on_either_side() {
    for (store, _) in stores().await {
        let raw = Raw::new(&store);
        raw.put("plain", &[], b"bytes").await.ok();
        raw.put("sealed", &customer(&KEY), b"bytes").await.ok();
        let id = raw.initiate("to", &customer(&KEY)).await;
        let source = headers(&[("x-cos-copy-source", &format!("{}.cos.ap-guangzhou.myqcloud.com/plain", raw.bucket))]);
        raw.part("to", &id, 1, &source, b"").await.refused(400, "InvalidArgument");
        assert_eq!(raw.head("sealed", &[]).await.status.as_u16(), 400);
    }
}
