//! How a session begins: the steps of the create diagram, which `create_token` and `init` take alike.

use service_runtime::Call;
use shared_types::{
    DeploymentKey, Fingerprint, Identity, federated_auth::create_token, fingerprint::is_the_browser_of,
};

use crate::{
    app::Orchestrator, boundary, configuration, configuration::Snapshot, error::Error, fingerprint, limit,
    proof,
};

/// A session that has begun.
pub struct Begun {
    /// What FederatedAuthService answered.
    pub made: create_token::Response,
    /// The configuration that it began under.
    pub snapshot: Snapshot,
    /// The browser that it began in.
    pub fingerprint: Option<Fingerprint>,
}

/// Begins a session for whoever calls. An identity of an earlier session is granted to the same browser alone.
pub async fn begin(
    fwo: &Orchestrator,
    call: &mut Call<'_>,
    deployment_key: DeploymentKey,
    wanted: Option<Identity>,
) -> Result<Begun, Error> {
    let snapshot = configuration::of_deployment(fwo, call, deployment_key).await?;
    boundary::set_acao(call, &snapshot)?;
    snapshot.must_be_enabled()?;
    limit::creation(fwo, call, &snapshot)?;
    let fingerprint = fingerprint::of_call(fwo, call, &snapshot)?;
    let jkt = proof::of_call(fwo, call, None)?;
    let identity = match (wanted, &fingerprint) {
        (Some(wanted), Some(presented)) => earlier_identity(fwo, &snapshot, wanted, presented).await?,
        (Some(_), None) | (None, _) => None,
    };
    let request = create_token::Request {
        deployment_key,
        address_sid: snapshot.deployment.address_sid,
        conversations_service_sid: snapshot.account.conversations_service_sid,
        fingerprint: fingerprint.clone(),
        jkt,
        identity,
    };
    let made = fwo.federated_auth.create_token(call, snapshot.account.sid, &request).await?;
    Ok(Begun { made, snapshot, fingerprint })
}

/// The wanted identity, if the browser that wants it is that of its last session (contract, section 4). To know an
/// identity is not enough to become it: everybody in a chat knows it.
async fn earlier_identity(
    fwo: &Orchestrator,
    snapshot: &Snapshot,
    wanted: Identity,
    presented: &Fingerprint,
) -> Result<Option<Identity>, Error> {
    let last = fwo.conversations.last_fingerprint(snapshot.account.sid, wanted).await?;
    let is_the_same = |last: Fingerprint| is_the_browser_of(&last, presented);
    Ok(last.is_some_and(is_the_same).then_some(wanted))
}
