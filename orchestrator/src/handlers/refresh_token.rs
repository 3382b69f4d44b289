//! `B ->> FWO: POST /v2/Webchat/Token/Refresh` (refresh diagram; contract, section 2).

use service_runtime::Call;
use shared_types::{
    Yes, federated_auth,
    orchestrator::{
        NoParameters,
        refresh_token::{Request, Response},
    },
};

use crate::{
    app::Orchestrator,
    boundary, configuration,
    error::Error,
    fingerprint, limit,
    proof::{self, Nonce},
};

/// Gives the guest a new token of the same session. The session's conversation is looked up once the token has proved
/// authentic: before that nobody knows which session it is of.
pub async fn refresh_token(
    fwo: &Orchestrator,
    call: &mut Call<'_>,
    _path: NoParameters,
    Request { deployment_key, token }: Request,
) -> Result<Response, Error> {
    let snapshot = configuration::of_deployment(fwo, call, deployment_key).await?;
    boundary::set_acao(call, &snapshot)?;
    snapshot.must_be_enabled()?;
    limit::other(fwo, call, &snapshot)?;
    let fingerprint = fingerprint::of_call(fwo, call, &snapshot)?;
    let jkt = proof::of_call(fwo, call, Some(token.as_str()), Nonce::Optional)?;
    let request = federated_auth::refresh_token::Request { deployment_key, token, fingerprint, jkt };
    let refreshed = fwo.federated_auth.refresh_token(call, snapshot.account.sid, &request).await?;
    let conversation_sid = fwo.conversations.by_session(snapshot.account.sid, refreshed.session_id).await?;
    Ok(Response {
        valid: Yes,
        token: refreshed.token,
        expiration: refreshed.expiration,
        identity: refreshed.identity,
        expires_in: refreshed.expires_in,
        refresh_after: refreshed.refresh_after,
        conversation_sid,
    })
}
