//! Requests that are endless, rejected before they are read, or too many.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use service_runtime::server::ServerLimits;
use shared_types::Endpoint;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use crate::bounds::{
    SOON, Wait, connect,
    http::{Answer, Request},
    read_to_end, request_text, start,
};

/// Sends a head and an endless body; returns how many bytes the service took, and its response.
async fn send_without_end(address: SocketAddr, head: &str, piece: &[u8]) -> (usize, String) {
    let mut connection = TcpStream::connect(address).await.unwrap();
    connection.write_all(head.as_bytes()).await.unwrap();
    let (mut reader, mut writer) = connection.split();
    let mut taken = 0;
    let mut answer = Vec::new();
    let send = async {
        while writer.write_all(piece).await.is_ok() {
            taken += piece.len();
        }
    };
    let (_, _) = timeout(SOON, async { tokio::join!(send, reader.read_to_end(&mut answer)) })
        .await
        .expect("the connection ends");
    (taken, String::from_utf8(answer).unwrap())
}

#[tokio::test]
async fn rejected_bodies_are_not_read_to_the_end() {
    let service = start(ServerLimits::internal());
    let zeros = vec![0; 16 * 1024];
    let chunk = [b"4000\r\n", zeros.as_slice(), b"\r\n"].concat();
    for (target, status) in [("POST /nothing", 404), ("POST /v1/Read", 405), ("POST /v1/Wait", 413)] {
        for (length, piece) in [("content-length: 104857600", &zeros), ("transfer-encoding: chunked", &chunk)]
        {
            let head =
                format!("{target} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\n{length}\r\n\r\n");
            let (taken, answer) = send_without_end(service.address(), &head, piece).await;
            assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{target} {length}: {answer:?}");
            assert!(answer.contains("connection: close"), "{answer}");
            assert!(taken < 4 << 20, "{target} {length}: the service read {taken} bytes of the body");
        }
    }
}

#[tokio::test]
async fn an_unfinished_second_request_head_closes_the_connection() {
    let service = start(ServerLimits::internal());
    let mut connection = request_text(service.address(), 1).await;
    let mut answer = vec![0; 1024];
    assert!(connection.read(&mut answer).await.unwrap() > 0);
    connection.write_all(b"GET /v1/Read HTTP/1.1\r\nhost: a\r\nx: ").await.unwrap();
    let (more, _) = read_to_end(&mut connection, Duration::ZERO).await;
    assert_eq!(more, 0);
}

#[tokio::test]
async fn unfinished_requests_share_a_memory_budget() {
    let service = start(ServerLimits::internal());
    let mut connections = Vec::new();
    // 120 KiB each, of which all but 16 KiB are charged to 8 MiB.
    for _ in 0..100 {
        let mut connection = TcpStream::connect(service.address()).await.unwrap();
        let _ = connection.write_all(b"GET / HTTP/1.1\r\nhost: a\r\nx: ").await;
        let _ = connection.write_all(&[b'x'; 120 * 1024]).await;
        connections.push(tokio::spawn(async move { read_to_end(&mut connection, Duration::ZERO).await.0 }));
    }
    let mut ended = 0;
    for connection in connections {
        // The others get 408 at their deadline.
        ended += u32::from(connection.await.unwrap() == 0);
    }
    assert!((10..=30).contains(&ended), "{ended} of 100 connections were closed");
    // The whole budget is released.
    let request = Request::post(Wait::PATH).body("application/json", vec![b' '; 17_000]);
    request.send(service.address()).await.is_refusal(413, "payload_too_large");
}

#[tokio::test]
async fn connections_per_peer_are_limited() {
    let limits = ServerLimits {
        connections: 8,
        connections_per_peer: 3,
        carries_many: Arc::new(|_| false),
        ..ServerLimits::internal()
    };
    let service = start(limits);
    let mut held = Vec::new();
    for _ in 0..3 {
        let mut connection = request_text(service.address(), 1).await;
        assert!(connection.read(&mut [0; 1024]).await.unwrap() > 0);
        held.push(connection);
    }
    let mut refused = connect(service.address()).await;
    assert_eq!(read_to_end(&mut refused, Duration::ZERO).await.0, 0);
    held.pop();
    let again = async {
        loop {
            let mut connection = request_text(service.address(), 1).await;
            if connection.read(&mut [0; 1024]).await.is_ok_and(|read| read > 0) {
                return;
            }
        }
    };
    timeout(SOON, again).await.expect("a freed connection slot is reused");
}

#[tokio::test]
async fn excess_requests_are_shed_at_once() {
    let service = start(ServerLimits { requests_per_worker: 2, ..ServerLimits::internal() });
    let address = service.address();
    let in_flight: Vec<_> =
        (0..2).map(|_| tokio::spawn(async move { Request::post(Wait::PATH).send(address).await })).collect();
    service.state.gate.arrived(2).await;
    let refused: Answer = Request::post(Wait::PATH).send(address).await;
    refused.is_refusal(503, "upstream_unavailable");
    service.state.gate.release(3);
    for request in in_flight {
        assert_eq!(request.await.unwrap().status, 200);
    }
    assert_eq!(Request::post(Wait::PATH).send(address).await.status, 200);
}

#[tokio::test]
async fn requests_take_a_slot_only_after_the_body_arrived() {
    let service = start(ServerLimits { requests_per_worker: 1, ..ServerLimits::internal() });
    let mut slow = connect(service.address()).await;
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: a\r\ncontent-type: application/json\r\ncontent-length: 2\r\nexpect: 100-continue\r\n\r\n",
        Wait::PATH
    );
    slow.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 1024];
    let read = timeout(SOON, slow.read(&mut answer)).await.expect("100 Continue").unwrap();
    assert!(answer[..read].starts_with(b"HTTP/1.1 100 "));
    service.state.gate.release(2);
    assert_eq!(Request::post(Wait::PATH).send(service.address()).await.status, 200);
    slow.write_all(b"{}").await.unwrap();
    let read = timeout(SOON, slow.read(&mut answer)).await.expect("a response").unwrap();
    assert!(answer[..read].starts_with(b"HTTP/1.1 200 "));
}
