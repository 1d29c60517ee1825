//! The profile in `~/.aws/config` and `~/.aws/credentials`.
//!
//! Sources: <https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>; the cases in `profile-parser-tests.json`
//! that the SDKs share. Where the AWS CLI takes a file that the SDKs refuse, as one that is indented throughout, this
//! takes it as well.

use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::{
    super::{
        Environment,
        fault::Fault,
        file,
        ini::{self, Section},
    },
    export_hint,
};
use crate::{
    error::{Error, ErrorKind, Result},
    signing::Credentials,
};

const ID: &str = "aws_access_key_id";
const KEY: &str = "aws_secret_access_key";
const TOKENS: [&str; 2] = ["aws_session_token", "aws_security_token"];

/// Settings that ask for what is left out, and what that is; the AWS CLI looks at them before it looks for keys.
const LEFT_OUT: &[(&str, &str)] = &[
    ("role_arn", "a role to be assumed"),
    ("web_identity_token_file", "a web identity"),
    ("sso_account_id", "IAM Identity Center (SSO)"),
    ("sso_role_name", "IAM Identity Center (SSO)"),
    ("login_session", "a console login"),
];

/// Settings that belong to those, and give no credentials by themselves.
const INCOMPLETE: &[(&str, &str)] = &[
    ("source_profile", "a role to be assumed"),
    ("credential_source", "a role to be assumed"),
    ("sso_session", "IAM Identity Center (SSO)"),
    ("sso_start_url", "IAM Identity Center (SSO)"),
];

/// Where profiles are, and which one is meant.
#[derive(Debug)]
pub(super) struct Files {
    credentials: Option<PathBuf>,
    config: Option<PathBuf>,
    /// The profile that was named, if one was.
    named: Option<String>,
}

impl Files {
    /// As the variables say.
    pub(super) fn of(from: &Environment) -> Self {
        let place = |variable: &str, usual: &str| match from.var(variable) {
            // What a shell has not expanded, as in a variable set by a service manager.
            Some(path) => match (path.strip_prefix("~/"), &from.home) {
                (Some(below), Some(home)) => Some(home.join(below)),
                _ => Some(PathBuf::from(path)),
            },
            None => from.home.as_ref().map(|home| home.join(usual)),
        };
        Self {
            credentials: place("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials"),
            config: place("AWS_CONFIG_FILE", ".aws/config"),
            named: from.var("AWS_PROFILE").or_else(|| from.var("AWS_DEFAULT_PROFILE")),
        }
    }

    /// The profile that is meant.
    pub(super) fn name(&self) -> &str {
        self.named.as_deref().unwrap_or("default")
    }

    pub(super) fn paths(&self) -> Vec<PathBuf> {
        self.credentials.iter().chain(&self.config).cloned().collect()
    }

    /// Reads the profile in both files.
    ///
    /// # Errors
    /// `Credentials` if a file cannot be read, if it is broken, or if the profile was named and is in neither.
    pub(super) fn read(&self) -> Result<Profile<'_>> {
        let name = self.name();
        let credentials = Settings::read(self.credentials.as_deref(), |section| section == name)?;
        let mut config =
            Settings::read(self.config.as_deref(), |section| profile_of(section).as_deref() == Some(name))?;
        if config.is_none() && name == "default" {
            // It counts only where there is no `[profile default]`.
            config = Settings::read(self.config.as_deref(), |section| section == "default")?;
        }
        if self.named.is_some() && credentials.is_none() && config.is_none() {
            return Err(Error::new(
                ErrorKind::Credentials,
                format!("there is no profile {name:?} in {}", shown(&self.paths(), " or ")),
            )
            .with_hint(
                "AWS_PROFILE names it; its section is [NAME] in the credentials file and [profile NAME] in the config \
                 file",
            ));
        }
        Ok(Profile { files: self, credentials, config })
    }
}

/// Paths for a message.
pub(super) fn shown(paths: &[PathBuf], between: &str) -> String {
    paths.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(between)
}

/// The profile whose section that is in the config file; its name can stand in quotes.
pub(super) fn profile_of(section: &str) -> Option<String> {
    let name = section.strip_prefix("profile").filter(|name| name.starts_with(char::is_whitespace))?;
    shlex::split(name).filter(|words| words.len() == 1)?.pop()
}

/// The settings of one profile in one file.
struct Settings {
    path: PathBuf,
    values: Vec<(String, Zeroizing<String>)>,
}

impl Settings {
    /// Those of all sections that `is_meant` picks; `None` if there is no such section, or no such file.
    fn read(path: Option<&Path>, is_meant: impl Fn(&str) -> bool) -> Result<Option<Self>> {
        // Who names it means that there is to be no file.
        let Some(path) = path.filter(|path| *path != Path::new("/dev/null")) else { return Ok(None) };
        let Some(text) = file::read(path)? else { return Ok(None) };
        let mut sections = ini::parse(&text).map_err(|fault| fault.in_file(path))?;
        sections.retain(|section| is_meant(section.name));
        if sections.is_empty() {
            return Ok(None);
        }
        let owned = |(name, value): (&str, &str)| (name.to_owned(), Zeroizing::new(value.to_owned()));
        Ok(Some(Self {
            path: path.to_owned(),
            values: sections.iter().flat_map(Section::settings).map(owned).collect(),
        }))
    }

    /// A setting as it stands. The last one counts; an empty one counts as absent.
    fn raw(&self, name: &str) -> Option<&str> {
        let (_, value) = self.values.iter().rev().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
        Some(value.as_str()).filter(|value| !value.is_empty())
    }

    /// A setting without the comment behind it.
    fn get(&self, name: &str) -> Option<&str> {
        self.raw(name).map(without_comment).filter(|value| !value.is_empty())
    }

    /// The keys; `None` if there are none. `profile` is the name of the profile that they are of.
    fn keys(&self, profile: &str) -> Result<Option<Credentials>> {
        let fault = |fault: Fault| fault.in_file(&self.path);
        let value = |name: &'static str| match self.get(name) {
            // Quotes are part of the value for every tool of AWS: the store would only call the signature wrong.
            Some(value) if value.len() > 1 && value.starts_with(['"', '\'']) && value.ends_with(['"', '\'']) => {
                Err(fault(Fault::new(format!("{name} stands between quotes")).with_hint("take the quotes away")))
            }
            value => Ok(value),
        };
        let (id, key) = match (value(ID)?, value(KEY)?) {
            (None, None) => return Ok(None),
            (Some(id), Some(key)) => (id, key),
            (Some(_), None) => return Err(fault(half(profile, ID, KEY))),
            (None, Some(_)) => return Err(fault(half(profile, KEY, ID))),
        };
        let in_place = |names: &str, err: Error| {
            let cause = Fault::from(err);
            fault(Fault { reason: format!("in {names}: {}", cause.reason).into(), ..cause })
        };
        let credentials = Credentials::new(id, key).map_err(|err| in_place(&format!("{ID} and {KEY}"), err))?;
        for name in TOKENS {
            if let Some(token) = value(name)? {
                return credentials.with_token(token).map(Some).map_err(|err| in_place(name, err));
            }
        }
        Ok(Some(credentials))
    }

    fn keys_with_warning(&self, profile: &str) -> Result<Option<Credentials>> {
        let keys = self.keys(profile)?;
        if keys.is_some() {
            file::warn_if_others_can_read(&self.path);
        }
        Ok(keys)
    }
}

/// A profile has one half of its keys.
fn half(profile: &str, has: &str, lacks: &str) -> Fault {
    Fault::new(format!("the profile {profile:?} has {has}, but no {lacks}"))
        .with_hint(format!("add {lacks} to it in this file, or name another profile with AWS_PROFILE"))
}

/// Up to a `#` or `;` behind a blank, which the SDKs agree on; further lines of a value have no comments.
pub(super) fn without_comment(value: &str) -> &str {
    if value.contains('\n') {
        return value;
    }
    let mut blank = true;
    let comment = value.find(|sign: char| {
        let starts = blank && matches!(sign, '#' | ';');
        blank = sign.is_whitespace();
        starts
    });
    comment.map_or(value, |comment| value[..comment].trim_end())
}

/// A profile as it stands in both files.
pub(super) struct Profile<'a> {
    files: &'a Files,
    credentials: Option<Settings>,
    config: Option<Settings>,
}

/// What a profile has.
#[derive(Debug)]
pub(super) enum Found {
    /// No credentials, and it was not named either.
    Nothing,
    Keys(Credentials),
    /// A command that gives keys out.
    Process(Zeroizing<String>),
}

impl Profile<'_> {
    /// A setting without the comment behind it; what the credentials file says counts before the config file.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.both().find_map(|settings| settings.get(name))
    }

    /// The first that the AWS CLI would take.
    ///
    /// # Errors
    /// `Credentials` if what it has is incomplete or left out here, or if it was named and has none.
    pub(super) fn found(&self) -> Result<Found> {
        self.refuse(LEFT_OUT)?;
        let keys = |settings: &Settings| settings.keys_with_warning(self.files.name());
        if let Some(keys) = self.credentials.as_ref().map(keys).transpose()?.flatten() {
            return Ok(Found::Keys(keys));
        }
        // As it stands: a `#` can be part of a command.
        if let Some(command) = self.both().find_map(|settings| settings.raw("credential_process")) {
            return Ok(Found::Process(Zeroizing::new(command.to_owned())));
        }
        if let Some(keys) = self.config.as_ref().map(keys).transpose()?.flatten() {
            return Ok(Found::Keys(keys));
        }
        self.refuse(INCOMPLETE)?;
        if self.files.named.is_none() {
            return Ok(Found::Nothing);
        }
        Err(Error::new(ErrorKind::Credentials, format!("the profile {:?} has no credentials", self.files.name()))
            .with_hint(format!(
                "give it {ID} and {KEY}, or a credential_process; with AWS_PROFILE unset, the container and the \
                 machine are asked for theirs"
            )))
    }

    fn both(&self) -> impl Iterator<Item = &Settings> {
        self.credentials.iter().chain(&self.config)
    }

    fn refuse(&self, settings: &[(&str, &str)]) -> Result<()> {
        let name = self.files.name();
        match settings.iter().find(|(setting, _)| self.get(setting).is_some()) {
            None => Ok(()),
            Some((setting, what)) => Err(Error::new(
                ErrorKind::Credentials,
                format!("the profile {name:?} asks for {what} ({setting}), which is not supported"),
            )
            .with_hint(export_hint(Some(name)))),
        }
    }
}
