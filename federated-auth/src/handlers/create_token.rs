//! `FWO ->> FAS: POST /v1/Accounts/AC…/Tokens` (create diagram).

use service_runtime::Call;
use shared_types::{
    federated_auth::{
        AccountPath,
        create_token::{Request, Response},
    },
    scoped_auth::generate,
};

use crate::{app::FederatedAuth, error::Error, grants};

/// Decides grants and ttl, and has ScopedAuthService make the token of a new session.
pub async fn create_token(
    fas: &FederatedAuth,
    call: &mut Call<'_>,
    AccountPath { account_sid }: AccountPath,
    request: Request,
) -> Result<Response, Error> {
    call.account = Some(account_sid);
    let generate = generate::Request {
        account_sid,
        grants: grants::for_guest(&request),
        ttl: fas.token_ttl_seconds,
        encrypt: true,
        fingerprint: request.fingerprint,
        jkt: request.jkt,
        identity: request.identity,
        earlier_session: request.earlier_session,
    };
    let made = fas.scoped_auth.generate(call, &generate).await?;
    Ok(Response {
        token: made.token,
        identity: made.identity,
        expiration: made.expiration,
        expires_in: made.expires_in,
        refresh_after: made.refresh_after,
        session_id: made.session_id,
        auth_time: made.auth_time,
    })
}
