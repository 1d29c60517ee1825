//! Where credentials come from: the environment and files that the official tools use, and the machine's role.
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
//! A place that is there but broken is an error, never skipped: else other credentials than those meant would be
//! used. The metadata service is asked only where one of these names it, because on any other machine the question
//! would go to a stranger. Roles of another account are not assumed, and tokens for web identities not exchanged.
//!
//! Variables are read once. A file is looked at again for every attempt and read again when it changed, so that an
//! upload outlives temporary keys that something else renews there.

mod coscli;
mod file;
mod format;
mod role;
#[cfg(test)]
mod tests;
mod variable;

use std::{
    env, fmt,
    path::{Path, PathBuf},
    sync::Arc,
};

use file::FileProvider;
use format::{Format, Found};
use role::RoleProvider;

use crate::{
    clock::Clock,
    error::{Error, ErrorKind, Result},
    signing::CredentialProvider,
    small_file,
};

/// Names the role whose keys the metadata service gives out; the official Terraform provider reads the same name.
const ROLE: &str = "TENCENTCLOUD_CAM_ROLE_NAME";
const PROFILE: &str = "TCCLI_PROFILE";

/// Looks a variable up.
type Variables = Box<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// The places to look at.
pub struct Environment {
    pub(crate) var: Variables,
    pub(crate) home: Option<PathBuf>,
    pub(crate) etc: PathBuf,
    pub(crate) metadata: String,
    pub(crate) clock: Clock,
}

impl Environment {
    /// The process's own variables, the user's home, and the machine's metadata service.
    pub fn system() -> Self {
        Self {
            var: Box::new(|name| env::var(name).ok()),
            home: env::home_dir(),
            etc: PathBuf::from("/etc"),
            metadata: "http://metadata.tencentyun.com".to_owned(),
            clock: Clock::system(),
        }
    }

    /// A variable that is set and not empty: scripts often empty what they mean to unset.
    fn var(&self, name: &str) -> Option<String> {
        (self.var)(name).filter(|value| !value.is_empty())
    }

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

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").field("home", &self.home).field("etc", &self.etc).finish_non_exhaustive()
    }
}

/// The credentials of the first place that has any, in the order that this module documents.
///
/// # Errors
/// `Credentials` if a place is broken or incomplete, naming it, or if none has credentials, naming all.
///
/// # Examples
/// ```no_run
/// use sealift::credentials::{Environment, discover};
///
/// let provider = discover(Environment::system())?;
/// # Ok::<(), sealift::error::Error>(())
/// ```
pub fn discover(from: Environment) -> Result<Arc<dyn CredentialProvider>> {
    if let Some(credentials) = variable::read(&|name| from.var(name))? {
        return Ok(Arc::new(credentials));
    }
    if let Some(role) = from.var(ROLE) {
        return Ok(Arc::new(RoleProvider::new(&from.metadata, Some(role), from.clock)?));
    }
    let files = from.files()?;
    for (path, format) in &files {
        let seen = file::stamp(path);
        match file::read(path, *format)? {
            Found::Nothing => {}
            Found::Keys(credentials) => return Ok(Arc::new(FileProvider::new(path, *format, seen, credentials))),
            Found::Role(role) => return Ok(Arc::new(RoleProvider::new(&from.metadata, role, from.clock)?)),
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

/// The names of all variables that may hold a part of credentials, for those who must not pass them on.
pub fn variables() -> impl Iterator<Item = &'static str> {
    variable::names()
}
