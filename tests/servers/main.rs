//! The real program against real servers, over HTTPS, in every mode that they offer.
//!
//! `tests/servers/run` starts the servers and then this. It can be run by itself against servers that are up:
//!
//! ```sh
//! SEALIFT_TEST_SERVERS=DIR cargo test --test servers          # DIR holds one .env file for each server
//! SEALIFT_TEST_SERVERS=DIR cargo test --test servers -- 'Ceph RGW 20.2: customer'
//! ```
//!
//! A file `NAME.env` holds the lines that a server's `start` has printed. Without the variable nothing is tested, and
//! that is said.

#![expect(clippy::unwrap_used, reason = "the helpers of tests may fail where they stand, as tests may")]

mod doubt;
mod keys;
mod many;
mod modes;
mod objects;
mod overwrite;
mod proxy;
mod resume;
mod sealift;
mod server;
mod streams;
mod ways;
mod world;

use std::{process::ExitCode, sync::Arc};

use libtest_mimic::{Arguments, Trial};

use self::{
    modes::Mode,
    server::Server,
    world::{Case, World},
};

#[expect(clippy::print_stdout, reason = "whoever runs the tests must see that these were not run")]
fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // The servers and the client share the machine: more at once only makes each of them slower.
    arguments.test_threads = arguments.test_threads.or(Some(2));
    let Some(servers) = server::running() else {
        println!("\nserver tests were not run: no servers (start them with tests/servers/run)");
        return libtest_mimic::run(&arguments, Vec::new()).exit_code();
    };
    let world = Arc::new(World::new(servers));
    let trials = world.servers.iter().flat_map(|server| trials(&world, server)).collect();
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// What is tried on one server.
fn trials(world: &Arc<World>, server: &Arc<Server>) -> Vec<Trial> {
    let mut plan = Plan { world, server, trials: Vec::new() };
    for mode in Mode::ALL {
        plan.add(mode, "a small file", objects::small);
        plan.add(mode, "ten parts", objects::ten_parts);
        if !server.takes(mode) {
            continue;
        }
        plan.add(mode, "keys that lazy encoding would break", keys::awkward);
        plan.add(mode, "killed, the same command goes on", resume::killed);
        plan.add(mode, "killed, then aborted", resume::killed_and_aborted);
        plan.add(mode, "aborted by another process", resume::aborted_meanwhile);
        plan.add(mode, "an answer to Complete is lost", doubt::lost_answer);
        plan.add(mode, "an error inside a 200, of a Complete that was done", doubt::error_after_complete);
        plan.add(mode, "an error inside a 200, of a Complete that was not done", doubt::error_before_complete);
        plan.add(mode, "a byte changes on the way", doubt::changed_once);
        plan.add(mode, "bytes change on the way, again and again", doubt::changed_always);
        plan.add(mode, "an object that is there is not replaced", overwrite::there_before);
        plan.add(mode, "a stream", streams::piped);
        plan.add(mode, "a stream that is spooled", streams::spooled);
        plan.add(mode, "a stream that is spooled, killed, the same command goes on", streams::spooled_and_killed);
        plan.add(mode, "a stream whose bytes change on the way", streams::changed_on_the_way);
        plan.add(mode, "proved by checksums in heads", ways::in_the_head);
        plan.add(mode, "proved by Content-MD5", ways::content_md5);
    }
    // Some are asked again and again, with pauses in between.
    plan.add(Mode::None, "proved by checksums behind bodies", ways::behind_the_body);
    if server.takes(Mode::Kms) {
        plan.add(Mode::Kms, "a KMS key that is not there", ways::unknown_kms_key);
    }
    plan.add(Mode::None, "an object that appears meanwhile is not replaced", overwrite::there_meanwhile);
    plan.add(Mode::None, "a PUT of the key while the upload is open", overwrite::put_meanwhile);
    if server.confirms_late() {
        plan.add(Mode::Customer, "one byte goes before the file", doubt::one_byte_first);
    }
    for mode in Mode::ALL.into_iter().filter(|mode| server.ignores(*mode)) {
        plan.add(mode, "a store that encrypts nothing gets one byte", doubt::one_byte_only);
    }
    if server.is_fastest() {
        plan.add(Mode::Customer, "a thousand parts", many::thousand_parts);
    }
    plan.trials
}

struct Plan<'a> {
    world: &'a Arc<World>,
    server: &'a Arc<Server>,
    trials: Vec<Trial>,
}

impl Plan<'_> {
    fn add(&mut self, mode: Mode, what: &str, test: fn(&Case)) {
        let name = format!("{}: {mode}: {what}", self.server.name);
        let case = Case::new(self.world, self.server, mode, what);
        self.trials.push(Trial::test(name, move || {
            test(&case);
            Ok(())
        }));
    }
}
