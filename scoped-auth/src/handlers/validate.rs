//! `FAS ->> SAS: POST /v1/ScopedAuthTokens/validate` (refresh and conversation diagrams): `Validates token`, with a
//! fingerprint `Validates token and fingerprint`, if a successor is requested `Makes the next token`, and if an assertion
//! is requested `Signs the assertion` (assertion diagram). The audit log and the counters get the findings by signal; the
//! response says only whether token, fingerprint or proof failed.

use service_runtime::RequestContext;
use shared_types::{
    AssertionAnswer, No, TokenAnswer, Yes,
    orchestrator::NoParameters,
    scoped_auth::validate::{
        AssertionRequest, Authorized, Reason, Refused, Request, Response, SuccessorRequest,
    },
};
use token::{
    assertion::{self, Statement},
    claims::Claims,
    jose::TokenFormat,
};

use crate::{
    audit::{self, Event, FingerprintEvent},
    error::Error,
    revocations::RevocationTarget,
    sessions::{
        RefreshOutcome,
        judgement::{
            Holder, HolderVerdict, Judgement, Rejection, Validity, binding_of_successor, judge_holder,
            judge_time, validation_step,
        },
        token_life,
    },
    state::State,
};

/// Judges a token, the browser that presents it and the DPoP key that its holder proved; then makes the successor or signs
/// the assertion, if one is requested. Nothing is written or signed before everything is judged.
///
/// # Errors
///
/// `IncomparableFingerprint` if the sealed fingerprint has a key or a format that the presented one lacks, and the
/// session's key was not proved. The session stays as it is. `SuccessorAndAssertion` and `AudienceIsIssuer` for a request
/// that the caller must not send.
pub async fn validate(
    state: &State,
    call: &mut RequestContext<'_>,
    _path: NoParameters,
    Request { token, fingerprint, jkt, successor: requested, assertion }: Request,
) -> Result<Response, Error> {
    if requested.is_some() && assertion.is_some() {
        return Err(Error::SuccessorAndAssertion);
    }
    state.sessions.ensure_fresh()?;
    let opened = state.open(&token);
    let is_bound_to_key = opened.as_ref().is_ok_and(|claims| claims.cnf.is_some());
    call.step(validation_step(fingerprint.is_some(), is_bound_to_key));
    let Ok(claims) = opened else {
        return Ok(reject(state, call, None, &Rejection::token(Reason::InvalidToken)));
    };
    call.account = Some(claims.sub);
    let holder = Holder { fingerprint: fingerprint.as_ref(), jkt };
    let judgement = match judge(state, call, &claims, holder, requested) {
        Ok(judgement) => judgement,
        Err(rejection) => {
            let Some(verdict) = rejection.incomparable() else {
                return Ok(reject(state, call, Some(&claims), &rejection));
            };
            state.counters.judged("incomparable");
            audit::fingerprint(state, call, FingerprintEvent::Incomparable, &claims, verdict);
            return Err(Error::IncomparableFingerprint);
        }
    };
    let successor = match requested {
        None => {
            state.sessions.note_shown(&claims);
            None
        }
        Some(requested) => match make_successor(state, call, &claims, holder, &judgement, requested).await? {
            Ok(successor) => Some(successor),
            Err(rejected) => return Ok(rejected),
        },
    };
    let assertion = match &assertion {
        Some(requested) => sign_assertion(state, call, &claims, requested)?,
        None => None,
    };
    state.counters.judged(if judgement.resumed { "resumed" } else { "authorized" });
    Ok(Response::Authorized(Authorized {
        authorized: Yes::default(),
        auth_account: claims.sub.into(),
        identity: claims.grants.identity,
        expiration: claims.exp,
        session_id: claims.sid,
        session_hash: state.key_ring().public_session_hash(claims.sid),
        auth_time: claims.auth_time,
        bound: claims.fingerprint.is_some(),
        jkt: claims.cnf.map(|cnf| cnf.jkt),
        grants: claims.grants.grants,
        successor,
        assertion,
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
) -> Result<Judgement, Rejection> {
    if let Some(SuccessorRequest { account_sid, deployment_key, .. }) = successor
        && (claims.sub != account_sid || claims.deployment() != Some(deployment_key))
    {
        return Err(Rejection::token(Reason::InvalidToken));
    }
    if state.sessions.is_revoked(claims) {
        return Err(Rejection::token(Reason::RevokedToken));
    }
    let time = judge_time(claims, call.now, state.sessions.rules(), successor.is_some())?;
    let holder = judge_holder(claims, holder)?;
    report_browser(state, call, claims, &holder);
    match time {
        Validity::Valid => Ok(Judgement { resumed: false, holder }),
        // Only a holder with the same browser or the same key may resume an expired token's session.
        Validity::Expired(Reason::ExpiredToken) if holder.proved => Ok(Judgement { resumed: true, holder }),
        Validity::Expired(reason) => Err(Rejection::token(reason)),
    }
}

/// Refreshes the session and makes the token that follows. The inner error is a rejection.
async fn make_successor(
    state: &State,
    call: &RequestContext<'_>,
    claims: &Claims,
    holder: Holder<'_>,
    judgement: &Judgement,
    SuccessorRequest { ttl, .. }: SuccessorRequest,
) -> Result<Result<TokenAnswer, Response>, Error> {
    let rejection = |reason| Ok(Err(reject(state, call, Some(claims), &Rejection::token(reason))));
    if ttl == 0 {
        return Err(Error::ZeroTtl);
    }
    let session_max = state.sessions.rules().session_max;
    let Some(expires_at) = token_life::expiration(call.now, ttl, claims.auth_time, session_max) else {
        return rejection(Reason::SessionExpired);
    };
    let binding = binding_of_successor(claims, holder, &judgement.holder);
    let outcome = state.sessions.refresh(claims, binding, expires_at, call.now).await?;
    call.step(match &outcome {
        RefreshOutcome::Advanced { .. } => "Advances the session and makes the next token",
        RefreshOutcome::Repeated { .. } => "Makes the session's current token once more",
        RefreshOutcome::Reissued(_) => "Makes the session's current token anew",
        RefreshOutcome::Expired => "Finds that the session's current token has expired",
        RefreshOutcome::Reused => "Revokes the session",
    });
    let is_repeat = matches!(outcome, RefreshOutcome::Repeated { .. });
    let (event, token) = match outcome {
        RefreshOutcome::Advanced { token, restored } => {
            if restored {
                audit::event(state, call, Event::StoreRestored, claims);
            }
            (Some(Event::Refreshed), token)
        }
        // Returned on every request; logged the 1st, 10th and 100th time.
        RefreshOutcome::Repeated { token, repeats } => {
            (matches!(repeats, 1 | 10 | 100).then_some(Event::Repeated { repeats }), token)
        }
        RefreshOutcome::Reissued(token) => (Some(Event::Reissued), token),
        RefreshOutcome::Expired => return rejection(Reason::ExpiredToken),
        RefreshOutcome::Reused => {
            state.counters.judged("token_reuse");
            audit::revoked(state, call, RevocationTarget::Session(claims.sid), "token_reuse");
            let rejection = Rejection::token(Reason::RevokedToken);
            return Ok(Err(Response::Refused(rejected(Some(claims), &rejection))));
        }
    };
    // A repeat does not resume the session, and is logged as rarely as any other repeat.
    if judgement.resumed && !is_repeat {
        audit::event(state, call, Event::Resumed, claims);
    }
    let next = token.claims(claims);
    let sealed = state.seal(&next, TokenFormat::Encrypted)?;
    state.counters.minted(true, true);
    if let Some(event) = event {
        audit::event(state, call, event, &next);
    }
    Ok(Ok(token_life::answer(sealed, &next, call.now)))
}

/// Signs an assertion of the guest of a valid token. `None` if this installation has no issuer.
fn sign_assertion(
    state: &State,
    call: &RequestContext<'_>,
    claims: &Claims,
    AssertionRequest { audience, conversation_sid }: &AssertionRequest,
) -> Result<Option<AssertionAnswer>, Error> {
    let Some(issuer) = state.issuer.as_deref() else { return Ok(None) };
    // An assertion for its own issuer could pass for a statement of the issuer itself. A slash at the end makes no
    // difference: some verifiers ignore it.
    if audience.as_str().trim_end_matches('/').eq_ignore_ascii_case(issuer.trim_end_matches('/')) {
        return Err(Error::AudienceIsIssuer);
    }
    call.step("Signs the assertion");
    let statement = Statement { issuer, audience, token: claims, conversation_sid: *conversation_sid };
    let assertion = state.key_ring().sign_assertion(statement, call.now, state.random.source())?;
    state.counters.assertion();
    let expires_in = u32::try_from(assertion::LIFETIME.as_secs()).unwrap_or(u32::MAX);
    Ok(Some(AssertionAnswer { assertion, expires_in }))
}

/// Counts a served browser, and logs it if signals drifted or broke.
fn report_browser(state: &State, call: &RequestContext<'_>, claims: &Claims, holder: &HolderVerdict) {
    let Some(verdict) = &holder.browser else { return };
    if !verdict.comparable {
        audit::fingerprint(state, call, FingerprintEvent::Incomparable, claims, verdict);
        return;
    }
    state.counters.browser(verdict);
    if holder.is_served_in_shadow() {
        audit::fingerprint(state, call, FingerprintEvent::RefusedInShadow, claims, verdict);
    } else if !verdict.drifted().is_empty() {
        audit::fingerprint(state, call, FingerprintEvent::Drifted, claims, verdict);
    }
}

fn rejected(claims: Option<&Claims>, rejection: &Rejection) -> Refused {
    Refused {
        authorized: No::default(),
        message: rejection.message,
        reason: rejection.reason,
        auth_account: claims.map(|claims| claims.sub.into()),
    }
}

fn reject(
    state: &State,
    call: &RequestContext<'_>,
    claims: Option<&Claims>,
    rejection: &Rejection,
) -> Response {
    let answer = rejected(claims, rejection);
    let reason = answer.code().as_str();
    state.counters.judged(reason);
    let (account, session) = (claims.map(|claims| claims.sub), claims.map(|claims| claims.sid));
    if let Some(verdict) = &rejection.browser {
        state.counters.browser(verdict);
    }
    audit::refused(
        state,
        call,
        audit::RejectedToken { reason, account, session, browser: rejection.browser },
    );
    Response::Refused(answer)
}
