//! XML answers as a small tree: local names only, everything bounded, nothing expanded but the five standard entities.

use std::fmt;

use quick_xml::{
    Reader,
    events::{BytesRef, Event},
};

use super::store_error::is_invisible;

/// The most that an answer may hold: more than a full page of a thousand uploads with the longest keys takes, a kilobyte
/// each, every byte of them escaped.
pub(crate) const LARGEST_ANSWER: usize = 8 << 20;

/// The documented answers nest three levels deep.
const MAX_DEPTH: usize = 16;

/// A full page of a thousand uploads has about eleven thousand elements.
const MAX_ELEMENTS: usize = 50_000;

/// An element by its local name; namespaces and attributes are ignored.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Element {
    /// The name without its prefix.
    pub(super) name: String,
    /// All character data directly inside, as it stands.
    text: String,
    /// The elements directly inside.
    children: Vec<Element>,
}

/// Why a body is not a document that could be an answer.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Malformed {
    /// Nothing but white space.
    Empty,
    /// It ends before its root element does.
    Truncated,
    /// It is longer, deeper or more crowded than any answer.
    Excessive,
    /// It breaks the rules of XML.
    IllFormed(String),
}

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the body is empty"),
            Self::Truncated => f.write_str("the body ends early"),
            Self::Excessive => f.write_str("the body is larger than any answer"),
            Self::IllFormed(reason) => write!(f, "the body is not XML: {reason}"),
        }
    }
}

impl std::error::Error for Malformed {}

impl Element {
    /// Reads a document. White space may come first: the store sends some while it is still at work.
    pub(super) fn parse(body: &[u8]) -> Result<Self, Malformed> {
        if body.len() > LARGEST_ANSWER {
            return Err(Malformed::Excessive);
        }
        // A key in the answer may hold anything; what matters, such as an id, is checked where it is used.
        let text = String::from_utf8_lossy(body);
        let text = text.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == '\u{feff}');
        if text.is_empty() {
            return Err(Malformed::Empty);
        }
        Builder::default().read(text)
    }

    /// The first element of this name directly inside.
    pub(super) fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    /// All elements of this name directly inside.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    /// The text of the first element of this name directly inside, as it stands.
    pub(super) fn raw(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.as_str())
    }

    /// The same, without blanks around it; `None` if nothing is left.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.raw(name).map(str::trim).filter(|text| !text.is_empty())
    }

    /// The same, if it can be a name or a mark of the store's: it holds no control characters, nor broken ones.
    pub(super) fn token(&self, name: &str) -> Option<&str> {
        self.text(name).filter(|text| {
            !text.contains(|c: char| c.is_control() || is_invisible(c) || c == char::REPLACEMENT_CHARACTER)
        })
    }
}

#[derive(Default)]
struct Builder {
    open: Vec<Element>,
    root: Option<Element>,
    elements: usize,
}

impl Builder {
    fn read(mut self, text: &str) -> Result<Element, Malformed> {
        let mut reader = Reader::from_str(text);
        loop {
            match reader.read_event().map_err(|error| ill_formed(&error.to_string()))? {
                Event::Start(start) => self.start(start.local_name().as_ref())?,
                Event::Empty(start) => {
                    self.start(start.local_name().as_ref())?;
                    self.end()?;
                }
                Event::End(_) => self.end()?,
                Event::Text(text) => self.text(&text.xml10_content())?,
                Event::CData(data) => self.text(&data.xml10_content())?,
                Event::GeneralRef(entity) => {
                    let character = resolve(&entity)?;
                    self.text(character.encode_utf8(&mut [0; 4]))?;
                }
                Event::DocType(_) => return Err(ill_formed("it declares a document type")),
                Event::Comment(_) | Event::Decl(_) | Event::PI(_) => {}
                Event::Eof => break,
            }
        }
        match self.root {
            Some(root) if self.open.is_empty() => Ok(root),
            _ => Err(Malformed::Truncated),
        }
    }

    fn start(&mut self, name: &str) -> Result<(), Malformed> {
        if self.root.is_some() {
            return Err(ill_formed("it has a second root"));
        }
        self.elements += 1;
        if self.open.len() >= MAX_DEPTH || self.elements > MAX_ELEMENTS {
            return Err(Malformed::Excessive);
        }
        self.open.push(Element { name: name.to_owned(), ..Element::default() });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Malformed> {
        let done = self.open.pop().ok_or_else(|| ill_formed("an element ends that did not begin"))?;
        match self.open.last_mut() {
            Some(parent) => parent.children.push(done),
            None => self.root = Some(done),
        }
        Ok(())
    }

    fn text(&mut self, text: &str) -> Result<(), Malformed> {
        match self.open.last_mut() {
            Some(element) => element.text.push_str(text),
            None if text.trim().is_empty() => {}
            None => return Err(ill_formed("it has text outside of its root")),
        }
        Ok(())
    }
}

fn resolve(entity: &BytesRef<'_>) -> Result<char, Malformed> {
    match &**entity {
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "amp" => Ok('&'),
        "apos" => Ok('\''),
        "quot" => Ok('"'),
        _ => entity.resolve_char_ref().ok().flatten().ok_or_else(|| ill_formed("it uses an unknown entity")),
    }
}

fn ill_formed(reason: &str) -> Malformed {
    Malformed::IllFormed(reason.to_owned())
}

#[cfg(test)]
mod tests;
