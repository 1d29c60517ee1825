//! A transcript's entry in the making.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use super::{
    dates,
    fault::Effects,
    request::Call,
    server::Server,
    transcript::{self, Request},
};

/// An entry that is written when it is dropped, so also if the client goes away in between.
pub(super) struct Entry<'a> {
    server: &'a Server,
    received: Arc<AtomicU64>,
    pub(super) request: Request,
    /// What goes wrong with the request; the entry tells what of it has changed anything.
    pub(super) effects: Effects,
}

impl<'a> Entry<'a> {
    /// Of a connection as such.
    pub(super) fn of_connection(server: &'a Server, effects: Effects) -> Self {
        let request = Request { time: now(server), ..Request::named(super::fault::CONNECTION) };
        Self { server, received: Arc::default(), request, effects }
    }

    pub(super) fn begin(
        server: &'a Server,
        head: &http::request::Parts,
        request_id: &str,
        received: Arc<AtomicU64>,
    ) -> Self {
        let request = Request {
            time: now(server),
            request_id: request_id.to_owned(),
            method: head.method.as_str().to_owned(),
            headers: transcript::mask(&head.headers),
            ..Request::named("Unknown")
        };
        Self { server, received, request, effects: Effects::default() }
    }

    /// What is asked for is known.
    pub(super) fn name(&mut self, call: &Call) {
        call.operation.name().clone_into(&mut self.request.operation);
        self.request.bucket.clone_from(&call.bucket);
        self.request.key.clone_from(&call.key);
        self.request.query = transcript::mask_query(&call.query);
        self.request.part = call.part;
    }

    /// The answer is ready; before it leaves, the entry is there.
    pub(super) fn end(mut self, status: u16) {
        self.request.status = status;
    }
}

impl Drop for Entry<'_> {
    fn drop(&mut self) {
        self.request.received = self.received.load(Ordering::Relaxed);
        self.request.fault = self.effects.name();
        self.server.faults.came_of(&self.effects);
        self.server.transcript.add(self.request.clone());
    }
}

fn now(server: &Server) -> String {
    dates::precise(server.core.options.clock.now())
}
