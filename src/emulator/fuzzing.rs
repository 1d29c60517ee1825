//! The store's readers of requests, for the fuzz targets in `tests/fuzz`: built with `--cfg fuzzing` alone, and no part
//! of the library's contract.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request};

use super::{
    EmulatorOptions, FaultPlan,
    request::Call,
    signature::{self, Account, Payload},
    xml,
};
use crate::secret::Secret;

/// The second at which all these requests come.
const NOW: u64 = 1_790_000_000;

/// The head of a request: its target in the first line, then headers. Nobody signs by chance.
pub fn authorization(data: &[u8]) {
    for options in [EmulatorOptions::new("/"), EmulatorOptions::s3("/")] {
        assert_ne!(check(data, &options), Some(true), "an accident was taken for a signature");
    }
}

/// Whether the signature was right; `None` if there was nothing to judge.
fn check(data: &[u8], options: &EmulatorOptions) -> Option<bool> {
    let mut lines = data.split(|byte| *byte == b'\n');
    let target = str::from_utf8(lines.next()?).ok()?;
    let mut request = Request::get(target).body(()).ok()?;
    for line in lines.take(32) {
        let colon = line.iter().position(|byte| *byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        request.headers_mut().append(name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?);
    }
    let call = Call::read(request.into_parts().0, options, true).ok()?;
    let account = account(Some("token"));
    Some(signature::check(options.dialect, call.signable(), &[account], "eu-central-1", NOW).is_ok())
}

/// A body in chunks, in one piece and in two: the same comes out.
pub fn chunks(data: &[u8]) {
    let Some((cut, body)) = data.split_first() else { return };
    let cut = usize::from(*cut).min(body.len());
    for form in &FORMS {
        let whole = decode(form, &[body]);
        assert_eq!(decode(form, &[&body[..cut], &body[cut..]]), whole);
        assert!(whole.is_none_or(|(bytes, _)| bytes.len() == 9));
    }
}

type Decoded = (Vec<u8>, Vec<(String, String)>);

fn decode(form: &Form, pieces: &[&[u8]]) -> Option<Decoded> {
    let Some(Payload::Chunked(mut decoder)) = form.admitted() else { panic!("{} is not taken", form.name) };
    let mut bytes = Vec::new();
    for piece in pieces {
        let mut piece = Bytes::copy_from_slice(piece);
        while let Some(data) = decoder.next(&mut piece).ok()? {
            bytes.extend_from_slice(&data);
        }
    }
    Some((bytes, decoder.finish().ok()?))
}

/// A form of bodies in chunks, with the signature of a head that announces it.
struct Form {
    name: &'static str,
    trailer: Option<&'static str>,
    signature: &'static str,
}

const FORMS: [Form; 3] = [
    Form {
        name: "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        trailer: Some("x-amz-checksum-crc32c"),
        signature: "016d6e14d7efe40aa6408122fb62aea0a35f2da552fec3e85c9ad177fcc68add",
    },
    Form {
        name: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        trailer: None,
        signature: "ac46c83adaf84677028871a6f35577f25276c814bbb45298fd1843409323f003",
    },
    Form {
        name: "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        trailer: Some("x-amz-checksum-crc32c"),
        signature: "d31a8eb917cc198eea2df7e548825751ec38bd249eb79a0f46a94ac81ccf429b",
    },
];

impl Form {
    /// What the signature says of the body.
    fn admitted(&self) -> Option<Payload> {
        let trailer = self.trailer.map_or("", |_| ";x-amz-trailer");
        let names = format!("host;x-amz-content-sha256;x-amz-date;x-amz-decoded-content-length{trailer}");
        let scope = "AKIDEXAMPLE/20260921/eu-central-1/s3/aws4_request";
        let signature = self.signature;
        let mut request = Request::put("/k")
            .header("host", "examplebucket.s3.eu-central-1.amazonaws.com")
            .header("x-amz-content-sha256", self.name)
            .header("x-amz-date", "20260921T141320Z")
            .header("x-amz-decoded-content-length", "9")
            .header(
                "authorization",
                format!("AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={names}, Signature={signature}"),
            );
        if let Some(trailer) = self.trailer {
            request = request.header("x-amz-trailer", trailer);
        }
        let options = EmulatorOptions::s3("/");
        let call = Call::read(request.body(()).ok()?.into_parts().0, &options, true).ok()?;
        signature::check(options.dialect, call.signable(), &[account(None)], "eu-central-1", NOW).ok()
    }
}

fn account(token: Option<&str>) -> Account {
    let key = Secret::new("a key that nobody guesses");
    Account { id: "AKIDEXAMPLE".to_owned(), key, token: token.map(Secret::new), expires: None }
}

/// The list of parts that Complete brings.
pub fn complete(data: &[u8]) {
    let _ = xml::parse_complete(data);
}

/// A file of faults.
pub fn faults(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    if let Err(error) = FaultPlan::from_json(text) {
        assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
    }
}
