//! Refusals: what a service's error type says of each of its variants. The public message stands apart from the cause,
//! which goes to the log once and to nobody else.

use std::{borrow::Cow, error::Error};

use shared_types::Code;

/// An error that a call can be answered with.
pub trait ApiError: Error {
    /// The row of the contract's table.
    fn code(&self) -> Code;

    /// The sentence for people. Never holds what the request brought.
    fn message(&self) -> Cow<'static, str> {
        Cow::Borrowed(self.code().sentence())
    }
}

/// The error and its causes, in one line, for the log.
pub fn error_chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        line.push_str(": ");
        line.push_str(&error.to_string());
        cause = error.source();
    }
    line
}
