//! A store that keeps nothing, and says again what it was told: what it repeats must not pass for its own.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use sealift::{
    StoreClient,
    checksum::{Algorithm, Checksum},
    dialect::S3,
    error::ErrorKind,
    ident::{Bucket, ObjectKey},
    signing::Credentials,
    sse::{CustomerKey, SseContext},
    transfer::{Receipt, UploadRequest, Uploader, UploaderOptions},
    transport::ClientOptions,
    wire::{Address, Addressing},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// Says what a whole object's checksum is, or is to be.
const SUM: &str = "x-amz-checksum-crc64nvme";

/// What it does otherwise.
#[derive(Default)]
pub(super) struct Twist {
    /// The document of its answer to Initiate.
    pub(super) initiated: Option<&'static str>,
    /// That of its answer to Complete.
    pub(super) completed: Option<&'static str>,
    /// The tag that HEAD shows.
    pub(super) tag: Option<&'static str>,
    /// How many times HEAD shows nothing.
    pub(super) hidden: usize,
}

#[derive(Default)]
struct Memory {
    twist: Mutex<Twist>,
    /// Whether it takes any checksum of a part.
    blind: AtomicBool,
    /// The metadata of the latest upload, as header lines.
    mark: Mutex<String>,
    /// What Initiate was told of the encryption.
    encryption: Mutex<String>,
    /// What Complete was told.
    whole: Mutex<Option<String>>,
    /// The length of the latest part.
    size: AtomicUsize,
    /// The lengths of all parts.
    parts: Mutex<Vec<usize>>,
}

/// A running one, with a file to be sent to it; dropping it ends it.
pub(super) struct Parrot {
    client: StoreClient,
    memory: Arc<Memory>,
    uploader: Uploader,
    dir: tempfile::TempDir,
    _tasks: JoinSet<()>,
}

impl Parrot {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = client(listener.local_addr().unwrap());
        let memory = Arc::new(Memory::default());
        let mut tasks = JoinSet::new();
        let shared = Arc::clone(&memory);
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, Arc::clone(&shared)));
            }
        });
        let uploader = Uploader::new(UploaderOptions::default()).unwrap();
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("file"), [b'x'; 1000]).unwrap();
        Self { client, memory, uploader, dir, _tasks: tasks }
    }

    pub(super) async fn upload(&self) -> sealift::Result<Receipt> {
        self.upload_under(SseContext::none(S3)).await
    }

    async fn upload_under(&self, sse: SseContext) -> sealift::Result<Receipt> {
        let key = ObjectKey::new(S3, "k").unwrap();
        let request = UploadRequest::new(self.client.clone(), key, self.dir.path().join("file"));
        self.uploader.upload(request.sse(sse)).await
    }

    /// Does this from now on.
    pub(super) fn twist(&self, twist: Twist) {
        *self.memory.twist.lock().unwrap() = twist;
    }

    /// The lengths of the parts that it got since this was asked last.
    pub(super) fn parts(&self) -> Vec<usize> {
        std::mem::take(&mut *self.memory.parts.lock().unwrap())
    }
}

fn client(addr: SocketAddr) -> StoreClient {
    let bucket = Bucket::new(S3, "bucket").unwrap();
    let address = Address::new(S3, &bucket, None, Some(&format!("http://{addr}")), Addressing::Path).unwrap();
    let credentials = Arc::new(Credentials::new("AKIDEXAMPLE", "a-secret-of-some-length").unwrap());
    StoreClient::new(address, credentials, ClientOptions::default().attempts(1).allow_insecure_loopback(true)).unwrap()
}

async fn serve(mut stream: TcpStream, memory: Arc<Memory>) {
    let Some((head, body)) = read(&mut stream).await else { return };
    let answer = answer(&head, &body, &memory);
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// A request with its body, which is told by its length.
async fn read(stream: &mut TcpStream) -> Option<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    while stream.read_buf(&mut bytes).await.ok()? > 0 {
        let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") else { continue };
        let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
        let length = header(&head, "content-length").map_or(0, |text| text.parse().unwrap());
        if bytes.len() >= end + 4 + length {
            let body = bytes.split_off(end + 4);
            let chunked = header(&head, "x-amz-decoded-content-length").is_some();
            return Some((head, if chunked { joined(&body) } else { body }));
        }
    }
    None
}

/// What signed chunks hold; what follows the last of them is left out.
fn joined(mut chunks: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(end) = chunks.windows(2).position(|two| two == b"\r\n") {
        let line = std::str::from_utf8(&chunks[..end]).unwrap();
        let len = usize::from_str_radix(line.split(';').next().unwrap(), 16).unwrap();
        if len == 0 {
            break;
        }
        whole.extend_from_slice(&chunks[end + 2..end + 2 + len]);
        chunks = &chunks[end + 4 + len..];
    }
    whole
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.trim())
}

/// What it says of the encryption, in head lines, until the object is there: what it was told, but for the key.
fn repeated(head: &str) -> String {
    let encryption = |line: &&str| {
        let name = line.to_ascii_lowercase();
        name.starts_with("x-amz-server-side-encryption") && !name.contains("customer-key:")
    };
    head.lines().filter(encryption).fold(String::new(), |all, line| all + line + "\r\n")
}

fn answer(head: &str, body: &[u8], memory: &Memory) -> String {
    let request = head.lines().next().unwrap_or_default();
    let repeated = repeated(head);
    if request.starts_with("POST") && request.contains("?uploads") {
        *memory.mark.lock().unwrap() = head
            .lines()
            .filter(|line| line.starts_with("x-amz-meta-"))
            .fold(String::new(), |all, line| all + line + "\r\n");
        *memory.whole.lock().unwrap() = None;
        memory.encryption.lock().unwrap().clone_from(&repeated);
        let usual = "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>";
        return with(200, &repeated, memory.twist.lock().unwrap().initiated.unwrap_or(usual));
    }
    if request.starts_with("PUT") && request.contains("partNumber=") {
        memory.parts.lock().unwrap().push(body.len());
        memory.size.store(body.len(), Ordering::Relaxed);
        return part(head, body, memory.blind.load(Ordering::Relaxed), &memory.encryption.lock().unwrap());
    }
    if request.starts_with("POST") {
        let told = header(head, SUM).map(str::to_owned);
        let said = told.as_ref().map_or_else(String::new, |sum| {
            format!("<ChecksumCRC64NVME>{sum}</ChecksumCRC64NVME><ChecksumType>FULL_OBJECT</ChecksumType>")
        });
        *memory.whole.lock().unwrap() = told;
        let result = "CompleteMultipartUploadResult";
        let usual = format!("<{result}><ETag>\"e-1\"</ETag>{said}</{result}>");
        return with(200, "", memory.twist.lock().unwrap().completed.unwrap_or(&usual));
    }
    if request.starts_with("HEAD") {
        let mut twist = memory.twist.lock().unwrap();
        if twist.hidden > 0 {
            twist.hidden -= 1;
            return with(404, "", "");
        }
        let tag = twist.tag.unwrap_or("e-1");
        let whole = memory.whole.lock().unwrap().clone();
        let sum = whole.map_or_else(String::new, |sum| format!("{SUM}: {sum}\r\nx-amz-checksum-type: FULL_OBJECT\r\n"));
        let (mark, size) = (memory.mark.lock().unwrap().clone(), memory.size.load(Ordering::Relaxed));
        return format!(
            "HTTP/1.1 200 OK\r\netag: \"{tag}\"\r\n{mark}{sum}content-length: {size}\r\nconnection: close\r\n\r\n"
        );
    }
    if request.starts_with("DELETE") {
        return with(204, "", "");
    }
    with(404, "", "<Error><Code>NoSuchUpload</Code></Error>")
}

/// It knows no trailers, looks at no Content-MD5, and at a checksum in a head unless it is blind.
fn part(head: &str, body: &[u8], blind: bool, repeated: &str) -> String {
    if header(head, "x-amz-trailer").is_some() {
        return with(501, "", "<Error><Code>NotImplemented</Code></Error>");
    }
    let own = Checksum::of(Algorithm::Crc64Nvme, body).to_string();
    if !blind && header(head, SUM).is_some_and(|told| told != own) {
        return with(400, "", "<Error><Code>BadDigest</Code></Error>");
    }
    with(200, &format!("etag: \"e\"\r\n{repeated}"), "")
}

fn with(status: u16, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status} X\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

fn says(receipt: &Receipt, check: &str) -> bool {
    receipt.verified.iter().any(|it| it == check)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_store_repeats_of_the_whole_does_not_pass_for_its_own() {
    let parrot = Parrot::start().await;
    let receipt = parrot.upload().await.unwrap();
    assert!(says(&receipt, "part-checksums") && !says(&receipt, "object-checksum"), "{:?}", receipt.verified);
    assert_eq!(receipt.checksum.unwrap().kind, "sent");
    let (whole, tried) = parrot.parts().split_last().map(|(whole, tried)| (*whole, tried.to_vec())).unwrap();
    assert!(whole == 1000 && tried.iter().all(|len| *len <= 1), "{tried:?}");
    assert_eq!(*parrot.memory.whole.lock().unwrap(), None, "it was told nothing that it could repeat");
    assert!(receipt.warnings.iter().any(|it| it.contains("keeps no checksum of the whole")), "{:?}", receipt.warnings);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_looks_at_checksums_no_more_gets_a_byte_and_not_the_file() {
    let parrot = Parrot::start().await;
    parrot.upload().await.unwrap();
    parrot.parts();
    parrot.memory.blind.store(true, Ordering::Relaxed);
    let error = parrot.upload().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Integrity, "{error:?}");
    assert!(error.hint().unwrap().contains("holds no more and is forgotten"), "{error:?}");
    let tried = parrot.parts();
    assert!(!tried.is_empty() && tried.iter().all(|len| *len <= 1), "{tried:?}");
    parrot.memory.blind.store(false, Ordering::Relaxed);
    assert!(says(&parrot.upload().await.unwrap(), "part-checksums"));
    parrot.parts();
    // One that still does is asked with one byte.
    parrot.upload().await.unwrap();
    assert_eq!(parrot.parts(), [1, 1000]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_opens_without_its_key_fails_the_upload_whatever_was_confirmed_before() {
    let parrot = Parrot::start().await;
    let error = parrot.upload_under(SseContext::customer(S3, CustomerKey::generate().unwrap())).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Encryption, "{error:?}");
    assert!(error.message().contains("s3://bucket/k was completed, but the store shows it without"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_of_which_the_store_says_no_more_that_it_is_encrypted_is_told() {
    let parrot = Parrot::start().await;
    let receipt = parrot.upload_under(SseContext::managed(S3)).await.unwrap();
    let untold = |it: &&String| it.contains("does not say that s3://bucket/k is encrypted");
    assert_eq!(receipt.warnings.iter().filter(untold).count(), 1, "{:?}", receipt.warnings);
}
