//! Connections: accepted, read, answered.

use std::{
    sync::{Arc, Mutex, PoisonError, atomic::AtomicU64},
    time::Duration,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use bytes::Bytes;
use futures::future;
use http::{HeaderValue, Request as HttpRequest, Response, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, mpsc},
    task::JoinSet,
};
use tokio_rustls::TlsAcceptor;

use super::{
    answer::{Answer, Body, Refusal},
    dates,
    entry::Entry,
    fault::{CONNECTION, Effects, Faults},
    hex,
    line::{Line, Ordered, Resets},
    operations::{self, Core, Upstream},
    reply,
    request::Call,
    transcript::{Request, Transcript},
    xml,
};

/// What all connections share.
#[derive(Debug)]
pub(super) struct Server {
    pub(super) core: Arc<Core>,
    pub(super) faults: Faults,
    pub(super) transcript: Transcript,
    /// Of all answers.
    pub(super) spelling: http::Extensions,
    pub(super) lingering: Lingering,
}

/// Work that goes on after its connection.
#[derive(Debug)]
pub(super) struct Lingering {
    work: Mutex<JoinSet<()>>,
    /// For the bodies, which are in memory; what has no room is not done.
    room: Arc<Semaphore>,
}

impl Default for Lingering {
    fn default() -> Self {
        Self { work: Mutex::default(), room: Arc::new(Semaphore::new(20 << 20)) }
    }
}

/// Serves until it is dropped; then all connections are closed.
pub(super) async fn serve(server: Arc<Server>, listener: TcpListener, tls: Option<TlsAcceptor>) {
    let mut connections = JoinSet::new();
    loop {
        let room = connections.len() < server.core.options.limits.max_connections.max(1);
        tokio::select! {
            // Beyond that they wait with the system.
            accepted = listener.accept(), if room => match accepted {
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
    let mut effects = server.faults.strike(CONNECTION, "", None);
    for fault in ["delay", "reset", "limit_rate"] {
        effects.acts(fault);
    }
    // Of a connection that goes on, the entry of the request that ends it tells.
    effects.ends_connection(effects.hard && effects.reset);
    if effects.name().is_some() {
        drop(Entry::of_connection(&server, effects.clone()));
    }
    tokio::time::sleep(effects.delay).await;
    if effects.reset {
        if effects.hard {
            stream.reset_at_end();
        }
        return;
    }
    // It holds for whatever comes, so the rule is at work.
    effects.acts("hard");
    server.faults.came_of(&effects);
    let line = Arc::new(Line::new(effects.limit_rate.unwrap_or(0), effects.hard));
    match tls {
        None => converse(server, stream, line, false).await,
        Some(acceptor) => {
            let handshake = tokio::time::timeout(Duration::from_secs(30), acceptor.accept(stream));
            if let Ok(Ok(stream)) = handshake.await {
                converse(server, stream, line, true).await;
            }
        }
    }
}

/// Speaks HTTP on one connection.
async fn converse<S>(server: Arc<Server>, stream: S, line: Arc<Line>, tls: bool)
where
    S: AsyncRead + AsyncWrite + Resets + Unpin,
{
    let (unread, bodies) = mpsc::channel(1);
    let patience = Duration::from_secs(server.core.options.limits.body_timeout);
    let stream = Ordered::new(stream, Arc::clone(&line), patience);
    let service = service_fn(move |request| {
        let (server, line, unread) = (Arc::clone(&server), Arc::clone(&line), unread.clone());
        async move { respond(&server, request, (&line, tls), unread).await }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_mins(1))
        .max_headers(200)
        // What is read ahead for each connection: as much as is worked on at once is plenty.
        .max_buf_size(256 << 10)
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
pub(super) struct Cut;

/// Notes which fault ends a connection, and how.
fn cut(effects: &mut Effects, line: &Line, fault: &'static str) -> Cut {
    effects.acts(fault);
    effects.ends_connection(line.is_hard());
    Cut
}

async fn respond(
    server: &Arc<Server>,
    request: HttpRequest<Incoming>,
    (line, tls): (&Arc<Line>, bool),
    unread: mpsc::Sender<Incoming>,
) -> Result<Response<Body>, Cut> {
    let (head, incoming) = request.into_parts();
    let received = Arc::new(AtomicU64::new(0));
    let options = &server.core.options;
    let patience = Duration::from_secs(options.limits.body_timeout);
    let mut upstream = Upstream::new(incoming, Arc::clone(&received), patience);
    let dialect = options.dialect;
    let names = dialect.names();
    let is_head = head.method == http::Method::HEAD;
    let resource = head.uri.path().to_owned();
    let request_id = STANDARD.encode(hex::encode(&hex::random::<15>().unwrap_or_default()));
    let mut entry = Entry::begin(server, &head, &request_id, received);

    let expects_continue = head.headers.contains_key(header::EXPECT);
    let outcome = match Call::read(head, &server.core.options, tls) {
        Err(refusal) => Err(refusal),
        Ok(call) => attend(server, call, line, &mut upstream, &mut entry).await?,
    };
    // A client that waits for a 100 and never gets one may send the body or not: nobody knows where the next request
    // begins, so the connection ends, and the answer says so (RFC 9110, 10.1.1).
    let mut ends = false;
    if let Some(incoming) = upstream.incoming.take()
        && !http_body::Body::is_end_stream(&incoming)
    {
        if expects_continue && !upstream.asked {
            ends = true;
        } else {
            // Full only if the client pipelines; then the connection simply ends.
            let _ = unread.try_send(incoming);
        }
    }
    let effects = &mut entry.effects;
    if effects.lose_answer {
        return Err(cut(effects, line, "lose_answer"));
    }
    let noted = effects.noted();
    let response = match outcome {
        Ok(answer) => reply::of_answer(names, answer, effects),
        Err(refusal) => {
            entry.request.code = Some(refusal.code.clone().into_owned());
            reply::of_refusal(dialect, &refusal, &resource, &request_id, is_head)
        }
    };
    let mut response = response;
    *response.extensions_mut() = server.spelling.clone();
    let date = dates::http(server.core.options.clock.unix_seconds());
    if ends {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    let mut everywhere = vec![(names.request_id, request_id), ("date", date), ("server", names.server.to_owned())];
    if dialect.rules().traces_all && !response.headers().contains_key(names.trace_id.0) {
        everywhere.push((names.trace_id.0, reply::trace_id()));
    }
    if response.status() == StatusCode::SERVICE_UNAVAILABLE {
        everywhere.extend(options.guesses.retry_after.map(|seconds| ("retry-after", seconds.to_string())));
    }
    for (name, value) in everywhere {
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(name, value);
        }
    }
    if effects.cut_head {
        // Within the status line; what does not arrive was not answered, and not spoilt either.
        line.cut_after(20);
        effects.forget_since(noted);
        cut(effects, line, "cut_head");
        return Ok(response);
    }
    let close_after = effects.close_after;
    effects.acts("close_after");
    effects.ends_connection(line.is_hard() && (ends || effects.breaks_off()));
    entry.end(response.status().as_u16());
    if close_after {
        let answered = line.end_after();
        return Ok(response.map(|body| {
            let kept = move |frame| {
                let _ = &answered;
                frame
            };
            body.map_frame(kept).boxed_unsync()
        }));
    }
    Ok(response)
}

/// Carries a call out with the faults that are to strike it.
async fn attend(
    server: &Arc<Server>,
    call: Call,
    line: &Line,
    upstream: &mut Upstream,
    entry: &mut Entry<'_>,
) -> Result<Result<Answer, Refusal>, Cut> {
    entry.name(&call);
    entry.effects = server.faults.strike(call.operation.name(), &call.key, call.part);
    let effects = &mut entry.effects;
    line.begin(effects.limit_rate, effects.hard);
    effects.acts("limit_rate");
    effects.acts("delay");
    tokio::time::sleep(effects.delay).await;
    if effects.reset {
        return Err(cut(effects, line, "reset"));
    }
    if let Some(most) = effects.cut_request {
        effects.acts("cut_request");
        upstream.receive_only(most).await;
        return Err(cut(effects, line, "cut_request"));
    }
    if let Some(pause) = effects.linger {
        effects.acts("linger");
        if let Ok(kept) = upstream.keep(&server.lingering.room).await {
            linger(server, call, kept, pause);
        }
        return Err(cut(effects, line, "linger"));
    }
    let outcome = run(server, &call, upstream, effects, &mut entry.request).await;
    effects.acts("answer_late");
    tokio::time::sleep(effects.answer_late).await;
    Ok(outcome)
}

async fn run(
    server: &Arc<Server>,
    call: &Call,
    upstream: &mut Upstream,
    effects: &mut Effects,
    request: &mut Request,
) -> Result<Answer, Refusal> {
    if let Some((status, code)) = effects.answer.clone() {
        effects.acts("answer");
        return Err(Refusal::new(status, code, "a fault that was asked for"));
    }
    let admitted = operations::admit(&server.core, call)?;
    request.surplus = admitted.surplus;
    upstream.expect(admitted.payload);
    let mut error_in_200 = |code: String| {
        request.code = Some(code.clone());
        let refusal = Refusal::new(500, code, "a fault that was asked for");
        let document = xml::error(call.dialect, &refusal, &call.path, "in-the-head", "none");
        Ok(Answer::slow_xml(document, call.dialect, &server.core.options.guesses))
    };
    if let Some(code) = effects.error_in_200.clone() {
        effects.acts("error_in_200");
        // A store that has said 200 has taken the request.
        upstream.receive_only(u64::MAX).await;
        return error_in_200(code);
    }
    // What is refused is refused, whatever was to be told of its success.
    let answer = operations::carry_out(&server.core, call, upstream).await?;
    match (effects.answer_after.clone(), effects.error_in_200_after.clone()) {
        (Some((status, code)), _) => {
            effects.acts("answer_after");
            Err(Refusal::new(status, code, "a fault that was asked for"))
        }
        (None, Some(code)) => {
            effects.acts("error_in_200_after");
            error_in_200(code)
        }
        (None, None) => Ok(answer),
    }
}

/// Does the work of a call later; nobody hears how it ended.
fn linger(server: &Server, call: Call, (mut upstream, share): (Upstream, OwnedSemaphorePermit), pause: Duration) {
    let core = Arc::clone(&server.core);
    let work = async move {
        tokio::time::sleep(pause).await;
        if let Ok(admitted) = operations::admit(&core, &call) {
            upstream.expect(admitted.payload);
            let _ = operations::carry_out(&core, &call, &mut upstream).await;
        }
        drop(share);
    };
    let mut lingering = server.lingering.work.lock().unwrap_or_else(PoisonError::into_inner);
    while lingering.try_join_next().is_some() {}
    lingering.spawn(work);
}
