//! Every code that the manuals name (/document/product/436/7730, and the pages on the calls): asked for here by a request
//! that deserves it, or had by a fault, with the reason.
//!
//! Which call refuses what, and with which of these, is in `refusals`.

use std::{collections::BTreeSet, time::Duration};

use sealift::emulator::{FaultPlan, Limits};
use tokio::{io::AsyncWriteExt as _, net::TcpStream};

use super::{
    raw::{Headers, Raw, customer, headers, kms, managed, md5_base64},
    refusals::{KEY, World, from, one},
};
use crate::support::{Store, pattern, store_with};

/// Where a code comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Comes {
    /// From a request that `ask` makes.
    Asked,
    /// From bytes that no HTTP library sends.
    Wire,
    /// From no request as such, for this reason; a fault has it.
    Fault(&'static str),
}

use Comes::{Asked, Fault, Wire};

const NO_MONEY: &str = "nobody pays";
const NO_KMS: &str = "there is no service behind it that could fail";
const NO_RATES: &str = "nothing is throttled";
const NO_SETTINGS: &str = "there are no locks, quotas or other settings of buckets";
const NO_OTHERS: &str = "writes of one name go one after the other";
const NO_CAUSE: &str = "the manuals tell no cause";
const NO_FILES: &str = "nothing is throttled; it is what a store without free files says, as in `crowd`";
const DAMAGE: &str = "it is what a damaged folder leads to, as in `restart`";

const CODES: [(u16, &str, Comes); 76] = [
    (400, "ActionAccelerateNotSupported", Asked),
    (400, "AttachmentFull", Fault(NO_SETTINGS)),
    (400, "BadDigest", Asked),
    (400, "BadRequest", Fault(NO_CAUSE)),
    (400, "BucketAccelerateNotEnabled", Asked),
    (400, "EntitySizeNotMatch", Fault(NO_CAUSE)),
    (400, "EntityTooLarge", Asked),
    (400, "EntityTooSmall", Asked),
    (400, "ExpiredToken", Asked),
    (400, "IncompleteBody", Wire),
    (400, "InvalidArgument", Asked),
    (400, "InvalidBucketName", Asked),
    (400, "InvalidCopySource", Asked),
    (400, "InvalidDigest", Asked),
    (400, "InvalidObjectName", Asked),
    (400, "InvalidPart", Asked),
    (400, "InvalidPartOrder", Asked),
    (400, "InvalidRegionName", Asked),
    (400, "InvalidRequest", Asked),
    (400, "InvalidSHA1Digest", Asked),
    (400, "InvalidTag", Asked),
    (400, "InvalidURI", Wire),
    (400, "KeyTooLong", Asked),
    (400, "KmsException", Fault(NO_KMS)),
    (400, "KmsKeyDisabled", Asked),
    (400, "KmsKeyNotExist", Asked),
    (400, "ListPartUploadIdIsEmpty", Asked),
    (400, "MAZOperationNotSupportOnOAZBucket", Asked),
    (400, "MalformedXML", Asked),
    (400, "MissingRequestBodyError", Asked),
    (400, "NotImplemented", Wire),
    (400, "NotSupportedStorageClass", Asked),
    (400, "OAZOperationNotSupportOnMAZBucket", Asked),
    (400, "PolicyFull", Fault(NO_SETTINGS)),
    (400, "RequestTimeout", Wire),
    (400, "SSEContentNotSupported", Asked),
    (400, "SSEHeaderNotAllowed", Asked),
    (400, "SsecDecryptHeaderInvalid", Asked),
    (400, "UnexpectedContent", Asked),
    (400, "UserNetworkTooSlow", Fault(NO_RATES)),
    (400, "VerifyAlgorithmNotSupported", Wire),
    (400, "XMLSizeLimit", Asked),
    (402, "PaymentRequired", Fault(NO_MONEY)),
    (403, "AccessDenied", Asked),
    (403, "AccessForbidden", Fault("pages of other origins are not served")),
    (403, "DownloadForbidden", Asked),
    (403, "InvalidAccessKeyId", Asked),
    (403, "InvalidObjectState", Asked),
    (403, "PathStyleDomainForbidden", Asked),
    (403, "RequestTimeTooSkewed", Asked),
    (403, "SignatureDoesNotMatch", Asked),
    (404, "NoSuchBucket", Asked),
    (404, "NoSuchCopySource", Asked),
    (404, "NoSuchEncryptionConfiguration", Fault(NO_SETTINGS)),
    (404, "NoSuchKey", Asked),
    (404, "NoSuchUpload", Asked),
    (404, "NoSuchVersion", Asked),
    (405, "MethodNotAllowed", Asked),
    (405, "UploadIdNotSupported", Fault("there are no uploads of the old JSON API")),
    (409, "FileAlreadyExists", Asked),
    (409, "InvalidObjectState", Fault("it comes with 403, unless so guessed")),
    (409, "ObjectLocked", Fault(NO_SETTINGS)),
    (409, "PathConflict", Fault(NO_OTHERS)),
    (409, "QuotaConflict", Fault(NO_SETTINGS)),
    (409, "UploadConflict", Fault(NO_OTHERS)),
    (411, "MissingContentLength", Wire),
    (412, "PreconditionFailed", Asked),
    (416, "InvalidRange", Asked),
    (451, "DomainAuditFailed", Fault(NO_MONEY)),
    (451, "UnavailableForLegalReasons", Fault(NO_MONEY)),
    (500, "InternalError", Fault(DAMAGE)),
    (500, "KmsInternalException", Fault(NO_KMS)),
    (501, "NotImplemented", Asked),
    (503, "KmsFreqControl", Fault(NO_RATES)),
    (503, "ServiceUnavailable", Fault(NO_RATES)),
    (503, "SlowDown", Fault(NO_FILES)),
];

/// A request.
struct Ask {
    raw: Raw,
    method: &'static str,
    key: String,
    params: Vec<(&'static str, String)>,
    headers: Headers,
    body: Vec<u8>,
}

impl Ask {
    fn of(raw: &Raw, method: &'static str, key: &str) -> Self {
        let (key, params, headers, body) = (key.to_owned(), Vec::new(), Headers::new(), Vec::new());
        Self { raw: raw.clone(), method, key, params, headers, body }
    }

    fn with(self, headers: Headers) -> Self {
        Self { headers, ..self }
    }

    fn param(mut self, name: &'static str, value: &str) -> Self {
        self.params.push((name, value.to_owned()));
        self
    }

    fn body(self, body: impl Into<Vec<u8>>) -> Self {
        Self { body: body.into(), ..self }
    }
}

/// A store of another kind: in several zones, accelerated, with credentials that have expired besides.
async fn other_store() -> Store {
    store_with(|options| {
        options
            .multi_az(true)
            .accelerated(true)
            .credentials("AKIDa", "a", None)
            .temporary_credentials("AKIDb", "b", "t", 1)
    })
    .await
}

/// The request that deserves this code.
fn ask(world: &World, other: &Raw, code: &str) -> Ask {
    let raw = &world.raw;
    let put = || Ask::of(raw, "PUT", "new").body("bytes");
    let copy = |key: &str| Ask::of(raw, "PUT", "new").with(from(key));
    let get = |key: &str| Ask::of(raw, "GET", key);
    let complete = |list: Vec<u8>| Ask::of(raw, "POST", "up").param("uploadId", &world.plain).body(list);
    let list = |numbers: &[u32]| complete(world.list(numbers));
    let at = |host: &str| Raw { host: host.to_owned(), ..raw.clone() };
    let host = |rest: &str| at(&format!("{}.{rest}", raw.bucket));
    match code {
        "ActionAccelerateNotSupported" => {
            let fast = Raw { host: format!("{}.cos.accelerate.myqcloud.com", raw.bucket), ..other.clone() };
            Ask::of(&fast, "PUT", "new").with(from("plain"))
        }
        "BadDigest" => put().with(one("Content-MD5", &md5_base64(b"other"))),
        "BucketAccelerateNotEnabled" => Ask::of(&host("cos.accelerate.myqcloud.com"), "GET", "plain"),
        "EntityTooLarge" => put().body(pattern(5_001, 1)),
        "EntityTooSmall" => list(&[1, 2, 3]),
        "ExpiredToken" => {
            let (id, key, token) = ("AKIDb".to_owned(), "b".to_owned(), Some("t".to_owned()));
            Ask::of(&Raw { id, key, token, ..other.clone() }, "GET", "plain")
        }
        "InvalidArgument" => put().with([managed(), customer(&KEY)].concat()),
        "InvalidBucketName" => Ask::of(&Raw { bucket: "No_Bucket".to_owned(), ..raw.clone() }, "GET", "plain"),
        "InvalidCopySource" => put().body("").with(one("x-cos-copy-source", "plain")),
        "InvalidDigest" => put().with(one("Content-MD5", "bm8=")),
        "InvalidObjectName" => get("\\k"),
        "InvalidPart" => list(&[1, 3]),
        "InvalidPartOrder" => list(&[2, 1]),
        "InvalidRegionName" => Ask::of(&host("cos.ap_x.myqcloud.com"), "GET", "plain"),
        "InvalidRequest" => Ask::of(raw, "PUT", "plain").with(from("plain")),
        "InvalidSHA1Digest" => put().with(one("x-cos-content-sha1", "no")),
        "InvalidTag" => put().with(one("x-cos-tagging", "=1")),
        "KeyTooLong" => get(&"k".repeat(851)),
        "KmsKeyDisabled" => put().with(kms("disabled")),
        "KmsKeyNotExist" => put().with(kms("absent")),
        "ListPartUploadIdIsEmpty" => get("up").param("uploadId", ""),
        "MAZOperationNotSupportOnOAZBucket" => put().with(one("x-cos-storage-class", "MAZ_STANDARD")),
        "MalformedXML" => complete(b"{}".to_vec()),
        "MissingRequestBodyError" => complete(Vec::new()),
        "NotSupportedStorageClass" => put().with(one("x-cos-storage-class", "GLACIER")),
        "OAZOperationNotSupportOnMAZBucket" => {
            Ask::of(other, "PUT", "new").with(one("x-cos-storage-class", "STANDARD_IA"))
        }
        "SSEContentNotSupported" => put().with(one("x-cos-server-side-encryption", "AES-256")),
        "SSEHeaderNotAllowed" => get("plain").with(managed()),
        "SsecDecryptHeaderInvalid" => copy("secret"),
        "UnexpectedContent" => get("plain").body("bytes"),
        "XMLSizeLimit" => complete(vec![b' '; 2_001]),
        "AccessDenied" => Ask::of(&Raw { ahead: -5_000, ..raw.clone() }, "GET", "plain"),
        "DownloadForbidden" => Ask::of(&host("cos.ap-guangzhou.myqcloud.com"), "GET", "app.apk"),
        "InvalidAccessKeyId" => Ask::of(&Raw { id: "AKIDnobody".to_owned(), ..raw.clone() }, "GET", "plain"),
        "InvalidObjectState" => get("cold"),
        "PathStyleDomainForbidden" => Ask::of(&at("cos.ap-guangzhou.myqcloud.com"), "GET", "plain"),
        "RequestTimeTooSkewed" => Ask::of(&Raw { ahead: 5_000, ..raw.clone() }, "GET", "plain"),
        "SignatureDoesNotMatch" => Ask::of(&Raw { key: "wrong".to_owned(), ..raw.clone() }, "GET", "plain"),
        "NoSuchBucket" => Ask::of(&Raw { bucket: "none-1250000000".to_owned(), ..raw.clone() }, "GET", "plain"),
        "NoSuchCopySource" => copy("absent"),
        "NoSuchKey" => get("absent"),
        "NoSuchUpload" => get("up").param("uploadId", "none"),
        "NoSuchVersion" => get("plain").param("versionId", "1"),
        "MethodNotAllowed" => Ask::of(raw, "PATCH", "plain"),
        "FileAlreadyExists" => Ask::of(raw, "PUT", "plain").with(one("x-cos-forbid-overwrite", "true")),
        "PreconditionFailed" => get("plain").with(one("If-Match", "\"x\"")),
        "InvalidRange" => get("plain").with(one("Range", "bytes=5-")),
        "NotImplemented" => get("plain").param("acl", ""),
        _ => panic!("no request deserves {code}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_code_of_the_manuals_is_deserved_by_a_request_or_had_by_a_fault() {
    let distinct: BTreeSet<_> = CODES.iter().map(|(status, code, _)| (status, code)).collect();
    assert_eq!(distinct.len(), CODES.len());
    let (world, other) = (World::new().await, other_store().await);
    let other = Raw::of(&other.emulator);
    let faulty = store_with(|options| options).await;
    let mut asked = 0;
    for (status, code, comes) in CODES {
        match comes {
            Asked => {
                let ask = ask(&world, &other, code);
                let params: Vec<_> = ask.params.iter().map(|(name, value)| (*name, value.as_str())).collect();
                let said = ask.raw.send(ask.method, &ask.key, &params, &ask.headers, &ask.body).await;
                said.refused(status, code);
                asked += 1;
            }
            Fault(reason) => {
                assert!(!reason.is_empty());
                faulty.emulator.set_faults(FaultPlan::new().on("Get").answer(status, code));
                Raw::new(&faulty).get("k", &[]).await.refused(status, code);
            }
            Wire => {}
        }
    }
    assert_eq!(asked, 48);
}

#[tokio::test(flavor = "multi_thread")]
async fn codes_that_only_odd_bytes_deserve() {
    let mut limits = Limits::default();
    limits.set("body_timeout=1").unwrap();
    let store = store_with(|options| options.tls(false).limits(limits)).await;
    let raw = Raw::new(&store);
    let path = format!("/{}/k", raw.bucket);
    let signed = raw.authorize("PUT", &path, &[], &headers(&[("host", &raw.host)]));
    let head = format!("PUT {path} HTTP/1.1\r\nHost: {}\r\n", raw.host);
    for (status, code, _) in CODES.iter().filter(|(_, _, comes)| *comes == Wire) {
        let (request, ends) = match *code {
            "IncompleteBody" => (format!("{head}Authorization: {signed}\r\nContent-Length: 5\r\n\r\nbyt"), true),
            "RequestTimeout" => (format!("{head}Authorization: {signed}\r\nContent-Length: 5\r\n\r\nbyt"), false),
            "MissingContentLength" => (format!("{head}Authorization: {signed}\r\n\r\n"), false),
            "NotImplemented" => {
                let lines = "Authorization: AWS4-HMAC-SHA256 Credential=a\r\nx-amz-content-sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER";
                (format!("{head}{lines}\r\n\r\n"), false)
            }
            "InvalidURI" => (format!("GET /%ff HTTP/1.1\r\nHost: {}\r\n\r\n", raw.host), false),
            "VerifyAlgorithmNotSupported" => {
                (format!("{head}Authorization: {}\r\n\r\n", signed.replace("sha1", "sha256")), false)
            }
            _ => panic!("no bytes deserve {code}"),
        };
        let before = store.emulator.transcript().len();
        let mut stream = TcpStream::connect(store.emulator.addr()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        if ends {
            stream.shutdown().await.unwrap();
        }
        let seen = tokio::time::timeout(Duration::from_mins(1), async {
            loop {
                if let Some(seen) = store.emulator.transcript().get(before) {
                    break seen.clone();
                }
                tokio::task::yield_now().await;
            }
        });
        let seen = seen.await.unwrap();
        assert_eq!((seen.status, seen.code.as_deref()), (*status, Some(*code)));
    }
}
