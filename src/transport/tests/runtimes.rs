//! One client on several runtimes.

use tokio::runtime::{Builder, Runtime};

use super::server::{Server, no_sse, part, part_taken};

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

#[test]
fn a_client_never_waits_for_a_runtime_that_stands_still() {
    let servers = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let server = servers.block_on(Server::answering(&part_taken()));
    let client = server.client();
    // This one runs only while something blocks on it; its connection stays open and idle.
    let still = runtime();
    still.block_on(client.send(&part(1), &no_sse())).unwrap();
    let other = runtime();
    let answered = other.block_on(client.clone().send(&part(1), &no_sse())).unwrap();
    assert_eq!(answered.attempts, 1);
    // Each goes on with what it has.
    still.block_on(client.send(&part(1), &no_sse())).unwrap();
    drop(other);
    still.block_on(client.send(&part(1), &no_sse())).unwrap();
    assert_eq!(client.retries(), 0);
}

#[test]
fn many_runtimes_one_after_another_leave_few_pools() {
    let servers = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let server = servers.block_on(Server::answering(&part_taken()));
    let client = server.client();
    for _ in 0..10 {
        assert_eq!(runtime().block_on(client.send(&part(1), &no_sse())).unwrap().attempts, 1);
    }
}
