//! Encryption: what is demanded, what is confirmed, and what lies on disk.

use std::path::Path;

use super::raw::{Headers, Raw, Said, crc64, customer, headers, hex, kms, managed, md5_hex};
use crate::support::{Store, pattern, store, store_with};

const KEY: [u8; 32] = *b"0123456789ABCDEF0123456789ABCDEF";
const OTHER: [u8; 32] = *b"ABCDEF0123456789ABCDEF0123456789";
const ID: &str = "48ba38aa-26c5-11ea-855c-52540085a2cc";
const MODE: &str = "x-cos-server-side-encryption";
const KEY_ID: &str = "x-cos-server-side-encryption-cos-kms-key-id";
const KEY_MD5: &str = "x-cos-server-side-encryption-customer-key-MD5";
const ALGORITHM: &str = "x-cos-server-side-encryption-customer-algorithm";

#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    None,
    Managed,
    Kms,
    Customer,
}

impl Mode {
    const ALL: [Self; 4] = [Self::None, Self::Managed, Self::Kms, Self::Customer];

    /// What goes with Initiate and PUT.
    fn opening(self) -> Headers {
        match self {
            Self::None => Headers::new(),
            Self::Managed => managed(),
            Self::Kms => kms(ID),
            Self::Customer => customer(&KEY),
        }
    }

    /// What goes with parts, HEAD and GET.
    fn later(self) -> Headers {
        if self == Self::Customer { customer(&KEY) } else { Headers::new() }
    }

    #[track_caller]
    fn check_echo(self, said: &Said) {
        let echoed =
            [MODE, KEY_ID, ALGORITHM, KEY_MD5].map(|name| said.headers.get(name).map(|value| value.to_str().unwrap()));
        let expected = match self {
            Self::None => [None; 4],
            Self::Managed => [Some("AES256"), None, None, None],
            Self::Kms => [Some("cos/kms"), Some(ID), None, None],
            Self::Customer => [None, None, Some("AES256"), Some("U5L61r7jcwdNvT7frmUG8g==")],
        };
        assert_eq!(echoed, expected, "{self:?}");
    }
}

/// Whether the folder holds these bytes anywhere.
fn on_disk(dir: &Path, wanted: &[u8]) -> bool {
    std::fs::read_dir(dir).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return on_disk(&path, wanted);
        }
        std::fs::read(path).unwrap().windows(wanted.len()).any(|window| window == wanted)
    })
}

fn has_plain_text(store: &Store, bytes: &[u8]) -> bool {
    on_disk(store.dir.path(), &bytes[..32]) || on_disk(store.dir.path(), &bytes[bytes.len() - 32..])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_put_object_comes_back_in_every_mode_and_is_encrypted_on_disk() {
    for mode in Mode::ALL {
        let store = store().await;
        let raw = Raw::new(&store);
        for len in [1, 65_535, 65_536, 65_537, 3 * 1024 * 1024 + 17] {
            let bytes = pattern(len, 7);
            let put = raw.put("k", &mode.opening(), &bytes).await.ok();
            mode.check_echo(&put);
            assert_eq!(put.crc64(), crc64(&bytes));
            assert_eq!(put.etag() == md5_hex(&bytes), matches!(mode, Mode::None | Mode::Managed), "{mode:?}");
            let head = raw.head("k", &mode.later()).await.ok();
            mode.check_echo(&head);
            assert_eq!((head.header("content-length"), head.etag()), (&*len.to_string(), put.etag()));
            let got = raw.get("k", &mode.later()).await.ok();
            mode.check_echo(&got);
            assert_eq!(got.crc64(), crc64(&bytes));
            assert!(got.body == bytes, "{mode:?}, {len} bytes");
        }
        assert_eq!(has_plain_text(&store, &pattern(3 * 1024 * 1024 + 17, 7)), mode == Mode::None, "{mode:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_multipart_object_comes_back_in_every_mode_and_is_encrypted_on_disk() {
    for mode in Mode::ALL {
        let store = store().await;
        let raw = Raw::new(&store);
        let opened = raw.send("POST", "k", &[("uploads", "")], &mode.opening(), &[]).await.ok();
        mode.check_echo(&opened);
        let id = opened.element("UploadId").unwrap();
        let pieces = [pattern(1 << 20, 1), pattern((2 << 20) + 1, 2), pattern(33, 3)];
        let mut parts = Vec::new();
        for (number, piece) in (1..).zip(&pieces) {
            let part = raw.part("k", &id, number, &mode.later(), piece).await.ok();
            mode.check_echo(&part);
            assert_eq!(part.crc64(), crc64(piece));
            parts.push((number, part.etag().to_owned()));
        }
        let completed = raw.complete("k", &id, &parts, &[]).await.ok();
        mode.check_echo(&completed);
        let whole = pieces.concat();
        assert_eq!(completed.crc64(), crc64(&whole));
        assert!(completed.text().starts_with(' ') && completed.text().trim_start().starts_with("<Complete"));
        assert!(completed.element("ETag").unwrap().ends_with("-3&quot;"));
        let got = raw.get("k", &mode.later()).await.ok();
        mode.check_echo(&got);
        assert!(got.body == whole, "{mode:?}");
        assert_eq!(has_plain_text(&store, &pieces[1]), mode == Mode::None, "{mode:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_form_of_a_customer_key_lies_on_disk() {
    let store = store().await;
    let raw = Raw::new(&store);
    raw.put("k", &customer(&KEY), &pattern(100_000, 1)).await.ok();
    raw.initiate("k", &customer(&KEY)).await;
    let base64 = &customer(&KEY)[1].1;
    let hex = hex(&KEY);
    for form in [&KEY[..], base64.as_bytes(), hex.as_bytes()] {
        assert!(!on_disk(store.dir.path(), form));
    }
    assert!(store.emulator.transcript().iter().any(|request| {
        request.headers.iter().any(|(name, value)| name.ends_with("customer-key") && value == "***")
    }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_key_is_needed_and_must_be_the_right_one() {
    let store = store().await;
    let raw = Raw::new(&store);
    raw.put("k", &customer(&KEY), b"secret").await.ok();
    raw.get("k", &[]).await.refused(400, "InvalidArgument");
    raw.get("k", &customer(&OTHER)).await.refused(403, "AccessDenied");
    let head = raw.head("k", &[]).await;
    assert_eq!((head.status.as_u16(), head.body.len()), (400, 0));
    assert_eq!(raw.head("k", &customer(&OTHER)).await.status.as_u16(), 403);

    let id = raw.initiate("m", &customer(&KEY)).await;
    raw.part("m", &id, 1, &[], b"secret").await.refused(400, "InvalidArgument");
    raw.part("m", &id, 1, &customer(&OTHER), b"secret").await.refused(403, "AccessDenied");
    raw.part("m", &id, 1, &customer(&KEY), b"secret").await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_key_where_there_is_none_is_refused() {
    let store = store().await;
    let raw = Raw::new(&store);
    for mode in [Mode::None, Mode::Managed, Mode::Kms] {
        raw.put("k", &mode.opening(), b"bytes").await.ok();
        raw.get("k", &customer(&KEY)).await.refused(400, "SSEHeaderNotAllowed");
        let id = raw.initiate("m", &mode.opening()).await;
        raw.part("m", &id, 1, &customer(&KEY), b"bytes").await.refused(400, "SSEHeaderNotAllowed");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_encryption_headers_are_refused() {
    let store = store().await;
    let raw = Raw::new(&store);
    let [algorithm, key, md5] = <[(String, String); 3]>::try_from(customer(&KEY)).unwrap();
    let replaced = |pair: &(String, String), value: &str| (pair.0.clone(), value.to_owned());
    let refused = [
        (vec![algorithm.clone(), key.clone()], "InvalidArgument"),
        (vec![key.clone(), md5.clone()], "InvalidArgument"),
        (vec![md5.clone()], "InvalidArgument"),
        (vec![replaced(&algorithm, "AES-256"), key.clone(), md5.clone()], "InvalidArgument"),
        (
            vec![algorithm.clone(), replaced(&key, "MDEyMzQ1Njc4OUFCQ0RFRjAxMjM0NTY3ODlBQkNERUY"), md5.clone()],
            "InvalidArgument",
        ),
        (
            vec![algorithm.clone(), replaced(&key, "MDEyMzQ1"), replaced(&md5, "oyBmyMGk9PCIzQ+LcLBbBQ==")],
            "InvalidArgument",
        ),
        // The MD5 of the base64 text, a classic mistake.
        (vec![algorithm, key, replaced(&md5, "w00myi+7jM5cqzaz/8XW7A==")], "InvalidArgument"),
        ([managed(), customer(&KEY)].concat(), "InvalidArgument"),
        (headers(&[(MODE, "SM4")]), "SSEContentNotSupported"),
        (headers(&[(KEY_ID, ID)]), "InvalidArgument"),
        ([kms(ID), headers(&[("x-cos-server-side-encryption-context", "e30")])].concat(), "InvalidArgument"),
        ([kms(ID), headers(&[("x-cos-server-side-encryption-context", "WzFd")])].concat(), "InvalidArgument"),
        (kms("no such key!"), "KmsKeyNotExist"),
    ];
    for (headers, code) in refused {
        raw.put("k", &headers, b"bytes").await.refused(400, code);
        raw.send("POST", "k", &[("uploads", "")], &headers, &[]).await.refused(400, code);
    }
    let context = headers(&[("x-cos-server-side-encryption-context", "eyJhIjoiYXNkZmEiLCJiIjoiMTIzMzIxIn0=")]);
    let put = raw.put("k", &[kms(ID), context].concat(), b"bytes").await.ok();
    Mode::Kms.check_echo(&put);
    assert!(!put.headers.contains_key("x-cos-server-side-encryption-context"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kms_key_that_was_left_out_is_told() {
    let store = store().await;
    let raw = Raw::new(&store);
    let put = raw.put("k", &headers(&[(MODE, "cos/kms")]), b"bytes").await.ok();
    assert_eq!(put.header(MODE), "cos/kms");
    assert!(!put.header(KEY_ID).is_empty());
    assert_eq!(raw.get("k", &[]).await.ok().body, b"bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mode_is_refused_on_downloads_and_surplus_headers_under_strict() {
    let strict = store().await;
    let tolerant = store_with(|options| options.strict(false)).await;
    for (store, refuses) in [(&strict, true), (&tolerant, false)] {
        let raw = Raw::new(store);
        raw.put("k", &managed(), b"bytes").await.ok();
        raw.get("k", &managed()).await.refused(400, "SSEHeaderNotAllowed");
        assert_eq!(raw.head("k", &managed()).await.status.as_u16(), 400);
        let check = |said: Said| {
            if refuses {
                said.refused(400, "SSEHeaderNotAllowed");
            } else {
                said.ok();
            }
        };
        let source =
            |(name, value): (String, String)| (name.replace("x-cos-server", "x-cos-copy-source-server"), value);
        let source: Vec<_> = customer(&KEY).into_iter().map(source).collect();
        check(raw.send("POST", "m", &[("uploads", "")], &source, &[]).await);
        let id = raw.initiate("m", &managed()).await;
        check(raw.part("m", &id, 1, &managed(), b"bytes").await);
        let id = raw.initiate("m", &customer(&KEY)).await;
        let part = raw.part("m", &id, 1, &customer(&KEY), b"bytes").await.ok();
        check(raw.send("GET", "m", &[("uploadId", &id)], &customer(&KEY), &[]).await);
        check(raw.complete("m", &id, &[(1, part.etag().to_owned())], &customer(&KEY)).await);
        let id = raw.initiate("m", &customer(&KEY)).await;
        check(raw.send("DELETE", "m", &[("uploadId", &id)], &customer(&KEY), &[]).await);
        let recorded = store.emulator.transcript().iter().filter(|request| !request.surplus.is_empty()).count();
        assert_eq!(recorded, if refuses { 0 } else { 5 });
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_key_over_plain_http_is_refused() {
    let store = store_with(|options| options.tls(false)).await;
    let raw = Raw::new(&store);
    raw.put("k", &customer(&KEY), b"bytes").await.refused(400, "InvalidRequest");
    raw.put("k", &managed(), b"bytes").await.ok();
    let lenient = store_with(|options| options.tls(false).allow_insecure(true)).await;
    Raw::new(&lenient).put("k", &customer(&KEY), b"bytes").await.ok();
}
