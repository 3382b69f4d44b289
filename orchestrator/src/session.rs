//! How a session begins: the steps of the create diagram after the call's admission, shared by `create_token` and `init`.

use service_runtime::Call;
use shared_types::federated_auth::create_token;

use crate::{
    admission::Admitted,
    app::Orchestrator,
    error::Error,
    identity::{self, IdentityRequest, Requester},
};

/// Begins a session for a call that was admitted. An identity of an earlier session is granted to the holder of that
/// session's proof key only.
pub async fn begin(
    fwo: &Orchestrator,
    call: &mut Call<'_>,
    admitted: &Admitted,
    requested: IdentityRequest,
) -> Result<create_token::Response, Error> {
    let Admitted { snapshot, fingerprint, jkt, client, identity_is_considered, .. } = admitted;
    let requester =
        Requester { snapshot, jkt: *jkt, client: *client, is_considered: *identity_is_considered };
    let earlier = identity::earlier(fwo, call, requester, requested).await?;
    let request = create_token::Request {
        deployment_key: snapshot.deployment.key,
        address_sid: snapshot.deployment.address_sid,
        conversations_service_sid: snapshot.account.conversations_service_sid,
        fingerprint: fingerprint.clone(),
        jkt: *jkt,
        identity: earlier.map(|(identity, _)| identity),
        earlier_session: earlier.map(|(_, session)| session),
    };
    let made = fwo.federated_auth.create_token(call, snapshot.account.sid, &request).await?;
    if earlier.is_some_and(|(wanted, _)| wanted != made.identity) {
        identity::count_refusal(fwo, *client, call);
    }
    Ok(made)
}
