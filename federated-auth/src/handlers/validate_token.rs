//! `FWO ->> FAS: POST /v1/Accounts/AC…/Tokens/validate` (conversation and assertion diagrams).

use service_runtime::RequestContext;
use shared_types::{
    Code, Fingerprint, Yes,
    federated_auth::{
        AccountPath,
        validate_token::{AssertionRequest, Request, Response},
    },
    fingerprint::Mode,
    scoped_auth::validate,
};

use crate::{error::Error, state::State, verdict};

/// Calls ScopedAuthService to validate a token and, if requested, to sign an assertion of its guest. With the feature on, a
/// token without a fingerprint is accepted for a refresh only and rejected here, so that no guest chats with an unbound
/// token. In the mode `shadow` it is accepted.
pub async fn validate_token(
    state: &State,
    call: &mut RequestContext<'_>,
    AccountPath { account_sid }: AccountPath,
    request: Request,
) -> Result<Response, Error> {
    call.account = Some(account_sid);
    let must_be_bound = request.fingerprint.as_ref().map(Fingerprint::mode) == Some(Mode::Enforce);
    let Request { token, fingerprint, jkt, assertion } = request;
    let assertion = assertion.map(|AssertionRequest { audience, conversation_sid }| {
        validate::AssertionRequest { audience, conversation_sid }
    });
    let validate = validate::Request { token, fingerprint, jkt, successor: None, assertion };
    let verdict = state.scoped_auth.validate(call, &validate).await?;
    let authorized = verdict::check(verdict, account_sid)?;
    if must_be_bound && !authorized.bound {
        return Err(Error::TokenRejected(Code::FingerprintInvalid));
    }
    Ok(Response {
        valid: Yes::default(),
        identity: authorized.identity,
        roles: authorized.grants,
        expiration: authorized.expiration,
        session_id: authorized.session_id,
        session_hash: authorized.session_hash,
        auth_time: authorized.auth_time,
        jkt: authorized.jkt,
        assertion: authorized.assertion,
    })
}
