//! `B ->> FWO: POST /v2/Webchat/Token/Revoke` (revoke diagram; RFC 7009).

use service_runtime::RequestContext;
use shared_types::{
    federated_auth,
    orchestrator::{
        NoParameters,
        revoke_token::{Request, Response},
    },
};

use crate::{
    admission::{Admitted, Credentials, Route, admit, rate_limit::Charge},
    error::Error,
    state::State,
};

/// Ends the guest's session, also at a deployment that is switched off. An invalid token is not an error, because the
/// client cannot handle such an error in a useful way (RFC 7009, section 2.2). A session that is bound to a proof key
/// requires a proof by that key; another browser gets `fingerprint_invalid`.
pub async fn revoke_token(
    state: &State,
    context: &mut RequestContext<'_>,
    _path: NoParameters,
    Request { deployment_key, token }: Request,
) -> Result<Response, Error> {
    let credentials = Credentials::Body { deployment_key, token: Some(&token) };
    let route = Route { serves_disabled: true, ..Route::new(Charge::Call) };
    let Admitted { config, fingerprint, jkt, .. } = admit(state, context, credentials, route).await?;
    let request = federated_auth::revoke_token::Request { token, fingerprint, jkt };
    let revoked = state.federated_auth.revoke_token(context, config.account.sid, &request).await?;
    // The identity of an ended session is not granted again. ScopedAuthService also rejects it, but only for as long as it
    // keeps revocations.
    if let Some(session) = revoked.session_id {
        context.step("Notes the end beside the conversation");
        state.reporting(config.account.sid).end_session(config.account.sid, session, context.now).await?;
    }
    Ok(Response {})
}
