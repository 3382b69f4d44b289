//! The mutual TLS listener.

use std::{fmt, io, net::TcpListener, time::Duration};

use actix_http::{Request, Response};
use actix_service::IntoServiceFactory;
use actix_web::{
    HttpServer,
    body::MessageBody,
    dev::{AppConfig, Server, ServiceFactory},
};

use super::{
    connection::HEAD_DEADLINE,
    drain::TlsGeneration,
    timeouts::{DISCONNECT_DEADLINE, HANDSHAKE_DEADLINE, IN_FLIGHT_SECONDS},
};
use crate::tls::{self, CalleeTls};

/// Serves over mutual TLS. Clients are other services only, so the limits of [`connection`](super::connection) against
/// untrusted clients do not apply.
pub(super) fn serve<F, I, S, B>(
    listener: TcpListener,
    workers: usize,
    files: &CalleeTls,
    name: &'static str,
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
    <S::Service as actix_web::dev::Service<Request>>::Future: 'static,
    B: MessageBody + 'static,
{
    let config = tls::server_config(files, name).map_err(io::Error::other)?;
    let files = files.clone();
    let server = HttpServer::new(app)
        .workers(workers)
        .keep_alive(keep_alive)
        .client_request_timeout(HEAD_DEADLINE)
        .client_disconnect_timeout(DISCONNECT_DEADLINE)
        .shutdown_timeout(IN_FLIGHT_SECONDS)
        .disable_signals()
        .on_connect(move |_, connection| {
            connection.insert(TlsGeneration(files.version()));
        })
        .tls_handshake_timeout(HANDSHAKE_DEADLINE);
    Ok(server.listen_rustls_0_23(listener, config)?.run())
}
