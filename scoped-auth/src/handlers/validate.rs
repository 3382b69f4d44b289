//! `FAS ->> SAS: POST /v1/ScopedAuthTokens/validate` (refresh and conversation diagrams): `Validates token`, with a
//! fingerprint `Validates token and fingerprint`, and where a successor is requested `Makes the next token`. The findings
//! go to the audit log and the counters by the names of the signals; the answer names token, fingerprint or proof only.

use service_runtime::RequestContext;
use shared_types::{
    No, TokenAnswer, Yes,
    orchestrator::NoParameters,
    scoped_auth::validate::{Authorized, Reason, Refused, Request, Response, SuccessorRequest},
};

use crate::{
    audit::{self, Event, FingerprintEvent},
    claims::Claims,
    error::Error,
    jose::Form,
    judgement::{
        Holder, HolderVerdict, Judgement, Refusal, Time, binding_of_successor, judge_holder, judge_time,
    },
    revocations::RevocationTarget,
    sessions::RefreshOutcome,
    state::State,
    token_life,
};

/// Judges a token, the browser that presents it and the key that its holder proved to hold; then makes its successor, if
/// one is requested. Nothing is written before all of it is judged.
pub async fn validate(
    state: &State,
    call: &mut RequestContext<'_>,
    _path: NoParameters,
    Request { token, fingerprint, jkt, successor: requested }: Request,
) -> Result<Response, Error> {
    state.sessions.ensure_fresh()?;
    let Ok(claims) = state.open(&token) else {
        return Ok(refuse(state, call, None, &Refusal::token(Reason::InvalidToken)));
    };
    call.account = Some(claims.sub);
    let holder = Holder { fingerprint: fingerprint.as_ref(), jkt };
    let judgement = match judge(state, call, &claims, holder, requested) {
        Ok(judgement) => judgement,
        Err(refusal) => return Ok(refuse(state, call, Some(&claims), &refusal)),
    };
    let successor = match requested {
        None => {
            state.sessions.note_shown(&claims);
            None
        }
        Some(requested) => match make_successor(state, call, &claims, holder, &judgement, requested).await? {
            Ok(successor) => Some(successor),
            Err(refused) => return Ok(refused),
        },
    };
    state.counters.judged(if judgement.resumed { "resumed" } else { "authorized" });
    Ok(Response::Authorized(Authorized {
        authorized: Yes,
        auth_account: claims.sub.into(),
        identity: claims.grants.identity,
        expiration: claims.exp,
        session_id: claims.sid,
        auth_time: claims.auth_time,
        bound: claims.fingerprint.is_some(),
        jkt: claims.cnf.map(|cnf| cnf.jkt),
        grants: claims.grants.grants,
        successor,
    }))
}

/// Account, deployment, revocation, time, proof key, browser and the end of the session, in this order (contract,
/// section 2).
fn judge(
    state: &State,
    call: &RequestContext<'_>,
    claims: &Claims,
    holder: Holder<'_>,
    successor: Option<SuccessorRequest>,
) -> Result<Judgement, Refusal> {
    if let Some(SuccessorRequest { account_sid, deployment_key, .. }) = successor
        && (claims.sub != account_sid || claims.deployment() != Some(deployment_key))
    {
        return Err(Refusal::token(Reason::InvalidToken));
    }
    if state.sessions.are_revoked(claims) {
        return Err(Refusal::token(Reason::RevokedToken));
    }
    let time = judge_time(claims, call.now, state.sessions.rules(), successor.is_some())?;
    let holder = judge_holder(claims, holder)?;
    report_browser(state, call, claims, &holder);
    match time {
        Time::Valid => Ok(Judgement { resumed: false, holder }),
        // Only a holder who has proved to be the same browser, or to hold the same key, goes on after the end.
        Time::Over(Reason::ExpiredToken) if holder.proved => Ok(Judgement { resumed: true, holder }),
        Time::Over(reason) => Err(Refusal::token(reason)),
    }
}

/// Refreshes the session and makes the token that follows. The inner error is a refusal.
async fn make_successor(
    state: &State,
    call: &RequestContext<'_>,
    claims: &Claims,
    holder: Holder<'_>,
    judgement: &Judgement,
    SuccessorRequest { ttl, .. }: SuccessorRequest,
) -> Result<Result<TokenAnswer, Response>, Error> {
    let refusal = |reason| Ok(Err(refuse(state, call, Some(claims), &Refusal::token(reason))));
    if ttl == 0 {
        return Err(Error::NoTimeToLive);
    }
    let session_max = state.sessions.rules().session_max;
    let Some(expires_at) = token_life::expiration(call.now, ttl, claims.auth_time, session_max) else {
        return refusal(Reason::SessionExpired);
    };
    let binding = binding_of_successor(claims, holder, &judgement.holder);
    let outcome = state.sessions.refresh(claims, binding, expires_at, call.now).await?;
    let is_repeat = matches!(outcome, RefreshOutcome::Repeated { .. });
    let (event, token) = match outcome {
        RefreshOutcome::Advanced { token, restored } => {
            if restored {
                audit::event(state, call, Event::StoreRestored, claims);
            }
            (Some(Event::Refreshed), token)
        }
        // As often as it is asked for; in the log once, and once in ten and a hundred times.
        RefreshOutcome::Repeated { token, repeats } => {
            (matches!(repeats, 1 | 10 | 100).then_some(Event::Repeated { repeats }), token)
        }
        RefreshOutcome::Reissued(token) => (Some(Event::Reissued), token),
        RefreshOutcome::Expired => return refusal(Reason::ExpiredToken),
        RefreshOutcome::Reused => {
            state.counters.judged("token_reuse");
            audit::revoked(state, call, RevocationTarget::Session(claims.sid), "token_reuse");
            let refusal = Refusal::token(Reason::RevokedToken);
            return Ok(Err(Response::Refused(answer_refusal(Some(claims), &refusal))));
        }
    };
    // A repeat resumes nothing, and is logged as seldom as any other.
    if judgement.resumed && !is_repeat {
        audit::event(state, call, Event::Resumed, claims);
    }
    let next = claims.with(&token);
    let sealed = state.seal(&next, Form::Encrypted)?;
    state.counters.minted(true, true);
    if let Some(event) = event {
        audit::event(state, call, event, &next);
    }
    let left = token_life::left(next.sid, next.iat, next.exp, call.now);
    Ok(Ok(TokenAnswer {
        token: sealed,
        expiration: next.exp,
        expires_in: left.expires_in,
        refresh_after: left.refresh_after,
    }))
}

/// Reports a browser that has changed and is served.
fn report_browser(state: &State, call: &RequestContext<'_>, claims: &Claims, holder: &HolderVerdict) {
    let Some(verdict) = &holder.browser else { return };
    state.counters.browser(verdict);
    if holder.is_served_in_shadow() {
        audit::fingerprint(state, call, FingerprintEvent::RefusedInShadow, claims, verdict);
    } else if !verdict.drifted().is_empty() {
        audit::fingerprint(state, call, FingerprintEvent::Drifted, claims, verdict);
    }
}

fn answer_refusal(claims: Option<&Claims>, refusal: &Refusal) -> Refused {
    Refused {
        authorized: No,
        message: refusal.message,
        reason: refusal.reason,
        auth_account: claims.map(|claims| claims.sub.into()),
    }
}

fn refuse(state: &State, call: &RequestContext<'_>, claims: Option<&Claims>, refusal: &Refusal) -> Response {
    let refused = answer_refusal(claims, refusal);
    let reason = refused.code().as_str();
    state.counters.judged(reason);
    let (account, session) = (claims.map(|claims| claims.sub), claims.map(|claims| claims.sid));
    if let Some(verdict) = &refusal.browser {
        state.counters.browser(verdict);
    }
    audit::refused(state, call, audit::Refusal { reason, account, session, browser: refusal.browser });
    Response::Refused(refused)
}
