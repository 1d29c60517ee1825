use super::*;
use crate::dialect::COS;

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn meta(given: &[(&str, &str)]) -> Result<HeaderMap> {
    ObjectProperties { meta: pairs(given), ..ObjectProperties::default() }.to_headers(COS)
}

fn tags(given: &[(&str, &str)]) -> Result<HeaderMap> {
    ObjectProperties { tags: pairs(given), ..ObjectProperties::default() }.to_headers(COS)
}

fn headers(given: &[(&str, &str)]) -> Result<HeaderMap> {
    ObjectProperties { headers: pairs(given), ..ObjectProperties::default() }.to_headers(COS)
}

#[track_caller]
fn refused(result: Result<HeaderMap>, reason: &str) {
    let error = result.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.message().contains(reason), "{error}");
}

#[test]
fn every_property_becomes_its_header() {
    let properties = ObjectProperties {
        content_type: Some("text/plain; charset=utf-8".to_owned()),
        storage_class: Some("STANDARD_IA".to_owned()),
        acl: Some("private".to_owned()),
        meta: pairs(&[("a", "plain"), ("Mixed-Case", "V a+l=u/e, \"q\" 100%"), ("empty", "")]),
        tags: pairs(&[("a b", "c+d"), ("e", "")]),
        headers: pairs(&[
            ("Cache-Control", "max-age=600, must-revalidate"),
            ("content-disposition", "attachment; filename=\"a b.txt\""),
            ("X-Cos-Grant-Read", "id=\"100000000001\""),
            ("x-cos-meta-B", "given by its whole name"),
        ]),
        nonce: Some("n1".to_owned()),
    };
    properties.check(COS).unwrap();
    let map = properties.to_headers(COS).unwrap();
    let mut found: Vec<_> = map.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    found.sort_unstable();
    assert_eq!(
        found,
        [
            ("cache-control", "max-age=600, must-revalidate"),
            ("content-disposition", "attachment; filename=\"a b.txt\""),
            ("content-type", "text/plain; charset=utf-8"),
            ("x-cos-acl", "private"),
            ("x-cos-grant-read", "id=\"100000000001\""),
            ("x-cos-meta-a", "plain"),
            ("x-cos-meta-b", "given by its whole name"),
            ("x-cos-meta-empty", ""),
            ("x-cos-meta-mixed-case", "V a+l=u/e, \"q\" 100%"),
            ("x-cos-meta-sealift-upload", "n1"),
            ("x-cos-storage-class", "STANDARD_IA"),
            ("x-cos-tagging", "a%20b=c%2Bd&e="),
        ]
    );
}

#[test]
fn headers_of_the_transfer_are_refused_with_the_reason() {
    for name in [
        "Authorization",
        "Proxy-Authorization",
        "Host",
        "Content-Length",
        "Content-MD5",
        "Digest",
        "Transfer-Encoding",
        "Connection",
        "Keep-Alive",
        "TE",
        "Trailer",
        "Upgrade",
        "Expect",
        "x-cos-server-side-encryption",
        "X-COS-Server-Side-Encryption-Customer-Key",
        "x-cos-server-side-encryption-context",
        "x-cos-copy-source",
        "x-cos-copy-source-server-side-encryption-customer-key",
        "x-cos-security-token",
        "x-cos-hash-crc64ecma",
        "x-cos-content-sha1",
        "x-cos-forbid-overwrite",
        "x-amz-server-side-encryption-customer-key",
        "x-cos-meta-sealift-upload",
        " x-cos-security-token ",
    ] {
        refused(headers(&[(name, "value")]), "cannot be given: ");
    }
}

#[test]
fn no_refusal_repeats_the_value() {
    for name in ["x-cos-server-side-encryption-customer-key", "x-cos-meta-a", "cache-control", "bad name"] {
        let error = headers(&[(name, "hunter2\n")]).unwrap_err();
        assert!(!format!("{error} {error:?} {:?}", error.hint()).contains("hunter2"), "{name}");
    }
}

#[test]
fn what_is_no_header_is_refused() {
    refused(headers(&[("", "v")]), "not a header's name");
    refused(headers(&[("a b", "v")]), "not a header's name");
    refused(headers(&[("a:b", "v")]), "not a header's name");
    refused(headers(&[("expires", "a\r\nx-cos-acl: public-read")]), "control character");
    refused(headers(&[("expires", "a\tb")]), "control character");
    refused(headers(&[("expires", " a")]), "blank");
    refused(headers(&[("expires", "a ")]), "blank");
    refused(headers(&[("expires", "1"), ("Expires", "2")]), "given twice");
}

#[test]
fn what_has_an_option_of_its_own_is_not_given_twice() {
    let properties = |name: &str| ObjectProperties {
        content_type: Some("a/b".to_owned()),
        storage_class: Some("ARCHIVE".to_owned()),
        acl: Some("private".to_owned()),
        tags: pairs(&[("a", "b")]),
        meta: pairs(&[("a", "b")]),
        headers: pairs(&[(name, "c")]),
        ..ObjectProperties::default()
    };
    for name in ["content-type", "x-cos-storage-class", "x-cos-acl", "x-cos-tagging", "x-cos-meta-a"] {
        refused(properties(name).to_headers(COS), "given twice");
    }
    let empty = ObjectProperties { acl: Some(String::new()), ..ObjectProperties::default() };
    refused(empty.to_headers(COS), "is empty");
}

#[test]
fn metadata_has_plain_names_and_ascii_values() {
    for name in ["", "a_b", "a b", "ä", "a:b", "a.b"] {
        refused(meta(&[(name, "v")]), "is not a name of metadata");
    }
    refused(headers(&[("x-cos-meta-", "v")]), "is not a name of metadata");
    refused(meta(&[("a", "1"), ("A", "2")]), "given twice");
    refused(meta(&[("Sealift-Upload", "v")]), "sealift marks");
    let error = meta(&[("a", "中")]).unwrap_err();
    assert!(error.hint().unwrap().contains("percent-encode"));
}

#[test]
fn metadata_is_short() {
    let value = |len: usize| "v".repeat(len);
    assert!(meta(&[("a", &value(2047))]).is_ok());
    refused(meta(&[("a", &value(2048))]), "2048");
    assert!(meta(&[("a", &value(2047)), ("b", &value(2047))]).is_ok());
    refused(meta(&[("a", &value(2047)), ("b", &value(2040)), ("c", &value(10))]), "longer than the 4096 bytes");
}

#[test]
fn tags_are_few_short_and_plain() {
    let numbered: Vec<(String, String)> = (0..11).map(|number| (format!("k{number}"), "v".to_owned())).collect();
    let with = |count: usize| ObjectProperties { tags: numbered[..count].to_vec(), ..ObjectProperties::default() };
    assert!(with(10).check(COS).is_ok());
    refused(with(11).to_headers(COS), "11 tags");
    let (k, v) = ("k".repeat(129), "v".repeat(257));
    assert!(tags(&[(&k[1..], &v[1..])]).is_ok());
    refused(tags(&[(&k, "v")]), "too long");
    refused(tags(&[("k", &v)]), "too long");
    refused(tags(&[("", "v")]), "empty");
    refused(tags(&[("k", "a&b")]), "only letters");
    refused(tags(&[("k%", "v")]), "only letters");
    refused(tags(&[("k", "a"), ("k", "b")]), "twice");
    assert_eq!(tags(&[("a.b:c/d", "+-_= ")]).unwrap()["x-cos-tagging"], "a.b%3Ac%2Fd=%2B-_%3D%20");
}

#[test]
fn what_belongs_to_reading_or_to_sessions_is_not_sent_with_an_upload() {
    for name in ["Range", "If-Match", "if-none-match", "If-Modified-Since", "If-Unmodified-Since", "If-Range", "Cookie"]
    {
        let properties =
            ObjectProperties { headers: vec![(name.to_owned(), "x".to_owned())], ..ObjectProperties::default() };
        let error = properties.check(COS).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(error.message().contains("cannot be given"), "{error}");
    }
}
