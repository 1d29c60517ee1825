//! The chain of AWS.

mod container;
mod files;
mod instance;
mod places;
mod process;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, UNIX_EPOCH},
};

use super::{
    Machine,
    service::{START, ok},
};
use crate::{
    clock::Clock,
    error::Error,
    signing::{CredentialProvider, Credentials},
};

const CREDENTIALS: &str = "home/.aws/credentials";
const CONFIG: &str = "home/.aws/config";

/// An answer as a service gives it, with keys that expire so many seconds after the start.
fn keys(name: &str, expires: u64) -> String {
    ok(&format!(
        r#"{{"Code":"Success","Type":"AWS-HMAC","AccessKeyId":"{name}","SecretAccessKey":"KEY-{name}","Token":"TOKEN-{name}","Expiration":"{}"}}"#,
        date(expires)
    ))
}

/// So many seconds after the start, which is 2023-11-14T22:13:20Z.
fn date(seconds: u64) -> String {
    let of_day = 22 * 3600 + 13 * 60 + 20 + seconds;
    let (day, hour) = (14 + of_day / 86_400, of_day / 3600 % 24);
    format!("2023-11-{day:02}T{hour:02}:{:02}:{:02}Z", of_day / 60 % 60, of_day % 60)
}

/// A machine whose clock is set by hand in seconds after the start.
fn machine() -> (Machine, Arc<AtomicU64>) {
    let seconds = Arc::new(AtomicU64::new(0));
    let clock = seconds.clone();
    let mut machine = Machine::new();
    machine.clock = Clock::from_fn(move || UNIX_EPOCH + Duration::from_secs(START + clock.load(Ordering::SeqCst)));
    (machine, seconds)
}

async fn ask(machine: &Machine) -> Credentials {
    machine.discover_aws().unwrap().credentials().await.unwrap()
}

async fn id(provider: &Arc<dyn CredentialProvider>) -> String {
    provider.credentials().await.unwrap().id().to_owned()
}

/// The error of the first question, wherever it shows.
async fn failure(machine: &Machine) -> Error {
    let error = match machine.discover_aws() {
        Err(error) => error,
        Ok(provider) => provider.credentials().await.unwrap_err(),
    };
    let shown = format!("{error} {error:?} {:?}", error.hint());
    assert!(!shown.contains("topsecret"), "{shown}");
    error
}
