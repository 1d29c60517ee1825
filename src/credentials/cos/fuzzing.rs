//! The readers of credential files and of the metadata service, for the fuzz targets in `tests/fuzz`: built with
//! `--cfg fuzzing` alone, and no part of the library's contract.

use super::{
    format::{Format, coscmd_region, tccli_region},
    role,
};

/// A file of coscli, coscmd, tccli or the SDKs, and an answer with the keys of a role; the first byte says which.
pub fn files(data: &[u8]) {
    let Some((choice, rest)) = data.split_first() else { return };
    let _ = role::parse(rest, "role");
    let Ok(text) = str::from_utf8(rest) else { return };
    let formats = [Format::CosCli, Format::CosCmd, Format::TcCli, Format::Sdk];
    if let Err(fault) = formats[usize::from(*choice) % formats.len()].parse(text) {
        let error = fault.in_file("credentials".as_ref());
        assert!(error.message().len() < 1024, "{error}");
    }
    let _ = (coscmd_region(text), tccli_region(text));
}
