//! The examples of the S3 API reference, in one piece and byte by byte.

use std::borrow::Cow;

use http::{HeaderName, HeaderValue};

use super::{
    super::{Payload, Signable, v4},
    *,
};

const NOW: u64 = 1_369_353_600;
const SIGNED: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD";
const SIGNED_TRAILER: &str = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER";

/// sigv4-streaming.html
fn signed_example() -> (HeaderMap, Vec<u8>) {
    let names = "content-encoding;content-length;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;\
                 x-amz-storage-class";
    let seed = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9";
    let body = chunks([
        "ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
        "0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
        "b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
    ]);
    (headers(SIGNED, names, seed), [&body[..], b"\r\n"].concat())
}

/// sigv4-streaming-trailers.html
fn trailer_example() -> (HeaderMap, Vec<u8>) {
    let names = "content-encoding;host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length;\
                 x-amz-storage-class;x-amz-trailer";
    let seed = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e";
    let body = chunks([
        "b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
        "1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
        "2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
    ]);
    let trailer = "x-amz-checksum-crc32c:sOO8/Q==\r\n\
                   x-amz-trailer-signature:d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n";
    let mut headers = headers(SIGNED_TRAILER, names, seed);
    headers.insert("x-amz-trailer", HeaderValue::from_static("x-amz-checksum-crc32c"));
    (headers, [&body[..], trailer.as_bytes()].concat())
}

fn headers(form: &str, signed: &str, seed: &str) -> HeaderMap {
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request,\
         SignedHeaders={signed},Signature={seed}"
    );
    [
        ("host", "s3.amazonaws.com"),
        ("x-amz-date", "20130524T000000Z"),
        ("x-amz-storage-class", "REDUCED_REDUNDANCY"),
        ("authorization", &authorization),
        ("x-amz-content-sha256", form),
        ("content-encoding", "aws-chunked"),
        ("x-amz-decoded-content-length", "66560"),
        ("content-length", "66824"),
    ]
    .into_iter()
    .map(|(name, value)| (HeaderName::try_from(name).unwrap(), HeaderValue::try_from(value).unwrap()))
    .collect()
}

/// 64 KiB, 1 KiB and nothing, without the empty line at the end.
fn chunks(signatures: [&str; 3]) -> Vec<u8> {
    let mut body = Vec::new();
    for (size, signature) in [65_536, 1024, 0].into_iter().zip(signatures) {
        body.extend_from_slice(format!("{size:x};chunk-signature={signature}\r\n").as_bytes());
        body.extend(std::iter::repeat_n(b'a', size));
        body.extend_from_slice(if size > 0 { b"\r\n" } else { b"" });
    }
    body
}

fn decoder(headers: &HeaderMap) -> Result<Box<Decoder>, Refusal> {
    let request = Signable { method: "PUT", path: "/examplebucket/chunkObject.txt", query: &[], headers };
    match v4::check(request, &[v4::tests::account()], "us-east-1", NOW)? {
        Payload::Chunked(decoder) => Ok(decoder),
        other => panic!("{other:?}"),
    }
}

type Trailers = Vec<(String, String)>;

/// Decodes a body that comes in pieces of this size.
fn decode(headers: &HeaderMap, body: &[u8], step: usize) -> Result<(Vec<u8>, Trailers), Refusal> {
    let mut decoder = decoder(headers)?;
    let mut whole = Vec::new();
    for piece in body.chunks(step) {
        let mut piece = Bytes::copy_from_slice(piece);
        while let Some(bytes) = decoder.next(&mut piece)? {
            whole.extend_from_slice(&bytes);
        }
    }
    Ok((whole, decoder.finish()?))
}

#[test]
fn the_published_chunks_decode_however_they_come() {
    for step in [usize::MAX, 4096, 3, 1] {
        let (headers, body) = signed_example();
        assert_eq!(body.len(), 66_824);
        assert_eq!(decode(&headers, &body, step).unwrap(), (vec![b'a'; 66_560], Vec::new()));
        let (headers, body) = trailer_example();
        let trailers = vec![("x-amz-checksum-crc32c".to_owned(), "sOO8/Q==".to_owned())];
        assert_eq!(decode(&headers, &body, step).unwrap(), (vec![b'a'; 66_560], trailers.clone()));
        // As official clients end it.
        assert_eq!(decode(&headers, &[&body[..], b"\r\n"].concat(), step).unwrap().1, trailers);
    }
}

#[test]
fn no_altered_byte_of_a_signed_body_passes() {
    for (headers, body) in [signed_example(), trailer_example()] {
        // Every byte outside the long runs of data, and some within.
        let places = (0..120).chain([40_000, 65_600]).chain(65_620..65_730).chain(66_640..body.len() - 2);
        for at in places {
            let mut altered = body.clone();
            altered[at] ^= 1;
            assert!(decode(&headers, &altered, usize::MAX).is_err(), "byte {at} of {}", body.len());
        }
        for end in [0, 100, 66_000, body.len() - 95] {
            assert_eq!(decode(&headers, &body[..end], usize::MAX).unwrap_err().code, "IncompleteBody", "{end}");
        }
        assert!(decode(&headers, &[&body[..], b"\r\nmore\r\n"].concat(), usize::MAX).is_err());
    }
}

#[test]
fn the_trailer_must_be_what_was_declared() {
    let (mut headers, body) = trailer_example();
    let text = String::from_utf8(body).unwrap();
    let refused = |headers: &HeaderMap, text: &str| decode(headers, text.as_bytes(), 999).unwrap_err().code;
    let unsigned = &text[..text.find("x-amz-trailer-signature").unwrap()];
    assert_eq!(refused(&headers, unsigned), "MalformedTrailerError");
    assert_eq!(refused(&headers, &text[..text.find("x-amz-checksum").unwrap()]), "MalformedTrailerError");
    let behind = |more: &str| format!("{}\r\n{more}\r\n\r\n", text.trim_end());
    for more in ["x-amz-more: 1", "x-amz-checksum-crc32c: 1"] {
        assert_eq!(refused(&headers, &behind(more)), "MalformedTrailerError", "{more} comes behind the signature");
    }
    headers.remove("x-amz-trailer");
    // It was signed, so it cannot simply be left out.
    assert_eq!(refused(&headers, &text), "SignatureDoesNotMatch");
}

#[test]
fn a_trailer_that_is_not_declared_is_refused_as_it_comes() {
    let form = Form::named("STREAMING-UNSIGNED-PAYLOAD-TRAILER").unwrap();
    let pairs = [("x-amz-decoded-content-length", "0"), ("x-amz-trailer", "x-amz-checksum-crc32")];
    let pairs = pairs.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
    let decoder = || {
        let chain = decoder(&signed_example().0).unwrap().chain;
        Decoder::new(form, chain, &HeaderMap::from_iter(pairs.clone())).unwrap()
    };
    for endless in ["a:b\r\n", "x-amz-checksum-crc32:1\r\n"] {
        let mut body = Bytes::from(format!("0\r\n{}", endless.repeat(2)));
        assert_eq!(decoder().next(&mut body).unwrap_err().code, "MalformedTrailerError", "{endless:?}");
    }
    assert!(decoder().next(&mut Bytes::from_static(b"+0\r\n")).is_err(), "a sign is no digit");
}

#[test]
fn an_unsigned_body_has_only_its_trailer_checked() {
    let form = Form::named("STREAMING-UNSIGNED-PAYLOAD-TRAILER").unwrap();
    let headers = |length: &'static str| {
        let pairs = [("x-amz-decoded-content-length", length), ("x-amz-trailer", "x-amz-checksum-crc32")];
        pairs.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
    };
    let decode = |length, body: &str| -> Result<(String, usize), Cow<'static, str>> {
        let chain = decoder(&signed_example().0).unwrap().chain;
        let mut decoder = Decoder::new(form, chain, &HeaderMap::from_iter(headers(length))).unwrap();
        let mut incoming = Bytes::copy_from_slice(body.as_bytes());
        let mut whole = Vec::new();
        while let Some(bytes) = decoder.next(&mut incoming).map_err(|refusal| refusal.code)? {
            whole.extend_from_slice(&bytes);
        }
        let trailers = decoder.finish().map_err(|refusal| refusal.code)?;
        Ok((String::from_utf8(whole).unwrap(), trailers.len()))
    };
    let trailer = "x-amz-checksum-crc32:NhCmhg==\r\n\r\n";
    assert_eq!(decode("5", &format!("5\r\nhello\r\n0\r\n{trailer}")), Ok(("hello".to_owned(), 1)));
    assert_eq!(decode("0", &format!("0\r\n{trailer}")), Ok((String::new(), 1)));
    for (length, body, code) in [
        ("6", format!("5\r\nhello\r\n0\r\n{trailer}"), "IncompleteBody"),
        ("4", format!("5\r\nhello\r\n0\r\n{trailer}"), "IncompleteBody"),
        ("5", "5\r\nhello\r\n".to_owned(), "IncompleteBody"),
        ("5", format!("5\r\nhello0\r\n{trailer}"), "IncompleteBody"),
        ("5", format!("x\r\nhello\r\n0\r\n{trailer}"), "IncompleteBody"),
        ("5", "5\r\nhello\r\n0\r\nx-amz-checksum-sha1:a\r\n\r\n".to_owned(), "MalformedTrailerError"),
        ("5", "5\r\nhello\r\n0\r\n\r\n".to_owned(), "MalformedTrailerError"),
        ("5", format!("2\r\nhe\r\n3\r\nllo\r\n0\r\n{trailer}"), "InvalidChunkSizeError"),
    ] {
        assert_eq!(decode(length, &body), Err(Cow::Borrowed(code)), "{body}");
    }
}
