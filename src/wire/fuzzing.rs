//! The readers of answers, for the fuzz targets in `tests/fuzz`: built with `--cfg fuzzing` alone, and no part of the
//! library's contract.

use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::{
    Abort, Call, Complete, Delete, Get, Head, Initiate, ListParts, ListUploads, ObjectProperties, Payload, Put,
    RawAnswer, StoreError, UploadPart, expected, origin, refusal, unescaped,
};
use crate::{
    dialect::{COS, Dialect, S3},
    error::{Error, ErrorKind},
    ident::{ObjectKey, PartNumber, UploadId},
    operation::Operation,
    sse::{CustomerKey, SseContext},
};

/// An answer: the call and the dialect in the first byte, the status in the next two, then lines of headers, an empty
/// line and the body.
fn read(data: &[u8]) -> Option<(u8, Dialect, RawAnswer)> {
    let (&[choice, high, low], rest) = data.split_first_chunk()?;
    let dialect = if choice & 0x80 == 0 { COS } else { S3 };
    let (head, body) = match rest.windows(2).position(|pair| pair == b"\n\n") {
        Some(end) => (&rest[..end], &rest[end + 2..]),
        None => (rest, &[][..]),
    };
    let mut headers = HeaderMap::new();
    for line in head.split(|byte| *byte == b'\n').take(32) {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        headers.append(name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?);
    }
    let status = StatusCode::from_u16(u16::from_be_bytes([high, low])).unwrap_or(StatusCode::OK);
    Some((choice & 0x7F, dialect, RawAnswer { status, headers, body: Bytes::copy_from_slice(body) }))
}

/// What any answer means to the call that it is taken for.
pub fn answers(data: &[u8]) {
    let Some((choice, dialect, answer)) = read(data) else { return };
    let (Ok(key), Some(upload_id)) = (ObjectKey::new(dialect, "k"), UploadId::new("u")) else { return };
    match choice % 11 {
        0 => decode(dialect, &answer, &initiate(key)),
        1 => decode(dialect, &answer, &part(key, upload_id)),
        2 => {
            let (parts, keeps_checksum) = (Vec::new(), choice & 0x40 == 0);
            let complete = Complete { key, upload_id, parts, keeps_checksum, checksum: None, forbid_overwrite: false };
            decode(dialect, &answer, &complete);
        }
        3 => decode(dialect, &answer, &ListParts { key, upload_id, after: PartNumber::new(7) }),
        4 => decode(dialect, &answer, &ListUploads { prefix: "p".to_owned(), after: None }),
        5 => decode(dialect, &answer, &Head { key, version_id: None }),
        6 => decode(dialect, &answer, &Get { key, version_id: None, range: Some((5, 9)), if_match: None }),
        7 => decode(dialect, &answer, &Get { key, version_id: None, range: None, if_match: None }),
        8 => decode(dialect, &answer, &put(key)),
        9 => decode(dialect, &answer, &Abort { key, upload_id }),
        _ => decode(dialect, &answer, &Delete { key, version_id: None, if_match: None }),
    }
}

/// What a refusal says to the user.
pub fn refusals(data: &[u8]) {
    let Some((choice, dialect, answer)) = read(data) else { return };
    let operations = Operation::ALL;
    let operation = operations[usize::from(choice) % operations.len()];
    let customer = SseContext::customer(dialect, CustomerKey::from_bytes([7; 32]));
    sane(&refusal(dialect, operation, &customer, &answer));
    let said = StoreError::read(dialect, &answer);
    for text in [said.code, said.message, said.request_id.unwrap_or_default()] {
        assert!(text.len() <= 4096 && !text.contains(|c: char| c.is_control()), "{text:?}");
    }
    if let Ok(text) = str::from_utf8(&answer.body) {
        assert!(unescaped(text).len() <= text.len().max(16) * 4);
    }
}

fn decode<C: Call>(dialect: Dialect, answer: &RawAnswer, call: &C) {
    let operation = call.operation();
    let checks = [origin(dialect, operation, answer), expected(dialect, operation, answer)];
    let decoded = call.decode(dialect, answer).map(drop);
    for error in checks.into_iter().chain([decoded]).filter_map(Result::err) {
        assert_ne!(error.kind(), ErrorKind::Internal);
        sane(&error);
    }
    if let Err(error) =
        SseContext::customer(dialect, CustomerKey::from_bytes([7; 32])).judge(operation, &answer.headers)
    {
        assert_eq!(error.kind(), ErrorKind::Encryption);
        sane(&error);
    }
}

/// An error that is printed: not endless, and nothing in it that a terminal would obey.
fn sane(error: &Error) {
    let message = error.message();
    assert!(message.len() <= 16_384 && !message.contains(|c: char| c.is_control()), "{message:?}");
}

fn initiate(key: ObjectKey) -> Initiate {
    Initiate { key, properties: ObjectProperties::default(), checksum: None, forbid_overwrite: false }
}

fn part(key: ObjectKey, upload_id: UploadId) -> UploadPart {
    let payload = Payload::Empty;
    UploadPart {
        key,
        upload_id,
        part: PartNumber::FIRST,
        payload,
        content_md5: None,
        checksum: None,
        traffic_limit: None,
    }
}

fn put(key: ObjectKey) -> Put {
    Put {
        key,
        properties: ObjectProperties::default(),
        payload: Payload::Empty,
        content_md5: None,
        checksum: None,
        forbid_overwrite: false,
        traffic_limit: None,
    }
}
