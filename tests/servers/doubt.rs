//! A real server behind a connection that loses, invents and changes things.

use serde_json::Value;

use crate::{
    objects::proved,
    proxy::{Call, Proxy, Trick},
    sealift::Sealift,
    world::Case,
};

/// Complete is done, and its answer never arrives: a look at the object settles it.
pub(crate) fn lost_answer(case: &Case) {
    settles(case, Trick::LoseAnswerOfComplete);
    case.note("lost Complete", "settled");
}

/// The same, with an error that comes as a success.
pub(crate) fn error_after_complete(case: &Case) {
    settles(case, Trick::ErrorInside200 { done: true });
}

/// An error inside a 200 of an upload that is still there: Complete is asked for again.
pub(crate) fn error_before_complete(case: &Case) {
    settles(case, Trick::ErrorInside200 { done: false });
    case.note("error inside 200", "settled");
}

/// The upload succeeds, by one object that is whole, and every list of parts is complete and in order.
fn settles(case: &Case, trick: Trick) {
    let proxy = Proxy::start(&case.server, trick);
    let sealift = Sealift::through(case, &proxy);
    let source = case.stock().two_parts();
    proved(case, &sealift.put(&source, "settled", &[]).value());
    assert!(proxy.played() > 0, "the proxy has had nothing to do");
    for body in proxy.seen().into_iter().filter(|it| it.call == Call::Complete).map(|it| it.body) {
        let numbers: Vec<_> = body.split("<PartNumber>").skip(1).map(|it| it.split('<').next().unwrap()).collect();
        assert_eq!(numbers, ["1", "2"], "a server that takes any list must be given the right one: {body}");
    }
    sealift.holds("settled", &source);
    sealift.leaves_nothing();
}

/// One byte of a part is another one in the store: it is noticed, and the part is sent again.
pub(crate) fn changed_once(case: &Case) {
    let proxy = Proxy::start(&case.server, Trick::ChangeParts { times: 1 });
    let sealift = Sealift::through(case, &proxy);
    let source = case.stock().two_parts();
    proved(case, &sealift.put(&source, "changed", &[]).value());
    assert_eq!(proxy.played(), 1);
    sealift.holds("changed", &source);
    sealift.leaves_nothing();
    case.note("changed on the way", "sent again");
}

/// Where it happens each time, the upload fails for that reason, and there is no object.
pub(crate) fn changed_always(case: &Case) {
    let proxy = Proxy::start(&case.server, Trick::ChangeParts { times: u32::MAX });
    let sealift = Sealift::through(case, &proxy);
    let done = sealift.put(&case.stock().two_parts(), "changed", &["--no-resume"]);
    let error = done.error();
    assert_eq!((done.code, &error["kind"]), (Some(8), &Value::from("integrity")), "{error}");
    assert!(proxy.played() > 1, "it is tried more than once");
    sealift.lacks("changed");
    sealift.leaves_nothing();
    case.note("wrong digest", "exit 8");
}

/// A server that says nothing at Initiate gets one byte before it gets the file.
pub(crate) fn one_byte_first(case: &Case) {
    let proxy = Proxy::start(&case.server, Trick::None);
    let sealift = Sealift::through(case, &proxy);
    let source = case.stock().two_parts();
    proved(case, &sealift.put(&source, "probed", &[]).value());
    let sizes = sizes_of_parts(&proxy);
    assert!(is_probe(sizes[0]), "the file went first: {sizes:?}");
    assert!(sizes.iter().sum::<u64>() >= source.metadata().unwrap().len());
    sealift.holds("probed", &source);
}

/// A server that takes the encryption it is asked for, and does not encrypt, never gets a byte of the file.
pub(crate) fn one_byte_only(case: &Case) {
    let proxy = Proxy::start(&case.server, Trick::None);
    let sealift = Sealift::through(case, &proxy);
    let done = sealift.put(&case.stock().two_parts(), "probed", &[]);
    let error = done.error();
    assert_eq!((done.code, &error["kind"]), (Some(5), &Value::from("encryption")), "{error}");
    assert!(error["hint"].as_str().unwrap().contains("ignore the encryption"), "the behaviour is named: {error}");
    let sizes = sizes_of_parts(&proxy);
    assert!(!sizes.is_empty() && sizes.iter().all(|size| is_probe(*size)), "more than a byte was sent: {sizes:?}");
    assert!(proxy.seen().iter().any(|it| it.call == Call::Abort), "the upload is removed");
    sealift.lacks("probed");
    sealift.leaves_nothing();
}

/// One byte, with its frame and the checksum behind it where it has them.
fn is_probe(size: u64) -> bool {
    size < 200
}

fn sizes_of_parts(proxy: &Proxy) -> Vec<u64> {
    proxy.seen().iter().filter(|it| it.call == Call::UploadPart).map(|it| it.size).collect()
}
