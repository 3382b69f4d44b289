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
    admission::{Admitted, Credentials, Route, admit, rate_limit::Charge},
    error::Error,
    state::State,
};

/// Returns a new token of the same session. The session's conversation is looked up after FederatedAuthService has opened
/// the token, which is sealed: only then is the session known.
pub async fn refresh_token(
    state: &State,
    context: &mut RequestContext<'_>,
    _path: NoParameters,
    Request { deployment_key, token }: Request,
) -> Result<Response, Error> {
    let credentials = Credentials::Body { deployment_key, token: Some(&token) };
    let route = Route::new(Charge::Call);
    let Admitted { config, fingerprint, jkt, .. } = admit(state, context, credentials, route).await?;
    let request = federated_auth::refresh_token::Request { deployment_key, token, fingerprint, jkt };
    let refreshed = state.federated_auth.refresh_token(context, config.account.sid, &request).await?;
    let account = config.account.sid;
    context.step("Fetches Conversation SID");
    let conversation_sid =
        state.conversations.by_session(account, refreshed.session_id, refreshed.identity).await?;
    Ok(Response {
        valid: Yes::default(),
        issued: refreshed.issued,
        identity: refreshed.identity,
        conversation_sid,
    })
}
