//! Keys whose characters mean something in addresses, signatures and XML.

use crate::{objects, sealift::Sealift, world::Case};

/// Slashes in a row are part of a key, whatever a server makes of them.
const AWKWARD: [&str; 8] = [
    "plus+and space",
    "100%",
    "a%2Fb%20c",
    "~tilde~-_.",
    "star*(paren)'quote'!",
    "semi;colon=and&question?hash#at@,dollar$",
    "double//slash///three",
    "\u{817e}\u{8baf}/f\u{fc}r \u{1f6a2}",
];

/// In parts, so that the key stands in every kind of request, and in the answers to lists.
pub(crate) fn awkward(case: &Case) {
    let sealift = Sealift::new(case);
    let source = case.stock().two_parts();
    for key in AWKWARD {
        objects::proved(case, &sealift.put(&source, key, &[]).value());
        sealift.holds(key, &source);
    }
    // A key that was read in another way would be found under that one.
    for other in ["plus and space", "plus and+space", "a/b c"] {
        sealift.lacks(other);
    }
    if case.server.folds_slashes() {
        sealift.holds("double/slash/three", &source);
    } else {
        sealift.lacks("double/slash/three");
    }
    sealift.leaves_nothing();
    let slashes = if case.server.folds_slashes() { "; the server folds //" } else { "" };
    case.note("awkward keys", &format!("same bytes{slashes}"));
}
