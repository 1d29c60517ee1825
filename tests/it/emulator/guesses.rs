//! Every guess is a switch, and the store does as it says.

use std::time::{Duration, SystemTime};

use sealift::{clock::Clock, emulator::Guesses};

use super::raw::{Raw, customer, headers, managed};
use crate::support::{Store, pattern, store_with};

const KEY: [u8; 32] = [1; 32];
const MODE: &str = "x-cos-server-side-encryption";

async fn guessing(settings: &[&str]) -> (Store, Raw) {
    let mut guesses = Guesses::default();
    for setting in settings {
        guesses.set(setting).unwrap();
    }
    let store = store_with(|options| options.guesses(guesses)).await;
    let raw = Raw::new(&store);
    (store, raw)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_codes_of_customer_keys_are_guesses() {
    let (_store, raw) = guessing(&[
        "wrong_key=400:A",
        "wrong_part_key=401:B",
        "missing_key=402:C",
        "malformed_key=403:D",
        "needless_key=404:E",
    ])
    .await;
    raw.put("k", &customer(&KEY), b"bytes").await.ok();
    raw.put("plain", &[], b"bytes").await.ok();
    let id = raw.initiate("m", &customer(&KEY)).await;
    raw.get("k", &customer(&[2; 32])).await.refused(400, "A");
    raw.part("m", &id, 1, &customer(&[2; 32]), b"bytes").await.refused(401, "B");
    raw.get("k", &[]).await.refused(402, "C");
    raw.part("m", &id, 1, &[], b"bytes").await.refused(402, "C");
    raw.get("k", &customer(&KEY)[..1]).await.refused(403, "D");
    raw.get("plain", &customer(&KEY)).await.refused(404, "E");
}

#[tokio::test(flavor = "multi_thread")]
async fn initiate_and_parts_may_refuse_what_they_do_not_take_and_complete_refuse_or_need_a_key() {
    let mut guesses = Guesses::default();
    guesses.set("part_takes_mode=false").unwrap();
    guesses.set("complete_takes_key=false").unwrap();
    guesses.set("initiate_takes_source_key=false").unwrap();
    let store = store_with(|options| options.strict(false).guesses(guesses)).await;
    let raw = Raw::new(&store);
    let id = raw.initiate("m", &managed()).await;
    raw.part("m", &id, 1, &managed(), b"bytes").await.refused(400, "SSEHeaderNotAllowed");
    let source = |(name, value): (String, String)| (name.replace("x-cos-server", "x-cos-copy-source-server"), value);
    let source: Vec<_> = customer(&KEY).into_iter().map(source).collect();
    raw.send("POST", "m", &[("uploads", "")], &source, b"").await.refused(400, "SSEHeaderNotAllowed");
    let id = raw.initiate("m", &customer(&KEY)).await;
    let part = [(1, raw.part("m", &id, 1, &customer(&KEY), b"bytes").await.ok().etag().to_owned())];
    raw.complete("m", &id, &part, &customer(&KEY)).await.refused(400, "SSEHeaderNotAllowed");
    raw.complete("m", &id, &part, &[]).await.ok();

    // Even a strict store takes what it needs.
    let (_store, raw) = guessing(&["complete_needs_key=true", "complete_needs_md5=true"]).await;
    let id = raw.initiate("m", &customer(&KEY)).await;
    let part = [(1, raw.part("m", &id, 1, &customer(&KEY), b"bytes").await.ok().etag().to_owned())];
    let md5 = super::raw::md5_base64(super::raw::complete_body(&part).as_bytes());
    let md5 = headers(&[("Content-MD5", &md5)]);
    raw.complete("m", &id, &part, &md5).await.refused(400, "InvalidArgument");
    raw.complete("m", &id, &part, &[md5.clone(), customer(&[2; 32])].concat()).await.refused(403, "AccessDenied");
    raw.complete("m", &id, &part, &customer(&KEY)).await.refused(400, "InvalidDigest");
    raw.complete("m", &id, &part, &[md5, customer(&KEY)].concat()).await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copied_part_may_do_without_the_key_of_its_upload() {
    for needs in [true, false] {
        let (store, raw) = guessing(&[&format!("part_copy_needs_key={needs}")]).await;
        raw.put("k", &[], b"bytes").await.ok();
        let source = format!("{}.cos.ap-guangzhou.myqcloud.com/k", raw.bucket);
        let source = headers(&[("x-cos-copy-source", &source)]);
        let id = raw.initiate("m", &customer(&KEY)).await;
        let part = [("partNumber", "1"), ("uploadId", &*id)];
        let said = raw.send("PUT", "m", &part, &source, b"").await;
        if needs {
            said.refused(400, "InvalidArgument");
            continue;
        }
        let tag = said.ok().element("ETag").unwrap().replace("&quot;", "");
        // Another key is wrong all the same, and a body does not do without.
        raw.send("PUT", "m", &part, &[source.clone(), customer(&[2; 32])].concat(), b"")
            .await
            .refused(403, "AccessDenied");
        raw.part("m", &id, 1, &[], b"bytes").await.refused(400, "InvalidArgument");
        // What does not end the upload does not end that either.
        raw.abort("other", &id).await.refused(404, "NoSuchUpload");
        raw.send("PUT", "m", &part, &source, b"").await.ok();
        raw.complete("m", &id, &[(1, tag)], &[]).await.ok();
        assert_eq!(raw.get("m", &customer(&KEY)).await.ok().body, b"bytes");
        raw.get("m", &[]).await.refused(400, "InvalidArgument");
        // An upload without a key has none to be held.
        let id = raw.initiate("m", &[]).await;
        raw.send("PUT", "m", &[("partNumber", "1"), ("uploadId", &id)], &source, b"").await.ok();
        drop(store);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_codes_may_be_told_for_what_a_request_does_wrong() {
    let (_store, raw) = guessing(&[
        "malformed_request=400:A",
        "other_expectation=400:B",
        "mixed_conditions=400:C",
        "archived=409:InvalidObjectState",
        "download_forbidden=400:DownloadForbidden",
        "default_kms_key_id=qcs::kms:ap-guangzhou:uin/1:key/2",
    ])
    .await;
    raw.put("k", &headers(&[("x-cos-storage-class", "ARCHIVE")]), b"bytes").await.ok();
    raw.send("GET", "k", &[("versionId", ""), ("versionId", "")], &[], b"").await.refused(400, "A");
    raw.put("k", &headers(&[("Expect", "banana")]), b"bytes").await.refused(400, "B");
    raw.get("k", &[]).await.refused(409, "InvalidObjectState");
    let source = format!("{}.cos.ap-guangzhou.myqcloud.com/plain", raw.bucket);
    let mixed = headers(&[
        ("x-cos-copy-source", &source),
        ("x-cos-copy-source-If-Match", "a"),
        ("x-cos-copy-source-If-Modified-Since", "Thu, 16 May 2019 06:45:51 GMT"),
    ]);
    raw.put("plain", &[], b"bytes").await.ok();
    raw.put("copy", &mixed, b"").await.refused(400, "C");
    let kms = raw.put("kms", &headers(&[(MODE, "cos/kms")]), b"bytes").await.ok();
    assert_eq!(kms.header("x-cos-server-side-encryption-cos-kms-key-id"), "qcs::kms:ap-guangzhou:uin/1:key/2");
    let by_name = Raw { host: format!("{}.cos.ap-guangzhou.myqcloud.com", raw.bucket), ..raw.clone() };
    by_name.get("app.apk", &[]).await.refused(400, "DownloadForbidden");

    let mut guesses = Guesses::default();
    guesses.set("key_over_http=403:D").unwrap();
    let store = store_with(|options| options.tls(false).guesses(guesses)).await;
    Raw::new(&store).put("k", &customer(&KEY), b"bytes").await.refused(403, "D");
}

/// What the manuals leave open, and what switches it. `min_part_size` is a limit.
const OPEN: [(&str, &[&str]); 14] = [
    (
        "a wrong or missing customer key",
        &["wrong_key", "wrong_part_key", "missing_key", "malformed_key", "needless_key"],
    ),
    ("a customer key over HTTP", &["key_over_http"]),
    ("a mode on UploadPart", &["part_takes_mode", "initiate_takes_source_key"]),
    ("a customer key on Complete", &["complete_takes_key", "complete_needs_key"]),
    ("the key of the upload on UploadPartCopy", &["part_copy_needs_key"]),
    ("the checksum on Complete's answer", &["crc_on_complete", "echo_on_complete", "echo_on_initiate"]),
    ("when a part is too small, and how small", &["small_parts_refused_early", "min_part_size"]),
    ("gaps between parts", &["gaps", "gap"]),
    ("an object that must not be overwritten", &["exists"]),
    ("how long an upload lives", &["upload_lifetime"]),
    ("the id of a KMS key that was not named", &["default_kms_key_id"]),
    ("other algorithms", &["takes_sm4"]),
    ("when to try again", &["retry_after"]),
    ("names in lists", &["encoding_element", "plus_for_space"]),
];

/// Each has a switch that is listed with its default, and the text of some test turns it.
#[test]
fn whatever_is_open_has_a_switch_and_every_switch_is_tried() {
    let listed = Guesses::default().help() + &sealift::emulator::Limits::default().help();
    let names: Vec<&str> =
        listed.lines().filter_map(|line| Some(line.strip_prefix("  ")?.split_once('=')?.0)).collect();
    for (question, switches) in OPEN {
        assert!(switches.iter().all(|switch| names.contains(switch)), "{question}: {switches:?}");
    }
    let tests = [
        include_str!("guesses.rs"),
        include_str!("conditions.rs"),
        include_str!("refusals.rs"),
        include_str!("s3/checksums.rs"),
        include_str!("../echo.rs"),
        include_str!("../upload/doubt.rs"),
    ]
    .concat();
    for name in names.iter().filter(|name| Guesses::default().help().contains(&format!("  {name}="))) {
        let turned = [format!("\"{name}="), format!("guesses.{name} ="), format!("guesses.{name}.push")];
        assert!(turned.iter().any(|text| tests.contains(text)), "no test turns {name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn small_parts_and_gaps_may_be_judged_otherwise() {
    let (_store, raw) = guessing(&["small_parts_refused_early=true", "gap=400:InvalidPartOrder"]).await;
    let id = raw.initiate("m", &[]).await;
    let second = raw.part("m", &id, 2, &[], b"short").await.ok().etag().to_owned();
    raw.part("m", &id, 1, &[], b"short").await.refused(400, "EntityTooSmall");
    raw.part("m", &id, 3, &[], b"short").await.ok();
    raw.complete("m", &id, &[(2, second)], &[]).await.refused(400, "InvalidPartOrder");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_algorithm_a_time_to_retry_and_other_spellings_may_be_told() {
    let (store, raw) =
        guessing(&["takes_sm4=true", "retry_after=7", "encoding_element=EncodingType", "plus_for_space=true"]).await;
    let sm4 = headers(&[(MODE, "SM4")]);
    assert_eq!(raw.put("k", &sm4, b"bytes").await.ok().header(MODE), "SM4");
    let got = raw.get("k", &[]).await.ok();
    assert_eq!((got.header(MODE), &got.body[..]), ("SM4", &b"bytes"[..]));
    raw.initiate("a b", &[]).await;
    let listed = raw.send("GET", "", &[("uploads", ""), ("encoding-type", "url")], &[], b"").await.ok();
    assert_eq!(listed.element("EncodingType").as_deref(), Some("url"));
    assert_eq!(listed.element("Key").as_deref(), Some("a+b"));
    store.emulator.set_faults(sealift::emulator::FaultPlan::new().on("Get").answer(503, "SlowDown"));
    assert_eq!(raw.get("k", &[]).await.refused(503, "SlowDown").header("retry-after"), "7");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unfinished_upload_may_have_a_lifetime() {
    let dir = tempfile::tempdir().unwrap();
    let now = SystemTime::UNIX_EPOCH + SystemTime::UNIX_EPOCH.elapsed().unwrap();
    let start = async |hours: u64| {
        let mut guesses = Guesses::default();
        guesses.upload_lifetime = Some(86_400);
        let clock = Clock::fixed(now + Duration::from_hours(hours));
        let options = sealift::emulator::EmulatorOptions::new(dir.path()).guesses(guesses).clock(clock);
        sealift::emulator::Emulator::start(options).await.unwrap()
    };
    let emulator = start(0).await;
    let raw = Raw::of(&emulator);
    let id = raw.initiate("m", &[]).await;
    raw.part("m", &id, 1, &[], b"bytes").await.ok();
    emulator.stop().await;
    let emulator = start(23).await;
    let later = |hours: i64| Raw { ahead: hours * 3_600, ..Raw::of(&emulator) };
    later(23).list_parts("m", &id, &[]).await.ok();
    emulator.stop().await;
    let emulator = start(25).await;
    let raw = Raw { ahead: 25 * 3_600, ..Raw::of(&emulator) };
    raw.list_parts("m", &id, &[]).await.refused(404, "NoSuchUpload");
    let blobs = std::fs::read_dir(dir.path().join("examplebucket-1250000000/blobs")).unwrap();
    assert_eq!(blobs.count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn buckets_of_other_kinds_have_other_rules() {
    let store = store_with(|options| options.multi_az(true)).await;
    let class = |name: &str| headers(&[("x-cos-storage-class", name)]);
    let raw = Raw::new(&store);
    raw.put("k", &class("COLD"), b"bytes").await.refused(400, "OAZOperationNotSupportOnMAZBucket");
    raw.put("k", &class("MAZ_STANDARD"), b"bytes").await.ok();

    let bucket = "examplebucket-1250000000";
    for old in [false, true] {
        let store = store_with(|options| options.old_buckets(old)).await;
        Raw::new(&store).put("app.apk", &[], b"bytes").await.ok();
        let get = async |host: &str, path: &str| {
            let raw = Raw::new(&store);
            let (port, address) = (store.emulator.addr().port(), store.emulator.addr());
            let builder = reqwest::Client::builder().resolve(host, address);
            let http = super::raw::with_authority(builder, store.emulator.ca_cert());
            let signed = raw.authorize("GET", path, &[], &[("host".to_owned(), format!("{host}:{port}"))]);
            let said = http.get(format!("https://{host}:{port}{path}")).header("Authorization", signed).send().await;
            let said = said.unwrap();
            (said.status().as_u16(), said.headers().contains_key("x-cos-force-download"), said.text().await.unwrap())
        };
        let by_path = get("cos.ap-guangzhou.myqcloud.com", &format!("/{bucket}/app.apk")).await;
        let by_host = get(&format!("{bucket}.cos.ap-guangzhou.myqcloud.com"), "/app.apk").await;
        if old {
            assert_eq!((by_path.2, by_host.2), ("bytes".to_owned(), "bytes".to_owned()));
        } else {
            assert!(by_path.0 == 403 && by_path.2.contains("<Code>PathStyleDomainForbidden</Code>"), "{by_path:?}");
            assert!(by_host.0 == 403 && by_host.2.contains("<Code>DownloadForbidden</Code>"), "{by_host:?}");
            Raw::new(&store).put("app", &[], b"bytes").await.ok();
            let download = get(&format!("{bucket}.cos.ap-guangzhou.myqcloud.com"), "/app").await;
            assert!(download.0 == 200 && download.1, "{download:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_can_be_lowered_and_a_silent_body_is_given_up() {
    let mut limits = sealift::emulator::Limits::default();
    for limit in ["max_parts=2", "max_list_entries=1", "max_key_bytes=4", "body_timeout=1"] {
        limits.set(limit).unwrap();
    }
    let store = store_with(|options| options.limits(limits)).await;
    let raw = Raw::new(&store);
    raw.put("12345", &[], b"").await.refused(400, "KeyTooLong");
    let id = raw.initiate("m", &[]).await;
    raw.part("m", &id, 3, &[], b"bytes").await.refused(400, "InvalidArgument");
    for number in [1, 2] {
        raw.part("m", &id, number, &[], &pattern(10, 1)).await.ok();
    }
    let page = raw.list_parts("m", &id, &[]).await.ok();
    assert_eq!(
        (page.element("MaxParts").as_deref(), page.element("IsTruncated").as_deref()),
        (Some("1"), Some("true"))
    );

    let path = format!("/{}/k", raw.bucket);
    let signed = raw.authorize("PUT", &path, &[], &[("host".to_owned(), raw.host.clone())]);
    let silent = reqwest::Body::wrap_stream(futures::stream::pending::<Result<Vec<u8>, std::io::Error>>());
    let request = raw.http.put(format!("{}{path}", raw.base)).header("Authorization", signed);
    let said = request.header("Content-Length", "5").body(silent).send().await.unwrap();
    assert_eq!(said.status(), 400);
    assert!(said.text().await.unwrap().contains("<Code>RequestTimeout</Code>"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_is_reached_at_the_host_names_of_its_own_region_only() {
    let mut guesses = Guesses::default();
    guesses.set("other_region=404:Elsewhere").unwrap();
    let store = store_with(|options| options.accelerated(true).guesses(guesses)).await;
    let raw = Raw::new(&store);
    let at = |host: &str| Raw { host: format!("{}.{host}", raw.bucket), ..raw.clone() };
    at("cos.ap-guangzhou.myqcloud.com").put("k", &[], b"bytes").await.ok();
    let fast = at("cos.accelerate.myqcloud.com");
    fast.put("k", &[], b"bytes").await.ok();
    let id = fast.initiate("k", &[]).await;
    let source = format!("{}.cos.ap-guangzhou.myqcloud.com/k", raw.bucket);
    let source = headers(&[("x-cos-copy-source", &source)]);
    let unsupported = "ActionAccelerateNotSupported";
    fast.put("copy", &source, b"").await.refused(400, unsupported);
    let part = [("partNumber", "1"), ("uploadId", &*id)];
    fast.send("PUT", "k", &part, &source, b"").await.refused(400, unsupported);
    fast.send("DELETE", "k", &[], &[], b"").await.refused(400, unsupported);
    fast.abort("k", &id).await.ok();
    // Names that follow the same rules, but that this region does not have.
    for elsewhere in ["cos.ap-beijing.myqcloud.com", "cos.ap-beijing.tencentcos.cn"] {
        at(elsewhere).put("k", &[], b"bytes").await.refused(404, "Elsewhere");
    }
}
