//! A defect is reported by its place alone: the message of a panic could hold data.

use std::{panic, sync::Mutex};

use super::limits::Limit;
use crate::error::{Error, ErrorKind, Result};

/// The first panic of the process.
static FIRST: Mutex<Option<Panic>> = Mutex::new(None);

/// What is kept of a panic.
struct Panic {
    place: String,
    /// The limit of the system that was met, where that is all there is to it.
    limit: Option<&'static Limit>,
}

/// From now on a panic prints nothing but, in the end, its place.
pub(super) fn hide_values() {
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
        let limit = panic.payload_as_str().and_then(Limit::told_by);
        if let Ok(mut first) = FIRST.lock() {
            first.get_or_insert(Panic { place, limit });
        }
    }));
}

/// Runs `work`; a panic in it becomes an `Internal` error, and every such error names the place if it is known. Where a
/// limit of the system is behind it, that is said instead.
pub(super) fn caught(work: impl FnOnce() -> Result<()>) -> Result<()> {
    let outcome = panic::catch_unwind(panic::AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, "internal error")));
    outcome.map_err(|error| {
        if error.kind() != ErrorKind::Internal {
            return error;
        }
        let first = FIRST.lock().ok().and_then(|mut first| first.take());
        match (first.as_ref().and_then(|panic| panic.limit).or_else(|| Limit::behind(&error)), first) {
            (Some(limit), _) => limit.error(),
            (None, Some(panic)) => error.with_hint(format!("please report it, with this place: {}", panic.place)),
            (None, None) => error,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_becomes_an_internal_error_without_its_message() {
        let error = caught(|| panic!("a value that must not be shown")).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Internal);
        assert!(!format!("{error} {error:?} {:?}", error.hint()).contains("a value"));
    }
}
