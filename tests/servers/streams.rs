//! Standard input as the source: the object is what came by the pipe, or there is none.

use std::{fs, path::Path};

use crate::{
    objects::{not_echoes, proved, proved_stream, verified},
    proxy::{Proxy, Trick},
    resume::{HALF, half_way},
    sealift::{Done, Sealift},
    world::Case,
};

/// A stream of several parts, and one that is shorter than a part.
pub(crate) fn piped(case: &Case) {
    let sealift = Sealift::new(case);
    for (source, key, parts) in [(case.stock().ten_parts(), "long", 10), (case.stock().small(), "short", 1)] {
        let receipt = sealift.put_stream(&source, key, &[]).value();
        proved_stream(case, &receipt);
        assert!(!verified(&receipt, &["source-unchanged"]), "nobody can look at a pipe again: {receipt}");
        assert_eq!((&receipt["parts"], &receipt["size"]), (&parts.into(), &source.metadata().unwrap().len().into()));
        let stat = sealift.holds(key, &source);
        assert!(stat["checksum"] == receipt["checksum"] || case.server.forgets_checksum(&receipt), "{stat}");
        if parts > 1 {
            case.note("stream", &not_echoes(&receipt));
        }
    }
    sealift.leaves_nothing();
}

/// A stream that is kept in a file first is proved as a file is, and the file is removed.
pub(crate) fn spooled(case: &Case) {
    let (sealift, dir) = (Sealift::new(case), tempfile::tempdir().unwrap());
    let source = case.stock().ten_parts();
    let receipt = sealift.put_stream(&source, "spooled", &["--spool", dir.path().to_str().unwrap()]).value();
    proved(case, &receipt);
    assert_eq!(receipt["parts"], 10, "{receipt}");
    sealift.holds("spooled", &source);
    sealift.leaves_nothing();
    assert_eq!(left_in(dir.path()), 0, "what was spooled is removed");
    case.note("stream, spooled", &not_echoes(&receipt));
}

/// Killed while it uploads what it has spooled, the same command goes on, and needs no stream for it.
pub(crate) fn spooled_and_killed(case: &Case) {
    let (proxy, dir) = (half_way(case), tempfile::tempdir().unwrap());
    let sealift = Sealift::through(case, &proxy);
    let (source, spool) = (case.stock().ten_parts(), ["--spool", dir.path().to_str().unwrap()]);
    let mut child = sealift.start_stream("killed", &spool);
    let mut pipe = child.stdin.take().unwrap();
    std::io::copy(&mut fs::File::open(&source).unwrap(), &mut pipe).unwrap();
    drop(pipe);
    sealift.wait_for_parts(HALF.into(), &mut child);
    child.kill().unwrap();
    assert_eq!(Done::from(child.wait_with_output().unwrap()).code, None, "it was killed");
    proxy.release();
    sealift.lacks("killed");
    let receipt = sealift.put(Path::new("-"), "killed", &spool).value();
    proved(case, &receipt);
    assert!(receipt["resumed_parts"].as_u64().unwrap() >= HALF.into(), "what was done was not taken over: {receipt}");
    sealift.holds("killed", &source);
    sealift.leaves_nothing();
    assert_eq!(left_in(dir.path()), 0, "what was spooled is removed");
    case.note("stream, spooled, killed", "goes on");
}

/// A part of a stream that arrives damaged is sent again out of memory.
pub(crate) fn changed_on_the_way(case: &Case) {
    let proxy = Proxy::start(&case.server, Trick::ChangeParts { times: 2 });
    let sealift = Sealift::through(case, &proxy);
    let source = case.stock().ten_parts();
    proved_stream(case, &sealift.put_stream(&source, "changed", &[]).value());
    assert_eq!(proxy.played(), 2);
    sealift.holds("changed", &source);
    sealift.leaves_nothing();
    case.note("stream, changed on the way", "sent again");
}

/// Files in a spool's directory. A lock is no data, and may stay.
fn left_in(dir: &Path) -> usize {
    let files = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|file| file.extension().is_none_or(|it| it != "lock")).count()
}
