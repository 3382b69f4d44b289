//! What a request is charged as.

/// The visitor's limit that a request is charged to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Charge {
    /// The request creates a session.
    Create,
    /// Any other request.
    Call,
    /// Any other request, which also sends a message.
    Message,
    /// A request that waits for a message.
    Wait,
    /// A request to another service, whose proxy asks about it.
    Authorize,
}

/// Whether to take from a limit, or only to check it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Check without taking.
    Peek,
    /// Take the amount, if available.
    Take,
}
