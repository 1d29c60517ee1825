//! Replies on the wire: an answer or a refusal with headers and body, and with the faults that were asked for.

use std::{io, mem, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures::stream;
use http::{HeaderValue, Response, header};
use http_body::Frame;
use http_body_util::{BodyExt as _, Empty, Full, StreamBody};

use super::{
    answer::{Answer, Body, Content, Refusal, Told},
    dialect::{Names, Spoken},
    encryption,
    fault::{EchoFault, Effects},
    hex,
    server::Cut,
    xml,
};

/// The reply that carries an answer, as the faults let it be.
pub(super) fn of_answer(names: &Names, mut answer: Answer, effects: &mut Effects) -> Response<Body> {
    let echo = spoil_echo(names, mem::take(&mut answer.echo), effects);
    let told = spoil_checksum(&mut answer, effects);
    let mut response = Response::new(Empty::new().map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    let headers = response.headers_mut();
    if let Some(Told { header: Some(name), value, kind, .. }) = told {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
        if let Some(kind) = kind {
            headers.insert("x-amz-checksum-type", HeaderValue::from_static(kind));
        }
    }
    for (name, value) in echo {
        if let (Ok(name), Ok(value)) = (header::HeaderName::try_from(name), HeaderValue::try_from(value)) {
            headers.insert(name, value);
        }
    }
    let xml_type = HeaderValue::from_static("application/xml");
    *response.body_mut() = match answer.content {
        Content::Empty => return response,
        Content::Absent { length } => {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
            return response;
        }
        Content::Xml(text) => {
            headers.insert(header::CONTENT_TYPE, xml_type);
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(text.len()));
            let length = text.len() as u64;
            spoil_body(full(text), length, effects)
        }
        Content::SlowXml(first, text) => {
            headers.insert(header::CONTENT_TYPE, xml_type);
            for fault in ["cut_stream", "cut_body", "slow_body"] {
                effects.acts(fault);
            }
            let body = slow(first, text, effects.cut_stream || effects.cut_body);
            match effects.slow_body {
                None => body,
                Some(pause) => slowly(body, pause),
            }
        }
        Content::Stream { length, body } => {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
            let body = if effects.alter_body && length > 0 { altered(body, effects) } else { body };
            spoil_body(body, length, effects)
        }
    };
    response
}

/// The confirmation of the encryption as the faults let it be told.
fn spoil_echo(names: &Names, echo: Vec<(&'static str, String)>, effects: &mut Effects) -> Vec<(&'static str, String)> {
    let Some(fault) = effects.echo else { return echo };
    let spoilt = match fault {
        EchoFault::Drop => Vec::new(),
        EchoFault::Downgrade => encryption::downgraded(names, &echo),
        EchoFault::Alter => encryption::altered(names, &echo),
    };
    if spoilt != echo {
        effects.acts(fault.name());
    }
    spoilt
}

/// A body of this length as the faults let it be sent; of an empty one there is nothing to spoil.
fn spoil_body(body: Body, length: u64, effects: &mut Effects) -> Body {
    if length == 0 {
        return body;
    }
    effects.acts("slow_body");
    effects.acts("cut_body");
    let body = match effects.slow_body {
        None => body,
        Some(pause) => slowly(body, pause),
    };
    if effects.cut_body { cut_at(body, length / 2) } else { body }
}

/// The checksum as the faults let it be told, also within the document.
fn spoil_checksum(answer: &mut Answer, effects: &mut Effects) -> Option<Told> {
    let told = answer.told.take()?;
    if !(effects.drop_crc || effects.wrong_crc) {
        return Some(told);
    }
    effects.acts(if effects.drop_crc { "drop_crc" } else { "wrong_crc" });
    let wrong = told.wrong();
    if let (Some(element), Content::SlowXml(_, text) | Content::Xml(text)) = (told.element, &mut answer.content) {
        let written = |value: &str| format!("<{element}>{value}</{element}>");
        let instead = if effects.drop_crc { String::new() } else { written(&wrong) };
        *text = text.replacen(&written(&told.value), &instead, 1);
    }
    (!effects.drop_crc).then_some(Told { value: wrong, ..told })
}

/// The reply that carries a refusal.
pub(super) fn of_refusal(
    dialect: Spoken,
    refusal: &Refusal,
    resource: &str,
    request_id: &str,
    is_head: bool,
) -> Response<Body> {
    let trace_id = trace_id();
    let body = if is_head { String::new() } else { xml::error(dialect, refusal, resource, request_id, &trace_id) };
    let mut response = Response::new(full(body));
    *response.status_mut() = refusal.status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    if let Ok(trace_id) = HeaderValue::try_from(trace_id) {
        headers.insert(dialect.names().trace_id.0, trace_id);
    }
    response
}

/// A second name for a request.
pub(super) fn trace_id() -> String {
    STANDARD.encode(hex::encode(&hex::random::<30>().unwrap_or_default()))
}

fn full(text: String) -> Body {
    Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed_unsync()
}

/// White space first, then the document; without a length, so it goes out in chunks.
fn slow(first: &'static str, text: String, cut: bool) -> Body {
    let frames = stream::unfold(0, move |step| {
        let last = if cut { Err(io::Error::other(Cut)) } else { Ok(Frame::data(Bytes::from(text.clone()))) };
        async move {
            // What was said so far is to leave first.
            tokio::task::yield_now().await;
            match step {
                0 if !first.is_empty() => Some((Ok(Frame::data(Bytes::from_static(first.as_bytes()))), 1)),
                0..3 => Some((Ok(Frame::data(Bytes::from_static(b" "))), step + 1)),
                3 => Some((last, 4)),
                _ => None,
            }
        }
    });
    StreamBody::new(frames).boxed_unsync()
}

/// A body with a pause before each piece.
fn slowly(body: Body, pause: Duration) -> Body {
    let frames = stream::unfold(body, move |mut body| async move {
        tokio::time::sleep(pause).await;
        Some((body.frame().await?, body))
    });
    StreamBody::new(frames).boxed_unsync()
}

/// A body whose first bit is turned over.
fn altered(body: Body, effects: &mut Effects) -> Body {
    effects.acts("alter_body");
    let mut intact = true;
    let frames = body.map_frame(move |frame| {
        frame.map_data(|bytes| {
            if !intact || bytes.is_empty() {
                return bytes;
            }
            intact = false;
            let mut bytes = Vec::from(bytes);
            bytes[0] ^= 0x80;
            Bytes::from(bytes)
        })
    });
    frames.boxed_unsync()
}

/// The first `most` bytes of a body, and then a break.
fn cut_at(body: Body, most: u64) -> Body {
    let frames = stream::unfold((body, most), |(mut body, left)| async move {
        if left == 0 {
            tokio::task::yield_now().await;
            return Some((Err(io::Error::other(Cut)), (body, 0)));
        }
        let mut bytes = body.frame().await?.ok()?.into_data().ok()?;
        bytes.truncate(usize::try_from(left).unwrap_or(usize::MAX));
        let left = left - bytes.len() as u64;
        Some((Ok(Frame::data(bytes)), (body, left)))
    });
    StreamBody::new(frames).boxed_unsync()
}
