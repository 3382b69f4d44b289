//! `FWO ->> FWO: Checks the proof of possession` (RFC 9449): whether a call brings a `DPoP` header by which its sender
//! proves to hold a key, and which key that is. Whether it is the key that the session is bound to, ScopedAuthService
//! judges (`cnf.jkt`). Offered by pages that can keep a key; the released widget does not.
//!
//! Every check of section 4.3 has its [`Reason`]. A nonce is required where a proof that was made in advance would be
//! worth something: at a call without a token whose key counts for more than the new session's own (contract, section 7).

mod json;
mod key;
mod nonce;
mod proof;
mod replay;
mod target;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, TimeDelta, Utc};
use ring::digest::{SHA256, digest};
use shared_types::{Code, Thumbprint};

pub use nonce::Nonces;
use proof::Proof;
pub use replay::ReplayStore;
pub use target::{MalformedPublicUrls, PublicUrls, Target};

/// How far `iat` may be from this service's time, either way: what a proof takes to get here, and what a browser's
/// clock may be wrong by.
pub const MAX_SKEW: TimeDelta = TimeDelta::seconds(60);

/// The longest proof that is read, in bytes. A browser's has about 500.
pub const MAX_LEN: usize = 4096;

/// What a proof must be made for.
#[derive(Clone, Copy, Debug)]
pub struct Expectation<'a> {
    /// The call's method: `POST`.
    pub method: &'a str,
    /// Where it was called.
    pub target: Target<'a>,
    /// The token that the call brings, if it brings one. The proof must then name it (`ath`); otherwise `ath` is
    /// ignored.
    pub access_token: Option<&'a str>,
    /// Whose nonces the proof must have one of; `None` where it needs none.
    pub nonces: Option<&'a Nonces>,
    /// When it arrived.
    pub now: DateTime<Utc>,
}

/// There is no good proof. Tells nothing of what the request brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no good DPoP proof: {}", reason.as_str())]
pub struct InvalidProof {
    /// Which check it failed: for the log, not for the caller.
    pub reason: Reason,
}

/// The checks that a proof can fail, in the order in which they are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// There is not exactly one `DPoP` header.
    HeaderCount,
    /// It is over-long.
    TooLong,
    /// It is not a JWT: three parts of base64url, the first two of them JSON objects without duplicate members.
    Malformed,
    /// `typ` is not `dpop+jwt`.
    Type,
    /// `alg` is not `ES256`.
    Algorithm,
    /// It has a `crit`, which asks for what nobody here knows.
    Critical,
    /// `jwk` is not a P-256 key for ES256.
    Key,
    /// `jwk` has a private part.
    PrivateKey,
    /// `jti`, `htm`, `htu` or `iat` is missing, or of another type; or `jti` is empty or over-long.
    Claims,
    /// `htm` is another method.
    Method,
    /// `htu` is another place.
    Target,
    /// `iat` is too far from now.
    Age,
    /// `ath` is missing, or another token's.
    AccessToken,
    /// `nonce` is missing or not a current one of ours, where one is required.
    Nonce,
    /// The signature is not by the key.
    Signature,
    /// It has been seen before.
    Replayed,
    /// More proofs arrive than can be remembered, and one that cannot be remembered cannot be told from a replay.
    TooMany,
}

/// Checks the proof of a call, given all values of its `DPoP` header, and returns the thumbprint of its key.
///
/// The signature comes after everything that costs less, and a proof that fails is not remembered.
pub fn verify<'h>(
    header_values: impl IntoIterator<Item = &'h [u8]>,
    expectation: &Expectation<'_>,
    replays: &ReplayStore,
) -> Result<Thumbprint, InvalidProof> {
    check(header_values, expectation, replays).map_err(|reason| InvalidProof { reason })
}

fn check<'h>(
    header_values: impl IntoIterator<Item = &'h [u8]>,
    expectation: &Expectation<'_>,
    replays: &ReplayStore,
) -> Result<Thumbprint, Reason> {
    let mut values = header_values.into_iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Err(Reason::HeaderCount) };
    if value.len() > MAX_LEN {
        return Err(Reason::TooLong);
    }
    let proof = Proof::parse(str::from_utf8(value).map_err(|_| Reason::Malformed)?)?;
    if proof.htm != expectation.method {
        return Err(Reason::Method);
    }
    if !expectation.target.is_named_by(&proof.htu) {
        return Err(Reason::Target);
    }
    if !is_near(proof.iat, expectation.now) {
        return Err(Reason::Age);
    }
    if let Some(token) = expectation.access_token {
        let ath = URL_SAFE_NO_PAD.encode(digest(&SHA256, token.as_bytes()));
        if proof.ath.as_deref() != Some(&ath) {
            return Err(Reason::AccessToken);
        }
    }
    if let Some(nonces) = expectation.nonces
        && !proof.nonce.as_deref().is_some_and(|nonce| nonces.is_good(nonce, expectation.now))
    {
        return Err(Reason::Nonce);
    }
    if !proof.is_signed() {
        return Err(Reason::Signature);
    }
    let thumbprint = proof.key.thumbprint();
    replays.see(&thumbprint, &proof.jti, expectation.now)?;
    Ok(thumbprint)
}

/// Whether `iat`, in seconds since 1970, is near enough. It may have a fraction (RFC 7519, section 2).
fn is_near(iat: f64, now: DateTime<Utc>) -> bool {
    let now = now.timestamp_millis() as f64 / 1000.0;
    (now - iat).abs() <= MAX_SKEW.num_seconds() as f64
}

impl InvalidProof {
    /// What the caller is told. That there are too many is not the proof's fault, and passes.
    pub const fn code(self) -> Code {
        match self.reason {
            Reason::TooMany => Code::RateLimited,
            Reason::Nonce => Code::UseDpopNonce,
            Reason::HeaderCount
            | Reason::TooLong
            | Reason::Malformed
            | Reason::Type
            | Reason::Algorithm
            | Reason::Critical
            | Reason::Key
            | Reason::PrivateKey
            | Reason::Claims
            | Reason::Method
            | Reason::Target
            | Reason::Age
            | Reason::AccessToken
            | Reason::Signature
            | Reason::Replayed => Code::InvalidDpopProof,
        }
    }
}

impl Reason {
    /// The name, for the log.
    pub const fn as_str(self) -> &'static str {
        match self {
            Reason::HeaderCount => "header_count",
            Reason::TooLong => "too_long",
            Reason::Malformed => "malformed",
            Reason::Type => "typ",
            Reason::Algorithm => "alg",
            Reason::Critical => "crit",
            Reason::Key => "jwk",
            Reason::PrivateKey => "private_key",
            Reason::Claims => "claims",
            Reason::Method => "htm",
            Reason::Target => "htu",
            Reason::Age => "iat",
            Reason::AccessToken => "ath",
            Reason::Nonce => "nonce",
            Reason::Signature => "signature",
            Reason::Replayed => "replayed",
            Reason::TooMany => "too_many",
        }
    }
}
