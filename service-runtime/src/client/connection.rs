//! Client connections, plain or TLS. A connection records whether it has served a response before and whether a
//! response to the latest request has begun. This distinguishes a server that closed an idle connection (safe to retry
//! if idempotent) from one that failed while processing the request.

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

/// How the server's certificate is verified.
#[derive(Clone)]
pub(super) enum Trust {
    /// Plain HTTP.
    Plain,
    /// TLS, verified against the operating system's roots.
    System(Arc<ClientConfig>),
    /// Mutual TLS with the configured certificates.
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

    /// TLS generation that new connections use.
    pub(super) fn generation(&self) -> u64 {
        match self {
            Trust::Plain | Trust::System(_) => 0,
            Trust::Files(files) => files.version(),
        }
    }
}

/// Opens connections.
#[derive(Clone)]
pub(super) struct Connector {
    tcp: HttpConnector,
    trust: Trust,
    deadline: Duration,
}

impl Connector {
    /// `deadline` bounds connecting including the TLS handshake.
    pub(super) fn new(trust: Trust, deadline: Duration) -> Self {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(deadline));
        Self { tcp, trust, deadline }
    }
}

impl Connector {
    /// Opens a connection to `to`.
    pub(super) async fn connect(&self, to: Uri) -> io::Result<(TokioIo<TrackedStream>, ConnectionState)> {
        // Read before the configuration: certificates reloaded in between make this connection an outdated one.
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
            .unwrap_or_else(|_| Err(io::Error::new(io::ErrorKind::TimedOut, "connecting timed out")))?;
        let state = ConnectionState { generation, flags: Arc::default() };
        Ok((TokioIo::new(TrackedStream { stream, state: state.clone() }), state))
    }

    /// TLS generation that new connections use.
    pub(super) fn generation(&self) -> u64 {
        self.trust.generation()
    }
}

fn server_name(of: &Uri) -> io::Result<ServerName<'static>> {
    let host = of.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    ServerName::try_from(host.to_owned()).map_err(io::Error::other)
}

/// The state of a connection, shared with its stream.
#[derive(Clone)]
pub(super) struct ConnectionState {
    /// TLS generation the connection was opened with.
    pub(super) generation: u64,
    flags: Arc<Flags>,
}

#[derive(Default)]
struct Flags {
    has_served: AtomicBool,
    has_response: AtomicBool,
}

impl ConnectionState {
    fn request_sent(&self) {
        self.flags.has_response.store(false, Ordering::Relaxed);
    }

    /// Records a response.
    pub(super) fn response_received(&self) {
        self.flags.has_served.store(true, Ordering::Relaxed);
    }

    /// Whether it has served a response before.
    pub(super) fn has_served(&self) -> bool {
        self.flags.has_served.load(Ordering::Relaxed)
    }

    /// Whether a reused connection broke before any byte of the response arrived.
    pub(super) fn broke_when_reused(&self) -> bool {
        self.has_served() && !self.flags.has_response.load(Ordering::Relaxed)
    }
}

/// A stream that records reads and writes in its [`ConnectionState`].
pub(super) struct TrackedStream {
    stream: Box<dyn Stream>,
    state: ConnectionState,
}

/// A plain or TLS stream.
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
            self.state.flags.has_response.store(true, Ordering::Relaxed);
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
        self.state.request_sent();
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.state.request_sent();
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
