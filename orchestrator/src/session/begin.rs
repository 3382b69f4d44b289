//! Begins a session: the steps of the create diagram after admission, shared by `create_token` and `init`.

use service_runtime::RequestContext;
use shared_types::federated_auth::create_token;

use crate::{
    admission::Admitted,
    error::Error,
    session::identity::{self, IdentityRequest},
    state::State,
};

/// Begins a session for an admitted request. An identity of an earlier session is granted only to the holder of that
/// session's proof key.
pub async fn begin(
    state: &State,
    context: &mut RequestContext<'_>,
    admitted: &Admitted,
    requested: IdentityRequest,
) -> Result<create_token::Response, Error> {
    let Admitted { config, fingerprint, jkt, client, .. } = admitted;
    let earlier = identity::earlier_session(state, context, admitted, requested).await?;
    let request = create_token::Request {
        deployment_key: config.deployment.key,
        address_sid: config.deployment.address_sid,
        conversations_service_sid: config.account.conversations_service_sid,
        fingerprint: fingerprint.clone(),
        jkt: *jkt,
        identity: earlier.map(|(identity, _)| identity),
        earlier_session: earlier.map(|(_, session)| session),
    };
    let created = state.federated_auth.create_token(context, config.account.sid, &request).await?;
    // ScopedAuthService rejected the identity: it or its session was revoked.
    if earlier.is_some_and(|(wanted, _)| wanted != created.identity) {
        state.identity_refusals.add(*client, context.now);
    }
    Ok(created)
}
