//! `B ->> FWO: POST /v2/Webchat/Token/Refresh` (refresh diagram; contract, section 2).

use service_runtime::RequestContext;
use shared_types::{
    Yes, federated_auth,
    orchestrator::{
        NoParameters,
        refresh_token::{Request, Response},
    },
};

use crate::{
    admission::{Admission, Admitted, admit},
    error::Error,
    identity::IdentityRequest,
    rate_limit::Charge,
    state::State,
};

/// Gives the guest a new token of the same session. The session's conversation is looked up once the token has proved
/// authentic: before that nobody knows which session it is of.
pub async fn refresh_token(
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
        ignores_disabled: false,
        identity: IdentityRequest::None,
    };
    let Admitted { snapshot, fingerprint, jkt, .. } = admit(state, call, admission).await?;
    let request = federated_auth::refresh_token::Request { deployment_key, token, fingerprint, jkt };
    let refreshed = state.federated_auth.refresh_token(call, snapshot.account.sid, &request).await?;
    let conversation_sid = state.conversations.by_session(snapshot.account.sid, refreshed.session_id).await?;
    Ok(Response { valid: Yes, issued: refreshed.issued, identity: refreshed.identity, conversation_sid })
}
