//! A proxy between the program and a real server, that sees every request and can spoil some.
//!
//! It has the server's own certificate, so that the program takes it for the server (`--connect-to`), and opens a
//! connection for each request. Nothing that is signed is changed but bodies, which are not signed over HTTPS.

use std::{
    fs,
    io::{self, Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread,
    time::Duration,
};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject as _},
};

use crate::server::Server;

/// What the proxy does besides handing on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trick {
    None,
    /// Changes one byte of so many parts.
    ChangeParts {
        times: u32,
    },
    /// Completes the upload, and closes the connection in the place of an answer, once.
    LoseAnswerOfComplete,
    /// Lets so many parts through, and the others only once it is told to.
    HoldParts {
        after: u32,
    },
    /// Answers Complete with an error in a success, once, whether it was handed on or not.
    ErrorInside200 {
        done: bool,
    },
    /// Takes the checksums out of the heads of all answers, as if the server checked them and told none; and knows no
    /// checksums behind bodies unless it is said to.
    HideChecksums {
        trailers: bool,
    },
}

/// What a request asks for, as far as it matters here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Call {
    UploadPart,
    Complete,
    Abort,
    Other,
}

/// A request that came.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) call: Call,
    /// Its first line and fields.
    pub(crate) head: String,
    /// Bytes of its body.
    pub(crate) size: u64,
    /// The body, unless it is data.
    pub(crate) body: String,
}

/// Ends with this value.
pub(crate) struct Proxy {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    upstream: SocketAddr,
    front: Arc<ServerConfig>,
    back: Arc<ClientConfig>,
    trick: Trick,
    played: AtomicU32,
    seen: Mutex<Vec<Seen>>,
    released: Mutex<bool>,
    release: Condvar,
    ended: AtomicBool,
}

type Client = StreamOwned<ServerConnection, TcpStream>;
type Store = StreamOwned<ClientConnection, TcpStream>;

/// No connection may stand still for longer.
const PATIENCE: Duration = Duration::from_mins(1);
/// What is smaller is no part of a file, but a trial.
const LEAST_DATA: u64 = 1 << 20;
const LONGEST_HEAD: usize = 64 << 10;
const NO_TRAILERS: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>NotImplemented</Code><Message>A \
                           header you provided implies functionality that is not implemented.</Message></Error>";
const SPOILT: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>InternalError</Code><Message>We \
                      encountered an internal error. Please try again.</Message></Error>";

impl Proxy {
    pub(crate) fn start(server: &Server, trick: Trick) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let upstream = server.setting("S3_ENDPOINT_HTTPS").strip_prefix("https://").unwrap().parse().unwrap();
        let (front, back) = trust(server);
        let shared = Arc::new(Shared {
            upstream,
            front,
            back,
            trick,
            played: AtomicU32::new(0),
            seen: Mutex::default(),
            released: Mutex::default(),
            release: Condvar::new(),
            ended: AtomicBool::new(false),
        });
        let accepting = Arc::clone(&shared);
        thread::spawn(move || {
            for stream in listener.incoming() {
                if accepting.ended.load(Ordering::Relaxed) {
                    return;
                }
                let shared = Arc::clone(&accepting);
                // Either side may go at any time; what matters was noted.
                thread::spawn(move || stream.and_then(|stream| shared.serve(stream)).ok());
            }
        });
        Self { port, shared }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// Lets the parts go that it holds, and all that follow.
    pub(crate) fn release(&self) {
        *self.shared.released.lock().unwrap() = true;
        self.shared.release.notify_all();
    }

    /// How many requests it has spoilt.
    pub(crate) fn played(&self) -> u32 {
        self.shared.played.load(Ordering::Relaxed)
    }

    /// The requests so far, in the order in which they had come whole.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().unwrap().clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.release();
        self.shared.ended.store(true, Ordering::Relaxed);
        // Wakes the one that accepts.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
    }
}

impl Shared {
    /// One request, and its answer.
    fn serve(&self, stream: TcpStream) -> io::Result<()> {
        stream.set_read_timeout(Some(PATIENCE))?;
        let mut client = StreamOwned::new(ServerConnection::new(Arc::clone(&self.front)).unwrap(), stream);
        let head = read_head(&mut client)?;
        let call = call_of(&head);
        let size = content_length(&head);
        let plays = call == Call::Complete
            && matches!(self.trick, Trick::LoseAnswerOfComplete | Trick::ErrorInside200 { .. })
            && self.plays();
        let refuses = self.trick == (Trick::HideChecksums { trailers: false }) && has_field(&head, "x-amz-trailer");
        if call == Call::UploadPart && size >= LEAST_DATA {
            self.hold();
        }
        let mut store = if refuses || (plays && self.trick == (Trick::ErrorInside200 { done: false })) {
            None
        } else {
            let mut store = self.connect()?;
            let (fields, _) = head.split_at(head.len() - 2);
            store.write_all(fields.as_bytes())?;
            store.write_all(b"connection: close\r\n\r\n")?;
            Some(store)
        };
        let body = self.hand_on(&mut client, store.as_mut(), call, size)?;
        self.seen.lock().unwrap().push(Seen { call, head, size, body });
        match store {
            Some(mut store) if plays => {
                let _ = io::copy(&mut store, &mut io::sink());
            }
            Some(mut store) => {
                if matches!(self.trick, Trick::HideChecksums { .. }) {
                    client.write_all(without_checksums(&read_head(&mut store)?).as_bytes())?;
                }
                copy_answer(&mut store, &mut client)?;
            }
            None => {}
        }
        let own = match self.trick {
            Trick::ErrorInside200 { .. } if plays => Some(("200 OK", SPOILT)),
            _ if refuses => Some(("501 Not Implemented", NO_TRAILERS)),
            _ => None,
        };
        if let Some((status, text)) = own {
            let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/xml\r\nconnection: close");
            write!(client, "{head}\r\ncontent-length: {}\r\n\r\n{text}", text.len())?;
        }
        client.conn.send_close_notify();
        client.flush()
    }

    fn connect(&self) -> io::Result<Store> {
        let stream = TcpStream::connect(self.upstream)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let name = ServerName::from(self.upstream.ip());
        Ok(StreamOwned::new(ClientConnection::new(Arc::clone(&self.back), name).unwrap(), stream))
    }

    /// Whether it is time to spoil something; it is then counted.
    fn plays(&self) -> bool {
        let most = match self.trick {
            Trick::None | Trick::HideChecksums { .. } => 0,
            Trick::ChangeParts { times } => times,
            Trick::HoldParts { after } => after,
            Trick::LoseAnswerOfComplete | Trick::ErrorInside200 { .. } => 1,
        };
        self.played.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |it| (it < most).then_some(it + 1)).is_ok()
    }

    /// Waits, if this part is one too many.
    fn hold(&self) {
        if matches!(self.trick, Trick::HoldParts { .. }) && !self.plays() {
            let released = self.released.lock().unwrap();
            drop(self.release.wait_timeout_while(released, PATIENCE, |released| !*released).unwrap());
        }
    }

    /// Hands a body on. What is not data is returned as well.
    fn hand_on(&self, client: &mut Client, mut store: Option<&mut Store>, call: Call, size: u64) -> io::Result<String> {
        let changes = call == Call::UploadPart
            && size >= LEAST_DATA
            && matches!(self.trick, Trick::ChangeParts { .. })
            && self.plays();
        let mut spoil = changes.then_some(size / 2);
        let mut kept = Vec::new();
        let mut block = vec![0; 1 << 18];
        let mut done = 0;
        while done < size {
            let room = block.len().min(usize::try_from(size - done).unwrap_or(usize::MAX));
            let got = client.read(&mut block[..room])?;
            if got == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let end = done + got as u64;
            if let Some(place) = spoil.take_if(|place| *place < end) {
                block[usize::try_from(place - done).unwrap()] ^= 1;
            }
            if call == Call::Complete {
                kept.extend_from_slice(&block[..got]);
            }
            if let Some(store) = store.as_mut() {
                store.write_all(&block[..got])?;
            }
            done = end;
        }
        Ok(String::from_utf8_lossy(&kept).into_owned())
    }
}

/// The certificate of the server for those who come, and its authority for the way on.
fn trust(server: &Server) -> (Arc<ServerConfig>, Arc<ClientConfig>) {
    let file = |name: &str| fs::read(format!("{}/tls/{name}", server.setting("S3_DATA_DIR"))).unwrap();
    let provider = Arc::new(ring::default_provider());
    let chain = CertificateDer::pem_slice_iter(&file("server.pem")).map(Result::unwrap).collect();
    let key = PrivateKeyDer::from_pem_slice(&file("server.key")).unwrap();
    let front = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let front = front.unwrap().with_no_client_auth().with_single_cert(chain, key).unwrap();
    let mut roots = RootCertStore::empty();
    for authority in CertificateDer::pem_slice_iter(&file("ca.pem")) {
        roots.add(authority.unwrap()).unwrap();
    }
    let back = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    (Arc::new(front), Arc::new(back.with_root_certificates(roots).with_no_client_auth()))
}

/// Reads up to the end of a head, and not a byte more.
fn read_head(stream: &mut impl Read) -> io::Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
        if head.len() > LONGEST_HEAD {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
    String::from_utf8(head).map_err(|_| io::ErrorKind::InvalidData.into())
}

fn content_length(head: &str) -> u64 {
    let mut fields = head.lines().filter_map(|line| line.split_once(':'));
    let field = fields.find(|(name, _)| name.eq_ignore_ascii_case("content-length"));
    field.map_or(0, |(_, value)| value.trim().parse().unwrap())
}

fn has_field(head: &str, name: &str) -> bool {
    head.lines().filter_map(|line| line.split_once(':')).any(|(field, _)| field.eq_ignore_ascii_case(name))
}

fn without_checksums(head: &str) -> String {
    let told = |line: &&str| !line.to_ascii_lowercase().starts_with("x-amz-checksum-");
    head.split_inclusive("\r\n").filter(told).collect()
}

fn call_of(head: &str) -> Call {
    let mut words = head.split(' ');
    let (method, target) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let query = target.split_once('?').map_or("", |(_, query)| query);
    match (method, query.contains("uploadId=")) {
        ("PUT", true) => Call::UploadPart,
        ("POST", true) => Call::Complete,
        ("DELETE", true) => Call::Abort,
        _ => Call::Other,
    }
}

/// Copies an answer up to where the server closes. Some close without a word of TLS.
fn copy_answer(store: &mut Store, client: &mut Client) -> io::Result<()> {
    match io::copy(store, client) {
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(()),
        copied => copied.map(|_| ()),
    }
}
