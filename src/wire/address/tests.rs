use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::dialect::{COS, S3};

const BUCKET: &str = "examplebucket-1250000000";
const OWN_HOST: &str = "examplebucket-1250000000.cos.ap-beijing.myqcloud.com";

fn bucket() -> Bucket {
    Bucket::new(COS, BUCKET).unwrap()
}

fn region() -> Region {
    Region::new("ap-beijing").unwrap()
}

fn at(endpoint: Option<&str>, addressing: Addressing) -> Result<Address> {
    Address::new(COS, &bucket(), Some(&region()), endpoint, addressing)
}

fn key(text: &str) -> ObjectKey {
    ObjectKey::new(COS, text).unwrap()
}

#[track_caller]
fn check(endpoint: Option<&str>, addressing: Addressing, expected: &str) {
    let address = at(endpoint, addressing).unwrap();
    assert_eq!(address.uri(Some(&key("a b/c")), "").unwrap().to_string(), expected);
    assert_eq!(address.host_header(), address.authority());
}

#[track_caller]
fn refused(endpoint: &str, addressing: Addressing) -> Error {
    let error = at(Some(endpoint), addressing).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config, "{endpoint}");
    assert!(error.hint().is_some(), "{endpoint}: {error}");
    error
}

#[test]
fn the_host_follows_from_bucket_and_region() {
    let own = format!("https://{OWN_HOST}/a%20b/c");
    check(None, Addressing::Auto, &own);
    check(None, Addressing::Virtual, &own);
    check(None, Addressing::Path, &format!("https://cos.ap-beijing.myqcloud.com/{BUCKET}/a%20b/c"));
}

#[test]
fn an_endpoint_is_the_service_and_the_bucket_goes_before_it() {
    check(Some("https://cos.example.com"), Addressing::Auto, &format!("https://{BUCKET}.cos.example.com/a%20b/c"));
    check(Some("cos.example.com"), Addressing::Auto, &format!("https://{BUCKET}.cos.example.com/a%20b/c"));
    check(
        Some("HTTP://COS.Example.com:8080/"),
        Addressing::Auto,
        &format!("http://{BUCKET}.cos.example.com:8080/a%20b/c"),
    );
    check(
        Some("https://cos.example.com:9443"),
        Addressing::Path,
        &format!("https://cos.example.com:9443/{BUCKET}/a%20b/c"),
    );
}

#[test]
fn an_address_or_localhost_takes_the_bucket_into_the_path() {
    check(Some("http://127.0.0.1:9000"), Addressing::Auto, &format!("http://127.0.0.1:9000/{BUCKET}/a%20b/c"));
    check(Some("https://[::1]:9000"), Addressing::Auto, &format!("https://[::1]:9000/{BUCKET}/a%20b/c"));
    check(Some("https://[0:0::1]"), Addressing::Auto, &format!("https://[::1]/{BUCKET}/a%20b/c"));
    check(Some("https://localhost:9000"), Addressing::Auto, &format!("https://localhost:9000/{BUCKET}/a%20b/c"));
    check(Some("https://localhost:9000"), Addressing::Virtual, &format!("https://{BUCKET}.localhost:9000/a%20b/c"));
}

#[test]
fn a_host_that_names_the_bucket_is_the_buckets_own() {
    check(Some(&format!("https://{OWN_HOST}")), Addressing::Auto, &format!("https://{OWN_HOST}/a%20b/c"));
    check(Some("https://files.example.com"), Addressing::BucketHost, "https://files.example.com/a%20b/c");
    check(Some("http://127.0.0.1:1"), Addressing::BucketHost, "http://127.0.0.1:1/a%20b/c");
    // The beginning of a longer label is not the bucket.
    let longer = format!("https://{BUCKET}x.example.com");
    check(Some(&longer), Addressing::Auto, &format!("https://{BUCKET}.{BUCKET}x.example.com/a%20b/c"));
}

#[test]
fn host_port_and_scheme_can_be_asked_for() {
    let address = at(Some("http://[::1]:9000"), Addressing::Auto).unwrap();
    assert_eq!((address.host(), address.port(), address.authority()), ("::1", Some(9000), "[::1]:9000"));
    assert!(!address.is_https());
    let address = at(None, Addressing::Auto).unwrap();
    assert_eq!((address.host(), address.port(), address.authority()), (OWN_HOST, None, OWN_HOST));
    assert!(address.is_https());
    assert_eq!(address.bucket(), &bucket());
    assert_eq!(address.dialect(), COS);
}

#[test]
fn the_schemes_own_port_is_not_said() {
    assert_eq!(at(Some("https://cos.example.com:443"), Addressing::BucketHost).unwrap().authority(), "cos.example.com");
    assert_eq!(at(Some("http://cos.example.com:80"), Addressing::BucketHost).unwrap().authority(), "cos.example.com");
    let swapped = at(Some("http://cos.example.com:443"), Addressing::BucketHost).unwrap();
    assert_eq!((swapped.authority(), swapped.port()), ("cos.example.com:443", Some(443)));
}

#[test]
fn what_is_not_an_endpoint_is_refused_with_a_hint() {
    for endpoint in [
        "",
        "https://",
        "ftp://cos.example.com",
        "https://cos.example.com/path",
        "https://cos.example.com//",
        "https://cos.example.com?query",
        "https://cos.example.com#fragment",
        "https://cos.example.com\\path",
        "https://cos.example.com:",
        "https://cos.example.com:0",
        "https://cos.example.com:65536",
        "https://cos.example.com:+443",
        "https://cos.example.com:44x",
        "https://cos.example.com:1:2",
        "https://[::1",
        "https://[::1]x",
        "https://[::1]:",
        "https://[fe80::1%eth0]:1",
        "https://[127.0.0.1]",
        "https://::1",
        "https://cos..example.com",
        "https://cos.example.com.",
        "https://.example.com",
        "https://cos example.com",
        "https://cos.example.com\n",
        "https://cös.example.com",
        "https://-cos.example.com",
        "https://1.2.3",
        "https://1.2.3.256",
        "https://0x7f.0x1",
        "https://%31.example.com",
    ] {
        let error = refused(endpoint, Addressing::Auto);
        assert!(error.message().starts_with(&format!("{endpoint:?} is not an endpoint: ")), "{error}");
    }
}

#[test]
fn a_password_in_an_endpoint_is_refused_and_not_repeated() {
    let error = refused("https://user:hunter2@cos.example.com", Addressing::Auto);
    assert!(!format!("{error} {error:?} {:?}", error.hint()).contains("hunter2"));
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let nowhere = Address::new(COS, &bucket(), None, None, Addressing::Auto).unwrap_err();
    assert_eq!(nowhere.kind(), ErrorKind::Config);
    assert!(nowhere.hint().unwrap().contains("--region"));
    let no_domain = at(None, Addressing::BucketHost).unwrap_err();
    assert!(no_domain.hint().unwrap().contains("--endpoint"));
    assert!(refused("https://127.0.0.1", Addressing::Virtual).hint().unwrap().contains("path"));
    refused("https://[::1]", Addressing::Virtual);
    refused(&format!("https://{}", ["long"; 49].join(".")), Addressing::Virtual);
}

#[test]
fn an_endpoint_needs_no_region() {
    let address = Address::new(COS, &bucket(), None, Some("localhost:1"), Addressing::Auto).unwrap();
    assert_eq!(address.uri(None, "uploads").unwrap().to_string(), format!("https://localhost:1/{BUCKET}/?uploads"));
}

#[test]
fn keys_go_over_the_wire_as_the_official_clients_send_them() {
    let vectors: Value = serde_json::from_str(include_str!("../../../tests/vectors/key-encoding.json")).unwrap();
    let rows = vectors["keys"].as_array().unwrap();
    assert!(rows.len() > 30);
    let address = at(None, Addressing::Auto).unwrap();
    for row in rows {
        let (text, wire) = (row["key"].as_str().unwrap(), row["path_raw"].as_str().unwrap());
        let uri = address.uri(Some(&key(text)), "").unwrap();
        assert_eq!(uri.path(), wire, "{text}");
        unchanged_by_url_parsers(&uri);
    }
}

/// The HTTP client parses the URI once more, and its parser rewrites what it does not like.
#[track_caller]
fn unchanged_by_url_parsers(uri: &Uri) {
    let url = reqwest::Url::parse(&uri.to_string()).unwrap();
    assert_eq!((url.path(), url.query()), (uri.path(), uri.query()));
    assert_eq!(url.host_str(), uri.host());
    assert_eq!(url.port(), uri.port_u16());
}

proptest! {
    #[test]
    fn no_url_parser_rewrites_what_is_sent(text in "\\PC{1,40}|[a./%\\\\?# +\\x01-\\x1f]{1,20}", parameter in any::<String>()) {
        let query = format!("uploadId={}", encode::value(&parameter));
        for endpoint in [None, Some("http://[::ffff:1.2.3.4]:9000"), Some("https://localhost")] {
            let address = at(endpoint, Addressing::Auto).unwrap();
            if let Ok(key) = ObjectKey::new(COS, &text) {
                let uri = address.uri(Some(&key), &query).unwrap();
                let url = reqwest::Url::parse(&uri.to_string()).unwrap();
                prop_assert_eq!(url.path(), uri.path());
                prop_assert_eq!(url.query(), uri.query());
                let decoded = percent_encoding::percent_decode_str(uri.path()).decode_utf8().unwrap();
                prop_assert!(decoded.strip_suffix(&text).is_some());
            }
        }
    }

    #[test]
    fn an_accepted_endpoint_is_sent_where_url_parsers_send_it(endpoint in "(https?://)?\\PC{0,30}|[a-c0-9x.:\\[\\]-]{0,16}") {
        if let Ok(address) = at(Some(&endpoint), Addressing::BucketHost) {
            let uri = address.uri(None, "").unwrap();
            let url = reqwest::Url::parse(&uri.to_string()).unwrap();
            prop_assert_eq!(url.port(), address.port());
            let host = url.host_str().unwrap().trim_matches(['[', ']']);
            let same = host == address.host()
                || host.parse::<Ipv6Addr>().ok().is_some_and(|ip| Some(ip) == address.host().parse().ok());
            prop_assert!(same, "{} {}", url, address.host());
        }
    }
}

#[test]
fn an_s3_bucket_goes_before_the_regions_host_unless_it_has_dots() {
    let of = |bucket: &str, endpoint: Option<&str>, addressing| {
        let bucket = Bucket::new(S3, bucket).unwrap();
        let region = Region::new("eu-west-1").unwrap();
        let address = Address::new(S3, &bucket, Some(&region), endpoint, addressing).unwrap();
        address.uri(Some(&key("k")), "").unwrap().to_string()
    };
    assert_eq!(of("my-bucket", None, Addressing::Auto), "https://my-bucket.s3.eu-west-1.amazonaws.com/k");
    assert_eq!(of("my.bucket", None, Addressing::Auto), "https://s3.eu-west-1.amazonaws.com/my.bucket/k");
    assert_eq!(of("my.bucket", None, Addressing::Virtual), "https://my.bucket.s3.eu-west-1.amazonaws.com/k");
    assert_eq!(
        of("bucket", Some("https://[2001:db8::1]:9000"), Addressing::Auto),
        "https://[2001:db8::1]:9000/bucket/k"
    );
    assert_eq!(of("bucket", Some("http://[::1]:80"), Addressing::Auto), "http://[::1]/bucket/k");
    assert_eq!(of("bucket", Some("https://files.example"), Addressing::BucketHost), "https://files.example/k");
    assert_eq!(of("bucket", Some("https://bucket.s3.example"), Addressing::Auto), "https://bucket.s3.example/k");
}

#[test]
fn signatures_name_the_region_that_was_given_or_that_of_every_store() {
    let bucket = Bucket::new(S3, "bucket").unwrap();
    let of = |region: Option<&str>| {
        let region = region.map(|name| Region::new(name).unwrap());
        Address::new(S3, &bucket, region.as_ref(), Some("https://s3.example"), Addressing::Path)
            .unwrap()
            .region()
            .to_owned()
    };
    assert_eq!(of(Some("eu-central-1")), "eu-central-1");
    assert_eq!(of(None), "us-east-1");
    let nowhere = Address::new(S3, &bucket, None, None, Addressing::Auto).unwrap_err();
    assert!(nowhere.hint().unwrap().contains("--region"), "{nowhere}");
}
