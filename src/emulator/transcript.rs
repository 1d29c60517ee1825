//! What was asked and what was answered, without the secrets: in memory, and as JSON lines in a file.

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, Write as _},
    path::Path,
    sync::{Mutex, PoisonError},
};

use http::HeaderMap;
use serde::Serialize;

/// One request as the store saw it.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Request {
    /// The operation's name, such as `UploadPart`; `Unknown` for what the store does not speak.
    pub operation: String,
    /// The bucket.
    pub bucket: String,
    /// The object key; empty for calls on the bucket.
    pub key: String,
    /// The part's number.
    pub part: Option<u16>,
    /// The status answered; 0 if the request ended without an answer.
    pub status: u16,
    /// The code of the error answered, also of one inside a 200.
    pub code: Option<String>,
    /// Bytes of the body received.
    pub received: u64,
    /// Names and values of the headers; secret values are masked.
    pub headers: Vec<(String, String)>,
    /// Encryption headers that official clients are seen to send here although the operation does not take them.
    pub surplus: Vec<String>,
    /// The fault that struck.
    pub fault: Option<String>,
}

/// The latest requests, and the file they are also written to.
#[derive(Debug)]
pub(super) struct Transcript(Mutex<Kept>);

#[derive(Debug)]
struct Kept {
    latest: VecDeque<Request>,
    most: usize,
    file: Option<File>,
}

impl Transcript {
    pub(super) fn open(file: Option<&Path>, most: usize) -> io::Result<Self> {
        let file = file.map(|path| File::options().create(true).append(true).open(path)).transpose()?;
        Ok(Self(Mutex::new(Kept { latest: VecDeque::new(), most, file })))
    }

    pub(super) fn add(&self, request: Request) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = &mut kept.file
            && let Ok(mut line) = serde_json::to_vec(&request)
        {
            line.push(b'\n');
            // A transcript is a witness, not a service: a full disk must not fail the request.
            let _ = file.write_all(&line);
        }
        if kept.latest.len() >= kept.most {
            kept.latest.pop_front();
        }
        if kept.most > 0 {
            kept.latest.push_back(request);
        }
    }

    pub(super) fn latest(&self) -> Vec<Request> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).latest.iter().cloned().collect()
    }
}

/// Names and values, with everything masked that is a secret or could be used as one.
pub(super) fn mask(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| {
            let secret = name == http::header::AUTHORIZATION
                || name.as_str().ends_with("security-token")
                || name.as_str().ends_with("customer-key")
                || name.as_str().ends_with("encryption-context");
            let value = if secret { "***".to_owned() } else { String::from_utf8_lossy(value.as_bytes()).into_owned() };
            (name.as_str().to_owned(), value)
        })
        .collect()
}
