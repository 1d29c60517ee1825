//! The readers of single headers and of addresses to dial, for the fuzz targets in `tests/fuzz`: built with
//! `--cfg fuzzing` alone, and no part of the library's contract.

use std::time::{Duration, UNIX_EPOCH};

use http::{HeaderMap, HeaderValue, header};

use super::{ConnectTo, backoff, skew};

/// `Retry-After` and `Date`.
pub fn times(data: &[u8]) {
    let now = UNIX_EPOCH + Duration::from_hours(400_000);
    if let Ok(text) = str::from_utf8(data) {
        let _ = backoff::retry_after(text, now);
    }
    let Ok(value) = HeaderValue::from_bytes(data) else { return };
    let date = skew::date(&HeaderMap::from_iter([(header::DATE, value)]));
    if let Some(offset) = date.and_then(|date| skew::correction(date, now, skew::Offset::default())) {
        let _ = offset.apply(now);
    }
}

/// `--connect-to`: what is read is written so that it reads the same.
pub fn connect_to(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else { return };
    if let Ok(place) = text.parse::<ConnectTo>() {
        assert_eq!(place.to_string().parse::<ConnectTo>().ok(), Some(place));
    }
}
