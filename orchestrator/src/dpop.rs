//! `FWO ->> FWO: Checks the proof of possession` (RFC 9449): verifies the `DPoP` header of a request and returns the
//! thumbprint of its key. ScopedAuthService checks that the key is the one that the session is bound to (`cnf.jkt`). Pages
//! that can keep a key send a proof; the released widget does not.
//!
//! Every check of section 4.3 has its [`ProofFailure`]. A nonce is required where a proof made in advance would be
//! valuable (contract, section 7): on a request without a token whose key gives more than a new session, and on one for an
//! assertion, which other services accept.

mod invalid_proof;
mod key;
mod nonce;
mod proof;
mod replay;
mod target;
mod verify;
mod verify_dpop;

pub use self::{
    invalid_proof::{InvalidProof, ProofFailure},
    nonce::Nonces,
    proof::{MAX_LEN, MAX_SKEW},
    replay::ReplayStore,
    target::{MalformedPublicUrls, PublicUrls, Target},
    verify::{Expectation, verify},
    verify_dpop::{DpopVerifier, Nonce},
};
