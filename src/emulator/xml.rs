//! XML documents, written and read.

use quick_xml::{escape::escape, events::Event};
use serde::Deserialize;

use super::{
    answer::Refusal,
    checksum::{Algorithm, Checksum, Kind},
    dialect::Spoken,
    number,
};

pub(super) const DECLARATION: &str = r#"<?xml version="1.0" encoding="UTF-8"?>"#;

/// A document being written, element by element and without white space.
#[derive(Debug)]
pub(super) struct Document {
    text: String,
    open: Vec<&'static str>,
}

impl Document {
    pub(super) fn new(dialect: Spoken, root: &'static str) -> Self {
        let mut document = Self::without_namespace(root);
        if let Some(namespace) = dialect.names().namespace {
            document.text.truncate(document.text.len() - 1);
            document.text.extend([" xmlns=\"", namespace, "\">"]);
        }
        document
    }

    fn without_namespace(root: &'static str) -> Self {
        let mut document = Self { text: DECLARATION.to_owned(), open: Vec::new() };
        document.begin(root);
        document
    }

    pub(super) fn begin(&mut self, name: &'static str) -> &mut Self {
        self.text.extend(["<", name, ">"]);
        self.open.push(name);
        self
    }

    pub(super) fn end(&mut self) -> &mut Self {
        if let Some(name) = self.open.pop() {
            self.text.extend(["</", name, ">"]);
        }
        self
    }

    /// An element with text. Control characters, which XML cannot hold, stay as they are, so that the document is
    /// ill-formed: the Go SDK of COS (`helper.go`) is prepared for keys that do that, and lists can be had with encoded
    /// names.
    pub(super) fn text(&mut self, name: &'static str, text: &str) -> &mut Self {
        // A carriage return in text is read back as a line feed, unless it is escaped (XML 1.0, 2.11).
        let escaped = escape(text).replace('\r', "&#13;");
        self.text.extend(["<", name, ">", &escaped, "</", name, ">"]);
        self
    }

    /// Text within the open element.
    pub(super) fn content(&mut self, text: &str) -> &mut Self {
        self.text.push_str(&escape(text));
        self
    }

    pub(super) fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.end();
        }
        self.text
    }
}

/// A document as it may stand after white space: a declaration may not.
pub(super) fn without_declaration(document: &str) -> &str {
    document.strip_prefix(DECLARATION).unwrap_or(document)
}

/// An error document (/document/product/436/7730).
pub(super) fn error(dialect: Spoken, refusal: &Refusal, resource: &str, request_id: &str, trace_id: &str) -> String {
    let mut document = Document::without_namespace("Error");
    document
        .text("Code", &refusal.code)
        .text("Message", &refusal.message)
        .text("Resource", resource)
        .text("RequestId", request_id)
        .text(dialect.names().trace_id.1, trace_id);
    document.finish()
}

/// A part that a Complete names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Listed {
    pub(super) number: u32,
    /// Without quotes.
    pub(super) etag: String,
    /// With S3: at most one, of whatever algorithm.
    pub(super) checksum: Option<Checksum>,
}

/// The parts that a Complete names, in the order given.
pub(super) fn parse_complete(body: &[u8]) -> Result<Vec<Listed>, Refusal> {
    #[derive(Deserialize)]
    struct Body {
        #[serde(rename = "Part", default)]
        parts: Vec<Part>,
    }
    #[derive(Deserialize)]
    struct Part {
        #[serde(rename = "PartNumber")]
        number: String,
        #[serde(rename = "ETag")]
        etag: String,
        #[serde(rename = "ChecksumCRC32")]
        crc32: Option<String>,
        #[serde(rename = "ChecksumCRC32C")]
        crc32c: Option<String>,
        #[serde(rename = "ChecksumCRC64NVME")]
        crc64nvme: Option<String>,
        #[serde(rename = "ChecksumSHA1")]
        sha1: Option<String>,
        #[serde(rename = "ChecksumSHA256")]
        sha256: Option<String>,
    }
    let malformed = |message: &'static str| Refusal::new(400, "MalformedXML", message);
    let text = std::str::from_utf8(body).map_err(|_| malformed("the body is not UTF-8"))?;
    if root(text).as_deref() != Some("CompleteMultipartUpload") {
        return Err(malformed("the body is not a CompleteMultipartUpload document"));
    }
    let body: Body = quick_xml::de::from_str(text).map_err(|_| malformed("the body is not well-formed"))?;
    if body.parts.is_empty() {
        return Err(malformed("the body names no part"));
    }
    let listed = body.parts.into_iter().map(|part| {
        let values = [part.crc32, part.crc32c, part.crc64nvme, part.sha1, part.sha256];
        let mut checksums = Algorithm::ALL.into_iter().zip(values).filter_map(|(algorithm, value)| {
            Some(Checksum { algorithm, kind: Kind::FullObject, value: value?.trim().to_owned() })
        });
        let checksum = checksums.next();
        if checksums.next().is_some() {
            return Err(malformed("a part has more than one checksum"));
        }
        let number = number::read(&part.number).ok_or_else(|| malformed("a part's number is not a number"))?;
        // One that is too large was not uploaded in any case.
        let number = u32::try_from(number).unwrap_or(u32::MAX);
        // Quoted and bare tags are both seen from official clients.
        Ok(Listed { number, etag: part.etag.trim().trim_matches('"').to_owned(), checksum })
    });
    listed.collect()
}

/// How deep the elements of a list are that have text: a part's.
const TEXT_DEPTH: u32 = 3;

/// The root's name, if the document is well-formed to its end, has text only where it belongs, and no type declaration:
/// that may bring entities of its own.
fn root(text: &str) -> Option<String> {
    let mut reader = quick_xml::Reader::from_str(text);
    let (mut name, mut depth) = (None, 0_u32);
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => {
                if depth == 0 && name.is_some() {
                    return None;
                }
                name.get_or_insert_with(|| start.local_name().as_ref().to_owned());
                depth += 1;
            }
            Event::End(_) => depth = depth.checked_sub(1)?,
            Event::Eof if depth == 0 => return name,
            Event::Empty(_) if depth == 0 => return None,
            Event::Text(text) if depth < TEXT_DEPTH && !text.trim_ascii().is_empty() => return None,
            Event::CData(_) | Event::GeneralRef(_) if depth < TEXT_DEPTH => return None,
            // A declaration stands first or not at all.
            Event::Decl(_) if name.is_some() => return None,
            Event::DocType(_) | Event::Eof => return None,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_read_quoted_escaped_and_bare() {
        let body = r#"<?xml version="1.0"?><CompleteMultipartUpload xmlns="x">
            <Part><PartNumber>1</PartNumber><ETag>"aa"</ETag></Part>
            <Part><ETag>&quot;bb&quot;</ETag><PartNumber>2</PartNumber></Part>
            <Part><PartNumber>3</PartNumber><ETag>&#34;cc&#34;</ETag></Part>
            <Part><PartNumber>4</PartNumber><ETag>dd</ETag></Part></CompleteMultipartUpload>"#;
        let parts = parse_complete(body.as_bytes()).unwrap();
        let expected = [(1, "aa"), (2, "bb"), (3, "cc"), (4, "dd")];
        let expected = expected.map(|(number, tag)| Listed { number, etag: tag.to_owned(), checksum: None });
        assert_eq!(parts, expected);
    }

    #[test]
    fn a_part_may_bring_one_checksum() {
        let part = |inner: &str| {
            let body = format!(
                "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>a</ETag>{inner}</Part>\
                 </CompleteMultipartUpload>"
            );
            parse_complete(body.as_bytes())
        };
        for algorithm in Algorithm::ALL {
            let element = algorithm.element();
            let listed = part(&format!("<{element}>value</{element}>")).unwrap();
            let checksum = Checksum { algorithm, kind: Kind::FullObject, value: "value".to_owned() };
            assert_eq!(listed[0].checksum, Some(checksum));
        }
        assert!(part("<ChecksumSHA1>a</ChecksumSHA1><ChecksumCRC32>b</ChecksumCRC32>").is_err());
    }

    #[test]
    fn what_is_not_a_list_of_parts_is_malformed() {
        for body in [
            "",
            "no",
            "<CompleteMultipartUpload/>",
            "<CompleteMultipartUpload></CompleteMultipartUpload>",
            "<Complete><Part><PartNumber>1</PartNumber><ETag>a</ETag></Part></Complete>",
            "<CompleteMultipartUpload><Part><PartNumber>x</PartNumber><ETag>a</ETag></Part></CompleteMultipartUpload>",
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber></Part></CompleteMultipartUpload>",
            "<CompleteMultipartUpload><Part><PartNumber>1</PartNumber><ETag>a</ETag></Part>",
        ] {
            assert_eq!(parse_complete(body.as_bytes()).unwrap_err().code, "MalformedXML", "{body}");
        }
        let part = "<Part><PartNumber>1</PartNumber><ETag>a</ETag></Part>";
        let whole = format!("<CompleteMultipartUpload>{part}</CompleteMultipartUpload>");
        let declared = format!("<?xml version=\"1.0\"?>\n{whole}\n<!-- the end -->\n");
        assert_eq!(parse_complete(declared.as_bytes()).unwrap().len(), 1);
        for around in
            ["@junk", "@<More/>", "@&amp;", "@<![CDATA[a]]>", "@<?xml version=\"1.0\"?>", "junk@", "\0@", "@@"]
                .into_iter()
                .chain(["<!DOCTYPE CompleteMultipartUpload>@", "<!DOCTYPE a [<!ENTITY b \"1\">]>@", "@<!DOCTYPE a>"])
        {
            let body = around.replace('@', &whole);
            assert_eq!(parse_complete(body.as_bytes()).unwrap_err().code, "MalformedXML", "{body}");
        }
        for within in
            [format!("junk{part}"), format!("{part}junk"), format!("{part}&lt;"), format!("<![CDATA[a]]>{part}")]
                .into_iter()
                .chain(["+1", "-1", " 1", "1 ", "1.0", "", "0x1", "1&#10;"].map(|number| part.replace('1', number)))
                .chain([
                    part.replace("<ETag>", "junk<ETag>"),
                    part.replace("<ETag>", "<PartNumber>1</PartNumber><ETag>"),
                ])
        {
            let body = format!("<CompleteMultipartUpload>{within}</CompleteMultipartUpload>");
            assert_eq!(parse_complete(body.as_bytes()).unwrap_err().code, "MalformedXML", "{body}");
        }
        let large = whole.replace('1', &"9".repeat(30));
        assert_eq!(parse_complete(large.as_bytes()).unwrap()[0].number, u32::MAX);
    }

    #[test]
    fn text_is_escaped() {
        let mut document = Document::new(Spoken::Cos, "A");
        document.begin("B").text("C", "<&>\"\u{1}\r").end();
        assert!(document.finish().ends_with("<A><B><C>&lt;&amp;&gt;&quot;\u{1}&#13;</C></B></A>"));
        let named = Document::new(Spoken::S3, "A").finish();
        assert!(named.ends_with(r#"<A xmlns="http://s3.amazonaws.com/doc/2006-03-01/"></A>"#));
    }
}
