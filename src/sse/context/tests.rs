//! Every cell of the carriage table, present and absent, and what the official clients send where they are right.

use std::collections::BTreeMap;

use serde_json::Value;

use super::*;
use crate::dialect::{COS, S3};
use crate::secret::Secret;

const KEY_ID: &str = "48ba38aa-26c5-11e8-855a-52540085308f";
const CONTEXT: &str = r#"{"a":"asdfa","b":"123321"}"#;

const MODE_AES256: &[(&str, &str)] = &[("x-cos-server-side-encryption", "AES256")];
const MODE_KMS: &[(&str, &str)] = &[
    ("x-cos-server-side-encryption", "cos/kms"),
    ("x-cos-server-side-encryption-context", "eyJhIjoiYXNkZmEiLCJiIjoiMTIzMzIxIn0="),
    ("x-cos-server-side-encryption-cos-kms-key-id", KEY_ID),
];
const TRIPLE: &[(&str, &str)] = &[
    ("x-cos-server-side-encryption-customer-algorithm", "AES256"),
    ("x-cos-server-side-encryption-customer-key", "MDEyMzQ1Njc4OUFCQ0RFRjAxMjM0NTY3ODlBQkNERUY="),
    ("x-cos-server-side-encryption-customer-key-md5", "U5L61r7jcwdNvT7frmUG8g=="),
];
const SOURCE_TRIPLE: &[(&str, &str)] = &[
    ("x-cos-copy-source-server-side-encryption-customer-algorithm", "AES256"),
    ("x-cos-copy-source-server-side-encryption-customer-key", "MDEyMzQ1Njc4OUFCQ0RFRjAxMjM0NTY3ODlBQkNERUY="),
    ("x-cos-copy-source-server-side-encryption-customer-key-md5", "U5L61r7jcwdNvT7frmUG8g=="),
];
const NONE: &[(&str, &str)] = &[];

type Row = (Operation, [&'static [(&'static str, &'static str)]; 4]);

/// Operation → headers under managed, kms, customer, and of a source under a customer key.
const TABLE: [Row; 12] = [
    (Operation::Initiate, [MODE_AES256, MODE_KMS, TRIPLE, NONE]),
    (Operation::UploadPart, [NONE, NONE, TRIPLE, NONE]),
    (Operation::UploadPartCopy, [NONE, NONE, TRIPLE, SOURCE_TRIPLE]),
    (Operation::Complete, [NONE, NONE, NONE, NONE]),
    (Operation::ListParts, [NONE, NONE, NONE, NONE]),
    (Operation::Abort, [NONE, NONE, NONE, NONE]),
    (Operation::ListUploads, [NONE, NONE, NONE, NONE]),
    (Operation::Head, [NONE, NONE, TRIPLE, NONE]),
    (Operation::Get, [NONE, NONE, TRIPLE, NONE]),
    (Operation::Put, [MODE_AES256, MODE_KMS, TRIPLE, NONE]),
    (Operation::PutCopy, [MODE_AES256, MODE_KMS, TRIPLE, SOURCE_TRIPLE]),
    (Operation::Delete, [NONE, NONE, NONE, NONE]),
];

fn customer() -> SseContext {
    let key = CustomerKey::parse(Secret::new("MDEyMzQ1Njc4OUFCQ0RFRjAxMjM0NTY3ODlBQkNERUY")).unwrap();
    SseContext::customer(COS, key)
}

fn kms() -> SseContext {
    SseContext::kms(COS, Some(KEY_ID.to_owned()), Some(KmsContext::parse(CONTEXT).unwrap())).unwrap()
}

/// What is added to a request that has other headers already.
fn carried(apply: impl FnOnce(&mut HeaderMap)) -> BTreeMap<String, String> {
    let mut headers = HeaderMap::new();
    headers.insert("x-cos-acl", HeaderValue::from_static("private"));
    apply(&mut headers);
    assert_eq!(headers.remove("x-cos-acl").unwrap(), "private");
    assert_eq!(headers.len(), headers.keys_len(), "no header twice");
    let secret = |name: &str| name.ends_with("-customer-key");
    headers
        .iter()
        .map(|(name, value)| {
            assert_eq!(value.is_sensitive(), secret(name.as_str()), "{name}");
            (name.as_str().to_owned(), value.to_str().unwrap().to_owned())
        })
        .collect()
}

fn owned(headers: &[(&str, &str)]) -> BTreeMap<String, String> {
    headers.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn the_table_has_every_operation_once() {
    assert_eq!(TABLE.map(|(operation, _)| operation), Operation::ALL);
}

#[test]
fn without_encryption_no_call_carries_any_header() {
    for operation in Operation::ALL {
        let none = SseContext::none(COS);
        assert_eq!(carried(|headers| none.apply(operation, headers)), owned(NONE), "{operation}");
    }
}

#[test]
fn managed_keys_ride_where_an_object_is_made_and_nowhere_else() {
    for (operation, [expected, ..]) in TABLE {
        let managed = SseContext::managed(COS);
        assert_eq!(carried(|headers| managed.apply(operation, headers)), owned(expected), "{operation}");
    }
}

#[test]
fn kms_rides_where_an_object_is_made_and_nowhere_else() {
    for (operation, [_, expected, ..]) in TABLE {
        assert_eq!(carried(|headers| kms().apply(operation, headers)), owned(expected), "{operation}");
    }
}

#[test]
fn kms_without_key_id_and_context_is_the_mode_alone() {
    for (operation, [_, with_all, ..]) in TABLE {
        let bare = SseContext::kms(COS, None, None).unwrap();
        let expected = if with_all.is_empty() { NONE } else { &MODE_KMS[..1] };
        assert_eq!(carried(|headers| bare.apply(operation, headers)), owned(expected), "{operation}");
    }
}

#[test]
fn a_customer_key_rides_wherever_the_store_encrypts_or_decrypts() {
    for (operation, [_, _, expected, _]) in TABLE {
        assert_eq!(carried(|headers| customer().apply(operation, headers)), owned(expected), "{operation}");
    }
}

#[test]
fn a_sources_customer_key_rides_on_copies_only() {
    for (operation, [_, _, _, expected]) in TABLE {
        assert_eq!(carried(|headers| customer().apply_as_source(operation, headers)), owned(expected), "{operation}");
        for keyless in [SseContext::none(COS), SseContext::managed(COS), kms()] {
            assert_eq!(carried(|headers| keyless.apply_as_source(operation, headers)), owned(NONE), "{operation}");
        }
    }
}

#[test]
fn a_copy_carries_both_keys_side_by_side() {
    let new = SseContext::customer(COS, CustomerKey::from_bytes([0; 32]));
    for operation in [Operation::PutCopy, Operation::UploadPartCopy] {
        let both = carried(|headers| {
            new.apply(operation, headers);
            customer().apply_as_source(operation, headers);
        });
        assert_eq!(both.len(), 6);
        assert_eq!(both["x-cos-server-side-encryption-customer-key-md5"], "cLyPS3KoaSFGi/joRB3OUQ==");
        assert_eq!(both["x-cos-copy-source-server-side-encryption-customer-key-md5"], "U5L61r7jcwdNvT7frmUG8g==");
    }
}

#[test]
fn applying_replaces_what_was_there() {
    let mut headers = HeaderMap::new();
    headers.insert("x-cos-server-side-encryption-customer-key", HeaderValue::from_static("other"));
    customer().apply(Operation::UploadPart, &mut headers);
    assert_eq!(headers.get_all("x-cos-server-side-encryption-customer-key").iter().count(), 1);
    assert!(!format!("{headers:?}").contains("MDEyMzQ1"), "the map's Debug masks the key");
}

#[test]
fn the_official_uploads_that_carry_rightly_carry_what_we_do() {
    let recorded: Value =
        serde_json::from_str(include_str!("../../../tests/vectors/encryption-carriage.json")).unwrap();
    let mut compared = 0;
    for flow in recorded["flows"].as_array().unwrap() {
        // The Python client's file upload is right in every mode; the others drop or add headers on parts.
        if !flow["id"].as_str().unwrap().starts_with("python/slice_upload/") {
            continue;
        }
        let sse = match flow["mode"].as_str().unwrap() {
            "none" => SseContext::none(COS),
            "sse-cos" => SseContext::managed(COS),
            "sse-c" | "sse-c-binary" => customer(),
            "sse-kms" => SseContext::kms(COS, None, None).unwrap(),
            "sse-kms-key-ctx" => kms(),
            other => panic!("an unknown mode: {other}"),
        };
        for request in flow["requests"].as_array().unwrap() {
            let operation = match request["op"].as_str().unwrap() {
                "ListMultipartUploads" => Operation::ListUploads,
                "InitiateMultipartUpload" => Operation::Initiate,
                "UploadPart" => Operation::UploadPart,
                "CompleteMultipartUpload" => Operation::Complete,
                "ListParts" => Operation::ListParts,
                other => panic!("an unknown operation: {other}"),
            };
            let mut names: Vec<String> = request["encryption_headers"]
                .as_array()
                .unwrap()
                .iter()
                .map(|name| name.as_str().unwrap().to_ascii_lowercase())
                .collect();
            names.sort();
            let ours: Vec<String> = carried(|headers| sse.apply(operation, headers)).into_keys().collect();
            assert_eq!(ours, names, "{} {operation}", flow["id"]);
            compared += 1;
        }
    }
    assert_eq!(compared, 32, "all recorded requests were compared");
}

/// What a recorded case asks for.
fn recorded_context(sse: &Value) -> SseContext {
    let text = |name: &str| sse[name].as_str();
    if let Some(key) = text("customer_key") {
        return SseContext::customer(COS, CustomerKey::parse(Secret::new(key)).unwrap());
    }
    match text("server_side_encryption") {
        None => SseContext::none(COS),
        Some("AES256") => SseContext::managed(COS),
        Some("cos/kms") => {
            let context = text("kms_context").map(|context| KmsContext::parse(context).unwrap());
            SseContext::kms(COS, text("kms_key_id").map(ToOwned::to_owned), context).unwrap()
        }
        Some(other) => panic!("an unknown mode: {other}"),
    }
}

#[test]
fn single_calls_carry_the_values_that_the_official_clients_send() {
    let files = [
        include_str!("../../../tests/vectors/go-operations.json"),
        include_str!("../../../tests/vectors/python-operations.json"),
        include_str!("../../../tests/vectors/node-operations.json"),
        include_str!("../../../tests/vectors/js-operations.json"),
    ];
    let mut compared = 0;
    for file in files {
        let file: Value = serde_json::from_str(file).unwrap();
        for case in file["cases"].as_array().unwrap() {
            let asked = recorded_context(&case["input"]["sse"]);
            let source = recorded_context(&case["input"]["copy_source"]["sse"]);
            let operation = match case["requests"][0]["op"].as_str().unwrap() {
                "InitiateMultipartUpload" => Operation::Initiate,
                "PutObject" => Operation::Put,
                "PutObjectCopy" => Operation::PutCopy,
                // These clients send whatever they are given; on these calls only a customer key is right.
                "UploadPart" if asked.is_customer() => Operation::UploadPart,
                "UploadPartCopy" if asked.is_customer() => Operation::UploadPartCopy,
                "GetObject" if asked.is_customer() => Operation::Get,
                "HeadObject" if asked.is_customer() => Operation::Head,
                _ => continue,
            };
            // Two cases show what happens to callers who forget the padding or the MD5, and some are refused for a key that
            // is wrong or missing.
            if matches!(case["mode"].as_str().unwrap(), "sse-c-seed-unpadded" | "sse-c-nomd5")
                || case["sdk_result"]["ok"] != true
            {
                continue;
            }
            let theirs: BTreeMap<String, String> = case["requests"][0]["headers"]
                .as_array()
                .unwrap()
                .iter()
                .map(|pair| (pair[0].as_str().unwrap().to_ascii_lowercase(), pair[1].as_str().unwrap().to_owned()))
                .filter(|(name, _)| name.contains("server-side-encryption"))
                .collect();
            let ours = carried(|headers| {
                asked.apply(operation, headers);
                source.apply_as_source(operation, headers);
            });
            assert_eq!(ours, theirs, "{}", case["id"]);
            compared += 1;
        }
    }
    assert_eq!(compared, 124, "all recorded calls were compared");
}

#[test]
fn a_context_tells_what_was_asked_but_never_the_key() {
    assert_eq!(customer().mode().name(), "customer");
    assert!(customer().is_customer() && !kms().is_customer());
    assert_eq!(customer().key_md5().as_deref(), Some("U5L61r7jcwdNvT7frmUG8g=="));
    assert_eq!((kms().kms_key_id(), kms().key_md5()), (Some(KEY_ID), None));
    assert_eq!(SseContext::managed(COS).mode(), SseMode::Managed);
    assert_eq!(SseContext::none(COS).mode(), SseMode::None);
    let shown = format!("{:?} {}", customer(), customer());
    for secret in ["MDEyMzQ1", "0123456789ABCDEF", "48, 49, 50"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn a_key_id_that_would_break_out_of_its_header_is_refused() {
    let error = SseContext::kms(COS, Some("id\r\nx-cos-acl: public-read".to_owned()), None).unwrap_err();
    assert_eq!(error.kind(), crate::error::ErrorKind::Config);
}

/// On S3: the mode, as a name without its value; a customer key; a source's customer key.
const S3_TABLE: [(Operation, bool, bool, bool); 12] = [
    (Operation::Initiate, true, true, false),
    (Operation::UploadPart, false, true, false),
    (Operation::UploadPartCopy, false, true, true),
    (Operation::Complete, false, true, false),
    (Operation::ListParts, false, true, false),
    (Operation::Abort, false, false, false),
    (Operation::ListUploads, false, false, false),
    (Operation::Head, false, true, false),
    (Operation::Get, false, true, false),
    (Operation::Put, true, true, false),
    (Operation::PutCopy, true, true, true),
    (Operation::Delete, false, false, false),
];

#[test]
fn on_s3_every_call_carries_what_its_manual_wants_and_nothing_else() {
    const SSE: &str = "x-amz-server-side-encryption";
    assert_eq!(S3_TABLE.map(|(operation, ..)| operation), Operation::ALL);
    let names =
        |apply: &dyn Fn(&mut HeaderMap)| -> Vec<String> { carried(|headers| apply(headers)).into_keys().collect() };
    let triple =
        |prefix: &str| ["algorithm", "key", "key-md5"].map(|name| format!("{prefix}-customer-{name}")).to_vec();
    let managed = SseContext::managed(S3);
    let context = Some(KmsContext::parse(CONTEXT).unwrap());
    let kms = SseContext::kms(S3, Some(KEY_ID.to_owned()), context).unwrap();
    let customer = SseContext::customer(S3, CustomerKey::from_bytes([7; 32]));
    for (operation, mode, key, source) in S3_TABLE {
        let if_so = |so: bool, names: Vec<String>| if so { names } else { Vec::new() };
        assert_eq!(names(&|headers| SseContext::none(S3).apply(operation, headers)), [""; 0], "{operation}");
        assert_eq!(
            names(&|headers| managed.apply(operation, headers)),
            if_so(mode, vec![SSE.to_owned()]),
            "{operation}"
        );
        let of_kms = [SSE.to_owned(), format!("{SSE}-aws-kms-key-id"), format!("{SSE}-context")].to_vec();
        assert_eq!(names(&|headers| kms.apply(operation, headers)), if_so(mode, of_kms), "{operation}");
        assert_eq!(names(&|headers| customer.apply(operation, headers)), if_so(key, triple(SSE)), "{operation}");
        let of_source = triple("x-amz-copy-source-server-side-encryption");
        assert_eq!(
            names(&|headers| customer.apply_as_source(operation, headers)),
            if_so(source, of_source),
            "{operation}"
        );
    }
    let mut headers = HeaderMap::new();
    kms.apply(Operation::Put, &mut headers);
    assert_eq!(headers[SSE], "aws:kms");
}
