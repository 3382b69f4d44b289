//! Counts the cryptographic work of a thread: rejecting a token must cost the same for every defect.

use std::cell::RefCell;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Work {
    /// Keys derived.
    pub(crate) derived: usize,
    /// The number of bytes of each decryption.
    pub(crate) opened: Vec<usize>,
    /// The number of bytes of each signature check.
    pub(crate) verified: Vec<usize>,
}

thread_local! {
    static WORK: RefCell<Work> = RefCell::default();
}

pub(super) fn count(count: impl FnOnce(&mut Work)) {
    WORK.with_borrow_mut(count);
}

/// The work since the last call.
pub(crate) fn done() -> Work {
    WORK.take()
}
