//! The client: attempts of a call until one succeeds or none can.

use std::{
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
    time::SystemTime,
};

use crate::{
    clock::Clock,
    dialect::Dialect,
    error::{Error, ErrorKind, Result},
    signing::CredentialProvider,
    sse::{Echo, SseContext},
    transport::{
        ClientOptions, MaskedHead, ObjectStream, Retry,
        attempt::{Cause, Plan, Setback, Success},
        backoff::{self, Jitter, Pace, RetryBudget},
        dial::Route,
        pools::Pools,
        skew::{self, Offset},
        tls,
        verdict::{self, Verdict},
    },
    wire::{self, Address, Call, ObjectInfo},
};

/// A successful answer, with what it said of the encryption.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Answered<T> {
    /// The answer.
    pub value: T,
    /// What it said of the encryption.
    pub echo: Echo,
    /// The store's identifier of the request.
    pub request_id: Option<String>,
    /// How many times the call was sent.
    pub attempts: u32,
}

/// A successful answer whose word on the encryption may contradict what was asked.
#[derive(Debug)]
pub(crate) struct Unjudged<T> {
    /// The answer.
    pub(crate) value: T,
    /// What it said of the encryption; `Err` is the contradiction, of kind `Encryption`.
    pub(crate) echo: Result<Echo>,
    /// The store's identifier of the request.
    pub(crate) request_id: Option<String>,
    /// How many times the call was sent.
    pub(crate) attempts: u32,
    /// An attempt before this one may have taken effect as well.
    pub(crate) repeated: bool,
}

/// Talks to one bucket. Cheap to clone; clones share connections, clock offset and retry budget.
///
/// It may be used on several runtimes, such as the caller's and that of an uploader: on each it has connections of its
/// own, so that none waits for another.
#[derive(Clone)]
pub struct StoreClient(Arc<Shared>);

/// What the clones of a client share.
pub(super) struct Shared {
    pub(super) address: Address,
    pub(super) credentials: Arc<dyn CredentialProvider>,
    pub(super) options: ClientOptions,
    pub(super) route: Route,
    pub(super) pools: Pools,
    offset: AtomicI64,
    /// How far the store's clock was ahead of this machine's at its last good answer, in seconds.
    ahead: Mutex<Option<i64>>,
    retries: AtomicU64,
    slow_downs: AtomicU64,
    /// The store has answered before.
    answered: AtomicBool,
    pace: Mutex<(RetryBudget, Jitter)>,
}

impl StoreClient {
    /// Prepares a client: reads the CA file, makes no connection.
    ///
    /// # Errors
    /// `Config` if the CA file cannot be used, or the options contradict themselves.
    pub fn new(address: Address, credentials: Arc<dyn CredentialProvider>, options: ClientOptions) -> Result<Self> {
        if options.attempts == 0 || options.stall_timeout.is_zero() {
            return Err(Error::new(ErrorKind::Config, "a client needs at least one attempt and some time for it"));
        }
        let route = Route::new(&address, &options);
        let tls = match tls::config(options.ca_cert.as_deref(), route.real_ip()) {
            // Without TLS a machine without authorities is good enough.
            Err(_) if !address.is_https() && options.ca_cert.is_none() => tls::trusting_nobody()?,
            tls => tls?,
        };
        let pools = Pools::new(tls, route.clone(), options.stall_timeout)?;
        let seed = getrandom::u64().map_err(|cause| {
            Error::new(ErrorKind::Internal, "the system gives no random numbers").caused_by(cause.to_string())
        })?;
        Ok(Self(Arc::new(Shared {
            address,
            credentials,
            options,
            route,
            pools,
            offset: AtomicI64::new(0),
            ahead: Mutex::new(None),
            retries: AtomicU64::new(0),
            slow_downs: AtomicU64::new(0),
            answered: AtomicBool::new(false),
            pace: Mutex::new((RetryBudget::full(), Jitter::seeded(seed))),
        })))
    }

    /// Sends a call, again where that is safe and may help.
    ///
    /// # Errors
    /// Whatever the last attempt failed with. [`Error::is_doubtful`] says that the call may have taken effect all the
    /// same. `Encryption` if the answer contradicts the encryption that was asked for, or a customer key would go over
    /// plain HTTP.
    ///
    /// # Cancellation
    /// Dropping the future closes the connection if an attempt is under way. Whether the store has acted by then is not
    /// known, as with a lost answer.
    pub async fn send<C: Call>(&self, call: &C, sse: &SseContext) -> Result<Answered<C::Answer>> {
        self.send_unjudged(call, sse).await?.judged()
    }

    /// Sends like [`Self::send`], but hands an echo that contradicts over beside the answer, so that the caller still
    /// learns what the call has made (an upload id, a version) and can remove it. `Err` is every other failure.
    ///
    /// # Cancellation
    /// As for [`Self::send`].
    pub(crate) async fn send_unjudged<C: Call>(&self, call: &C, sse: &SseContext) -> Result<Unjudged<C::Answer>> {
        Ok(self.run(call, sse, false).await?.0)
    }

    /// Asks for an object and hands its bytes over as they come.
    ///
    /// # Errors
    /// As for [`Self::send`], up to the head of the answer; then those of [`ObjectStream::chunk`].
    ///
    /// # Cancellation
    /// Dropping the future, or the download later, closes the connection. Nothing changes in the store.
    pub async fn get(&self, call: &wire::Get, sse: &SseContext) -> Result<(Answered<ObjectInfo>, ObjectStream)> {
        let (answered, response) = self.run(call, sse, true).await?;
        let response = response.ok_or_else(|| Error::new(ErrorKind::Internal, "the answer to a GET was not kept"))?;
        let download = ObjectStream::new(response, self.0.options.stall_timeout, self.0.route.place().to_owned());
        Ok((answered.judged()?, download))
    }

    /// The masked head that a call would carry now. Nothing is sent to the store; the credentials are asked for.
    ///
    /// # Errors
    /// Those of a call that are known before anything is sent.
    ///
    /// # Cancellation
    /// Leaves nothing behind.
    pub async fn explain<C: Call>(&self, call: &C, sse: &SseContext) -> Result<MaskedHead> {
        self.0.masked(call, sse).await.map_err(|error| located(error, call))
    }

    /// How many times a call was sent again so far.
    pub fn retries(&self) -> u64 {
        self.0.retries.load(Ordering::Relaxed)
    }

    /// How many answers so far asked for less (503, `SlowDown`).
    pub fn slow_downs(&self) -> u64 {
        self.0.slow_downs.load(Ordering::Relaxed)
    }

    /// How the store speaks.
    pub fn dialect(&self) -> Dialect {
        self.0.address.dialect()
    }

    /// Where the bucket is.
    pub fn address(&self) -> &Address {
        &self.0.address
    }

    /// The clock that requests are signed by.
    pub(crate) fn clock(&self) -> &Clock {
        &self.0.options.clock
    }

    /// What the store's clock says now, in seconds since 1970, as far as the date of its last good answer tells; `None`
    /// if it gave none. It is known for differences too that a signature bears, and a correction never learns of.
    #[cfg(feature = "cli")]
    pub(crate) fn store_time(&self) -> Option<u64> {
        let ahead = (*self.0.ahead.lock().unwrap_or_else(PoisonError::into_inner))?;
        Some(self.clock().unix_seconds().saturating_add_signed(ahead))
    }

    async fn run<C: Call>(
        &self,
        call: &C,
        sse: &SseContext,
        stream: bool,
    ) -> Result<(Unjudged<C::Answer>, Option<reqwest::Response>)> {
        let mut tries = Tries::default();
        loop {
            let plan = Plan { number: tries.sent + 1, hold_back: tries.hold_back, stream };
            let setback = match self.0.attempt(call, sse, plan).await {
                Ok(Success { value, echo, request_id, response }) => {
                    self.0.succeeded(tries.paused);
                    let echo = echo.map_err(|error| located(error, call).after_attempts(plan.number));
                    return Ok((
                        Unjudged { value, echo, request_id, attempts: plan.number, repeated: tries.in_doubt },
                        response,
                    ));
                }
                Err(setback) => setback,
            };
            tries.sent = plan.number;
            self.0.note_answer(&setback.cause);
            let limit = self.0.limit(&setback.cause);
            let Some(pause) = self.0.decide(call, &mut tries, &setback, limit) else {
                return Err(tries.give_up(setback, call));
            };
            if let Some(observer) = &self.0.options.observer {
                let next = tries.sent + 1;
                observer.retry(&Retry { error: &setback.error, next, of: limit.max(next), pause });
            }
            self.0.retries.fetch_add(1, Ordering::Relaxed);
            let (operation, attempt) = (call.operation().name(), tries.sent);
            tracing::debug!(operation, attempt, ?pause, error = %setback.error, "sending again");
            tokio::time::sleep(pause).await;
        }
    }
}

impl fmt::Debug for StoreClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Shared { address, options, .. } = &*self.0;
        f.debug_struct("StoreClient").field("address", address).field("options", options).finish_non_exhaustive()
    }
}

impl<T> Unjudged<T> {
    /// The answer, unless its echo contradicts.
    fn judged(self) -> Result<Answered<T>> {
        let Self { value, echo, request_id, attempts, repeated: _ } = self;
        Ok(Answered { value, echo: echo?, request_id, attempts })
    }
}

/// What the attempts of one call have come to.
#[derive(Debug, Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each says of another thing that it has happened, in any combination"
)]
struct Tries {
    sent: u32,
    /// Pauses so far; corrections of clock and credentials need none.
    paused: u32,
    hold_back: bool,
    clock_fixed: bool,
    refreshed: bool,
    damaged: u32,
    silent: u32,
    /// An attempt may have taken effect.
    in_doubt: bool,
    verdict: Option<Verdict>,
}

impl Tries {
    fn give_up<C: Call>(self, setback: Setback, call: &C) -> Error {
        let error = located(setback.error, call).after_attempts(self.sent);
        let changes = !call.operation().reads();
        if self.verdict == Some(Verdict::Reconcile) || (self.in_doubt && changes) { error.doubtful() } else { error }
    }
}

impl Shared {
    /// The offset of the store's clock as far as known.
    pub(super) fn offset(&self) -> Offset {
        Offset::from_seconds(self.offset.load(Ordering::Relaxed))
    }

    /// Compares the clocks by the date of a good answer, if it has one.
    pub(super) fn compare_clocks(&self, date: Option<SystemTime>) {
        if let Some(ahead) = date.and_then(|date| skew::difference(date, self.options.clock.now())) {
            *self.ahead.lock().unwrap_or_else(PoisonError::into_inner) = Some(ahead);
        }
    }

    /// Whether the store has answered before.
    pub(super) fn has_answered(&self) -> bool {
        self.answered.load(Ordering::Relaxed)
    }

    /// Remembers that the store is there, if this failure is an answer of it.
    fn note_answer(&self, cause: &Cause) {
        if matches!(cause, Cause::Answer { .. }) {
            self.answered.store(true, Ordering::Relaxed);
        }
    }

    /// How many attempts a call has in all, as far as this failure tells.
    fn limit(&self, cause: &Cause) -> u32 {
        let absent = matches!(cause, Cause::Connect { absent: true });
        verdict::attempts(self.options.attempts, absent, self.has_answered())
    }

    /// The pause before the next attempt; `None` if there shall be none.
    fn decide<C: Call>(
        &self,
        call: &C,
        tries: &mut Tries,
        setback: &Setback,
        limit: u32,
    ) -> Option<std::time::Duration> {
        let failure = setback.cause.failure(call.replayable());
        let verdict = failure.map_or(Verdict::Fail, verdict::classify);
        let slow =
            matches!(&setback.cause, Cause::Answer { status, code, .. } if verdict::asks_for_less(*status, code));
        if slow {
            self.slow_downs.fetch_add(1, Ordering::Relaxed);
        }
        tries.verdict = Some(verdict);
        tries.in_doubt |= failure.is_some_and(verdict::leaves_doubt);
        tries.hold_back = setback.hold_back;
        let again = tries.sent < limit;
        match verdict {
            Verdict::Retry | Verdict::RetrySlow if again => {}
            Verdict::RetryTwice if again && !call.misfits() && tries.damaged < 2 => tries.damaged += 1,
            Verdict::RetryAfterSilence if again && tries.silent < 2 => tries.silent += 1,
            Verdict::FixClock if !tries.clock_fixed && self.learn(setback) => {
                tries.clock_fixed = true;
                return Some(std::time::Duration::ZERO);
            }
            Verdict::RefreshCredentials if !tries.refreshed => {
                self.credentials.refused(setback.temporary.as_deref()?);
                tries.refreshed = true;
                return Some(std::time::Duration::ZERO);
            }
            _ => return None,
        }
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        let exhausted = !pace.0.spend();
        let pause = backoff::pause(tries.paused, Pace { slow, exhausted, wish: setback.wish }, &mut pace.1);
        tries.paused += 1;
        Some(pause)
    }

    fn succeeded(&self, paused: u32) {
        self.answered.store(true, Ordering::Relaxed);
        self.pace.lock().unwrap_or_else(PoisonError::into_inner).0.pay_back(paused > 0);
    }

    /// Takes the store's clock from its answer, if that is noticeably another than was believed.
    fn learn(&self, setback: &Setback) -> bool {
        let now = self.options.clock.now();
        let learned = setback.date.and_then(|date| skew::correction(date, now, setback.used));
        if let Some(offset) = learned {
            tracing::warn!(seconds = offset.seconds(), "the clock differs from the store's; signing by the store's");
            self.offset.store(offset.seconds(), Ordering::Relaxed);
        }
        learned.is_some()
    }
}

fn located<C: Call>(error: Error, call: &C) -> Error {
    let error = error.at(call.operation());
    match call.part() {
        Some(part) => error.at_part(part),
        None => error,
    }
}
