//! Stopped by force, or robbed of its upload.

use serde_json::Value;

use crate::{
    objects::proved,
    proxy::{Proxy, Trick},
    sealift::{Done, Sealift},
    world::{Case, PART},
};

/// After a SIGKILL the same command sends the rest, and the object is the file.
pub(crate) fn killed(case: &Case) {
    let proxy = half_way(case);
    let sealift = Sealift::through(case, &proxy);
    let source = case.stock().ten_parts();
    kill(&sealift, case, &proxy);
    let receipt = sealift.put(&source, "killed", &[]).value();
    proved(case, &receipt);
    let (resumed, size) = (receipt["resumed_parts"].as_u64().unwrap(), source.metadata().unwrap().len());
    assert!(resumed >= HALF.into(), "what was done was not taken over: {receipt}");
    assert!(
        receipt["sent_bytes"].as_u64().unwrap() <= size - u64::from(HALF) * PART,
        "too much was sent again: {receipt}"
    );
    sealift.holds("killed", &source);
    sealift.leaves_nothing();
    case.note("killed", "goes on");
}

/// What a killed one has left can be seen and removed, and then a new one begins from the start.
pub(crate) fn killed_and_aborted(case: &Case) {
    let proxy = half_way(case);
    let sealift = Sealift::through(case, &proxy);
    kill(&sealift, case, &proxy);
    let left = sealift.unfinished();
    assert_eq!((left.len(), &left[0]["journal"]["state"]), (1, &Value::from("resumable")), "{left:?}");
    let aborted = sealift.run(&["uploads", "abort", &case.url(""), "--all"], &[]).value();
    assert_eq!(aborted["uploads"][0]["state"], "aborted", "{aborted}");
    sealift.leaves_nothing();
    sealift.lacks("killed");
    let again = sealift.put(&case.stock().ten_parts(), "killed", &[]).value();
    assert_eq!(again["resumed_parts"], 0, "{again}");
    sealift.leaves_nothing();
    case.note("abort", "nothing is left");
}

/// An upload that somebody else has removed fails for good, and the next run begins anew.
pub(crate) fn aborted_meanwhile(case: &Case) {
    let (sealift, other) = (Sealift::new(case), Sealift::new(case));
    let source = case.stock().ten_parts();
    let mut child = sealift.slow_put(&source, "robbed");
    let id = sealift.wait_for_parts(1, &mut child);
    // From another home, so that it knows of no living owner.
    other.run(&["uploads", "abort", &case.url("robbed"), "--upload-id", &id], &[]).value();
    let done = Done::from(child.wait_with_output().unwrap());
    let error = done.error();
    assert_eq!((done.code, &error["kind"]), (Some(6), &Value::from("rejected")), "{error}");
    sealift.lacks("robbed");
    sealift.leaves_nothing();
    proved(case, &sealift.put(&source, "robbed", &[]).value());
    sealift.holds("robbed", &source);
    case.note("aborted by others", "exit 6");
}

/// How many parts are there when something happens.
pub(crate) const HALF: u32 = 5;

/// A proxy at which an upload stops half-way, until it is told to go on.
pub(crate) fn half_way(case: &Case) -> Proxy {
    Proxy::start(&case.server, Trick::HoldParts { after: HALF })
}

/// Kills an upload that has come half-way.
fn kill(sealift: &Sealift<'_>, case: &Case, proxy: &Proxy) {
    let mut child = sealift.start_put(&case.stock().ten_parts(), "killed", &[]);
    sealift.wait_for_parts(HALF.into(), &mut child);
    child.kill().unwrap();
    let done = Done::from(child.wait_with_output().unwrap());
    assert_eq!(done.code, None, "it was killed: {done:?}");
    proxy.release();
    sealift.lacks("killed");
}
