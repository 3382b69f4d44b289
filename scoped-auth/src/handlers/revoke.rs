//! `FAS ->> SAS: POST /v1/ScopedAuthTokens/revoke` (revoke diagram): a guest ends the own session. A thief who copied
//! the token and is not its browser cannot end it either.

use service_runtime::Call;
use shared_types::{
    orchestrator::NoParameters,
    scoped_auth::revoke::{Request, Response},
};

use crate::{
    app::ScopedAuth,
    audit,
    error::Error,
    judgement::{Holder, judge_holder},
    revocations::Subject,
};

/// Ends the session of a token, expired or not. Whether there was one to be ended is told to the caller alone.
pub async fn revoke(
    sas: &ScopedAuth,
    call: &mut Call<'_>,
    _path: NoParameters,
    Request { account_sid, token, fingerprint, jkt }: Request,
) -> Result<Response, Error> {
    call.account = Some(account_sid);
    let claims = sas.open(&token).ok().filter(|claims| claims.sub == account_sid);
    let holder = Holder { fingerprint: fingerprint.as_ref(), jkt };
    let Some(claims) = claims.filter(|claims| judge_holder(claims, holder).is_ok()) else {
        return Ok(Response { revoked: false });
    };
    // Ending it twice is no news.
    if !sas.sessions.are_revoked(&claims) {
        let subject = Subject::Session(claims.sid);
        sas.sessions.revoke(subject, call.now).await?;
        audit::revoked(sas, call, subject, "guest");
    }
    Ok(Response { revoked: true })
}
