//! `FWO ->> FAS: POST /v1/Accounts/AC…/Tokens/revoke` (revoke diagram).

use service_runtime::RequestContext;
use shared_types::{
    federated_auth::{
        AccountPath,
        revoke_token::{Request, Response},
    },
    scoped_auth::revoke,
};

use crate::{error::Error, state::State};

/// Calls ScopedAuthService to end the session of a token.
pub async fn revoke_token(
    state: &State,
    call: &mut RequestContext<'_>,
    AccountPath { account_sid }: AccountPath,
    Request { token, fingerprint, jkt }: Request,
) -> Result<Response, Error> {
    call.account = Some(account_sid);
    let revoke = revoke::Request { account_sid, token, fingerprint, jkt };
    let revoke::Response { revoked, session_id } = state.scoped_auth.revoke(call, &revoke).await?;
    Ok(Response { revoked, session_id })
}
