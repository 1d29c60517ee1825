//! `~/.cos.yaml` of coscli.
//!
//! Unless `disableencryption` is `true`, coscli keeps the fields as base64 of AES-128-ECB under a key that is compiled
//! into it, padded with zeros: a disguise, not a protection. What does not have that form is taken as it stands, which
//! is what coscli does with files that were written by hand or by old versions (its `util/secret.go`, `cmd/root.go`).

use aes::{
    Aes128,
    cipher::{BlockCipherDecrypt as _, KeyInit as _},
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_norway::{Mapping, Value};
use zeroize::Zeroizing;

use super::{
    super::fault::Fault,
    format::{Fields, Found},
};

/// The key that every coscli has: its text, filled up with zeros.
const KEY: [u8; 16] = *b"coscli-secret\0\0\0";

/// Reads the section `cos.base`.
pub(super) fn parse(text: &str) -> Result<Found, Fault> {
    let file: Value = serde_norway::from_str(text)
        .map_err(|err| Fault::new("it is not YAML").at(err.location().map(|location| location.line())))?;
    let Some(Value::Mapping(mut base)) = section(file, "cos").and_then(|cos| section(cos, "base")) else {
        return Ok(Found::Nothing);
    };
    if text_of(&mut base, "mode")?.is_some_and(|mode| mode == "CvmRole") {
        return Ok(Found::Role(text_of(&mut base, "cvmrolename")?));
    }
    let plain = match take(&mut base, "disableencryption") {
        Some(Value::Bool(plain)) => plain,
        Some(Value::String(plain)) => plain == "true",
        _ => false,
    };
    let mut read = |name: &str| -> Result<Option<String>, Fault> {
        match text_of(&mut base, name)? {
            Some(text) if !plain => undisguise(name, text),
            text => Ok(text),
        }
    };
    Fields { id: read("secretid")?, key: read("secretkey")?, token: read("sessiontoken")? }
        .found(["secretid", "secretkey"])
}

/// A field, moved out; names are compared as coscli does, without regard to case.
fn take(mapping: &mut Mapping, name: &str) -> Option<Value> {
    let name = mapping.keys().find(|key| key.as_str().is_some_and(|key| key.eq_ignore_ascii_case(name)))?.clone();
    mapping.remove(&name)
}

fn section(of: Value, name: &str) -> Option<Value> {
    match of {
        Value::Mapping(mut mapping) => take(&mut mapping, name),
        _ => None,
    }
}

/// A field's text; an empty one counts as absent.
fn text_of(mapping: &mut Mapping, name: &str) -> Result<Option<String>, Fault> {
    match take(mapping, name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text).filter(|text| !text.is_empty())),
        Some(_) => Err(Fault::new(format!("{name} is not a text")).with_hint("put it between quotes")),
    }
}

/// The text behind coscli's disguise; `None` if that is empty.
fn undisguise(name: &str, text: String) -> Result<Option<String>, Fault> {
    let Ok(bytes) = STANDARD.decode(&text) else { return Ok(Some(text)) };
    let (text, mut bytes) = (Zeroizing::new(text), Zeroizing::new(bytes));
    if bytes.is_empty() || bytes.len() % 16 != 0 {
        return Ok(Some(String::clone(&text)));
    }
    let cipher = Aes128::new(&KEY.into());
    for block in bytes.as_chunks_mut::<16>().0 {
        cipher.decrypt_block(block.into());
    }
    let length = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    match str::from_utf8(&bytes[..length]) {
        Ok(text) if text.bytes().all(|byte| byte.is_ascii_graphic()) => {
            Ok(Some(text.to_owned()).filter(|text| !text.is_empty()))
        }
        _ => Err(Fault::new(format!("{name} is not as coscli writes it")).with_hint(
            "if the keys stand there as they are, add disableencryption: \"true\"; else run `coscli config set` again",
        )),
    }
}
