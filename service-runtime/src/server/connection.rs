//! An accepted connection, bounded in time and memory, which actix-http bounds for the head of its first request only. An
//! answer is written within [`WRITE_DEADLINE`]; a head that has begun arrives within [`HEAD_DEADLINE`]; bytes that arrive
//! before their answer are charged to a budget of the process; an unread body is not read to its end.

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

pub(super) use limits::{Place, Places, ReadBudget};
pub use limits::{ServerLimits, subscriber_network};
pub(crate) use state::ConnectionState;

/// How long an answer may take from its first byte to its last (contract, section 9).
pub const WRITE_DEADLINE: Duration = Duration::from_secs(10);
/// How long a request's head may take from its first byte.
pub(super) const HEAD_DEADLINE: Duration = Duration::from_secs(5);
/// How long an unread body is read and thrown away, so that the client can read the answer before the connection ends
/// (RFC 9112, section 9.6). 64 KiB at most.
const DISCARD_DEADLINE: Duration = Duration::from_secs(1);

/// The connection as actix-http reads and writes it.
pub(super) struct BoundedStream {
    stream: TcpStream,
    state: Rc<ConnectionState>,
    read_budget: Arc<ReadBudget>,
    /// Bytes since the last answer, and how many of them the budget was charged with.
    unanswered: usize,
    charged: usize,
    /// Set while an answer is being written and the client does not take it.
    write_deadline: Option<Pin<Box<Sleep>>>,
    /// Set while a head or an unread body is arriving.
    read_deadline: Option<Pin<Box<Sleep>>>,
    /// Freed when the connection ends.
    _place: Place,
}

impl BoundedStream {
    /// A new connection, with the place that it takes.
    pub(super) fn new(stream: TcpStream, place: Place, read_budget: Arc<ReadBudget>) -> Self {
        Self {
            stream,
            state: Rc::new(ConnectionState::default()),
            read_budget,
            unanswered: 0,
            charged: 0,
            write_deadline: None,
            read_deadline: None,
            _place: place,
        }
    }

    /// What requests of this connection know of it.
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

    /// Ready once a head or an unread body has taken too long. Sets the deadline at its first byte.
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
            // Reads as the end of the stream, after which actix-http closes the connection.
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
            return Poll::Ready(Err(io::Error::other("too many bytes of unfinished requests")));
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
            // actix-http writes all that it has buffered.
            if !self.state.has_more_to_write() {
                self.all_written();
            }
            return written;
        }
        let deadline = self.write_deadline.get_or_insert_with(|| Box::pin(sleep(WRITE_DEADLINE)));
        if deadline.as_mut().poll(context).is_ready() {
            // What the kernel still holds is thrown away with the connection.
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
        // Its requests may outlive it, and so may its state.
        self.state.all_written();
        self.read_budget.release(self.charged);
    }
}
