//! Encryption: what is demanded, what is confirmed, and what S3 refuses.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use sealift::emulator::{Emulator, EmulatorOptions};

use super::{
    super::raw::{Headers, Said, headers, md5_hex},
    raw::{Raw, customer, kms, managed, named, store, store_with},
};
use crate::support::pattern;

const KEY: [u8; 32] = *b"0123456789ABCDEF0123456789ABCDEF";
const OTHER: [u8; 32] = *b"ABCDEF0123456789ABCDEF0123456789";
const ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";
const ARN: &str = "arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const MODE: &str = "x-amz-server-side-encryption";
const KEY_ID: &str = "x-amz-server-side-encryption-aws-kms-key-id";
const CONTEXT: &str = "x-amz-server-side-encryption-context";
const KEY_MD5: &str = "x-amz-server-side-encryption-customer-key-MD5";
const ALGORITHM: &str = "x-amz-server-side-encryption-customer-algorithm";

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
            // What asks for nothing is encrypted all the same.
            Self::None | Self::Managed => [Some("AES256"), None, None, None],
            Self::Kms => [Some("aws:kms"), Some(ARN), None, None],
            Self::Customer => [None, None, Some("AES256"), Some("U5L61r7jcwdNvT7frmUG8g==")],
        };
        assert_eq!(echoed, expected, "{self:?}");
    }

    /// Complete says nothing of a customer key.
    #[track_caller]
    fn check_echo_of_complete(self, said: &Said) {
        if self != Self::Customer {
            return self.check_echo(said);
        }
        assert!(!said.headers.keys().any(|name| name.as_str().contains("encryption")), "{:?}", said.headers);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_put_object_comes_back_in_every_mode_and_every_answer_says_how_it_is_encrypted() {
    let store = store().await;
    let raw = Raw::new(&store);
    for mode in Mode::ALL {
        for len in [0, 1, 65_537, 1024 * 1024 + 17] {
            let bytes = pattern(len, 7);
            let put = raw.put("k", &mode.opening(), &bytes).await.ok();
            mode.check_echo(&put);
            assert_eq!(put.etag() == md5_hex(&bytes), matches!(mode, Mode::None | Mode::Managed), "{mode:?}");
            let head = raw.head("k", &mode.later()).await.ok();
            mode.check_echo(&head);
            assert_eq!((head.header("content-length"), head.etag()), (&*len.to_string(), put.etag()));
            let got = raw.get("k", &mode.later()).await.ok();
            mode.check_echo(&got);
            assert!(got.body == bytes, "{mode:?}, {len} bytes");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_multipart_object_comes_back_in_every_mode_and_every_answer_says_how_it_is_encrypted() {
    let store = store().await;
    let raw = Raw::new(&store);
    for mode in Mode::ALL {
        let opened = raw.send("POST", "k", &[("uploads", "")], &mode.opening(), &[]).await.ok();
        mode.check_echo(&opened);
        let id = opened.element("UploadId").unwrap();
        let pieces = [pattern(100_000, 1), pattern(70_000, 2), pattern(33, 3)];
        let mut parts = Vec::new();
        for (number, piece) in (1..).zip(&pieces) {
            let part = raw.part("k", &id, number, &mode.later(), piece).await.ok();
            mode.check_echo(&part);
            parts.push(named(number, &part));
        }
        // No checksum was declared, so Complete and ListParts do without the key.
        raw.list_parts("k", &id, &[]).await.ok();
        let completed = raw.complete("k", &id, &parts, &[]).await.ok();
        mode.check_echo_of_complete(&completed);
        assert!(completed.text().starts_with("<?xml version=\"1.0\" encoding=\"UTF-8\"?> "), "{}", completed.text());
        assert!(completed.element("ETag").unwrap().ends_with("-3&quot;"));
        let got = raw.get("k", &mode.later()).await.ok();
        mode.check_echo(&got);
        assert!(got.body == pieces.concat(), "{mode:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_lies_on_disk_in_the_clear() {
    let store = store().await;
    let raw = Raw::new(&store);
    let bytes = pattern(100_000, 1);
    for (at, mode) in Mode::ALL.into_iter().enumerate() {
        raw.put(&format!("k{at}"), &mode.opening(), &bytes).await.ok();
    }
    let mut folders = vec![store.dir.path().to_owned()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            files += 1;
            let content = std::fs::read(&path).unwrap();
            for secret in [&bytes[..32], &KEY[..], STANDARD.encode(KEY).as_bytes()] {
                assert!(!content.windows(secret.len()).any(|window| window == secret), "{}", path.display());
            }
        }
    }
    assert!(files >= 8);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_key_is_needed_and_must_be_the_right_one() {
    let store = store().await;
    let raw = Raw::new(&store);
    raw.put("k", &customer(&KEY), b"secret").await.ok();
    let none = raw.get("k", &[]).await.refused(400, "InvalidRequest");
    let message = "The object was stored using a form of Server Side Encryption. The correct parameters must be provided \
                   to retrieve the object.";
    assert_eq!(none.element("Message").as_deref(), Some(message));
    raw.get("k", &customer(&OTHER)).await.refused(403, "AccessDenied");
    let head = raw.head("k", &[]).await;
    assert_eq!((head.status.as_u16(), head.body.len()), (400, 0));
    assert_eq!(raw.head("k", &customer(&OTHER)).await.status.as_u16(), 403);

    let id = raw.initiate("m", &customer(&KEY)).await;
    let none = raw.part("m", &id, 1, &[], b"secret").await.refused(400, "InvalidRequest");
    assert!(none.text().contains("The multipart upload initiate requested encryption."));
    raw.part("m", &id, 1, &customer(&OTHER), b"secret").await.refused(400, "InvalidRequest");
    let part = named(1, &raw.part("m", &id, 1, &customer(&KEY), b"secret").await.ok());
    raw.list_parts("m", &id, &customer(&OTHER)).await.refused(400, "InvalidRequest");
    raw.complete("m", &id, std::slice::from_ref(&part), &customer(&OTHER)).await.refused(400, "InvalidRequest");
    raw.complete("m", &id, &[part], &customer(&KEY)).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn complete_and_list_parts_need_the_key_where_a_checksum_was_declared() {
    let store = store().await;
    let raw = Raw::new(&store);
    let declared = headers(&[("x-amz-checksum-algorithm", "CRC64NVME")]);
    for mode in Mode::ALL {
        let id = raw.initiate("m", &[mode.opening(), declared.clone()].concat()).await;
        let part = named(1, &raw.part("m", &id, 1, &mode.later(), b"bytes").await.ok());
        if mode == Mode::Customer {
            raw.list_parts("m", &id, &[]).await.refused(400, "InvalidRequest");
            raw.complete("m", &id, std::slice::from_ref(&part), &[]).await.refused(400, "InvalidRequest");
        }
        raw.list_parts("m", &id, &mode.later()).await.ok();
        mode.check_echo_of_complete(&raw.complete("m", &id, &[part], &mode.later()).await.ok());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_customer_key_where_there_is_none_is_refused() {
    let store = store().await;
    let raw = Raw::new(&store);
    for mode in [Mode::None, Mode::Managed, Mode::Kms] {
        raw.put("k", &mode.opening(), b"bytes").await.ok();
        let said = raw.get("k", &customer(&KEY)).await.refused(400, "InvalidRequest");
        assert!(said.text().contains("The encryption parameters are not applicable to this object."));
        let id = raw.initiate("m", &mode.opening()).await;
        raw.part("m", &id, 1, &customer(&KEY), b"bytes").await.refused(400, "InvalidRequest");
        let part = named(1, &raw.part("m", &id, 1, &[], b"bytes").await.ok());
        raw.complete("m", &id, &[part], &customer(&KEY)).await.refused(400, "InvalidRequest");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mode_is_refused_wherever_it_does_not_begin() {
    let store = store().await;
    let raw = Raw::new(&store);
    raw.put("k", &managed(), b"bytes").await.ok();
    let id = raw.initiate("m", &managed()).await;
    let part = named(1, &raw.part("m", &id, 1, &[], b"bytes").await.ok());
    for mode in [managed(), kms(ID), headers(&[(KEY_ID, ID)]), headers(&[(CONTEXT, "e30=")])] {
        let said = raw.part("m", &id, 2, &mode, b"bytes").await.refused(400, "InvalidArgument");
        let message = format!("{} header is not supported for this operation.", mode[0].0);
        assert_eq!(said.element("Message"), Some(message));
        raw.complete("m", &id, std::slice::from_ref(&part), &mode).await.refused(400, "InvalidArgument");
        raw.list_parts("m", &id, &mode).await.refused(400, "InvalidArgument");
        raw.get("k", &mode).await.refused(400, "InvalidArgument");
        assert_eq!(raw.head("k", &mode).await.status.as_u16(), 400);
    }
    raw.complete("m", &id, &[part], &[]).await.ok();
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
        (vec![replaced(&algorithm, "AES-256"), key.clone(), md5.clone()], "InvalidEncryptionAlgorithmError"),
        (vec![algorithm.clone(), replaced(&key, "no base64"), md5.clone()], "InvalidArgument"),
        (
            vec![algorithm.clone(), replaced(&key, "MDEyMzQ1"), replaced(&md5, "oyBmyMGk9PCIzQ+LcLBbBQ==")],
            "InvalidArgument",
        ),
        // The MD5 of the base64 text, a classic mistake.
        (vec![algorithm, key, replaced(&md5, "w00myi+7jM5cqzaz/8XW7A==")], "InvalidArgument"),
        ([managed(), customer(&KEY)].concat(), "InvalidArgument"),
        (headers(&[(MODE, "SM4")]), "InvalidArgument"),
        (headers(&[(MODE, "cos/kms")]), "InvalidArgument"),
        (headers(&[(KEY_ID, ID)]), "InvalidArgument"),
        ([managed(), headers(&[(KEY_ID, ID)])].concat(), "InvalidArgument"),
        ([kms(ID), headers(&[(CONTEXT, "e30")])].concat(), "InvalidArgument"),
        ([kms(ID), headers(&[(CONTEXT, "WzFd")])].concat(), "InvalidArgument"),
        (kms("no such key!"), "KMS.NotFoundException"),
        (kms("arn:aws:kms:us-east-1:111122223333:key/1"), "KMS.NotFoundException"),
    ];
    for (headers, code) in refused {
        raw.put("k", &headers, b"bytes").await.refused(400, code);
        raw.send("POST", "k", &[("uploads", "")], &headers, &[]).await.refused(400, code);
    }
    let context = headers(&[(CONTEXT, "eyJhIjoiYXNkZmEiLCJiIjoiMTIzMzIxIn0=")]);
    Mode::Kms.check_echo(&raw.put("k", &[kms(ID), context].concat(), b"bytes").await.ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kms_key_is_told_by_its_arn_however_it_was_named() {
    let store = store().await;
    let raw = Raw::new(&store);
    for named in [ID, ARN] {
        assert_eq!(raw.put("k", &kms(named), b"bytes").await.ok().header(KEY_ID), ARN);
    }
    let aliased = raw.put("k", &kms("alias/backup"), b"bytes").await.ok().header(KEY_ID).to_owned();
    assert!(aliased.starts_with("arn:aws:kms:eu-central-1:111122223333:key/"), "{aliased}");
    assert_eq!(raw.head("k", &[]).await.ok().header(KEY_ID), aliased);
    let left_out = raw.put("k", &headers(&[(MODE, "aws:kms")]), b"bytes").await.ok().header(KEY_ID).to_owned();
    assert!(left_out.starts_with("arn:aws:kms:eu-central-1:111122223333:key/") && left_out != aliased);
    assert_eq!(raw.get("k", &[]).await.ok().body, b"bytes");
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

#[tokio::test(flavor = "multi_thread")]
async fn a_key_where_no_call_takes_it_is_surplus() {
    let strict = store().await;
    let tolerant = store_with(|options| options.strict(false)).await;
    for (store, status) in [(&strict, 400), (&tolerant, 204)] {
        let raw = Raw::new(store);
        let id = raw.initiate("m", &customer(&KEY)).await;
        let abort = raw.send("DELETE", "m", &[("uploadId", &id)], &customer(&KEY), &[]).await;
        assert_eq!(abort.status.as_u16(), status);
        let recorded = store.emulator.transcript().iter().filter(|request| !request.surplus.is_empty()).count();
        assert_eq!(recorded, usize::from(status == 204));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_blocks_customer_keys_still_gives_out_what_it_has() {
    let dir = tempfile::tempdir().unwrap();
    let start = |blocked| {
        let options = EmulatorOptions::s3(dir.path()).durable(false).block_customer_keys(blocked);
        async move { Emulator::start(options).await.unwrap() }
    };
    let open = start(false).await;
    Raw::of(&open).put("k", &customer(&KEY), b"bytes").await.ok();
    open.stop().await;
    let blocking = start(true).await;
    let raw = Raw::of(&blocking);
    raw.put("k", &customer(&KEY), b"bytes").await.refused(403, "AccessDenied");
    raw.send("POST", "k", &[("uploads", "")], &customer(&KEY), &[]).await.refused(403, "AccessDenied");
    assert_eq!(raw.get("k", &customer(&KEY)).await.ok().body, b"bytes");
    raw.put("k", &kms(ID), b"bytes").await.ok();
}
