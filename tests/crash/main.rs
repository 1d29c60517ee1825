//! Kill it anywhere: the same command goes on, and yields the same object under the same encryption.
//!
//! The real program uploads to a real `sealift serve`, in every encryption mode, with 1 to 16 parts at once, files from
//! one part to 300, and is killed with SIGKILL at random moments, again and again, until a last run comes to its end.
//! Then the object is what the file was, under the encryption that was asked for; nothing unfinished is left in the
//! store or in the journals; and the store has received no more than the file, and for each kill what was in flight and
//! what one second brings. The one thing that a kill may leave is an empty upload: one that the store had opened when the
//! program died before it could hear of it. Nobody can be sure whose that is, so it is shown and never touched; here it
//! is counted, and removed by hand.
//!
//! ```sh
//! cargo test --test crash                                              # 30 kills
//! SEALIFT_CRASH_KILLS=300 cargo test --test crash -- --nocapture       # the long form, with its figures
//! SEALIFT_CRASH_SEED=7 cargo test --test crash                         # other moments, sizes and modes
//! ```
//!
//! A failure names its seed and scenario. The seed gives the same files, options and waiting times again; what the
//! kills hit depends on the machine's speed as well.

#![expect(clippy::unwrap_used, reason = "the helpers of tests may fail where they stand, as tests may")]

mod chance;
mod scenario;
mod server;

use std::{
    env,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

use self::{
    scenario::{Outcome, Scenario},
    server::Server,
};

/// Scenarios at the same time: their rates are limited, so that they mostly wait.
const WORKERS: usize = 3;

#[test]
fn an_upload_that_is_killed_anywhere_goes_on_and_yields_the_same_object() {
    let kills = number("SEALIFT_CRASH_KILLS", 30);
    let seed = number("SEALIFT_CRASH_SEED", 1);
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path());
    let began = Instant::now();
    let (next, killed) = (AtomicU64::new(0), AtomicU64::new(0));
    let all = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..WORKERS {
            scope.spawn(|| {
                while killed.load(Ordering::Relaxed) < kills {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let outcome = Scenario::new(seed, index).play(&server, folder.path());
                    killed.fetch_add(outcome.kills, Ordering::Relaxed);
                    all.lock().unwrap().push(outcome);
                }
            });
        }
    });
    let all = all.into_inner().unwrap();
    let unopened = server.remove_unopened();
    server.holds_nothing_unfinished(&folder.path().join("state"));
    assert_eq!(server.objects(), all.len(), "each file has become exactly one object");
    let sum = |of: fn(&Outcome) -> u64| all.iter().map(of).sum::<u64>();
    println!(
        "seed {seed}: {} kills in {} uploads within {:.0} s: {} MiB of files, {} MiB received, {} parts taken over, \
         {unopened} empty uploads left; received beyond the files: {} KiB for each kill",
        sum(|it| it.kills),
        all.len(),
        began.elapsed().as_secs_f64(),
        sum(|it| it.size) >> 20,
        sum(|it| it.received) >> 20,
        sum(|it| it.resumed_parts),
        (sum(|it| it.received).saturating_sub(sum(|it| it.size)) >> 10) / sum(|it| it.kills).max(1),
    );
    assert!(unopened <= sum(|it| it.kills));
    assert!(sum(|it| it.resumed_parts) > 0, "no run has gone on with the parts of another");
    server.stop();
}

fn number(name: &str, default: u64) -> u64 {
    match env::var(name) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{name} is not a number: {text:?}")),
        Err(_) => default,
    }
}
