//! Responses that the client reads slowly or not at all.

use std::time::Duration;

use service_runtime::server::{ServerLimits, WRITE_DEADLINE};
use shared_types::Endpoint;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    time::{Instant, timeout},
};

use crate::bounds::{LARGE, Read, SOON, http::Request, read_to_end, request_text, start};

#[tokio::test]
async fn response_memory_is_released_after_sending() {
    let mut service = start(ServerLimits::internal());
    for size in [0, 100, LARGE] {
        let answer = Request::get(&format!("{}?size={size}", Read::PATH)).send(service.address()).await;
        assert_eq!((answer.status, answer.member("text").len()), (200, size));
        assert_eq!(service.next_reservation().await, size + r#"{"text":""}"#.len());
        assert_eq!(service.next_reservation().await, 0);
    }
}

#[tokio::test]
async fn response_memory_is_held_until_read_or_disconnected() {
    let mut service = start(ServerLimits::internal());
    let mut connection = request_text(service.address(), LARGE).await;
    connection.read_exact(&mut [0; 15]).await.unwrap();
    assert!(service.next_reservation().await > LARGE);
    // Another request has completed; the response is still held.
    Request::get(&format!("{}?size=1", Read::PATH)).send(service.address()).await;
    assert_eq!([service.next_reservation().await, service.next_reservation().await], [12, 0]);
    assert!(service.reservations.is_empty());
    drop(connection);
    assert_eq!(service.next_reservation().await, 0);
}

#[tokio::test]
async fn slow_readers_are_disconnected_at_the_response_deadline() {
    let mut service = start(ServerLimits::internal());
    let began = Instant::now();
    let mut unread = request_text(service.address(), LARGE).await;
    let mut slow = request_text(service.address(), LARGE).await;
    for _ in 0..2 {
        assert!(service.next_reservation().await > LARGE);
    }
    let slowly = tokio::spawn(async move { read_to_end(&mut slow, Duration::from_millis(100)).await });
    for _ in 0..2 {
        assert_eq!(service.next_reservation().await, 0);
        let took = began.elapsed();
        assert!(took >= WRITE_DEADLINE && took < WRITE_DEADLINE + Duration::from_secs(3), "{took:?}");
    }
    let (read, reset) = slowly.await.unwrap();
    assert!(reset && read < LARGE, "{read} bytes");
    assert!(read_to_end(&mut unread, Duration::ZERO).await.1, "data in the kernel's buffers is dropped too");
}

#[tokio::test]
async fn responses_read_in_time_are_complete_and_keep_the_connection() {
    let mut service = start(ServerLimits::internal());
    let mut connection = request_text(service.address(), LARGE).await;
    let again = Request::get(&format!("{}?size=1", Read::PATH)).bytes();
    let whole = async {
        let mut seen = Vec::new();
        while !seen.ends_with(br#""}"#) {
            assert!(connection.read_buf(&mut seen).await.unwrap() > 0);
        }
        connection.write_all(&again).await.unwrap();
        while !seen.ends_with(br#"{"text":"x"}"#) {
            assert!(connection.read_buf(&mut seen).await.unwrap() > 0);
        }
    };
    timeout(SOON, whole).await.expect("both responses arrive");
    assert_eq!(service.next_reservation().await, LARGE + 11);
}
