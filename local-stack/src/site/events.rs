//! The stack's arrows as Server-Sent Events. The history is the first event, so that a page that reconnects starts over
//! instead of drawing arrows twice; then follow each new arrow and each change of the controls' state.

use std::{
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use actix_web::{
    HttpResponse,
    body::{BodySize, MessageBody},
    http::header::CACHE_CONTROL,
    web,
    web::Bytes,
};
use serde_json::{Value, json};
use tokio::sync::mpsc::{Receiver, Sender, channel, error::SendError};

use super::Customer;

pub(super) async fn stream(customer: web::Data<Customer>) -> HttpResponse {
    let (sender, frames) = channel(16);
    actix_web::rt::spawn(async move {
        tokio::select! {
            // The page has disconnected or lagged behind; its browser reconnects.
            _ = tell(&customer, &sender) => {}
            () = sender.closed() => {}
        }
    });
    HttpResponse::Ok()
        .content_type("text/event-stream")
        .insert_header((CACHE_CONTROL, "no-store"))
        .body(Frames(frames))
}

async fn tell(customer: &Customer, page: &Sender<Bytes>) -> Result<(), SendError<Bytes>> {
    let mut state = customer.state.subscribe();
    let (past, mut arrows) = customer.arrows.listen();
    page.send(frame("past", &Value::Array(past))).await?;
    state.mark_changed();
    loop {
        tokio::select! {
            arrow = arrows.recv() => match arrow {
                Some(arrow) => page.send(frame("arrow", &arrow)).await?,
                None => return Ok(()),
            },
            Ok(()) = state.changed() => {
                let now = *state.borrow_and_update();
                let now = json!({
                    "aheadSeconds": now.ahead_seconds,
                    "scopedAuthIsOn": now.scoped_auth_is_on,
                });
                page.send(frame("state", &now)).await?;
            }
        }
    }
}

/// Serialized JSON has no line breaks, so it is one line of data.
fn frame(event: &str, data: &Value) -> Bytes {
    format!("event: {event}\ndata: {data}\n\n").into()
}

/// A body that streams until its sender is dropped.
struct Frames(Receiver<Bytes>);

impl MessageBody for Frames {
    type Error = Infallible;

    fn size(&self) -> BodySize {
        BodySize::Stream
    }

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, Infallible>>> {
        self.0.poll_recv(cx).map(|frame| frame.map(Ok))
    }
}
