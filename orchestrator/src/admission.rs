//! The order in which a public call is admitted (contract, section 5), for all routes that belong to a deployment:
//! account → the visitor's limits charged, the deployment's looked at → Flex Configuration, if set → ACAO → enabled →
//! fingerprint → proof of possession → the deployment's limit charged. Without Flex Configuration, ACAO comes before the
//! limits. So nothing is fetched or computed for a call that is over a limit, and what is refused on the way leaves
//! the deployment's limit to others.

use std::net::IpAddr;

use service_runtime::RequestContext;
use shared_types::{DeploymentKey, Fingerprint, SealedToken, Thumbprint};

use crate::{
    access_policy,
    accounts::ProofKey,
    configuration,
    configuration::Snapshot,
    error::Error,
    fingerprint,
    identity::{self, IdentityRequest},
    limit,
    proof::{self, Nonce},
    rate_limit::Charge,
    state::State,
};

/// What differs between the routes.
#[derive(Clone, Copy, Debug)]
pub struct Admission<'a> {
    /// The deployment that the call names.
    pub deployment_key: DeploymentKey,
    /// The token that it presents; a proof of possession must name it.
    pub token: Option<&'a SealedToken>,
    /// What it is charged as.
    pub charge: Charge,
    /// How many bytes the guest wants stored, as far as that is known; 0: none.
    pub guest_bytes: u32,
    /// Whether it is served at a deployment that is switched off.
    pub ignores_disabled: bool,
    /// The identity of an earlier session that it requests.
    pub identity: IdentityRequest,
}

/// A call that was admitted.
#[derive(Clone, Debug)]
pub struct Admitted {
    /// The configuration of its deployment.
    pub snapshot: Snapshot,
    /// The browser and page that make it; none with the feature off.
    pub fingerprint: Option<Fingerprint>,
    /// The key that it proves to hold, if it offers a proof.
    pub jkt: Option<Thumbprint>,
    /// The visitor's address.
    pub client: Option<IpAddr>,
    /// Whether a request for an identity is looked at; then a proof has a current nonce.
    pub identity_is_considered: bool,
    /// It is over a limit that is only logged.
    is_over: bool,
}

/// Admits a call, or refuses it with the error of the first step that fails.
pub async fn admit(
    state: &State,
    call: &mut RequestContext<'_>,
    admission: Admission<'_>,
) -> Result<Admitted, Error> {
    let mut snapshot = configuration::of_deployment(state, call, admission.deployment_key)?;
    let client = state.trusted_proxies.client_address(call);
    let (charge, guest_bytes) = (admission.charge, admission.guest_bytes);
    let is_over = match &state.flex_configuration {
        None => {
            access_policy::set_acao(call, &snapshot)?;
            limit::enter(state, call, &snapshot.deployment, client, charge, guest_bytes)?
        }
        Some(peer) => {
            let is_over = limit::enter(state, call, &snapshot.deployment, client, charge, guest_bytes)?;
            snapshot.fetch_origins(&state.fetched, peer, call).await?;
            access_policy::set_acao(call, &snapshot)?;
            is_over
        }
    };
    if !admission.ignores_disabled {
        snapshot.must_be_enabled()?;
    }
    let fingerprint = fingerprint::of_call(state, call, &snapshot, client)?;
    // Proofs without a token have no `ath`. One that was made in advance must not be worth an identity.
    let identity_is_considered = identity::is_considered(state, client, call, admission.identity);
    let nonce = if identity_is_considered { Nonce::Required } else { Nonce::Optional };
    let jkt = proof::of_call(state, call, admission.token.map(SealedToken::as_str), nonce)?;
    if charge == Charge::Create {
        state.counters.session_requested(jkt.is_some());
        if jkt.is_none() && snapshot.deployment.proof_key == ProofKey::Required {
            return Err(Error::ProofKeyRequired);
        }
    }
    if charge == Charge::Create && !is_over {
        limit::create(state, call, &snapshot.deployment, client)?;
    }
    Ok(Admitted { snapshot, fingerprint, jkt, client, identity_is_considered, is_over })
}

impl Admitted {
    /// Charges what the guest is about to have stored: once it is known how much that is, and that it will be stored.
    pub fn store(&self, state: &State, call: &mut RequestContext<'_>, guest_bytes: u32) -> Result<(), Error> {
        if self.is_over {
            return Ok(());
        }
        limit::store(state, call, &self.snapshot.deployment, self.client, guest_bytes)
    }
}
