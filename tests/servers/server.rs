//! The servers that are up, and what is known of each.

use std::{collections::BTreeMap, env, fs, path::PathBuf, sync::Arc};

use serde_json::Value;

use crate::modes::Mode;

/// Where the `.env` files are.
const WHERE: &str = "SEALIFT_TEST_SERVERS";

/// One real server.
#[derive(Debug)]
pub(crate) struct Server {
    /// With its version as far as it matters, such as `Ceph RGW 20.2`.
    pub(crate) name: String,
    kind: Kind,
    major: u32,
    settings: BTreeMap<String, String>,
}

/// Servers that answer alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Before 18: takes `AES256` and encrypts nothing, and knows no checksums.
    OldRgw,
    Rgw,
    SeaweedFs,
    Garage,
}

/// The servers that are up; `None` if nobody says that there are any.
pub(crate) fn running() -> Option<Vec<Arc<Server>>> {
    let folder = PathBuf::from(env::var_os(WHERE).filter(|value| !value.is_empty())?);
    let entries = fs::read_dir(&folder).unwrap_or_else(|error| panic!("{WHERE}: {}: {error}", folder.display()));
    let mut files: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|it| it == "env"));
    files.sort();
    assert!(!files.is_empty(), "{WHERE}: {} holds no .env file", folder.display());
    Some(files.into_iter().map(|file| Arc::new(Server::read(&fs::read_to_string(file).unwrap()))).collect())
}

impl Server {
    fn read(text: &str) -> Self {
        let pairs = text.lines().filter_map(|line| line.split_once('='));
        let settings: BTreeMap<_, _> = pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let version: Vec<_> = settings["S3_SERVER_VERSION"].split('.').collect();
        let major: u32 = version[0].parse().unwrap();
        let (kind, name) = match settings["S3_SERVER"].as_str() {
            "ceph-rgw" if major < 18 => (Kind::OldRgw, "Ceph RGW"),
            "ceph-rgw" => (Kind::Rgw, "Ceph RGW"),
            "seaweedfs" => (Kind::SeaweedFs, "SeaweedFS"),
            "garage" => (Kind::Garage, "Garage"),
            other => panic!("a server that is not known: {other}"),
        };
        Self { name: format!("{name} {major}.{}", version.get(1).unwrap_or(&"0")), kind, major, settings }
    }

    pub(crate) fn setting(&self, name: &str) -> &str {
        self.settings.get(name).unwrap_or_else(|| panic!("{} has no {name}", self.name))
    }

    pub(crate) fn kms_key(&self) -> &str {
        self.settings.get("S3_KMS_KEY_ID").map_or("any-key", String::as_str)
    }

    /// Whether it does what the mode asks for.
    pub(crate) fn takes(&self, mode: Mode) -> bool {
        match mode {
            Mode::None | Mode::Customer => true,
            Mode::Kms => self.kind != Kind::Garage,
            Mode::Managed => self.kind == Kind::SeaweedFs,
        }
    }

    /// Whether it takes a mode, encrypts nothing, and says nothing.
    pub(crate) fn ignores(&self, mode: Mode) -> bool {
        match mode {
            Mode::None | Mode::Customer => false,
            Mode::Kms => self.kind == Kind::Garage,
            Mode::Managed => matches!(self.kind, Kind::OldRgw | Kind::Garage),
        }
    }

    /// Whether it says nothing of the encryption before it has got a part.
    pub(crate) fn confirms_late(&self) -> bool {
        self.kind == Kind::SeaweedFs
    }

    /// Whether it replaces an object although it is told not to.
    pub(crate) fn ignores_the_condition(&self) -> bool {
        matches!(self.kind, Kind::OldRgw | Kind::Garage) || (self.kind == Kind::Rgw && self.major < 20)
    }

    /// Whether a PUT of a key ends the open uploads of it.
    pub(crate) fn put_ends_uploads(&self) -> bool {
        self.kind == Kind::Garage
    }

    /// As what its check of a CRC-32C in the head of a part is found out, if it has one.
    pub(crate) fn checks_heads(&self) -> Option<&'static str> {
        (self.kind != Kind::OldRgw).then_some("header")
    }

    /// The same of one behind the body. SeaweedFS answers a wrong one as if the body were cut short, which proves
    /// nothing, so that the head is left.
    pub(crate) fn checks_trailers(&self) -> Option<&'static str> {
        match self.kind {
            Kind::OldRgw => None,
            Kind::SeaweedFs => Some("header"),
            Kind::Rgw | Kind::Garage => Some("trailer"),
        }
    }

    /// Whether it says of a KMS key that it does not have it.
    pub(crate) fn names_unknown_kms_keys(&self) -> bool {
        matches!(self.kind, Kind::OldRgw | Kind::Rgw)
    }

    /// Whether a look at the object does not show the checksum that its receipt has: nobody keeps one, or, of an upload
    /// of one part, Ceph's gateway calls it a checksum of parts by then, and it is none of the bytes as far as that says.
    pub(crate) fn forgets_checksum(&self, receipt: &Value) -> bool {
        receipt["checksum"]["type"] == "sent" || (self.kind == Kind::Rgw && receipt["parts"] == 1)
    }

    /// Whether it takes slashes in a row for one, so that two keys may mean one object.
    pub(crate) fn folds_slashes(&self) -> bool {
        self.kind == Kind::SeaweedFs
    }

    /// The one that takes most bytes per second, of those that check them.
    pub(crate) fn is_fastest(&self) -> bool {
        self.kind == Kind::Rgw && self.major >= 20
    }
}
