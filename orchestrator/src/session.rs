//! How a session begins: the steps of the create diagram, shared by `create_token` and `init`.

use service_runtime::Call;
use shared_types::{DeploymentKey, Thumbprint, federated_auth::create_token};

use crate::{
    accounts::ProofKey,
    app::Orchestrator,
    boundary,
    configuration::{self, Snapshot},
    error::Error,
    fingerprint,
    identity::{self, IdentityRequest},
    limit,
    proof::{self, Nonce},
};

/// A session that has begun.
pub struct Begun {
    /// What FederatedAuthService answered.
    pub made: create_token::Response,
    /// The configuration that it began under.
    pub snapshot: Snapshot,
    /// The proof key that it is bound to.
    pub jkt: Option<Thumbprint>,
}

/// Begins a session. An identity of an earlier session is granted to the holder of that session's proof key only.
pub async fn begin(
    fwo: &Orchestrator,
    call: &mut Call<'_>,
    deployment_key: DeploymentKey,
    requested: IdentityRequest,
) -> Result<Begun, Error> {
    let snapshot = configuration::of_deployment(fwo, call, deployment_key).await?;
    boundary::set_acao(call, &snapshot)?;
    snapshot.must_be_enabled()?;
    limit::creation(fwo, call, &snapshot)?;
    let fingerprint = fingerprint::of_call(fwo, call, &snapshot)?;
    // Proofs without a token have no `ath`. One that was made in advance must not be worth an identity.
    let nonce = if identity::is_considered(fwo, call, requested) { Nonce::Required } else { Nonce::Optional };
    let jkt = proof::of_call(fwo, call, None, nonce)?;
    fwo.counters.session_begins(jkt.is_some());
    if jkt.is_none() && snapshot.deployment.proof_key == ProofKey::Required {
        return Err(Error::ProofKeyRequired);
    }
    let earlier = identity::earlier(fwo, call, &snapshot, requested, jkt).await?;
    let request = create_token::Request {
        deployment_key,
        address_sid: snapshot.deployment.address_sid,
        conversations_service_sid: snapshot.account.conversations_service_sid,
        fingerprint,
        jkt,
        identity: earlier.map(|(identity, _)| identity),
        earlier_session: earlier.map(|(_, session)| session),
    };
    let made = fwo.federated_auth.create_token(call, snapshot.account.sid, &request).await?;
    if earlier.is_some_and(|(wanted, _)| wanted != made.identity) {
        identity::count_refusal(fwo, call);
    }
    Ok(Begun { made, snapshot, jkt })
}
