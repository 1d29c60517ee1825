//! As many parts as fit into a run that nobody minds waiting for.

use std::fs::File;

use crate::{
    objects::proved,
    sealift::Sealift,
    world::{Case, PART},
};

/// A sparse file: what it holds does not matter here, only how many parts there are.
pub(crate) fn thousand_parts(case: &Case) {
    let sealift = Sealift::new(case);
    let source = sealift.target();
    File::create(&source).unwrap().set_len(1000 * PART - 1).unwrap();
    let receipt = sealift.put(&source, "thousand", &[]).value();
    proved(case, &receipt);
    assert_eq!(receipt["parts"], 1000, "{receipt}");
    let stat = sealift.run(&["stat", &case.url("thousand")], &case.reading()).value();
    assert_eq!((&stat["size"], &stat["checksum"]), (&receipt["size"], &receipt["checksum"]));
    sealift.leaves_nothing();
    case.note("1,000 parts", "proved");
}
