//! Why a proof is rejected.

use shared_types::Code;

/// The request has no valid proof. Contains nothing of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid DPoP proof: {}", reason.as_str())]
pub struct InvalidProof {
    /// The check that failed: for the log, not for the client.
    pub reason: ProofFailure,
}

/// The checks of a proof, in the order in which they run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProofFailure {
    /// The request does not have exactly one `DPoP` header.
    HeaderCount,
    /// The header is longer than [`MAX_LEN`](super::MAX_LEN).
    TooLong,
    /// Not a JWT: three parts of base64url, of which the first two are JSON objects, as is `jwk`, and no member that is
    /// used is duplicate.
    Malformed,
    /// `typ` is not `dpop+jwt`.
    Type,
    /// `alg` is not `ES256`.
    Algorithm,
    /// It has `crit`: no critical extension is supported.
    Critical,
    /// `jwk` is not a P-256 key for ES256.
    Key,
    /// `jwk` has private members.
    PrivateKey,
    /// `jti`, `htm`, `htu` or `iat` is missing, or of another type; or `jti` is empty or too long.
    Claims,
    /// `htm` is another method.
    Method,
    /// `htu` is another URL.
    Target,
    /// `iat` is too far from now.
    Age,
    /// `ath` is missing, or another token's.
    AccessToken,
    /// `nonce` is missing or is not a current nonce of this service, and one is required.
    Nonce,
    /// The signature does not verify under the key.
    Signature,
    /// The proof was used before.
    Replayed,
    /// The replay store is full, so a replay could not be detected.
    TooMany,
}

impl InvalidProof {
    /// The error code. [`TooMany`](ProofFailure::TooMany) is not a fault of the proof, and is temporary.
    pub const fn code(self) -> Code {
        match self.reason {
            ProofFailure::TooMany => Code::RateLimited,
            ProofFailure::Nonce => Code::UseDpopNonce,
            ProofFailure::HeaderCount
            | ProofFailure::TooLong
            | ProofFailure::Malformed
            | ProofFailure::Type
            | ProofFailure::Algorithm
            | ProofFailure::Critical
            | ProofFailure::Key
            | ProofFailure::PrivateKey
            | ProofFailure::Claims
            | ProofFailure::Method
            | ProofFailure::Target
            | ProofFailure::Age
            | ProofFailure::AccessToken
            | ProofFailure::Signature
            | ProofFailure::Replayed => Code::InvalidDpopProof,
        }
    }
}

impl ProofFailure {
    /// The name, for the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            ProofFailure::HeaderCount => "header_count",
            ProofFailure::TooLong => "too_long",
            ProofFailure::Malformed => "malformed",
            ProofFailure::Type => "typ",
            ProofFailure::Algorithm => "alg",
            ProofFailure::Critical => "crit",
            ProofFailure::Key => "jwk",
            ProofFailure::PrivateKey => "private_key",
            ProofFailure::Claims => "claims",
            ProofFailure::Method => "htm",
            ProofFailure::Target => "htu",
            ProofFailure::Age => "iat",
            ProofFailure::AccessToken => "ath",
            ProofFailure::Nonce => "nonce",
            ProofFailure::Signature => "signature",
            ProofFailure::Replayed => "replayed",
            ProofFailure::TooMany => "too_many",
        }
    }
}
