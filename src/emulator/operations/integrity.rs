//! The checksums that requests declare and bring (userguide/checking-object-integrity-upload.html). COS has none of
//! these: there the store computes its CRC-64, and nobody asks.

use std::borrow::Cow;

use super::Upstream;
use crate::emulator::{
    answer::Refusal,
    checksum::{Algorithm, Checksum, Kind, Planned},
    guesses::Guesses,
    number,
    request::Call,
    store::{Upload, Written},
};

const ALGORITHM: &str = "x-amz-checksum-algorithm";
const KIND: &str = "x-amz-checksum-type";
/// Algorithms that S3 takes and this store does not.
const NEWER: [&str; 5] = ["SHA512", "MD5", "XXHASH64", "XXHASH3", "XXHASH128"];

/// The checksum that a body brings: its algorithm, and the value if it is a header's.
#[derive(Clone, Debug)]
pub(super) struct Brought {
    algorithm: Algorithm,
    /// `None` if the trailer has it.
    value: Option<String>,
}

/// Reads the one checksum that comes with a body or, at Complete, with the list of its parts.
pub(super) fn brought(call: &Call) -> Result<Option<Brought>, Refusal> {
    if !call.dialect.rules().checksums {
        return Ok(None);
    }
    let mut found = Vec::new();
    for name in call.headers.keys().map(http::HeaderName::as_str) {
        if let Some(algorithm) = Algorithm::of_header(name) {
            let value = call.header(name)?.unwrap_or_default().to_owned();
            found.push(Brought { algorithm, value: Some(value) });
        } else if name.starts_with("x-amz-checksum-") && ![ALGORITHM, KIND, "x-amz-checksum-mode"].contains(&name) {
            return Err(Refusal::new(501, "NotImplemented", format!("this store does not know {name}")));
        }
    }
    for name in call.header("x-amz-trailer")?.unwrap_or_default().split(',').map(str::trim).filter(|it| !it.is_empty())
    {
        let algorithm = Algorithm::of_header(&name.to_ascii_lowercase())
            .ok_or_else(|| invalid("The value specified in the x-amz-trailer header is not supported"))?;
        found.push(Brought { algorithm, value: None });
    }
    if found.len() > 1 {
        return Err(invalid("Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed."));
    }
    let found = found.pop();
    if found.is_none() && call.header("x-amz-sdk-checksum-algorithm")?.is_some() {
        return Err(invalid(
            "x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers \
             were found.",
        ));
    }
    if let Some(Brought { algorithm, value: Some(value) }) = &found {
        // At Complete a composite value may tell the number of parts.
        let base64 = value.split_once('-').map_or(value.as_str(), |(base64, _)| base64);
        if !algorithm.is_value(base64) {
            return Err(invalid(format!("Value for {} header is invalid.", algorithm.header())));
        }
    }
    Ok(found)
}

/// What a whole object of one body is to get.
pub(super) fn of_object(call: &Call, brought: Option<&Brought>) -> Vec<Algorithm> {
    let algorithm = brought.map_or(Algorithm::DEFAULT, |brought| brought.algorithm);
    if call.dialect.rules().checksums { vec![algorithm] } else { Vec::new() }
}

/// What a part is to get, if it may bring what it brings; first what its answer tells.
pub(super) fn of_part(
    upload: &Upload,
    brought: Option<&Brought>,
    guesses: &Guesses,
) -> Result<Vec<Algorithm>, Refusal> {
    let Some(planned) = upload.planned else { return Ok(Vec::new()) };
    let lower = |algorithm: Algorithm| algorithm.name().to_ascii_lowercase();
    let expected = if planned.declared { lower(planned.algorithm) } else { "null".to_owned() };
    let mismatch = |actual: &str| {
        Err(invalid(format!(
            "Checksum Type mismatch occurred, expected checksum Type: {expected}, actual checksum Type: {actual}"
        )))
    };
    match brought {
        Some(brought) if brought.algorithm == planned.algorithm => Ok(vec![planned.algorithm]),
        Some(brought) if !planned.declared && guesses.undeclared_part_checksums => {
            Ok(vec![brought.algorithm, planned.algorithm])
        }
        Some(brought) => mismatch(&lower(brought.algorithm)),
        None if planned.declared && planned.kind == Kind::Composite => mismatch("null"),
        None => Ok(vec![planned.algorithm]),
    }
}

/// Compares what a body brought with what was computed of it.
pub(super) fn check(brought: Option<&Brought>, upstream: &Upstream, written: &Written) -> Result<(), Refusal> {
    let Some(brought) = brought else { return Ok(()) };
    let header = brought.algorithm.header();
    let in_trailer = || upstream.trailers.iter().find(|(name, _)| name == header).map(|(_, value)| value);
    let given = brought.value.as_ref().or_else(in_trailer);
    let given = given.filter(|value| brought.algorithm.is_value(value));
    let given = given.ok_or_else(|| invalid(format!("Value for {header} trailing header is invalid.")))?;
    let equal = |computed: &Checksum| computed.algorithm == brought.algorithm && computed.value == *given;
    if written.checksums.iter().any(equal) { Ok(()) } else { Err(bad_digest(brought.algorithm)) }
}

/// What Initiate declares.
pub(super) fn planned(call: &Call) -> Result<Option<Planned>, Refusal> {
    if !call.dialect.rules().checksums {
        return Ok(None);
    }
    let algorithm = algorithm(call)?;
    let kind = kind(call)?;
    let Some(algorithm) = algorithm else {
        if kind.is_some() {
            let message = "The x-amz-checksum-type header can only be used with the x-amz-checksum-algorithm header.";
            return Err(invalid(message));
        }
        let algorithm = Algorithm::DEFAULT;
        return Ok(Some(Planned { algorithm, kind: algorithm.default_kind(), declared: false }));
    };
    let kind = kind.unwrap_or(algorithm.default_kind());
    if !algorithm.allows(kind) {
        return Err(invalid(format!(
            "The {} checksum type cannot be used with the {} checksum algorithm.",
            kind.name(),
            algorithm.name().to_ascii_lowercase()
        )));
    }
    Ok(Some(Planned { algorithm, kind, declared: true }))
}

/// `x-amz-checksum-algorithm`, which Initiate and copies take.
pub(super) fn algorithm(call: &Call) -> Result<Option<Algorithm>, Refusal> {
    let Some(name) = call.header(ALGORITHM)? else { return Ok(None) };
    let unknown = || {
        if NEWER.iter().any(|newer| newer.eq_ignore_ascii_case(name)) {
            return Refusal::new(501, "NotImplemented", format!("this store does not know {name}"));
        }
        invalid("Checksum algorithm provided is unsupported. Please try again with any of the valid types")
    };
    Algorithm::named(name).map(Some).ok_or_else(unknown)
}

fn kind(call: &Call) -> Result<Option<Kind>, Refusal> {
    let unknown = || invalid("Value for x-amz-checksum-type header is invalid.");
    call.header(KIND)?.map(|name| Kind::named(name).ok_or_else(unknown)).transpose()
}

/// What Complete says of the object that it is to make.
#[derive(Clone, Debug)]
pub(super) struct Claimed {
    size: Option<String>,
    kind: Option<Kind>,
    brought: Option<Brought>,
}

impl Claimed {
    pub(super) fn read(call: &Call) -> Result<Self, Refusal> {
        let size = call.header("x-amz-mp-object-size")?.map(str::to_owned);
        Ok(Self { size, kind: kind(call)?, brought: brought(call)? })
    }

    /// Compares it with that object: size, type and value.
    pub(super) fn check(
        &self,
        planned: Planned,
        whole: &Checksum,
        size: u64,
        guesses: &Guesses,
    ) -> Result<(), Refusal> {
        if self.size.as_ref().is_some_and(|given| number::read(given) != Some(size)) {
            return Err(invalid(format!("the object has {size} bytes, and x-amz-mp-object-size tells another number")));
        }
        if self.kind.is_some_and(|kind| kind != planned.kind) {
            return Err(Refusal::new(400, "BadDigest", mode_mismatch(planned)));
        }
        let Some(Brought { algorithm, value: Some(value) }) = &self.brought else { return Ok(()) };
        if self.kind.is_none() && planned.kind == Kind::FullObject && !guesses.checksum_without_type {
            return Err(invalid(mode_mismatch(planned)));
        }
        // A composite value may tell the number of parts.
        let bare = whole.value.split_once('-').map_or(whole.value.as_str(), |(base64, _)| base64);
        if *algorithm == whole.algorithm && (*value == whole.value || value == bare) {
            return Ok(());
        }
        Err(bad_digest(*algorithm))
    }
}

fn mode_mismatch(planned: Planned) -> String {
    format!(
        "The upload was created using the {} checksum mode. The complete request must use the same checksum mode.",
        planned.kind.name()
    )
}

fn bad_digest(algorithm: Algorithm) -> Refusal {
    let name = algorithm.name();
    Refusal::new(400, "BadDigest", format!("The {name} you specified did not match the calculated checksum."))
}

fn invalid(message: impl Into<Cow<'static, str>>) -> Refusal {
    Refusal::new(400, "InvalidRequest", message)
}
