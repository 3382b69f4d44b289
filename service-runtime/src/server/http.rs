//! The plain HTTP listener. actix-web's own server cannot wrap an accepted connection, so its parts are put together here.

use std::{fmt, io, net::TcpListener, sync::Arc};

use actix_http::{HttpService, Request, Response, error::DispatchError};
use actix_server::{Server, ServerBuilder};
use actix_service::{IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::{body::MessageBody, dev::AppConfig};
use socket2::SockRef;
use tokio::net::TcpStream;

use super::{
    DISCONNECT_DEADLINE, IN_FLIGHT_SECONDS, KEEP_ALIVE,
    connection::{BoundedStream, HEAD_DEADLINE, Places, ReadBudget, ServerLimits},
};
use crate::answer::PIECE;

/// What the kernel holds of a connection's answers and requests; it doubles what is set here, and the container's memory
/// includes it. Of an unread answer most stays in the process, where it counts.
const SEND_BUFFER: usize = 8 * 1024;
const RECEIVE_BUFFER: usize = 32 * 1024;
/// Connections that the kernel has made and no thread has taken. Where there is no room, a client tries again only after a
/// second: with 128, as the standard library asks for, some do in every burst.
const BACKLOG: i32 = 4096;

/// Serves `app` on `listener` with so many threads.
pub(super) fn serve<F, I, S, B>(
    listener: TcpListener,
    workers: usize,
    limits: ServerLimits,
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
    let (places, read_budget) = (Places::new(limits), Arc::new(ReadBudget::default()));
    let builder = ServerBuilder::new().workers(workers).shutdown_timeout(IN_FLIGHT_SECONDS).disable_signals();
    let stopping = builder.graceful_shutdown_signal();
    let builder = builder.listen(format!("http-{address}"), listener, move || {
        let (places, read_budget, stopping) = (places.clone(), read_budget.clone(), stopping.clone());
        let app = app().into_factory().map_err(|error| error.error_response());
        let http = HttpService::build()
            .graceful_shutdown_signal(move || {
                let stopping = stopping.clone();
                async move { stopping.notified().await }
            })
            .keep_alive(KEEP_ALIVE)
            .client_request_timeout(HEAD_DEADLINE)
            .client_disconnect_timeout(DISCONNECT_DEADLINE)
            .h1_write_buffer_size(PIECE)
            .local_addr(address)
            .on_connect_ext(|stream: &BoundedStream, data| {
                data.insert(stream.state());
            })
            .h1(map_config(app, |()| AppConfig::default()));
        fn_service(move |stream: TcpStream| {
            let accepted = accept(stream, &places, &read_budget);
            async move { accepted }
        })
        .and_then(http)
    })?;
    Ok(builder.run())
}

fn accept(
    stream: TcpStream,
    places: &Arc<Places>,
    read_budget: &Arc<ReadBudget>,
) -> Result<(BoundedStream, Option<std::net::SocketAddr>), DispatchError> {
    let peer = stream.peer_addr().ok();
    let Some(place) = places.take(peer.map(|peer| peer.ip())) else {
        return Err(DispatchError::Io(io::Error::other("too many connections")));
    };
    // An answer goes out in pieces; none waits for the client's acknowledgement of the one before.
    stream.set_nodelay(true).map_err(DispatchError::Io)?;
    Ok((BoundedStream::new(stream, place, Arc::clone(read_budget)), peer))
}
