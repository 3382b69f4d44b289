//! `FAS ->> SAS: POST /v1/ScopedAuthTokens/validate` (refresh and conversation diagrams): `Validates token`, and with a
//! fingerprint `Validates token and fingerprint`. What was found goes to the audit log and the counters by the signals'
//! names; the answer says no more than token, fingerprint or proof.

use service_runtime::Call;
use shared_types::{
    No, Yes,
    orchestrator::NoParameters,
    scoped_auth::{
        generate::Session,
        validate::{Authorized, Reason, Refused, Request, Response},
    },
};

use crate::{
    app::ScopedAuth,
    audit::{self, Event, FingerprintEvent},
    claims::Claims,
    error::Error,
    judgement::{Holder, HolderVerdict, Judgement, Refusal, binding_of_successor, judge_holder, judge_time},
};

/// Judges a token, the browser that presents it, and the key that its holder proved to hold.
pub async fn validate(
    sas: &ScopedAuth,
    call: &mut Call<'_>,
    _path: NoParameters,
    Request { token, fingerprint, jkt, resume }: Request,
) -> Result<Response, Error> {
    // Who does not know what has been revoked vouches for nobody.
    sas.sessions.must_vouch()?;
    let Ok(claims) = sas.open(&token) else {
        return Ok(refuse(sas, call, None, &Refusal::token(Reason::InvalidToken)));
    };
    call.account = Some(claims.sub);
    let holder = Holder { fingerprint: fingerprint.as_ref(), jkt };
    let judgement = match judge(sas, call, &claims, holder, resume) {
        Ok(judgement) => judgement,
        Err(refusal) => return Ok(refuse(sas, call, Some(&claims), &refusal)),
    };
    if judgement.resumed {
        audit::event(sas, call, Event::Resumed, claims.sub, claims.sid, claims.generation);
    }
    sas.counters.judged(if judgement.resumed { "resumed" } else { "authorized" });
    let (successor, first_fingerprint) = binding_of_successor(&claims, holder, &judgement.holder);
    let Claims { sub, exp, grants, sid, auth_time, generation, fingerprint: own, cnf, .. } = claims;
    Ok(Response::Authorized(Authorized {
        authorized: Yes,
        auth_account: sub.into(),
        identity: grants.identity,
        expiration: exp,
        session: Session { id: sid, identity: grants.identity, auth_time, generation, first_fingerprint },
        grants: grants.grants,
        bound: own.is_some(),
        fingerprint: successor,
        jkt: cnf.map(|cnf| cnf.jkt),
    }))
}

fn judge(
    sas: &ScopedAuth,
    call: &Call<'_>,
    claims: &Claims,
    holder: Holder<'_>,
    resume: bool,
) -> Result<Judgement, Refusal> {
    if sas.sessions.are_revoked(claims) {
        return Err(Refusal::token(Reason::RevokedToken));
    }
    let in_time = judge_time(claims, call.now, sas.sessions.rules());
    // An expired token that nobody may resume is just that, whoever presents it.
    if let Err(refusal) = in_time
        && !(resume && refusal.may_resume)
    {
        return Err(refusal.refusal);
    }
    let holder = judge_holder(claims, holder)?;
    told(sas, call, claims, &holder);
    match in_time {
        Ok(()) => Ok(Judgement { resumed: false, holder }),
        // Only who has proved to be the same browser, or to hold the same key, goes on after the end.
        Err(_) if holder.proved => Ok(Judgement { resumed: true, holder }),
        Err(late) => Err(late.refusal),
    }
}

/// Tells operators of a browser that has changed and is served.
fn told(sas: &ScopedAuth, call: &Call<'_>, claims: &Claims, holder: &HolderVerdict) {
    let Some(verdict) = &holder.browser else { return };
    sas.counters.browser(verdict);
    if holder.is_served_in_shadow() {
        audit::fingerprint(sas, call, FingerprintEvent::RefusedInShadow, claims, verdict);
    } else if !verdict.drifted().is_empty() {
        audit::fingerprint(sas, call, FingerprintEvent::Drifted, claims, verdict);
    }
}

fn refuse(sas: &ScopedAuth, call: &Call<'_>, claims: Option<&Claims>, refusal: &Refusal) -> Response {
    let refused = Refused {
        authorized: No,
        message: refusal.message,
        reason: refusal.reason,
        auth_account: claims.map(|claims| claims.sub.into()),
    };
    let reason = refused.code().as_str();
    sas.counters.judged(reason);
    let (account, session) = (claims.map(|claims| claims.sub), claims.map(|claims| claims.sid));
    if let Some(verdict) = &refusal.browser {
        sas.counters.browser(verdict);
    }
    audit::refused(sas, call, audit::Refusal { reason, account, session, browser: refusal.browser });
    Response::Refused(refused)
}
