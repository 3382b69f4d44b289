//! What FlexWebchatOrchestratorService answers when it does not do as asked.

use std::borrow::Cow;

use service_runtime::{ApiError, UpstreamError};
use shared_types::{Code, fingerprint::Unavailable};

use crate::{answer_budget::Exhausted, dpop::InvalidProof, rate_limit::Limited};
use conversations::StoreError;

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
    /// The call offers a proof of possession that is none.
    #[error(transparent)]
    InvalidProof(#[from] InvalidProof),
    /// The deployment begins sessions with a proof key only, and the call brings no proof.
    #[error("no proof key, which the deployment requires")]
    ProofKeyRequired,
    /// A visitor or a deployment asks too often.
    #[error(transparent)]
    RateLimited(Limited),
    /// A visitor has too many answers in flight.
    #[error(transparent)]
    AnswersUnread(Exhausted),
    /// All visitors together have too many answers in flight.
    #[error(transparent)]
    Overloaded(Exhausted),
    /// The call brings no token.
    #[error("no bearer token")]
    NoToken,
    /// The token says that it was made for no deployment of ours, or grants nothing here.
    #[error("not a token of these deployments")]
    InvalidToken,
    /// A field is well formed and not what the route takes.
    #[error("`{field}`: {reason}")]
    InvalidField {
        /// The field.
        field: &'static str,
        /// What was expected.
        reason: &'static str,
    },
    /// There is no such conversation for this identity.
    #[error("no such conversation")]
    NotFound,
    /// A peer refused, or gave no answer of the contract.
    #[error(transparent)]
    ServiceClient(#[from] UpstreamError),
    /// The store did not do its part.
    #[error("the store of conversations")]
    Store(#[from] StoreError),
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
            Error::ServiceClient(error) => error.code(),
            Error::Store(StoreError::Full) => Code::ConversationFull,
            Error::Store(StoreError::Database(_) | StoreError::Malformed(_)) => Code::UpstreamUnavailable,
        }
    }

    fn message(&self) -> Cow<'static, str> {
        match self {
            Error::InvalidField { field, reason } => format!("`{field}` is malformed: {reason}.").into(),
            Error::NoToken => "The call needs `Authorization: Bearer` with a token of this chat.".into(),
            Error::ProofKeyRequired => "This chat requires a DPoP proof by a key of the browser.".into(),
            Error::AnswersUnread(_) => "Too many answers are unread; please read them first.".into(),
            Error::Overloaded(_) => "The service is busy; please try again.".into(),
            Error::DeploymentKeyNotFound
            | Error::DeploymentKeyDisabled
            | Error::OriginNotAllowed
            | Error::FingerprintUnavailable(_)
            | Error::InvalidProof(_)
            | Error::RateLimited(_)
            | Error::InvalidToken
            | Error::NotFound
            | Error::ServiceClient(_)
            | Error::Store(_) => Cow::Borrowed(self.code().sentence()),
        }
    }
}
