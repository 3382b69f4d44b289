//! Load shedding: a worker serves so many requests at a time, and answers more of them 503 at once. A queue would make all
//! of them late.

use std::{cell::Cell, rc::Rc};

/// The requests that a worker serves now.
pub(crate) struct InFlight {
    free: Rc<Cell<usize>>,
}

/// One of them; dropping it ends it.
pub(crate) struct Slot(Rc<Cell<usize>>);

impl InFlight {
    /// A worker that serves at most `limit` requests at a time.
    pub(crate) fn new(limit: usize) -> Self {
        Self { free: Rc::new(Cell::new(limit)) }
    }

    /// A request that is served, or `None` where the worker has enough of them.
    pub(crate) fn take(&self) -> Option<Slot> {
        self.free.set(self.free.get().checked_sub(1)?);
        Some(Slot(Rc::clone(&self.free)))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.set(self.0.get() + 1);
    }
}
