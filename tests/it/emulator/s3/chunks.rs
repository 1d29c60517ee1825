//! Bodies whose signature covers them: whole, in signed chunks, with trailers.

use std::io::Write as _;

use super::{
    super::raw::{Headers, Said, headers},
    raw::{Raw, sha256, store, store_with},
};
use crate::support::pattern;

const SIGNED: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
const SIGNED_TRAILER: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";
const UNSIGNED_TRAILER: &str = "STREAMING-UNSIGNED-PAYLOAD-TRAILER";
const CRC32: &str = "x-amz-checksum-crc32";

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_digest_must_be_that_of_the_body() {
    let store = store().await;
    let raw = Raw::new(&store);
    let bytes = pattern(1_500_000, 1);
    let put = |payload: String| {
        let (raw, bytes) = (raw.clone(), bytes.clone());
        async move { raw.try_send("PUT", "k", &[], (&[], &payload), &bytes).await.unwrap() }
    };
    put(sha256(b"other")).await.refused(400, "XAmzContentSHA256Mismatch");
    raw.get("k", &[]).await.refused(404, "NoSuchKey");
    for malformed in ["abc".to_owned(), sha256(&bytes).to_uppercase(), "STREAMING-SOMETHING".to_owned()] {
        put(malformed).await.refused(400, "InvalidArgument");
    }
    put(sha256(&bytes)).await.ok();
    assert!(raw.get("k", &[]).await.ok().body == bytes);
    // The list of parts is a body too.
    let id = raw.initiate("m", &[]).await;
    let said = raw.try_send("POST", "m", &[("uploadId", &id)], (&[], &sha256(b"")), b"<x/>").await.unwrap();
    said.refused(400, "XAmzContentSHA256Mismatch");
}

/// Puts bytes in chunks of 64 KiB; `spoil` changes the encoded body.
async fn put_chunks(
    raw: &Raw,
    form: &str,
    bytes: &[u8],
    trailer: Option<(&str, &str)>,
    spoil: impl FnOnce(&mut Vec<u8>),
) -> Said {
    let mut given =
        headers(&[("content-encoding", "aws-chunked"), ("x-amz-decoded-content-length", &bytes.len().to_string())]);
    given.extend(trailer.map(|(name, _)| ("x-amz-trailer".to_owned(), name.to_owned())));
    let (all, seal) = raw.seal("PUT", "k", &[], &given, form);
    let mut body = Vec::new();
    let mut previous = seal.signature.clone();
    let signed = form != UNSIGNED_TRAILER;
    let mut sign = |kind: &str, content: &str| {
        let text = format!("AWS4-HMAC-SHA256-{kind}\n{}\n{}\n{previous}\n{content}", seal.time, seal.scope);
        previous = raw.sign(&seal.scope, &text);
        previous.clone()
    };
    for chunk in bytes.chunks(65_536).chain([&[][..]]) {
        write!(body, "{:x}", chunk.len()).unwrap();
        if signed {
            let signature = sign("PAYLOAD", &format!("{}\n{}", sha256(b""), sha256(chunk)));
            write!(body, ";chunk-signature={signature}").unwrap();
        }
        body.extend_from_slice(b"\r\n");
        body.extend_from_slice(chunk);
        body.extend_from_slice(if chunk.is_empty() { b"" } else { b"\r\n" });
    }
    if let Some((name, value)) = trailer {
        write!(body, "{name}:{value}\r\n").unwrap();
        if signed {
            let signature = sign("TRAILER", &sha256(format!("{name}:{value}\n").as_bytes()));
            write!(body, "x-amz-trailer-signature:{signature}\r\n").unwrap();
        }
    }
    body.extend_from_slice(b"\r\n");
    spoil(&mut body);
    send_raw(raw, &all, body).await
}

async fn send_raw(raw: &Raw, headers: &Headers, body: Vec<u8>) -> Said {
    let mut request = raw.http.put(raw.url("k", &[]));
    for (name, value) in headers {
        request = request.header(name, value);
    }
    let answer = request.body(body).send().await.unwrap();
    let (status, headers) = (answer.status(), answer.headers().clone());
    Said { status, headers, body: answer.bytes().await.unwrap().to_vec() }
}

fn crc32(bytes: &[u8]) -> String {
    use base64::{Engine as _, engine::general_purpose::STANDARD};
    let crc = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32IsoHdlc, bytes);
    STANDARD.encode(&crc.to_be_bytes()[4..])
}

#[tokio::test(flavor = "multi_thread")]
async fn chunks_are_decoded_in_every_form_and_over_http_as_well() {
    for tls in [true, false] {
        let store = store_with(|options| options.tls(tls)).await;
        let raw = Raw::new(&store);
        for len in [0, 1, 65_536, 200_000] {
            let bytes = pattern(len, 3);
            let sum = crc32(&bytes);
            for (form, trailer) in
                [(SIGNED, None), (SIGNED_TRAILER, Some((CRC32, &*sum))), (UNSIGNED_TRAILER, Some((CRC32, &*sum)))]
            {
                let put = put_chunks(&raw, form, &bytes, trailer, |_| {}).await.ok();
                assert_eq!(put.headers.contains_key(CRC32), trailer.is_some());
                let got = raw.get("k", &[]).await.ok();
                assert!(got.body == bytes, "{form}, {len} bytes");
                assert!(
                    !got.headers.contains_key("content-encoding"),
                    "the encoding of the request is not the object's"
                );
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_chunk_or_trailer_leaves_no_object() {
    let store = store().await;
    let raw = Raw::new(&store);
    let bytes = pattern(100_000, 3);
    let sum = crc32(&bytes);
    let rename = |body: &mut Vec<u8>| {
        let at = body.windows(7).rposition(|window| window == b"-crc32:").unwrap();
        body[at..at + 7].copy_from_slice(b"-crc33:");
    };
    let flip = |body: &mut Vec<u8>| {
        let at = body.len() / 2;
        body[at] ^= 1;
    };
    put_chunks(&raw, SIGNED, &bytes, None, flip).await.refused(403, "SignatureDoesNotMatch");
    let trailer = Some((CRC32, &*sum));
    put_chunks(&raw, SIGNED_TRAILER, &bytes, trailer, flip).await.refused(403, "SignatureDoesNotMatch");
    // Unsigned, it is the checksum that tells.
    put_chunks(&raw, UNSIGNED_TRAILER, &bytes, trailer, flip).await.refused(400, "BadDigest");
    let other = crc32(b"other");
    let wrong = Some((CRC32, &*other));
    put_chunks(&raw, UNSIGNED_TRAILER, &bytes, wrong, |_| {}).await.refused(400, "BadDigest");
    put_chunks(&raw, SIGNED_TRAILER, &bytes, wrong, |_| {}).await.refused(400, "BadDigest");
    let unknown = Some(("x-amz-meta-a", "b"));
    put_chunks(&raw, UNSIGNED_TRAILER, &bytes, unknown, |_| {}).await.refused(400, "InvalidRequest");
    put_chunks(&raw, UNSIGNED_TRAILER, &bytes, trailer, rename).await.refused(400, "MalformedTrailerError");
    let cut = |body: &mut Vec<u8>| body.truncate(90_000);
    put_chunks(&raw, UNSIGNED_TRAILER, &bytes, trailer, cut).await.refused(400, "IncompleteBody");
    raw.get("k", &[]).await.refused(404, "NoSuchKey");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_streamed_body_needs_its_decoded_length() {
    let store = store().await;
    let raw = Raw::new(&store);
    let (all, _) = raw.seal("PUT", "k", &[], &[], SIGNED);
    send_raw(&raw, &all, b"0\r\n\r\n".to_vec()).await.refused(411, "MissingContentLength");
}
