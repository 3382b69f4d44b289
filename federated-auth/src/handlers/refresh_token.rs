//! `FWO ->> FAS: POST /v1/Accounts/AC…/Tokens/refresh` (refresh diagram).

use service_runtime::{RequestContext, UpstreamError};
use shared_types::{
    federated_auth::{
        AccountPath,
        refresh_token::{Request, Response},
    },
    scoped_auth::validate::{self, SuccessorRequest},
};

use crate::{error::Error, state::State, verdict};

/// Calls ScopedAuthService to validate the token and issue its successor, in one request. A token without a fingerprint,
/// issued with the feature off, is accepted here, and its successor is bound (contract, section 7).
pub async fn refresh_token(
    state: &State,
    call: &mut RequestContext<'_>,
    AccountPath { account_sid }: AccountPath,
    Request { deployment_key, token, fingerprint, jkt }: Request,
) -> Result<Response, Error> {
    call.account = Some(account_sid);
    let successor = Some(SuccessorRequest { account_sid, deployment_key, ttl: state.token_ttl_seconds });
    let validate = validate::Request { token, fingerprint, jkt, successor, assertion: None };
    let verdict = state.scoped_auth.validate(call, &validate).await?;
    let authorized = verdict::check(verdict, account_sid)?;
    let successor = authorized.successor.ok_or_else(|| UpstreamError::Invalid {
        peer: "ScopedAuthService",
        what: "an authorized refresh without a successor".to_owned(),
    })?;
    Ok(Response {
        identity: authorized.identity,
        roles: authorized.grants,
        issued: successor,
        session_id: authorized.session_id,
    })
}
