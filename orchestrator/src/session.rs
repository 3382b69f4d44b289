//! How a session begins: the steps of the create diagram, which `create_token` and `init` take alike.

use service_runtime::Call;
use shared_types::{Fingerprint, Identity, federated_auth::create_token, fingerprint::is_the_browser_of};

use crate::{admission::Admitted, app::Orchestrator, configuration::Snapshot, error::Error};

/// Begins a session for a call that was admitted. An identity of an earlier session is granted to the same browser alone.
pub async fn begin(
    fwo: &Orchestrator,
    call: &mut Call<'_>,
    admitted: &Admitted,
    wanted: Option<Identity>,
) -> Result<create_token::Response, Error> {
    let Admitted { snapshot, fingerprint, jkt, .. } = admitted;
    let identity = match (wanted, fingerprint) {
        (Some(wanted), Some(presented)) => earlier_identity(fwo, snapshot, wanted, presented).await?,
        (Some(_), None) | (None, _) => None,
    };
    let request = create_token::Request {
        deployment_key: snapshot.deployment.key,
        address_sid: snapshot.deployment.address_sid,
        conversations_service_sid: snapshot.account.conversations_service_sid,
        fingerprint: fingerprint.clone(),
        jkt: *jkt,
        identity,
    };
    Ok(fwo.federated_auth.create_token(call, snapshot.account.sid, &request).await?)
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
