//! `FWO ->> FAS: POST /v1/Accounts/AC…/Tokens/refresh` (refresh diagram).

use service_runtime::Call;
use shared_types::{
    federated_auth::{
        AccountPath,
        refresh_token::{Request, Response},
    },
    scoped_auth::{generate, validate},
};

use crate::{app::FederatedAuth, error::Error, judgement};

/// Has ScopedAuthService judge the old token and make a new one of the same identity, grants and session. A token that
/// was made with the feature off carries no fingerprint; here it is accepted, and its successor is bound (contract,
/// section 7).
pub async fn refresh_token(
    fas: &FederatedAuth,
    call: &mut Call<'_>,
    AccountPath { account_sid }: AccountPath,
    request: Request,
) -> Result<Response, Error> {
    call.account = Some(account_sid);
    let Request { token, fingerprint, jkt } = request;
    // After its end a token is refreshed for its own browser alone, which only the feature lets one tell.
    let resume = fingerprint.is_some();
    let validate = validate::Request { token, fingerprint, jkt, resume };
    let verdict = fas.scoped_auth.validate(call, &validate).await?;
    let judged = judgement::of(verdict, account_sid)?;
    let generate = generate::Request {
        account_sid,
        grants: judged.grants,
        ttl: fas.token_ttl_seconds,
        encrypt: true,
        fingerprint: judged.fingerprint,
        jkt: judged.jkt,
        identity: None,
        session: Some(judged.session),
    };
    let made = fas.scoped_auth.generate(call, &generate).await?;
    Ok(Response {
        expiration: made.expiration,
        identity: made.identity,
        roles: generate.grants,
        token: made.token,
        session_id: made.session_id,
        expires_in: made.expires_in,
        refresh_after: made.refresh_after,
    })
}
