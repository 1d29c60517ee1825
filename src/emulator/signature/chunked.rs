//! Bodies in chunks, signed one by one or not, with or without a trailer
//! (docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html, sigv4-streaming-trailers.html).

use std::{mem, str};

use bytes::{Buf as _, Bytes};
use http::HeaderMap;

use super::v4::SigningKey;
use crate::{
    emulator::{answer::Refusal, hex, number, sha::Sha},
    secret::Secret,
};

/// What a streamed body is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Form {
    signed: bool,
    trailer: bool,
}

impl Form {
    /// The form that a value of `x-amz-content-sha256` names.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD" => Some(Self { signed: true, trailer: false }),
            "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER" => Some(Self { signed: true, trailer: true }),
            "STREAMING-UNSIGNED-PAYLOAD-TRAILER" => Some(Self { signed: false, trailer: true }),
            _ => None,
        }
    }
}

/// What each signature of a body is made with; it contains the one before.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) key: SigningKey,
    pub(super) time: String,
    pub(super) scope: String,
    pub(super) previous: String,
}

impl Chain {
    /// Whether this is the next signature, which then is the previous one.
    fn check(&mut self, kind: &str, content: &str, signature: &str) -> Result<(), Refusal> {
        let text = format!("AWS4-HMAC-SHA256-{kind}\n{}\n{}\n{}\n{content}", self.time, self.scope, self.previous);
        let expected = self.key.sign(text.as_bytes());
        if !Secret::new(expected.as_str()).matches(&Secret::new(signature)) {
            return Err(Refusal::new(403, "SignatureDoesNotMatch", "a chunk of the body has another signature"));
        }
        self.previous = expected;
        Ok(())
    }
}

/// Takes the chunks apart and gives the bytes within.
#[derive(Debug)]
pub(in crate::emulator) struct Decoder {
    form: Form,
    chain: Chain,
    state: State,
    /// The line being read.
    line: Vec<u8>,
    /// Of the chunk being read.
    digest: Option<Sha>,
    signature: String,
    /// A chunk under [`LEAST_CHUNK`] was seen; none may follow.
    short: bool,
    decoded: u64,
    length: u64,
    declared: Vec<String>,
    trailers: Vec<(String, String)>,
}

#[derive(Debug)]
enum State {
    /// The line before a chunk.
    Size,
    Data {
        left: u64,
    },
    /// The line break after a chunk; after the last one it ends the body.
    Break {
        last: bool,
    },
    Trailer {
        signed: bool,
    },
    Done,
}

/// Only the last chunk may be smaller.
const LEAST_CHUNK: u64 = 8192;
const LONGEST_LINE: usize = 8192;
const EMPTY_SHA256: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

impl Decoder {
    pub(super) fn new(form: Form, chain: Chain, headers: &HeaderMap) -> Result<Self, Refusal> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let length = text("x-amz-decoded-content-length")
            .and_then(|length| number::read(length.trim()))
            .ok_or_else(|| Refusal::new(411, "MissingContentLength", "x-amz-decoded-content-length is missing"))?;
        let declared: Vec<String> = text("x-amz-trailer")
            .unwrap_or_default()
            .split(',')
            .map(|name| name.trim().to_ascii_lowercase())
            .filter(|name| !name.is_empty())
            .collect();
        if form.trailer == declared.is_empty() {
            let message = "x-amz-trailer and a trailer in x-amz-content-sha256 belong together";
            return Err(Refusal::new(400, "InvalidRequest", message));
        }
        Ok(Self {
            form,
            chain,
            state: State::Size,
            line: Vec::new(),
            digest: None,
            signature: String::new(),
            short: false,
            decoded: 0,
            length,
            declared,
            trailers: Vec::new(),
        })
    }

    /// How many bytes there are within.
    pub(in crate::emulator) fn length(&self) -> u64 {
        self.length
    }

    /// The next bytes within; `None` once all that has come in is used up.
    pub(in crate::emulator) fn next(&mut self, incoming: &mut Bytes) -> Result<Option<Bytes>, Refusal> {
        while incoming.has_remaining() {
            if let State::Data { left } = &mut self.state {
                let data = incoming.split_to(usize::try_from(*left).unwrap_or(usize::MAX).min(incoming.len()));
                *left -= data.len() as u64;
                if *left == 0 {
                    self.state = State::Break { last: false };
                }
                if let Some(digest) = &mut self.digest {
                    digest.update(&data);
                }
                self.decoded += data.len() as u64;
                return Ok(Some(data));
            }
            if matches!(self.state, State::Done) {
                return Err(malformed("there is more after the last chunk"));
            }
            let end = incoming.iter().position(|&byte| byte == b'\n');
            self.line.extend_from_slice(&incoming.split_to(end.map_or(incoming.len(), |end| end + 1)));
            if self.line.len() > LONGEST_LINE {
                return Err(malformed("a line between chunks is too long"));
            }
            if end.is_some() {
                let line = mem::take(&mut self.line);
                let line = str::from_utf8(&line).map_err(|_| malformed("a line between chunks is not text"))?;
                self.take(line.strip_suffix('\n').unwrap_or(line).trim_end_matches('\r'))?;
            }
        }
        Ok(None)
    }

    /// What the trailer says, if everything has come.
    pub(in crate::emulator) fn finish(&mut self) -> Result<Vec<(String, String)>, Refusal> {
        if let State::Trailer { .. } = self.state
            && self.line.is_empty()
        {
            // The samples end with the last line of the trailer; official clients add an empty one.
            self.end_trailer()?;
        }
        if !matches!(self.state, State::Done) || self.decoded != self.length {
            let message = "the body does not have the length that x-amz-decoded-content-length tells";
            return Err(Refusal::new(400, "IncompleteBody", message));
        }
        Ok(mem::take(&mut self.trailers))
    }

    /// One line between the chunks.
    fn take(&mut self, line: &str) -> Result<(), Refusal> {
        match self.state {
            State::Size => self.begin_chunk(line),
            State::Break { last } if line.is_empty() => {
                if !last {
                    self.end_chunk()?;
                }
                self.state = if last { State::Done } else { State::Size };
                Ok(())
            }
            State::Break { .. } => Err(malformed("a chunk is longer than it says")),
            // Some clients put an empty line before the trailer too.
            State::Trailer { .. } if line.is_empty() && self.trailers.is_empty() => Ok(()),
            State::Trailer { .. } if line.is_empty() => self.end_trailer(),
            State::Trailer { .. } => self.take_trailer(line),
            State::Data { .. } | State::Done => Ok(()),
        }
    }

    /// `10000;chunk-signature=…`
    fn begin_chunk(&mut self, line: &str) -> Result<(), Refusal> {
        let (size, extension) = line.split_once(';').unwrap_or((line, ""));
        let digits = size.bytes().all(|byte| byte.is_ascii_hexdigit());
        let size = u64::from_str_radix(if digits { size } else { "" }, 16)
            .map_err(|_| malformed("the size of a chunk is not hexadecimal"))?;
        if size > self.length - self.decoded {
            return Err(Refusal::new(400, "IncompleteBody", "the body is longer than x-amz-decoded-content-length"));
        }
        if size > 0 && self.short {
            let message = "Only the last chunk is allowed to have a size less than 8192 bytes";
            return Err(Refusal::new(403, "InvalidChunkSizeError", message));
        }
        self.short = size < LEAST_CHUNK;
        if self.form.signed {
            let signature = extension.strip_prefix("chunk-signature=");
            signature.ok_or_else(|| malformed("a chunk is not signed"))?.clone_into(&mut self.signature);
            self.digest = Some(Sha::sha256());
        }
        self.state = State::Data { left: size };
        if size == 0 {
            self.end_chunk()?;
            self.state = if self.form.trailer { State::Trailer { signed: false } } else { State::Break { last: true } };
        }
        Ok(())
    }

    fn end_chunk(&mut self) -> Result<(), Refusal> {
        let Some(digest) = self.digest.take() else { return Ok(()) };
        let content = format!("{EMPTY_SHA256}\n{}", hex::encode(&digest.finish()));
        self.chain.check("PAYLOAD", &content, &self.signature)
    }

    fn take_trailer(&mut self, line: &str) -> Result<(), Refusal> {
        let (name, value) = line.split_once(':').ok_or_else(|| bad_trailer("a line of the trailer has no colon"))?;
        let blank = [' ', '\t'];
        let (name, value) = (name.trim_matches(blank).to_ascii_lowercase(), value.trim_matches(blank).to_owned());
        if matches!(self.state, State::Trailer { signed: true }) {
            return Err(bad_trailer("a line follows the signature of the trailer"));
        }
        if name != "x-amz-trailer-signature" {
            // Refused as it comes, for a trailer can be longer than any memory.
            if !self.declared.contains(&name) || self.trailers.iter().any(|(given, _)| *given == name) {
                return Err(bad_trailer("the trailer is not what x-amz-trailer says"));
            }
            self.trailers.push((name, value));
            return Ok(());
        }
        if self.form.signed {
            let mut digest = Sha::sha256();
            for (name, value) in &self.trailers {
                digest.update(format!("{name}:{value}\n").as_bytes());
            }
            self.chain.check("TRAILER", &hex::encode(&digest.finish()), &value)?;
            self.state = State::Trailer { signed: true };
        }
        Ok(())
    }

    fn end_trailer(&mut self) -> Result<(), Refusal> {
        if self.form.signed && !matches!(self.state, State::Trailer { signed: true }) {
            return Err(bad_trailer("the trailer is not signed"));
        }
        if self.trailers.len() != self.declared.len() {
            return Err(bad_trailer("the trailer is not what x-amz-trailer says"));
        }
        self.state = State::Done;
        Ok(())
    }
}

fn malformed(message: &'static str) -> Refusal {
    Refusal::new(400, "IncompleteBody", message)
}

fn bad_trailer(message: &'static str) -> Refusal {
    Refusal::new(400, "MalformedTrailerError", message)
}

#[cfg(test)]
mod tests;
