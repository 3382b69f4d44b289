//! `FAS ->> SAS: POST /v1/ScopedAuthTokens/generate/internal` (create and refresh diagrams).

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use service_runtime::Call;
use shared_types::{
    Grant, Identity, SessionId,
    grant::GrantsClaim,
    orchestrator::NoParameters,
    scoped_auth::generate::{Request, Response, Session},
};

use crate::{
    app::ScopedAuth,
    claims::{Audience, Claims, Issuer},
    error::Error,
    jose::Form,
};

/// Makes a token: of a new session with a fresh identity, or of one that has begun.
pub async fn generate(
    sas: &ScopedAuth,
    call: &mut Call<'_>,
    _path: NoParameters,
    request: Request,
) -> Result<Response, Error> {
    call.account = Some(request.account_sid);
    must_differ(&request.grants)?;
    if request.ttl == 0 {
        return Err(Error::NoTimeToLive);
    }
    // Claims count whole seconds, and so does the answer.
    let now = call.now.trunc_subsecs(0);
    let session = request.session.unwrap_or_else(|| Session {
        id: SessionId::from_random(sas.random.bytes()),
        identity: Identity::from_random(sas.random.bytes()),
        auth_time: now,
    });
    let exp = expiration(now, request.ttl, session.auth_time, sas.session_max).ok_or(Error::SessionEnded)?;
    let claims = Claims {
        jti: uuid::Builder::from_random_bytes(sas.random.bytes()).into_uuid(),
        iss: Issuer,
        aud: Audience,
        sub: request.account_sid,
        iat: now,
        nbf: now,
        exp,
        grants: GrantsClaim { identity: session.identity, grants: request.grants },
        sid: session.id,
        auth_time: session.auth_time,
        fingerprint: request.fingerprint,
    };
    let form = if request.encrypt { Form::Encrypted } else { Form::Signed };
    let token = sas.key_ring.seal(&claims, form, sas.random.source())?;
    sas.counters.minted(request.session.is_some(), request.encrypt);
    Ok(Response { token, identity: session.identity, expiration: exp })
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

/// The token's end: after its ttl, and never after its session's. None once the session has ended.
fn expiration(
    now: DateTime<Utc>,
    ttl: u32,
    auth_time: DateTime<Utc>,
    session_max: std::time::Duration,
) -> Option<DateTime<Utc>> {
    let session_end =
        auth_time.trunc_subsecs(0).checked_add_signed(TimeDelta::from_std(session_max).ok()?)?;
    let end = now.checked_add_signed(TimeDelta::seconds(ttl.into()))?.min(session_end);
    (end > now).then_some(end)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn no_token_outlives_its_session() {
        let begin = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let day = Duration::from_secs(86_400);
        let end = |hours: i64, ttl| expiration(begin + TimeDelta::hours(hours), ttl, begin, day);
        assert_eq!(end(0, 21_600), Some(begin + TimeDelta::hours(6)));
        assert_eq!(end(20, 21_600), Some(begin + TimeDelta::hours(24)));
        assert_eq!(end(24, 21_600), None);
    }
}
