use super::*;
use crate::{
    dialect::{COS, S3},
    ident::Bucket,
    sse::{CustomerKey, KmsContext},
    transfer::journal::sample,
    wire::Addressing,
};

/// A request, whole, to be changed in one place.
struct Request {
    target: Target,
    source: SourceState,
    sse: SseContext,
    properties: ObjectProperties,
    part_size: Option<u64>,
    checksum: Option<(&'static str, bool)>,
}

impl Request {
    fn new(sse: SseContext) -> Self {
        let Identity { target, source, .. } = sample::identity();
        let properties = ObjectProperties {
            content_type: Some("text/plain".to_owned()),
            meta: vec![("Owner".to_owned(), "ann".to_owned()), ("b".to_owned(), "2".to_owned())],
            ..ObjectProperties::default()
        };
        Self { target, source, sse, properties, part_size: None, checksum: None }
    }

    fn asked(&self) -> Asked<'_> {
        Asked {
            target: &self.target,
            source: &self.source,
            sse: &self.sse,
            properties: &self.properties,
            part_size: self.part_size,
            checksum: self.checksum,
        }
    }

    fn identity(&self) -> Identity {
        Identity::new(&self.asked(), sample::PART_SIZE, "nonce", 1_790_000_100, None).unwrap()
    }
}

fn customer(byte: u8) -> SseContext {
    SseContext::customer(COS, CustomerKey::from_bytes([byte; 32]))
}

fn kms(id: Option<&str>, context: Option<&str>) -> SseContext {
    let context = context.map(|text| KmsContext::parse(text).unwrap());
    SseContext::kms(COS, id.map(str::to_owned), context).unwrap()
}

/// Compares a plain request with what one change makes of it.
#[track_caller]
fn compare(change: impl FnOnce(&mut Request)) -> Comparison {
    let mut request = Request::new(SseContext::none(COS));
    let journal = request.identity();
    change(&mut request);
    journal.compare(&request.asked())
}

#[track_caller]
fn refuses(comparison: &Comparison, why: &str) {
    let error = comparison.refusal().unwrap_or_else(|| panic!("not refused: {comparison:?}"));
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.message().contains(why), "{error}");
    assert!(error.hint().unwrap().contains("--restart"));
}

#[test]
fn the_same_request_matches_in_every_mode() {
    let modes = [
        SseContext::none(COS),
        SseContext::managed(COS),
        kms(None, None),
        kms(Some("id"), Some(r#"{"a":"b"}"#)),
        customer(7),
    ];
    for sse in modes {
        let request = Request::new(sse);
        assert_eq!(request.identity().compare(&request.asked()), Comparison::Match);
        assert!(Comparison::Match.refusal().is_none());
    }
}

#[test]
fn another_encryption_is_refused_and_named() {
    #[track_caller]
    fn check(then: SseContext, now: SseContext, why: &str) {
        let mut request = Request::new(then);
        let journal = request.identity();
        request.sse = now;
        refuses(&journal.compare(&request.asked()), why);
        // A changed source does not hide it.
        request.source.size += 1;
        refuses(&journal.compare(&request.asked()), why);
    }
    check(customer(1), customer(2), "another customer key");
    check(customer(1), SseContext::none(COS), "its encryption is 'customer', and 'none' is asked for");
    check(SseContext::managed(COS), customer(1), "'managed', and 'customer'");
    check(kms(Some("one"), None), kms(Some("two"), None), r#"its KMS key is "one", and "two" is asked for"#);
    check(kms(None, None), kms(Some("two"), None), "the account's default");
    check(kms(None, Some(r#"{"a":"b"}"#)), kms(None, Some(r#"{"a":"c"}"#)), "KMS context");
    check(kms(None, None), kms(None, Some(r#"{"a":"c"}"#)), "KMS context");
}

#[test]
fn two_journals_of_one_key_do_not_look_alike() {
    let request = Request::new(customer(9));
    let (one, other) = (request.identity().sse.key.unwrap(), request.identity().sse.key.unwrap());
    assert_ne!(one.salt, other.salt);
    assert_ne!(one.fingerprint, other.fingerprint);
}

#[test]
fn other_properties_are_refused_and_named() {
    refuses(&compare(|it| it.properties.content_type = None), "another content type");
    refuses(&compare(|it| it.properties.storage_class = Some("ARCHIVE".into())), "another storage class");
    refuses(&compare(|it| it.properties.acl = Some("private".into())), "another access list");
    refuses(&compare(|it| it.properties.meta[0].1 = "bob".into()), "another metadata");
    refuses(&compare(|it| it.properties.tags = vec![("k".into(), "v".into())]), "another tags");
    refuses(
        &compare(|it| {
            it.properties.headers = vec![("cache-control".into(), "no-store".into())];
            it.properties.meta.clear();
        }),
        "another headers, another metadata",
    );
}

#[test]
fn the_order_and_case_of_properties_and_the_mark_mean_nothing() {
    let same = compare(|it| {
        it.properties.meta.reverse();
        it.properties.meta[1].0 = "owner".to_owned();
        it.properties.nonce = Some("another run's mark".to_owned());
    });
    assert_eq!(same, Comparison::Match);
}

#[test]
fn the_journals_part_size_is_adopted_unless_another_is_asked_for() {
    assert_eq!(compare(|it| it.part_size = Some(sample::PART_SIZE)), Comparison::Match);
    refuses(&compare(|it| it.part_size = Some(1 << 20)), "its parts have 16777216 bytes, and 1048576 are asked for");
}

#[test]
fn an_upload_is_of_one_object_and_one_source() {
    let identity = sample::identity();
    let Identity { target, source, .. } = sample::identity();
    assert!(identity.is_of(&target, &source.path));
    assert!(!identity.is_of(&Target { key: format!("{}x", target.key), ..target.clone() }, &source.path));
    assert!(!identity.is_of(&Target { store: "s3".into(), ..target.clone() }, &source.path));
    assert!(!identity.is_of(&Target { realm: Some("store.example".into()), ..target.clone() }, &source.path));
    assert!(!identity.is_of(&target, Path::new("/elsewhere")));
    assert!(!identity.is_of(&target, Path::new(STREAM)));
}

#[test]
fn another_size_is_another_source_and_other_times_leave_a_doubt() {
    assert!(
        matches!(compare(|it| it.source.size -= 1), Comparison::SourceChanged { what } if what.contains("33554436"))
    );
    for change in
        [(|source| source.mtime += 1) as fn(&mut SourceState), |source| source.ctime -= 1, |source| source.ino += 1]
    {
        assert!(matches!(compare(|it| change(&mut it.source)), Comparison::Doubt { .. }));
    }
    // The number of a device is another after a restart of the machine.
    assert_eq!(compare(|it| it.source.dev += 1), Comparison::Match);
}

#[test]
fn coarse_times_just_before_the_start_leave_a_doubt() {
    let with_times = |nanoseconds: i128| {
        let mut request = Request::new(SseContext::none(COS));
        (request.source.mtime, request.source.ctime) = (nanoseconds, nanoseconds);
        request.identity().compare(&request.asked())
    };
    let start = 1_790_000_100 * SECOND;
    assert!(matches!(with_times(start - SECOND), Comparison::Doubt { .. }));
    assert!(matches!(with_times(start), Comparison::Doubt { .. }));
    assert_eq!(with_times(start - 2 * SECOND), Comparison::Match);
    assert_eq!(with_times(start - SECOND + 1), Comparison::Match);
}

#[test]
fn only_scheme_host_and_port_of_an_endpoint_are_kept() {
    for (url, kept) in [
        ("https://cos.ap-guangzhou.myqcloud.com", Some("https://cos.ap-guangzhou.myqcloud.com")),
        ("http://127.0.0.1:9000/path?sign=1", Some("http://127.0.0.1:9000")),
        ("host?sign=1", Some("host")),
        ("https://user:pass@host:1/x", None),
        ("user:p/ss@host", None),
    ] {
        assert_eq!(origin(url), kept, "{url}");
    }
}

#[test]
fn parts_have_the_lengths_of_the_plan() {
    let identity = sample::identity();
    let len = |n| identity.part_len(PartNumber::new(n).unwrap());
    assert_eq!([len(1), len(2), len(3), len(4)], [Some(16 << 20), Some(16 << 20), Some(5), None]);
    let odd = Identity { part_size: 0, ..sample::identity() };
    assert_eq!(odd.part_len(PartNumber::FIRST), None);
    let huge = Identity { part_size: u64::MAX, ..sample::identity() };
    assert_eq!(huge.part_len(PartNumber::new(3).unwrap()), None);
}

#[test]
fn texts_do_not_run_into_each_other() {
    assert_ne!(hash(["ab", "c"], 16), hash(["a", "bc"], 16));
    assert_ne!(hash(["", "a"], 16), hash(["a", ""], 16));
    assert_eq!(hash(["a"], 16).len(), 32);
}

#[test]
fn a_chosen_checksum_must_be_the_one_that_the_upload_was_opened_with() {
    let compare = |opened: (Option<&str>, bool), asked| {
        let request = Request { checksum: asked, ..Request::new(SseContext::none(COS)) };
        let (checksum, keeps_checksum) = (opened.0.map(str::to_owned), opened.1);
        Identity { checksum, keeps_checksum, ..request.identity() }.compare(&request.asked())
    };
    let kept = (Some("crc64-nvme"), true);
    for fits in [None, Some(("crc64-nvme", true))] {
        assert_eq!(compare(kept, fits), Comparison::Match);
    }
    for differs in [Some(("crc32c", true)), Some(("", false))] {
        assert!(matches!(compare(kept, differs), Comparison::Refuse { what } if what.contains("crc64-nvme")));
    }
    assert_eq!(compare((Some("crc64-nvme"), false), Some(("", false))), Comparison::Match);
    assert!(matches!(compare((Some("crc64-nvme"), false), Some(("crc64-nvme", true))), Comparison::Refuse { .. }));
}

/// The realm of an object's target at an endpoint.
fn realm(dialect: Dialect, bucket: &str, endpoint: &str, addressing: Addressing) -> Option<String> {
    let (bucket, key) = (Bucket::new(dialect, bucket).unwrap(), ObjectKey::new(dialect, "k").unwrap());
    let address = Address::new(dialect, &bucket, None, Some(endpoint), addressing).unwrap();
    Target::new(&address, &key).realm
}

#[test]
fn the_host_tells_targets_apart_only_where_another_store_may_have_the_bucket() {
    let s3 = |endpoint| realm(S3, "bucket", endpoint, Addressing::Auto);
    for (endpoint, expected) in [
        ("https://store.example", "store.example"),
        ("https://bucket.store.example", "store.example"),
        ("https://STORE.example:443/", "store.example"),
        ("http://store.example:9000", "store.example:9000"),
        ("http://127.0.0.1:9000", "127.0.0.1:9000"),
        ("http://[::1]:9000", "[::1]:9000"),
        ("https://amazonaws.com.example", "amazonaws.com.example"),
        ("https://notamazonaws.com", "notamazonaws.com"),
        ("https://s3.amazonaws.com", "aws"),
        ("https://bucket.s3.eu-west-1.amazonaws.com", "aws"),
        ("https://s3.dualstack.ap-east-1.amazonaws.com:443", "aws"),
        ("https://s3.us-gov-west-1.amazonaws.com", "aws-us-gov"),
        ("https://s3-fips.dualstack.us-gov-east-1.amazonaws.com", "aws-us-gov"),
        ("https://s3.cn-north-1.amazonaws.com.cn", "aws-cn"),
    ] {
        assert_eq!(s3(endpoint).as_deref(), Some(expected), "{endpoint}");
    }
    for addressing in [Addressing::Auto, Addressing::Virtual, Addressing::Path] {
        let realm = realm(S3, "bucket", "https://store.example:9000", addressing);
        assert_eq!(realm.as_deref(), Some("store.example:9000"), "{addressing:?}");
    }
    for endpoint in ["https://cos.ap-beijing.myqcloud.com", "https://files.example", "http://127.0.0.1:9000"] {
        assert_eq!(realm(COS, "examplebucket-1250000000", endpoint, Addressing::Auto), None, "{endpoint}");
    }
}

#[cfg(feature = "cli")]
#[test]
fn each_object_of_each_store_has_its_own_digest() {
    let target = sample::identity().target;
    let at = |realm: &str| Target { realm: Some(realm.into()), ..target.clone() }.digest();
    let digests = [target.digest(), at("store.example"), at("store.example:9000")];
    let different: std::collections::BTreeSet<_> = digests.iter().collect();
    assert_eq!(different.len(), digests.len());
}

#[test]
fn the_realm_of_a_journal_of_before_follows_from_its_endpoint() {
    let placed = |store: &str, endpoint: Option<&str>| {
        let target = Target { store: store.into(), bucket: "bucket".into(), ..sample::identity().target };
        Identity { target, endpoint: endpoint.map(str::to_owned), ..sample::identity() }.placed().target.realm
    };
    assert_eq!(placed("s3", Some("http://bucket.store.example:9000")).as_deref(), Some("store.example:9000"));
    assert_eq!(placed("s3", Some("https://s3.eu-west-1.amazonaws.com")).as_deref(), Some("aws"));
    assert_eq!(placed("s3", None), None);
    assert_eq!(placed("cos", Some("https://bucket.cos.ap-beijing.myqcloud.com")), None);
    let told = Target { realm: Some("here".into()), store: "s3".into(), ..sample::identity().target };
    let identity = Identity { target: told.clone(), endpoint: Some("http://there".into()), ..sample::identity() };
    assert_eq!(identity.placed().target, told);
}
