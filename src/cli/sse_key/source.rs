//! `file:PATH`, `env:NAME`, `fd:N`, `command:CMD`.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, Read},
    os::unix::{ffi::OsStrExt as _, fs::MetadataExt as _},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use zeroize::Zeroizing;

use crate::{
    cli::console::Console,
    credentials,
    error::{Error, ErrorKind, Result},
    secret::Secret,
};

/// No form of a key is longer than 65 bytes; more than this is surely something else.
const LIMIT: usize = 256;

/// Where a key is.
// No `Debug`: a command can hold a secret.
pub(in crate::cli) enum KeySource {
    /// A file's content.
    File(PathBuf),
    /// An environment variable's value.
    Env(OsString),
    /// What an inherited file descriptor gives.
    Descriptor(u32),
    /// What a shell command prints.
    Command(OsString),
}

impl KeySource {
    /// Reads the form only. The text is never quoted in an error, because it could be a key.
    ///
    /// # Errors
    /// `Config` for any other form.
    pub(in crate::cli) fn parse(text: &OsStr) -> Result<Self> {
        let bytes = text.as_bytes();
        let rest = |prefix: &str| bytes.strip_prefix(prefix.as_bytes()).map(OsStr::from_bytes);
        let source = if let Some(path) = rest("file:") {
            (!path.is_empty()).then(|| Self::File(path.into()))
        } else if let Some(name) = rest("env:") {
            let sound = !name.is_empty() && !name.as_bytes().iter().any(|byte| matches!(byte, b'=' | 0));
            sound.then(|| Self::Env(name.to_owned()))
        } else if let Some(number) = rest("fd:") {
            number
                .to_str()
                .filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()))
                .and_then(|text| text.parse().ok())
                .map(Self::Descriptor)
        } else if let Some(command) = rest("command:") {
            (!command.is_empty()).then(|| Self::Command(command.to_owned()))
        } else {
            None
        };
        source.ok_or_else(|| {
            let error = Error::new(
                ErrorKind::Config,
                "the source of the key is none of file:PATH, env:NAME, fd:N and command:CMD",
            );
            // The name of a file that exists is no key.
            if Path::new(text).is_file() {
                return error.with_hint(format!("did you mean file:{}?", Path::new(text).display()));
            }
            error.with_hint(
                "for a file say file:PATH; a key itself is never an argument, where every process could read it",
            )
        })
    }

    /// What the source holds.
    pub(super) fn read(&self, console: &Console) -> Result<Secret> {
        match self {
            Self::File(path) => from_file(path, console),
            Self::Env(name) => from_variable(name),
            Self::Descriptor(number) => from_descriptor(*number),
            Self::Command(command) => from_command(command),
        }
    }
}

fn from_file(path: &Path, console: &Console) -> Result<Secret> {
    let failed = |error: io::Error| {
        Error::new(ErrorKind::Config, format!("cannot read the key file {}", path.display())).caused_by(error)
    };
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if metadata.is_dir() {
        return Err(Error::new(ErrorKind::Config, format!("the key file {} is a directory", path.display())));
    }
    if metadata.is_file() && metadata.mode() & 0o077 != 0 {
        let path = path.display();
        console
            .warn(&format!("the key file {path} can be read by other users of this machine; see `chmod 600 {path}`"));
    }
    read_limited(file).map_err(failed)
}

fn from_variable(name: &OsStr) -> Result<Secret> {
    match env::var_os(name) {
        Some(value) => Ok(Secret::new(value.into_encoded_bytes())),
        None => Err(Error::new(ErrorKind::Config, format!("the variable {} with the key is not set", name.display()))),
    }
}

fn from_descriptor(number: u32) -> Result<Secret> {
    let failed = |error: io::Error| {
        Error::new(ErrorKind::Config, format!("cannot read the key from file descriptor {number}"))
            .with_hint("open it for reading on a file or a pipe, such as `sealift … --sse-key fd:3 3<my.key`")
            .caused_by(error)
    };
    if number == 0 {
        return read_limited(io::stdin().lock()).map_err(failed);
    }
    // Taking over a descriptor by its number needs unsafe code; opening it again by its name does not.
    let by_name = if cfg!(target_os = "linux") { "/proc/self/fd" } else { "/dev/fd" };
    File::open(format!("{by_name}/{number}")).and_then(read_limited).map_err(failed)
}

fn from_command(command: &OsStr) -> Result<Secret> {
    // Neither the command nor its output is quoted: both can hold secrets.
    let failed =
        |error: io::Error| Error::new(ErrorKind::Config, "cannot run the command for the key").caused_by(error);
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(command).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    for name in credentials::variables() {
        shell.env_remove(name);
    }
    let mut child = shell.spawn().map_err(failed)?;
    let output = child.stdout.take().map_or_else(|| Ok(Secret::new([])), read_limited);
    if output.is_err() {
        // A command that prints without end would not end by itself.
        let _ = child.kill();
    }
    let status = child.wait().map_err(failed)?;
    let output = output.map_err(failed)?;
    if !status.success() {
        return Err(Error::new(ErrorKind::Config, format!("the command for the key failed: {status}")).with_hint(
            "what it prints on stderr is shown above; a passphrase prompt must use the terminal, not stdin",
        ));
    }
    Ok(output)
}

/// Everything that `source` gives, if it is short enough to be a key.
fn read_limited(mut source: impl Read) -> io::Result<Secret> {
    // One buffer of fixed size: a growing one would leave copies behind.
    let mut buffer = Zeroizing::new([0_u8; LIMIT + 1]);
    let mut filled = 0;
    while filled < buffer.len() {
        match source.read(&mut buffer[filled..]) {
            Ok(0) => return Ok(Secret::new(&buffer[..filled])),
            Ok(more) => filled += more,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::new(io::ErrorKind::InvalidData, format!("it holds more than {LIMIT} bytes, which no key does")))
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::PermissionsExt as _};

    use super::*;

    fn read(source: &str) -> Result<Secret> {
        KeySource::parse(OsStr::new(source))?.read(&Console::new(false, true))
    }

    #[track_caller]
    fn refused(source: &str, says: &str) {
        let error = read(source).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config);
        let chain =
            format!("{error}: {}", std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default());
        assert!(chain.contains(says), "{chain}");
    }

    #[test]
    fn what_is_no_source_is_refused_without_being_quoted() {
        let key = "MDEyMzQ1Njc4OUFCQ0RFRjAxMjM0NTY3ODlBQkNERUY";
        for text in [key, "", "file", "file:", "env:", "env:A=B", "fd:", "fd:-1", "fd:x", "fd:+3", "command:", "pass:x"]
        {
            let error = read(text).unwrap_err();
            assert!(error.to_string().contains("file:PATH"), "{error}");
            assert!(!format!("{error:?}{:?}", error.hint()).contains(key));
        }
    }

    #[test]
    fn a_forgotten_prefix_is_guessed_where_the_file_exists() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("backup.key");
        assert!(read(path.to_str().unwrap()).unwrap_err().hint().unwrap().contains("file:PATH"));
        fs::write(&path, b"0123456789ABCDEF0123456789ABCDEF").unwrap();
        let error = read(path.to_str().unwrap()).unwrap_err();
        assert_eq!(error.hint(), Some(format!("did you mean file:{}?", path.display()).as_str()));
    }

    #[test]
    fn a_file_gives_its_bytes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs::write(&path, b"0123456789ABCDEF0123456789ABCDEF").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        assert_eq!(read(&format!("file:{}", path.display())).unwrap().expose(), b"0123456789ABCDEF0123456789ABCDEF");
    }

    #[test]
    fn what_cannot_hold_a_key_is_refused_with_the_reason() {
        let folder = tempfile::tempdir().unwrap();
        refused(&format!("file:{}", folder.path().display()), "is a directory");
        refused("file:/nonexistent/key", "No such file");
        refused("file:/dev/zero", "more than 256 bytes");
        refused("env:SEALIFT_SURELY_NOT_SET", "SEALIFT_SURELY_NOT_SET");
        refused("fd:999999", "file descriptor 999999");
        refused("command:exit 3", "exit status: 3");
        refused("command:cat /dev/zero", "more than 256 bytes");
    }

    #[test]
    fn a_command_gives_what_it_prints_and_sees_no_credentials() {
        assert_eq!(read("command:printf abc").unwrap().expose(), b"abc");
        let names = credentials::variables().collect::<Vec<_>>().join("|");
        let count = read(&format!("command:env | grep -cE '^({names})='; true")).unwrap();
        assert_eq!(count.expose(), b"0\n");
    }
}
