//! Requests that are wrong as such, written byte by byte: no HTTP library sends them.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::raw::{Raw, headers};
use crate::support::{Store, store_with};

/// A store without TLS, which has the object `k`.
struct World {
    store: Store,
    raw: Raw,
}

/// An answer's status, and the code that the transcript has.
type Seen = (u16, Option<String>);

impl World {
    async fn new() -> Self {
        let store = store_with(|options| options.tls(false)).await;
        let raw = Raw::new(&store);
        raw.put("k", &[], b"bytes").await.ok();
        Self { store, raw }
    }

    /// Sends these bytes, and reads the head of the answer.
    async fn send(&self, request: &str) -> Seen {
        let mut stream = TcpStream::connect(self.store.emulator.addr()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        while !answer.contains("\r\n\r\n") {
            let mut more = [0; 4096];
            let read = stream.read(&mut more).await.unwrap();
            assert_ne!(read, 0, "no answer to {request}");
            answer.push_str(std::str::from_utf8(&more[..read]).unwrap());
        }
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        (status, self.store.emulator.transcript().last().and_then(|seen| seen.code.clone()))
    }

    /// A request in path style whose signature fits, with these lines besides; only `host` is signed.
    async fn signed(&self, method: &str, target: &str, host: &str, lines: &str) -> Seen {
        let path = target.split('?').next().unwrap();
        let authorization = self.raw.authorize(method, path, &[], &headers(&[("host", host)]));
        let head = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nAuthorization: {authorization}\r\n");
        self.send(&format!("{head}{lines}\r\n")).await
    }

    /// The same for the host of the store.
    async fn here(&self, method: &str, target: &str, lines: &str) -> Seen {
        self.signed(method, &format!("/{}{target}", self.raw.bucket), &self.raw.host, lines).await
    }
}

fn refused(status: u16, code: &str) -> Seen {
    (status, Some(code.to_owned()))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_come_once_may_not_come_twice() {
    let world = World::new().await;
    assert_eq!(world.here("GET", "/k", "").await, (200, None));
    let twice = refused(400, "InvalidRequest");
    for line in [
        "Authorization: another",
        "Content-MD5: a\r\ncontent-md5: b",
        "Content-Type: a/b\r\nContent-Type: c/d",
        "Range: bytes=0-1\r\nRange: bytes=1-2",
        "If-Match: a\r\nIf-Match: b",
        "Date: a\r\nDate: b",
        "Expect: 100-continue\r\nExpect: 100-continue",
        "x-cos-server-side-encryption: AES256\r\nx-cos-server-side-encryption: cos/kms",
        "x-cos-server-side-encryption-customer-key: a\r\nX-COS-Server-Side-Encryption-Customer-Key: b",
        "x-cos-copy-source: a\r\nx-cos-copy-source: b",
        "x-cos-copy-source-range: a\r\nx-cos-copy-source-range: b",
        "x-cos-forbid-overwrite: true\r\nx-cos-forbid-overwrite: false",
        "x-cos-meta-a: 1\r\nx-cos-meta-a: 2",
        "x-cos-security-token: a\r\nx-cos-security-token: a",
        "Host: example.com",
    ] {
        for method in ["GET", "PUT", "HEAD"] {
            assert_eq!(world.here(method, "/k", &format!("{line}\r\n")).await, twice, "{method} {line}");
        }
    }
    for (method, target) in [
        ("PUT", "/k?partNumber=1&partNumber=2&uploadId=a"),
        ("PUT", "/k?partNumber=1&uploadId=a&uploadId=b"),
        ("POST", "/k?uploadId=a&uploadId=a"),
        ("POST", "/k?uploads&uploads"),
        ("POST", "/k?uploads&uploadId=a"),
        ("DELETE", "/k?uploadId=a&uploadId=b"),
        ("GET", "/k?uploadId=a&max-parts=1&max-parts=2"),
        ("GET", "/k?uploadId=a&part-number-marker=1&part-number-marker=2"),
        ("GET", "/?uploads&prefix=a&prefix=b"),
        ("GET", "/?uploads&key-marker=a&%6bey-marker=b"),
        ("GET", "/k?response-content-type=a&response-content-type=b"),
        ("GET", "/k?x-cos-security-token=a&x-cos-security-token=b"),
    ] {
        assert_eq!(world.here(method, target, "").await, twice, "{method} {target}");
    }
    // A signature of another kind.
    let foreign =
        format!("GET /{}/k HTTP/1.1\r\nHost: a\r\nAuthorization: AWS4-HMAC-SHA256 a\r\n\r\n", world.raw.bucket);
    assert_eq!(world.send(&foreign).await, refused(501, "NotImplemented"));
    // Lists of HTTP that nothing is read from.
    assert_eq!(world.here("GET", "/k", "Accept: a/b\r\nAccept: c/d\r\nVia: a\r\nVia: b\r\n").await, (200, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_expected_but_a_hundred() {
    let world = World::new().await;
    for other in ["banana", "100-continue, banana", "200-ok", "\"100-continue\""] {
        for (method, target) in [("PUT", "/k"), ("GET", "/k"), ("POST", "/k?uploads")] {
            let seen = world.here(method, target, &format!("Expect: {other}\r\n")).await;
            assert_eq!(seen, refused(417, "ExpectationFailed"), "{method} {other}");
        }
    }
    assert_eq!(world.here("GET", "/k", "Expect: 100-Continue\r\n").await, (200, None));
}

/// With chunks the length does not count, and an object, a part and a list of parts need one.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_has_one_length() {
    let world = World::new().await;
    let id = world.raw.initiate("k", &[]).await;
    let part = format!("/k?partNumber=1&uploadId={id}");
    let list = format!("/k?uploadId={id}");
    let both = ["Content-Length: 5\r\nTransfer-Encoding: chunked", "Transfer-Encoding: chunked\r\nContent-Length: 5"];
    for lines in both.into_iter().chain(["Transfer-Encoding: chunked"]) {
        for (method, target) in [("PUT", "/k"), ("PUT", &*part), ("POST", &*list)] {
            let body = format!("{lines}\r\n");
            assert_eq!(world.here(method, target, &body).await, refused(411, "MissingContentLength"), "{target}");
        }
        for (method, target) in [("GET", "/k"), ("HEAD", "/k"), ("DELETE", &*list), ("POST", "/k?uploads")] {
            let body = format!("{lines}\r\n");
            assert_eq!(world.here(method, target, &body).await, refused(400, "UnexpectedContent"), "{method} {target}");
        }
    }
    // The HTTP library answers these by itself, so that they are in no transcript.
    let before = world.store.emulator.transcript().len();
    for lines in ["Content-Length: 5\r\nContent-Length: 6", "Content-Length: +5", "Transfer-Encoding: gzip"] {
        assert_eq!(world.here("PUT", "/k", &format!("{lines}\r\n")).await.0, 400, "{lines}");
    }
    assert_eq!(world.store.emulator.transcript().len(), before);
    assert_eq!(world.raw.get("k", &[]).await.ok().body, b"bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_host_is_named_and_leads_to_the_bucket() {
    let world = World::new().await;
    let path = format!("/{}/k", world.raw.bucket);
    let authorization = world.raw.authorize("GET", &path, &[], &[]);
    let head = format!("GET {path} HTTP/1.1\r\nAuthorization: {authorization}\r\n");
    for host in ["", "Host:\r\n", "Host: a b\r\n", "Host: user@example.com\r\n", "Host: a:b\r\n", "Host: a:99999\r\n"] {
        assert_eq!(world.send(&format!("{head}{host}\r\n")).await, refused(400, "InvalidRequest"), "{host}");
    }
    let bucket = &world.raw.bucket;
    let none = "none-1250000000.cos.ap-guangzhou.myqcloud.com";
    for (host, seen) in [
        (format!("{bucket}.cos.ap-guangzhou.myqcloud.com"), (200, None)),
        (format!("{bucket}.cos.ap-guangzhou.myqcloud.com:443"), (200, None)),
        (format!("{bucket}.cos.ap-guangzhou.myqcloud.com:"), (200, None)),
        (format!("{bucket}.COS.ap-Guangzhou.MyQCloud.com"), (200, None)),
        (bucket.to_uppercase() + ".cos.ap-guangzhou.tencentcos.cn", (200, None)),
        (format!("{bucket}.cos-internal.ap-guangzhou.tencentcos.cn"), (200, None)),
        (none.to_owned(), refused(404, "NoSuchBucket")),
        ("no_bucket.cos.ap-guangzhou.myqcloud.com".to_owned(), refused(400, "InvalidBucketName")),
        (format!("{bucket}.cos.ap-beijing.myqcloud.com"), refused(404, "NoSuchBucket")),
        (format!("{bucket}.cos.ap_guangzhou.myqcloud.com"), refused(400, "InvalidRegionName")),
        (format!("{bucket}.cos.accelerate.myqcloud.com"), refused(400, "BucketAccelerateNotEnabled")),
        (format!("{bucket}.cos-website.ap-guangzhou.myqcloud.com"), refused(501, "NotImplemented")),
        ("cos.ap-guangzhou.myqcloud.com".to_owned(), refused(403, "PathStyleDomainForbidden")),
        (format!("{bucket}.other.ap-guangzhou.myqcloud.com"), refused(403, "PathStyleDomainForbidden")),
    ] {
        assert_eq!(world.signed("GET", "/k", &host, "").await, seen, "{host}");
    }
    // What is signed is the host as it was sent.
    let signed = world.raw.authorize("GET", "/k", &[], &headers(&[("host", none)]));
    let head = format!("GET /k HTTP/1.1\r\nAuthorization: {signed}\r\n");
    let seen = world.send(&format!("{head}Host: {bucket}.cos.ap-guangzhou.myqcloud.com\r\n\r\n")).await;
    assert_eq!(seen, refused(403, "SignatureDoesNotMatch"));
}
