//! Errors of requests to other services, and the code that the own caller receives.

use std::{error::Error, io};

use shared_types::{Code, Endpoint, ErrorBody};

/// Why a request to another service failed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum UpstreamError {
    /// No connection, or it broke.
    #[error("{peer} cannot be reached: {cause}")]
    Unavailable {
        /// The called participant.
        peer: &'static str,
        /// The cause on the connection.
        cause: String,
    },
    /// The deadline has passed.
    #[error("{peer} timed out")]
    Timeout {
        /// The called participant.
        peer: &'static str,
    },
    /// The response violates the contract.
    #[error("{peer} violated the contract: {what}")]
    Invalid {
        /// The called participant.
        peer: &'static str,
        /// What is wrong; must not repeat the response.
        what: String,
    },
    /// The service returned an error of the contract.
    #[error("{peer} returned {}", body.code.as_str())]
    Refused {
        /// The called participant.
        peer: &'static str,
        /// The error body.
        body: ErrorBody,
    },
}

impl UpstreamError {
    /// The code returned to the own caller. Errors about a token or a browser are passed on, and so are upstream errors
    /// of the called service; any other error means that the two services disagree about the contract.
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
                | Code::InvalidApiKey
                | Code::FingerprintUnavailable
                | Code::OriginNotAllowed
                | Code::DeploymentKeyDisabled
                | Code::Forbidden
                | Code::DeploymentKeyNotFound
                | Code::NotFound
                | Code::ConversationFull
                | Code::ConversationClosed
                | Code::IdempotencyKeyReused
                | Code::MethodNotAllowed
                | Code::PayloadTooLarge
                | Code::UnsupportedMediaType
                | Code::RateLimited
                | Code::InternalError => Code::UpstreamInvalid,
            },
        }
    }

    /// Turns an error code that the endpoint does not declare into an invalid response.
    pub(super) fn reject_undeclared<E: Endpoint>(self) -> Self {
        let UpstreamError::Refused { peer, body } = &self else { return self };
        if E::declares(body.code) {
            return self;
        }
        let what = format!("{} does not declare the error {}", E::NAME, body.code.as_str());
        UpstreamError::Invalid { peer, what }
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

/// The innermost source. The outer ones name the URL, whose query may contain an account id.
pub(super) fn root_cause(error: &dyn Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// Whether the response was not HTTP, its body was malformed, or TLS rejected this service's certificate, which is
/// reported only after the request was sent.
pub(super) fn is_protocol_error(error: &(dyn Error + 'static)) -> bool {
    let mut cause: Option<&dyn Error> = Some(error);
    while let Some(error) = cause {
        let is_not_http = error.downcast_ref().is_some_and(hyper::Error::is_parse);
        // hyper reports malformed chunks, and rustls a TLS alert, with these kinds.
        let is_malformed = error.downcast_ref::<io::Error>().is_some_and(|error| {
            error.kind() == io::ErrorKind::InvalidInput || error.kind() == io::ErrorKind::InvalidData
        });
        if is_not_http || is_malformed {
            return true;
        }
        cause = error.source();
    }
    false
}
