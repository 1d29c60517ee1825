//! What a refusal's body says, in all the shapes that stores and the gateways before them use.

use http::{HeaderMap, HeaderName};
use serde_json::Value;

use super::{RawAnswer, answer::lossy, xml::Element};
use crate::dialect::Dialect;

/// How much of an unknown text gets into a message, in characters.
const MAX_MESSAGE: usize = 300;

/// The longest code known has 33 characters; a customer key in base64 has 44.
const MAX_CODE: usize = 40;

/// A run of so many characters without a gap may be a key, a token or a signature that the store repeats.
const MAX_RUN: usize = 40;

/// How much of an answer is looked at for its meaning; a refusal is short.
pub(crate) const LARGEST_REFUSAL: usize = 64 << 10;

/// The body of a refusal: XML, JSON, HTML, plain text or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoreError {
    /// The store's own code; empty if there is none.
    pub code: String,
    /// Its message, cut to a sentence or two; empty if there is none.
    pub message: String,
    /// The store's identifier of the request; without one the answer did not come from the store.
    pub request_id: Option<String>,
}

impl StoreError {
    /// Reads the answer to a call that was refused.
    pub fn read(dialect: Dialect, answer: &RawAnswer) -> Self {
        let body = answer.body.get(..LARGEST_REFUSAL).unwrap_or(&answer.body);
        let mut error = match Element::parse(body) {
            Ok(root) if root.name == "Error" => Self::from_xml(dialect, &root),
            _ => Self::from_json(dialect, body).unwrap_or_else(|| Self::from_text(dialect, body)),
        };
        error.request_id = request_id(dialect, &answer.headers);
        error
    }

    /// Reads an `<Error>` element.
    pub(super) fn from_xml(dialect: Dialect, root: &Element) -> Self {
        Self::from_fields(dialect, root.text("Code"), root.text("Message"))
    }

    /// Reads an object with `code` and `message`, whatever their case; some gateways wrap it in another one.
    fn from_json(dialect: Dialect, body: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(body).ok()?;
        let object = value.as_object()?;
        let field = |name: &str| {
            object.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).and_then(|(_, value)| match value {
                Value::String(text) => Some(text.clone()),
                Value::Number(number) => Some(number.to_string()),
                _ => None,
            })
        };
        let (code, message) = (field("code"), field("message"));
        (code.is_some() || message.is_some()).then(|| Self::from_fields(dialect, code.as_deref(), message.as_deref()))
    }

    /// Reads a page that people should see: its title if it has one, else its words.
    fn from_text(dialect: Dialect, body: &[u8]) -> Self {
        let text = String::from_utf8_lossy(body);
        let words = title(&text).unwrap_or_else(|| without_tags(&text));
        Self::from_fields(dialect, None, Some(&words))
    }

    fn from_fields(dialect: Dialect, code: Option<&str>, message: Option<&str>) -> Self {
        let code = code.unwrap_or_default();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
        let code = if code.len() < MAX_CODE && code.bytes().all(plain) { code } else { "" };
        Self { code: code.to_owned(), message: presentable(dialect, message.unwrap_or_default()), request_id: None }
    }
}

/// The longest identifier of a request that is kept. The store's own have some fifty characters.
const MAX_REQUEST_ID: usize = 128;

/// The store's identifier of a request.
pub(crate) fn request_id(dialect: Dialect, headers: &HeaderMap) -> Option<String> {
    let id = lossy(headers, &HeaderName::from_static(dialect.names().request_id))?;
    let id: String = id.trim().chars().filter(char::is_ascii_graphic).take(MAX_REQUEST_ID).collect();
    (!id.is_empty()).then_some(id)
}

/// Foreign text made fit for a message: one line, short, and without anything that could be a secret.
fn presentable(dialect: Dialect, text: &str) -> String {
    let printable = unescaped(text).replace(|c: char| c.is_control() || is_invisible(c), " ");
    let words = printable.split_whitespace().map(|word| masked(dialect, word)).collect::<Vec<_>>().join(" ");
    let words = words.trim_end_matches(['.', ' ']);
    match words.char_indices().nth(MAX_MESSAGE) {
        Some((end, _)) => format!("{}…", words.get(..end).unwrap_or_default()),
        None => words.to_owned(),
    }
}

/// Text with its character references resolved, so that none of them cuts a key into pieces too short to be masked.
///
/// A page may be escaped more than once on its way through gateways.
pub(crate) fn unescaped(text: &str) -> String {
    const PASSES: usize = 4;
    let mut text = text.to_owned();
    for _ in 0..PASSES {
        let once = unescaped_once(&text);
        if once == text {
            break;
        }
        text = once;
    }
    text
}

fn unescaped_once(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, reference)) = rest.split_once('&') {
        plain.push_str(before);
        // As browsers read it: a number ends with its last digit, and its semicolon may be missing.
        let end = match reference.strip_prefix('#') {
            Some(number) => {
                let (mark, digits) = number.strip_prefix(['x', 'X']).map_or((1, number), |hex| (2, hex));
                let radix = if mark == 1 { 10 } else { 16 };
                mark + digits.find(|c: char| !c.is_digit(radix)).unwrap_or(digits.len())
            }
            None => reference.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(reference.len()),
        };
        let (name, after) = reference.split_at(end);
        if let Some(character) = character(name) {
            plain.push(character);
            rest = after.strip_prefix(';').unwrap_or(after);
        } else {
            plain.push('&');
            rest = reference;
        }
    }
    plain.push_str(rest);
    plain
}

/// What a reference stands for: any number, the names of XML, and those that HTML has for characters of keys.
fn character(name: &str) -> Option<char> {
    if let Some(number) = name.strip_prefix('#') {
        let code = match number.strip_prefix(['x', 'X']) {
            Some(hex) => u32::from_str_radix(hex, 16),
            None => number.parse(),
        };
        return code.ok().and_then(char::from_u32);
    }
    Some(match name {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        "nbsp" => ' ',
        "plus" => '+',
        "sol" => '/',
        "equals" => '=',
        "percnt" => '%',
        "lowbar" => '_',
        _ => return None,
    })
}

/// Characters that a terminal obeys or hides: directions, joiners, the byte order mark.
pub(crate) fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// A word whose long runs of key-like characters are left out.
///
/// Stores have been seen to repeat request headers in messages; a customer key in hex, base64 or percent encoding
/// is such a run. So are the names of some headers, which say what the store does not like.
fn masked(dialect: Dialect, word: &str) -> String {
    let is_name = |run: &str| dialect.names().of_encryption().iter().any(|name| name.eq_ignore_ascii_case(run));
    let key_like = |c: char| c.is_ascii_alphanumeric() || "+/=%-_".contains(c);
    let mut shown = String::with_capacity(word.len());
    let mut rest = word;
    while !rest.is_empty() {
        let run = rest.find(|c| !key_like(c)).unwrap_or(rest.len());
        let gap = rest.get(run..).and_then(|tail| tail.find(key_like)).map_or(rest.len(), |gap| run + gap);
        let text = rest.get(..run).unwrap_or_default();
        // So begins every SecretId, and so a signature names it.
        let names_the_signer = text.contains("AKID") || text.contains("q-ak=");
        shown.push_str(if (run >= MAX_RUN && !is_name(text)) || names_the_signer { "[…]" } else { text });
        shown.push_str(rest.get(run..gap).unwrap_or_default());
        rest = rest.get(gap..).unwrap_or_default();
    }
    shown
}

/// The title of an HTML page.
fn title(text: &str) -> Option<String> {
    // Lower-casing ASCII keeps every position.
    let lower = text.to_ascii_lowercase();
    let start = lower.find("<title>")? + "<title>".len();
    let end = start + lower.get(start..)?.find("</title>")?;
    text.get(start..end).map(ToOwned::to_owned).filter(|title| !title.trim().is_empty())
}

/// Text without what stands between `<` and `>`.
fn without_tags(text: &str) -> String {
    let mut words = String::new();
    let mut inside = false;
    for c in text.chars() {
        match c {
            '<' => inside = true,
            '>' => {
                inside = false;
                words.push(' ');
            }
            c if !inside => words.push(c),
            _ => {}
        }
    }
    words
}

#[cfg(test)]
mod tests;
