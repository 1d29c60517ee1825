//! A store written from the manuals, not from the client: for tests, `serve` and `demo`. It speaks COS or S3.
//!
//! It checks every signature, enforces the rules of encryption, parts and digests, encrypts what it stores for real, and
//! keeps it across restarts and kills. It shares no signing, XML, encoding, encryption or CRC-combining code with the
//! client, so that a mistake in one cannot cancel out the same mistake in the other.
//!
//! Any client can be tried against it, from any language by `sealift serve`, and from Rust in the test's own process:
//!
//! ```
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use sealift::emulator::{Emulator, EmulatorOptions, FaultPlan};
//!
//! let dir = tempfile::tempdir()?;
//! let faults = FaultPlan::new().on("UploadPart").part(2).times(1).answer(503, "SlowDown");
//! let store = Emulator::start(EmulatorOptions::new(dir.path()).strict(true).faults(faults)).await?;
//! let (id, key) = store.secret();
//! # let mut my_client = |_: String, _: (&str, &str), _: Option<&std::path::Path>| {};
//! my_client(store.endpoint(), (id, key), store.ca_cert());
//! assert!(store.transcript().iter().all(|request| request.surplus.is_empty()));
//! # Ok(())
//! # }
//! ```
//!
//! * [`EmulatorOptions::strict`] refuses encryption headers that the real service is known to pass over.
//! * [`Guesses`] are the answers that the manuals do not tell, each a switch; [`Limits`] are the service's own sizes and
//!   numbers, each to be lowered.
//! * [`FaultPlan`] is what goes wrong on purpose: errors with the work done and undone, lost and broken answers, wrong
//!   checksums and confirmations, slow and narrow connections; at a call, a part, an attempt, or by chance with a seed.
//! * [`Emulator::transcript`] tells what was asked, what was answered, and which fault struck; secrets are masked.
//!
//! What was acknowledged is on disk: a kill at any moment loses nothing of it, which is tested by killing. It is synced in
//! the order that a power cut needs, which nobody has tried. A full disk is 507 `InsufficientStorage`, and does no harm.

mod answer;
mod checksum;
mod crc;
mod crypt;
mod dates;
mod dialect;
mod encryption;
mod entry;
mod fault;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod guesses;
mod hex;
mod kms;
mod limits;
mod line;
mod number;
mod operations;
mod options;
mod percent;
mod reply;
mod request;
mod server;
mod setting;
mod sha;
mod signature;
mod spelling;
mod store;
mod tls;
mod transcript;
mod watch;
mod xml;

use std::{
    io,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use tokio::{net::TcpListener, task::JoinSet};

pub use self::{
    dialect::Spoken,
    fault::{FaultPlan, Rule},
    guesses::Guesses,
    limits::Limits,
    options::EmulatorOptions,
    transcript::Request,
    watch::Event,
};
use self::{
    fault::Faults,
    operations::{Core, HeldKeys, Room},
    server::{Lingering, Server},
    signature::Account,
    store::Store,
    transcript::Transcript,
};
use crate::secret::Secret;

/// A running store; dropping it stops it.
///
/// # Examples
/// ```
/// # async fn example(dir: std::path::PathBuf) -> std::io::Result<()> {
/// use sealift::emulator::{Emulator, EmulatorOptions};
///
/// let store = Emulator::start(EmulatorOptions::new(dir).strict(true)).await?;
/// println!("{} trusts {:?}", store.endpoint(), store.ca_cert());
/// store.stop().await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Emulator {
    server: Arc<Server>,
    addr: SocketAddr,
    ca_cert: Option<PathBuf>,
    tasks: JoinSet<()>,
}

impl Emulator {
    /// Starts on the current tokio runtime.
    ///
    /// # Errors
    /// If the data folder cannot be used, or the address cannot be listened on.
    ///
    /// # Cancellation
    /// Dropping the future leaves at most new files in the data folder.
    pub async fn start(mut options: EmulatorOptions) -> io::Result<Self> {
        if options.buckets.is_empty() {
            options.buckets.push(options.dialect.default_bucket().to_owned());
        }
        let listen = options.listen;
        let spelling = spelling::learn().await?;
        let setting_up = tokio::task::spawn_blocking(move || set_up(options, spelling));
        let (server, tls) = setting_up.await.map_err(io::Error::other)??;
        let listener = TcpListener::bind(listen).await?;
        let addr = listener.local_addr()?;
        server.transcript.begin(&server.core.options, addr);
        let (ca_cert, acceptor) = tls.map(|tls| (tls.ca_cert, tls.acceptor)).unzip();
        let mut tasks = JoinSet::new();
        tasks.spawn(server::serve(Arc::clone(&server), listener, acceptor));
        Ok(Self { server, addr, ca_cert, tasks })
    }

    /// Where it is reached: `https://127.0.0.1:PORT`, or `http`.
    pub fn endpoint(&self) -> String {
        let scheme = if self.ca_cert.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.addr)
    }

    /// The address it listens on.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The PEM file of its certificate authority, with TLS.
    pub fn ca_cert(&self) -> Option<&Path> {
        self.ca_cert.as_deref()
    }

    /// The id and key of its first account.
    pub fn secret(&self) -> (&str, &str) {
        self.server.core.accounts.first().map_or(("", ""), |first| (&first.id, text(&first.key)))
    }

    /// The token of its first account.
    pub fn token(&self) -> Option<&str> {
        self.server.core.accounts.first()?.token.as_ref().map(text)
    }

    /// Its first bucket.
    pub fn bucket(&self) -> &str {
        self.server.core.options.buckets.first().map_or("", String::as_str)
    }

    /// What it speaks.
    pub fn dialect(&self) -> Spoken {
        self.server.core.options.dialect
    }

    /// Its region.
    pub fn region(&self) -> &str {
        &self.server.core.options.region
    }

    /// The latest requests, oldest first. A request is there before its answer is sent.
    pub fn transcript(&self) -> Vec<Request> {
        self.server.transcript.latest()
    }

    /// The rules of the present plan that have not changed anything yet, such as `rule 2 (cut_stream on Complete)`.
    pub fn idle_faults(&self) -> Vec<String> {
        self.server.faults.idle()
    }

    /// Replaces the faults; attempts are counted from 1 again, and the transcript's file has a line `Faults`.
    pub fn set_faults(&self, plan: FaultPlan) {
        self.server.faults.replace(plan);
        self.server.transcript.mark("Faults", self.server.core.options.clock.now());
    }

    /// Stops: connections are closed as they are.
    ///
    /// # Cancellation
    /// Dropping the future stops it as well.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

/// Credentials came in as text.
fn text(secret: &Secret) -> &str {
    std::str::from_utf8(secret.expose()).unwrap_or_default()
}

fn set_up(options: EmulatorOptions, spelling: http::Extensions) -> io::Result<(Arc<Server>, Option<tls::Tls>)> {
    let store = Store::open(&options.dir, options.dialect, &options.buckets, options.durable, &options.watcher)?;
    let tls = options
        .tls
        .then(|| tls::set_up(&options.dir, options.dialect, &options.region, &options.domains))
        .transpose()?;
    let accounts = match &options.accounts[..] {
        [] => vec![made_up_account(&options.dir, options.dialect)?],
        given => given.to_vec(),
    };
    let transcript = Transcript::open(options.transcript.as_deref(), options.remembered, options.watcher.clone())?;
    let faults = Faults::new(options.faults.clone());
    let core = Arc::new(Core { options, accounts, store, held: HeldKeys::default(), room: Room::default() });
    Ok((Arc::new(Server { core, faults, transcript, spelling, lingering: Lingering::default() }), tls))
}

/// Credentials that belong to the data folder: derived from its master key, so that they stay the same.
fn made_up_account(dir: &Path, dialect: Spoken) -> io::Result<Account> {
    let master = store::master_key(dir)?;
    let derived = |purpose| hex::encode(crypt::purpose_key(&master, purpose).expose());
    let (id, key) = dialect.credentials(&derived("access key id"), &derived("access key"));
    Ok(Account { id, key: Secret::new(key), token: None, expires: None })
}
