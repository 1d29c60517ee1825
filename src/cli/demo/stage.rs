//! The embedded store, and a client that reaches it as it would reach the real one.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use crate::{
    dialect::Dialect,
    emulator::{Emulator, EmulatorOptions},
    error::{Error, ErrorKind, Result},
    ident::{Bucket, ObjectKey, Region},
    operation::Operation,
    signing::Credentials,
    sse::{CustomerKey, SseContext},
    transfer::{Download, DownloadRequest, Upload, UploadRequest, Uploader, UploaderOptions},
    transport::{Answered, ClientOptions, ConnectTo, MaskedHead, RequestObserver, StoreClient},
    wire::{Address, Addressing, Get, Head, ObjectInfo},
};

const BUCKET: &str = "examplebucket-1250000000";
const REGION: &str = "ap-guangzhou";

/// A running store with a client for it.
pub(super) struct Stage {
    store: Emulator,
    data: PathBuf,
    client: StoreClient,
    uploader: Uploader,
    key: ObjectKey,
    album: Arc<Album>,
}

impl Stage {
    /// Starts a store that keeps its data below `folder`, for an object of this name.
    pub(super) async fn set(folder: &Path, name: &str) -> Result<Self> {
        let key = ObjectKey::new(Dialect::Cos, &format!("demo/{name}"))?;
        let data = folder.join("store");
        // It is gone in a minute: syncing it to disk would only take time.
        let options = EmulatorOptions::new(&data).strict(true).durable(false).region(REGION).bucket(BUCKET);
        let store = Emulator::start(options)
            .await
            .map_err(|error| Error::new(ErrorKind::Internal, "cannot start the embedded store").caused_by(error))?;
        let album = Arc::new(Album::default());
        let bucket = Bucket::new(Dialect::Cos, BUCKET)?;
        let region = Region::new(REGION)?;
        let address = Address::new(Dialect::Cos, &bucket, Some(&region), None, Addressing::Virtual)?;
        let (id, secret) = store.secret();
        let credentials = Credentials::new(id, secret.as_bytes())?;
        let at = store.addr();
        let options = ClientOptions {
            ca_cert: store.ca_cert().map(Path::to_owned),
            connect_to: Some(ConnectTo { host: at.ip().to_string(), port: Some(at.port()) }),
            observer: Some(Arc::clone(&album) as Arc<dyn RequestObserver>),
            ..ClientOptions::default()
        };
        let client = StoreClient::new(address, Arc::new(credentials), options)?;
        let uploader = Uploader::new(UploaderOptions::default())?;
        Ok(Self { store, data, client, uploader, key, album })
    }

    /// The name under which the store is asked.
    pub(super) fn host(&self) -> &str {
        self.client.address().host()
    }

    /// Where it really is.
    pub(super) fn at(&self) -> SocketAddr {
        self.store.addr()
    }

    /// Where it keeps its data.
    pub(super) fn data(&self) -> &Path {
        &self.data
    }

    /// Starts the upload.
    pub(super) fn upload(&self, source: &Path, sse: &SseContext) -> Result<Upload> {
        let request = UploadRequest::new(self.client.clone(), self.key.clone(), source).sse(sse.clone()).build()?;
        Ok(self.uploader.upload(request.into()))
    }

    /// Starts the download.
    pub(super) fn download(&self, to: &Path, sse: &SseContext) -> Download {
        let request = DownloadRequest::new(self.client.clone(), self.key.clone(), to).sse(sse.clone());
        self.uploader.download(request)
    }

    /// Asks for the object's head.
    pub(super) async fn stat(&self, sse: &SseContext) -> Result<Answered<ObjectInfo>> {
        let (client, sse) = (self.client.clone(), sse.clone());
        let head = Head { key: self.key.clone(), version_id: None };
        self.uploader.run(async move { client.send(&head, &sse).await }).await?
    }

    /// The first request of each kind so far.
    pub(super) fn carried(&self) -> Vec<MaskedHead> {
        self.album.first_of_each()
    }

    /// Tries to get at the object without its key, and with another one; says how the store refuses.
    ///
    /// # Errors
    /// `Encryption` if it does not.
    pub(super) async fn refusals(&self) -> Result<Vec<(&'static str, String)>> {
        let without = SseContext::none(Dialect::Cos);
        let wrong = SseContext::customer(Dialect::Cos, CustomerKey::generate()?);
        Ok(vec![
            ("HEAD without the key", refused(self.stat(&without).await)?),
            ("HEAD with another key", refused(self.stat(&wrong).await)?),
            ("GET without the key", refused(self.get(&without).await)?),
            ("GET with another key", refused(self.get(&wrong).await)?),
        ])
    }

    async fn get(&self, sse: &SseContext) -> Result<()> {
        let (client, sse) = (self.client.clone(), sse.clone());
        let get = Get { key: self.key.clone(), version_id: None, range: None, if_match: None };
        self.uploader.run(async move { client.get(&get, &sse).await.map(drop) }).await?
    }

    /// Stops the store.
    pub(super) async fn strike(self) {
        self.store.stop().await;
    }
}

/// What a request carried of the encryption, without the prefix that all its headers share.
pub(super) fn carriage(head: &MaskedHead) -> String {
    let mut carried: BTreeMap<&str, &str> = BTreeMap::new();
    for (name, value) in &head.headers {
        if let Some((_, rest)) = name.split_once("server-side-encryption") {
            carried.insert(rest, value);
        }
    }
    if carried.is_empty() {
        return "nothing".to_owned();
    }
    let shown = |(name, value): (&&str, &&str)| match name.trim_start_matches('-') {
        "" => format!("mode: {value}"),
        name => format!("{name}: {value}"),
    };
    carried.iter().map(shown).collect::<Vec<_>>().join(", ")
}

fn refused<T>(outcome: Result<T>) -> Result<String> {
    match outcome {
        Ok(_) => Err(Error::new(ErrorKind::Encryption, "the store gave the object out without its key")),
        Err(error) => match (error.status(), error.code().filter(|code| !code.is_empty())) {
            (Some(status), Some(code)) => Ok(format!("refused: {status} {code}")),
            (Some(status), None) => Ok(format!("refused: {status}")),
            // No answer at all is no refusal.
            (None, _) => Err(error),
        },
    }
}

/// Keeps the first request of each kind, in the order of their appearance.
#[derive(Debug, Default)]
struct Album(Mutex<Vec<(Operation, MaskedHead)>>);

impl Album {
    fn first_of_each(&self) -> Vec<MaskedHead> {
        let pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        pages.iter().map(|(_, head)| head.clone()).collect()
    }
}

impl RequestObserver for Album {
    fn request(&self, head: &MaskedHead) {
        let mut pages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !pages.iter().any(|(operation, _)| *operation == head.operation) {
            pages.push((head.operation, head.clone()));
        }
    }
}
