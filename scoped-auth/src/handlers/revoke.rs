//! `FAS ->> SAS: POST /v1/ScopedAuthTokens/revoke` (revoke diagram): a guest ends the own session. A thief who copied
//! the token and is not its browser cannot end it either.

use service_runtime::RequestContext;
use shared_types::{
    orchestrator::NoParameters,
    scoped_auth::{
        revoke::{Request, Response},
        validate::RefusalMessage,
    },
};

use crate::{
    audit,
    error::Error,
    judgement::{Holder, judge_holder},
    revocations::RevocationTarget,
    state::State,
};

/// Ends the session of a token, expired or not. Whether there was one stays between the services (RFC 7009, section 2.2).
///
/// # Errors
///
/// `NoProof` where the session is bound to a proof key that the call does not prove: its holder can do something about it.
pub async fn revoke(
    state: &State,
    call: &mut RequestContext<'_>,
    _path: NoParameters,
    Request { account_sid, token, fingerprint, jkt }: Request,
) -> Result<Response, Error> {
    call.account = Some(account_sid);
    let nothing = Response { revoked: false, session_id: None };
    let Some(claims) = state.open(&token).ok().filter(|claims| claims.sub == account_sid) else {
        return Ok(nothing);
    };
    match judge_holder(&claims, Holder { fingerprint: fingerprint.as_ref(), jkt }) {
        Ok(_) => {}
        Err(refusal) if refusal.message == RefusalMessage::ProofValidationFailed => {
            return Err(Error::NoProof);
        }
        Err(_) => return Ok(nothing),
    }
    // Idempotent: an ended session is not revoked again.
    if !state.sessions.are_revoked(&claims) {
        let subject = RevocationTarget::Session(claims.sid);
        state.sessions.revoke(subject, call.now).await?;
        audit::revoked(state, call, subject, "guest");
    }
    Ok(Response { revoked: true, session_id: Some(claims.sid) })
}
