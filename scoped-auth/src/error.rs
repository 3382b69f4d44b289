//! The error responses of ScopedAuthService. An invalid token is not an error: reporting it is the purpose of `validate`.

use std::borrow::Cow;

use service_runtime::ApiError;
use shared_types::Code;
use token::jose::SealError;

use crate::store::StoreError;

/// The errors of ScopedAuthService.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Two grants have the same product, or one has the name `identity`.
    #[error("duplicate grant")]
    DuplicateGrant,
    /// `ttl` is 0.
    #[error("a ttl of 0")]
    ZeroTtl,
    /// `successor` and `assertion` are both requested.
    #[error("a successor and an assertion")]
    SuccessorAndAssertion,
    /// The audience of an assertion is the issuer.
    #[error("the audience is the issuer")]
    AudienceIsIssuer,
    /// `identity` without `earlierSession`, or the reverse.
    #[error("an identity without its earlier session")]
    IncompleteIdentity,
    /// The session ends before a new token could be valid.
    #[error("the session has ended")]
    SessionEnded,
    /// The session is bound to a DPoP key, and the request has no valid proof by it.
    #[error("no proof by the session's key")]
    MissingProof,
    /// Another browser presents the token.
    #[error("the token is another browser's")]
    OtherBrowser,
    /// The revocation list is stale: every token is rejected.
    #[error("the revocation list is stale")]
    StaleRevocations,
    /// The token's fingerprint has a key or a format that the presented one lacks, and the session's key was not proved.
    /// A fault of the operator: a fingerprint key was removed too early.
    #[error("the sealed fingerprint has an unknown key or format")]
    IncomparableFingerprint,
    /// The store failed.
    #[error("session store")]
    Store(#[from] StoreError),
    /// The token of an operator's revocation is not authentic.
    #[error("not a token")]
    NotAToken,
    /// A revocation names no target, or several.
    #[error("not exactly one revocation target")]
    NotOneTarget,
    /// The token would exceed the maximum length.
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
            SealError::Crypto => Error::Seal(error),
        }
    }
}

impl ApiError for Error {
    fn code(&self) -> Code {
        match self {
            Error::DuplicateGrant
            | Error::ZeroTtl
            | Error::SuccessorAndAssertion
            | Error::AudienceIsIssuer
            | Error::IncompleteIdentity
            | Error::TokenTooLong
            | Error::NotAToken
            | Error::NotOneTarget => Code::InvalidRequest,
            Error::SessionEnded => Code::SessionExpired,
            Error::MissingProof => Code::InvalidDpopProof,
            Error::OtherBrowser => Code::FingerprintInvalid,
            Error::StaleRevocations | Error::IncomparableFingerprint | Error::Store(_) => {
                Code::UpstreamUnavailable
            }
            Error::Seal(_) => Code::InternalError,
        }
    }

    fn message(&self) -> Cow<'static, str> {
        match self {
            Error::DuplicateGrant => "`grants` is malformed: expected grants of different types.".into(),
            Error::ZeroTtl => "`ttl` is malformed: expected 1 second or more.".into(),
            Error::SuccessorAndAssertion => {
                "`assertion` is malformed: expected without `successor`.".into()
            }
            Error::AudienceIsIssuer => {
                "`audience` is malformed: expected another one than the issuer, SCOPED_AUTH_ISSUER.".into()
            }
            Error::IncompleteIdentity => {
                "`earlierSession` is malformed: expected with `identity` only, and `identity` with it.".into()
            }
            Error::TokenTooLong => "`grants` is malformed: expected fewer, they do not fit into a token.".into(),
            Error::NotAToken => "`token` is malformed: expected a token of this service.".into(),
            Error::NotOneTarget => {
                "Expected `token`, `sessionId`, `deploymentKey`, `accountSid`, or `accountSid` and `identity`.".into()
            }
            Error::SessionEnded
            | Error::MissingProof
            | Error::OtherBrowser
            | Error::StaleRevocations
            | Error::IncomparableFingerprint
            | Error::Store(_)
            | Error::Seal(_) => Cow::Borrowed(self.code().sentence()),
        }
    }
}
