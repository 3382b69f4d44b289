//! Why a peer gave no answer of the contract, and what the service's own caller is told then.

use std::{error::Error, io};

use shared_types::{Code, ErrorBody};

/// Why a peer gave no answer of the contract.
#[derive(Clone, Debug, thiserror::Error)]
pub enum UpstreamError {
    /// It cannot be reached.
    #[error("{peer} cannot be reached: {cause}")]
    Unavailable {
        /// The participant.
        peer: &'static str,
        /// What the connection said.
        cause: String,
    },
    /// It did not answer in time.
    #[error("{peer} did not answer in time")]
    Timeout {
        /// The participant.
        peer: &'static str,
    },
    /// It answered something that is not of the contract.
    #[error("{peer} answered something else than the contract: {what}")]
    Invalid {
        /// The participant.
        peer: &'static str,
        /// In what way; nothing of the answer itself.
        what: String,
    },
    /// It refused, as the contract lets it.
    #[error("{peer} refused: {}", body.code.as_str())]
    Refused {
        /// The participant.
        peer: &'static str,
        /// Its refusal.
        body: ErrorBody,
    },
}

impl UpstreamError {
    /// The code that a service's own caller is told: a peer's refusal of a token or a browser is handed on, and so is
    /// what *its* peers did; everything else that it refuses says that the two do not understand each other.
    pub fn code(&self) -> Code {
        match self {
            UpstreamError::Unavailable { .. } => Code::UpstreamUnavailable,
            UpstreamError::Timeout { .. } => Code::UpstreamTimeout,
            UpstreamError::Invalid { .. } => Code::UpstreamInvalid,
            UpstreamError::Refused { body, .. } => match body.code {
                Code::InvalidToken
                | Code::ExpiredToken
                | Code::RevokedToken
                | Code::SessionExpired
                | Code::InvalidDpopProof
                | Code::FingerprintInvalid
                | Code::UpstreamInvalid
                | Code::UpstreamUnavailable
                | Code::UpstreamTimeout => body.code,
                Code::InvalidRequest
                | Code::UseDpopNonce
                | Code::InvalidServiceCredential
                | Code::FingerprintUnavailable
                | Code::OriginNotAllowed
                | Code::DeploymentKeyDisabled
                | Code::DeploymentKeyNotFound
                | Code::NotFound
                | Code::ConversationFull
                | Code::MethodNotAllowed
                | Code::PayloadTooLarge
                | Code::UnsupportedMediaType
                | Code::RateLimited
                | Code::InternalError => Code::UpstreamInvalid,
            },
        }
    }

    pub(super) fn outcome(&self) -> &'static str {
        match self {
            UpstreamError::Unavailable { .. } => "unavailable",
            UpstreamError::Timeout { .. } => "timeout",
            UpstreamError::Invalid { .. } => "invalid",
            UpstreamError::Refused { .. } => "refused",
        }
    }
}

/// The innermost cause. The outer ones name the URL, whose query may say whose account it is.
pub(super) fn root(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// Whether the peer answered with something that is not HTTP, or with a body that is not the one it announced; or did
/// not take this service for its caller, which TLS tells only after the request has been sent.
pub(super) fn spoke_nonsense(error: &(dyn Error + 'static)) -> bool {
    let mut cause: Option<&dyn Error> = Some(error);
    while let Some(error) = cause {
        let no_http = error.downcast_ref().is_some_and(hyper::Error::is_parse);
        // This is how hyper tells of chunks that are none, and rustls of an alert.
        let no_chunks = error.downcast_ref::<io::Error>().is_some_and(|error| {
            error.kind() == io::ErrorKind::InvalidInput || error.kind() == io::ErrorKind::InvalidData
        });
        if no_http || no_chunks {
            return true;
        }
        cause = error.source();
    }
    false
}
