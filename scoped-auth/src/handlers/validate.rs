//! `FAS ->> SAS: POST /v1/ScopedAuthTokens/validate` (refresh diagram): `Validates token`, and with a fingerprint
//! `Validates token and fingerprint`. What was found goes to the audit log and the counters by the signals' names; the
//! answer says no more than token or fingerprint.

use service_runtime::Call;
use shared_types::{
    AccountSid, No, Yes,
    fingerprint::{Verdict, judge},
    orchestrator::NoParameters,
    scoped_auth::{
        generate::Session,
        validate::{Authorized, Reason, RefusalMessage, Refused, Request, Response},
    },
};

use crate::{app::ScopedAuth, claims::Claims, error::Error};

/// Judges a token, and with a fingerprint the browser that presents it.
pub async fn validate(
    sas: &ScopedAuth,
    call: &mut Call<'_>,
    _path: NoParameters,
    Request { token, fingerprint }: Request,
) -> Result<Response, Error> {
    let Ok(claims) = sas.key_ring.open(&token) else {
        return Ok(refuse(
            sas,
            call,
            None,
            RefusalMessage::TokenValidationFailed,
            Some(Reason::InvalidToken),
        ));
    };
    call.account = Some(claims.sub);
    if let Err(reason) = claims.judge(call.now, sas.session_max) {
        return Ok(refuse(sas, call, Some(claims.sub), RefusalMessage::TokenValidationFailed, Some(reason)));
    }
    if let (Some(sealed), Some(presented)) = (&claims.fingerprint, &fingerprint) {
        let verdict = judge(sealed, presented);
        record(sas, call, &verdict);
        if !verdict.accepted {
            return Ok(refuse(
                sas,
                call,
                Some(claims.sub),
                RefusalMessage::FingerprintValidationFailed,
                None,
            ));
        }
    }
    sas.counters.judged("authorized");
    let Claims { sub, exp, grants, sid, auth_time, fingerprint: own, .. } = claims;
    Ok(Response::Authorized(Authorized {
        authorized: Yes,
        auth_account: sub.into(),
        identity: grants.identity,
        expiration: exp,
        session: Session { id: sid, identity: grants.identity, auth_time },
        grants: grants.grants,
        bound: own.is_some(),
        // The browser as it is now, so that slow drift is followed; without a fingerprint the old binding stays.
        fingerprint: fingerprint.or(own),
    }))
}

fn refuse(
    sas: &ScopedAuth,
    call: &Call<'_>,
    account: Option<AccountSid>,
    message: RefusalMessage,
    reason: Option<Reason>,
) -> Response {
    let refused = Refused { authorized: No, message, reason, auth_account: account.map(Into::into) };
    let code = refused.code().as_str();
    sas.counters.judged(code);
    tracing::info!(
        target: "audit",
        request_id = call.request_id.as_str(),
        trace_id = %call.trace.trace_id(),
        account = account.map(tracing::field::display),
        reason = code,
        "token_refused"
    );
    Response::Refused(refused)
}

fn record(sas: &ScopedAuth, call: &Call<'_>, verdict: &Verdict) {
    if verdict.drifted.is_empty() && verdict.broke.is_empty() && verdict.accepted {
        return;
    }
    for signal in verdict.drifted.iter() {
        sas.counters.signal(signal.name(), "drifted");
    }
    for signal in verdict.broke.iter() {
        sas.counters.signal(signal.name(), "broke");
    }
    tracing::info!(
        target: "audit",
        request_id = call.request_id.as_str(),
        trace_id = %call.trace.trace_id(),
        account = call.account.map(tracing::field::display),
        accepted = verdict.accepted,
        drifted = %verdict.drifted,
        broke = %verdict.broke,
        "fingerprint_differs"
    );
}
