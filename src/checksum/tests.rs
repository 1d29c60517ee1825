//! The published values, and the laws of combining.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn vectors() -> Value {
    let all: Value = serde_json::from_str(include_str!("../../tests/vectors/sign-vectors.json")).unwrap();
    all["crc64"].clone()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn crc(value: &Value) -> Crc64 {
    Crc64::parse(text(value)).unwrap()
}

fn list(value: &Value) -> &Vec<Value> {
    value.as_array().unwrap()
}

/// `byte[i] = (i*31 + seed) mod 256`; without a seed all bytes are zero.
fn pattern(seed: Option<u64>, len: u64) -> Vec<u8> {
    (0..len).map(|i| seed.map_or(0, |seed| u8::try_from((i * 31 + seed) % 256).unwrap())).collect()
}

#[test]
fn published_literals_have_their_published_checksums() {
    let vectors = vectors();
    assert_eq!(list(&vectors["literal"]).len(), 5);
    for case in list(&vectors["literal"]) {
        let bytes = text(&case["input_utf8"]).as_bytes();
        assert_eq!(Crc64::of(bytes), crc(&case["crc64"]), "{}", case["name"]);
        assert_eq!(format!("{:016x}", Crc64::of(bytes).get()), text(&case["crc64_hex"]));
        assert_eq!(Crc64::of(bytes).to_string(), text(&case["crc64"]));
    }
}

#[test]
fn published_patterns_have_their_published_checksums_in_any_pieces() {
    let vectors = vectors();
    assert_eq!(list(&vectors["generated"]).len(), 5);
    for case in list(&vectors["generated"]) {
        let bytes = pattern(case["seed"].as_u64(), case["length"].as_u64().unwrap());
        let expected = crc(&case["crc64"]);
        assert_eq!(Crc64::of(&bytes), expected, "{case}");
        for piece in [1000, 4096, 131_072, bytes.len()] {
            let mut digest = Crc64Digest::new();
            bytes.chunks(piece).for_each(|piece| digest.update(piece));
            assert_eq!(digest.value(), expected, "{case} in pieces of {piece}");
        }
    }
}

#[test]
fn published_parts_combine_to_the_published_whole() {
    let vectors = vectors();
    assert_eq!(list(&vectors["combine"]).len(), 5);
    for case in list(&vectors["combine"]) {
        let parts = list(&case["part_crc64"]).iter().zip(list(&case["part_lengths"]));
        let whole = parts.fold(Crc64::EMPTY, |whole, (part, len)| whole.then(crc(part), len.as_u64().unwrap()));
        assert_eq!(whole, crc(&case["combined_crc64"]), "{}", case["name"]);
    }
}

#[test]
fn a_running_value_may_be_read_at_any_time() {
    let mut digest = Crc64Digest::default();
    assert_eq!(digest.value(), Crc64::EMPTY);
    digest.update(b"12345");
    assert_eq!(digest.value(), Crc64::of(b"12345"));
    digest.update(b"");
    digest.update(b"6789");
    assert_eq!(digest.value().get(), 0x995D_C9BB_DF19_39FA);
}

#[test]
fn lengths_beyond_any_object_still_agree_with_the_library() {
    let (a, b) = (Crc64::of(b"left"), Crc64::of(b"right"));
    for len in [1, 255, 256, 16 << 20, 5 << 30, 50_000 << 30, (1 << 53) + 1, u64::MAX] {
        let library = crc_fast::checksum_combine(CrcAlgorithm::Crc64Xz, a.get(), b.get(), len);
        assert_eq!(a.then(b, len).get(), library, "{len}");
    }
}

#[test]
fn only_an_unsigned_decimal_of_64_bits_is_a_checksum() {
    assert_eq!(Crc64::parse("18446744073709551615"), Some(Crc64(u64::MAX)));
    assert_eq!(Crc64::parse("0"), Some(Crc64::EMPTY));
    for wrong in ["", "+1", "-1", " 1", "1 ", "0x1", "18446744073709551616", "١", "1,2"] {
        assert_eq!(Crc64::parse(wrong), None, "{wrong:?}");
    }
}

proptest! {
    #[test]
    fn any_cut_combines_to_the_whole(bytes in proptest::collection::vec(any::<u8>(), 0..4096), cut in 0_usize..4096) {
        let (left, right) = bytes.split_at(cut.min(bytes.len()));
        prop_assert_eq!(Crc64::of(left).then(Crc64::of(right), right.len() as u64), Crc64::of(&bytes));
    }

    #[test]
    fn combining_does_not_depend_on_the_order_of_joining(a: u64, b: u64, c: u64, b_len in 0_u64..1 << 40, c_len in 0_u64..1 << 40) {
        let (a, b, c) = (Crc64(a), Crc64(b), Crc64(c));
        prop_assert_eq!(a.then(b, b_len).then(c, c_len), a.then(b.then(c, c_len), b_len + c_len));
    }
}
