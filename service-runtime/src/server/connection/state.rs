//! State shared by a connection and its requests, on the worker's thread.

use std::cell::{Cell, RefCell};

use crate::http::reservation::Reservation;

/// Maximum bytes of an unread body to discard.
const DISCARD: usize = 64 * 1024;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Phase {
    /// No request since the last response.
    #[default]
    Idle,
    /// A request's head has arrived.
    Serving,
    /// The response is being written.
    Responding,
}

/// State of one connection.
#[derive(Default)]
pub(crate) struct ConnectionState {
    /// Reservations of responses in the write buffer.
    reservations: RefCell<Vec<Box<dyn Reservation>>>,
    phase: Cell<Phase>,
    more_to_write: Cell<bool>,
    discard: Cell<Option<usize>>,
}

impl ConnectionState {
    /// Records that a request's head has arrived.
    pub(crate) fn request_began(&self) {
        self.phase.set(Phase::Serving);
    }

    /// Records that a response is about to be written.
    pub(crate) fn response_began(&self) {
        self.phase.set(Phase::Responding);
    }

    /// Closes the connection after the response, because the request's body was not read.
    pub(crate) fn discard_body(&self) {
        self.discard.set(Some(DISCARD));
    }

    /// Whether bytes of the response body are not in the write buffer yet.
    pub(crate) fn set_more_to_write(&self, more: bool) {
        self.more_to_write.set(more);
    }

    /// Holds a reservation until the write buffer is empty.
    pub(crate) fn keep_until_written(&self, reservation: Box<dyn Reservation>) {
        self.reservations.borrow_mut().push(reservation);
    }

    /// Records that the write buffer is empty or the connection has ended. Whether this completes a response.
    pub(super) fn all_written(&self) -> bool {
        self.reservations.take();
        let is_complete = self.phase.get() == Phase::Responding;
        if is_complete {
            self.phase.set(Phase::Idle);
        }
        is_complete
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

    /// Bytes of an unread body that may still be discarded; `None` if there is none.
    pub(super) fn may_discard(&self) -> Option<usize> {
        self.discard.get()
    }

    pub(super) fn discarded(&self, bytes: usize) {
        self.discard.set(self.discard.get().map(|left| left.saturating_sub(bytes)));
    }
}
