//! `file:PATH`, `env:NAME`, `fd:N`, `command:CMD`.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs::File,
    io::{self, IsTerminal as _, Read},
    os::unix::{ffi::OsStrExt as _, fs::MetadataExt as _},
    path::{Path, PathBuf},
    sync::mpsc,
    thread,
    time::Duration,
};

use zeroize::Zeroizing;

use super::{
    command,
    descriptor::{Descriptor, unfit},
};
use crate::{
    cli::console::Console,
    error::{Error, ErrorKind, Result},
    secret::Secret,
    sse::CustomerKey,
};

/// No form of a key is longer than 65 bytes; more than this is surely something else.
const LIMIT: usize = 256;
/// How long the source may give nothing before it is said that it is being waited for.
const SILENCE: Duration = Duration::from_secs(2);

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

    /// Whether the key would be taken from what is our standard input, by whatever name.
    pub(super) fn is_standard_input(&self) -> bool {
        let found = match self {
            Self::Descriptor(0) => return true,
            Self::Descriptor(number) => Descriptor::of(*number).and_then(|it| it.0.metadata()),
            Self::File(path) => path.metadata(),
            Self::Env(_) | Self::Command(_) => return false,
        };
        let stdin = rustix::fs::fstat(io::stdin());
        found.is_ok_and(|found| stdin.is_ok_and(|stdin| (stdin.st_dev, stdin.st_ino) == (found.dev(), found.ino())))
    }

    /// What the source holds.
    pub(super) fn read(&self, console: &Console) -> Result<Secret> {
        match self {
            Self::File(path) => patiently(console, || from_file(path, console)),
            Self::Env(name) => from_variable(name),
            Self::Descriptor(number) => patiently(console, || from_descriptor(*number)),
            Self::Command(command) => command::run(command),
        }
    }
}

/// Does work that may wait for somebody, and says so where it does.
fn patiently<T>(console: &Console, work: impl FnOnce() -> T) -> T {
    thread::scope(|scope| {
        let (working, ended) = mpsc::channel::<()>();
        // Where there are no more threads, it waits without a word.
        let _ = thread::Builder::new().name("sealift-key".to_owned()).spawn_scoped(scope, move || {
            if ended.recv_timeout(SILENCE) == Err(mpsc::RecvTimeoutError::Timeout) {
                console.warn("waiting for the key: nobody has written it to its source yet");
            }
        });
        let outcome = work();
        drop(working);
        outcome
    })
}

fn from_file(path: &Path, console: &Console) -> Result<Secret> {
    let failed = |error: io::Error| {
        // What exists is no key, whatever it looks like.
        if path.symlink_metadata().is_err() && looks_like_a_key(path.as_os_str()) {
            return a_key_itself("file:").caused_by(error);
        }
        Error::new(ErrorKind::Config, format!("cannot read the key file {}", path.display()))
            .with_hint("check the path and who may read it; `sealift key new --out FILE` makes a key file")
            .caused_by(error)
    };
    let file = File::open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if metadata.is_dir() {
        return Err(Error::new(ErrorKind::Config, format!("the key file {} is a directory", path.display()))
            .with_hint("name the file in it that holds the key"));
    }
    if file.is_terminal() {
        return Err(failed(unfit("it is a terminal, which would show the key")));
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
        None if looks_like_a_key(name) => Err(a_key_itself("env:")),
        None => Err(Error::new(ErrorKind::Config, format!("the variable {} with the key is not set", name.display()))
            .with_hint("set it, or name a file that holds the key: file:PATH")),
    }
}

fn from_descriptor(number: u32) -> Result<Secret> {
    Descriptor::of(number).and_then(read_limited).map_err(|error| {
        Error::new(ErrorKind::Config, format!("cannot read the key from file descriptor {number}"))
            .with_hint("open it for reading on a file or a pipe, such as `sealift … --sse-key fd:3 3<my.key`")
            .caused_by(error)
    })
}

/// Whether a name has one of the forms of a key.
fn looks_like_a_key(name: &OsStr) -> bool {
    CustomerKey::parse(Secret::new(name.as_bytes())).is_ok()
}

/// The error for a key in the place of its source, which is not quoted.
fn a_key_itself(prefix: &str) -> Error {
    Error::new(
        ErrorKind::Config,
        format!("what follows {prefix} is not there and looks like a key itself, so that it is not shown"),
    )
    .with_hint(
        "if it is one, it may be in the history of the shell now: remove it there, and name its place, such as \
         file:PATH",
    )
}

/// Everything that `source` gives, if it is short enough to be a key.
pub(super) fn read_limited(mut source: impl Read) -> io::Result<Secret> {
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
    use crate::credentials;

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
    fn a_key_behind_the_wrong_prefix_is_not_quoted_unless_it_is_a_name_that_exists() {
        let raw = "0123456789ABCDEF0123456789ABCDEF";
        let hex = "30313233343536373839414243444546".repeat(2);
        let base64 = "MDEyMzQ1Njc4OUFCQ0RFRjAxMjM0NTY3ODlBQkNERUY";
        for (prefix, key) in
            [("file:", raw), ("file:", &hex), ("file:", base64), ("env:", raw), ("env:", &hex), ("env:", base64)]
        {
            let error = read(&format!("{prefix}{key}")).unwrap_err();
            assert!(error.to_string().contains("looks like a key") && error.hint().unwrap().contains("history"));
            assert!(!format!("{error:?}{error}{:?}", error.hint()).contains(key), "{error}");
        }
        refused(&format!("env:{}", &base64[1..]), &base64[1..]);
        let folder = tempfile::tempdir_in("/tmp").unwrap();
        // Of 32 bytes in all, but there.
        let path = format!("{}/{}", folder.path().display(), "k".repeat(31 - folder.path().as_os_str().len()));
        fs::create_dir(&path).unwrap();
        refused(&format!("file:{path}"), &path);
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
        refused("fd:1", "the program itself writes to it");
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
