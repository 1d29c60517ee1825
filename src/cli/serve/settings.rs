//! What a client needs to know of the store.

use std::{
    fmt::Write as _,
    io::{self, Write as _},
    path::Path,
};

use serde_json::{Map, Value};

use super::failed;
use crate::{
    cli::console::Console,
    emulator::{Emulator, Spoken},
    error::Result,
};

/// The variables that hold secrets.
const SECRETS: [&str; 4] = ["COS_SECRET_KEY", "COS_SESSION_TOKEN", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];

/// Variables and their values.
#[derive(Clone)]
pub(super) struct Settings(Vec<(&'static str, String)>);

impl Settings {
    pub(super) fn of(store: &Emulator) -> Result<Self> {
        let (id, key) = store.secret();
        let s3 = store.dialect() == Spoken::S3;
        let mut all = vec![("SEALIFT_ENDPOINT", store.endpoint())];
        if let Some(path) = store.ca_cert() {
            let path = path.canonicalize().map_err(failed("find the store's certificate"))?;
            all.push(("SEALIFT_CA_CERT", path.to_string_lossy().into_owned()));
        }
        let [id_name, key_name, token_name] = if s3 {
            ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"]
        } else {
            ["COS_SECRET_ID", "COS_SECRET_KEY", "COS_SESSION_TOKEN"]
        };
        all.extend([(id_name, id.to_owned()), (key_name, key.to_owned())]);
        all.extend(store.token().map(|token| (token_name, token.to_owned())));
        if s3 {
            // By these the AWS CLI and the SDKs find the store; boto3 knows the second name of the region only.
            let ca = all.iter().find(|(name, _)| *name == "SEALIFT_CA_CERT").map(|(_, path)| path.clone());
            all.push(("AWS_ENDPOINT_URL", store.endpoint()));
            all.extend(ca.map(|path| ("AWS_CA_BUNDLE", path)));
            all.extend(["AWS_REGION", "AWS_DEFAULT_REGION"].map(|name| (name, store.region().to_owned())));
        }
        all.extend([("SEALIFT_BUCKET", store.bucket().to_owned()), ("SEALIFT_REGION", store.region().to_owned())]);
        Ok(Self(all))
    }

    /// Without the secrets: whoever put them into the environment has them, and they may be those of a real account.
    pub(super) fn public(&self) -> Self {
        Self(self.0.iter().filter(|(name, _)| !SECRETS.contains(name)).cloned().collect())
    }

    /// Prints them, as one object with `--json`; not at all if nobody wants them.
    pub(super) fn print(&self, console: &Console) -> Result<()> {
        if console.json() {
            let all = self.0.iter().map(|(name, value)| ((*name).to_owned(), Value::from(value.as_str())));
            console.value(&all.collect::<Map<_, _>>())
        } else if console.quiet() {
            Ok(())
        } else {
            console.data(self.lines().as_bytes())
        }
    }

    /// Writes them to a file so that a reader sees it whole or not at all; only its owner can read it.
    pub(super) fn write(&self, path: &Path) -> io::Result<()> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(self.lines().as_bytes())?;
        file.persist(path)?;
        Ok(())
    }

    /// Lines for a shell to read, whatever is in the values.
    fn lines(&self) -> String {
        let mut lines = String::new();
        for (name, value) in &self.0 {
            let _ = writeln!(lines, "{name}={}", shlex::try_quote(value).unwrap_or(value.into()));
        }
        lines
    }
}
