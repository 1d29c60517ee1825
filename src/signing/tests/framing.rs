//! The framing's lengths and lines, and what a store would make of them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{Request, request::Parts};

use crate::signing::{
    Content, Credentials,
    framing::{Framing, Shape},
    s3,
    v4::{Scope, SigningKey, sha256, stamp},
};

const KEY: &str = "TESTSECRETKEY0123456789";

const TRAILERS: [(&str, &str); 5] = [
    ("x-amz-checksum-crc32", "9+yNBQ=="),
    ("x-amz-checksum-crc32c", "sOO8/Q=="),
    ("x-amz-checksum-crc64nvme", "AuUcyF784aU="),
    ("x-amz-checksum-sha1", "2jmj7l5rSw0yVb/vlWAYkK/YBwk="),
    ("x-amz-checksum-sha256", "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="),
];

fn now() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

fn credentials() -> Credentials {
    Credentials::new("TESTSECRETID", KEY).unwrap()
}

fn sealed(scheme: &str, len: u64, trailer: Option<&'static str>) -> (Parts, Option<Framing>) {
    let uri = format!("{scheme}://bucket.store.example/key");
    let mut head = Request::put(uri).header("content-length", len).body(()).unwrap().into_parts().0;
    let content = Content::Stream { len, trailer };
    let framing = s3::seal("eu-central-1", &mut head, content, &credentials(), now()).unwrap();
    (head, framing)
}

/// A body as a transport sends it.
fn framed(framing: &mut Framing, body: &[u8], checksum: Option<&str>) -> Vec<u8> {
    let mut out = Vec::new();
    for chunk in body.chunks(usize::try_from(Framing::CHUNK).unwrap()) {
        out.extend_from_slice(&framing.chunk_head(chunk));
        out.extend_from_slice(chunk);
    }
    out.extend_from_slice(&framing.end(checksum));
    out
}

/// A chunk's data, and its signature if it has one.
type Chunk = (Vec<u8>, Option<String>);

/// Reads a framed body as the manual describes it: the chunks' data with their signatures, and the trailer's lines.
fn read(mut body: &[u8]) -> (Vec<Chunk>, Vec<String>) {
    fn line<'a>(body: &mut &'a [u8]) -> &'a str {
        let end = body.windows(2).position(|it| it == b"\r\n").unwrap();
        let line = str::from_utf8(&body[..end]).unwrap();
        *body = &body[end + 2..];
        line
    }
    let (mut chunks, mut trailer) = (Vec::new(), Vec::new());
    loop {
        let head = line(&mut body);
        let (size, signature) = match head.split_once(";chunk-signature=") {
            Some((size, signature)) => (size, Some(signature.to_owned())),
            None => (head, None),
        };
        let size = usize::from_str_radix(size, 16).unwrap();
        let data = body[..size].to_vec();
        body = &body[size..];
        chunks.push((data, signature));
        if size == 0 {
            break;
        }
        assert_eq!(line(&mut body), "");
    }
    loop {
        match line(&mut body) {
            "" => break,
            text => trailer.push(text.to_owned()),
        }
    }
    assert!(body.is_empty(), "something follows the end");
    (chunks, trailer)
}

#[test]
fn a_framed_body_is_as_long_as_was_told_and_reads_back() {
    let chunk = Framing::CHUNK;
    for len in [0, 1, 15, 16, 4095, 4096, chunk - 1, chunk, chunk + 1, chunk + 0x1_0000, 3 * chunk, 3 * chunk + 9] {
        let body: Vec<u8> = (0..len).map(|index| u8::try_from(index % 251).unwrap()).collect();
        for scheme in ["http", "https"] {
            for (name, value) in
                TRAILERS.map(|(name, value)| (Some(name), Some(value))).into_iter().chain([(None, None)])
            {
                let (head, framing) = sealed(scheme, len, name);
                let Some(mut framing) = framing else {
                    assert!(scheme == "https" && name.is_none());
                    assert_eq!(head.headers["content-length"], len.to_string().as_str());
                    continue;
                };
                let told = framing.encoded_len(len);
                assert_eq!(head.headers["content-length"], told.to_string().as_str());
                let out = framed(&mut framing, &body, value);
                assert_eq!(out.len() as u64, told, "{scheme} {len} {name:?}");
                let (chunks, trailer) = read(&out);
                assert_eq!(chunks.iter().flat_map(|(data, _)| data).copied().collect::<Vec<_>>(), body);
                assert!(chunks.iter().all(|(_, signature)| signature.is_some() == (scheme == "http")));
                let expected = usize::from(name.is_some()) * if scheme == "http" { 2 } else { 1 };
                assert_eq!(trailer.len(), expected);
                if let (Some(name), Some(value)) = (name, value) {
                    assert_eq!(trailer[0], format!("{name}:{value}"));
                }
            }
        }
    }
}

#[test]
fn every_chunk_but_the_last_has_the_full_size() {
    let len = 2 * Framing::CHUNK + 5;
    let (_, framing) = sealed("http", len, None);
    let out = framed(&mut framing.unwrap(), &vec![7; usize::try_from(len).unwrap()], None);
    let sizes: Vec<u64> = read(&out).0.iter().map(|(data, _)| data.len() as u64).collect();
    assert_eq!(sizes, [Framing::CHUNK, Framing::CHUNK, 5, 0]);
}

#[test]
fn signatures_form_a_chain_from_the_heads_own() {
    let body = vec![1u8; usize::try_from(Framing::CHUNK).unwrap() + 1];
    let (name, value) = TRAILERS[2];
    let (head, framing) = sealed("http", body.len() as u64, Some(name));
    let (chunks, trailer) = read(&framed(&mut framing.unwrap(), &body, Some(value)));
    let scope = Scope::new(stamp(now()), "eu-central-1", "s3");
    let key = SigningKey::derive(&credentials().key, &scope);
    let mut previous = head.headers["authorization"].to_str().unwrap().rsplit_once("Signature=").unwrap().1.to_owned();
    for (data, signature) in chunks {
        let parts = [previous.as_str(), &sha256(b""), &sha256(&data)];
        previous = key.sign(&scope.string_to_sign("AWS4-HMAC-SHA256-PAYLOAD", &parts));
        assert_eq!(signature.as_deref(), Some(previous.as_str()));
    }
    let digest = sha256(format!("{name}:{value}\n").as_bytes());
    let last = key.sign(&scope.string_to_sign("AWS4-HMAC-SHA256-TRAILER", &[&previous, &digest]));
    assert_eq!(trailer[1], format!("x-amz-trailer-signature:{last}"));
}

#[test]
fn without_signatures_the_form_is_that_of_http_chunks() {
    let (_, framing) = sealed("https", 3, Some("x-amz-checksum-crc32"));
    let out = framed(&mut framing.unwrap(), b"abc", Some("NSRBwg=="));
    assert_eq!(str::from_utf8(&out).unwrap(), "3\r\nabc\r\n0\r\nx-amz-checksum-crc32:NSRBwg==\r\n\r\n");
}

#[test]
fn a_trailer_of_unknown_length_is_refused() {
    assert_eq!(Shape::new(false, Some("x-amz-checksum-none")).unwrap_err(), "x-amz-checksum-none");
}

#[test]
fn debug_shows_no_key_and_no_signature() {
    let (_, framing) = sealed("http", 3, None);
    let text = format!("{:?}", framing.unwrap());
    assert_eq!(text, "Framing { shape: Shape { signed: true, trailer: None }, open: false, .. }");
}
