//! What a connection and the requests that it carries share. Both live on the worker's thread.

use std::cell::{Cell, RefCell};

use crate::answer::Reservation;

/// How much of an unread body is read and thrown away.
const DISCARD: usize = 64 * 1024;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// No request has arrived since the last answer.
    #[default]
    Idle,
    /// A request's head has arrived.
    Serving,
    /// The answer is being written.
    Answering,
}

/// The state of one connection.
#[derive(Default)]
pub(crate) struct ConnectionState {
    /// Of answers that are in the write buffer.
    reservations: RefCell<Vec<Box<dyn Reservation>>>,
    phase: Cell<Phase>,
    more_to_write: Cell<bool>,
    discard: Cell<Option<usize>>,
}

impl ConnectionState {
    /// A request's head has arrived.
    pub(crate) fn request_began(&self) {
        self.phase.set(Phase::Serving);
    }

    /// The answer's head is about to be written, and its body after it.
    pub(crate) fn answer_began(&self) {
        self.phase.set(Phase::Answering);
    }

    /// The connection ends with the answer to be written, because the request's body was not read.
    pub(crate) fn discard_body(&self) {
        self.discard.set(Some(DISCARD));
    }

    /// Whether the body of the answer has bytes that are not in the write buffer yet.
    pub(crate) fn set_more_to_write(&self, more: bool) {
        self.more_to_write.set(more);
    }

    /// Keeps the reservation until the write buffer is empty.
    pub(crate) fn keep_until_written(&self, reservation: Box<dyn Reservation>) {
        self.reservations.borrow_mut().push(reservation);
    }

    /// The write buffer is empty, or the connection has ended. Whether an answer ends with it.
    pub(super) fn all_written(&self) -> bool {
        self.reservations.take();
        let answered = self.phase.get() == Phase::Answering;
        if answered {
            self.phase.set(Phase::Idle);
        }
        answered
    }

    pub(super) fn is_serving(&self) -> bool {
        self.phase.get() != Phase::Idle
    }

    pub(super) fn has_more_to_write(&self) -> bool {
        self.more_to_write.get()
    }

    pub(super) fn is_discarding(&self) -> bool {
        self.discard.get().is_some()
    }

    /// How much more is read only to be thrown away, of an unread body.
    pub(super) fn may_discard(&self) -> Option<usize> {
        self.discard.get()
    }

    pub(super) fn discarded(&self, bytes: usize) {
        self.discard.set(self.discard.get().map(|left| left.saturating_sub(bytes)));
    }
}
