//! Which token follows the presented one: the table of the contract, section 7. Pure; `sessions` applies it to the store.

use chrono::{DateTime, Utc};
use token::claims::time_delta;

use super::rules::Rules;
use crate::store::CurrentToken;

/// What a refresh does when the store has a current token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Succession {
    /// Replace the token of this generation by the next one.
    Advance {
        /// The generation that is replaced.
        from: u32,
    },
    /// Return the current token again: its response was lost, or another tab refreshed at the same time.
    Repeat,
    /// Make a new token of the current generation: the response with the current one never arrived.
    Reissue,
    /// The current token expired too long ago.
    Expired,
    /// Revoke the session: the presented token was replaced, and its successor is in use by someone else.
    Reuse,
}

/// Decides what follows a token of the generation `presented`. `key_is_proved`: the session is bound to a DPoP key, and
/// the request has a valid proof by it. Without a key the guest cannot be distinguished from a thief (RFC 9700, section
/// 4.14.2); with one, only a lost response makes the holder present an old token.
pub(super) fn decide(
    presented: u32,
    key_is_proved: bool,
    current: &CurrentToken,
    now: DateTime<Utc>,
    rules: &Rules,
) -> Succession {
    if now.signed_duration_since(current.expires_at) >= time_delta(rules.resume_window) {
        return Succession::Expired;
    }
    if presented >= current.generation {
        return Succession::Advance { from: presented };
    }
    // Negative if the clock of the replica that advanced the session is ahead.
    let within_grace = now.signed_duration_since(current.advanced_at) <= time_delta(rules.grace);
    let is_previous = presented.saturating_add(1) == current.generation;
    match (key_is_proved, is_previous, within_grace) {
        (true, _, true) | (false, true, true) => Succession::Repeat,
        (true, _, false) => Succession::Advance { from: current.generation },
        (false, true, false) if !current.shown => Succession::Reissue,
        (false, _, _) => Succession::Reuse,
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chrono::TimeDelta;

    use super::*;

    const RULES: Rules = Rules {
        session_max: Duration::from_secs(86_400),
        grace: Duration::from_secs(60),
        resume_window: Duration::from_secs(600),
        staleness: Duration::from_secs(30),
        revocation_retention: Duration::from_secs(30 * 86_400),
        store_timeout: Duration::from_secs(10),
    };

    fn after(seconds: i64, presented: u32, key_is_proved: bool, shown: bool) -> Succession {
        let advanced_at = DateTime::from_timestamp(1_800_000_000, 0).unwrap();
        let current = CurrentToken {
            generation: 5,
            advanced_at,
            expires_at: advanced_at + TimeDelta::seconds(300),
            fingerprint: None,
            first_fingerprint: None,
            shown,
        };
        decide(presented, key_is_proved, &current, advanced_at + TimeDelta::seconds(seconds), &RULES)
    }

    #[test]
    fn the_table_of_the_contract() {
        use Succession::{Advance, Expired, Reissue, Repeat, Reuse};
        const KEY: bool = true;
        const NO_KEY: bool = false;
        const SHOWN: bool = true;
        const LOST: bool = false;
        for (seconds, presented, key, shown, expected) in [
            // The current one.
            (0, 5, KEY, SHOWN, Advance { from: 5 }),
            (0, 5, NO_KEY, SHOWN, Advance { from: 5 }),
            (200, 5, NO_KEY, LOST, Advance { from: 5 }),
            // The one before, within the grace; the clock of another replica may be ahead.
            (-5, 4, KEY, LOST, Repeat),
            (-5, 4, NO_KEY, LOST, Repeat),
            (60, 4, KEY, SHOWN, Repeat),
            (60, 4, NO_KEY, SHOWN, Repeat),
            // The one before, later.
            (61, 4, KEY, LOST, Advance { from: 5 }),
            (61, 4, KEY, SHOWN, Advance { from: 5 }),
            (61, 4, NO_KEY, LOST, Reissue),
            (61, 4, NO_KEY, SHOWN, Reuse),
            // Any older one.
            (0, 3, KEY, SHOWN, Repeat),
            (61, 0, KEY, SHOWN, Advance { from: 5 }),
            (0, 3, NO_KEY, LOST, Reuse),
            (61, 3, NO_KEY, LOST, Reuse),
            // A later one: the store was restored.
            (61, 7, KEY, SHOWN, Advance { from: 7 }),
            (61, 7, NO_KEY, LOST, Advance { from: 7 }),
            // 300 s of life and 600 s of the resume window.
            (899, 4, KEY, LOST, Advance { from: 5 }),
            (899, 4, NO_KEY, LOST, Reissue),
            (900, 4, KEY, LOST, Expired),
            (900, 4, NO_KEY, SHOWN, Expired),
            (900, 5, NO_KEY, SHOWN, Expired),
        ] {
            assert_eq!(
                after(seconds, presented, key, shown),
                expected,
                "{seconds} s, {presented}, {key}, {shown}"
            );
        }
    }

    #[test]
    fn the_maximum_generation_advances_too() {
        assert_eq!(after(0, u32::MAX, false, true), Succession::Advance { from: u32::MAX });
    }
}
