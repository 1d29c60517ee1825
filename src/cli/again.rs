//! The command line that goes on with an upload, as text for a shell.

use std::{
    ffi::{OsStr, OsString},
    fmt::Write as _,
    os::unix::ffi::OsStrExt as _,
};

/// Variables that say which store is meant. Another shell may not have them, and would go on at another store.
const PLACES: [&str; 7] = [
    "SEALIFT_ENDPOINT",
    "SEALIFT_REGION",
    "SEALIFT_CA_CERT",
    "AWS_ENDPOINT_URL_S3",
    "AWS_ENDPOINT_URL",
    "AWS_CA_BUNDLE",
    "AWS_REGION",
];

/// The command line of this process, so that it can be pasted into a shell to go on where this run has stopped.
pub(super) fn command() -> String {
    let places = PLACES.iter().filter_map(|name| Some((*name, std::env::var_os(name)?)));
    with_places(places.filter(|(_, value)| !value.is_empty()), &of(std::env::args_os()))
}

/// The command behind the variables that it needs.
fn with_places(places: impl IntoIterator<Item = (&'static str, OsString)>, command: &str) -> String {
    let places = places.into_iter().map(|(name, value)| format!("{name}={} ", quoted(&value)));
    places.collect::<String>() + command
}

/// `--restart` is left out, because it would remove what is to be gone on with. What may hold a secret is masked: this
/// text may end up in a log that the command line itself never reached.
fn of(args: impl IntoIterator<Item = OsString>) -> String {
    let mut words = Vec::new();
    let (mut options, mut masks_next) = (true, None);
    for arg in args {
        if let Some(mask) = masks_next.take() {
            words.push(if options { quoted(masked(mask, &arg).as_os_str()) } else { quoted(&arg) });
            continue;
        }
        match arg.to_str() {
            Some("--") => options = false,
            Some("--restart") if options => continue,
            Some(text) if options => {
                let found = MASKED.iter().find(|(name, _)| text.split('=').next() == Some(name));
                match (found, text.split_once('=')) {
                    (Some((name, mask)), Some((_, value))) => {
                        words.push(format!("{name}={}", quoted(&masked(*mask, OsStr::new(value)))));
                        continue;
                    }
                    (Some((_, mask)), None) => masks_next = Some(*mask),
                    (None, _) => {}
                }
            }
            _ => {}
        }
        words.push(quoted(&arg));
    }
    words.join(" ")
}

/// What is left readable of an option's value.
#[derive(Clone, Copy)]
enum Mask {
    /// Nothing.
    All,
    /// Sources that name a place. A command may hold the key itself.
    AllButPlaces,
}

const MASKED: [(&str, Mask); 2] = [("--sse-key", Mask::AllButPlaces), ("--sse-kms-context", Mask::All)];

fn masked(mask: Mask, value: &OsStr) -> OsString {
    let is_place =
        value.to_str().is_some_and(|text| ["file:", "env:", "fd:"].iter().any(|place| text.starts_with(place)));
    match mask {
        Mask::AllButPlaces if is_place => value.to_owned(),
        Mask::All | Mask::AllButPlaces => "***".into(),
    }
}

/// The word as a shell reads it back.
fn quoted(word: &OsStr) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"_@%+=:,./-".contains(byte);
    match word.to_str() {
        Some(text) if !text.is_empty() && text.bytes().all(|byte| plain(&byte)) => text.to_owned(),
        Some(text) if !text.chars().any(char::is_control) => format!("'{}'", text.replace('\'', r"'\''")),
        // Understood by bash, zsh and ksh; plain quotes would send the bytes to the terminal.
        _ => {
            let mut text = "$'".to_owned();
            for byte in word.as_bytes() {
                match byte {
                    b'\'' | b'\\' => text.extend(['\\', char::from(*byte)]),
                    b' '..=b'~' => text.push(char::from(*byte)),
                    other => {
                        let _ = write!(text, "\\x{other:02x}");
                    }
                }
            }
            text + "'"
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStringExt as _;

    use super::*;

    #[track_caller]
    fn check(args: &[&str], expected: &str) {
        assert_eq!(of(args.iter().map(OsString::from)), expected);
    }

    #[test]
    fn the_line_is_the_same_but_for_restart() {
        check(&["sealift", "put", "--restart", "f", "cos://b-1/k"], "sealift put f cos://b-1/k");
        check(&["sealift", "put", "--", "--restart", "cos://b-1/k"], "sealift put -- --restart cos://b-1/k");
    }

    #[test]
    fn the_store_that_variables_name_is_named_again() {
        let places = [("SEALIFT_ENDPOINT", "https://[::1]:7".into()), ("SEALIFT_CA_CERT", "my ca.pem".into())];
        let line = with_places(places, "sealift put f s3://b/k");
        assert_eq!(line, "SEALIFT_ENDPOINT='https://[::1]:7' SEALIFT_CA_CERT='my ca.pem' sealift put f s3://b/k");
        assert_eq!(with_places([], "sealift"), "sealift");
    }

    #[test]
    fn what_may_hold_a_secret_is_masked() {
        check(&["s", "--sse-key", "file:my key"], "s --sse-key 'file:my key'");
        check(&["s", "--sse-key=env:K"], "s --sse-key=env:K");
        check(&["s", "--sse-key", "command:printf abc", "f"], "s --sse-key '***' f");
        check(&["s", "--sse-key=c2VjcmV0"], "s --sse-key='***'");
        check(&["s", "--sse-kms-context", r#"{"a":"b"}"#], "s --sse-kms-context '***'");
    }

    #[test]
    fn a_shell_reads_the_words_back() {
        let words = [
            &b"plain-1.2"[..],
            b"",
            b"two words",
            b"it's",
            b"$HOME `x` \"y\" *",
            b"tab\tesc\x1b'\\",
            b"\xff\xfeab",
            "ü".as_bytes(),
        ];
        let args: Vec<OsString> = words.iter().map(|word| OsString::from_vec(word.to_vec())).collect();
        let line = of(args.clone());
        assert!(!line.chars().any(char::is_control), "{line:?}");
        let shell =
            std::process::Command::new("bash").args(["-c", &format!("printf '%s\\0' {line}")]).output().unwrap();
        let back: Vec<&[u8]> = shell.stdout.strip_suffix(b"\0").unwrap().split(|byte| *byte == 0).collect();
        assert_eq!(back, words);
    }
}
