//! The connections that a worker keeps to a peer. The one that was used last is used next, so that as many stay as are
//! needed, and the others grow old. Whoever has a request on a connection drives it: no task of its own has to be woken for
//! what the caller waits for anyway.

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

/// How long an idle connection is kept: shorter than the callee's keep-alive.
const IDLE: Duration = Duration::from_secs(30);

/// A worker's connections to one peer.
pub(super) struct Pool {
    connector: Connector,
    target: Uri,
    idle: Mutex<Vec<Idle>>,
}

struct Idle {
    connection: PooledConnection,
    since: Instant,
}

/// A connection, for one request at a time.
pub(super) struct PooledConnection {
    pub(super) sender: SendRequest<Full<Bytes>>,
    pub(super) wire: ConnectionDriver,
    pub(super) story: ConnectionState,
}

/// The side of a connection that reads and writes; none once it has ended, which the sender and the answer are told.
pub(super) struct ConnectionDriver(Option<Box<Connection<TokioIo<TrackedStream>, Full<Bytes>>>>);

impl ConnectionDriver {
    /// What `future` gives, while the connection does what it waits for.
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

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoConnection {
    #[error("no connection")]
    Io(#[from] io::Error),
    #[error("no connection")]
    Http(#[from] hyper::Error),
}

impl Pool {
    pub(super) fn new(connector: Connector, target: Uri) -> Self {
        Self { connector, target, idle: Mutex::default() }
    }

    /// An idle connection that is still good, if there is one.
    pub(super) fn take(&self) -> Option<PooledConnection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        // The oldest are at the front, and are given up there.
        let old = idle.iter().take_while(|idle| idle.since.elapsed() > IDLE).count();
        idle.drain(..old);
        while let Some(Idle { connection, .. }) = idle.pop() {
            let is_current = connection.story.generation == self.connector.generation();
            if is_current && !connection.sender.is_closed() {
                return Some(connection);
            }
        }
        None
    }

    /// A new connection.
    pub(super) async fn connect(&self) -> Result<PooledConnection, NoConnection> {
        let (io, story) = self.connector.connect(self.target.clone()).await?;
        let (sender, connection) = http1::handshake(io).await?;
        Ok(PooledConnection { sender, wire: ConnectionDriver(Some(Box::new(connection))), story })
    }

    /// Takes back a connection whose answer has been read to its end.
    pub(super) fn put(&self, connection: PooledConnection) {
        self.idle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(Idle { connection, since: Instant::now() });
    }
}
