//! Published keys, every accepted form, and every way to get it wrong.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

const SAMPLE: &str = "MDEyMzQ1Njc4OUFCQ0RFRjAxMjM0NTY3ODlBQkNERUY";

fn vectors(name: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("../../../tests/vectors/sign-vectors.json")).unwrap();
    all[name].as_array().unwrap().clone()
}

fn parse(text: impl Into<Vec<u8>>) -> Result<CustomerKey> {
    CustomerKey::parse(Secret::new(text))
}

#[track_caller]
fn refused(text: &[u8], says: &str) {
    let error = parse(text).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.message().contains(says), "{}", error.message());
    assert!(error.hint().is_some());
    let shown = format!("{error:?} {error} {}", error.hint().unwrap());
    for piece in text.windows(8).filter_map(|piece| std::str::from_utf8(piece).ok()) {
        assert!(!shown.contains(piece), "{shown} shows {piece}");
    }
}

#[test]
fn published_keys_give_their_published_headers_in_every_form() {
    let cases = vectors("sse_c_keys");
    assert_eq!(cases.len(), 5);
    for case in cases {
        let hex_text = case["raw_hex"].as_str().unwrap();
        let header = case["key_header"].as_str().unwrap();
        let forms = [hex_text.to_owned(), hex_text.to_uppercase(), header.to_owned(), header.replace('=', "")];
        for form in forms.iter().flat_map(|form| ["", "\n", "\r\n"].map(|end| format!("{form}{end}"))) {
            let key = parse(form.as_str()).unwrap();
            assert_eq!(hex(key.raw.expose()), hex_text, "{form:?}");
            assert_eq!(key.header().to_str().unwrap(), header);
            assert_eq!(key.md5_base64(), case["key_md5_header"].as_str().unwrap());
            assert_ne!(key.md5_base64(), case["wrong_md5_of_base64_text"].as_str().unwrap_or_default());
        }
        let raw = parse(parse(hex_text).unwrap().raw.expose()).unwrap();
        assert_eq!(raw.header().to_str().unwrap(), header);
        assert_eq!(CustomerKey::from_bytes(raw.raw.expose().try_into().unwrap()).md5_base64(), raw.md5_base64());
    }
}

#[test]
fn the_manuals_unpadded_sample_is_sent_padded() {
    let key = parse(SAMPLE).unwrap();
    assert_eq!(key.raw.expose(), b"0123456789ABCDEF0123456789ABCDEF");
    assert_eq!(key.header().to_str().unwrap(), format!("{SAMPLE}="));
    assert_eq!(key.md5_base64(), "U5L61r7jcwdNvT7frmUG8g==");
}

#[test]
fn published_edge_inputs_are_read_as_the_contract_says() {
    let inputs: Vec<Value> = vectors("sse_c_key_edge_inputs");
    let [unpadded, short, raw] = inputs.as_slice() else { panic!("three inputs are published") };
    assert_eq!(parse(unpadded["input"].as_str().unwrap()).unwrap().md5_base64(), "U5L61r7jcwdNvT7frmUG8g==");
    refused(short["input"].as_str().unwrap().as_bytes(), "its 24 bytes");
    let raw = raw["input"].as_str().unwrap();
    assert_eq!(parse(raw).unwrap().raw.expose(), raw.as_bytes(), "32 bytes are the key, whatever they look like");
}

#[test]
fn thirty_two_bytes_are_the_key_even_if_the_last_is_a_newline() {
    let raw = b"0123456789ABCDEF0123456789ABCDE\n";
    assert_eq!(parse(raw).unwrap().raw.expose(), raw);
}

#[test]
fn anything_else_is_refused_by_length_alone() {
    refused(b"", "is empty");
    refused(b"\r\n", "empty line");
    refused(b"0123456789ABCDEF0123456789ABCDEF\n", "its 32 bytes and a line end");
    refused(b"0123456789ABCDEF0123456789ABCDE", "its 31 bytes");
    refused(&[b'a'; 63], "its 63 bytes");
    refused(&[b'a'; 65], "its 65 bytes");
    refused(&[b'g'; 64], "its 64 bytes are not all hex digits");
    refused(format!("{SAMPLE}=\n\n").as_bytes(), "its 45 bytes and a line end");
    refused(format!(" {SAMPLE}=").as_bytes(), "its 45 bytes");
    refused(format!("{SAMPLE}==").as_bytes(), "its 45 bytes");
    refused(&[b'A'; 44], "its 44 bytes are not base64 of 32 bytes");
    refused(&[0xFF; 43], "its 43 bytes are not base64 of 32 bytes");
    refused(SAMPLE.replace('M', "-").as_bytes(), "not base64");
    // The last character's low bits lie beyond the key: the text was damaged.
    refused(format!("{}Z", &SAMPLE[..42]).as_bytes(), "not base64");
    refused(&vec![b'x'; 1 << 20], "its 1048576 bytes");
}

#[test]
fn a_key_shows_its_md5_at_most() {
    let key = parse(SAMPLE).unwrap();
    let shown = format!("{key:?}");
    assert!(key.header().is_sensitive());
    assert!(shown.contains("U5L61r7jcwdNvT7frmUG8g=="), "{shown}");
    for secret in [SAMPLE, "0123456789ABCDEF", "48, 49, 50", "30313233"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn fresh_keys_differ() {
    let (one, other) = (CustomerKey::generate().unwrap(), CustomerKey::generate().unwrap());
    assert_eq!(one.raw.expose().len(), 32);
    assert_ne!(one.raw.expose(), other.raw.expose());
}

#[test]
fn a_fingerprint_depends_on_key_and_salt() {
    let (key, other) = (parse(SAMPLE).unwrap(), CustomerKey::from_bytes([0; 32]));
    // Python: hmac.new(b"0123456789ABCDEF" * 2, b"sealift customer key fingerprint\0salt", "sha256").hexdigest()
    assert_eq!(key.fingerprint(b"salt"), "04fe6856e6ffed870c1f916ab3187fcb42899c42a2c318a36ddc38eb879c5b76");
    assert_ne!(key.fingerprint(b"salt"), key.fingerprint(b"salt2"));
    assert_ne!(key.fingerprint(b"salt"), other.fingerprint(b"salt"));
}

proptest! {
    #[test]
    fn no_input_breaks_the_parser(bytes in proptest::collection::vec(any::<u8>(), 0..80)) {
        if let Ok(key) = parse(bytes) {
            prop_assert_eq!(key.raw.expose().len(), 32);
        }
    }
}

#[test]
fn a_key_is_kept_once_and_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new.key");
    let key = CustomerKey::generate().unwrap();
    key.save_new(&path).unwrap();
    let kept = fs::read(&path).unwrap();
    assert_eq!(kept, [key.reveal_base64().as_bytes(), b"\n"].concat());
    assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);

    let error = CustomerKey::generate().unwrap().save_new(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(error.message().contains("never overwritten") && error.hint().is_some(), "{error}");
    assert_eq!(fs::read(&path).unwrap(), kept);
    let error = key.save_new(folder.path().join("no such folder/new.key")).unwrap_err();
    assert!(error.message().contains("cannot write the key file"), "{error}");
}
