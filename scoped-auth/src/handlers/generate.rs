//! `FAS ->> SAS: POST /v1/ScopedAuthTokens/generate/internal` (create diagram): begins a session.

use chrono::{DateTime, SubsecRound as _, Utc};
use service_runtime::{RequestContext, random::Random};
use shared_types::{
    DeploymentKey, Fingerprint, Grant, Identity, SessionId,
    grant::GrantsClaim,
    orchestrator::NoParameters,
    scoped_auth::generate::{Request, Response},
};
use token::{
    claims::{Audience, Claims, Confirmation, Issuer, deployment, jti},
    jose::TokenFormat,
};

use crate::{
    audit::{self, Event},
    error::Error,
    sessions::{IdentityRefusal, token_life},
    state::State,
};

/// Makes the first token of a new session. Nothing is written to the store.
pub async fn generate(
    state: &State,
    call: &mut RequestContext<'_>,
    _path: NoParameters,
    request: Request,
) -> Result<Response, Error> {
    call.account = Some(request.account_sid);
    ensure_distinct(&request.grants)?;
    if request.ttl == 0 {
        return Err(Error::ZeroTtl);
    }
    let deployment = deployment(&request.grants);
    let id = new_session_id(call.now, &state.random);
    let identity = identity(state, call, &request, deployment, id).await?;
    // Claims are in whole seconds, and so is the response.
    let now = call.now.trunc_subsecs(0);
    let session_max = state.sessions.rules().session_max;
    let exp = token_life::expiration(now, request.ttl, now, session_max).ok_or(Error::SessionEnded)?;
    let claims = Claims {
        jti: jti(id, 0, call.now),
        iss: Issuer::default(),
        aud: Audience::default(),
        sub: request.account_sid,
        iat: now,
        nbf: now,
        exp,
        grants: GrantsClaim { identity, grants: request.grants },
        sid: id,
        auth_time: now,
        generation: 0,
        // The request has one fingerprint per fingerprint key; the token gets the active key's.
        fingerprint: request.fingerprint.as_ref().map(Fingerprint::preferred),
        first_fingerprint: None,
        cnf: request.jkt.map(|jkt| Confirmation { jkt }),
    };
    let form = if request.encrypt { TokenFormat::Encrypted } else { TokenFormat::Signed };
    call.step("Makes the token");
    let token = state.seal(&claims, form)?;
    state.counters.minted(false, request.encrypt);
    audit::event(state, call, Event::Created, &claims);
    Ok(Response {
        issued: token_life::answer(token, &claims, call.now),
        identity,
        session_id: id,
        auth_time: now,
    })
}

/// The identity of the session: that of the earlier session if it is granted again, otherwise a new one.
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
    call.step("Looks for revocations of the earlier session");
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

/// An id for a session that begins at `now`. It contains the time in milliseconds, which separates sessions that began
/// before a revocation from those that began after it.
fn new_session_id(now: DateTime<Utc>, random: &Random) -> SessionId {
    SessionId::begun_at(u64::try_from(now.timestamp_millis()).unwrap_or(0), &random.bytes())
}

/// Checks that no two grants have the same product, and that none is called `identity`: in a token, the grants are keyed by
/// product, in one object with `identity`.
fn ensure_distinct(grants: &[Grant]) -> Result<(), Error> {
    let is_repeated = |index: usize, grant: &Grant| {
        grants.iter().take(index).any(|earlier| earlier.product() == grant.product())
    };
    let clash = grants
        .iter()
        .enumerate()
        .any(|(index, grant)| grant.product() == "identity" || is_repeated(index, grant));
    if clash { Err(Error::DuplicateGrant) } else { Ok(()) }
}
