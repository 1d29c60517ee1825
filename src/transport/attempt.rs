//! One attempt of one call: build, sign, send, read, decode, judge the echo.

use std::time::{Duration, SystemTime};

use http::{HeaderMap, StatusCode, header, request::Parts};

use crate::{
    error::{Error, ErrorKind, Result},
    signing::{self, Content, Credentials, Framing},
    sse::{Echo, SseContext},
    transport::{
        answer::{self, Collected, End},
        backoff,
        body::{self, PacedBody, Pulse},
        client::Shared,
        masked::MaskedHead,
        network::{self, Reach},
        reflection::OwnSecrets,
        skew::{self, Offset},
        verdict::Failure,
    },
    wire::{self, Call, Payload, RawAnswer},
};

/// How long making a connection may take, names and TLS included.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a body is held back after one was lost to a reset, so that an early refusal can be read first.
const HOLD: Duration = Duration::from_secs(1);
/// What an attempt needs to know beyond its call.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plan {
    /// Counted from 1.
    pub(super) number: u32,
    /// Wait for an early answer before the body.
    pub(super) hold_back: bool,
    /// Leave the body of a success unread.
    pub(super) stream: bool,
}

/// A success.
#[derive(Debug)]
pub(super) struct Success<T> {
    pub(super) value: T,
    pub(super) echo: Result<Echo>,
    pub(super) request_id: Option<String>,
    /// The answer whose body is still to come, if that was asked for.
    pub(super) response: Option<reqwest::Response>,
}

/// A failure, with all that the decision about the next attempt needs.
#[derive(Debug)]
pub(super) struct Setback {
    pub(super) error: Error,
    pub(super) cause: Cause,
    /// The store's wish for the next pause.
    pub(super) wish: Option<Duration>,
    /// The store's clock, and the offset that was believed in.
    pub(super) date: Option<SystemTime>,
    pub(super) used: Offset,
    /// The credentials that were used, if they have a token, which can expire.
    pub(super) temporary: Option<Box<Credentials>>,
    /// The next attempt should hold its body back.
    pub(super) hold_back: bool,
}

/// Where an attempt failed.
#[derive(Debug)]
pub(super) enum Cause {
    /// Here: another attempt would end the same way.
    Final,
    /// Before anything was sent; `absent`: there seems to be nobody at the address.
    Connect { absent: bool },
    /// Under way, without a whole answer.
    Interrupted { whole: bool, silent: bool },
    /// By an answer that is not the store's.
    Stranger { answered: bool },
    /// By the store's answer.
    Answer { status: u16, code: String, message: String },
}

impl Cause {
    /// The cause as the rule of retries wants it; `None` where there is nothing to decide.
    pub(super) fn failure(&self, replayable: bool) -> Option<Failure<'_>> {
        match self {
            Self::Final => None,
            Self::Connect { .. } => Some(Failure::Connect),
            &Self::Interrupted { whole, silent } => Some(Failure::Interrupted { replayable, whole, silent }),
            &Self::Stranger { answered } => Some(Failure::Stranger { replayable, answered }),
            Self::Answer { status, code, message } => {
                Some(Failure::Answer { replayable, status: *status, code, message })
            }
        }
    }
}

impl Setback {
    fn new(error: Error, cause: Cause) -> Self {
        Self { error, cause, wish: None, date: None, used: Offset::default(), temporary: None, hold_back: false }
    }
}

impl From<Error> for Setback {
    fn from(error: Error) -> Self {
        Self::new(error, Cause::Final)
    }
}

/// A head that is signed and ready to leave.
struct Sealed {
    head: Parts,
    /// What the body has to pass through, if its signature wants that.
    framing: Option<Framing>,
    used: Offset,
    temporary: Option<Box<Credentials>>,
    secrets: OwnSecrets,
}

impl Shared {
    /// The head of a call without its signature, if it may be sent at all. No I/O.
    fn head<C: Call>(&self, call: &C, sse: &SseContext) -> Result<Parts> {
        let head = call.head(&self.address, sse)?;
        if sse.is_customer() || self.has_customer_key(&head.headers) {
            self.route.admit_customer_key()?;
        }
        Ok(head)
    }

    fn has_customer_key(&self, headers: &HeaderMap) -> bool {
        let names = self.address.dialect().names();
        headers.contains_key(names.customer_key) || headers.contains_key(names.source_customer_key)
    }

    async fn seal<C: Call>(&self, call: &C, sse: &SseContext, payload: &Payload) -> Result<Sealed, Setback> {
        let mut head = self.head(call, sse)?;
        let credentials = self.credentials.credentials().await.map_err(|error| {
            let passing = error.kind() == ErrorKind::Unavailable;
            Setback::new(error, if passing { Cause::Connect { absent: false } } else { Cause::Final })
        })?;
        let used = self.offset();
        let dialect = self.address.dialect();
        let content = match payload {
            Payload::Empty => Content::Bytes(&[]),
            Payload::Bytes(bytes) => Content::Bytes(bytes),
            Payload::Replay(replay) => Content::Stream { len: replay.len(), trailer: call.trailer(dialect) },
        };
        let now = used.apply(self.options.clock.now());
        let framing = signing::seal(dialect, self.address.region(), &mut head, content, &credentials, now)?;
        let names = dialect.names();
        let of_credentials = std::iter::once(&credentials.key).chain(&credentials.token);
        let secrets = OwnSecrets::of(&head.headers, &[names.customer_key, names.source_customer_key], of_credentials);
        Ok(Sealed {
            head,
            framing,
            used,
            temporary: credentials.token.is_some().then(|| Box::new(credentials)),
            secrets,
        })
    }

    /// The masked head of a call as it would leave now.
    pub(super) async fn masked<C: Call>(&self, call: &C, sse: &SseContext) -> Result<MaskedHead> {
        let payload = call.payload();
        let sealed = self.seal(call, sse, &payload).await.map_err(|setback| setback.error)?;
        Ok(self.mask(call, &sealed.head, 1, payload.len()))
    }

    fn mask<C: Call>(&self, call: &C, head: &Parts, attempt: u32, body_len: u64) -> MaskedHead {
        MaskedHead::new(self.address.dialect(), call.operation(), attempt, head, body_len)
    }

    /// Sends a call once.
    pub(super) async fn attempt<C: Call>(
        &self,
        call: &C,
        sse: &SseContext,
        plan: Plan,
    ) -> Result<Success<C::Answer>, Setback> {
        let payload = call.payload();
        let Sealed { head, framing, used, temporary, secrets } = self.seal(call, sse, &payload).await?;
        let url = self.route.url(&head.uri)?;
        let masked = self.mask(call, &head, plan.number, payload.len());
        log(call, &masked);
        if let Some(observer) = &self.options.observer {
            observer.request(&masked);
        }
        let exchange = Exchange { shared: self, call, sse, secrets, stall: self.options.stall_timeout };
        let outcome = exchange.run(head, framing, url, &payload, plan).await;
        outcome.map_err(|setback| {
            let error = setback.error;
            let error = if temporary.is_some() { wire::under_a_token(self.address.dialect(), error) } else { error };
            let setback = Setback { error, used, temporary, ..setback };
            // The body's own failure is the cause, whatever the network or the store made of it.
            let replay = if let Payload::Replay(replay) = &payload { replay.take_fault() } else { None };
            replay.map_or(setback, Setback::from)
        })
    }
}

/// The part of an attempt that goes over the network.
struct Exchange<'a, C> {
    shared: &'a Shared,
    call: &'a C,
    sse: &'a SseContext,
    secrets: OwnSecrets,
    stall: Duration,
}

impl<C: Call> Exchange<'_, C> {
    async fn run(
        &self,
        head: Parts,
        framing: Option<Framing>,
        url: reqwest::Url,
        payload: &Payload,
        plan: Plan,
    ) -> Result<Success<C::Answer>, Setback> {
        let http = self.shared.pools.here()?;
        let pulse = Pulse::start(!payload.is_empty());
        let body = PacedBody::open(payload, framing, &pulse, plan.hold_back.then_some(HOLD));
        let has_body = body.is_some();
        let mut request = reqwest::Request::new(head.method, url);
        *request.headers_mut() = head.headers;
        *request.body_mut() = body.map(reqwest::Body::wrap);

        let response = tokio::select! {
            biased;
            response = http.execute(request) => response,
            () = pulse.stalled(self.stall, CONNECT_TIMEOUT) => return Err(self.stalled(&pulse)),
        };
        let response = response.map_err(|cause| self.unreached(cause, &pulse, has_body))?;
        let (status, headers) = (response.status(), response.headers().clone());
        self.secrets.check_headers(&headers).map_err(|error| self.reflected(error, status))?;
        if status.is_success() && !pulse.whole() {
            let message = "the store reported success before it had the whole body";
            let error = Error::new(ErrorKind::Protocol, message).with_hint(wire::SENSELESS);
            return Err(self.answered_badly(error, status, &headers));
        }
        if status.is_success() && plan.stream {
            let raw = RawAnswer { status, headers, body: bytes::Bytes::new() };
            return self.believe(&raw, Some(response));
        }
        let Collected { body, end } =
            answer::collect(response, self.call.operation(), body::answer_patience(self.stall)).await;
        let raw = RawAnswer { status, headers, body };
        self.secrets.check_body(&raw.body).map_err(|error| self.reflected(error, status))?;
        match end {
            // A refusal is known by its head; its body only explains.
            _ if !status.is_success() => Err(self.refused(&raw, &pulse)),
            End::Whole => self.believe(&raw, None),
            End::Broken(cause) => Err(Self::cut_off(Some(cause))),
            End::Late => Err(Self::cut_off(None)),
            End::TooLarge => {
                let error = Error::new(ErrorKind::Protocol, "the answer is larger than any that the store can give")
                    .with_hint(wire::SENSELESS);
                Err(self.answered_badly(error, status, &raw.headers))
            }
        }
    }

    /// A secret came back. A refusal did nothing; behind any other answer the call may have taken effect.
    fn reflected(&self, error: Error, status: StatusCode) -> Error {
        let error = error.answered(status.as_u16(), None, None);
        if status.is_client_error() || self.call.operation().reads() { error } else { error.doubtful() }
    }

    /// Who answers without being the store, as far as this client knows.
    fn stranger(&self) -> Cause {
        Cause::Stranger { answered: self.shared.has_answered() }
    }

    /// Decodes before it believes: a 200 may carry an error.
    fn believe(&self, raw: &RawAnswer, response: Option<reqwest::Response>) -> Result<Success<C::Answer>, Setback> {
        let (dialect, operation) = (self.shared.address.dialect(), self.call.operation());
        wire::origin(dialect, operation, raw).map_err(|error| Setback::new(error, self.stranger()))?;
        wire::expected(dialect, operation, raw)
            .map_err(|error| self.answered_badly(error, raw.status, &raw.headers))?;
        let value =
            self.call.decode(dialect, raw).map_err(|error| self.answered_badly(error, raw.status, &raw.headers))?;
        self.shared.compare_clocks(skew::date(&raw.headers));
        let request_id = self.request_id(&raw.headers);
        let echo = self
            .sse
            .judge(self.call.operation(), &raw.headers)
            .map_err(|error| error.answered(raw.status.as_u16(), None, request_id.clone()));
        Ok(Success { value, echo, request_id, response })
    }

    fn refused(&self, raw: &RawAnswer, pulse: &Pulse) -> Setback {
        if let Some(fault) = pulse.take_fault() {
            return Setback::from(fault);
        }
        // A condition would have been asked for, and is not a redirection.
        let error = if raw.status == StatusCode::NOT_MODIFIED {
            Error::new(ErrorKind::Protocol, "the answer is 304 (not modified), which was not asked for")
                .with_hint("check the endpoint, and whether a proxy keeps copies of answers")
        } else if raw.status.is_redirection() {
            self.redirected(raw)
        } else {
            let address = &self.shared.address;
            let error = wire::refusal(address.dialect(), self.call.operation(), self.sse, raw);
            if address.is_https() { error } else { wire::over_plain_http(address.dialect(), self.sse, error) }
        };
        // A message that was wrapped in another encoding shows its secret only now.
        if let Err(error) = self.secrets.check_body(error.message().as_bytes()) {
            return Setback::from(self.reflected(error, raw.status));
        }
        self.answered_badly(error, raw.status, &raw.headers)
    }

    /// A redirect is never followed: neither signature nor customer key belong to another host.
    fn redirected(&self, raw: &RawAnswer) -> Error {
        let location = raw.headers.get(header::LOCATION).and_then(|location| location.to_str().ok());
        let host = location.and_then(|location| reqwest::Url::parse(location).ok());
        let region = self.shared.address.dialect().names().bucket_region.and_then(|name| raw.headers.get(name));
        let region = region.and_then(|value| crate::ident::Region::new(value.to_str().ok()?).ok());
        let target = match (host.as_ref().and_then(reqwest::Url::host_str), region) {
            (Some(host), _) => host.to_owned(),
            (None, Some(region)) => format!("the region {region}"),
            (None, None) => "an unnamed place".to_owned(),
        };
        let message = format!("the store sends on to {target} (status {}), which is not followed", raw.status.as_u16());
        Error::new(ErrorKind::Rejected, message)
            .with_hint("give the endpoint that the bucket is really at, with --endpoint or --region")
            .answered(raw.status.as_u16(), None, self.request_id(&raw.headers))
    }

    /// An answer that is no success, or claims to be one and does not make sense.
    fn answered_badly(&self, error: Error, status: StatusCode, headers: &HeaderMap) -> Setback {
        let status = status.as_u16();
        let code = error.code().map(ToOwned::to_owned);
        let request_id = error.request_id().map(ToOwned::to_owned).or_else(|| self.request_id(headers));
        let cause =
            Cause::Answer { status, code: code.clone().unwrap_or_default(), message: error.message().to_owned() };
        let wish = headers.get(header::RETRY_AFTER).and_then(|value| value.to_str().ok());
        let now = self.shared.options.clock.now();
        Setback {
            wish: wish.and_then(|value| backoff::retry_after(value, now)),
            date: skew::date(headers),
            ..Setback::new(error.answered(status, code, request_id), cause)
        }
    }

    /// A success whose body did not come to its end: nobody knows what it would have said.
    fn cut_off(cause: Option<reqwest::Error>) -> Setback {
        let silent = cause.is_none();
        let error = match cause {
            Some(cause) => Error::new(ErrorKind::Unavailable, "the answer broke off").caused_by(cause.without_url()),
            None => Error::new(ErrorKind::Unavailable, "the answer did not come to its end in time"),
        };
        let error = error.with_hint(network::LINE);
        Setback::new(error, Cause::Interrupted { whole: true, silent })
    }

    fn stalled(&self, pulse: &Pulse) -> Setback {
        if let Some(fault) = pulse.take_fault() {
            return Setback::from(fault);
        }
        let (whole, place) = (pulse.whole(), self.shared.route.place());
        let message = if whole {
            format!("{place} did not answer in {} s", body::answer_patience(self.stall).as_secs_f32())
        } else {
            format!("nothing moved on the connection to {place} for {} s", self.stall.as_secs_f32())
        };
        let error = Error::new(ErrorKind::Unavailable, message).with_hint(network::LINE);
        Setback::new(error, Cause::Interrupted { whole, silent: true })
    }

    fn unreached(&self, cause: reqwest::Error, pulse: &Pulse, has_body: bool) -> Setback {
        if let Some(fault) = pulse.take_fault() {
            return Setback::from(fault);
        }
        match network::read(cause, self.shared.route.place(), self.shared.route.proxy(), CONNECT_TIMEOUT) {
            Reach::Hopeless(error) => Setback::from(error),
            Reach::NotConnected(error) => Setback::new(error, Cause::Connect { absent: false }),
            Reach::Absent(error) => Setback::new(error, Cause::Connect { absent: true }),
            Reach::Gibberish(error) => Setback::new(error, self.stranger()),
            Reach::UnderWay(error) => {
                let cause = Cause::Interrupted { whole: pulse.whole(), silent: network::is_silence(&error) };
                Setback { hold_back: has_body, ..Setback::new(error, cause) }
            }
        }
    }

    fn request_id(&self, headers: &HeaderMap) -> Option<String> {
        wire::request_id(self.shared.address.dialect(), headers)
    }
}

fn log<C: Call>(call: &C, head: &MaskedHead) {
    let names: Vec<&str> = head.headers.iter().map(|(name, _)| name.as_str()).collect();
    let part = call.part().map(crate::ident::PartNumber::get);
    let (operation, attempt) = (head.operation.name(), head.attempt);
    tracing::debug!(
        operation,
        part,
        attempt,
        method = head.method,
        url = head.url,
        body = head.body_len,
        ?names,
        "sending"
    );
    tracing::trace!(operation, part, attempt, headers = ?head.headers, "masked head");
}
