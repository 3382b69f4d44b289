//! `FWO ->> FWO: Checks the proof of possession` of a request, and logs a rejected proof.

use std::sync::Arc;

use service_runtime::RequestContext;
use shared_types::Thumbprint;

use super::{
    invalid_proof::InvalidProof,
    nonce::Nonces,
    replay::ReplayStore,
    target::{PublicUrls, Target},
    verify::{Expectation, verify},
};

/// What proofs are verified with. One for all workers.
#[derive(Clone, Debug)]
pub struct DpopVerifier {
    /// The URLs under which pages reach this service, if configured.
    pub public_urls: PublicUrls,
    /// The nonces that proofs are made with.
    pub nonces: Arc<Nonces>,
    /// The proofs that were used.
    pub replays: Arc<ReplayStore>,
}

/// Whether a proof needs a nonce of this service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nonce {
    /// Any nonce or none is accepted.
    Optional,
    /// Without a current nonce the request is rejected with `use_dpop_nonce`.
    Required,
}

impl DpopVerifier {
    /// The thumbprint of the key that the request proves possession of; `None` if it has no `DPoP` header. The proof
    /// must name the guest's request, which is `method` and `target`, and `token`, which the request presents.
    pub fn verify_dpop(
        &self,
        context: &RequestContext<'_>,
        (method, target): (&str, Target<'_>),
        token: Option<&str>,
        nonce: Nonce,
    ) -> Result<Option<Thumbprint>, InvalidProof> {
        if context.header("dpop").is_none() {
            return Ok(None);
        }
        context.step("Checks the proof of possession");
        let nonces = (nonce == Nonce::Required).then_some(&*self.nonces);
        let expectation = Expectation { method, target, access_token: token, nonces, now: context.now };
        let verified = verify(context.header_values("dpop"), &expectation, &self.replays);
        verified.map(Some).inspect_err(|error| {
            tracing::info!(
                target: "audit",
                event = "proof_refused",
                request_id = context.request_id.as_str(),
                trace_id = %context.trace.trace_id,
                account = context.account.map(tracing::field::display),
                reason = error.reason.as_str(),
                "audit"
            );
        })
    }
}
