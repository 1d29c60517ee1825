//! The `aws-chunked` framing of a streamed body: lengths, lines between the chunks, and their signatures. No I/O.
//!
//! Facts: docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html and sigv4-streaming-trailers.html. Over plain
//! HTTP each chunk is signed, in a chain that starts at the head's own signature, so that nobody on the way can change
//! a byte. Over TLS nothing is signed again; the framing is there for the checksum that follows the body.

use std::{
    fmt::{self, Write as _},
    mem,
};

use bytes::Bytes;

use super::v4::{Scope, SigningKey, sha256};

/// The SHA-256 of nothing, which stands where a chunk could have headers of its own.
const OF_NOTHING: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

const SIGNATURE: &str = ";chunk-signature=";
const TRAILER_SIGNATURE: &str = "x-amz-trailer-signature:";
const LINE_END: &str = "\r\n";

/// A SHA-256 in hex.
const HEX: u64 = 64;

/// What a framing adds to a body, before the head is signed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shape {
    signed: bool,
    trailer: Option<Trailer>,
}

/// A checksum that follows the body.
#[derive(Clone, Copy, Debug)]
struct Trailer {
    /// The header that it would be.
    name: &'static str,
    /// How long its value is.
    len: u64,
}

impl Shape {
    /// The shape of a body whose chunks are signed or not, with the checksum of this header name at its end.
    ///
    /// # Errors
    /// The name whose values have no known length: the body's own could not be told.
    pub(super) fn new(signed: bool, trailer: Option<&'static str>) -> Result<Self, &'static str> {
        let trailer = match trailer {
            Some(name) => Some(Trailer { name, len: checksum_len(name).ok_or(name)? }),
            None => None,
        };
        Ok(Self { signed, trailer })
    }

    /// How many bytes a body of `len` bytes has in this shape.
    pub(super) fn encoded_len(self, len: u64) -> u64 {
        let full = len / Framing::CHUNK;
        let rest = len % Framing::CHUNK;
        let mut total = len + full * self.around(Framing::CHUNK);
        if rest > 0 {
            total += self.around(rest);
        }
        total + self.around(0) + self.trailer.map_or(0, |trailer| self.trailer_len(trailer))
    }

    /// The bytes around a chunk of so many.
    fn around(self, chunk: u64) -> u64 {
        let size = u64::from(chunk.checked_ilog2().unwrap_or(0) / 4 + 1);
        let signature = if self.signed { text_len(SIGNATURE) + HEX } else { 0 };
        size + signature + 2 * text_len(LINE_END)
    }

    fn trailer_len(self, trailer: Trailer) -> u64 {
        let line = text_len(trailer.name) + 1 + trailer.len + text_len(LINE_END);
        line + if self.signed { text_len(TRAILER_SIGNATURE) + HEX + text_len(LINE_END) } else { 0 }
    }
}

/// How long the base64 text of a checksum is
/// (docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity.html).
fn checksum_len(name: &str) -> Option<u64> {
    let bytes = match name {
        "x-amz-checksum-crc32" | "x-amz-checksum-crc32c" => 4u64,
        "x-amz-checksum-crc64nvme" => 8,
        "x-amz-checksum-sha1" => 20,
        "x-amz-checksum-sha256" => 32,
        _ => return None,
    };
    Some(bytes.div_ceil(3) * 4)
}

const fn text_len(text: &str) -> u64 {
    text.len() as u64
}

/// Writes what stands between the chunks of one body, in their order.
///
/// A body is [`Self::chunk_head`], the chunk's bytes unchanged, `chunk_head`, bytes and so on, then [`Self::end`], and
/// nothing else: the line end after a chunk is the beginning of the next head, or of the end. So no chunk is copied,
/// and no line end is a write of its own. A retry needs a framing of its own, with the seal of its head.
pub(crate) struct Framing {
    shape: Shape,
    signer: Option<Signer>,
    /// Whether a chunk went before, whose line is still open.
    open: bool,
}

struct Signer {
    key: SigningKey,
    scope: Scope,
    /// The signature before this one, at first the head's own.
    previous: String,
}

impl Signer {
    /// Signs what comes next in the chain.
    fn sign(&mut self, kind: &str, digests: &[&str]) -> &str {
        let mut chain = vec![self.previous.as_str()];
        chain.extend(digests);
        self.previous = self.key.sign(&self.scope.string_to_sign(kind, &chain));
        &self.previous
    }
}

impl Framing {
    /// The size of every chunk but the last, which may be smaller. S3 asks for 8 KiB or more, and recommends 64.
    pub(crate) const CHUNK: u64 = 128 << 10;

    /// The framing of a body in this shape, after a head that this key signed so, in this scope.
    pub(super) fn new(shape: Shape, key: SigningKey, scope: Scope, seed: String) -> Self {
        let signer = shape.signed.then(|| Signer { key, scope, previous: seed });
        Self { shape, signer, open: false }
    }

    /// How many bytes a body of `len` bytes has with all that is written around it, if it is cut by [`Self::CHUNK`].
    pub(crate) fn encoded_len(&self, len: u64) -> u64 {
        self.shape.encoded_len(len)
    }

    /// The header name of the checksum that [`Self::end`] waits for.
    pub(crate) fn trailer(&self) -> Option<&'static str> {
        self.shape.trailer.map(|trailer| trailer.name)
    }

    /// What goes before the bytes of a chunk, which must not be empty: an empty chunk ends a body.
    ///
    /// `SIZE[;chunk-signature=…]` and a line end, after the line end of the chunk before it if there was one.
    pub(crate) fn chunk_head(&mut self, chunk: &[u8]) -> Bytes {
        debug_assert!(!chunk.is_empty() && chunk.len() as u64 <= Self::CHUNK, "a chunk has {} bytes", chunk.len());
        let out = self.size_line(chunk);
        self.open = true;
        out.into()
    }

    /// What goes after the last chunk: its line end, an empty chunk, the trailer with the checksum's base64 text,
    /// and the trailer's signature where chunks are signed.
    pub(crate) fn end(&mut self, checksum: Option<&str>) -> Bytes {
        debug_assert_eq!(
            self.shape.trailer.map(|trailer| trailer.len),
            checksum.map(text_len),
            "the trailer is not the one that was announced"
        );
        let mut out = self.size_line(&[]);
        if let (Some(trailer), Some(checksum)) = (self.shape.trailer, checksum) {
            let line = format!("{}:{checksum}", trailer.name);
            out.push_str(&line);
            out.push_str(LINE_END);
            if let Some(signer) = &mut self.signer {
                // On the wire a line ends with two characters, in the signed text with one.
                let digest = sha256(format!("{line}\n").as_bytes());
                out.push_str(TRAILER_SIGNATURE);
                out.push_str(signer.sign("AWS4-HMAC-SHA256-TRAILER", &[&digest]));
                out.push_str(LINE_END);
            }
        }
        out.push_str(LINE_END);
        out.into()
    }

    fn size_line(&mut self, chunk: &[u8]) -> String {
        let mut out = String::with_capacity(256);
        if mem::take(&mut self.open) {
            out.push_str(LINE_END);
        }
        write!(out, "{:x}", chunk.len()).expect("a String can always be written to");
        if let Some(signer) = &mut self.signer {
            let digest = sha256(chunk);
            out.push_str(SIGNATURE);
            out.push_str(signer.sign("AWS4-HMAC-SHA256-PAYLOAD", &[OF_NOTHING, &digest]));
        }
        out.push_str(LINE_END);
        out
    }
}

impl fmt::Debug for Framing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Framing").field("shape", &self.shape).field("open", &self.open).finish_non_exhaustive()
    }
}
