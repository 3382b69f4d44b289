//! API errors: the code and the public message of each variant of a service's error type. The internal cause goes to
//! the log once and nowhere else.

use std::{borrow::Cow, error::Error};

use shared_types::Code;

/// An error that a handler returns to its caller.
pub trait ApiError: Error {
    /// The error code, a row of the contract's table.
    fn code(&self) -> Code;

    /// The public message. Must not repeat anything from the request.
    fn message(&self) -> Cow<'static, str> {
        Cow::Borrowed(self.code().sentence())
    }
}

/// The error and its sources on one line, for the log.
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
