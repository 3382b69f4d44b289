//! `FWO ->> FAS: POST /v1/Accounts/AC…/Tokens/refresh` (refresh diagram).

use service_runtime::{RequestContext, UpstreamError};
use shared_types::{
    federated_auth::{
        AccountPath,
        refresh_token::{Request, Response},
    },
    scoped_auth::validate::{self, SuccessorRequest},
};

use crate::{error::Error, judgement, state::State};

/// Has ScopedAuthService judge the token and make its successor, in one call. A token that was made with the feature off
/// carries no fingerprint; here it is accepted, and its successor is bound (contract, section 7).
pub async fn refresh_token(
    state: &State,
    call: &mut RequestContext<'_>,
    AccountPath { account_sid }: AccountPath,
    Request { deployment_key, token, fingerprint, jkt }: Request,
) -> Result<Response, Error> {
    call.account = Some(account_sid);
    let successor = Some(SuccessorRequest { account_sid, deployment_key, ttl: state.token_ttl_seconds });
    let validate = validate::Request { token, fingerprint, jkt, successor };
    let verdict = state.scoped_auth.validate(call, &validate).await?;
    let judged = judgement::of(verdict, account_sid)?;
    let successor = judged.successor.ok_or_else(|| UpstreamError::Invalid {
        peer: "ScopedAuthService",
        what: "an authorized refresh without a successor".to_owned(),
    })?;
    Ok(Response {
        identity: judged.identity,
        roles: judged.grants,
        issued: successor,
        session_id: judged.session_id,
    })
}
