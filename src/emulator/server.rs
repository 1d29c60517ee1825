//! Connections: accepted, read, answered.

use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures::{future, stream};
use http::{HeaderValue, Request as HttpRequest, Response, header};
use http_body::Frame;
use http_body_util::{BodyExt as _, Empty, Full, StreamBody};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::mpsc,
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

use super::{
    answer::{Answer, Body, Content, Refusal},
    dates, encryption,
    fault::{EchoFault, Effects, Faults},
    hex,
    operations::{self, Core, Upstream},
    request::Call,
    transcript::{self, Request, Transcript},
    xml,
};

/// What all connections share.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) core: Arc<Core>,
    pub(super) faults: Faults,
    pub(super) transcript: Transcript,
    /// Work that goes on after its connection.
    pub(super) lingering: Mutex<JoinSet<()>>,
}

/// Serves until it is dropped; then all connections are closed.
pub(super) async fn serve(server: Arc<Server>, listener: TcpListener, tls: Option<TlsAcceptor>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connect(Arc::clone(&server), stream, tls.clone()));
                }
                // Out of file descriptors or the like: let connections end first.
                Err(_) => tokio::time::sleep(Duration::from_millis(20)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connect(server: Arc<Server>, stream: TcpStream, tls: Option<TlsAcceptor>) {
    // Answers are small and awaited.
    let _ = stream.set_nodelay(true);
    match tls {
        None => converse(server, stream, false).await,
        Some(acceptor) => {
            let handshake = tokio::time::timeout(Duration::from_secs(30), acceptor.accept(stream));
            if let Ok(Ok(stream)) = handshake.await {
                converse(server, stream, true).await;
            }
        }
    }
}

/// Speaks HTTP on one connection.
async fn converse<S: AsyncRead + AsyncWrite + Unpin>(server: Arc<Server>, stream: S, tls: bool) {
    let (unread, bodies) = mpsc::channel(1);
    let service = service_fn(move |request| {
        let (server, unread) = (Arc::clone(&server), unread.clone());
        async move { respond(&server, request, tls, unread).await }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_mins(1))
        .max_headers(200)
        .serve_connection(TokioIo::new(stream), service);
    // How a connection ended is the client's affair.
    let _ = future::join(connection, drain(bodies)).await;
}

/// Reads on what clients still send after they were refused, so that the refusal is not lost in a reset: a socket that is
/// closed with unread bytes throws away what it sent. Up to a limit, after which the connection ends.
async fn drain(mut bodies: mpsc::Receiver<Incoming>) {
    while let Some(mut body) = bodies.recv().await {
        let all = async {
            let mut drained = 0;
            while let Some(Ok(frame)) = body.frame().await {
                drained += frame.data_ref().map_or(0, Bytes::len);
                if drained > 256 << 20 {
                    break;
                }
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(10), all).await;
    }
}

/// The connection is to be closed without an answer.
#[derive(Debug, thiserror::Error)]
#[error("the connection is closed on purpose")]
struct Cut;

async fn respond(
    server: &Arc<Server>,
    request: HttpRequest<Incoming>,
    tls: bool,
    unread: mpsc::Sender<Incoming>,
) -> Result<Response<Body>, Cut> {
    let (head, incoming) = request.into_parts();
    let received = Arc::new(AtomicU64::new(0));
    let mut upstream = Upstream { incoming: Some(incoming), kept: None, received: Arc::clone(&received) };
    let is_head = head.method == http::Method::HEAD;
    let resource = head.uri.path().to_owned();
    let mut entry = Entry::begin(server, &head.headers, received);
    let mut effects = Effects::default();

    let expects_continue = head.headers.contains_key(header::EXPECT);
    let outcome = match Call::read(head, &server.core.options, tls) {
        Err(refusal) => Err(refusal),
        Ok(call) => {
            entry.name(&call);
            effects = server.faults.strike(call.operation.name(), &call.key, call.part);
            entry.request.fault = effects.name();
            tokio::time::sleep(effects.delay).await;
            if effects.reset {
                return Err(Cut);
            }
            if let Some(most) = effects.cut_request {
                upstream.receive_only(most).await;
                return Err(Cut);
            }
            if let Some(pause) = effects.linger {
                if upstream.keep().await.is_ok() {
                    linger(server, call, upstream, pause);
                }
                return Err(Cut);
            }
            let outcome = run(server, &call, &mut upstream, &effects, &mut entry.request).await;
            tokio::time::sleep(effects.answer_late).await;
            outcome
        }
    };
    if let Some(incoming) = upstream.incoming.take()
        && !http_body::Body::is_end_stream(&incoming)
        && !expects_continue
    {
        // Full only if the client pipelines; then the connection simply ends.
        let _ = unread.try_send(incoming);
    }
    if effects.lose_answer {
        return Err(Cut);
    }
    let request_id = STANDARD.encode(hex::encode(&hex::random::<15>().unwrap_or_default()));
    let response = match outcome {
        Ok(answer) => answer_of(answer, &effects),
        Err(refusal) => {
            entry.request.code = Some(refusal.code.clone().into_owned());
            refusal_of(&refusal, &resource, &request_id, is_head)
        }
    };
    let mut response = response;
    let date = dates::http(server.core.options.clock.unix_seconds());
    for (name, value) in [("x-cos-request-id", request_id), ("date", date), ("server", "tencent-cos".to_owned())] {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(name, value);
        }
    }
    entry.end(response.status().as_u16());
    Ok(response)
}

async fn run(
    server: &Arc<Server>,
    call: &Call,
    upstream: &mut Upstream,
    effects: &Effects,
    request: &mut Request,
) -> Result<Answer, Refusal> {
    if let Some((status, code)) = &effects.answer {
        return Err(Refusal::new(*status, code.clone(), "a fault that was asked for"));
    }
    let admitted = operations::admit(&server.core, call)?;
    request.surplus = admitted.surplus;
    if let Some(code) = &effects.error_in_200 {
        request.code = Some(code.clone());
        let refusal = Refusal::new(500, code.clone(), "a fault that was asked for");
        let document = xml::error(&refusal, &call.path, "in-the-head", "none");
        return Ok(Answer::slow_xml(document, &server.core.options.guesses));
    }
    operations::carry_out(&server.core, call, upstream).await
}

/// Does the work of a call later; nobody hears how it ended.
fn linger(server: &Server, call: Call, mut upstream: Upstream, pause: Duration) {
    let core = Arc::clone(&server.core);
    let work = async move {
        tokio::time::sleep(pause).await;
        if operations::admit(&core, &call).is_ok() {
            let _ = operations::carry_out(&core, &call, &mut upstream).await;
        }
    };
    let mut lingering = server.lingering.lock().unwrap_or_else(PoisonError::into_inner);
    while lingering.try_join_next().is_some() {}
    lingering.spawn(work);
}

/// A transcript's entry in the making. It is written even if the client goes away in between.
struct Entry<'a> {
    server: &'a Server,
    received: Arc<AtomicU64>,
    request: Request,
}

impl<'a> Entry<'a> {
    fn begin(server: &'a Server, headers: &http::HeaderMap, received: Arc<AtomicU64>) -> Self {
        let request = Request {
            operation: "Unknown".to_owned(),
            bucket: String::new(),
            key: String::new(),
            part: None,
            status: 0,
            code: None,
            received: 0,
            headers: transcript::mask(headers),
            surplus: Vec::new(),
            fault: None,
        };
        Self { server, received, request }
    }

    fn name(&mut self, call: &Call) {
        call.operation.name().clone_into(&mut self.request.operation);
        self.request.bucket.clone_from(&call.bucket);
        self.request.key.clone_from(&call.key);
        self.request.part = call.part;
    }

    /// The answer is ready; before it leaves, the entry is there.
    fn end(mut self, status: u16) {
        self.request.status = status;
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        self.request.received = self.received.load(Ordering::Relaxed);
        self.server.transcript.add(self.request.clone());
    }
}

fn answer_of(answer: Answer, effects: &Effects) -> Response<Body> {
    let echo = match effects.echo {
        None => answer.echo,
        Some(EchoFault::Drop) => Vec::new(),
        Some(EchoFault::Downgrade) => encryption::downgraded(&answer.echo),
        Some(EchoFault::Alter) => encryption::altered(&answer.echo),
    };
    let crc64 =
        answer.crc64.filter(|_| !effects.drop_crc).map(|crc64| if effects.wrong_crc { crc64 ^ 1 } else { crc64 });
    let mut response = Response::new(Empty::new().map_err(|never| match never {}).boxed_unsync());
    *response.status_mut() = answer.status;
    *response.headers_mut() = answer.headers;
    let headers = response.headers_mut();
    if let Some(crc64) = crc64 {
        headers.insert("x-cos-hash-crc64ecma", HeaderValue::from(crc64));
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
            full(text)
        }
        Content::SlowXml(text) => {
            headers.insert(header::CONTENT_TYPE, xml_type);
            slow(text, effects.cut_stream)
        }
        Content::Stream { length, body } => {
            headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
            let body = match effects.slow_body {
                None => body,
                Some(pause) => slowly(body, pause),
            };
            if effects.cut_body { cut_at(body, length / 2) } else { body }
        }
    };
    response
}

fn refusal_of(refusal: &Refusal, resource: &str, request_id: &str, is_head: bool) -> Response<Body> {
    let trace_id = STANDARD.encode(hex::encode(&hex::random::<30>().unwrap_or_default()));
    let body = if is_head { String::new() } else { xml::error(refusal, resource, request_id, &trace_id) };
    let mut response = Response::new(full(body));
    *response.status_mut() = refusal.status;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/xml"));
    if let Ok(trace_id) = HeaderValue::try_from(trace_id) {
        headers.insert("x-cos-trace-id", trace_id);
    }
    response
}

fn full(text: String) -> Body {
    Full::new(Bytes::from(text)).map_err(|never| match never {}).boxed_unsync()
}

/// White space first, then the document; without a length, so it goes out in chunks.
fn slow(text: String, cut: bool) -> Body {
    let frames = stream::unfold(0, move |step| {
        let last = if cut { Err(io::Error::other(Cut)) } else { Ok(Frame::data(Bytes::from(text.clone()))) };
        async move {
            // What was said so far is to leave first.
            tokio::task::yield_now().await;
            match step {
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
