//! What FederatedAuthService answers when it does not do as asked.

use service_runtime::{ApiError, UpstreamError};
use shared_types::Code;

/// The errors of FederatedAuthService.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `alt`: ScopedAuthService judged the token, or the browser, and said no.
    #[error("refused: {}", .0.as_str())]
    TokenRefused(Code),
    /// ScopedAuthService gave no verdict.
    #[error(transparent)]
    ScopedAuth(#[from] UpstreamError),
}

impl ApiError for Error {
    fn code(&self) -> Code {
        match self {
            Error::TokenRefused(code) => *code,
            Error::ScopedAuth(error) => error.code(),
        }
    }
}
