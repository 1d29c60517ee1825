//! A defect is reported by its place alone: the message of a panic could hold data.

use std::{panic, sync::Mutex};

use crate::error::{Error, ErrorKind, Result};

/// The place of the first panic of the process.
static PLACE: Mutex<Option<String>> = Mutex::new(None);

/// From now on a panic prints nothing but, in the end, its place.
pub(super) fn hide_values() {
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map_or_else(|| "an unknown place".to_owned(), ToString::to_string);
        if let Ok(mut first) = PLACE.lock() {
            first.get_or_insert(place);
        }
    }));
}

/// Runs `work`; a panic in it becomes an `Internal` error, and every such error names the place if it is known.
pub(super) fn caught(work: impl FnOnce() -> Result<()>) -> Result<()> {
    let outcome = panic::catch_unwind(panic::AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, "internal error")));
    outcome.map_err(|error| match PLACE.lock().ok().and_then(|mut place| place.take()) {
        Some(place) if error.kind() == ErrorKind::Internal => {
            error.with_hint(format!("please report it, with this place: {place}"))
        }
        _ => error,
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
