//! What all cases share: the servers, files to upload, keys, and the place where findings are noted.

use std::{
    env,
    fs::{self, File, OpenOptions, Permissions},
    io::Write as _,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex},
};

use serde_json::json;
use tempfile::TempDir;

use crate::{modes::Mode, server::Server};

/// The smallest part that stores take.
pub(crate) const PART: u64 = 5 << 20;

/// Where findings for the table go.
const FINDINGS: &str = "SEALIFT_TEST_FINDINGS";

pub(crate) struct World {
    pub(crate) servers: Vec<Arc<Server>>,
    /// What every key of this run begins with: the servers may have seen other runs.
    run: String,
    pub(crate) stock: Stock,
    findings: Option<Mutex<File>>,
}

/// One thing that is tried on one server in one mode.
pub(crate) struct Case {
    pub(crate) world: Arc<World>,
    pub(crate) server: Arc<Server>,
    pub(crate) mode: Mode,
    /// What every key of this case begins with, so that its uploads are told from those of others.
    pub(crate) prefix: String,
}

impl World {
    pub(crate) fn new(servers: Vec<Arc<Server>>) -> Self {
        let findings =
            env::var_os(FINDINGS).map(|file| OpenOptions::new().create(true).append(true).open(file).unwrap());
        Self {
            servers,
            run: format!("run-{:x}", fastrand::u64(..)),
            stock: Stock::new(),
            findings: findings.map(Mutex::new),
        }
    }
}

impl Case {
    pub(crate) fn new(world: &Arc<World>, server: &Arc<Server>, mode: Mode, what: &str) -> Self {
        let prefix = format!("{}/{mode}/{}/", world.run, what.replace([' ', ','], "-"));
        Self { world: Arc::clone(world), server: Arc::clone(server), mode, prefix }
    }

    pub(crate) fn url(&self, key: &str) -> String {
        format!("s3://{}/{}{key}", self.server.setting("S3_BUCKET"), self.prefix)
    }

    pub(crate) fn stock(&self) -> &Stock {
        &self.world.stock
    }

    /// What `put` needs for the mode.
    pub(crate) fn writing(&self) -> Vec<String> {
        self.mode.writing(&self.server, self.stock())
    }

    /// What `stat` and `get` need for the mode.
    pub(crate) fn reading(&self) -> Vec<String> {
        self.mode.reading(self.stock())
    }

    /// Notes a field of the table.
    pub(crate) fn note(&self, column: &str, value: &str) {
        if let Some(file) = &self.world.findings {
            let value = value.replace(&self.prefix, "…/");
            let line =
                json!({"server": self.server.name, "mode": self.mode.to_string(), "column": column, "value": value});
            writeln!(file.lock().unwrap(), "{line}").unwrap();
        }
    }
}

/// Files to upload, and keys.
pub(crate) struct Stock(TempDir);

impl Stock {
    fn new() -> Self {
        let stock = Self(tempfile::tempdir().unwrap());
        for (name, len) in [("small", 70_000), ("two", PART + 1), ("ten", 9 * PART + 12_345)] {
            fs::write(stock.at(name), noise(len)).unwrap();
        }
        for (name, byte) in [("key", 0x4b), ("other", 0x4f)] {
            fs::write(stock.at(name), [byte; 32]).unwrap();
            fs::set_permissions(stock.at(name), Permissions::from_mode(0o600)).unwrap();
        }
        stock
    }

    fn at(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// A file for one PUT.
    pub(crate) fn small(&self) -> PathBuf {
        self.at("small")
    }

    /// One byte more than a part.
    pub(crate) fn two_parts(&self) -> PathBuf {
        self.at("two")
    }

    pub(crate) fn ten_parts(&self) -> PathBuf {
        self.at("ten")
    }

    /// The customer key, for `--sse-key`.
    pub(crate) fn key(&self) -> String {
        format!("file:{}", self.at("key").display())
    }

    /// Another one.
    pub(crate) fn other_key(&self) -> String {
        format!("file:{}", self.at("other").display())
    }
}

/// Bytes that do not repeat, and are the same each time (xorshift64*).
fn noise(len: u64) -> Vec<u8> {
    let len = usize::try_from(len).unwrap();
    let mut state = 0x5ea1_u64 ^ len as u64;
    let mut bytes = Vec::with_capacity(len + 8);
    while bytes.len() < len {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        bytes.extend_from_slice(&state.wrapping_mul(0x2545_F491_4F6C_DD1D).to_le_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// Compares without printing what is not equal.
#[track_caller]
pub(crate) fn same_bytes(one: &Path, other: &Path) {
    assert!(fs::read(one).unwrap() == fs::read(other).unwrap(), "{} is not {}", one.display(), other.display());
}
