//! `FAS ->> SAS: POST /v1/ScopedAuthTokens/generate/internal` (create diagram): begins a session.

use chrono::{DateTime, SubsecRound as _, Utc};
use service_runtime::{RequestContext, random::Random};
use shared_types::{
    DeploymentKey, Fingerprint, Grant, Identity, SessionId, TokenAnswer,
    grant::GrantsClaim,
    orchestrator::NoParameters,
    scoped_auth::generate::{Request, Response},
};

use crate::{
    audit::{self, Event},
    claims::{Audience, Claims, Confirmation, Issuer, deployment},
    error::Error,
    jose::Form,
    sessions::IdentityRefusal,
    state::State,
    token_life,
};

/// Makes the first token of a new session. Writes nothing.
pub async fn generate(
    state: &State,
    call: &mut RequestContext<'_>,
    _path: NoParameters,
    request: Request,
) -> Result<Response, Error> {
    call.account = Some(request.account_sid);
    must_differ(&request.grants)?;
    if request.ttl == 0 {
        return Err(Error::NoTimeToLive);
    }
    let deployment = deployment(&request.grants);
    let id = begun_at(call.now, &state.random);
    let identity = identity(state, call, &request, deployment, id).await?;
    // Claims count whole seconds, and so does the answer.
    let now = call.now.trunc_subsecs(0);
    let session_max = state.sessions.rules().session_max;
    let exp = token_life::expiration(now, request.ttl, now, session_max).ok_or(Error::SessionEnded)?;
    let claims = Claims {
        jti: token_life::jti(id, 0, call.now),
        iss: Issuer,
        aud: Audience,
        sub: request.account_sid,
        iat: now,
        nbf: now,
        exp,
        grants: GrantsClaim { identity, grants: request.grants },
        sid: id,
        auth_time: now,
        generation: 0,
        // Of what was made with every key of the ring, the token holds what the active one made.
        fingerprint: request.fingerprint.as_ref().map(Fingerprint::preferred),
        first_fingerprint: None,
        cnf: request.jkt.map(|jkt| Confirmation { jkt }),
    };
    let form = if request.encrypt { Form::Encrypted } else { Form::Signed };
    let token = state.seal(&claims, form)?;
    state.counters.minted(false, request.encrypt);
    audit::event(state, call, Event::Created, &claims);
    let left = token_life::left(id, now, exp, call.now);
    Ok(Response {
        issued: TokenAnswer {
            token,
            expiration: exp,
            expires_in: left.expires_in,
            refresh_after: left.refresh_after,
        },
        identity,
        session_id: id,
        auth_time: now,
    })
}

/// The identity of the session: that of the earlier session where it may be had again, otherwise a new one.
async fn identity(
    state: &State,
    call: &RequestContext<'_>,
    request: &Request,
    deployment: Option<DeploymentKey>,
    session: SessionId,
) -> Result<Identity, Error> {
    let new = || Identity::from_random(state.random.bytes());
    let (identity, earlier) = match (request.identity, request.earlier_session) {
        (None, None) => return Ok(new()),
        (Some(identity), Some(earlier)) => (identity, earlier),
        (Some(_), None) | (None, Some(_)) => return Err(Error::IncompleteIdentity),
    };
    let checked =
        state.sessions.check_identity(request.account_sid, deployment, identity, earlier, call.now).await?;
    let reason = match checked {
        Ok(()) => None,
        Err(IdentityRefusal::Revoked) => Some("revoked"),
        Err(IdentityRefusal::TooOld) => Some("too_old"),
    };
    audit::identity(state, call, request.account_sid, identity, session, reason);
    Ok(if reason.is_none() { identity } else { new() })
}

/// The id of a session that begins now. It tells the time to the millisecond, which separates sessions that began before
/// a revocation from those that began after it.
fn begun_at(now: DateTime<Utc>, random: &Random) -> SessionId {
    SessionId::begun_at(u64::try_from(now.timestamp_millis()).unwrap_or(0), &random.bytes())
}

/// A token's grants are keyed by product, beside the identity.
fn must_differ(grants: &[Grant]) -> Result<(), Error> {
    let stands_before = |index: usize, grant: &Grant| {
        grants.iter().take(index).any(|earlier| earlier.product() == grant.product())
    };
    let clash = grants
        .iter()
        .enumerate()
        .any(|(index, grant)| grant.product() == "identity" || stands_before(index, grant));
    if clash { Err(Error::GrantStandsTwice) } else { Ok(()) }
}
