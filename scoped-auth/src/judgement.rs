//! `SAS ->> SAS: Validates token and fingerprint`: the judgement of opened claims at a time and of who presents them.
//! Pure; what was revoked is asked elsewhere.

use chrono::{DateTime, Utc};
use shared_types::{
    Fingerprint, Thumbprint,
    fingerprint::{SignalSet, judge},
    scoped_auth::validate::{Reason, RefusalMessage},
};

use crate::{
    claims::{Claims, delta},
    sessions::Rules,
};

/// Who presents a token.
#[derive(Clone, Copy, Debug, Default)]
pub struct Holder<'a> {
    /// The browser, where the account's feature is on.
    pub fingerprint: Option<&'a Fingerprint>,
    /// The key that it proved to hold.
    pub jkt: Option<Thumbprint>,
}

/// A token that is good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Judgement {
    /// Whether it is so after its `exp`.
    pub resumed: bool,
}

/// Why a token is not good, for this holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Token, fingerprint or proof.
    pub message: RefusalMessage,
    /// What is wrong with the token.
    pub reason: Option<Reason>,
    /// The signals that moved.
    pub drifted: SignalSet,
    /// The signals that are another browser's.
    pub broke: SignalSet,
}

impl Refusal {
    /// The token itself is not good.
    pub const fn token(reason: Reason) -> Self {
        Self {
            message: RefusalMessage::TokenValidationFailed,
            reason: Some(reason),
            drifted: SignalSet::EMPTY,
            broke: SignalSet::EMPTY,
        }
    }
}

/// A token outside its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfTime {
    /// As it is refused.
    pub refusal: Refusal,
    /// Whether its own browser may still have it refreshed.
    pub may_resume: bool,
}

/// Judges the claims at a time. A token past its `exp` may be resumed for a while, but never past its session's end.
pub fn judge_time(claims: &Claims, now: DateTime<Utc>, rules: &Rules) -> Result<(), OutOfTime> {
    claims.judge(now, rules.session_max).map_err(|reason| OutOfTime {
        refusal: Refusal::token(reason),
        may_resume: reason == Reason::ExpiredToken
            && now.signed_duration_since(claims.exp) < delta(rules.resume_window),
    })
}

/// What was found of a holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HolderVerdict {
    /// The signals that moved, within what is allowed.
    pub drifted: SignalSet,
    /// Whether the holder has proved, by the fingerprint or the key that the token is bound to, to be the same, with
    /// the account's feature on.
    pub proved: bool,
}

/// Judges who presents the token: the browser against the fingerprint that it is bound to, the key against its
/// confirmation. A session that is bound to a key needs a proof by it each time (RFC 9449, section 7.1).
pub fn judge_holder(claims: &Claims, holder: Holder<'_>) -> Result<HolderVerdict, Refusal> {
    let key_is_proved = match (claims.cnf, holder.jkt) {
        (None, _) => false,
        (Some(bound), Some(proved)) if bound.jkt == proved => true,
        (Some(_), _) => {
            return Err(Refusal {
                message: RefusalMessage::ProofValidationFailed,
                reason: None,
                drifted: SignalSet::EMPTY,
                broke: SignalSet::EMPTY,
            });
        }
    };
    let (Some(sealed), Some(presented)) = (&claims.fingerprint, holder.fingerprint) else {
        return Ok(HolderVerdict {
            drifted: SignalSet::EMPTY,
            proved: key_is_proved && holder.fingerprint.is_some(),
        });
    };
    let verdict = judge(sealed, presented);
    if verdict.accepted {
        return Ok(HolderVerdict { drifted: verdict.drifted, proved: true });
    }
    Err(Refusal {
        message: RefusalMessage::FingerprintValidationFailed,
        reason: None,
        drifted: verdict.drifted,
        broke: verdict.broke,
    })
}
