//! The readers of arguments, for the fuzz targets in `tests/fuzz`: built with `--cfg fuzzing` alone, and no part of the
//! library's contract.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt as _};

use super::{sse_key::KeySource, units};
use crate::{
    dialect::Dialect,
    ident::{Bucket, ObjectKey, ObjectUrl, Region},
    secret::Secret,
    sse::{CustomerKey, KmsContext},
    wire::{Address, Addressing},
};

/// Sizes, rates and ages.
pub fn units(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    if let Ok(bytes) = units::size(text) {
        assert!(bytes > 0 && !units::show_size(bytes).is_empty());
        let written = bytes.to_string();
        assert!(written.len() > 19 || units::size(&written) == Ok(bytes), "{bytes}");
    }
    let _ = units::rate(text);
    if let Ok(age) = units::age(text) {
        assert!(!units::show_age(age).is_empty());
    }
}

/// Where a key is, what a key is, and the context of a KMS.
pub fn keys(data: &[u8]) {
    let _ = KeySource::parse(OsStr::from_bytes(data));
    match CustomerKey::parse(Secret::new(data)) {
        Ok(key) => {
            let again = CustomerKey::parse(Secret::new(key.reveal_base64().as_bytes()));
            assert_eq!(again.map(|again| again.md5_base64()).ok(), Some(key.md5_base64()));
        }
        // It says how long the text is, never what it holds.
        Err(error) => {
            let text = str::from_utf8(data).unwrap_or_default();
            assert!(text.len() < 40 || !error.message().contains(text), "{error}");
        }
    }
    if let Ok(text) = str::from_utf8(data) {
        let _ = KmsContext::parse(text);
    }
}

/// Addresses of objects and endpoints: what is read is written so that it reads the same.
pub fn addresses(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    if let Ok(url) = text.parse::<ObjectUrl>() {
        assert_eq!(url.to_string().parse::<ObjectUrl>().ok(), Some(url.clone()));
        let _ = url.key_for("name");
    }
    let _ = Region::new(text);
    for (dialect, name) in [("cos", "examplebucket-1250000000"), ("s3", "example.bucket")] {
        let Ok(dialect) = dialect.parse::<Dialect>() else { return };
        let (Ok(bucket), key) = (Bucket::new(dialect, name), ObjectKey::new(dialect, text)) else { return };
        assert!(key.is_err() || key.is_ok_and(|key| key.as_str() == text));
        for style in [Addressing::Auto, Addressing::Virtual, Addressing::Path, Addressing::BucketHost] {
            if let Ok(address) = Address::new(dialect, &bucket, None, Some(text), style) {
                assert!(address.authority().parse::<http::uri::Authority>().is_ok(), "{:?}", address.authority());
            }
        }
    }
}
