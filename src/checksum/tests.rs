//! The published values, and the laws of combining.

use proptest::prelude::*;
use serde_json::Value;

use super::{Algorithm::Crc64Xz, *};

fn vectors() -> Value {
    let all: Value = serde_json::from_str(include_str!("../../tests/vectors/sign-vectors.json")).unwrap();
    all["crc64"].clone()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn crc(value: &Value) -> Checksum {
    Crc64Xz.parse(text(value)).unwrap()
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
        assert_eq!(Checksum::of(Crc64Xz, bytes), crc(&case["crc64"]), "{}", case["name"]);
        assert_eq!(format!("{:016x}", Checksum::of(Crc64Xz, bytes).get()), text(&case["crc64_hex"]));
        assert_eq!(Checksum::of(Crc64Xz, bytes).to_string(), text(&case["crc64"]));
    }
}

#[test]
fn published_patterns_have_their_published_checksums_in_any_pieces() {
    let vectors = vectors();
    assert_eq!(list(&vectors["generated"]).len(), 5);
    for case in list(&vectors["generated"]) {
        let bytes = pattern(case["seed"].as_u64(), case["length"].as_u64().unwrap());
        let expected = crc(&case["crc64"]);
        assert_eq!(Checksum::of(Crc64Xz, &bytes), expected, "{case}");
        for piece in [1000, 4096, 131_072, bytes.len()] {
            let mut digest = Digest::new(Crc64Xz);
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
        let whole =
            parts.fold(Checksum::empty(Crc64Xz), |whole, (part, len)| whole.then(crc(part), len.as_u64().unwrap()));
        assert_eq!(whole, crc(&case["combined_crc64"]), "{}", case["name"]);
    }
}

#[test]
fn a_running_value_may_be_read_at_any_time() {
    let mut digest = Digest::new(Crc64Xz);
    assert_eq!(digest.value(), Checksum::empty(Crc64Xz));
    digest.update(b"12345");
    assert_eq!(digest.value(), Checksum::of(Crc64Xz, b"12345"));
    digest.update(b"");
    digest.update(b"6789");
    assert_eq!(digest.value().get(), 0x995D_C9BB_DF19_39FA);
}

#[test]
fn lengths_beyond_any_object_still_agree_with_the_library() {
    for algorithm in Algorithm::ALL {
        let (a, b) = (Checksum::of(algorithm, b"left"), Checksum::of(algorithm, b"right"));
        for len in [1, 255, 256, 16 << 20, 5 << 30, 50_000 << 30, (1 << 53) + 1, u64::MAX] {
            let library = crc_fast::checksum_combine(algorithm.library(), a.get(), b.get(), len);
            assert_eq!(a.then(b, len).get(), library, "{} {len}", algorithm.name());
        }
    }
}

/// The check values of "Catalogue of parametrised CRC algorithms", <https://reveng.sourceforge.io/crc-catalogue/all.htm>.
#[test]
fn each_algorithm_has_its_check_value_and_its_text() {
    let check = b"123456789";
    for (algorithm, value, text) in [
        (Crc64Xz, 0x995D_C9BB_DF19_39FA, "11051210869376104954"),
        (Algorithm::Crc64Nvme, 0xAE8B_1486_0A79_9888, "rosUhgp5mIg="),
        (Algorithm::Crc32c, 0xE306_9283, "4waSgw=="),
    ] {
        let sum = Checksum::of(algorithm, check);
        assert_eq!((sum.get(), sum.to_string().as_str()), (value, text));
        assert_eq!(algorithm.parse(text), Some(sum));
        assert_eq!(Algorithm::from_name(algorithm.name()), Some(algorithm));
        let halves = Checksum::of(algorithm, &check[..4]).then(Checksum::of(algorithm, &check[4..]), 5);
        assert_eq!(halves, sum);
    }
    for wrong in ["", "4waSgw", "4waSgw==-2", "rosUhgp5mIg=", "227", "4waSgwA="] {
        assert_eq!(Algorithm::Crc32c.parse(wrong), None, "{wrong:?}");
    }
}

#[test]
fn only_an_unsigned_decimal_of_64_bits_is_a_checksum() {
    assert_eq!(Crc64Xz.parse("18446744073709551615"), Some(Checksum::new(Crc64Xz, u64::MAX)));
    assert_eq!(Crc64Xz.parse("0"), Some(Checksum::empty(Crc64Xz)));
    for wrong in ["", "+1", "-1", " 1", "1 ", "0x1", "18446744073709551616", "١", "1,2"] {
        assert_eq!(Crc64Xz.parse(wrong), None, "{wrong:?}");
    }
}

fn algorithms() -> impl Strategy<Value = Algorithm> {
    proptest::sample::select(&Algorithm::ALL[..])
}

proptest! {
    #[test]
    fn any_cut_combines_to_the_whole(
        algorithm in algorithms(),
        bytes in proptest::collection::vec(any::<u8>(), 0..4096),
        cut in 0_usize..4096,
    ) {
        let (left, right) = bytes.split_at(cut.min(bytes.len()));
        let joined = Checksum::of(algorithm, left).then(Checksum::of(algorithm, right), right.len() as u64);
        prop_assert_eq!(joined, Checksum::of(algorithm, &bytes));
    }

    #[test]
    fn combining_does_not_depend_on_the_order_of_joining(
        algorithm in algorithms(),
        values: [u32; 3],
        b_len in 0_u64..1 << 40,
        c_len in 0_u64..1 << 40,
    ) {
        let [a, b, c] = values.map(|value| Checksum::new(algorithm, value.into()));
        prop_assert_eq!(a.then(b, b_len).then(c, c_len), a.then(b.then(c, c_len), b_len + c_len));
    }
}

#[test]
fn the_checksum_of_a_checksum_is_over_its_bytes() {
    // Computed bit by bit, apart from any library.
    for (algorithm, one, of_it) in
        [(Algorithm::Crc64Nvme, "auIS6D98FAc=", "BWtK5TuHULA="), (Algorithm::Crc32c, "MPR56A==", "bVpE8g==")]
    {
        assert_eq!(algorithm.parse(one).unwrap().of_itself().to_string(), of_it);
    }
}
