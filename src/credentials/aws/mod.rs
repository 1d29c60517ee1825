//! The places where the official tools of AWS have credentials.
//!
//! The first place that has any wins, in the order of the AWS CLI:
//!
//! 1. environment variables: `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`, with `AWS_SESSION_TOKEN`;
//! 2. the profile that `AWS_PROFILE` (or `AWS_DEFAULT_PROFILE`) names, else `default`, in `~/.aws/credentials` and
//!    `~/.aws/config`, or where `AWS_SHARED_CREDENTIALS_FILE` and `AWS_CONFIG_FILE` say: keys of the former file, a
//!    `credential_process`, keys of the latter;
//! 3. the service of the container that `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` or
//!    `AWS_CONTAINER_CREDENTIALS_FULL_URI` names;
//! 4. the metadata service of the machine, in version 2 of its protocol only.
//!
//! Where it differs from the AWS CLI it is stricter: a profile that is named must have credentials, for who names one
//! means no other. What needs a question to AWS itself is left out: roles to be assumed, tokens for web identities,
//! IAM Identity Center (SSO), console logins. A profile or a variable that asks for one of them is an error which says
//! how the AWS CLI can give the keys out; it is never passed over.
//!
//! Sources: <https://docs.aws.amazon.com/sdkref/latest/guide/standardized-credentials.html>; the order of
//! `create_credential_resolver` and `ProfileProviderBuilder` in botocore's `credentials.py`.

mod answer;
mod container;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod instance;
pub(super) mod process;
mod profile;

use std::sync::Arc;

use container::Container;
use instance::Instance;
use process::Process;
use profile::{Files, Found};

use super::{
    Environment,
    file::{self, FileProvider},
    half,
    renewed::Renewed,
    unusable,
};
use crate::{
    error::{Error, ErrorKind, Result},
    signing::{CredentialProvider, Credentials},
};

const ID: &str = "AWS_ACCESS_KEY_ID";
const KEY: &str = "AWS_SECRET_ACCESS_KEY";

/// The older name comes second: where both are set, it is the one that was forgotten.
const TOKENS: [&str; 2] = ["AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN"];

/// Kubernetes sets it for pods with a role of their own (IRSA).
const WEB_IDENTITY: &str = "AWS_WEB_IDENTITY_TOKEN_FILE";

/// The credentials of the first place that has any, in the order that this module documents.
///
/// Files are read at once; commands and services are asked only when credentials are needed.
///
/// # Errors
/// `Credentials` if a place is broken, incomplete or asks for what is left out, naming it, or if none has credentials,
/// naming all. Whether the metadata service has any shows only when it is asked.
///
/// # Examples
/// ```no_run
/// use sealift::credentials::{Environment, aws};
///
/// let provider = aws::discover(Environment::system())?;
/// # Ok::<(), sealift::error::Error>(())
/// ```
pub fn discover(from: Environment) -> Result<Arc<dyn CredentialProvider>> {
    if let Some(credentials) = variables_of(&from)? {
        return Ok(Arc::new(credentials));
    }
    if from.var(WEB_IDENTITY).is_some() {
        return Err(Error::new(
            ErrorKind::Credentials,
            format!("{WEB_IDENTITY} asks for a web identity, which is not supported"),
        )
        .with_hint(format!("{}; or unset {WEB_IDENTITY}", export_hint(None))));
    }
    let files = Files::of(&from);
    let paths = files.paths();
    let seen = file::look(&paths);
    let profile = files.read()?;
    match profile.found()? {
        Found::Nothing => {}
        Found::Keys(credentials) => {
            let again = move || match files.read()?.found()? {
                Found::Keys(credentials) => Ok(Some(credentials)),
                _ => Ok(None),
            };
            return Ok(Arc::new(FileProvider::new(paths, seen, credentials, again)));
        }
        Found::Process(command) => {
            let process = Process::new(&command, files.name(), &from.hidden)?;
            return Ok(Arc::new(Renewed::new(process, from.clock)));
        }
    }
    if let Some(container) = Container::of(&from)? {
        return Ok(Arc::new(Renewed::new(container, from.clock)));
    }
    let instance = Instance::of(&from, &profile, nowhere(&files))?;
    Ok(Arc::new(Renewed::new(instance, from.clock)))
}

/// The region that the user gave to the official tools, if one was.
///
/// From `AWS_REGION`, `AWS_DEFAULT_REGION`, the profile's `region`, in this order. It is a mere hint: what cannot be
/// read is passed over, and no service is asked. Source:
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-region.html>.
pub fn region_hint(from: &Environment) -> Option<String> {
    from.var("AWS_REGION")
        .or_else(|| from.var("AWS_DEFAULT_REGION"))
        .or_else(|| Files::of(from).read().ok()?.get("region").map(str::to_owned))
}

/// The endpoint that the user gave to the official tools, if one was.
///
/// From `AWS_ENDPOINT_URL_S3`, `AWS_ENDPOINT_URL`, the profile's `endpoint_url`, in this order; none of them if
/// `AWS_IGNORE_CONFIGURED_ENDPOINT_URLS` is `true`. A `services` section is not read. Whoever has set one of them does not
/// want keys and data to go anywhere else. Source:
/// <https://docs.aws.amazon.com/sdkref/latest/guide/feature-ss-endpoints.html>.
pub fn endpoint_hint(from: &Environment) -> Option<String> {
    if from.var("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return None;
    }
    from.var("AWS_ENDPOINT_URL_S3")
        .or_else(|| from.var("AWS_ENDPOINT_URL"))
        .or_else(|| Files::of(from).read().ok()?.get("endpoint_url").map(str::to_owned))
}

/// The file of certificate authorities that the user gave to the official tools, from `AWS_CA_BUNDLE`. Source:
/// <https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-envvars.html>.
pub fn authorities_hint(from: &Environment) -> Option<String> {
    from.var("AWS_CA_BUNDLE")
}

/// The names of the variables of this store that may hold a part of credentials.
pub fn variables() -> impl Iterator<Item = &'static str> {
    [ID, KEY, container::TOKEN].into_iter().chain(TOKENS)
}

fn variables_of(from: &Environment) -> Result<Option<Credentials>> {
    let (id, key) = match (from.var(ID), from.var(KEY)) {
        (None, None) => return Ok(None),
        (Some(id), Some(key)) => (id, key),
        (Some(_), None) => return Err(half(ID, KEY)),
        (None, Some(_)) => return Err(half(KEY, ID)),
    };
    let credentials = Credentials::new(id, key).map_err(|err| unusable(&err, &format!("{ID} and {KEY}")))?;
    match TOKENS.iter().find_map(|name| Some((name, from.var(name)?))) {
        None => Ok(Some(credentials)),
        Some((name, token)) => credentials.with_token(token).map(Some).map_err(|err| unusable(&err, name)),
    }
}

/// Where no credentials were found, up to the metadata service.
fn nowhere(files: &Files) -> String {
    format!(
        "no credentials were found: neither in the environment ({ID} and {KEY}, {}, {}), nor in the profile {:?} of {}, \
         nor from the metadata service of the machine",
        container::RELATIVE,
        container::FULL,
        files.name(),
        profile::shown(&files.paths(), " and "),
    )
}

/// How to get keys that only the AWS CLI can get; see
/// <https://docs.aws.amazon.com/cli/latest/reference/configure/export-credentials.html>.
fn export_hint(profile: Option<&str>) -> String {
    let profile = profile.and_then(|name| shlex::try_quote(name).ok()).map(|name| format!(" --profile {name}"));
    let command = format!("aws configure export-credentials{}", profile.unwrap_or_default());
    format!(
        "let the AWS CLI give the keys out: `eval \"$({command} --format env)\"`, or, so that they are renewed, a \
         profile with `credential_process = {command}`"
    )
}
