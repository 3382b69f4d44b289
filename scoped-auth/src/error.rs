//! What ScopedAuthService answers when it does not do as asked. A token that is not good is not among it: to say so is
//! what `validate` is for.

use std::borrow::Cow;

use service_runtime::ApiError;
use shared_types::Code;

use crate::{jose::SealError, store::StoreError};

/// The errors of ScopedAuthService.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A grant has the name of a member that a token's `grants` already has.
    #[error("a grant stands twice")]
    GrantStandsTwice,
    /// A token that would end as it begins.
    #[error("a ttl of 0")]
    NoTimeToLive,
    /// `identity` without `earlierSession`, or the reverse.
    #[error("an identity without its earlier session")]
    IncompleteIdentity,
    /// A token that would end as it begins.
    #[error("the session has ended")]
    SessionEnded,
    /// The session is bound to a proof key, and the call does not prove to hold it.
    #[error("no proof by the session's key")]
    NoProof,
    /// The revocation list is stale: every token is rejected.
    #[error("the revocation list is stale")]
    CannotVouch,
    /// The store did not do its part.
    #[error("the store of sessions")]
    Store(#[from] StoreError),
    /// An operator named a token that is none.
    #[error("not a token")]
    NoSuchToken,
    /// An operator named no subject, or several.
    #[error("not exactly one subject")]
    NoSubject,
    /// The token would be longer than a token may be.
    #[error("the token would be too long")]
    TokenTooLong,
    /// The token could not be made.
    #[error("sealing: {0}")]
    Seal(SealError),
}

impl From<SealError> for Error {
    fn from(error: SealError) -> Self {
        match error {
            SealError::TooLong => Error::TokenTooLong,
            SealError::Failed => Error::Seal(error),
        }
    }
}

impl ApiError for Error {
    fn code(&self) -> Code {
        match self {
            Error::GrantStandsTwice
            | Error::NoTimeToLive
            | Error::IncompleteIdentity
            | Error::TokenTooLong
            | Error::NoSuchToken
            | Error::NoSubject => Code::InvalidRequest,
            Error::SessionEnded => Code::SessionExpired,
            Error::NoProof => Code::InvalidDpopProof,
            Error::CannotVouch | Error::Store(_) => Code::UpstreamUnavailable,
            Error::Seal(_) => Code::InternalError,
        }
    }

    fn message(&self) -> Cow<'static, str> {
        match self {
            Error::GrantStandsTwice => "`grants` is malformed: expected grants of different types.".into(),
            Error::NoTimeToLive => "`ttl` is malformed: expected 1 second or more.".into(),
            Error::IncompleteIdentity => {
                "`earlierSession` is malformed: expected with `identity` only, and `identity` with it.".into()
            }
            Error::TokenTooLong => "`grants` is malformed: expected fewer, they do not fit into a token.".into(),
            Error::NoSuchToken => "`token` is malformed: expected a token of this service.".into(),
            Error::NoSubject => {
                "Expected `token`, `sessionId`, `deploymentKey`, `accountSid`, or `accountSid` and `identity`.".into()
            }
            Error::SessionEnded
            | Error::NoProof
            | Error::CannotVouch
            | Error::Store(_)
            | Error::Seal(_) => Cow::Borrowed(self.code().sentence()),
        }
    }
}
