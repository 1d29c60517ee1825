//! What holds for all calls: their requests as official clients send them, and answers of any bytes.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, request::Parts};
use percent_encoding::percent_decode_str;
use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::{
    dialect::COS,
    error::{ErrorKind, Result},
    ident::{Bucket, ETag, ObjectKey, PartNumber, Region, UploadId, VersionId},
    operation::Operation,
    sse::{CustomerKey, SseContext},
};

const JS_OPERATIONS: &str = include_str!("../../tests/vectors/js-operations.json");
const NODE_OPERATIONS: &str = include_str!("../../tests/vectors/node-operations.json");
const PYTHON_OPERATIONS: &str = include_str!("../../tests/vectors/python-operations.json");
const NODE_KEYS: &str = include_str!("../../tests/vectors/node-keys.json");

fn key(text: &str) -> ObjectKey {
    ObjectKey::new(COS, text).unwrap()
}

fn upload_id() -> UploadId {
    UploadId::new("1585130821cbb7df").unwrap()
}

fn at() -> Address {
    let bucket = Bucket::new(COS, "examplebucket-1250000000").unwrap();
    Address::new(COS, &bucket, Some(&Region::new("ap-beijing").unwrap()), None, Addressing::Auto).unwrap()
}

fn none() -> SseContext {
    SseContext::none(COS)
}

fn customer() -> SseContext {
    SseContext::customer(COS, CustomerKey::from_bytes(*b"0123456789ABCDEF0123456789ABCDEF"))
}

/// Our head for what a recorded case asked of its client, if it is a call of ours.
fn ours(input: &Value, request: &Value, sse: &SseContext) -> Option<Parts> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let params = &input["params"];
    let bucket = Bucket::new(COS, input["bucket"].as_str()?).unwrap();
    let region = Region::new(input["region"].as_str()?).unwrap();
    let at = Address::new(COS, &bucket, Some(&region), None, Addressing::Auto).unwrap();
    let key = || key(input["key"].as_str().unwrap());
    let upload_id = || UploadId::new(text(&params["upload_id"])).unwrap();
    let payload = Payload::Bytes(Bytes::from(vec![0; usize::try_from(request["body"]["len"].as_u64()?).unwrap()]));
    let head = match request["op"].as_str()? {
        "InitiateMultipartUpload" => {
            Initiate { checksum: None, key: key(), properties: ObjectProperties::default(), forbid_overwrite: false }
                .head(&at, sse)
        }
        "UploadPart" => {
            let part = PartNumber::new(u16::try_from(params["part_number"].as_u64()?).unwrap()).unwrap();
            let call = UploadPart {
                checksum: None,
                key: key(),
                upload_id: upload_id(),
                part,
                payload,
                content_md5: None,
                traffic_limit: None,
            };
            call.head(&at, sse)
        }
        "CompleteMultipartUpload" => Complete {
            keeps_checksum: false,
            checksum: None,
            key: key(),
            upload_id: upload_id(),
            parts: Vec::new(),
            forbid_overwrite: false,
        }
        .head(&at, sse),
        "AbortMultipartUpload" => Abort { key: key(), upload_id: upload_id() }.head(&at, sse),
        "ListParts" => {
            let after = params["part_number_marker"]
                .as_u64()
                .and_then(|marker| PartNumber::new(u16::try_from(marker).unwrap()));
            ListParts { key: key(), upload_id: upload_id(), after }.head(&at, sse)
        }
        "ListMultipartUploads" => {
            let after = params["key_marker"].as_str().map(|key| (key.to_owned(), text(&params["upload_id_marker"])));
            let prefix = params["prefix"].as_str().unwrap_or_default().to_owned();
            ListUploads { prefix, after }.head(&at, sse)
        }
        "HeadObject" => Head { key: key(), version_id: None }.head(&at, sse),
        "GetObject" => Get { key: key(), version_id: None, range: None, if_match: None }.head(&at, sse),
        "PutObject" => Put {
            checksum: None,
            key: key(),
            properties: ObjectProperties::default(),
            payload,
            content_md5: None,
            forbid_overwrite: false,
            traffic_limit: None,
        }
        .head(&at, sse),
        _ => return None,
    };
    Some(head.unwrap())
}

/// The parameters that a call needs; the others say the default, or ask for another spelling of the answer.
fn needed(query: &Value) -> Vec<(String, String)> {
    const SURPLUS: [&str; 4] = ["encoding-type", "max-parts", "max-uploads", "delimiter"];
    let said = |name: &str, value: &str| {
        name == "uploads" || !(value.is_empty() || (name, value) == ("part-number-marker", "0"))
    };
    let pairs = query.as_array().unwrap().iter().map(|pair| (pair[0].as_str().unwrap(), pair[1].as_str().unwrap()));
    let mut pairs: Vec<_> = pairs
        .filter(|(name, value)| said(name, value) && !SURPLUS.contains(name) && !name.starts_with("response-"))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    pairs.sort();
    pairs
}

fn query_of(head: &Parts) -> Vec<(String, String)> {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8().unwrap().into_owned();
    let query = head.uri.query().unwrap_or_default();
    let mut pairs: Vec<_> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect();
    pairs.sort();
    pairs
}

#[test]
fn requests_have_the_targets_that_official_clients_send() {
    let mut seen = std::collections::BTreeMap::<String, usize>::new();
    for file in [JS_OPERATIONS, NODE_OPERATIONS, PYTHON_OPERATIONS, NODE_KEYS] {
        let file: Value = serde_json::from_str(file).unwrap();
        for case in file["cases"].as_array().unwrap() {
            for request in case["requests"].as_array().unwrap() {
                let Some(head) = ours(&case["input"], request, &none()) else { continue };
                assert_eq!(head.method.as_str(), request["method"].as_str().unwrap(), "{}", case["id"]);
                assert_eq!(head.uri.path(), request["path_raw"].as_str().unwrap(), "{}", case["id"]);
                assert_eq!(query_of(&head), needed(&request["query"]), "{}", case["id"]);
                let host = request["headers"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .find(|header| header[0].as_str().unwrap().eq_ignore_ascii_case("host"))
                    .unwrap();
                assert_eq!(head.headers["host"], host[1].as_str().unwrap());
                *seen.entry(request["op"].as_str().unwrap().to_owned()).or_default() += 1;
            }
        }
    }
    assert_eq!(seen.len(), 9, "{seen:?}");
}

#[test]
fn targets_are_the_same_byte_for_byte_where_a_client_sends_no_more_than_needed() {
    let file: Value = serde_json::from_str(JS_OPERATIONS).unwrap();
    let mut seen = std::collections::BTreeSet::new();
    for case in file["cases"].as_array().unwrap() {
        for request in case["requests"].as_array().unwrap() {
            let Some(head) = ours(&case["input"], request, &none()) else { continue };
            let op = request["op"].as_str().unwrap();
            if op != "ListMultipartUploads" {
                assert_eq!(head.uri.path_and_query().unwrap().as_str(), request["target"].as_str().unwrap());
                seen.insert(op.to_owned());
            }
        }
    }
    assert_eq!(seen.len(), 8, "{seen:?}");
}

/// One call of each kind, as bare as it can be.
struct Calls {
    initiate: Initiate,
    upload_part: UploadPart,
    complete: Complete,
    abort: Abort,
    list_parts: ListParts,
    list_uploads: ListUploads,
    put: Put,
    head: Head,
    get: Get,
    delete: Delete,
}

impl Calls {
    fn new() -> Self {
        let payload = Payload::Bytes(Bytes::from_static(b"hello"));
        let properties = ObjectProperties::default();
        Self {
            initiate: Initiate {
                checksum: None,
                key: key("a/b"),
                properties: properties.clone(),
                forbid_overwrite: true,
            },
            upload_part: UploadPart {
                checksum: None,
                key: key("a/b"),
                upload_id: upload_id(),
                part: PartNumber::FIRST,
                payload: payload.clone(),
                content_md5: Some("XUFAKrxLKna5cZ2REBfFkg==".to_owned()),
                traffic_limit: Some(819_200),
            },
            complete: Complete {
                keeps_checksum: false,
                checksum: None,
                key: key("a/b"),
                upload_id: upload_id(),
                parts: vec![(PartNumber::FIRST, ETag::new("abc").unwrap())],
                forbid_overwrite: true,
            },
            abort: Abort { key: key("a/b"), upload_id: upload_id() },
            list_parts: ListParts { key: key("a/b"), upload_id: upload_id(), after: PartNumber::new(7) },
            list_uploads: ListUploads { prefix: "a/".to_owned(), after: Some(("a b".to_owned(), "id".to_owned())) },
            put: Put {
                checksum: None,
                key: key("a/b"),
                properties,
                payload,
                content_md5: None,
                forbid_overwrite: true,
                traffic_limit: Some(838_860_800),
            },
            head: Head { key: key("a/b"), version_id: VersionId::new("v&1") },
            get: Get { key: key("a/b"), version_id: None, range: Some((10, 19)), if_match: ETag::new("abc-2") },
            delete: Delete { key: key("a/b"), version_id: VersionId::new("v&1"), if_match: ETag::new("abc-2") },
        }
    }

    fn heads(&self, sse: &SseContext) -> Vec<(Operation, Parts, u64)> {
        fn one<C: Call>(call: &C, sse: &SseContext) -> (Operation, Parts, u64) {
            (call.operation(), call.head(&at(), sse).unwrap(), call.payload().len())
        }
        vec![
            one(&self.initiate, sse),
            one(&self.upload_part, sse),
            one(&self.complete, sse),
            one(&self.abort, sse),
            one(&self.list_parts, sse),
            one(&self.list_uploads, sse),
            one(&self.put, sse),
            one(&self.head, sse),
            one(&self.get, sse),
            one(&self.delete, sse),
        ]
    }

    /// Whether each call understands the answer; none may panic.
    fn decode(&self, answer: &RawAnswer) -> Vec<Result<()>> {
        let dialect = COS;
        vec![
            self.initiate.decode(dialect, answer).map(drop),
            self.upload_part.decode(dialect, answer).map(drop),
            self.complete.decode(dialect, answer).map(drop),
            self.abort.decode(dialect, answer),
            self.list_parts.decode(dialect, answer).map(drop),
            self.list_uploads.decode(dialect, answer).map(drop),
            self.put.decode(dialect, answer).map(drop),
            self.head.decode(dialect, answer).map(drop),
            self.get.decode(dialect, answer).map(drop),
            self.delete.decode(dialect, answer),
        ]
    }
}

#[test]
fn every_head_is_whole() {
    let expected: &[(Operation, &str, &[&str])] = &[
        (Operation::Initiate, "POST /a/b?uploads", &["content-length: 0", "x-cos-forbid-overwrite: true"]),
        (
            Operation::UploadPart,
            "PUT /a/b?partNumber=1&uploadId=1585130821cbb7df",
            &["content-length: 5", "content-md5: XUFAKrxLKna5cZ2REBfFkg==", "x-cos-traffic-limit: 819200"],
        ),
        (
            Operation::Complete,
            "POST /a/b?uploadId=1585130821cbb7df",
            &[
                "content-length: 108",
                "content-md5: T3BxTud6vGEsJi+fcICu+Q==",
                "content-type: application/xml",
                "x-cos-forbid-overwrite: true",
            ],
        ),
        (Operation::Abort, "DELETE /a/b?uploadId=1585130821cbb7df", &[]),
        (Operation::ListParts, "GET /a/b?uploadId=1585130821cbb7df&part-number-marker=7", &[]),
        (Operation::ListUploads, "GET /?uploads&prefix=a%2F&key-marker=a%20b&upload-id-marker=id", &[]),
        (
            Operation::Put,
            "PUT /a/b",
            &["content-length: 5", "x-cos-forbid-overwrite: true", "x-cos-traffic-limit: 838860800"],
        ),
        (Operation::Head, "HEAD /a/b?versionId=v%261", &[]),
        (Operation::Get, "GET /a/b", &["if-match: \"abc-2\"", "range: bytes=10-19"]),
        (Operation::Delete, "DELETE /a/b?versionId=v%261", &["if-match: \"abc-2\""]),
    ];
    let heads = Calls::new().heads(&none());
    assert_eq!(heads.len(), expected.len());
    for ((operation, head, body_len), (expected_operation, line, headers)) in heads.iter().zip(expected) {
        assert_eq!(operation, expected_operation);
        assert_eq!(format!("{} {}", head.method, head.uri.path_and_query().unwrap()), *line);
        let mut found: Vec<String> =
            head.headers.iter().map(|(name, value)| format!("{name}: {}", value.to_str().unwrap())).collect();
        found.sort();
        let mut whole: Vec<String> = headers.iter().map(|header| (*header).to_owned()).collect();
        whole.push("host: examplebucket-1250000000.cos.ap-beijing.myqcloud.com".to_owned());
        whole.sort();
        assert_eq!(found, whole, "{operation}");
        assert_eq!(
            head.headers.get("content-length").map_or("0", |length| length.to_str().unwrap()),
            body_len.to_string()
        );
    }
}

#[test]
fn the_encryption_headers_are_those_of_the_context_for_every_call() {
    for sse in [none(), SseContext::managed(COS), customer()] {
        for (operation, head, _) in Calls::new().heads(&sse) {
            let mut carried = HeaderMap::new();
            sse.apply(operation, &mut carried);
            for name in carried.keys() {
                assert_eq!(head.headers.get(name), carried.get(name), "{operation}");
            }
            let encryption = |name: &&HeaderName| name.as_str().contains("server-side-encryption");
            assert_eq!(head.headers.keys().filter(encryption).count(), carried.len(), "{operation}");
        }
    }
}

#[test]
fn only_complete_and_conditional_puts_are_not_replayable() {
    let mut calls = Calls::new();
    assert!(calls.initiate.replayable() && calls.upload_part.replayable() && calls.delete.replayable());
    assert!(!calls.complete.replayable() && !calls.put.replayable());
    calls.put.forbid_overwrite = false;
    assert!(calls.put.replayable());
}

#[test]
fn a_traffic_limit_is_within_the_stores_bounds() {
    let mut put = Calls::new().put;
    for limit in [0, 819_199, 838_860_801, u64::MAX] {
        put.traffic_limit = Some(limit);
        let error = put.head(&at(), &none()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.hint().unwrap().contains("819200"));
    }
}

#[test]
fn a_part_and_an_object_are_known_by_their_headers() {
    let calls = Calls::new();
    let mut answer = RawAnswer { status: StatusCode::OK, headers: HeaderMap::new(), body: Bytes::new() };
    assert_eq!(calls.upload_part.decode(COS, &answer).unwrap_err().kind(), ErrorKind::Protocol);
    let lost = calls.put.decode(COS, &answer).unwrap_err();
    assert!(lost.kind() == ErrorKind::Protocol && lost.is_doubtful());
    answer.headers.insert("etag", HeaderValue::from_static("\"108f\""));
    answer.headers.insert("x-cos-hash-crc64ecma", HeaderValue::from_static("16749565679157681890"));
    let part = calls.upload_part.decode(COS, &answer).unwrap();
    assert_eq!((part.etag.as_str(), part.checksum.unwrap().get()), ("108f", 16_749_565_679_157_681_890));
    assert_eq!(calls.put.decode(COS, &answer).unwrap().version_id, None);
    answer.body = Bytes::from_static(b"<Error><Code>SlowDown</Code></Error>");
    for error in [
        calls.upload_part.decode(COS, &answer).unwrap_err(),
        calls.put.decode(COS, &answer).unwrap_err(),
        calls.abort.decode(COS, &answer).unwrap_err(),
        calls.delete.decode(COS, &answer).unwrap_err(),
    ] {
        assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, Some("SlowDown")));
    }
}

#[test]
fn an_answer_from_elsewhere_is_called_so() {
    for (body, hint) in [
        ("<other/>", "the answer did not come from the store (a proxy?)"),
        (
            "<html/>",
            "something else than the store answered: check the endpoint, the proxy, and whether this network wants a login first",
        ),
    ] {
        let body = Bytes::from_static(body.as_bytes());
        let answer = RawAnswer { status: StatusCode::OK, headers: HeaderMap::new(), body };
        let error = Calls::new().list_parts.decode(COS, &answer).unwrap_err();
        assert_eq!(error.hint(), Some(hint));
        assert_eq!((error.operation(), error.status()), (Some(Operation::ListParts), Some(200)));
    }
}

/// Bytes that look like answers more often than chance would have it.
fn document() -> impl Strategy<Value = Vec<u8>> {
    const PIECES: &[&str] = &[
        " ",
        "\n",
        "<?xml version=\"1.0\"?>",
        "<Error>",
        "</Error>",
        "<Code>",
        "</Code>",
        "NoSuchUpload",
        "&amp;",
        "&#0;",
        "&#x110000;",
        "<![CDATA[",
        "]]>",
        "<!--",
        "-->",
        "<!DOCTYPE a [",
        "]>",
        "<ListPartsResult>",
        "</ListPartsResult>",
        "<Part>",
        "</Part>",
        "<PartNumber>",
        "</PartNumber>",
        "7",
        "10001",
        "<ETag>",
        "</ETag>",
        "\"",
        "<Size>",
        "</Size>",
        "<IsTruncated>",
        "true",
        "</IsTruncated>",
        "<UploadId>",
        "</UploadId>",
        "</Key>",
        "<Upload>",
        "</Upload>",
        "<CompleteMultipartUploadResult>",
        "</CompleteMultipartUploadResult>",
        "<InitiateMultipartUploadResult>",
        "</InitiateMultipartUploadResult>",
        "<ListMultipartUploadsResult>",
        "<a:b c='d'>",
        "<",
        ">",
        "&",
        "{\"code\":\"",
        "\"}",
        "\u{feff}",
        "\u{1}",
        "é",
    ];
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..200),
        proptest::collection::vec(prop_oneof![8 => proptest::sample::select(PIECES), 1 => Just("x")], 0..40)
            .prop_map(|pieces| pieces.concat().into_bytes()),
    ]
}

proptest! {
    #[test]
    fn no_answer_of_any_bytes_makes_a_call_panic(
        body in document(),
        status in 200u16..600,
        values in proptest::collection::vec((0usize..9, proptest::collection::vec(0x20u8..0x7f, 0..24)), 0..6),
    ) {
        const NAMES: [&str; 9] = [
            "etag", "content-length", "content-range", "x-cos-hash-crc64ecma", "x-cos-version-id", "x-cos-request-id",
            "x-cos-meta-a", "last-modified", "x-cos-storage-class",
        ];
        let mut headers = HeaderMap::new();
        for (name, value) in values {
            headers.append(NAMES[name], HeaderValue::from_bytes(&value).unwrap());
        }
        let answer = RawAnswer { status: StatusCode::from_u16(status).unwrap(), headers, body: Bytes::from(body) };
        for error in Calls::new().decode(&answer).into_iter().filter_map(Result::err) {
            prop_assert!(!error.message().contains(char::is_control));
            prop_assert!(error.message().chars().count() < 500);
            prop_assert_eq!(error.status(), Some(status));
        }
        for operation in Operation::ALL {
            let error = refusal(COS, operation, &customer(), &answer);
            prop_assert!(!error.message().contains(char::is_control));
            prop_assert!(error.message().chars().count() < 500);
        }
    }
}
