//! Response bodies. A large body enters the connection's write buffer in pieces, so that the buffer stays small. Its
//! memory reservation is released when the last byte has left the process or the connection has ended.

use std::{
    pin::Pin,
    rc::Rc,
    task::{Context, Poll},
};

use actix_web::{
    HttpRequest,
    body::{BodySize, BoxBody, MessageBody},
    web::Bytes,
};

use crate::{http::reservation::Reservation, server::connection::ConnectionState};

/// Maximum bytes added to the write buffer at a time. An idle keep-alive connection retains twice as much.
pub(crate) const PIECE: usize = 8 * 1024;

/// Makes the body of the response to `request`.
pub(crate) fn response_body(
    request: &HttpRequest,
    bytes: Vec<u8>,
    mut reservation: Option<Box<dyn Reservation>>,
) -> BoxBody {
    if let Some(reservation) = &mut reservation {
        reservation.resize(bytes.len());
    }
    let connection = request.conn_data::<Rc<ConnectionState>>().cloned();
    if let Some(connection) = &connection {
        connection.response_began();
    }
    if bytes.len() <= PIECE && reservation.is_none() {
        return BoxBody::new(bytes);
    }
    if let Some(connection) = &connection {
        connection.set_more_to_write(!bytes.is_empty());
    }
    BoxBody::new(Pieces { bytes: bytes.into(), connection, reservation })
}

struct Pieces {
    bytes: Bytes,
    connection: Option<Rc<ConnectionState>>,
    reservation: Option<Box<dyn Reservation>>,
}

impl MessageBody for Pieces {
    type Error = std::convert::Infallible;

    fn size(&self) -> BodySize {
        BodySize::Sized(self.bytes.len() as u64)
    }

    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        if self.bytes.is_empty() {
            return Poll::Ready(None);
        }
        let length = self.bytes.len().min(PIECE);
        let piece = self.bytes.split_to(length);
        if self.bytes.is_empty() {
            let (connection, reservation) = (self.connection.take(), self.reservation.take());
            if let Some(connection) = connection {
                connection.set_more_to_write(false);
                reservation.into_iter().for_each(|reservation| connection.keep_until_written(reservation));
            }
        }
        Poll::Ready(Some(Ok(piece)))
    }
}

impl Drop for Pieces {
    fn drop(&mut self) {
        if let Some(connection) = &self.connection {
            connection.set_more_to_write(false);
        }
    }
}
