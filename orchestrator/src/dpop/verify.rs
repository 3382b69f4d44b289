//! Verifies a DPoP proof against a request (RFC 9449, section 4.3).

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use chrono::{DateTime, Utc};
use ring::digest::{SHA256, digest};
use shared_types::Thumbprint;

use super::{
    invalid_proof::{InvalidProof, ProofFailure},
    nonce::Nonces,
    proof::{MAX_LEN, Proof},
    replay::ReplayStore,
    target::Target,
};

/// The request that a proof must match.
#[derive(Clone, Copy, Debug)]
pub struct Expectation<'a> {
    /// The request's method: `POST`.
    pub method: &'a str,
    /// The URL of the request.
    pub target: Target<'a>,
    /// The token that the request presents. The proof must then name it (`ath`); without a token, `ath` is ignored.
    pub access_token: Option<&'a str>,
    /// The nonces of which the proof must have one; `None` if it needs no nonce.
    pub nonces: Option<&'a Nonces>,
    /// When the request arrived.
    pub now: DateTime<Utc>,
}

/// Verifies the proof in `header_values`, all values of the request's `DPoP` header. Returns the thumbprint of its key.
///
/// The signature is checked last, because every other check is cheaper. A proof that fails is not stored for replay
/// detection.
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
) -> Result<Thumbprint, ProofFailure> {
    let mut values = header_values.into_iter();
    let (Some(value), None) = (values.next(), values.next()) else { return Err(ProofFailure::HeaderCount) };
    if value.len() > MAX_LEN {
        return Err(ProofFailure::TooLong);
    }
    let proof = Proof::parse(str::from_utf8(value).map_err(|_| ProofFailure::Malformed)?)?;
    if proof.htm != expectation.method {
        return Err(ProofFailure::Method);
    }
    if !expectation.target.is_named_by(&proof.htu) {
        return Err(ProofFailure::Target);
    }
    if !proof.is_fresh(expectation.now) {
        return Err(ProofFailure::Age);
    }
    if let Some(token) = expectation.access_token {
        let ath = URL_SAFE_NO_PAD.encode(digest(&SHA256, token.as_bytes()));
        if proof.ath.as_deref() != Some(&ath) {
            return Err(ProofFailure::AccessToken);
        }
    }
    if let Some(nonces) = expectation.nonces
        && !proof.nonce.as_deref().is_some_and(|nonce| nonces.is_valid(nonce, expectation.now))
    {
        return Err(ProofFailure::Nonce);
    }
    if !proof.has_valid_signature() {
        return Err(ProofFailure::Signature);
    }
    let thumbprint = proof.key.thumbprint();
    replays.insert(&thumbprint, &proof.jti, expectation.now)?;
    Ok(thumbprint)
}
