//! A store, an uploader and a file: what every upload test begins with.

use std::{fs, path::PathBuf};

use sealift::{
    dialect::Dialect,
    emulator::{FaultPlan, Request},
    error::{Error, ErrorKind, Result},
    sse::{CustomerKey, KmsContext, SseContext},
    transfer::{Receipt, UploadRequest, Uploader, UploaderOptions},
    transport::StoreClient,
    wire::{Get, Head, ListUploads, ListedUpload, ObjectInfo},
};

use crate::support::{self, Store, key, pattern};

pub(crate) const MIB: usize = 1 << 20;

/// The key of all test objects.
pub(crate) const KEY: &str = "folder/object.bin";

pub(crate) struct Rig {
    pub(crate) store: Store,
    pub(crate) uploader: Uploader,
    pub(crate) client: StoreClient,
    pub(crate) content: Vec<u8>,
}

impl Rig {
    /// A strict store and a file of `len` bytes.
    pub(crate) async fn new(len: usize) -> Self {
        Self::over(support::store().await, len)
    }

    /// The same with things that go wrong.
    pub(crate) async fn with_faults(len: usize, faults: FaultPlan) -> Self {
        Self::over(support::store_with(|options| options.faults(faults)).await, len)
    }

    pub(crate) fn over(store: Store, len: usize) -> Self {
        let client = store.client();
        let rig = Self {
            client,
            uploader: Uploader::new(UploaderOptions::default()).unwrap(),
            content: pattern(len, 7),
            store,
        };
        fs::write(rig.file(), &rig.content).unwrap();
        rig
    }

    /// Where the file is.
    pub(crate) fn file(&self) -> PathBuf {
        self.store.dir.path().join("source.bin")
    }

    /// A request for the file in parts of 1 MiB.
    pub(crate) fn request(&self) -> UploadRequest {
        UploadRequest::new(self.client.clone(), key(KEY), self.file()).part_size(MIB as u64)
    }

    /// Uploads the file under this encryption.
    pub(crate) async fn upload(&self, sse: &SseContext) -> Result<Receipt> {
        self.uploader.upload(self.request().sse(sse.clone())).await
    }

    /// No encryption, as the store's dialect has it.
    fn nothing(&self) -> SseContext {
        SseContext::none(self.client.dialect())
    }

    /// The object's bytes as the store gives them.
    pub(crate) async fn read(&self, sse: &SseContext) -> Result<Vec<u8>> {
        let call = Get { key: key(KEY), version_id: None, range: None, if_match: None };
        let (_, mut download) = self.client.get(&call, sse).await?;
        let mut bytes = Vec::new();
        while let Some(chunk) = download.chunk().await? {
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes)
    }

    /// What HEAD says of the object.
    pub(crate) async fn head(&self, sse: &SseContext) -> Result<ObjectInfo> {
        Ok(self.client.send(&Head { key: key(KEY), version_id: None }, sse).await?.value)
    }

    /// The unfinished uploads that the store holds.
    pub(crate) async fn uploads(&self) -> Vec<ListedUpload> {
        let call = ListUploads { prefix: String::new(), after: None };
        self.client.send(&call, &self.nothing()).await.unwrap().value.uploads
    }

    /// How many there are.
    pub(crate) async fn unfinished(&self) -> usize {
        self.uploads().await.len()
    }

    /// The requests of one operation that the store saw.
    pub(crate) fn seen(&self, operation: &str) -> Vec<Request> {
        self.store.emulator.transcript().into_iter().filter(|request| request.operation == operation).collect()
    }

    /// Makes sure that the object is the file.
    #[track_caller]
    pub(crate) fn same(&self, stored: &[u8]) {
        assert!(stored == self.content, "{} bytes are stored, {} were uploaded", stored.len(), self.content.len());
    }

    /// Makes sure that an upload failed like this and left nothing in the store: no object, no unfinished upload.
    pub(crate) async fn failed_clean(&self, outcome: Result<Receipt>, kind: ErrorKind) -> Error {
        let error = outcome.unwrap_err();
        assert_eq!(error.kind(), kind, "{error:?}");
        assert!(error.cleanup().is_none(), "{error:?}");
        self.store.emulator.set_faults(FaultPlan::new());
        assert_eq!(self.unfinished().await, 0, "an unfinished upload was left behind");
        let head = self.head(&self.nothing()).await.unwrap_err();
        assert_eq!(head.status(), Some(404), "an object was left behind: {head:?}");
        error
    }
}

pub(crate) fn none() -> SseContext {
    SseContext::none(Dialect::Cos)
}

pub(crate) fn managed() -> SseContext {
    SseContext::managed(Dialect::Cos)
}

pub(crate) fn kms() -> SseContext {
    let context = KmsContext::parse(r#"{"purpose":"test"}"#).unwrap();
    SseContext::kms(Dialect::Cos, Some("key-of-the-test".to_owned()), Some(context)).unwrap()
}

pub(crate) fn customer() -> SseContext {
    SseContext::customer(Dialect::Cos, CustomerKey::from_bytes([7; 32]))
}

/// Every mode.
pub(crate) fn modes() -> [SseContext; 4] {
    [none(), managed(), kms(), customer()]
}

/// Names of the headers that a customer key is sent in.
pub(crate) const TRIPLE: [&str; 3] = [
    "x-cos-server-side-encryption-customer-algorithm",
    "x-cos-server-side-encryption-customer-key",
    "x-cos-server-side-encryption-customer-key-md5",
];

/// Which of the encryption headers a request carried.
pub(crate) fn encryption_headers(request: &Request) -> Vec<&str> {
    let mut names: Vec<&str> =
        request.headers.iter().map(|(name, _)| name.as_str()).filter(|name| name.contains("server-side")).collect();
    names.sort_unstable();
    names
}
