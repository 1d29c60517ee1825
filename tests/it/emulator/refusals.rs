//! Each refusal that the manuals name, by call, with its status and code.
//!
//! The rows are read from the manual's pages on the calls, on limits, encryption, checksums and errors
//! (/document/product/436/7746 and its neighbours, 14518, 18145, 32467, 7730). Codes come from the transcript, because
//! HEAD's answer has no body. Where the manual has no code, the row says what the store guesses.

use sealift::emulator::Guesses;

use super::raw::{Headers, Raw, complete_body, customer, headers, kms, managed, md5_base64};
use crate::support::{Store, pattern, store_with};

pub(super) const KEY: [u8; 32] = [1; 32];
const OTHER: [u8; 32] = [2; 32];
const ALGORITHM: &str = "x-cos-server-side-encryption-customer-algorithm";
const CUSTOMER_KEY: &str = "x-cos-server-side-encryption-customer-key";
const CUSTOMER_MD5: &str = "x-cos-server-side-encryption-customer-key-MD5";
const CONTEXT: &str = "x-cos-server-side-encryption-context";
const MODE: &str = "x-cos-server-side-encryption";
/// Lowered, so that every limit can be reached.
const MOST: usize = 5_000;

/// A store with one thing of each kind.
pub(super) struct World {
    store: Store,
    pub(super) raw: Raw,
    pub(super) plain: String,
    secret: String,
    /// Of the parts 1 (long enough), 2 (too short), 3 (long enough) and 5 of the plain upload.
    tags: [String; 4],
}

/// Method, key, parameters and headers.
type Call = (&'static str, &'static str, Vec<(&'static str, String)>, Headers);

/// Every call, as it would be carried out: method, key, parameters, and headers that it needs.
fn calls(upload: &str) -> Vec<Call> {
    let id = || ("uploadId", upload.to_owned());
    let number = || ("partNumber", "1".to_owned());
    let uploads = || ("uploads", String::new());
    vec![
        ("POST", "up", vec![uploads()], Headers::new()),
        ("PUT", "up", vec![number(), id()], Headers::new()),
        ("PUT", "up", vec![number(), id()], from("plain")),
        ("POST", "up", vec![id()], Headers::new()),
        ("DELETE", "up", vec![id()], Headers::new()),
        ("GET", "up", vec![id()], Headers::new()),
        ("GET", "", vec![uploads()], Headers::new()),
        ("HEAD", "plain", Vec::new(), Headers::new()),
        ("GET", "plain", Vec::new(), Headers::new()),
        ("PUT", "new", Vec::new(), Headers::new()),
        ("PUT", "new", Vec::new(), from("plain")),
        ("DELETE", "plain", Vec::new(), Headers::new()),
        ("HEAD", "", Vec::new(), Headers::new()),
    ]
}

impl World {
    pub(super) async fn new() -> Self {
        let mut guesses = Guesses::default();
        guesses.absent_kms_keys.push("absent".to_owned());
        guesses.disabled_kms_keys.push("disabled".to_owned());
        let mut limits = sealift::emulator::Limits::default();
        for limit in ["min_part_size=1000", "max_part_size=5000", "max_object_size=9000", "max_xml_bytes=2000"] {
            limits.set(limit).unwrap();
        }
        let store = store_with(|options| options.guesses(guesses).limits(limits)).await;
        let raw = Raw::new(&store);
        raw.put("plain", &[], b"bytes").await.ok();
        raw.put("long", &[], &pattern(MOST, 1)).await.ok();
        raw.put("secret", &customer(&KEY), b"bytes").await.ok();
        raw.put("cold", &one("x-cos-storage-class", "ARCHIVE"), b"bytes").await.ok();
        let plain = raw.initiate("up", &[]).await;
        let mut tags = Vec::new();
        for (number, len) in [(1, MOST), (2, 999), (3, MOST), (5, 1000)] {
            tags.push(raw.part("up", &plain, number, &[], &pattern(len, 1)).await.ok().etag().to_owned());
        }
        let secret = raw.initiate("sealed", &customer(&KEY)).await;
        Self { store, raw, plain, secret, tags: tags.try_into().unwrap() }
    }

    /// A list of parts by number, with their tags.
    pub(super) fn list(&self, numbers: &[u32]) -> Vec<u8> {
        let tag = |number: u32| match number {
            1..=3 => self.tags[number as usize - 1].clone(),
            _ => self.tags[3].clone(),
        };
        complete_body(&numbers.iter().map(|&number| (number, tag(number))).collect::<Vec<_>>()).into_bytes()
    }

    /// Sends it, and compares status and code.
    async fn refuses(
        &self,
        (status, code): (u16, &str),
        (method, key): (&str, &str),
        params: &[(&str, &str)],
        headers: &[(String, String)],
        body: &[u8],
    ) {
        self.refuses_of(&self.raw, (status, code), (method, key), params, headers, body).await;
    }

    async fn refuses_of(
        &self,
        raw: &Raw,
        expected: (u16, &str),
        (method, key): (&str, &str),
        params: &[(&str, &str)],
        headers: &[(String, String)],
        body: &[u8],
    ) {
        let said = raw.send(method, key, params, headers, body).await;
        let seen = self.store.emulator.transcript().pop().unwrap();
        let got = (said.status.as_u16(), seen.code.as_deref().unwrap_or("no code"));
        assert_eq!(got, expected, "{method} {key} {params:?} {headers:?}");
        assert!(method == "HEAD" || said.element("Code").as_deref() == Some(expected.1), "{}", said.text());
    }

    /// The same for headers of calls that begin something: Initiate, PUT and PUT Copy.
    async fn refuses_beginnings(&self, expected: (u16, &str), headers: &[(String, String)]) {
        self.refuses(expected, ("POST", "new"), &[("uploads", "")], headers, b"").await;
        self.refuses(expected, ("PUT", "new"), &[], headers, b"bytes").await;
        self.refuses(expected, ("PUT", "new"), &[], &[from("plain"), headers.to_vec()].concat(), b"").await;
    }

    /// The same for both ways of a part.
    async fn refuses_parts(&self, expected: (u16, &str), upload: (&str, &str), headers: &[(String, String)]) {
        let params = [("partNumber", "1"), ("uploadId", upload.1)];
        self.refuses(expected, ("PUT", upload.0), &params, headers, b"bytes").await;
        self.refuses(expected, ("PUT", upload.0), &params, &[from("plain"), headers.to_vec()].concat(), b"").await;
    }
}

pub(super) fn from(key: &str) -> Headers {
    headers(&[("x-cos-copy-source", &format!("examplebucket-1250000000.cos.ap-guangzhou.myqcloud.com/{key}"))])
}

fn source_key(key: &[u8; 32]) -> Headers {
    let renamed = |name: String| name.replace("x-cos-server", "x-cos-copy-source-server");
    customer(key).into_iter().map(|(name, value)| (renamed(name), value)).collect()
}

pub(super) fn one(name: &str, value: &str) -> Headers {
    headers(&[(name, value)])
}

#[tokio::test(flavor = "multi_thread")]
async fn every_call_needs_a_signature_a_bucket_and_a_sound_key() {
    let world = World::new().await;
    let raw = &world.raw;
    for (method, key, params, needed) in calls(&world.plain) {
        let params: Vec<(&str, &str)> = params.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let check = async |raw: &Raw, status: u16, code: &str, key: &str, more: Headers| {
            world.refuses_of(raw, (status, code), (method, key), &params, &[needed.clone(), more].concat(), b"").await;
        };
        let none = Headers::new;
        check(&Raw { id: "AKIDnobody".into(), ..raw.clone() }, 403, "InvalidAccessKeyId", key, none()).await;
        check(&Raw { key: "wrong".into(), ..raw.clone() }, 403, "SignatureDoesNotMatch", key, none()).await;
        check(&Raw { token: Some("x".into()), ..raw.clone() }, 403, "AccessDenied", key, none()).await;
        check(&Raw { ahead: -5_000, ..raw.clone() }, 403, "AccessDenied", key, none()).await;
        check(&Raw { ahead: 5_000, ..raw.clone() }, 403, "RequestTimeTooSkewed", key, none()).await;
        check(&Raw { bucket: "none-1250000000".into(), ..raw.clone() }, 404, "NoSuchBucket", key, none()).await;
        check(&Raw { bucket: "No_Bucket".into(), ..raw.clone() }, 400, "InvalidBucketName", key, none()).await;
        check(raw, 501, "NotImplemented", key, one("x-cos-pnum-max", "3")).await;
        if key.is_empty() {
            continue;
        }
        check(raw, 400, "KeyTooLong", &"k".repeat(851), none()).await;
        check(raw, 400, "InvalidObjectName", "/k", none()).await;
        check(raw, 400, "InvalidObjectName", "\\k", none()).await;
        for control in ["\u{18}", "\u{19}", "\u{1a}", "\u{1b}"] {
            check(raw, 400, "InvalidObjectName", &format!("k{control}"), none()).await;
        }
        if !(method == "PUT" && needed.is_empty() || method == "POST" && params[0].0 == "uploadId") {
            world.refuses((400, "UnexpectedContent"), (method, key), &params, &needed, b"body").await;
        }
    }
    let unsigned = raw.http.get(format!("{}/{}/plain", raw.base, raw.bucket)).send().await.unwrap();
    assert_eq!(unsigned.status(), 403);
    let broken = raw.http.get(format!("{}/{}/%ff", raw.base, raw.bucket)).send().await.unwrap();
    assert!(broken.text().await.unwrap().contains("<Code>InvalidURI</Code>"));
    world.refuses((405, "MethodNotAllowed"), ("PATCH", "plain"), &[], &[], b"").await;
    world.refuses((501, "NotImplemented"), ("GET", "plain"), &[("acl", "")], &[], b"").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn encryption_headers_must_be_right_where_something_begins() {
    let world = World::new().await;
    let [algorithm, key, md5] = <[(String, String); 3]>::try_from(customer(&KEY)).unwrap();
    let invalid = (400, "InvalidArgument");
    for two in [[&algorithm, &key], [&algorithm, &md5], [&key, &md5]] {
        world.refuses_beginnings(invalid, &two.map(Clone::clone)).await;
    }
    let named = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    for changed in [
        [named(ALGORITHM, "AES-256"), key.clone(), md5.clone()],
        [algorithm.clone(), named(CUSTOMER_KEY, key.1.trim_end_matches('=')), md5.clone()],
        [algorithm.clone(), named(CUSTOMER_KEY, "MDEyMzQ1"), named(CUSTOMER_MD5, "oyBmyMGk9PCIzQ+LcLBbBQ==")],
        // Of the text instead of the bytes.
        [algorithm, key.clone(), named(CUSTOMER_MD5, &md5_base64(key.1.as_bytes()))],
    ] {
        world.refuses_beginnings(invalid, &changed).await;
    }
    world.refuses_beginnings(invalid, &[managed(), customer(&KEY)].concat()).await;
    world.refuses_beginnings(invalid, &[kms("k"), customer(&KEY)].concat()).await;
    world.refuses_beginnings(invalid, &kms("k")[1..]).await;
    for context in ["e30", "bm8=", "WzFd", "eyJhIjoxfQ=="] {
        world.refuses_beginnings(invalid, &[kms("k"), one(CONTEXT, context)].concat()).await;
    }
    for mode in ["SM4", "aes256", "aws:kms", "none"] {
        world.refuses_beginnings((400, "SSEContentNotSupported"), &one(MODE, mode)).await;
    }
    world.refuses_beginnings((400, "KmsKeyNotExist"), &kms("absent")).await;
    world.refuses_beginnings((400, "KmsKeyDisabled"), &kms("disabled")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn encryption_headers_must_be_right_where_something_goes_on() {
    let world = World::new().await;
    let (plain, sealed) = (("up", &*world.plain), ("sealed", &*world.secret));
    let not_allowed = (400, "SSEHeaderNotAllowed");
    // Guesses: the manuals have no codes for these three.
    world.refuses_parts((400, "InvalidArgument"), sealed, &[]).await;
    world.refuses_parts((403, "AccessDenied"), sealed, &customer(&OTHER)).await;
    world.refuses_parts((400, "InvalidArgument"), sealed, &customer(&KEY)[..2]).await;
    world.refuses_parts(not_allowed, plain, &customer(&KEY)).await;
    for method in ["GET", "HEAD"] {
        world.refuses((400, "InvalidArgument"), (method, "secret"), &[], &[], b"").await;
        world.refuses((403, "AccessDenied"), (method, "secret"), &[], &customer(&OTHER), b"").await;
        world.refuses(not_allowed, (method, "plain"), &[], &customer(&KEY), b"").await;
        world.refuses(not_allowed, (method, "plain"), &[], &managed(), b"").await;
        world.refuses(not_allowed, (method, "plain"), &[], &kms("k"), b"").await;
    }
    // Calls to which no official client sends any; and those to which some do, under `strict`.
    for (method, key, params, needed) in calls(&world.plain) {
        let params: Vec<(&str, &str)> = params.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let copies = !needed.is_empty();
        if !copies {
            world.refuses(not_allowed, (method, key), &params, &source_key(&KEY), b"").await;
        }
        let begins = matches!(method, "PUT" | "POST") && params.first().is_none_or(|(name, _)| *name == "uploads");
        if !begins {
            world.refuses(not_allowed, (method, key), &params, &[needed.clone(), managed()].concat(), b"").await;
            world.refuses(not_allowed, (method, key), &params, &[needed, customer(&KEY)].concat(), b"").await;
        }
    }
    // The source of a copy.
    let params = [("partNumber", "1"), ("uploadId", plain.1)];
    let code = (400, "SsecDecryptHeaderInvalid");
    for source in [from("secret"), [from("secret"), source_key(&OTHER)].concat()] {
        world.refuses(code, ("PUT", "new"), &[], &source, b"").await;
        world.refuses(code, ("PUT", "up"), &params, &source, b"").await;
    }
    let needless = [from("plain"), source_key(&KEY)].concat();
    world.refuses(not_allowed, ("PUT", "new"), &[], &needless, b"").await;
    world.refuses(not_allowed, ("PUT", "up"), &params, &needless, b"").await;
}

/// Even where the key is not what is wrong with the call.
#[tokio::test(flavor = "multi_thread")]
async fn no_call_takes_a_customer_key_over_plain_http() {
    let mut guesses = Guesses::default();
    // No other refusal is called so.
    guesses.set("key_over_http=400:OverHttp").unwrap();
    let store = store_with(|options| options.tls(false).guesses(guesses)).await;
    let raw = Raw::new(&store);
    raw.put("plain", &[], b"bytes").await.ok();
    let id = raw.initiate("up", &[]).await;
    for (method, key, params, needed) in calls(&id) {
        let params: Vec<(&str, &str)> = params.iter().map(|(name, value)| (*name, value.as_str())).collect();
        for given in [customer(&KEY), source_key(&KEY), customer(&KEY)[1..2].to_vec(), source_key(&KEY)[1..2].to_vec()]
        {
            raw.send(method, key, &params, &[needed.clone(), given].concat(), b"").await;
            let seen = store.emulator.transcript().pop().unwrap();
            assert_eq!((seen.status, seen.code.as_deref()), (400, Some("OverHttp")), "{method} {key}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_and_properties_must_be_within_the_limits() {
    let world = World::new().await;
    let part = [("partNumber", "4"), ("uploadId", &*world.plain)];
    for (key, params) in [("new", &[][..]), ("up", &part)] {
        let call = ("PUT", key);
        world.refuses((400, "EntityTooLarge"), call, params, &[], &pattern(MOST + 1, 1)).await;
        for malformed in ["bm8=", "", "x", "CY9rzUYh03PK3k6DJie09g", "CY9rzUYh03PK3k6DJie09h=="] {
            world.refuses((400, "InvalidDigest"), call, params, &one("Content-MD5", malformed), b"bytes").await;
        }
        world.refuses((400, "BadDigest"), call, params, &one("Content-MD5", &md5_base64(b"x")), b"bytes").await;
        for sha1 in ["no", "e9d71f5ee7c92d6dc9e92ffdad17b8bd49418f98"] {
            let sha1 = one("x-cos-content-sha1", sha1);
            world.refuses((400, "InvalidSHA1Digest"), call, params, &sha1, b"bytes").await;
        }
        for limit in ["819199", "838860801", "-1", "+819200"] {
            let asked = [params, &[("x-cos-traffic-limit", limit)]].concat();
            world.refuses((400, "InvalidArgument"), call, &asked, &[], b"bytes").await;
            let limit = one("x-cos-traffic-limit", limit);
            world.refuses((400, "InvalidArgument"), call, params, &limit, b"bytes").await;
            world.refuses((400, "InvalidArgument"), ("GET", "plain"), &[], &limit, b"").await;
        }
    }
    let sha1 = one("x-cos-content-sha1", "60e0c7db5a2b56fdb6e1d2f1ea0e6a3df63cd9a8");
    world.refuses((400, "InvalidSHA1Digest"), ("PUT", "new"), &[], &sha1, b"bytes").await;
    let right = one("x-cos-content-sha1", &super::raw::sha1_hex(b"bytes"));
    world.raw.put("new", &right, b"bytes").await.ok();
    for number in ["0", "10001", "-1", "1.5", "", "+1", " 1", "1 ", "one", "18446744073709551617"] {
        let params = [("partNumber", number), ("uploadId", &*world.plain)];
        world.refuses((400, "InvalidArgument"), ("PUT", "up"), &params, &[], b"bytes").await;
        world.refuses((400, "InvalidArgument"), ("PUT", "up"), &params, &from("plain"), b"").await;
    }
    for (name, value, code) in [
        ("x-cos-storage-class", "GLACIER", "NotSupportedStorageClass"),
        ("x-cos-storage-class", "MAZ_STANDARD", "MAZOperationNotSupportOnOAZBucket"),
        ("x-cos-acl", "everyone", "InvalidArgument"),
        ("x-cos-grant-read", "everyone", "InvalidArgument"),
        ("x-cos-grant-read-acp", "id=1", "InvalidArgument"),
        ("x-cos-grant-write-acp", "id=\"1\",2", "InvalidArgument"),
        ("x-cos-grant-full-control", "id=\"\"", "InvalidArgument"),
        ("x-cos-tagging", "a=1&b=%", "InvalidTag"),
        ("x-cos-tagging", "a*=1", "InvalidTag"),
        ("x-cos-tagging", "a=1%21", "InvalidTag"),
        ("x-cos-tagging", "=1", "InvalidTag"),
        ("x-cos-tagging", &format!("{}=1", "t".repeat(129)), "InvalidTag"),
        ("x-cos-tagging", &format!("a={}", "t".repeat(257)), "InvalidTag"),
        ("x-cos-tagging", "a=1&b=2&c=3&d=4&e=5&f=6&g=7&h=8&i=9&j=10&k=11", "InvalidTag"),
        ("x-cos-forbid-overwrite", "perhaps", "InvalidArgument"),
        ("x-cos-meta-a_b", "1", "InvalidArgument"),
        ("x-cos-meta-", "1", "InvalidArgument"),
        ("x-cos-meta-long", &"m".repeat(2_048), "InvalidArgument"),
    ] {
        world.refuses_beginnings((400, code), &one(name, value)).await;
    }
    let much: Headers = (0..5).map(|at| (format!("x-cos-meta-{at}"), "m".repeat(1_000))).collect();
    world.refuses_beginnings((400, "InvalidArgument"), &much).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_must_be_there_and_their_lists_right() {
    let world = World::new().await;
    let gone = world.raw.initiate("up", &[]).await;
    world.raw.abort("up", &gone).await.ok();
    for id in [&gone, "1", "../../blobs"] {
        let none = (404, "NoSuchUpload");
        world.refuses_parts(none, ("up", id), &[]).await;
        world.refuses(none, ("POST", "up"), &[("uploadId", id)], &[], &world.list(&[1])).await;
        world.refuses(none, ("DELETE", "up"), &[("uploadId", id)], &[], b"").await;
        world.refuses(none, ("GET", "up"), &[("uploadId", id)], &[], b"").await;
    }
    // The upload of another key.
    world.refuses_parts((404, "NoSuchUpload"), ("new", &world.plain), &[]).await;
    world.refuses((404, "NoSuchUpload"), ("POST", "new"), &[("uploadId", &world.plain)], &[], &world.list(&[1])).await;
    for method in ["GET", "DELETE"] {
        world.refuses((404, "NoSuchUpload"), (method, "new"), &[("uploadId", &world.plain)], &[], b"").await;
    }
    let none = (400, "ListPartUploadIdIsEmpty");
    for method in ["GET", "DELETE", "POST"] {
        world.refuses(none, (method, "up"), &[("uploadId", "")], &[], b"").await;
    }
    world.refuses_parts(none, ("up", ""), &[]).await;

    let params = [("uploadId", &*world.plain)];
    let wrong_tag = complete_body(&[(1, world.tags[1].clone())]).into_bytes();
    let text = |text: &str| text.as_bytes().to_vec();
    let changed = |from: &str, to: &str| {
        let list = String::from_utf8(world.list(&[1])).unwrap();
        assert!(list.contains(from));
        list.replacen(from, to, 1).into_bytes()
    };
    for (body, code) in [
        (world.list(&[1, 3]), "InvalidPart"),
        (world.list(&[2, 3]), "InvalidPart"),
        (world.list(&[1, 2, 3, 4]), "EntityTooSmall"),
        (world.list(&[2, 1]), "InvalidPartOrder"),
        (world.list(&[1, 1]), "InvalidPartOrder"),
        (wrong_tag, "InvalidPart"),
        (text(""), "MissingRequestBodyError"),
        (text("<CompleteMultipartUpload/>"), "MalformedXML"),
        (text("<Other/>"), "MalformedXML"),
        (text("{}"), "MalformedXML"),
        (changed("<PartNumber>1", "<PartNumber>+1"), "MalformedXML"),
        (changed("<PartNumber>1", "<PartNumber> 1"), "MalformedXML"),
        (changed("</CompleteMultipartUpload>", "</CompleteMultipartUpload>more"), "MalformedXML"),
        (changed("<CompleteMultipartUpload>", "<!DOCTYPE a><CompleteMultipartUpload>"), "MalformedXML"),
        (changed("</CompleteMultipartUpload>", ""), "MalformedXML"),
        (vec![b' '; 2_001], "XMLSizeLimit"),
    ] {
        world.refuses((400, code), ("POST", "up"), &params, &[], &body).await;
    }
    let digest = |text: &str| one("Content-MD5", text);
    world.refuses((400, "InvalidDigest"), ("POST", "up"), &params, &digest("x"), &world.list(&[1])).await;
    world.refuses((400, "BadDigest"), ("POST", "up"), &params, &digest(&md5_base64(b"x")), &world.list(&[1])).await;
    let third = world.raw.part("up", &world.plain, 2, &[], &pattern(MOST, 1)).await.ok().etag().to_owned();
    let too_large = complete_body(&[(1, world.tags[0].clone()), (2, third)]).into_bytes();
    world.refuses((400, "EntityTooLarge"), ("POST", "up"), &params, &[], &too_large).await;

    for (name, value) in [
        ("max-parts", "0"),
        ("max-parts", "1001"),
        ("max-parts", "+1"),
        ("max-parts", " 1"),
        ("part-number-marker", "x"),
        ("part-number-marker", "+1"),
        ("part-number-marker", "1 "),
        ("encoding-type", "x"),
    ] {
        let params = [("uploadId", &*world.plain), (name, value)];
        world.refuses((400, "InvalidArgument"), ("GET", "up"), &params, &[], b"").await;
    }
    for (name, value) in [("max-uploads", "0"), ("max-uploads", "1001"), ("max-uploads", "+1"), ("encoding-type", "x")]
    {
        world.refuses((400, "InvalidArgument"), ("GET", ""), &[("uploads", ""), (name, value)], &[], b"").await;
    }
    // Guesses: the manual says that it is refused, and not how.
    let forbid = one("x-cos-forbid-overwrite", "true");
    let exists = (409, "FileAlreadyExists");
    world.refuses(exists, ("POST", "plain"), &[("uploads", "")], &forbid, b"").await;
    world.refuses(exists, ("PUT", "plain"), &[], &forbid, b"bytes").await;
    world.refuses(exists, ("PUT", "plain"), &[], &[from("long"), forbid.clone()].concat(), b"").await;
    world.raw.put("up", &[], b"meanwhile").await.ok();
    world.refuses(exists, ("POST", "up"), &params, &forbid, &world.list(&[1])).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reads_and_copies_need_what_they_name() {
    let world = World::new().await;
    for method in ["GET", "HEAD"] {
        world.refuses((404, "NoSuchKey"), (method, "absent"), &[], &[], b"").await;
        world.refuses((412, "PreconditionFailed"), (method, "plain"), &[], &one("If-Match", "\"x\""), b"").await;
        let since = one("If-Unmodified-Since", "Thu, 16 May 2019 06:45:51 GMT");
        world.refuses((412, "PreconditionFailed"), (method, "plain"), &[], &since, b"").await;
    }
    for method in ["GET", "HEAD", "DELETE"] {
        world.refuses((404, "NoSuchVersion"), (method, "plain"), &[("versionId", "1")], &[], b"").await;
    }
    // Archived, and never restored.
    world.refuses((403, "InvalidObjectState"), ("GET", "cold"), &[], &[], b"").await;
    world.raw.head("cold", &[]).await.ok();
    world.refuses((416, "InvalidRange"), ("GET", "plain"), &[], &one("Range", "bytes=5-"), b"").await;
    world.refuses((416, "InvalidRange"), ("GET", "plain"), &[], &one("Range", "bytes=-0"), b"").await;
    let params = [("partNumber", "4"), ("uploadId", &*world.plain)];
    let source = |text: &str| one("x-cos-copy-source", text);
    let with = |name: &str, value: &str| [from("plain"), one(name, value)].concat();
    let both = |first: (&str, &str), second: (&str, &str)| [from("plain"), headers(&[first, second])].concat();
    let to_come = "Fri, 31 Dec 2100 23:59:59 GMT";
    let past = "Thu, 16 May 2019 06:45:51 GMT";
    for (status, code, headers) in [
        (400, "InvalidCopySource", source("plain")),
        (404, "NoSuchCopySource", from("absent")),
        (403, "InvalidObjectState", from("cold")),
        (404, "NoSuchCopySource", source("none-1.cos.ap-guangzhou.myqcloud.com/k")),
        (404, "NoSuchVersion", from("plain?versionId=1")),
        (400, "InvalidCopySource", from("plain?version=1")),
        (400, "InvalidCopySource", from("plain?versionId=")),
        (400, "InvalidCopySource", from("%ff")),
        (400, "InvalidCopySource", from("")),
        (400, "InvalidCopySource", source("/examplebucket-1250000000/plain")),
        (400, "InvalidCopySource", source("examplebucket-1250000000/plain")),
        (400, "InvalidCopySource", source("example.com/examplebucket-1250000000/plain")),
        (400, "InvalidCopySource", source("examplebucket-1250000000.cos.ap-guangzhou.example.com/plain")),
        (400, "InvalidCopySource", source("https://examplebucket-1250000000.cos.ap-guangzhou.myqcloud.com/plain")),
        (404, "NoSuchCopySource", source("examplebucket-1250000000.cos.ap-beijing.myqcloud.com/plain")),
        (412, "PreconditionFailed", with("x-cos-copy-source-If-Match", "\"x\"")),
        (412, "PreconditionFailed", with("x-cos-copy-source-If-Unmodified-Since", past)),
        (412, "PreconditionFailed", with("x-cos-copy-source-If-Modified-Since", to_come)),
        (412, "PreconditionFailed", with("x-cos-copy-source-If-None-Match", &super::raw::md5_hex(b"bytes"))),
        (400, "InvalidRequest", both(("x-cos-copy-source-If-Match", "x"), ("x-cos-copy-source-If-None-Match", "y"))),
        (
            400,
            "InvalidRequest",
            both(("x-cos-copy-source-If-Unmodified-Since", past), ("x-cos-copy-source-If-Modified-Since", past)),
        ),
    ] {
        world.refuses((status, code), ("PUT", "new"), &[], &headers, b"").await;
        world.refuses((status, code), ("PUT", "up"), &params, &headers, b"").await;
    }
    for (status, code, range) in [
        (416, "InvalidRange", "bytes=0-5"),
        (416, "InvalidRange", "bytes=3-2"),
        (400, "InvalidArgument", "bytes=1-"),
        (400, "InvalidArgument", "bytes=-1"),
        (400, "InvalidArgument", "0-1"),
        (400, "InvalidArgument", "bytes=+0-1"),
        (400, "InvalidArgument", "bytes=0- 1"),
        (416, "InvalidRange", "bytes=0-99999999999999999999"),
    ] {
        let headers = with("x-cos-copy-source-range", range);
        world.refuses((status, code), ("PUT", "up"), &params, &headers, b"").await;
    }
    world.refuses((400, "InvalidRequest"), ("PUT", "plain"), &[], &from("plain"), b"").await;
    for directive in ["x-cos-metadata-directive", "x-cos-tagging-directive"] {
        let wrong = with(directive, "replace");
        world.refuses((400, "InvalidArgument"), ("PUT", "new"), &[], &wrong, b"").await;
    }
    // More than one copy takes.
    let raw = &world.raw;
    let id = raw.initiate("two", &[]).await;
    let mut parts = Vec::new();
    for (number, len) in [(1, MOST), (2, 1_000)] {
        parts.push((number, raw.part("two", &id, number, &[], &pattern(len, 1)).await.ok().etag().to_owned()));
    }
    raw.complete("two", &id, &parts, &[]).await.ok();
    world.refuses((400, "EntityTooLarge"), ("PUT", "new"), &[], &from("two"), b"").await;
    world.refuses((400, "EntityTooLarge"), ("PUT", "up"), &params, &from("two"), b"").await;
}
