//! Makes customer keys, and shows which one a source holds.

use std::{
    ffi::OsStr,
    io::{self, IsTerminal as _},
    path::Path,
};

use serde_json::json;

use super::{console::Console, sse_key::KeySource};
use crate::{
    error::{Error, ErrorKind, Result},
    sse::CustomerKey,
};

/// Without a salt of their own, fingerprints of the same key are equal everywhere, which is what they are for here.
const SALT: &[u8] = b"sealift key check";

/// Makes a key, into a new file or onto stdout.
pub(super) fn new(out: Option<&Path>, console: &Console) -> Result<()> {
    let Some(path) = out else { return print(console) };
    let key = CustomerKey::generate()?;
    key.save_new(path)?;
    let (md5, fingerprint) = (key.md5_base64(), key.fingerprint(SALT));
    if console.json() {
        return console.value(&json!({ "file": path.display().to_string(), "md5": md5, "fingerprint": fingerprint }));
    }
    console.note(&format!("{}: a fresh key, readable by you alone", path.display()));
    console.note(&format!("  MD5          {md5}\n  fingerprint  {fingerprint}"));
    console.note("Keep a copy in a safe place: without it, nobody can read what is encrypted under it.");
    Ok(())
}

/// Shows the MD5 and the fingerprint of the key at `source`.
pub(super) fn check(source: &OsStr, console: &Console) -> Result<()> {
    let key = KeySource::parse(source)?.key(console)?;
    let (md5, fingerprint) = (key.md5_base64(), key.fingerprint(SALT));
    if console.json() {
        console.value(&json!({ "md5": md5, "fingerprint": fingerprint }))
    } else {
        console.data(format!("MD5          {md5}\nfingerprint  {fingerprint}\n").as_bytes())
    }
}

/// The key onto stdout, which must lead into a program or a file.
fn print(console: &Console) -> Result<()> {
    if io::stdout().is_terminal() {
        return Err(Error::new(ErrorKind::Config, "a key is not shown on a terminal")
            .with_hint("write it to a new file with --out FILE, or pipe it into another program"));
    }
    if console.json() {
        return Err(Error::new(ErrorKind::Config, "with --json a key cannot go to standard output")
            .with_hint("write it to a new file with --out FILE"));
    }
    // One line of base64: the form that survives editors and copying.
    let mut line = CustomerKey::generate()?.reveal_base64();
    line.push('\n');
    console.data(line.as_bytes())
}
