//! `FWO ->> FWO: Checks the proof of possession`: which key a call proves its sender to hold, if it offers a proof. How a
//! proof is checked is `dpop`; whether the key is the session's, ScopedAuthService judges.

use service_runtime::RequestContext;
use shared_types::Thumbprint;

use crate::{
    dpop::{self, Expectation, Target},
    error::Error,
    state::State,
};

/// Whether a proof needs a nonce of this service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nonce {
    /// It may have any or none.
    Optional,
    /// Without a current one the call is refused with `use_dpop_nonce`.
    Required,
}

/// The key that the call proves to hold; `None` if it brings no proof. `token` is the one that the call presents; the
/// proof must be for it.
pub fn of_call(
    state: &State,
    call: &RequestContext<'_>,
    token: Option<&str>,
    nonce: Nonce,
) -> Result<Option<Thumbprint>, Error> {
    if call.header("dpop").is_none() {
        return Ok(None);
    }
    let trusted_hops = state.trusted_proxies.trusted_hops(call);
    let target = Target::of_call(call, call.path, &state.public_urls, trusted_hops);
    let nonces = (nonce == Nonce::Required).then_some(&*state.nonces);
    let expectation = Expectation { method: call.method, target, access_token: token, nonces, now: call.now };
    let proved = dpop::verify(call.header_values("dpop"), &expectation, &state.replays);
    let proved = proved.inspect_err(|error| {
        tracing::info!(
            target: "audit",
            event = "proof_refused",
            request_id = call.request_id.as_str(),
            trace_id = call.trace.trace_id().as_str(),
            account = call.account.map(tracing::field::display),
            reason = error.reason.as_str(),
            "audit"
        );
    });
    Ok(Some(proved?))
}
