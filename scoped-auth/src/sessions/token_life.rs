//! A token's lifetime: when it expires and when the page should refresh it. Pure.

use std::time::Duration;

use chrono::{DateTime, SubsecRound as _, TimeDelta, Utc};
use shared_types::{SealedToken, SessionId, TokenAnswer};
use token::claims::Claims;

/// The claim `exp` of a token made at `now`: after `ttl` seconds, but not after the end of its session. `None` if the
/// session has ended. In whole seconds, like all claims.
pub(crate) fn expiration(
    now: DateTime<Utc>,
    ttl: u32,
    auth_time: DateTime<Utc>,
    session_max: Duration,
) -> Option<DateTime<Utc>> {
    let now = now.trunc_subsecs(0);
    let session_end =
        auth_time.trunc_subsecs(0).checked_add_signed(TimeDelta::from_std(session_max).ok()?)?;
    let end = now.checked_add_signed(TimeDelta::seconds(ttl.into()))?.min(session_end);
    (end > now).then_some(end)
}

/// `expires_in` and `refresh_after`: in how many seconds a token expires, and in how many the page should refresh it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Remaining {
    /// Until the token expires.
    expires_in: u32,
    /// Until 70 to 90 % of the token's life have passed. The share is fixed per session, so that sessions do not all refresh
    /// at once.
    refresh_after: u32,
}

/// The remaining life at `now` of a token made at `made_at` that expires at `expires_at`.
fn remaining(
    session: SessionId,
    made_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Remaining {
    let seconds = |from: DateTime<Utc>, to: DateTime<Utc>| {
        u32::try_from((to - from.trunc_subsecs(0)).num_seconds().max(0)).unwrap_or(u32::MAX)
    };
    let life = seconds(made_at, expires_at);
    let jitter = u64::from(session.last_byte()) * 20 / 255;
    let refresh_at = u32::try_from(u64::from(life) * (70 + jitter) / 100).unwrap_or(life);
    Remaining {
        expires_in: seconds(now, expires_at),
        refresh_after: refresh_at.saturating_sub(seconds(made_at, now)),
    }
}

/// The answer with the sealed token of these claims.
pub(crate) fn answer(token: SealedToken, claims: &Claims, now: DateTime<Utc>) -> TokenAnswer {
    let Remaining { expires_in, refresh_after } = remaining(claims.sid, claims.iat, claims.exp, now);
    TokenAnswer { token, expiration: claims.exp, expires_in, refresh_after }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).unwrap()
    }

    #[test]
    fn a_session_always_refreshes_at_the_same_share_of_its_tokens_life() {
        for last in 0..=255u8 {
            let mut bytes = [7; 16];
            bytes[15] = last;
            let session = SessionId::from_random(bytes);
            let after = |life: i64| remaining(session, at(0), at(life), at(0)).refresh_after;
            assert!((700..=900).contains(&after(1000)));
            assert_eq!(after(2000) / 2, after(1000));
            assert!(after(1) < 1);
        }
        let spread =
            |last| remaining(SessionId::from_random([last; 16]), at(0), at(1000), at(0)).refresh_after;
        assert!(spread(0) < spread(128) && spread(128) < spread(255));
    }

    #[test]
    fn a_token_that_is_handed_out_again_has_what_is_left() {
        let session = SessionId::from_random([0; 16]);
        assert_eq!(
            remaining(session, at(0), at(1000), at(0)),
            Remaining { expires_in: 1000, refresh_after: 700 }
        );
        assert_eq!(
            remaining(session, at(0), at(1000), at(40)),
            Remaining { expires_in: 960, refresh_after: 660 }
        );
        assert_eq!(
            remaining(session, at(0), at(1000), at(800)),
            Remaining { expires_in: 200, refresh_after: 0 }
        );
        assert_eq!(
            remaining(session, at(0), at(1000), at(1001)),
            Remaining { expires_in: 0, refresh_after: 0 }
        );
        // Made by a replica whose clock is ahead.
        assert_eq!(
            remaining(session, at(5), at(1005), at(0)),
            Remaining { expires_in: 1005, refresh_after: 700 }
        );
    }

    #[test]
    fn no_token_outlives_its_session() {
        let day = Duration::from_secs(86_400);
        let end = |hours: i64, ttl| expiration(at(hours * 3600), ttl, at(0), day);
        assert_eq!(end(0, 21_600), Some(at(6 * 3600)));
        assert_eq!(end(20, 21_600), Some(at(24 * 3600)));
        assert_eq!(end(24, 21_600), None);
        assert_eq!(expiration(at(0), 0, at(0), day), None);
    }
}
