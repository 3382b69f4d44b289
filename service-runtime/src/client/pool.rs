//! A worker's connection pool for one server. Takes the most recently used connection first, so that surplus
//! connections become idle and expire. The request's own task drives its connection's I/O; a separate task would cost a
//! wake-up per request.

use std::{
    future::poll_fn,
    io,
    pin::{Pin, pin},
    sync::{Mutex, PoisonError},
    task::Poll,
    time::{Duration, Instant},
};

use http_body_util::Full;
use hyper::{
    Uri,
    body::Bytes,
    client::conn::http1::{self, Connection, SendRequest},
};
use hyper_util::rt::TokioIo;

use super::connection::{ConnectionState, Connector, TrackedStream};

/// Idle timeout; shorter than the server's keep-alive.
const IDLE: Duration = Duration::from_secs(30);

/// Connections to one server.
pub(super) struct Pool {
    connector: Connector,
    target: Uri,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    connection: PooledConnection,
    since: Instant,
}

/// A connection, used by one request at a time.
pub(super) struct PooledConnection {
    pub(super) sender: SendRequest<Full<Bytes>>,
    pub(super) driver: ConnectionDriver,
    pub(super) state: ConnectionState,
}

/// The connection's I/O future. `None` after it completes; pending requests then fail.
pub(super) struct ConnectionDriver(Option<Box<Connection<TokioIo<TrackedStream>, Full<Bytes>>>>);

impl ConnectionDriver {
    /// Polls `future` to completion while driving the connection.
    pub(super) async fn until<T>(&mut self, future: impl Future<Output = T>) -> T {
        let mut future = pin!(future);
        poll_fn(|context| {
            if let Poll::Ready(value) = future.as_mut().poll(context) {
                return Poll::Ready(value);
            }
            match &mut self.0 {
                None => return Poll::Pending,
                Some(connection) => {
                    if Pin::new(connection).poll(context).is_ready() {
                        self.0 = None;
                    }
                }
            }
            future.as_mut().poll(context)
        })
        .await
    }
}

/// Why a connection could not be opened.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error("no connection")]
    Io(#[from] io::Error),
    #[error("no connection")]
    Http(#[from] hyper::Error),
}

impl Pool {
    pub(super) fn new(connector: Connector, target: Uri) -> Self {
        Self { connector, target, idle: Mutex::default() }
    }

    /// Takes a usable idle connection, if there is one.
    pub(super) fn take(&self) -> Option<PooledConnection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // The oldest connections are at the front.
        let expired = idle.iter().take_while(|idle| idle.since.elapsed() > IDLE).count();
        idle.drain(..expired);
        while let Some(Idle { connection, .. }) = idle.pop() {
            let is_current = connection.state.generation == self.connector.generation();
            if is_current && !connection.sender.is_closed() {
                return Some(connection);
            }
        }
        None
    }

    /// Opens a connection.
    pub(super) async fn connect(&self) -> Result<PooledConnection, ConnectError> {
        let (io, state) = self.connector.connect(self.target.clone()).await?;
        let (sender, connection) = http1::handshake(io).await?;
        Ok(PooledConnection { sender, driver: ConnectionDriver(Some(Box::new(connection))), state })
    }

    /// Returns a connection whose response has been read to the end.
    pub(super) fn put(&self, connection: PooledConnection) {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Idle { connection, since: Instant::now() });
    }
}
