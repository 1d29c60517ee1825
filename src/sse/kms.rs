//! What is asked of a KMS: the encryption context, and names of keys.

use std::{collections::BTreeSet, fmt};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ring::digest;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, Visitor};

use super::key::{LENIENT, hex};
use crate::error::{Error, ErrorKind, Result};

/// A KMS encryption context: a JSON object of strings, which the KMS binds to the data key.
///
/// # Examples
/// ```
/// use sealift::sse::KmsContext;
///
/// let context = KmsContext::parse(r#"{"a":"asdfa","b":"123321"}"#)?;
/// assert_eq!(context.as_base64(), "eyJhIjoiYXNkZmEiLCJiIjoiMTIzMzIxIn0=");
/// assert_eq!(KmsContext::parse(context.as_base64())?, context);
/// # Ok::<(), sealift::error::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KmsContext {
    json: String,
    base64: String,
}

impl KmsContext {
    /// Reads a JSON object of strings, or the base64 of one.
    ///
    /// The user's own bytes are kept, white space around them aside: a KMS may compare the context byte by byte.
    ///
    /// # Errors
    /// `Config` if it is neither, if a value is not a string, or if a name occurs twice (readers of JSON differ in
    /// which one they believe).
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim_matches(JSON_SPACE);
        let json = if text.starts_with('{') { text.to_owned() } else { decode(text)? };
        serde_json::from_str::<Names>(&json).map_err(|cause| {
            Error::new(ErrorKind::Config, "the KMS context is not a JSON object of strings")
                .with_hint(HINT)
                .caused_by(cause)
        })?;
        let base64 = STANDARD.encode(&json);
        Ok(Self { json, base64 })
    }

    /// What is sent: padded base64 of the JSON text.
    pub fn as_base64(&self) -> &str {
        &self.base64
    }

    /// Hex of the SHA-256 of the JSON text, by which a journal knows the context again.
    pub fn digest(&self) -> String {
        hex(digest::digest(&digest::SHA256, self.json.as_bytes()).as_ref())
    }
}

/// Checks that a name of a KMS key can be sent exactly.
pub(super) fn check_key_id(id: &str) -> Result<()> {
    let reason = match id {
        "" => "it is empty",
        _ if !id.bytes().all(|byte| byte.is_ascii_graphic()) => "it holds a space or another character than ASCII",
        _ if id.len() > 2048 => "it is longer than 2,048 characters",
        _ => return Ok(()),
    };
    Err(Error::new(ErrorKind::Config, format!("the KMS key id cannot be sent: {reason}"))
        .with_hint("give the id of a key in the bucket's region, or leave it out for the account's default key"))
}

/// Whether this names a key by an alias, which may point to another key tomorrow.
pub(super) fn is_alias(id: &str) -> bool {
    id.starts_with("alias/") || id.contains(":alias/")
}

/// Whether both name the same key: the same text, or a bare id and a resource name that ends in `key/ID`.
pub(super) fn same_key(one: &str, other: &str) -> bool {
    let names = |long: &str, bare: &str| {
        // With a colon or a slash it would itself be (the end of) a resource name, of another region perhaps.
        !bare.is_empty()
            && !bare.contains([':', '/'])
            && long.strip_suffix(bare).is_some_and(|rest| rest.ends_with(":key/") || rest.ends_with("/key/"))
    };
    one == other || names(one, other) || names(other, one)
}

/// Whether two names that answers gave can mean one key: an alias may mean any.
pub(crate) fn may_be_same_kms_key(one: &str, other: &str) -> bool {
    is_alias(one) || is_alias(other) || same_key(one, other)
}

/// Whether both are the same alias: the same text, or one of them the end of a whole resource name.
pub(super) fn same_alias(one: &str, other: &str) -> bool {
    let names = |long: &str, bare: &str| {
        bare.starts_with("alias/") && long.strip_suffix(bare).is_some_and(|rest| rest.ends_with(':'))
    };
    one == other || names(one, other) || names(other, one)
}

const JSON_SPACE: [char; 4] = [' ', '\t', '\r', '\n'];

const HINT: &str = r#"write it as JSON, such as {"project":"atlas"}, or as the base64 of that"#;

fn decode(text: &str) -> Result<String> {
    let neither = || Error::new(ErrorKind::Config, "the KMS context is neither JSON nor base64").with_hint(HINT);
    // What a decoder of base64 has to say about it helps nobody who meant to write JSON.
    let bytes = LENIENT.decode(text).map_err(|_| neither())?;
    String::from_utf8(bytes).map_err(|cause| neither().caused_by(cause.utf8_error()))
}

/// An object's names, once it is known that all its values are strings and no name occurs twice.
struct Names;

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Names;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of strings")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Names, A::Error> {
                let mut names = BTreeSet::new();
                while let Some((name, _)) = map.next_entry::<String, String>()? {
                    if names.contains(&name) {
                        return Err(A::Error::custom(format_args!("the name {name:?} occurs twice")));
                    }
                    names.insert(name);
                }
                Ok(Names)
            }
        }

        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests;
