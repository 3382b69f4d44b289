//! `FWO ->> FAS: POST /v1/Accounts/AC…/Tokens/revoke` (revoke diagram).

use service_runtime::Call;
use shared_types::{
    federated_auth::{
        AccountPath,
        revoke_token::{Request, Response},
    },
    scoped_auth::revoke,
};

use crate::{app::FederatedAuth, error::Error};

/// Has ScopedAuthService end the session of a token.
pub async fn revoke_token(
    fas: &FederatedAuth,
    call: &mut Call<'_>,
    AccountPath { account_sid }: AccountPath,
    Request { token, fingerprint, jkt }: Request,
) -> Result<Response, Error> {
    call.account = Some(account_sid);
    let revoke = revoke::Request { account_sid, token, fingerprint, jkt };
    let revoke::Response { revoked, session_id } = fas.scoped_auth.revoke(call, &revoke).await?;
    Ok(Response { revoked, session_id })
}
