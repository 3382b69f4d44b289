//! `FWO ->> FAS: POST /v1/Accounts/AC…/Tokens` (create diagram).

use service_runtime::RequestContext;
use shared_types::{
    federated_auth::{
        AccountPath,
        create_token::{Request, Response},
    },
    scoped_auth::generate,
};

use crate::{error::Error, grants, state::State};

/// Decides grants and lifetime, and calls ScopedAuthService for the token of a new session.
pub async fn create_token(
    state: &State,
    call: &mut RequestContext<'_>,
    AccountPath { account_sid }: AccountPath,
    request: Request,
) -> Result<Response, Error> {
    call.account = Some(account_sid);
    call.step("Decides grants and ttl");
    let generate = generate::Request {
        account_sid,
        grants: grants::for_guest(&request),
        ttl: state.token_ttl_seconds,
        encrypt: true,
        fingerprint: request.fingerprint,
        jkt: request.jkt,
        identity: request.identity,
        earlier_session: request.earlier_session,
    };
    let made = state.scoped_auth.generate(call, &generate).await?;
    Ok(Response {
        issued: made.issued,
        identity: made.identity,
        session_id: made.session_id,
        auth_time: made.auth_time,
    })
}
