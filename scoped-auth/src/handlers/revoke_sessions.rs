//! `POST /v1/Revocations` on the admin listener: an operator ends the sessions that began before now.

use service_runtime::RequestContext;
use shared_types::{
    orchestrator::NoParameters,
    scoped_auth::revocations::{Request, Response},
};

use crate::{audit, error::Error, revocations::RevocationTarget, state::State};

/// Ends the sessions of a token, a session id, an identity, a deployment or an account.
pub async fn revoke_sessions(
    state: &State,
    call: &mut RequestContext<'_>,
    _path: NoParameters,
    request: Request,
) -> Result<Response, Error> {
    let target = match request {
        Request {
            token: Some(token),
            session_id: None,
            identity: None,
            deployment_key: None,
            account_sid: None,
        } => {
            let claims = state.open(&token).map_err(|_| Error::NotAToken)?;
            call.account = Some(claims.sub);
            RevocationTarget::Session(claims.sid)
        }
        Request {
            token: None,
            session_id: Some(session),
            identity: None,
            deployment_key: None,
            account_sid: None,
        } => RevocationTarget::Session(session),
        Request {
            token: None,
            session_id: None,
            identity: Some(identity),
            deployment_key: None,
            account_sid: Some(account),
        } => RevocationTarget::Identity(account, identity),
        Request {
            token: None,
            session_id: None,
            identity: None,
            deployment_key: Some(deployment),
            account_sid: None,
        } => RevocationTarget::Deployment(deployment),
        Request {
            token: None,
            session_id: None,
            identity: None,
            deployment_key: None,
            account_sid: Some(account),
        } => RevocationTarget::Account(account),
        Request { .. } => return Err(Error::NotOneTarget),
    };
    state.sessions.revoke(target, call.now).await?;
    audit::revoked(state, call, target, "operator");
    Ok(Response { kind: target.kind().to_owned(), revoked_at: call.now })
}
