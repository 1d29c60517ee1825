//! More than one writer of a key.

use crate::{
    objects::proved,
    resume::half_way,
    sealift::{Done, Sealift},
    world::Case,
};

/// `--no-clobber` refuses before a byte is sent, whatever the server makes of conditions.
pub(crate) fn there_before(case: &Case) {
    let sealift = Sealift::new(case);
    let first = case.stock().two_parts();
    sealift.put(&first, "taken", &[]).value();
    let done = sealift.put(&case.stock().ten_parts(), "taken", &["--no-clobber"]);
    assert_eq!(done.code, Some(6), "{done:?}");
    sealift.holds("taken", &first);
    sealift.leaves_nothing();
    proved(case, &sealift.put(&first, "free", &["--no-clobber"]).value());
    sealift.leaves_nothing();
    case.note("no-clobber", "exit 6");
}

/// An object that appears after the look at the key: only the server can refuse then, and not every server does.
pub(crate) fn there_meanwhile(case: &Case) {
    let proxy = half_way(case);
    let (sealift, other) = (Sealift::through(case, &proxy), Sealift::new(case));
    let (ours, theirs) = (case.stock().ten_parts(), case.stock().two_parts());
    let mut child = sealift.start_put(&ours, "raced", &["--no-clobber"]);
    sealift.wait_for_parts(1, &mut child);
    other.put(&theirs, "raced", &[]).value();
    proxy.release();
    let done = Done::from(child.wait_with_output().unwrap());
    if case.server.ignores_the_condition() {
        done.value();
        sealift.holds("raced", &ours);
        case.note("no-clobber, raced", "replaced: the server ignores the condition");
    } else {
        assert_eq!(done.code, Some(6), "{done:?}");
        sealift.holds("raced", &theirs);
        case.note("no-clobber, raced", "exit 6, theirs stays");
    }
    sealift.leaves_nothing();
}

/// Without a condition the last one to complete wins, or the server has ended the upload; never a mixture.
pub(crate) fn put_meanwhile(case: &Case) {
    let (sealift, other) = (Sealift::new(case), Sealift::new(case));
    let (ours, theirs) = (case.stock().ten_parts(), case.stock().small());
    let mut child = sealift.slow_put(&ours, "shared");
    sealift.wait_for_parts(1, &mut child);
    other.put(&theirs, "shared", &[]).value();
    let done = Done::from(child.wait_with_output().unwrap());
    if case.server.put_ends_uploads() {
        assert_eq!(done.code, Some(6), "{done:?}");
        sealift.holds("shared", &theirs);
    } else {
        proved(case, &done.value());
        sealift.holds("shared", &ours);
    }
    sealift.leaves_nothing();
}
