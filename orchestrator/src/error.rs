//! The errors of FlexWebchatOrchestratorService, with their codes and messages.

use std::borrow::Cow;

use conversations::StoreError;
use service_runtime::{ApiError, UpstreamError};
use shared_types::{Code, fingerprint::Unavailable};

use crate::{
    admission::{answer_budget::Exhausted, rate_limit::Limited},
    dpop::InvalidProof,
};

/// The errors of FlexWebchatOrchestratorService.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No account has the deployment key.
    #[error("unknown deployment key")]
    DeploymentKeyNotFound,
    /// The deployment is switched off.
    #[error("the deployment is switched off")]
    DeploymentKeyDisabled,
    /// `alt`: the page's origin is not on the list, and the feature is on.
    #[error("the origin is not on the list")]
    OriginNotAllowed,
    /// `alt`: the feature is on and the fingerprint cannot be generated.
    #[error("no fingerprint: {0}")]
    FingerprintUnavailable(#[from] Unavailable),
    /// The request has an invalid proof of possession.
    #[error(transparent)]
    InvalidProof(#[from] InvalidProof),
    /// The deployment requires a proof key for new sessions, and the request has no proof.
    #[error("no proof key, and the deployment requires one")]
    ProofKeyRequired,
    /// A visitor or a deployment is over a rate limit.
    #[error(transparent)]
    RateLimited(#[from] Limited),
    /// A visitor has too many responses in flight.
    #[error(transparent)]
    AnswersUnread(Exhausted),
    /// All visitors together have too many responses in flight.
    #[error(transparent)]
    Overloaded(Exhausted),
    /// The request has no bearer token.
    #[error("no bearer token")]
    NoToken,
    /// The token claims an unknown deployment, or grants no access here.
    #[error("the token is not for a deployment of this service")]
    InvalidToken,
    /// A field is well formed JSON, but not a valid value for the route.
    #[error("`{field}`: {reason}")]
    InvalidField {
        /// The field.
        field: &'static str,
        /// What was expected.
        reason: &'static str,
    },
    /// This identity has no such conversation.
    #[error("no such conversation")]
    NotFound,
    /// An operator erased the guest of the token.
    #[error("the guest was erased")]
    GuestErased,
    /// An upstream service returned an error, or no response of the contract.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// The store failed.
    #[error("the conversation store failed")]
    Store(#[from] StoreError),
}

impl From<Exhausted> for Error {
    fn from(exhausted: Exhausted) -> Self {
        if exhausted.is_everybodys() { Error::Overloaded(exhausted) } else { Error::AnswersUnread(exhausted) }
    }
}

impl ApiError for Error {
    fn code(&self) -> Code {
        match self {
            Error::DeploymentKeyNotFound => Code::DeploymentKeyNotFound,
            Error::DeploymentKeyDisabled => Code::DeploymentKeyDisabled,
            Error::OriginNotAllowed => Code::OriginNotAllowed,
            Error::FingerprintUnavailable(_) => Code::FingerprintUnavailable,
            Error::InvalidProof(error) => error.code(),
            Error::ProofKeyRequired => Code::InvalidDpopProof,
            Error::RateLimited(_) | Error::AnswersUnread(_) => Code::RateLimited,
            Error::Overloaded(_) => Code::UpstreamUnavailable,
            Error::NoToken | Error::InvalidToken => Code::InvalidToken,
            Error::InvalidField { .. } => Code::InvalidRequest,
            Error::NotFound => Code::NotFound,
            Error::GuestErased => Code::RevokedToken,
            Error::Upstream(error) => error.code(),
            Error::Store(StoreError::Full) => Code::ConversationFull,
            Error::Store(StoreError::Closed) => Code::ConversationClosed,
            Error::Store(StoreError::KeyReused) => Code::IdempotencyKeyReused,
            Error::Store(StoreError::Erased) => Code::RevokedToken,
            Error::Store(StoreError::Database(_) | StoreError::Malformed(_)) => Code::UpstreamUnavailable,
        }
    }

    fn message(&self) -> Cow<'static, str> {
        match self {
            Error::InvalidField { field, reason } => format!("`{field}` is malformed: {reason}.").into(),
            Error::NoToken => "The request needs `Authorization: Bearer` with a token of this chat.".into(),
            Error::ProofKeyRequired => "This chat requires a DPoP proof by a key of the browser.".into(),
            Error::AnswersUnread(_) => "Too many responses are unread; please read them first.".into(),
            Error::Overloaded(_) => "The service is busy; please try again.".into(),
            Error::DeploymentKeyNotFound
            | Error::DeploymentKeyDisabled
            | Error::OriginNotAllowed
            | Error::FingerprintUnavailable(_)
            | Error::InvalidProof(_)
            | Error::RateLimited(_)
            | Error::InvalidToken
            | Error::NotFound
            | Error::GuestErased
            | Error::Upstream(_)
            | Error::Store(_) => Cow::Borrowed(self.code().sentence()),
        }
    }
}
