//! Made-up homes and variables, and an imitation of the metadata services.

mod aws;
mod cos;
mod service;

use std::{
    collections::HashMap,
    fs,
    path::PathBuf,
    sync::Arc,
    time::{Duration, UNIX_EPOCH},
};

use tempfile::TempDir;

use super::Environment;
use crate::{
    clock::Clock,
    error::{Error, ErrorKind},
    signing::{CredentialProvider, Credentials},
};

/// A machine with a home and an `/etc` of its own, and no metadata service.
struct Machine {
    root: TempDir,
    variables: HashMap<&'static str, String>,
    metadata: String,
    clock: Clock,
}

impl Machine {
    fn new() -> Self {
        Self {
            root: TempDir::new().unwrap(),
            variables: HashMap::new(),
            // A port that nothing can listen on.
            metadata: "http://127.0.0.1:0".to_owned(),
            clock: Clock::fixed(UNIX_EPOCH + Duration::from_secs(1_700_000_000)),
        }
    }

    fn var(mut self, name: &'static str, value: &str) -> Self {
        self.variables.insert(name, value.to_owned());
        self
    }

    /// `path` is below the machine's root: `home/…` or `etc/…`.
    fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    fn file(self, path: &str, text: &str) -> Self {
        self.write(path, text);
        self
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn environment(&self) -> Environment {
        let variables = self.variables.clone();
        Environment {
            var: Box::new(move |name| variables.get(name).cloned()),
            home: Some(self.path("home")),
            etc: self.path("etc"),
            metadata: self.metadata.clone(),
            containers: self.metadata.clone(),
            clock: self.clock.clone(),
            hidden: Vec::new(),
            guessing: true,
        }
    }

    fn discover(&self) -> Result<Arc<dyn CredentialProvider>, Error> {
        super::cos::discover(self.environment())
    }

    /// The chain of AWS on this machine.
    fn discover_aws(&self) -> Result<Arc<dyn CredentialProvider>, Error> {
        super::aws::discover(self.environment())
    }

    async fn ask(&self) -> Credentials {
        self.discover().unwrap().credentials().await.unwrap()
    }

    /// The message that the user sees, with the machine's root taken out.
    #[track_caller]
    fn refusal(&self) -> String {
        self.refused(&self.discover().unwrap_err())
    }

    #[track_caller]
    fn refused(&self, error: &Error) -> String {
        assert_eq!(error.kind(), ErrorKind::Credentials);
        let shown = format!("{error} {error:?} {:?}", error.hint());
        assert!(!shown.contains("topsecret"), "{shown}");
        error.message().replace(&format!("{}/", self.root.path().display()), "")
    }
}

/// Id, key and token, for comparisons.
fn shown(credentials: &Credentials) -> (String, String, Option<String>) {
    let text = |secret: &crate::secret::Secret| String::from_utf8(secret.expose().to_vec()).unwrap();
    (credentials.id.clone(), text(&credentials.key), credentials.token.as_ref().map(text))
}

fn expected(id: &str, key: &str, token: Option<&str>) -> (String, String, Option<String>) {
    (id.to_owned(), key.to_owned(), token.map(str::to_owned))
}
