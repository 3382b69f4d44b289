//! `B ->> FWO: POST /v2/Webchat/Token/Revoke` (revoke diagram; RFC 7009).

use service_runtime::Call;
use shared_types::{
    federated_auth,
    orchestrator::{
        NoParameters,
        revoke_token::{Request, Response},
    },
};

use crate::{
    app::Orchestrator,
    boundary, configuration,
    error::Error,
    fingerprint, limit,
    proof::{self, Nonce},
};

/// Ends the guest's session. A deployment that is switched off does not prevent it, and an invalid token is no error:
/// there is nothing that the page could do about it (RFC 7009, section 2.2). A session that is bound to a proof key needs a
/// proof by it.
pub async fn revoke_token(
    fwo: &Orchestrator,
    call: &mut Call<'_>,
    _path: NoParameters,
    Request { deployment_key, token }: Request,
) -> Result<Response, Error> {
    let snapshot = configuration::of_deployment(fwo, call, deployment_key).await?;
    boundary::set_acao(call, &snapshot)?;
    limit::other(fwo, call, &snapshot)?;
    let fingerprint = fingerprint::of_call(fwo, call, &snapshot)?;
    let jkt = proof::of_call(fwo, call, Some(token.as_str()), Nonce::Optional)?;
    let request = federated_auth::revoke_token::Request { token, fingerprint, jkt };
    let revoked = fwo.federated_auth.revoke_token(call, snapshot.account.sid, &request).await?;
    // Its identity is not granted again. ScopedAuthService remembers it too, for as long as it keeps revocations.
    if let Some(session) = revoked.session_id {
        fwo.conversations.end_session(snapshot.account.sid, session, call.now).await?;
    }
    Ok(Response {})
}
