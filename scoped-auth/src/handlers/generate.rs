//! `FAS ->> SAS: POST /v1/ScopedAuthTokens/generate/internal` (create and refresh diagrams).

use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use service_runtime::{Call, random::Random};
use shared_types::{
    Fingerprint, Grant, Identity, SessionId,
    grant::GrantsClaim,
    orchestrator::NoParameters,
    scoped_auth::generate::{Request, Response, Session},
};

use crate::{
    app::ScopedAuth,
    audit::{self, Event},
    claims::{Audience, Claims, Confirmation, Issuer},
    error::Error,
    jose::Form,
    revocations::Subject,
    sessions::Continued,
};

/// Makes a token: of a new session, or the next one of a session that has begun. The latter moves the session on by one
/// generation, which is the one thing that is written down; creating a token writes nothing.
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
    let continues = request.session.is_some();
    let session = request.session.unwrap_or_else(|| Session {
        id: begun_at(call.now, &sas.random),
        identity: request.identity.unwrap_or_else(|| Identity::from_random(sas.random.bytes())),
        auth_time: now,
        generation: 0,
        first_fingerprint: None,
    });
    let session_max = sas.sessions.rules().session_max;
    let exp = expiration(now, request.ttl, session.auth_time, session_max).ok_or(Error::SessionEnded)?;
    // A session that has ended does not move on.
    let generation = if continues { next_generation(sas, call, &session).await? } else { session.generation };
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
        generation,
        // Of what was made with every key of the ring, the token holds what the active one made.
        fingerprint: request.fingerprint.as_ref().map(Fingerprint::preferred),
        first_fingerprint: session.first_fingerprint,
        cnf: request.jkt.map(|jkt| Confirmation { jkt }),
    };
    let form = if request.encrypt { Form::Encrypted } else { Form::Signed };
    let token = sas.seal(&claims, form)?;
    sas.counters.minted(continues, request.encrypt);
    let event = if continues { Event::Refreshed } else { Event::Created };
    audit::event(sas, call, event, request.account_sid, session.id, generation);
    let expires_in = u32::try_from((exp - now).num_seconds()).unwrap_or(0);
    Ok(Response {
        token,
        identity: session.identity,
        expiration: exp,
        expires_in,
        refresh_after: refresh_after(expires_in, session.id),
        session_id: session.id,
    })
}

/// The generation of a session's next token.
async fn next_generation(sas: &ScopedAuth, call: &Call<'_>, session: &Session) -> Result<u32, Error> {
    match sas.sessions.advance(session.id, session.generation, session.auth_time, call.now).await? {
        Continued::With(generation) => Ok(generation),
        Continued::Reused => {
            sas.counters.judged("token_reuse");
            audit::revoked(sas, call, Subject::Session(session.id), "token_reuse");
            Err(Error::TokenReused)
        }
    }
}

/// The id of a session that begins now: to the millisecond, so that it tells what began before a revocation from what
/// began after it.
fn begun_at(now: DateTime<Utc>, random: &Random) -> SessionId {
    SessionId::begun_at(u64::try_from(now.timestamp_millis()).unwrap_or(0), &random.bytes())
}

/// When to refresh a token that lives for `expires_in` seconds: after 70 to 90 % of that, always the same for one
/// session, so that the sessions of a fleet do not all come at once.
fn refresh_after(expires_in: u32, session: SessionId) -> u32 {
    let jitter = u64::from(session.last_byte()) * 20 / 255;
    u32::try_from(u64::from(expires_in) * (70 + jitter) / 100).unwrap_or(expires_in)
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
    fn a_session_always_refreshes_at_the_same_share_of_its_tokens_life() {
        for last in 0..=255u8 {
            let mut bytes = [7; 16];
            bytes[15] = last;
            let session = SessionId::from_random(bytes);
            let after = refresh_after(1000, session);
            assert!((700..=900).contains(&after));
            assert_eq!(refresh_after(2000, session) / 2, after);
            assert!(refresh_after(1, session) < 1 && refresh_after(u32::MAX, session) < u32::MAX);
        }
        let spread = |last| refresh_after(1000, SessionId::from_random([last; 16]));
        assert!(spread(0) < spread(128) && spread(128) < spread(255));
    }

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
