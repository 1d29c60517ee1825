//! Whom a client dials, and what it says when nobody is there.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use tokio::net::TcpListener;

use super::server::{Server, client, head, no_sse, part, part_taken};
use crate::{
    error::ErrorKind,
    transport::{ClientOptions, MaskedHead, RequestObserver, Retry},
};

#[tokio::test]
async fn every_request_dials_the_given_address_and_keeps_the_endpoints_name_and_port() {
    let server = Server::answering(&part_taken()).await;
    let options =
        ClientOptions { connect_to: Some(server.addr.to_string().parse().unwrap()), ..ClientOptions::default() };
    for endpoint in
        ["http://store.example:8443", "http://store.example", "http://10.0.0.1:8443", "http://[2001:db8::1]:81"]
    {
        let client = client(endpoint, options.clone()).unwrap();
        client.send(&part(3), &no_sse()).await.unwrap();
        let seen = server.seen().pop().unwrap();
        assert_eq!(seen.header("host"), endpoint.strip_prefix("http://"));
        assert!(seen.header("authorization").unwrap().contains("q-header-list=content-length;host&"));
        assert!(
            seen.head.starts_with("PUT /examplebucket-1250000000/folder/object?partNumber=1&uploadId="),
            "{}",
            seen.head
        );
    }
}

#[tokio::test]
async fn the_endpoints_port_is_dialled_unless_another_is_given() {
    let server = Server::answering(&part_taken()).await;
    let options = ClientOptions { connect_to: Some("127.0.0.1".parse().unwrap()), ..ClientOptions::default() };
    let client = client(&format!("http://store.example:{}", server.addr.port()), options).unwrap();
    client.send(&part(3), &no_sse()).await.unwrap();
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn an_address_to_connect_to_may_be_a_name() {
    let server = Server::answering(&part_taken()).await;
    let to = format!("localhost:{}", server.addr.port());
    let options = ClientOptions { connect_to: Some(to.parse().unwrap()), ..ClientOptions::default() };
    client("http://store.example", options).unwrap().send(&part(3), &no_sse()).await.unwrap();
    assert_eq!(server.seen()[0].header("host"), Some("store.example"));
}

#[tokio::test]
async fn a_host_that_cannot_be_resolved_is_named() {
    let options = ClientOptions { attempts: 1, ..ClientOptions::default() };
    let error = client("http://store.invalid", options).unwrap().send(&head(), &no_sse()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable);
    assert_eq!(error.message(), "cannot resolve store.invalid");
    assert!(error.hint().unwrap().contains("endpoint"));
    assert!(!error.is_doubtful());
}

#[tokio::test]
async fn a_refused_connection_names_the_address_that_was_dialled() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    drop(listener);
    let options =
        ClientOptions { attempts: 2, connect_to: Some(addr.to_string().parse().unwrap()), ..ClientOptions::default() };
    let client = client("http://store.example:8443", options).unwrap();
    let error = client.send(&super::server::complete(), &no_sse()).await.unwrap_err();
    assert_eq!(error.message(), format!("{addr} refused the connection"));
    assert_eq!((error.kind(), error.attempts(), error.is_doubtful()), (ErrorKind::Unavailable, Some(2), false));
}

#[derive(Debug, Default)]
struct Retries(Mutex<Vec<(String, u32, u32)>>);

impl RequestObserver for Retries {
    fn request(&self, _: &MaskedHead) {}

    fn retry(&self, retry: &Retry<'_>) {
        self.0.lock().unwrap().push((retry.error.message().to_owned(), retry.next, retry.of));
    }
}

#[tokio::test]
async fn an_address_where_nobody_ever_answered_is_given_up_sooner_and_every_retry_is_told() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    drop(listener);
    let retries = Arc::new(Retries::default());
    let observer: Arc<dyn RequestObserver> = retries.clone();
    let options = ClientOptions { observer: Some(observer), ..ClientOptions::default() };
    let client = client(&format!("http://{addr}"), options).unwrap();
    let error = client.send(&head(), &no_sse()).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Unavailable, Some(5)));
    let refused = format!("{addr} refused the connection");
    let told: Vec<_> = (2..=5).map(|next| (refused.clone(), next, 5)).collect();
    assert_eq!(*retries.0.lock().unwrap(), told);
}

#[tokio::test]
async fn a_call_waits_for_a_server_that_comes_up_late() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    drop(listener);
    let client = client(&format!("http://{addr}"), ClientOptions::default()).unwrap();
    let (call, sse) = (super::server::complete(), no_sse());
    let sending = client.send(&call, &sse);
    let serving = async {
        tokio::time::sleep(Duration::from_millis(30)).await;
        let listener = TcpListener::bind(addr).await.unwrap();
        let (mut stream, _) = listener.accept().await.unwrap();
        let answer = super::server::answer("200 OK", &[], super::server::COMPLETED);
        let mut buffer = vec![0; 64 << 10];
        let _ = tokio::io::AsyncReadExt::read(&mut stream, &mut buffer).await;
        tokio::time::sleep(Duration::from_millis(200)).await;
        tokio::io::AsyncWriteExt::write_all(&mut stream, answer.as_bytes()).await.unwrap();
        stream
    };
    let (sent, _stream) = tokio::join!(sending, serving);
    assert!(sent.unwrap().attempts >= 2);
}
