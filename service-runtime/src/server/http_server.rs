//! The plain HTTP listener. Built from actix-web's parts, because its own server cannot wrap an accepted connection.

use std::{fmt, io, net::TcpListener, sync::Arc, time::Duration};

use actix_http::{HttpService, Request, Response, error::DispatchError};
use actix_server::{Server, ServerBuilder};
use actix_service::{IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::{body::MessageBody, dev::AppConfig};
use socket2::SockRef;
use tokio::net::TcpStream;

use super::{
    connection::{BoundedStream, ConnectionSlots, HEAD_DEADLINE, ReadBudget, ServerLimits},
    timeouts::{DISCONNECT_DEADLINE, IN_FLIGHT_SECONDS},
};
use crate::http::response_body::PIECE;

/// Kernel buffer sizes per connection. The kernel doubles them, and they count towards the container's memory. Most of
/// an unread response stays in the process, where it is charged to a budget.
const SEND_BUFFER: usize = 8 * 1024;
const RECEIVE_BUFFER: usize = 32 * 1024;
/// Accept queue. When it is full, a client retries only after a second; with the standard library's 128 that happened
/// in every burst.
const BACKLOG: i32 = 4096;

/// Serves `app` on `listener` with `workers` threads.
pub(super) fn serve<F, I, S, B>(
    listener: TcpListener,
    workers: usize,
    limits: ServerLimits,
    keep_alive: Duration,
    app: F,
) -> io::Result<Server>
where
    F: Fn() -> I + Send + Clone + 'static,
    I: IntoServiceFactory<S, Request>,
    S: ServiceFactory<Request, Config = AppConfig, Error = actix_web::Error> + 'static,
    S::InitError: fmt::Debug,
    S::Response: Into<Response<B>> + 'static,
    S::Service: 'static,
    <S::Service as Service<Request>>::Future: 'static,
    B: MessageBody + 'static,
{
    let socket = SockRef::from(&listener);
    socket.set_send_buffer_size(SEND_BUFFER)?;
    socket.set_recv_buffer_size(RECEIVE_BUFFER)?;
    socket.listen(BACKLOG)?;
    let address = listener.local_addr()?;
    let (slots, read_budget) = (ConnectionSlots::new(limits), Arc::new(ReadBudget::default()));
    let builder = ServerBuilder::new().workers(workers).shutdown_timeout(IN_FLIGHT_SECONDS).disable_signals();
    let stopping = builder.graceful_shutdown_signal();
    let builder = builder.listen(format!("http-{address}"), listener, move || {
        let (slots, read_budget, stopping) = (slots.clone(), read_budget.clone(), stopping.clone());
        let app = app().into_factory().map_err(|error| error.error_response());
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .keep_alive(keep_alive)
            .client_request_timeout(HEAD_DEADLINE)
            .client_disconnect_timeout(DISCONNECT_DEADLINE)
            .h1_write_buffer_size(PIECE)
            // A client that closes its side has gone away; a waiting request of it ends at once.
            .h1_allow_half_closed(false)
            .local_addr(address)
            .on_connect_ext(|stream: &BoundedStream, data| {
                data.insert(stream.state());
            })
            .h1(map_config(app, |()| AppConfig::default()));
        fn_service(move |stream: TcpStream| {
            let accepted = accept(stream, &slots, &read_budget);
            async move { accepted }
        })
        .and_then(http)
    })?;
    Ok(builder.run())
}

fn accept(
    stream: TcpStream,
    slots: &Arc<ConnectionSlots>,
    read_budget: &Arc<ReadBudget>,
) -> Result<(BoundedStream, Option<std::net::SocketAddr>), DispatchError> {
    let peer = stream.peer_addr().ok();
    let Some(slot) = slots.take(peer.map(|peer| peer.ip())) else {
        return Err(DispatchError::Io(io::Error::other("too many connections")));
    };
    // A response is written in pieces; without Nagle's algorithm none waits for an acknowledgement.
    stream.set_nodelay(true).map_err(DispatchError::Io)?;
    Ok((BoundedStream::new(stream, slot, Arc::clone(read_budget)), peer))
}
