//! Errors of FederatedAuthService, and their codes.

use service_runtime::{ApiError, UpstreamError};
use shared_types::Code;

/// The errors of FederatedAuthService.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `alt`: ScopedAuthService rejected the token or the fingerprint.
    #[error("refused: {}", .0.as_str())]
    TokenRejected(Code),
    /// ScopedAuthService returned no verdict.
    #[error(transparent)]
    ScopedAuth(#[from] UpstreamError),
}

impl ApiError for Error {
    fn code(&self) -> Code {
        match self {
            Error::TokenRejected(code) => *code,
            Error::ScopedAuth(error) => error.code(),
        }
    }
}
