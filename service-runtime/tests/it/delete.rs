//! DELETE: the fields are in the query, and a success with status 204 has no body, for callers over HTTP and in process.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use actix_web::http::header::HeaderMap;
use secrecy::SecretString;
use service_runtime::{
    Clock, Listeners, RequestContext, Running, ServiceClient, ServiceCredential, UpstreamError,
    client::PeerConfig, in_process::TrafficEvent, random::Random,
};
use shared_types::{AccountSid, Code, federated_auth::AccountPath};
use test_support::smallest_service::{Gate, service_on};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::strict::{Erase, Fields, SECRET, listener, path, request};

const SOON: Duration = Duration::from_secs(10);

fn start() -> Running {
    let service = service_on(Gate::closed(), Duration::ZERO, listener(usize::MAX));
    service.start(Listeners::loopback().unwrap()).unwrap()
}

#[tokio::test]
async fn a_204_has_neither_body_nor_content_type_and_keeps_the_connection() {
    let running = start();
    let mut connection = TcpStream::connect(running.address()).await.unwrap();
    connection.write_all(&request("DELETE", &path()).bytes()).await.unwrap();
    let mut answers = Vec::new();
    let head = async {
        while !answers.windows(4).any(|end| end == b"\r\n\r\n") {
            assert!(connection.read_buf(&mut answers).await.unwrap() > 0, "the connection is kept");
        }
    };
    timeout(SOON, head).await.expect("a response");
    let second = request("GET", &format!("{}?Reason=kept", path())).header("connection", "close");
    connection.write_all(&second.bytes()).await.unwrap();
    timeout(SOON, connection.read_to_end(&mut answers)).await.expect("the end").unwrap();
    let answers = String::from_utf8(answers).unwrap().to_ascii_lowercase();
    let (first, second) = answers.split_once("\r\n\r\n").unwrap();
    assert!(first.starts_with("http/1.1 204 no content\r\n"), "{first}");
    for absent in ["content-type", "content-length", "transfer-encoding", "connection: close"] {
        assert!(!first.contains(absent), "{absent}: {first}");
    }
    assert!(first.contains("cache-control: no-store") && first.contains("request-id: "), "{first}");
    assert!(second.starts_with("http/1.1 200 ok\r\n"), "no body before the next response: {second}");
    assert!(second.ends_with(r#"{"reason":"kept"}"#), "{second}");
}

#[tokio::test]
async fn a_body_of_a_delete_is_not_read() {
    let address = start().address();
    let erased = request("DELETE", &path()).json(&serde_json::json!({ "Nope": 1 })).send(address).await;
    assert_eq!((erased.status, erased.text.as_str()), (204, ""));
    assert_eq!(erased.header("connection"), "close");
}

#[tokio::test]
async fn clients_read_a_204() {
    let running = start();
    let events = Arc::new(Mutex::new(Vec::new()));
    let sink = events.clone();
    let observed = running.in_process.clone().observed_by(Arc::new(move |event| {
        let (what, body) = match event {
            TrafficEvent::Request { method, path, body } => (format!("{method} {path}"), body),
            TrafficEvent::Response { status, body } => (status.to_string(), body),
        };
        sink.lock().unwrap().push(format!("{what} {}", str::from_utf8(body).unwrap()));
    }));
    for in_process in [None, Some(observed)] {
        let config = PeerConfig {
            name: "SmallestService",
            base_url: format!("http://{}", running.address()),
            credential: ServiceCredential::new(&SecretString::from(SECRET)),
            timeout: SOON,
            tls: None,
            in_process,
        };
        let client = ServiceClient::new(&config, Arc::default());
        let headers = HeaderMap::new();
        let call = RequestContext::new(&headers, None, &Clock::system(), &Random::default());
        let account = AccountPath { account_sid: AccountSid::from_bits(1) };
        client.call::<Erase>(&call, &account, &Fields::default()).await.unwrap();
        if config.in_process.is_some() {
            let closed = Fields { reason: Some("closed".to_owned()) };
            let error = client.call::<Erase>(&call, &account, &closed).await.unwrap_err();
            let UpstreamError::Refused { body, .. } = error else { panic!("{error}") };
            assert_eq!(body.code, Code::ConversationClosed);
        }
    }
    let events = events.lock().unwrap();
    assert_eq!(events[..2], [format!("DELETE {} ", path()), "204 ".to_owned()]);
}
