//! The places where the official tools of Tencent COS have credentials.
//!
//! The first place that has any wins:
//!
//! 1. environment variables, in pairs ([`variables`]), each with the token that belongs to it;
//! 2. the role named by `TENCENTCLOUD_CAM_ROLE_NAME`, from the metadata service of the machine;
//! 3. `~/.cos.yaml` (coscli), where `mode: CvmRole` asks for a role as well;
//! 4. `~/.cos.conf` (coscmd);
//! 5. `~/.tccli/default.credential` (tccli), or the profile that `TCCLI_PROFILE` names; its type `cvm-role` asks for
//!    a role as well;
//! 6. `~/.tencentcloud/credentials`, then `/etc/tencentcloud/credentials` (the SDKs).
//!
//! The metadata service is asked only where one of these names it, because on any other machine the question
//! would go to a stranger. Roles of another account are not assumed, and tokens for web identities not exchanged.

mod coscli;
mod format;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
mod role;
mod variable;

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use format::{Format, Found};
use role::Role;

use super::{
    Environment,
    file::{self, FileProvider},
    renewed::Renewed,
};
use crate::{
    error::{Error, ErrorKind, Result},
    signing::CredentialProvider,
    small_file,
};

/// Names the role whose keys the metadata service gives out; the official Terraform provider reads the same name.
const ROLE: &str = "TENCENTCLOUD_CAM_ROLE_NAME";
const PROFILE: &str = "TCCLI_PROFILE";

impl Environment {
    fn files(&self) -> Result<Vec<(PathBuf, Format)>> {
        let mut files = Vec::new();
        if let Some(home) = &self.home {
            files.push((home.join(".cos.yaml"), Format::CosCli));
            files.push((home.join(".cos.conf"), Format::CosCmd));
            files.push((self.tccli(home, "credential")?, Format::TcCli));
            files.push((home.join(".tencentcloud/credentials"), Format::Sdk));
        }
        files.push((self.etc.join("tencentcloud/credentials"), Format::Sdk));
        Ok(files)
    }

    fn tccli(&self, home: &Path, extension: &str) -> Result<PathBuf> {
        let profile = self.var(PROFILE).unwrap_or_else(|| "default".to_owned());
        if profile.contains(['/', '\0']) {
            return Err(Error::new(ErrorKind::Credentials, format!("{PROFILE} does not name a profile: {profile:?}")));
        }
        Ok(home.join(".tccli").join(format!("{profile}.{extension}")))
    }
}

/// The credentials of the first place that has any, in the order that this module documents.
///
/// # Errors
/// `Credentials` if a place is broken or incomplete, naming it, or if none has credentials, naming all.
///
/// # Examples
/// ```no_run
/// use sealift::credentials::{Environment, cos::discover};
///
/// let provider = discover(Environment::system())?;
/// # Ok::<(), sealift::error::Error>(())
/// ```
pub fn discover(from: Environment) -> Result<Arc<dyn CredentialProvider>> {
    if let Some(credentials) = variable::read(&|name| from.var(name))? {
        return Ok(Arc::new(credentials));
    }
    if let Some(role) = from.var(ROLE) {
        return role_of(from, Some(role));
    }
    let files = from.files()?;
    for (path, format) in &files {
        let paths = vec![path.clone()];
        let seen = file::look(&paths);
        match read(path, *format)? {
            Found::Nothing => {}
            Found::Keys(credentials) => {
                let (path, format) = (path.clone(), *format);
                let again = move || match read(&path, format)? {
                    Found::Keys(credentials) => Ok(Some(credentials)),
                    _ => Ok(None),
                };
                return Ok(Arc::new(FileProvider::new(paths, seen, credentials, again)));
            }
            Found::Role(role) => return role_of(from, role),
        }
    }
    let files: Vec<String> = files.iter().map(|(path, _)| path.display().to_string()).collect();
    Err(Error::new(
        ErrorKind::Credentials,
        format!(
            "no credentials were found: neither in the environment ({}, {ROLE}) nor in the files {}",
            variable::pairs().map(|(id, key)| format!("{id} and {key}")).collect::<Vec<_>>().join(", "),
            files.join(", ")
        ),
    )
    .with_hint("set COS_SECRET_ID and COS_SECRET_KEY, and COS_SESSION_TOKEN if the keys are temporary"))
}

fn role_of(from: Environment, role: Option<String>) -> Result<Arc<dyn CredentialProvider>> {
    Ok(Arc::new(Renewed::new(Role::new(&from.metadata, role)?, from.clock)))
}

/// What the file at `path` holds; nothing if there is none.
fn read(path: &Path, format: Format) -> Result<Found> {
    let Some(text) = file::read(path)? else { return Ok(Found::Nothing) };
    let found = format.parse(text.as_str()).map_err(|fault| fault.in_file(path))?;
    if matches!(found, Found::Keys(_)) {
        file::warn_if_others_can_read(path);
    }
    Ok(found)
}

/// The region that the user gave to the official tools, if one was.
///
/// From `COS_REGION`, `TENCENTCLOUD_REGION`, coscmd's and tccli's configuration, in this order. It is a mere hint:
/// what cannot be read is passed over.
pub fn region_hint(from: &Environment) -> Option<String> {
    let file = |path: PathBuf, region: fn(&str) -> Option<String>| region(&small_file::read_text(&path).ok()?);
    from.var("COS_REGION")
        .or_else(|| from.var("TENCENTCLOUD_REGION"))
        .or_else(|| file(from.home.as_ref()?.join(".cos.conf"), format::coscmd_region))
        .or_else(|| file(from.tccli(from.home.as_ref()?, "configure").ok()?, format::tccli_region))
}

/// The names of the variables of this store that may hold a part of credentials.
pub fn variables() -> impl Iterator<Item = &'static str> {
    variable::names()
}
