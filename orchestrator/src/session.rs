//! How a session begins: the steps of the create diagram after the call's admission, shared by `create_token` and `init`.

use service_runtime::RequestContext;
use shared_types::federated_auth::create_token;

use crate::{
    admission::Admitted,
    error::Error,
    identity::{self, IdentityRequest, Requester},
    state::State,
};

/// Begins a session for a call that was admitted. An identity of an earlier session is granted to the holder of that
/// session's proof key only.
pub async fn begin(
    state: &State,
    call: &mut RequestContext<'_>,
    admitted: &Admitted,
    requested: IdentityRequest,
) -> Result<create_token::Response, Error> {
    let Admitted { snapshot, fingerprint, jkt, client, identity_is_considered, .. } = admitted;
    let requester =
        Requester { snapshot, jkt: *jkt, client: *client, is_considered: *identity_is_considered };
    let earlier = identity::earlier(state, call, requester, requested).await?;
    let request = create_token::Request {
        deployment_key: snapshot.deployment.key,
        address_sid: snapshot.deployment.address_sid,
        conversations_service_sid: snapshot.account.conversations_service_sid,
        fingerprint: fingerprint.clone(),
        jkt: *jkt,
        identity: earlier.map(|(identity, _)| identity),
        earlier_session: earlier.map(|(_, session)| session),
    };
    let made = state.federated_auth.create_token(call, snapshot.account.sid, &request).await?;
    if earlier.is_some_and(|(wanted, _)| wanted != made.identity) {
        identity::count_refusal(state, *client, call);
    }
    Ok(made)
}
