//! Keys whose characters mean something in addresses, signatures and XML.

use crate::{objects, sealift::Sealift, world::Case};

/// Slashes in a row are part of a key: no server may take two of them for one.
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
    for other in ["plus and space", "plus and+space", "a/b c", "double/slash/three"] {
        sealift.lacks(other);
    }
    sealift.leaves_nothing();
    case.note("awkward keys", "same bytes");
}
