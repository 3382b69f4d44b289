//! An accepted connection, bounded in time and memory; actix-http bounds only the head of the first request. A response
//! is written within [`WRITE_DEADLINE`], a head arrives within [`HEAD_DEADLINE`], unanswered bytes are charged to a
//! budget of the process, and an unread body is discarded up to a limit.

mod limits;
mod state;

use std::{
    future::Future,
    io,
    pin::Pin,
    rc::Rc,
    sync::Arc,
    task::{Context, Poll, ready},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    time::{Sleep, sleep},
};

pub(super) use limits::{ConnectionSlot, ConnectionSlots, ReadBudget};
pub use limits::{ServerLimits, subscriber_network};
pub(crate) use state::ConnectionState;

/// Deadline of a response, from its first byte to its last (contract, section 9).
pub const WRITE_DEADLINE: Duration = Duration::from_secs(10);
/// Deadline of a request's head, from its first byte.
pub(super) const HEAD_DEADLINE: Duration = Duration::from_secs(5);
/// How long an unread body is read and discarded, so that the client can read the response before the connection closes
/// (RFC 9112, section 9.6). At most 64 KiB.
const DISCARD_DEADLINE: Duration = Duration::from_secs(1);

/// The stream that actix-http reads and writes.
pub(super) struct BoundedStream {
    stream: TcpStream,
    state: Rc<ConnectionState>,
    read_budget: Arc<ReadBudget>,
    /// Bytes received since the last response, and how many of them are charged to the budget.
    unanswered: usize,
    charged: usize,
    /// Set while a response is blocked by a client that does not read.
    write_deadline: Option<Pin<Box<Sleep>>>,
    /// Set while a head or an unread body is arriving.
    read_deadline: Option<Pin<Box<Sleep>>>,
    /// Released when the connection ends.
    _slot: ConnectionSlot,
}

impl BoundedStream {
    /// Wraps an accepted stream, with the slot that it occupies.
    pub(super) fn new(stream: TcpStream, slot: ConnectionSlot, read_budget: Arc<ReadBudget>) -> Self {
        Self {
            stream,
            state: Rc::new(ConnectionState::default()),
            read_budget,
            unanswered: 0,
            charged: 0,
            write_deadline: None,
            read_deadline: None,
            _slot: slot,
        }
    }

    /// The state shared with this connection's requests.
    pub(super) fn state(&self) -> Rc<ConnectionState> {
        Rc::clone(&self.state)
    }

    fn all_written(&mut self) {
        self.write_deadline = None;
        if self.state.all_written() {
            self.unanswered = 0;
            self.read_budget.release(std::mem::take(&mut self.charged));
        }
    }

    /// Ready once a head or an unread body has exceeded its deadline. The timer starts at the first byte.
    fn poll_read_deadline(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let limit = if self.state.is_discarding() {
            DISCARD_DEADLINE
        } else if self.unanswered > 0 && !self.state.is_serving() {
            HEAD_DEADLINE
        } else {
            self.read_deadline = None;
            return Poll::Pending;
        };
        let deadline = self.read_deadline.get_or_insert_with(|| Box::pin(sleep(limit)));
        deadline.as_mut().poll(context)
    }
}

impl AsyncRead for BoundedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.state.may_discard() == Some(0) || self.poll_read_deadline(context).is_ready() {
            // End of stream: actix-http closes the connection.
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let read = buffer.filled().len() - before;
        if self.state.is_discarding() {
            self.state.discarded(read);
            return Poll::Ready(Ok(()));
        }
        let over = (self.unanswered + read).saturating_sub(ReadBudget::FREE).min(read);
        if !self.read_budget.charge(over) {
            return Poll::Ready(Err(io::Error::other("budget for unanswered bytes exceeded")));
        }
        self.charged += over;
        self.unanswered += read;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for BoundedStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        if let Poll::Ready(Ok(length)) = written
            && length == bytes.len()
        {
            // actix-http writes its whole buffer at once.
            if !self.state.has_more_to_write() {
                self.all_written();
            }
            return written;
        }
        let deadline = self.write_deadline.get_or_insert_with(|| Box::pin(sleep(WRITE_DEADLINE)));
        if deadline.as_mut().poll(context).is_ready() {
            // Discards the kernel's send buffer with the connection.
            let _ = self.stream.set_zero_linger();
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        }
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl Drop for BoundedStream {
    fn drop(&mut self) {
        // Requests may outlive the connection, and with them the shared state.
        self.state.all_written();
        self.read_budget.release(self.charged);
    }
}
