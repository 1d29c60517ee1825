//! Stores that mean harm: they answer whatever they are told to, for as long as somebody listens.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sealift::{
    StoreClient,
    dialect::Dialect,
    ident::Bucket,
    signing::Credentials,
    transport::ClientOptions,
    wire::{Address, Addressing},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// What a hostile store sends once it has read a request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Answer {
    /// First.
    pub(crate) head: String,
    /// Then this, again and again, until nobody listens any more.
    pub(crate) endless: String,
    /// Between two pieces; nothing is sent byte by byte without it.
    pub(crate) pause: Option<Duration>,
    /// The length of a piece of the head, if it drips.
    pub(crate) drip: Option<usize>,
}

impl Answer {
    /// An answer that ends with its head.
    pub(crate) fn of(head: impl Into<String>) -> Self {
        Self { head: head.into(), ..Self::default() }
    }

    /// A success of unknown length that begins like this and goes on with that for ever.
    pub(crate) fn endless(first: &str, endless: &str) -> Self {
        let head = format!("HTTP/1.1 200 OK\r\nx-cos-request-id: r\r\ncontent-type: application/xml\r\n\r\n{first}");
        // Large pieces, so that a gigabyte is nothing to this side.
        Self { head, endless: endless.repeat((64 << 10) / endless.len()), ..Self::default() }
    }
}

/// A running store; dropping it ends it.
pub(crate) struct Hostile {
    pub(crate) addr: SocketAddr,
    /// Bytes that left, over all connections.
    sent: Arc<AtomicU64>,
    requests: Arc<Mutex<Vec<String>>>,
    _tasks: JoinSet<()>,
}

impl Hostile {
    pub(crate) async fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (sent, requests) = (Arc::new(AtomicU64::new(0)), Arc::new(Mutex::new(Vec::new())));
        let (counter, seen) = (Arc::clone(&sent), Arc::clone(&requests));
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                let Ok((stream, _)) = listener.accept().await else { return };
                connections.spawn(serve(stream, answer.clone(), Arc::clone(&counter), Arc::clone(&seen)));
            }
        });
        Self { addr, sent, requests, _tasks: tasks }
    }

    /// How much it could send before it was cut off.
    pub(crate) fn sent(&self) -> u64 {
        self.sent.load(Ordering::Relaxed)
    }

    /// Waits until it can send no more.
    pub(crate) async fn left_alone(&self) {
        let still = async {
            let mut before = u64::MAX;
            while std::mem::replace(&mut before, self.sent()) != self.sent() {
                tokio::time::sleep(Duration::from_millis(200)).await;
            }
        };
        tokio::time::timeout(Duration::from_mins(1), still).await.expect("somebody listens on and on");
    }

    /// The requests as they came.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// A client of it that may send customer keys, and does not wait for long.
    pub(crate) fn client(&self, dialect: Dialect, stall: Duration) -> StoreClient {
        let bucket = Bucket::new(dialect, "examplebucket-1250000000").unwrap();
        let address = Address::new(dialect, &bucket, None, Some(&self.endpoint()), Addressing::Path).unwrap();
        let credentials = Arc::new(Credentials::new("AKIDEXAMPLE", "a-secret-of-some-length").unwrap());
        let options = ClientOptions::default().stall_timeout(stall).attempts(2).allow_insecure_loopback(true);
        StoreClient::new(address, credentials, options).unwrap()
    }
}

async fn serve(mut stream: TcpStream, answer: Answer, sent: Arc<AtomicU64>, requests: Arc<Mutex<Vec<String>>>) {
    let Some(request) = read(&mut stream).await else { return };
    requests.lock().unwrap().push(request);
    let size = answer.drip.unwrap_or(answer.head.len()).max(1);
    for piece in answer.head.as_bytes().chunks(size) {
        if send(&mut stream, piece, &answer, &sent).await.is_none() {
            return;
        }
    }
    while !answer.endless.is_empty() && send(&mut stream, answer.endless.as_bytes(), &answer, &sent).await.is_some() {}
    let _ = stream.shutdown().await;
}

async fn send(stream: &mut TcpStream, piece: &[u8], answer: &Answer, sent: &AtomicU64) -> Option<()> {
    stream.write_all(piece).await.ok()?;
    sent.fetch_add(piece.len() as u64, Ordering::Relaxed);
    if let Some(pause) = answer.pause {
        tokio::time::sleep(pause).await;
    }
    Some(())
}

/// A request with its body, which is told by its length.
async fn read(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    loop {
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
        let length = head
            .lines()
            .find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
        if bytes.len() >= end + 4 + length.unwrap_or(0_usize) {
            return Some(String::from_utf8_lossy(&bytes).into_owned());
        }
    }
}
