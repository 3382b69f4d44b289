//! `FAS ->> SAS: POST /v1/ScopedAuthTokens/revoke` (revoke diagram): the guest ends their session. A thief with a copied
//! token but another browser cannot end it.

use service_runtime::RequestContext;
use shared_types::{
    orchestrator::NoParameters,
    scoped_auth::{
        revoke::{Request, Response},
        validate::RefusalMessage,
    },
};

use crate::{
    audit::{self, FingerprintEvent},
    error::Error,
    revocations::RevocationTarget,
    sessions::judgement::{Holder, judge_holder, validation_step},
    state::State,
};

/// Ends the session of a token, expired or not. Only the calling service learns whether there was one (RFC 7009, section
/// 2.2).
///
/// # Errors
///
/// `MissingProof` if the session is bound to a DPoP key and the request has no valid proof by it: the holder can add one.
/// `OtherBrowser` if another browser presents it: a success must not be mistaken for the end of the session.
/// `IncomparableFingerprint` as in `validate`: it is not known whether the holder asks.
pub async fn revoke(
    state: &State,
    call: &mut RequestContext<'_>,
    _path: NoParameters,
    Request { account_sid, token, fingerprint, jkt }: Request,
) -> Result<Response, Error> {
    call.account = Some(account_sid);
    let not_revoked = Response { revoked: false, session_id: None };
    let Some(claims) = state.open(&token).ok().filter(|claims| claims.sub == account_sid) else {
        call.step("Finds no session that the caller may end");
        return Ok(not_revoked);
    };
    call.step(validation_step(fingerprint.is_some(), claims.cnf.is_some()));
    match judge_holder(&claims, Holder { fingerprint: fingerprint.as_ref(), jkt }) {
        Ok(_) => {}
        Err(rejection) if rejection.message == RefusalMessage::ProofValidationFailed => {
            return Err(Error::MissingProof);
        }
        Err(rejection) => {
            let Some(verdict) = rejection.incomparable() else { return Err(Error::OtherBrowser) };
            audit::fingerprint(state, call, FingerprintEvent::Incomparable, &claims, verdict);
            return Err(Error::IncomparableFingerprint);
        }
    }
    // Idempotent: an ended session is not revoked again.
    if !state.sessions.is_revoked(&claims) {
        let target = RevocationTarget::Session(claims.sid);
        call.step("Revokes the session");
        state.sessions.revoke(target, call.now).await?;
        audit::revoked(state, call, target, "guest");
    }
    Ok(Response { revoked: true, session_id: Some(claims.sid) })
}
