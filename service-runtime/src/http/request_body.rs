//! Reads request bodies, bounded in size and time.

use std::{future::poll_fn, pin::Pin, time::Duration};

use actix_web::{
    HttpRequest,
    dev::Payload,
    http::header,
    web::{Bytes, BytesMut},
};
use futures_core::Stream;
use shared_types::Code;
use tokio::time::timeout;

use crate::http::outcome::Rejection;

/// Time for a body to arrive after its head.
const BODY_DEADLINE: Duration = Duration::from_secs(5);

/// Whether the request has a body (RFC 9112, section 6).
pub(super) fn has_body(request: &HttpRequest) -> bool {
    let headers = request.headers();
    headers.contains_key(header::TRANSFER_ENCODING)
        || headers.get(header::CONTENT_LENGTH).is_some_and(|length| length.as_bytes() != b"0")
}

/// Reads a body of at most `max` bytes.
pub(super) async fn read(request: &HttpRequest, payload: Payload, max: usize) -> Result<Bytes, Rejection> {
    let announced =
        request.headers().get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if announced.is_some_and(|length: u64| length > max as u64) {
        return Err(too_large(max));
    }
    timeout(BODY_DEADLINE, collect(payload, max)).await.unwrap_or_else(|_| {
        Err(Rejection::new(Code::InvalidRequest, "The body did not arrive in time.".into()))
    })
}

/// Collects the body. A single chunk is returned without a copy.
async fn collect(mut payload: Payload, max: usize) -> Result<Bytes, Rejection> {
    let mut next = async || poll_fn(|context| Pin::new(&mut payload).poll_next(context)).await;
    let (mut whole, mut rest) = (Bytes::new(), BytesMut::new());
    while let Some(chunk) = next().await {
        let broke_off = |_| Rejection::new(Code::InvalidRequest, "The body ended early.".into());
        let chunk = chunk.map_err(broke_off)?;
        if whole.len() + rest.len() + chunk.len() > max {
            return Err(too_large(max));
        }
        if whole.is_empty() {
            whole = chunk;
        } else {
            rest.extend_from_slice(&chunk);
        }
    }
    if rest.is_empty() {
        return Ok(whole);
    }
    let mut all = BytesMut::from(whole.as_ref());
    all.extend_from_slice(&rest);
    Ok(all.freeze())
}

fn too_large(max: usize) -> Rejection {
    Rejection::new(Code::PayloadTooLarge, format!("The body is larger than {} KiB.", max / 1024))
}
