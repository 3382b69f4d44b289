//! The claims of a token, and whether they are valid at a time (contract, section 7). Parsed claims come only from an
//! opened token, so they are authentic; `judge` checks whether they are still valid.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc, serde::ts_seconds};
use monostate::MustBe;
use serde::{Deserialize, Serialize};
use shared_types::{
    AccountSid, DeploymentKey, Fingerprint, Grant, SessionId, Thumbprint, grant::GrantsClaim, json,
    scoped_auth::validate::Reason,
};
use uuid::Uuid;

use crate::crypto;

/// The claim `iss` of every token: [`SESSION_ISSUER`](shared_types::assertion::SESSION_ISSUER).
pub type Issuer = MustBe!("ScopedAuthService");

/// The claim `aud` of every token: [`SESSION_AUDIENCE`](shared_types::assertion::SESSION_AUDIENCE).
pub type Audience = MustBe!("webchat");

/// The maximum difference of two replicas' clocks: a token that one has just made must be valid for another whose clock is
/// behind. Expiry has no such tolerance, so that no token outlives its `expiration`.
pub const CLOCK_SKEW: Duration = Duration::from_secs(5);

/// `{jti, iss, aud, sub, iat, nbf, exp, grants, sid, auth_time, fingerprint?, first_fingerprint?}`: the claims set (RFC 7519, section 4).
///
/// Times are whole seconds since 1970 (`NumericDate`, RFC 7519, section 2); fractions are truncated.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claims {
    /// The id of the token.
    pub jti: Uuid,
    /// `ScopedAuthService`
    pub iss: Issuer,
    /// `webchat`
    pub aud: Audience,
    /// The account.
    pub sub: AccountSid,
    /// When the token was made.
    #[serde(with = "ts_seconds")]
    pub iat: DateTime<Utc>,
    /// The start of its validity.
    #[serde(with = "ts_seconds")]
    pub nbf: DateTime<Utc>,
    /// The end of its validity, exclusive.
    #[serde(with = "ts_seconds")]
    pub exp: DateTime<Utc>,
    /// The identity, and the grants by product.
    pub grants: GrantsClaim,
    /// The session, unchanged by refresh.
    pub sid: SessionId,
    /// When the session began.
    #[serde(with = "ts_seconds")]
    pub auth_time: DateTime<Utc>,
    /// The generation: 0 for the session's first token, one more for each successor.
    #[serde(rename = "gen", default, skip_serializing_if = "is_first")]
    pub generation: u32,
    /// The browser that the token is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<Fingerprint>,
    /// The browser that the session began with, if it has changed since.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_fingerprint: Option<Fingerprint>,
    /// The DPoP key that the token is bound to (RFC 9449, section 6.1).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cnf: Option<Confirmation>,
}

/// `{jkt}`: the confirmation key of the token's holder (RFC 7800, section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// The thumbprint of the key that signs DPoP proofs.
    pub jkt: Thumbprint,
}

impl Claims {
    /// Whether the token is valid at `now`, in a service whose sessions last `session_max` from their `auth_time`.
    ///
    /// # Errors
    ///
    /// `InvalidToken` if `nbf` is more than [`CLOCK_SKEW`] ahead; then `SessionExpired`, since a new token would not help;
    /// then `ExpiredToken` from `exp` on. Never `RevokedToken`: claims do not contain it.
    pub fn judge(&self, now: DateTime<Utc>, session_max: Duration) -> Result<(), Reason> {
        // Differences of times, unlike sums, cannot overflow for any claims.
        if self.nbf.signed_duration_since(now) > time_delta(CLOCK_SKEW) {
            return Err(Reason::InvalidToken);
        }
        if self.session_is_over(now, session_max) {
            return Err(Reason::SessionExpired);
        }
        if now >= self.exp {
            return Err(Reason::ExpiredToken);
        }
        Ok(())
    }

    /// Whether the token's session has ended at `now`.
    pub fn session_is_over(&self, now: DateTime<Utc>, session_max: Duration) -> bool {
        now.signed_duration_since(self.auth_time) >= time_delta(session_max)
    }

    /// When the token's session began.
    pub fn began_at(&self) -> DateTime<Utc> {
        began_at(self.sid, self.auth_time)
    }

    /// The deployment that the token was made for: that of its webchat grant.
    pub fn deployment(&self) -> Option<DeploymentKey> {
        deployment(&self.grants.grants)
    }

    /// Parses the payload of an authentic token. `None` if the claims are not ours or one is duplicate (RFC 7519,
    /// section 4). Unknown claims are ignored: a newer replica may add some.
    pub(crate) fn parse(payload: &[u8]) -> Option<Self> {
        json::from_service(payload).ok()
    }
}

/// The deployment of the grants: that of the webchat grant.
pub fn deployment(grants: &[Grant]) -> Option<DeploymentKey> {
    grants.iter().find_map(|grant| match grant {
        Grant::Webchat(webchat) => webchat.deployment_key,
        Grant::Chat(_) | Grant::Other(..) => None,
    })
}

/// When a session began: to the millisecond if its id contains the time, otherwise its `auth_time`.
pub fn began_at(session: SessionId, auth_time: DateTime<Utc>) -> DateTime<Utc> {
    let millis = session.began_at().and_then(|millis| i64::try_from(millis).ok());
    millis.and_then(DateTime::from_timestamp_millis).unwrap_or(auth_time)
}

/// `duration` as a [`TimeDelta`], saturating.
pub fn time_delta(duration: Duration) -> TimeDelta {
    TimeDelta::from_std(duration).unwrap_or(TimeDelta::MAX)
}

/// Domain separation: the prefix of the digest that makes a `jti`. No other digest of this project has it.
const JTI_CONTEXT: &[u8] = b"webchat-jti-v1";

/// The claim `jti`: a UUID v8 of SHA-256(`webchat-jti-v1` ‖ `sid` ‖ generation ‖ `advanced_at`), 16, 4 and 8 bytes, big
/// endian, the time in milliseconds since 1970. A token that is made again gets the same.
pub fn jti(session: SessionId, generation: u32, advanced_at: DateTime<Utc>) -> Uuid {
    let digest = crypto::sha256_of([
        JTI_CONTEXT,
        session.as_bytes(),
        &generation.to_be_bytes(),
        &advanced_at.timestamp_millis().to_be_bytes(),
    ]);
    let mut bytes = [0; 16];
    bytes.iter_mut().zip(digest).for_each(|(byte, digest)| *byte = digest);
    uuid::Builder::from_custom_bytes(bytes).into_uuid()
}

fn is_first(generation: &u32) -> bool {
    *generation == 0
}

#[cfg(test)]
mod tests {
    use serde_json::json;
    use shared_types::assertion::{SESSION_AUDIENCE, SESSION_ISSUER};

    use super::*;

    const HOUR: i64 = 3600;
    const DAY: Duration = Duration::from_secs(24 * 3600);

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(seconds, 0).unwrap()
    }

    fn text() -> String {
        json!({
            "jti": "6f4c8a52-0d4e-4c8a-9f0e-0c3a1f6b2d10", "iss": SESSION_ISSUER, "aud": SESSION_AUDIENCE,
            "sub": "AC00000000000000000000000000000001", "iat": 0, "nbf": 0, "exp": 6 * HOUR,
            "grants": {"identity": "0b0e7a3c-52a1-4b57-8f1e-5d2f4f1c9a77"},
            "sid": "c1a3d1a0-7f0f-4b0e-9b9a-3f5f1f6f7a01", "auth_time": 0,
        })
        .to_string()
    }

    fn claims() -> Claims {
        Claims::parse(text().as_bytes()).unwrap()
    }

    #[test]
    fn a_token_is_valid_from_its_start_to_its_end() {
        let claims = claims();
        assert_eq!(claims.judge(at(-6), DAY), Err(Reason::InvalidToken));
        assert_eq!(claims.judge(at(-5), DAY), Ok(()));
        assert_eq!(claims.judge(at(6 * HOUR - 1), DAY), Ok(()));
        assert_eq!(claims.judge(at(6 * HOUR), DAY), Err(Reason::ExpiredToken));
    }

    #[test]
    fn session_expired_takes_precedence_over_expired_token() {
        let claims = claims();
        assert_eq!(claims.judge(at(24 * HOUR - 1), DAY), Err(Reason::ExpiredToken));
        assert_eq!(claims.judge(at(24 * HOUR), DAY), Err(Reason::SessionExpired));
        let refreshed = Claims { exp: at(25 * HOUR), ..claims };
        assert_eq!(refreshed.judge(at(24 * HOUR - 1), DAY), Ok(()));
        assert_eq!(refreshed.judge(at(24 * HOUR), DAY), Err(Reason::SessionExpired));
    }

    #[test]
    fn extreme_times_do_not_overflow() {
        let claims =
            Claims { auth_time: DateTime::<Utc>::MIN_UTC, exp: DateTime::<Utc>::MAX_UTC, ..claims() };
        assert_eq!(claims.judge(at(0), Duration::MAX), Ok(()));
        assert_eq!(claims.judge(DateTime::<Utc>::MAX_UTC, DAY), Err(Reason::SessionExpired));
        let claims = Claims { nbf: DateTime::<Utc>::MAX_UTC, ..claims };
        assert_eq!(claims.judge(DateTime::<Utc>::MIN_UTC, DAY), Err(Reason::InvalidToken));
    }

    #[test]
    fn claims_round_trip() {
        assert_eq!(serde_json::to_string(&claims()).unwrap(), text());
    }

    #[test]
    fn foreign_claims_sets_are_rejected() {
        for (good, bad) in [
            (r#""iss":"ScopedAuthService""#, r#""iss":"FederatedAuthService""#),
            (r#""aud":"webchat""#, r#""aud":"voice""#),
            (r#""aud":"webchat""#, r#""aud":["webchat"]"#),
            (r#""exp":21600"#, r#""exp":21600.5"#),
            (r#""exp":21600"#, r#""exp":"21600""#),
            (r#""exp":21600"#, r#""exp":99999999999999"#),
            (r#""exp":21600,"#, ""),
            (r#""exp":21600"#, r#""exp":21600,"exp":21600"#),
        ] {
            let text = text().replace(good, bad);
            assert!(text.contains(bad) && !text.contains(&format!("{good}{good}")));
            assert_eq!(Claims::parse(text.as_bytes()), None, "{bad}");
        }
        assert_eq!(Claims::parse(b"[]"), None);
        assert_eq!(Claims::parse(format!("{} {{}}", text()).as_bytes()), None);
        let newer = text().replace(r#""exp""#, r#""new":1,"exp""#);
        assert_eq!(Claims::parse(newer.as_bytes()), Some(claims()));
    }

    /// Of an independent implementation (Python's hashlib and uuid).
    #[test]
    fn a_jti_is_a_digest_of_session_generation_and_time() {
        let session = SessionId::from_random([7; 16]);
        let name = jti(session, 1, at(1_800_000_000));
        assert_eq!(name.get_version_num(), 8);
        assert_eq!(name, jti(session, 1, at(1_800_000_000)));
        for other in [
            jti(SessionId::from_random([8; 16]), 1, at(1_800_000_000)),
            jti(session, 2, at(1_800_000_000)),
            jti(session, 1, at(1_800_000_000) + TimeDelta::milliseconds(1)),
        ] {
            assert_ne!(name, other);
        }
        assert_eq!(name.to_string(), "9dd21b68-b384-823c-9797-2695ee6045cf");
    }
}
