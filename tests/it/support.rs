//! What several tests need: a store in a temporary folder, a client for it, and bytes.

use std::sync::Arc;

use sealift::{
    clock::Clock,
    dialect::Dialect,
    emulator::{self, Emulator, EmulatorOptions},
    ident::{Bucket, ObjectKey, Region},
    signing::{CredentialProvider, Credentials},
    transport::{ClientOptions, StoreClient},
    wire::{Address, Addressing},
};
use tempfile::TempDir;

/// An embedded store over HTTPS; its folder goes with it.
pub(crate) struct Store {
    pub(crate) emulator: Emulator,
    pub(crate) dir: TempDir,
}

/// A strict store with the default bucket: what the client is measured by.
pub(crate) async fn store() -> Store {
    store_with(|options| options).await
}

/// A strict store with other settings besides.
pub(crate) async fn store_with(change: impl FnOnce(EmulatorOptions) -> EmulatorOptions) -> Store {
    let dir = tempfile::tempdir().unwrap();
    // Syncing to disk proves nothing to a test that does not cut the power, and takes long.
    let options = EmulatorOptions::new(dir.path()).strict(true).durable(false);
    let emulator = Emulator::start(change(options)).await.unwrap();
    Store { emulator, dir }
}

/// The same as it speaks S3.
pub(crate) async fn s3_store_with(change: impl FnOnce(EmulatorOptions) -> EmulatorOptions) -> Store {
    let dir = tempfile::tempdir().unwrap();
    let options = EmulatorOptions::s3(dir.path()).strict(true).durable(false);
    let emulator = Emulator::start(change(options)).await.unwrap();
    Store { emulator, dir }
}

impl Store {
    /// The default bucket in path style.
    pub(crate) fn address(&self) -> Address {
        let dialect = match self.emulator.dialect() {
            emulator::Spoken::Cos => Dialect::Cos,
            _ => Dialect::S3,
        };
        let (bucket, region) = (self.emulator.bucket(), self.emulator.region());
        let (bucket, region) = (Bucket::new(dialect, bucket).unwrap(), Region::new(region).unwrap());
        Address::new(dialect, &bucket, Some(&region), Some(&self.emulator.endpoint()), Addressing::Path).unwrap()
    }

    /// The store's own credentials.
    pub(crate) fn credentials(&self) -> Arc<dyn CredentialProvider> {
        let (id, key) = self.emulator.secret();
        Arc::new(Credentials::new(id, key).unwrap())
    }

    /// Settings that trust the store.
    pub(crate) fn client_options(&self) -> ClientOptions {
        let mut options = ClientOptions::default();
        options.ca_cert = self.emulator.ca_cert().map(ToOwned::to_owned);
        options.clock = Clock::system();
        options
    }

    /// A client for the store.
    pub(crate) fn client(&self) -> StoreClient {
        StoreClient::new(self.address(), self.credentials(), self.client_options()).unwrap()
    }

    /// The names of the operations that the store saw, in their order.
    pub(crate) fn operations(&self) -> Vec<String> {
        self.emulator.transcript().into_iter().map(|request| request.operation).collect()
    }
}

/// A key of an object.
pub(crate) fn key(text: &str) -> ObjectKey {
    ObjectKey::new(Dialect::Cos, text).unwrap()
}

/// `len` bytes that do not repeat within a part and differ from seed to seed.
pub(crate) fn pattern(len: usize, seed: u64) -> Vec<u8> {
    let mut state = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        // xorshift64*: fast, and nothing here needs more.
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        bytes.extend_from_slice(&state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}
