//! Get: the bytes of an object, or a range of them (/document/product/436/7753).

use http::{Method, StatusCode, header::CONTENT_RANGE, request::Parts};

use super::{
    Address, Call, ObjectInfo, RawAnswer, answer::Reading, call::sealed::Sealed, draft::Draft,
    object_info::content_length,
};
use crate::{
    dialect::Dialect,
    error::Result,
    ident::{ETag, ObjectKey, VersionId},
    operation::Operation,
    sse::SseContext,
};

/// Asks for the bytes of an object. What is decoded is the answer's head; the bytes are a stream.
#[derive(Clone, Debug)]
pub struct Get {
    /// The object.
    pub key: ObjectKey,
    /// This version of it; the latest unless given.
    pub version_id: Option<VersionId>,
    /// Only these bytes: the first and the last one, both included, counted from 0.
    pub range: Option<(u64, u64)>,
    /// Only if the object still has this tag; else the store answers 412.
    pub if_match: Option<ETag>,
}

impl Sealed for Get {}

impl Call for Get {
    type Answer = ObjectInfo;

    fn operation(&self) -> Operation {
        Operation::Get
    }

    fn head(&self, at: &Address, sse: &SseContext) -> Result<Parts> {
        let range = self.range.map(|(first, last)| format!("bytes={first}-{last}"));
        let if_match = self.if_match.as_ref().map(|etag| format!("\"{etag}\""));
        Draft::object(Method::GET, self.operation(), at, &self.key)
            .maybe_param("versionId", self.version_id.as_ref().map(VersionId::as_str))
            .maybe_header("range", range.as_deref())?
            .maybe_header("if-match", if_match.as_deref())?
            .show_checksum()?
            .finish(sse)
    }

    /// Bytes from another place of the object than asked would be written to the wrong place, so the range must fit.
    fn decode(&self, dialect: Dialect, answer: &RawAnswer) -> Result<ObjectInfo> {
        let reading = Reading::new(dialect, self.operation(), answer);
        let partial = answer.status == StatusCode::PARTIAL_CONTENT;
        if partial && self.range.is_none() {
            return Err(reading.protocol("the answer brings a range, and none was asked for".to_owned()));
        }
        let sent = if partial {
            let sent = reading.header(&CONTENT_RANGE)?.and_then(Sent::parse);
            sent.ok_or_else(|| reading.protocol("the answer does not say which bytes it brings".to_owned()))?
        } else {
            Sent::whole(content_length(reading)?)
        };
        let asked = match self.range {
            Some((first, last)) => Sent { first, end: last.saturating_add(1).min(sent.size), size: sent.size },
            None => Sent::whole(sent.size),
        };
        if sent != asked {
            return Err(reading.protocol("the answer brings other bytes than were asked for".to_owned()));
        }
        ObjectInfo::read(dialect, reading, &answer.headers, sent.size)
    }
}

/// The bytes that an answer brings, of how many.
#[derive(Debug, PartialEq, Eq)]
struct Sent {
    first: u64,
    end: u64,
    size: u64,
}

impl Sent {
    fn whole(size: u64) -> Self {
        Self { first: 0, end: size, size }
    }

    /// Reads `bytes first-last/size`.
    fn parse(text: &str) -> Option<Self> {
        let (range, size) = text.strip_prefix("bytes ")?.trim().split_once('/')?;
        let (first, last) = range.split_once('-')?;
        let sent = Self {
            first: first.trim().parse().ok()?,
            end: last.trim().parse::<u64>().ok()?.checked_add(1)?,
            size: size.trim().parse().ok()?,
        };
        (sent.first < sent.end && sent.end <= sent.size).then_some(sent)
    }
}

#[cfg(test)]
mod tests;
