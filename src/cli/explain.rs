//! Shows what leaves for the store: the first request of each kind, secrets masked, and how many there were; and says
//! when a request has to be sent again.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    sync::{Arc, Mutex, PoisonError},
};

use serde_json::{Value, json};

use super::console::Console;
use crate::transport::{MaskedHead, RequestObserver, Retry};

/// Sees every request of a client: shows the first of each kind if that is wanted, and tells of retries.
#[derive(Debug)]
pub(super) struct Explainer {
    console: Console,
    wanted: bool,
    counts: Mutex<BTreeMap<&'static str, u64>>,
}

impl Explainer {
    /// An explainer; unless its explanations are wanted, it only tells of retries.
    pub(super) fn new(wanted: bool, console: &Console) -> Arc<Self> {
        Arc::new(Self { console: console.clone(), wanted, counts: Mutex::default() })
    }

    /// Says how many requests of each kind have left, if that is wanted.
    pub(super) fn sum_up(&self) {
        if !self.wanted {
            return;
        }
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        if self.console.json() {
            self.console.complain_value(&json!({ "requests": &*counts }));
        } else if !counts.is_empty() {
            let list: Vec<String> = counts.iter().map(|(operation, count)| format!("{count} {operation}")).collect();
            self.console.complain(&format!("requests: {}\n", list.join(", ")));
        }
    }
}

impl RequestObserver for Explainer {
    fn retry(&self, retry: &Retry<'_>) {
        let Retry { error, next, of, pause, .. } = retry;
        self.console.trying_again(format!("{error}; trying again ({next} of {of})"), *pause);
    }

    fn request(&self, head: &MaskedHead) {
        if !self.wanted {
            return;
        }
        let first = {
            let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
            let count = counts.entry(head.operation.name()).or_default();
            *count += 1;
            *count == 1
        };
        if !first {
            return;
        }
        if self.console.json() {
            self.console.complain_value(&json!({ "request": as_json(head) }));
        } else {
            self.console.complain(&for_people(head));
        }
    }
}

/// The lines for people.
pub(super) fn for_people(head: &MaskedHead) -> String {
    let mut text = format!("{}: {} {}\n", head.operation, head.method, head.url);
    for (name, value) in &head.headers {
        let _ = writeln!(text, "  {name}: {value}");
    }
    if head.body_len > 0 {
        let _ = writeln!(text, "  ({} bytes of body)", head.body_len);
    }
    text
}

/// The same for programs.
pub(super) fn as_json(head: &MaskedHead) -> Value {
    json!({
        "operation": head.operation.name(),
        "method": head.method,
        "url": head.url,
        "headers": head.headers,
        "body_bytes": head.body_len,
    })
}
