//! Connections to a peer: plain, or with TLS where the peer is called by https. A connection knows whether it has served
//! before and whether its peer has begun to answer: only so can a caller tell a peer that was about to close an idle
//! connection from one that has taken a request and died of it.

use std::{
    io::{self, IoSlice},
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};

use hyper::Uri;
use hyper_util::{client::legacy::connect::HttpConnector, rt::TokioIo};
use rustls::{ClientConfig, pki_types::ServerName};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::timeout,
};
use tokio_rustls::TlsConnector;
use tower_service::Service;

use crate::tls::CallerTls;

/// Whose certificate is believed.
#[derive(Clone)]
pub(super) enum Trust {
    /// Nobody is asked for one.
    Plain,
    /// The authorities of the operating system.
    System(Arc<ClientConfig>),
    /// Those of the settings.
    Files(CallerTls),
}

impl Trust {
    fn config(&self) -> Option<Arc<ClientConfig>> {
        match self {
            Trust::Plain => None,
            Trust::System(config) => Some(config.clone()),
            Trust::Files(files) => Some(files.current().config()),
        }
    }

    /// Of which of the settings' certificates connections are that are made now.
    pub(super) fn generation(&self) -> u64 {
        match self {
            Trust::Plain | Trust::System(_) => 0,
            Trust::Files(files) => files.generation(),
        }
    }
}

/// Makes connections.
#[derive(Clone)]
pub(super) struct Connector {
    tcp: HttpConnector,
    trust: Trust,
    deadline: Duration,
}

impl Connector {
    /// A connection and its handshake have until `deadline`.
    pub(super) fn new(trust: Trust, deadline: Duration) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(deadline));
        Self { tcp, trust, deadline }
    }
}

impl Connector {
    /// A new connection to `to`, and its story.
    pub(super) async fn connect(&self, to: Uri) -> io::Result<(TokioIo<TrackedStream>, ConnectionState)> {
        // Before the certificates are taken: those that come meanwhile make the connection an old one.
        let generation = self.trust.generation();
        let config = self.trust.config();
        let connect = async {
            let tcp = self.tcp.clone().call(to.clone()).await.map_err(io::Error::other)?.into_inner();
            let stream: Box<dyn Stream> = match config {
                None => Box::new(tcp),
                Some(config) => Box::new(TlsConnector::from(config).connect(server_name(&to)?, tcp).await?),
            };
            Ok(stream)
        };
        let stream = timeout(self.deadline, connect)
            .await
            .unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "no connection in time")))?;
        let story = ConnectionState { generation, flags: Arc::default() };
        Ok((TokioIo::new(TrackedStream { stream, story: story.clone() }), story))
    }

    /// Of which certificates connections are that are made now.
    pub(super) fn generation(&self) -> u64 {
        self.trust.generation()
    }
}

fn server_name(of: &Uri) -> io::Result<ServerName<'static>> {
    let host = of.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    ServerName::try_from(host.to_owned()).map_err(io::Error::other)
}

/// What became of a connection so far.
#[derive(Clone)]
pub(super) struct ConnectionState {
    /// The certificates that it was made with.
    pub(super) generation: u64,
    flags: Arc<Flags>,
}

#[derive(Default)]
struct Flags {
    has_served: AtomicBool,
    is_answered: AtomicBool,
}

impl ConnectionState {
    fn asks(&self) {
        self.flags.is_answered.store(false, Ordering::Relaxed);
    }

    /// An answer has come.
    pub(super) fn answered(&self) {
        self.flags.has_served.store(true, Ordering::Relaxed);
    }

    /// It has answered before.
    pub(super) fn has_served(&self) -> bool {
        self.flags.has_served.load(Ordering::Relaxed)
    }

    /// The connection had served before, and nothing came back for its latest request.
    pub(super) fn broke_when_reused(&self) -> bool {
        self.has_served() && !self.flags.is_answered.load(Ordering::Relaxed)
    }
}

/// A connection.
pub(super) struct TrackedStream {
    stream: Box<dyn Stream>,
    story: ConnectionState,
}

/// What bytes travel on.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

impl AsyncRead for TrackedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if buffer.filled().len() > before {
            self.story.flags.is_answered.store(true, Ordering::Relaxed);
        }
        read
    }
}

impl AsyncWrite for TrackedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.story.asks();
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.story.asks();
        Pin::new(&mut self.stream).poll_write_vectored(context, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
