//! An imitation of a service that gives out keys, on loopback.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    sync::Semaphore,
    task::JoinSet,
};

/// Seconds since 1970 at which the machine's clock starts.
pub(super) const START: u64 = 1_700_000_000;

/// Answers what has an answer of its own with that, and all else with the one that is set; records what was asked.
pub(super) struct Service {
    pub(super) address: String,
    shared: Arc<Shared>,
    /// Ends with the service.
    tasks: JoinSet<()>,
}

struct Shared {
    heads: Mutex<Vec<String>>,
    /// By method and path.
    fixed: Mutex<HashMap<String, String>>,
    answer: Mutex<String>,
    /// One permit is needed for each answer.
    gate: Semaphore,
}

impl Service {
    pub(super) async fn start(fixed: &[(&str, String)], answer: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let fixed = fixed.iter().map(|(asked, answer)| ((*asked).to_owned(), answer.clone())).collect();
        let mut service = Self {
            address: format!("http://{}", listener.local_addr().unwrap()),
            shared: Arc::new(Shared {
                heads: Mutex::default(),
                fixed: Mutex::new(fixed),
                answer: Mutex::new(answer),
                gate: Semaphore::new(1000),
            }),
            tasks: JoinSet::new(),
        };
        let shared = service.shared.clone();
        service.tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, shared.clone()));
            }
        });
        service
    }

    pub(super) fn answers(&self, answer: String) {
        *self.shared.answer.lock().unwrap() = answer;
    }

    /// Answers this question, such as `PUT /path`, in its own way from now on.
    pub(super) fn answers_to(&self, asked: &str, answer: String) {
        self.shared.fixed.lock().unwrap().insert(asked.to_owned(), answer);
    }

    /// Method and path of each question.
    pub(super) fn asked(&self) -> Vec<String> {
        self.heads().iter().map(|head| question(head)).collect()
    }

    /// The heads of the requests.
    pub(super) fn heads(&self) -> Vec<String> {
        self.shared.heads.lock().unwrap().clone()
    }

    pub(super) fn gate(&self) -> &Semaphore {
        &self.shared.gate
    }
}

fn question(head: &str) -> String {
    head.split(" HTTP/").next().unwrap().to_owned()
}

async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => return,
        }
    }
    let head = String::from_utf8(head).unwrap();
    shared.heads.lock().unwrap().push(head.clone());
    shared.gate.acquire().await.unwrap().forget();
    let fixed = shared.fixed.lock().unwrap().get(&question(&head)).cloned();
    let answer = fixed.unwrap_or_else(|| shared.answer.lock().unwrap().clone());
    let _ = stream.write_all(answer.as_bytes()).await;
    let _ = stream.shutdown().await;
}

/// A good answer.
pub(super) fn ok(body: &str) -> String {
    format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

/// An answer without a body.
pub(super) fn status(status: &str) -> String {
    format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
}
