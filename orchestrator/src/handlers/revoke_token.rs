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
    admission::{Admission, Admitted, admit},
    error::Error,
    identity::IdentityRequest,
    rate_limit::Charge,
    state::State,
};

/// Ends the guest's session. A deployment that is switched off does not prevent it, and an invalid token is no error:
/// there is nothing that the page could do about it (RFC 7009, section 2.2). A session that is bound to a proof key needs a
/// proof by it.
pub async fn revoke_token(
    state: &State,
    call: &mut RequestContext<'_>,
    _path: NoParameters,
    Request { deployment_key, token }: Request,
) -> Result<Response, Error> {
    let admission = Admission {
        deployment_key,
        token: Some(&token),
        charge: Charge::Call,
        guest_bytes: 0,
        ignores_disabled: true,
        identity: IdentityRequest::None,
    };
    let Admitted { snapshot, fingerprint, jkt, .. } = admit(state, call, admission).await?;
    let request = federated_auth::revoke_token::Request { token, fingerprint, jkt };
    let revoked = state.federated_auth.revoke_token(call, snapshot.account.sid, &request).await?;
    // Its identity is not granted again. ScopedAuthService remembers it too, for as long as it keeps revocations.
    if let Some(session) = revoked.session_id {
        state.conversations.end_session(snapshot.account.sid, session, call.now).await?;
    }
    Ok(Response {})
}
