use super::*;

#[test]
fn part_numbers_run_from_one_to_ten_thousand() {
    assert_eq!(PartNumber::new(0), None);
    assert_eq!(PartNumber::new(1), Some(PartNumber::FIRST));
    assert_eq!(PartNumber::new(10_000).map(PartNumber::index), Some(9_999));
    assert_eq!(PartNumber::new(10_001), None);
    assert_eq!(PartNumber::at_index(10_000), None);
    assert_eq!(PartNumber::at_index(65_536), None);
}

#[test]
fn etags_lose_their_quotes_and_are_never_empty() {
    assert_eq!(ETag::new("\"abc-2\"").as_ref().map(ETag::as_str), Some("abc-2"));
    assert_eq!(ETag::new("abc"), ETag::new("\"abc\""));
    assert_eq!(ETag::new("\"\""), None);
}

#[test]
fn endless_names_are_not_taken_from_a_store() {
    let (longest, endless) = ("x".repeat(1024), "x".repeat(1025));
    assert!(UploadId::new(&*longest).is_some() && ETag::new(&longest).is_some() && VersionId::new(&*longest).is_some());
    assert!(UploadId::new(&*endless).is_none() && ETag::new(&endless).is_none() && VersionId::new(&*endless).is_none());
}

#[track_caller]
fn refused(text: &str, why: &str) {
    let error = text.parse::<ObjectUrl>().and_then(|url| url.key().map(|_| ())).expect_err("a bad address");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.to_string().contains(why), "{error}");
}

#[test]
fn bad_addresses_are_refused_with_the_reason() {
    refused("examplebucket-1250000000/key", "no scheme");
    refused("ftp://examplebucket-1250000000/key", "no store is known");
    refused("cos://examplebucket/key", "appid");
    refused("cos://Example-1250000000/key", "not a bucket name");
    refused("cos://examplebucket-1250000000", "no object");
    refused("cos://examplebucket-1250000000/", "no object");
    refused("cos://examplebucket-1250000000//key", "must not begin");
    refused("cos://examplebucket-1250000000/a/../b", "rewritten");
    refused("cos://examplebucket-1250000000/.", "rewritten");
    refused(&format!("cos://examplebucket-1250000000/{}", "k".repeat(851)), "850");
    refused("cos://examplebucket-1250000000/a\u{18}b", "control");
}

#[test]
fn a_key_is_the_literal_text_after_the_bucket() {
    let url: ObjectUrl = "cos://examplebucket-1250000000/a b/%20/+?#x//y".parse().expect("a sound address");
    assert_eq!(url.key().expect("a sound key").as_str(), "a b/%20/+?#x//y");
    assert_eq!(url.to_string(), "cos://examplebucket-1250000000/a b/%20/+?#x//y");
}

#[test]
fn a_trailing_slash_takes_the_file_name() {
    let url: ObjectUrl = "cos://examplebucket-1250000000/backups/".parse().expect("a sound address");
    assert_eq!(url.key_for("disk.img").expect("a sound key").as_str(), "backups/disk.img");
    let url: ObjectUrl = "cos://examplebucket-1250000000".parse().expect("a sound address");
    assert_eq!(url.key_for("disk.img").expect("a sound key").as_str(), "disk.img");
}

#[test]
fn regions_cannot_name_another_host() {
    assert!(Region::new("ap-guangzhou").is_ok());
    for name in ["", "ap.guangzhou", "evil.example/", "AP-guangzhou", "ap_guangzhou"] {
        assert_eq!(Region::new(name).expect_err("a bad region").kind(), ErrorKind::Config, "{name}");
    }
}

#[test]
fn an_s3_address_has_the_rules_of_s3() {
    let url: ObjectUrl = "s3://my-bucket/a/b".parse().expect("a sound address");
    assert_eq!((url.dialect.scheme(), url.key().expect("a sound key").as_str()), ("s3", "a/b"));
    assert_eq!(url.to_string(), "s3://my-bucket/a/b");
    for bucket in ["abc", "my.bucket.of.old", "Upper_case"] {
        assert!(format!("s3://{bucket}/k").parse::<ObjectUrl>().is_ok(), "{bucket}");
    }
    refused("s3://ab/k", "fewer than 3");
    refused("s3://-abc/k", "begins or ends");
    refused("s3://a..b/k", "two dots");
    refused("s3://b!cket/k", "only letters");
    refused(&format!("s3://bucket/{}", "k".repeat(1025)), "1024");
    assert!(format!("s3://bucket/{}", "k".repeat(1024)).parse::<ObjectUrl>().and_then(|url| url.key()).is_ok());
    // A leading slash is a key's own on S3.
    refused("cos://examplebucket-1250000000//k", "must not begin");
    assert_eq!("s3://bucket//k".parse::<ObjectUrl>().and_then(|url| url.key()).expect("a sound key").as_str(), "/k");
}

#[test]
fn an_address_with_a_password_is_refused_and_not_repeated() {
    for text in ["s3://AKID:SECRETSECRET@bucket/k", "cos://u@b-1250000000/k", "s3://SECRETSECRET@"] {
        let error = text.parse::<ObjectUrl>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(!format!("{error:?}").contains("SECRET"), "{error:?}");
        assert!(error.hint().is_some_and(|hint| hint.contains("cos://") && hint.contains("s3://")), "{error:?}");
    }
    assert!("s3://bucket/a@b".parse::<ObjectUrl>().is_ok());
}
