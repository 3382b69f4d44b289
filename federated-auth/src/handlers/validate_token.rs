//! `FWO ->> FAS: POST /v1/Accounts/AC…/Tokens/validate` (conversation diagram).

use service_runtime::RequestContext;
use shared_types::{
    Code, Fingerprint, Yes,
    federated_auth::{
        AccountPath,
        validate_token::{Request, Response},
    },
    fingerprint::Mode,
    scoped_auth::validate,
};

use crate::{error::Error, judgement, state::State};

/// Has ScopedAuthService judge a token. With the feature on a token without a fingerprint is good for one thing only:
/// to be refreshed into one that has it. So the page learns that it must refresh, and nobody chats unbound; in the mode
/// `shadow` nobody is refused for it.
pub async fn validate_token(
    state: &State,
    call: &mut RequestContext<'_>,
    AccountPath { account_sid }: AccountPath,
    request: Request,
) -> Result<Response, Error> {
    call.account = Some(account_sid);
    let must_be_bound = request.fingerprint.as_ref().map(Fingerprint::mode) == Some(Mode::Enforce);
    let Request { token, fingerprint, jkt } = request;
    let validate = validate::Request { token, fingerprint, jkt, successor: None };
    let verdict = state.scoped_auth.validate(call, &validate).await?;
    let judged = judgement::of(verdict, account_sid)?;
    if must_be_bound && !judged.bound {
        return Err(Error::TokenRefused(Code::FingerprintInvalid));
    }
    Ok(Response {
        valid: Yes,
        identity: judged.identity,
        roles: judged.grants,
        expiration: judged.expiration,
        session_id: judged.session_id,
        auth_time: judged.auth_time,
        jkt: judged.jkt,
    })
}
