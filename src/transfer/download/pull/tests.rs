//! Broken streams, wrong bytes, objects that change under way.

use http::HeaderMap;

use super::*;
use crate::checksum::Algorithm::Crc64Xz;

fn object(content: &[u8]) -> ObjectInfo {
    ObjectInfo {
        size: content.len() as u64,
        etag: ETag::new("tag"),
        checksum: Some(Checksum::of(Crc64Xz, content)),
        of_one_part: None,
        version_id: None,
        content_type: None,
        storage_class: None,
        last_modified: None,
        meta: Vec::new(),
        headers: HeaderMap::new(),
    }
}

fn broken() -> Error {
    Error::new(ErrorKind::Unavailable, "the connection broke")
}

#[test]
fn all_bytes_in_any_pieces_are_proved() {
    let mut pull = Pull::begin(&object(b"123456789"));
    assert_eq!(pull.missing(), (0, 8));
    pull.take(b"12345").unwrap();
    assert!(!pull.is_complete());
    let early = pull.ended_early();
    assert_eq!(early.message(), "the stream ended after 5 of 9 bytes");
    pull.after_break(early).unwrap();
    assert_eq!((pull.missing(), pull.etag().unwrap().as_str()), ((5, 8), "tag"));
    pull.same_object(&object(b"123456789")).unwrap();
    pull.take(b"").unwrap();
    pull.take(b"6789").unwrap();
    assert!(pull.is_complete());
    assert_eq!(pull.finish().unwrap(), (Checksum::of(Crc64Xz, b"123456789"), true));
}

#[test]
fn an_empty_object_is_complete_at_once() {
    let pull = Pull::begin(&object(b""));
    assert!(pull.is_complete());
    assert_eq!(pull.finish().unwrap(), (Checksum::empty(Crc64Xz), true));
}

#[test]
fn wrong_bytes_are_an_integrity_error_that_says_both_checksums() {
    let mut pull = Pull::begin(&object(b"right"));
    pull.take(b"wrong").unwrap();
    let error = pull.finish().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity);
    for checksum in [Checksum::of(Crc64Xz, b"right"), Checksum::of(Crc64Xz, b"wrong")] {
        assert!(error.message().contains(&checksum.to_string()));
    }
}

#[test]
fn the_checksum_of_the_only_part_proves_the_bytes_in_both_readings_of_it() {
    for algorithm in [Algorithm::Crc64Nvme, Algorithm::Crc32c] {
        let own = Checksum::of(algorithm, b"right");
        for theirs in [own, own.of_itself()] {
            let info = ObjectInfo { checksum: None, of_one_part: Some(theirs), ..object(b"right") };
            let mut pull = Pull::begin(&info);
            pull.take(b"right").unwrap();
            assert_eq!(pull.finish().unwrap(), (own, true));
            let mut pull = Pull::begin(&info);
            pull.take(b"wrong").unwrap();
            assert_eq!(pull.finish().unwrap_err().kind(), ErrorKind::Integrity);
        }
    }
}

#[test]
fn without_the_stores_checksum_nothing_is_claimed() {
    let mut pull = Pull::begin(&ObjectInfo { checksum: None, ..object(b"x") });
    pull.take(b"y").unwrap();
    assert_eq!(pull.finish().unwrap(), (Checksum::of(Crc64Xz, b"y"), false));
}

#[test]
fn more_bytes_than_announced_are_refused_before_they_are_kept() {
    let mut pull = Pull::begin(&object(b"1234"));
    pull.take(b"123").unwrap();
    assert_eq!(pull.take(b"45").unwrap_err().kind(), ErrorKind::Protocol);
    assert_eq!(pull.missing(), (3, 3));
}

#[test]
fn pauses_grow_and_the_row_ends() {
    let mut pull = Pull::begin(&object(&[0; 100]));
    let pauses: Vec<u128> = (0..MOST_BREAKS).map(|_| pull.after_break(broken()).unwrap().as_millis()).collect();
    assert_eq!(pauses, [100, 200, 400, 800, 1600, 3200, 5000, 5000]);
    let error = pull.after_break(broken()).unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Unavailable, Some(9)));
}

#[test]
fn a_stream_that_brings_something_begins_the_row_anew_and_a_trickle_does_not() {
    let content = vec![7; 40 << 20];
    let mut pull = Pull::begin(&object(&content));
    for chunk in content.chunks(1 << 20).take(30) {
        pull.take(chunk).unwrap();
        assert_eq!(pull.after_break(broken()).unwrap(), FIRST_PAUSE);
    }
    let trickle = content.chunks(1000).take_while(|bytes| {
        pull.take(bytes).unwrap();
        pull.after_break(broken()).is_ok()
    });
    assert_eq!(trickle.count(), MOST_BREAKS as usize - 1);
}

#[test]
fn only_a_broken_stream_is_taken_up_again_and_only_with_a_tag() {
    let mut pull = Pull::begin(&object(b"x"));
    let full = pull.after_break(Error::new(ErrorKind::Source, "disk full")).unwrap_err();
    assert_eq!(full.kind(), ErrorKind::Source);
    let mut untagged = Pull::begin(&ObjectInfo { etag: None, ..object(b"x") });
    assert!(untagged.after_break(broken()).unwrap_err().hint().unwrap().contains("no ETag"));
}

#[test]
fn another_object_in_its_place_is_told_as_that() {
    let pull = Pull::begin(&object(b"x"));
    for other in [
        ObjectInfo { size: 2, ..object(b"x") },
        ObjectInfo { etag: ETag::new("other"), ..object(b"x") },
        ObjectInfo { checksum: Some(Checksum::of(Crc64Xz, b"y")), ..object(b"x") },
        ObjectInfo { version_id: VersionId::new("v2"), ..object(b"x") },
    ] {
        assert_eq!(pull.same_object(&other).unwrap_err().kind(), ErrorKind::Rejected);
    }
    let silent = ObjectInfo { checksum: None, ..object(b"x") };
    assert!(pull.same_object(&silent).is_ok(), "a range need not come with the checksum of the whole");
    let refused = |status| Pull::not_resumed(Error::new(ErrorKind::Rejected, "refused").answered(status, None, None));
    assert!(refused(412).message().contains("replaced"));
    assert_eq!(refused(404).message(), "refused");
}
