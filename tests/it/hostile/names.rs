//! Answers about something else: another key, another bucket, another object, or in another language.

use sealift::{error::ErrorKind, transfer::Receipt};

use super::parrot::{Parrot, Twist};

/// What the receipt says of a document that Complete is answered by.
async fn completed(document: &'static str) -> Receipt {
    let parrot = Parrot::start().await;
    parrot.twist(Twist { completed: Some(document), ..Twist::default() });
    parrot.upload().await.unwrap()
}

fn warns(receipt: &Receipt, words: &[&str]) -> bool {
    receipt.warnings.iter().any(|warning| words.iter().all(|word| warning.contains(word)))
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_of_another_key_gets_no_byte() {
    let parrot = Parrot::start().await;
    let document = "<InitiateMultipartUploadResult><Bucket>bucket</Bucket><Key>other</Key><UploadId>u-7</UploadId></InitiateMultipartUploadResult>";
    parrot.twist(Twist { initiated: Some(document), ..Twist::default() });
    let error = parrot.upload().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error:?}");
    assert!(error.message().contains("opens the upload \"u-7\" of another key: \"other\""), "{error}");
    assert!(parrot.parts().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_in_another_spelling_or_no_names_at_all_are_taken() {
    let parrot = Parrot::start().await;
    for named in [
        "<InitiateMultipartUploadResult><Key>/k</Key><UploadId>u</UploadId></InitiateMultipartUploadResult>",
        "<InitiateMultipartUploadResult><Bucket/><Key>%6B</Key><UploadId>u</UploadId></InitiateMultipartUploadResult>",
    ] {
        parrot.twist(Twist { initiated: Some(named), ..Twist::default() });
        parrot.upload().await.unwrap();
    }
    for named in ["", "<Bucket>bucket</Bucket><Key>k</Key>", "<Bucket>tenant:bucket</Bucket><Key>%6B</Key>"] {
        let document =
            format!("<CompleteMultipartUploadResult>{named}<ETag>\"e-1\"</ETag></CompleteMultipartUploadResult>");
        let receipt = completed(document.leak()).await;
        assert!(!warns(&receipt, &["Complete"]), "{named}: {:?}", receipt.warnings);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_complete_of_another_object_is_told() {
    for (named, words) in [
        ("<Bucket>bucket</Bucket><Key>other</Key>", ["about the key \"other\"", "s3://bucket/k"]),
        ("<Bucket>elsewhere</Bucket><Key>k</Key>", ["about the bucket \"elsewhere\"", "s3://bucket/k"]),
    ] {
        let document =
            format!("<CompleteMultipartUploadResult>{named}<ETag>\"e-1\"</ETag></CompleteMultipartUploadResult>");
        let receipt = completed(document.leak()).await;
        assert!(warns(&receipt, &words), "{:?}", receipt.warnings);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_shows_a_secret_is_told_although_the_object_is_there() {
    let receipt = completed(
        "<CompleteMultipartUploadResult><ETag>\"a-secret-of-some-length\"</ETag></CompleteMultipartUploadResult>",
    )
    .await;
    let words = ["the answer repeats a secret of the request", "treat the key as known", "was found by looking at it"];
    assert!(warns(&receipt, &words), "{:?}", receipt.warnings);
    assert!(!format!("{receipt:?}").contains("a-secret"), "{receipt:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_with_another_tag_than_complete_has_answered_is_told() {
    let parrot = Parrot::start().await;
    parrot.twist(Twist { tag: Some("other"), ..Twist::default() });
    let receipt = parrot.upload().await.unwrap();
    assert!(warns(&receipt, &["has the ETag other", "Complete has answered e-1"]), "{:?}", receipt.warnings);
    assert_eq!(receipt.etag, "other", "what the store shows is what others will see");
    parrot.twist(Twist { tag: Some("W/\"e-1"), ..Twist::default() });
    let receipt = parrot.upload().await.unwrap();
    assert!(!warns(&receipt, &["ETag"]), "{:?}", receipt.warnings);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_not_shown_at_once_is_looked_for_again() {
    let parrot = Parrot::start().await;
    parrot.twist(Twist { hidden: 2, ..Twist::default() });
    let receipt = parrot.upload().await.unwrap();
    assert!(receipt.verified.iter().any(|proof| proof == "head"), "{:?}", receipt.verified);
    parrot.twist(Twist { hidden: usize::MAX, ..Twist::default() });
    let error = parrot.upload().await.unwrap_err();
    assert_eq!((error.kind(), error.status()), (ErrorKind::Rejected, None), "{error:?}");
    assert!(error.message().contains("was completed, but is not there"), "{error}");
    assert!(error.hint().unwrap().contains("somebody removed it"), "{error:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn another_language_is_named() {
    let parrot = Parrot::start().await;
    for (document, what) in [
        ("<!DOCTYPE html><html><body>Log in, please.<br></body></html>", "it is a web page (HTML)"),
        ("\n<html><head/></html>", "it is a web page (HTML)"),
        ("{\"uploadId\": \"u\"}", "it is JSON"),
    ] {
        parrot.twist(Twist { initiated: Some(document), ..Twist::default() });
        let error = parrot.upload().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error:?}");
        assert!(error.message().contains(what), "{error}");
        assert!(error.hint().unwrap().contains("something else than the store answered"), "{error:?}");
    }
    // The way of Ceph up to version 16.
    let empty = "<CompleteMultipartUploadResult><Key>k</Key><ETag>\"\"</ETag></CompleteMultipartUploadResult>";
    let receipt = completed(empty).await;
    assert!(!warns(&receipt, &["Complete"]), "{:?}", receipt.warnings);
    let receipt = completed("<html><body>Done.</body></html>").await;
    assert!(warns(&receipt, &["it is a web page (HTML)", "was found by looking at it"]), "{:?}", receipt.warnings);
}
